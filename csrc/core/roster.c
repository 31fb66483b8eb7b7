#include "core/roster.h"

#include <stdlib.h>

#include "core/feed.h"
#include "core/roster_entries.h"
#include "core/roster_queue.h"
#include "core/watchers.h"

struct cp_roster {
    cp_entries entries;
    cp_roster_queue queue;
    uint32_t max_users;
    uint32_t online;

    uint32_t generation;
    cp_sync_state state;
    bool is_complete;

    uint32_t comparison; /* the one under way, or the last; from 1 on */
    cp_origin origin;    /* of what it finds */

    uint32_t looked_up; /* the entry whose profile was lent last */

    uint64_t duplicates, untracked, trimmed;

    cp_watchers *watchers; /* lent; NULL: none */
    cp_feed *feeds;        /* attached; their readers' */
    uint64_t seed;
};

cp_roster *cp_roster_new(uint32_t queue_size, uint32_t max_users, uint64_t seed)
{
    cp_roster *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->max_users = max_users;
    self->seed = seed;
    cp_entries_init(&self->entries, seed);
    cp_roster_queue_init(&self->queue, &self->entries, queue_size);
    return self;
}

void cp_roster_free(cp_roster *self)
{
    if (!self)
        return;
    cp_roster_queue_destroy(&self->queue);
    cp_entries_destroy(&self->entries);
    free(self);
}

/* ---- generations and states */

uint32_t cp_roster_generation(const cp_roster *self)
{
    return self->generation;
}

void cp_roster_begin_generation(cp_roster *self)
{
    self->generation++;
    self->state = CP_SYNC_STALE;
}

void cp_roster_set_state(cp_roster *self, cp_sync_state state)
{
    self->state = state;
}

cp_sync_state cp_roster_state(const cp_roster *self)
{
    return self->state;
}

bool cp_roster_is_in_step(const cp_roster *self)
{
    return self->state == CP_SYNC_SYNCED || self->state == CP_SYNC_DEGRADED;
}

void cp_roster_set_complete(cp_roster *self, bool complete)
{
    self->is_complete = complete;
}

/* ---- what is learned */

static cp_status find_or_add(cp_roster *self, cp_user *user, uint32_t *number)
{
    *number = self->looked_up;
    if (*number < self->entries.count && cp_entries_at(&self->entries, *number)->user == user)
        return CP_OK; /* his own profile, as lent */
    *number = cp_entries_find(&self->entries, cp_user_text_of(user, CP_USER_UID));
    if (*number != CP_NO_ENTRY)
        return CP_OK;
    if (self->entries.count >= self->max_users) {
        self->untracked++;
        return CP_ERR_TOO_LARGE;
    }
    *number = cp_entries_add(&self->entries, user);
    return *number != CP_NO_ENTRY ? CP_OK : CP_ERR_NOMEM;
}

/* Nothing but a uid, as frames may name a user. */
static bool is_bare(const cp_user *user)
{
    for (int i = CP_USER_UID + 1; i < CP_USER_TEXTS; i++)
        if (cp_user_text_of(user, i).length > 0)
            return false;
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        if (cp_user_number_of(user, i) != CP_ABSENT)
            return false;
    return true;
}

/* An equal profile keeps the old object, which queued changes share. */
static void learn_profile(cp_entry *entry, cp_user *user)
{
    if (cp_user_equal(entry->user, user) || is_bare(user))
        return;
    cp_user *old = entry->user;
    entry->user = cp_user_hold(user);
    cp_user_release(old);
}

/* To those who are told at once.  The queue for listeners keeps its own account of what was
 * told: they may be late. */
static void announce(cp_roster *self, uint32_t number)
{
    cp_entry *entry = cp_entries_at(&self->entries, number);
    cp_presence_status before = entry->announced;
    bool news = cp_entry_is_news(entry, before);
    if (news || before == CP_UNKNOWN)
        entry->announced = entry->status;
    if (!news)
        return;
    cp_change change;
    cp_entry_change(entry, &change);
    change.previous = before;
    if (self->watchers)
        cp_watchers_changed(self->watchers, &change);
    for (cp_feed *feed = self->feeds; feed; feed = *cp_feed_next_attached(feed))
        cp_feed_put(feed, number, &change);
}

