#ifndef CP_CORE_ROSTER_QUEUE_H
#define CP_CORE_ROSTER_QUEUE_H

#include "core/roster.h"
#include "core/roster_entries.h"

/* The changes listeners have not been told yet: first those in a bounded ring, one by one
 * as they happened; then, when it was full, the entries that changed since, each once, in
 * the order in which they began to wait.
 *
 * Everything in it is news: its status differs from what listeners know when its turn
 * comes.  What is not, or is no longer, never enters or leaves early; so telling one change
 * takes one step, however much was folded away. */
typedef struct cp_roster_queue {
    cp_entries *entries; /* lent */

    cp_change *ring; /* `seq` is the place in the queue until it is told */
    uint32_t limit, capacity;
    uint32_t first, count;
    uint32_t high_water;

    uint32_t first_waiting, last_waiting;
    uint32_t recap;      /* the entry whose turn it is; CP_NO_ENTRY: none is under way */
    uint32_t recap_ring; /* before that: how much of the ring is to be looked at */

    uint64_t places; /* given so far */
    uint64_t told;
    uint64_t coalesced;
} cp_roster_queue;

void cp_roster_queue_init(cp_roster_queue *self, cp_entries *entries, uint32_t limit);
void cp_roster_queue_destroy(cp_roster_queue *self);

/* The entry has a new status, and says when and why.  Without memory it waits. */
void cp_roster_queue_changed(cp_roster_queue *self, uint32_t number);

bool cp_roster_queue_is_full(const cp_roster_queue *self); /* the ring, so changes will fold */
void cp_roster_queue_drop_oldest(cp_roster_queue *self); /* of a full ring; it was not told */

bool cp_roster_queue_next(cp_roster_queue *self, cp_change *out); /* gives */
bool cp_roster_queue_is_empty(const cp_roster_queue *self);

/* What listeners were told so far, once more: who is online.  Until it is over nothing may
 * be taken from the queue.  Looks at a batch of entries a call. */
void cp_roster_queue_begin_recap(cp_roster_queue *self);
size_t cp_roster_queue_recap(cp_roster_queue *self, cp_change *out, size_t max); /* gives */

/* The place before the one whose turn it is. */
uint64_t cp_roster_queue_popped(const cp_roster_queue *self);

#endif
