#include "core/feed.h"

#include <stdlib.h>

#include "core/roster_entries.h"
#include "core/roster_queue.h"

#define LOOKS 256 /* at users of the crowd, in one take() */

/* The roster's own queue once more, over those users that changed since the feed began. */
struct cp_feed {
    const cp_entries *crowd;    /* lent; for the snapshot alone */
    uint32_t walked, crowd_end; /* the walk's next, and whoever came after the feed began */
    cp_entries entries; /* `announced` is what the reader has taken */
    cp_roster_queue queue;
    cp_overflow overflow;
    bool has_overflowed;
    uint64_t told, dropped;
    cp_feed *next;
};

cp_feed *cp_feed_new(uint32_t size, cp_overflow overflow, uint64_t seed, const cp_entries *crowd)
{
    cp_feed *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->overflow = overflow;
    self->crowd = crowd;
    self->crowd_end = crowd ? crowd->count : 0;
    cp_entries_init(&self->entries, seed);
    cp_roster_queue_init(&self->queue, &self->entries, size);
    return self;
}

void cp_feed_free(cp_feed *self)
{
    if (self == NULL)
        return;
    cp_roster_queue_destroy(&self->queue);
    cp_entries_destroy(&self->entries);
    free(self);
}

cp_feed **cp_feed_next_attached(cp_feed *self)
{
    return &self->next;
}

/* ---- in */

static uint32_t find(const cp_feed *self, const cp_user *user)
{
    return cp_entries_find(&self->entries, cp_user_text_of(user, CP_USER_UID));
}

/* What the reader believes about a user whose first change this is. */
static cp_presence_status belief(const cp_feed *self, uint32_t in_crowd, const cp_change *change)
{
    bool is_ahead = in_crowd >= self->walked && in_crowd < self->crowd_end;

    return is_ahead && change->previous == CP_ONLINE ? CP_UNKNOWN : change->previous;
}

static uint32_t find_or_add(cp_feed *self, uint32_t in_crowd, const cp_change *change)
{
    uint32_t number = find(self, change->user);

    if (number != CP_NO_ENTRY)
        return number;
    number = cp_entries_add(&self->entries, change->user);
    if (number != CP_NO_ENTRY) {
        cp_entry *entry = cp_entries_at(&self->entries, number);
        entry->told = entry->announced = belief(self, in_crowd, change);
    }
    return number;
}

static void update(cp_entry *entry, const cp_change *change)
{
    cp_user *old = entry->user;

    entry->user = cp_user_hold(change->user);
    cp_user_release(old);
    entry->last_active_at = change->last_active_at;
    entry->at = change->at;
    entry->received_at = change->received_at;
    entry->generation = change->generation;
    entry->status = change->status;
    entry->origin = change->origin;
}

/* False: there is no room for the change. */
static bool make_room(cp_feed *self)
{
    if (self->overflow == CP_OVERFLOW_COALESCE || !cp_roster_queue_is_full(&self->queue))
        return true;
    if (self->overflow == CP_OVERFLOW_ERROR)
        return false;
    cp_roster_queue_drop_oldest(&self->queue);
    self->dropped += 1;
    return true;
}

void cp_feed_put(cp_feed *self, uint32_t in_crowd, const cp_change *change)
{
    uint32_t number = CP_NO_ENTRY;

    if (self->has_overflowed || !make_room(self))
        self->has_overflowed = true;
    else
        number = find_or_add(self, in_crowd, change);
    if (number == CP_NO_ENTRY) {
        self->dropped += 1;
        return;
    }
    update(cp_entries_at(&self->entries, number), change);
    cp_roster_queue_changed(&self->queue, number);
}

/* ---- out: the snapshot */

static bool is_walking(const cp_feed *self)
{
    return self->walked < self->crowd_end && !self->has_overflowed;
}

/* Online as far as was announced: what a reader who was there from the start was told. */
static bool is_for_snapshot(const cp_feed *self, const cp_entry *entry)
{
    return entry->announced == CP_ONLINE && find(self, entry->user) == CP_NO_ENTRY;
}

static size_t walk(cp_feed *self, cp_change *out, size_t max)
{
    size_t found = 0;

    for (int looks = 0; looks < LOOKS && found < max && is_walking(self); looks++) {
        const cp_entry *entry = cp_entries_at(self->crowd, self->walked++);

        if (!is_for_snapshot(self, entry))
            continue;
        out[found] = cp_entry_snapshot(entry);
        out[found++].seq = ++self->told;
    }
    return found;
}

/* ---- out: changes */

/* Changes alternate as they come in; after some were dropped, no longer by themselves. */
static bool is_news(cp_feed *self, cp_change *change)
{
    cp_entry *entry = cp_entries_at(&self->entries, find(self, change->user));
    bool is_news = entry->announced != change->status;

    change->previous = entry->announced;
    entry->announced = change->status;
    return is_news;
}

static bool next_change(cp_feed *self, cp_change *out)
{
    while (cp_roster_queue_next(&self->queue, out)) {
        if (self->overflow != CP_OVERFLOW_DROP_OLDEST || is_news(self, out)) {
            out->seq = ++self->told;
            return true;
        }
        self->dropped += 1;
        cp_user_release(out->user);
    }
    return false;
}

size_t cp_feed_take(cp_feed *self, cp_change *out, size_t max)
{
    size_t taken = walk(self, out, max);

    while (!is_walking(self) && taken < max && next_change(self, &out[taken]))
        taken += 1;
    return taken;
}

bool cp_feed_has_changes(const cp_feed *self)
{
    return is_walking(self) || !cp_roster_queue_is_empty(&self->queue);
}

bool cp_feed_has_overflowed(const cp_feed *self)
{
    return self->has_overflowed;
}

cp_feed_counts cp_feed_counts_of(const cp_feed *self)
{
    return (cp_feed_counts){
        .events = self->told,
        .coalesced = self->queue.coalesced,
        .dropped = self->dropped,
    };
}