static void set_status(cp_roster *self, uint32_t number, cp_presence_status status,
                       cp_origin origin, int64_t at, cp_usec now)
{
    cp_entry *entry = cp_entries_at(&self->entries, number);
    self->online -= entry->status == CP_ONLINE;
    self->online += status == CP_ONLINE;
    entry->status = (uint8_t)status;
    entry->origin = (uint8_t)origin;
    entry->at = at;
    entry->received_at = now;
    cp_roster_queue_changed(&self->queue, number);
    announce(self, number);
}

cp_status cp_roster_apply_live(cp_roster *self, const cp_presence *seen, cp_usec now)
{
    uint32_t number;
    cp_status status = find_or_add(self, seen->user, &number);
    if (status != CP_OK)
        return status;

    cp_entry *entry = cp_entries_at(&self->entries, number);
    learn_profile(entry, seen->user);
    entry->generation = self->generation;
    entry->comparison = self->comparison;
    entry->is_touched = true;
    if (entry->status == seen->status) {
        self->duplicates++;
        if (seen->last_active_at != CP_ABSENT)
            entry->last_active_at = seen->last_active_at;
        return CP_OK;
    }
    /* A change says when even by leaving it out (PROTOCOL §4.3). */
    entry->last_active_at = seen->last_active_at;
    set_status(self, number, seen->status, CP_ORIGIN_LIVE, seen->at, now);
    return CP_OK;
}

void cp_roster_count_trimmed(cp_roster *self)
{
    self->trimmed++;
}

/* ---- comparing with the server */

void cp_roster_begin_comparison(cp_roster *self, cp_origin origin)
{
    self->comparison++;
    self->origin = origin;
}

/* What a live frame said since the comparison began is newer than anything it finds. */
static bool is_touched(const cp_roster *self, const cp_entry *entry)
{
    return entry->is_touched && entry->comparison == self->comparison;
}

/* `found`: the server's answer about this user; NULL: it has none. */
static void compare(cp_roster *self, uint32_t number, const cp_presence *found,
                    cp_presence_status status, cp_usec now)
{
    cp_entry *entry = cp_entries_at(&self->entries, number);
    if (found)
        learn_profile(entry, found->user);
    if (is_touched(self, entry))
        return;
    entry->generation = self->generation;
    entry->comparison = self->comparison;
    entry->is_touched = false;
    if (found && found->last_active_at != CP_ABSENT)
        entry->last_active_at = found->last_active_at;
    if (entry->status != status)
        set_status(self, number, status, self->origin, found ? found->at : CP_ABSENT, now);
}

cp_status cp_roster_confirm(cp_roster *self, const cp_presence *listed, cp_usec now)
{
    uint32_t number;
    cp_status status = find_or_add(self, listed->user, &number);
    if (status == CP_OK)
        compare(self, number, listed, listed->status, now);
    return status;
}

static bool is_doubtful(const cp_roster *self, const cp_entry *entry)
{
    return entry->status == CP_ONLINE && entry->comparison != self->comparison;
}

size_t cp_roster_doubtful(cp_roster *self, size_t *cursor, size_t budget, cp_user **out, size_t max)
{
    size_t found = 0;
    for (; *cursor < self->entries.count && budget > 0 && found < max; budget--) {
        cp_entry *entry = cp_entries_at(&self->entries, (uint32_t)(*cursor)++);
        if (is_doubtful(self, entry))
            out[found++] = entry->user;
    }
    if (*cursor >= self->entries.count)
        *cursor = SIZE_MAX;
    return found;
}

void cp_roster_settle(cp_roster *self, cp_slice uid, const cp_presence *answer,
                      cp_presence_status verdict, cp_usec now)
{
    uint32_t number = cp_entries_find(&self->entries, uid);
    if (number != CP_NO_ENTRY)
        compare(self, number, answer, verdict, now);
}

/* ---- what is known */

