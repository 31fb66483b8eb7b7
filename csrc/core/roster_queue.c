#include "core/roster_queue.h"

#include <stdlib.h>

#define SMALLEST_RING 16
#define KEPT_RING 256 /* a larger one is given back when it is empty */
#define RECAP_BATCH 256

void cp_roster_queue_init(cp_roster_queue *self, cp_entries *entries, uint32_t limit)
{
    *self = (cp_roster_queue){.entries = entries,
                              .limit = limit,
                              .first_waiting = CP_NO_ENTRY,
                              .last_waiting = CP_NO_ENTRY,
                              .recap = CP_NO_ENTRY};
}

static cp_change *in_ring(const cp_roster_queue *self, uint32_t nth)
{
    /* NOLINTNEXTLINE(*DivideZero): what holds something has a capacity */
    return &self->ring[((uint64_t)self->first + nth) % self->capacity];
}

void cp_roster_queue_destroy(cp_roster_queue *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        cp_user_release(in_ring(self, i)->user);
    free(self->ring);
    self->ring = NULL;
    self->count = 0;
}

static void fill(cp_change *change, const cp_entry *entry)
{
    cp_entry_change(entry, change);
    cp_user_hold(change->user);
    change->coalesced = entry->folded;
    change->previous = entry->told;
}

/* ---- the recap
 *
 * `told` is ahead of what listeners were told by what is in the ring: of those in it, the
 * recap keeps in `recapped` what was told before.  First the ring is looked at, from its
 * newest change to its oldest; and what comes to it meanwhile is kept as it comes. */

static void keep_for_recap(cp_roster_queue *self, cp_entry *entry, uint32_t number)
{
    if (self->recap == CP_NO_ENTRY || number < self->recap || entry->is_recapped)
        return;
    entry->recapped = entry->told;
    entry->is_recapped = true;
}

static void look_back(cp_roster_queue *self)
{
    const cp_change *change = in_ring(self, --self->recap_ring);
    cp_slice uid = cp_user_text_of(change->user, CP_USER_UID);
    cp_entry *entry = cp_entries_at(self->entries, cp_entries_find(self->entries, uid));

    entry->recapped = change->previous;
    entry->is_recapped = true;
}

static cp_presence_status told_before(cp_entry *entry)
{
    cp_presence_status told = entry->is_recapped ? entry->recapped : entry->told;
    entry->is_recapped = false;
    return told;
}

void cp_roster_queue_begin_recap(cp_roster_queue *self)
{
    self->recap = 0;
    self->recap_ring = self->count;
}

size_t cp_roster_queue_recap(cp_roster_queue *self, cp_change *out, size_t max)
{
    unsigned budget = RECAP_BATCH;
    size_t found = 0;

    for (; self->recap_ring > 0 && budget > 0; budget--)
        look_back(self);
    for (; self->recap < self->entries->count && found < max && budget > 0; budget--) {
        cp_entry *entry = cp_entries_at(self->entries, self->recap++);
        if (told_before(entry) == CP_ONLINE)
            out[found++] = cp_entry_snapshot(entry);
    }
    if (self->recap_ring == 0 && self->recap >= self->entries->count)
        self->recap = CP_NO_ENTRY;
    return found;
}

/* ---- the ring */

static bool grow(cp_roster_queue *self)
{
    uint64_t twice = self->capacity ? (uint64_t)self->capacity * 2 : SMALLEST_RING;
    uint32_t capacity = twice < self->limit ? (uint32_t)twice : self->limit;
    cp_change *grown = capacity > self->capacity ? calloc(capacity, sizeof *grown) : NULL;
    if (!grown)
        return false;
    for (uint32_t i = 0; i < self->count; i++)
        grown[i] = *in_ring(self, i);
    free(self->ring);
    self->ring = grown;
    self->capacity = capacity;
    self->first = 0;
    return true;
}

static bool has_room(cp_roster_queue *self)
{
    return self->count < self->capacity || grow(self);
}

