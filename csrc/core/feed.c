#include "core/feed.h"

#include <stdlib.h>

#include "core/roster_entries.h"
#include "core/roster_queue.h"

/* The roster's own queue once more, over those users that changed since the feed began. */
struct cp_feed {
    cp_entries entries; /* `announced` is what the reader has taken */
    cp_roster_queue queue;
    cp_overflow overflow;
    bool has_overflowed;
    uint64_t told, dropped;
    cp_feed *next;
};

cp_feed *cp_feed_new(uint32_t size, cp_overflow overflow, uint64_t seed)
{
    cp_feed *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->overflow = overflow;
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

static uint32_t find_or_add(cp_feed *self, const cp_change *change)
{
    uint32_t number = cp_entries_find(&self->entries, cp_user_text_of(change->user, CP_USER_UID));

    if (number != CP_NO_ENTRY)
        return number;
    number = cp_entries_add(&self->entries, change->user);
    if (number != CP_NO_ENTRY) {
        cp_entry *entry = cp_entries_at(&self->entries, number);
        entry->told = entry->announced = change->previous;
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

void cp_feed_put(cp_feed *self, const cp_change *change)
{
    uint32_t number = CP_NO_ENTRY;

    if (self->has_overflowed || !make_room(self))
        self->has_overflowed = true;
    else
        number = find_or_add(self, change);
    if (number == CP_NO_ENTRY) {
        self->dropped += 1;
        return;
    }
    update(cp_entries_at(&self->entries, number), change);
    cp_roster_queue_changed(&self->queue, number);
}

/* ---- out */

/* Changes alternate as they come in; after some were dropped, no longer by themselves. */
static bool is_news(cp_feed *self, cp_change *change)
{
    uint32_t number = cp_entries_find(&self->entries, cp_user_text_of(change->user, CP_USER_UID));
    cp_entry *entry = cp_entries_at(&self->entries, number);
    bool is_news = entry->announced != change->status;

    change->previous = entry->announced;
    entry->announced = change->status;
    return is_news;
}

bool cp_feed_next(cp_feed *self, cp_change *out)
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

bool cp_feed_has_changes(const cp_feed *self)
{
    return !cp_roster_queue_is_empty(&self->queue);
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