cp_user *cp_roster_profile(cp_roster *self, cp_slice uid)
{
    self->looked_up = cp_entries_find(&self->entries, uid);
    if (self->looked_up == CP_NO_ENTRY)
        return NULL;
    return cp_entries_at(&self->entries, self->looked_up)->user;
}

bool cp_roster_find(const cp_roster *self, cp_slice uid, cp_roster_view *out)
{
    *out = (cp_roster_view){.last_active_at = CP_ABSENT};
    uint32_t number = cp_entries_find(&self->entries, uid);
    if (number == CP_NO_ENTRY)
        return false;
    const cp_entry *entry = cp_entries_at(&self->entries, number);
    *out = (cp_roster_view){entry->user, entry->status, entry->last_active_at};
    return true;
}

/* While in step with the server, what it did not confirm on this connection is not known;
 * and in a complete picture, whoever is not in it is offline. */
cp_presence_status cp_roster_status(const cp_roster *self, cp_slice uid)
{
    uint32_t number = cp_entries_find(&self->entries, uid);
    const cp_entry *entry = number != CP_NO_ENTRY ? cp_entries_at(&self->entries, number) : NULL;

    if (entry && (!cp_roster_is_in_step(self) || entry->generation == self->generation))
        return entry->status;
    return self->state == CP_SYNC_SYNCED && self->is_complete ? CP_OFFLINE : CP_UNKNOWN;
}

size_t cp_roster_count(const cp_roster *self)
{
    return self->entries.count;
}

size_t cp_roster_online(const cp_roster *self)
{
    return self->online;
}

size_t cp_roster_copy(const cp_roster *self, size_t *cursor, bool online_only, cp_presence *out,
                      size_t max)
{
    size_t copied = 0;
    while (*cursor < self->entries.count && copied < max) {
        const cp_entry *entry = cp_entries_at(&self->entries, (uint32_t)(*cursor)++);
        if (online_only && entry->status != CP_ONLINE)
            continue;
        out[copied++] = (cp_presence){
            .user = cp_user_hold(entry->user),
            .status = entry->status,
            .last_active_at = entry->last_active_at,
            .at = entry->at,
        };
    }
    return copied;
}

/* ---- what listeners are told */

bool cp_roster_next_change(cp_roster *self, cp_change *out)
{
    return cp_roster_queue_next(&self->queue, out);
}

bool cp_roster_has_changes(const cp_roster *self)
{
    return !cp_roster_queue_is_empty(&self->queue);
}

void cp_roster_begin_recap(cp_roster *self)
{
    cp_roster_queue_begin_recap(&self->queue);
}

size_t cp_roster_recap(cp_roster *self, cp_change *out, size_t max)
{
    return cp_roster_queue_recap(&self->queue, out, max);
}

bool cp_roster_is_recapping(const cp_roster *self)
{
    return self->queue.recap != CP_NO_ENTRY;
}

uint64_t cp_roster_queued(const cp_roster *self)
{
    return self->queue.places;
}

uint64_t cp_roster_popped(const cp_roster *self)
{
    return cp_roster_queue_popped(&self->queue);
}

/* ---- who else is told */

void cp_roster_set_watchers(cp_roster *self, cp_watchers *watchers)
{
    self->watchers = watchers;
}

cp_feed *cp_roster_open_feed(cp_roster *self, uint32_t size, cp_overflow overflow,
                             bool with_snapshot)
{
    cp_feed *feed = cp_feed_new(size, overflow, self->seed, with_snapshot ? &self->entries : NULL);
    if (!feed)
        return NULL;
    *cp_feed_next_attached(feed) = self->feeds;
    self->feeds = feed;
    return feed;
}

void cp_roster_close_feed(cp_roster *self, cp_feed *feed)
{
    cp_feed **link = &self->feeds;
    while (*link != feed)
        link = cp_feed_next_attached(*link);
    *link = *cp_feed_next_attached(feed);
}

cp_roster_counts cp_roster_counts_of(const cp_roster *self)
{
    return (cp_roster_counts){
        .duplicates = self->duplicates,
        .coalesced = self->queue.coalesced,
        .untracked = self->untracked,
        .trimmed = self->trimmed,
        .events = self->queue.told,
        .high_water = self->queue.high_water,
    };
}