static void append(cp_roster_queue *self, cp_entry *entry, uint32_t number)
{
    cp_change *change = in_ring(self, self->count++);
    fill(change, entry);
    change->seq = ++self->places;
    keep_for_recap(self, entry, number);
    entry->told = entry->status;
    entry->folded = 0;
    if (self->count > self->high_water)
        self->high_water = self->count;
}

static cp_change take_oldest(cp_roster_queue *self)
{
    cp_change change = *in_ring(self, 0);
    self->count--;
    self->first = (self->first + 1) % self->capacity;
    if (self->count == 0 && self->capacity > KEPT_RING) {
        free(self->ring);
        self->ring = NULL;
        self->capacity = 0;
    }
    return change;
}

/* ---- those that wait */

static uint32_t *after(cp_roster_queue *self, uint32_t number)
{
    return number == CP_NO_ENTRY ? &self->first_waiting
                                 : &cp_entries_at(self->entries, number)->waiting_after;
}

static uint32_t *before(cp_roster_queue *self, uint32_t number)
{
    return number == CP_NO_ENTRY ? &self->last_waiting
                                 : &cp_entries_at(self->entries, number)->waiting_before;
}

static void begin_to_wait(cp_roster_queue *self, cp_entry *entry, uint32_t number)
{
    entry->is_waiting = true;
    entry->place = ++self->places;
    entry->waiting_before = self->last_waiting;
    entry->waiting_after = CP_NO_ENTRY;
    *after(self, self->last_waiting) = number;
    self->last_waiting = number;
}

static void stop_waiting(cp_roster_queue *self, cp_entry *entry)
{
    *after(self, entry->waiting_before) = entry->waiting_after;
    *before(self, entry->waiting_after) = entry->waiting_before;
    entry->is_waiting = false;
}

static void join(cp_roster_queue *self, cp_entry *entry, uint32_t number)
{
    if (self->first_waiting == CP_NO_ENTRY && has_room(self))
        append(self, entry, number);
    else
        begin_to_wait(self, entry, number);
}

static cp_change take_longest_waiting(cp_roster_queue *self)
{
    cp_entry *entry = cp_entries_at(self->entries, self->first_waiting);
    cp_change change;
    fill(&change, entry);
    stop_waiting(self, entry);
    entry->told = entry->status;
    entry->folded = 0;
    return change;
}

/* ---- the queue */

static void fold(cp_roster_queue *self, cp_entry *entry)
{
    entry->folded++;
    self->coalesced++;
}

void cp_roster_queue_changed(cp_roster_queue *self, uint32_t number)
{
    cp_entry *entry = cp_entries_at(self->entries, number);
    bool news = cp_entry_is_news(entry, entry->told); /* alternation is kept here */

    if (entry->is_waiting)
        fold(self, entry); /* the older change */
    if (entry->status == entry->told && entry->status != CP_UNKNOWN)
        fold(self, entry); /* this one, which takes the older ones back */

    if (!news && entry->is_waiting)
        stop_waiting(self, entry);
    else if (news && !entry->is_waiting)
        join(self, entry, number);
    if (!news && entry->told == CP_UNKNOWN)
        entry->told = entry->status; /* no event, but known from now on */
}

bool cp_roster_queue_next(cp_roster_queue *self, cp_change *out)
{
    if (cp_roster_queue_is_empty(self)) {
        *out = (cp_change){0};
        return false;
    }
    *out = self->count > 0 ? take_oldest(self) : take_longest_waiting(self);
    out->seq = ++self->told;
    return true;
}

bool cp_roster_queue_is_full(const cp_roster_queue *self)
{
    return self->count >= self->limit;
}

void cp_roster_queue_drop_oldest(cp_roster_queue *self)
{
    cp_change dropped = take_oldest(self);
    cp_user_release(dropped.user);
}

bool cp_roster_queue_is_empty(const cp_roster_queue *self)
{
    return self->count == 0 && self->first_waiting == CP_NO_ENTRY;
}

uint64_t cp_roster_queue_popped(const cp_roster_queue *self)
{
    if (self->count > 0)
        return in_ring(self, 0)->seq - 1;
    if (self->first_waiting != CP_NO_ENTRY)
        return cp_entries_at(self->entries, self->first_waiting)->place - 1;
    return self->places;
}
