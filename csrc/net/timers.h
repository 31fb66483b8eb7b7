#ifndef CP_NET_TIMERS_H
#define CP_NET_TIMERS_H

#include "core/clock.h"

/* Everything that is to happen later on the network thread, the next first.  lws keeps its
 * own timers in a sorted list, where setting one walks past all that are due earlier: with
 * thousands of connections that was most of what the thread did.  This is a pairing heap:
 * setting takes as long as ever, and nothing is allocated.  One thread's. */

/* Embedded in whatever it is for; zeroed, it is not set. */
typedef struct cp_timer {
    cp_usec at;
    void (*ring)(struct cp_timer *self);
    struct cp_timer *child, *next; /* the first that is later, and its siblings */
    struct cp_timer **link;        /* what points here; NULL: not set */
} cp_timer;

typedef struct cp_timers {
    cp_timer *first;
} cp_timers;

/* Anew, if it is set. */
void cp_timers_set(cp_timers *self, cp_timer *timer, cp_usec at, void (*ring)(cp_timer *));
void cp_timer_cancel(cp_timer *self); /* one that is not set is legal */

cp_usec cp_timers_next(const cp_timers *self); /* CP_NEVER: none is set */
/* Those that are due.  One that rings may set and cancel any, itself too, but to a later
 * time than `now`, or this goes on. */
void cp_timers_ring(cp_timers *self, cp_usec now);

#endif
