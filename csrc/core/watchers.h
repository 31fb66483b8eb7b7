#ifndef CP_CORE_WATCHERS_H
#define CP_CORE_WATCHERS_H

#include "core/call_list.h"
#include "core/roster.h"

/* Calls that wait for somebody to come or to go (CP_CALL_AWAIT_USER), found by uid: one
 * change costs as much as there are calls for that user, however many others wait.
 *
 * A call is met when the roster, SYNCED, says that it is so already; while it is DEGRADED
 * only if it says so since a comparison that began after the call did; or by the next change
 * to what it wants.  One that is_fresh is met by a change only, and not by
 * one of the first comparison, which may be hours old.  The session looks at each new call
 * before it applies the next frame, so no change can fall between the two.
 *
 * Every call put in comes out once.  Joining needs no memory.  The owner is one thread;
 * what takes or is called by a roster also needs the roster's lock. */
typedef struct cp_watchers {
    cp_call_list arrived; /* not looked at yet */
    cp_call_list met, due; /* to be taken */
    cp_call_list only;    /* the bucket of few */
    cp_call_list *buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t count;        /* of calls in the buckets */
    uint32_t look_at;      /* the next bucket to be looked through again; bucket_count: none */
    cp_usec deadline; /* no deadline of theirs is earlier, but a little where they are many */
    unsigned compared; /* the latest comparison that ended */
    unsigned wanted;   /* the latest that somebody waits for, because no other can tell */
} cp_watchers;

void cp_watchers_init(cp_watchers *self);
void cp_watchers_destroy(cp_watchers *self); /* the calls are somebody else's by now */

void cp_watchers_add(cp_watchers *self, cp_call *call); /* takes */

/* ---- with the roster's lock */

/* Meets those for whom it is so already, a bounded number at a time; true: go on before
 * anything changes. */
bool cp_watchers_look(cp_watchers *self, const cp_roster *roster);
void cp_watchers_changed(cp_watchers *self, const cp_change *change); /* the roster says */
/* The roster has come into step: all have to be looked at again. */
void cp_watchers_in_step(cp_watchers *self);
void cp_watchers_compared(cp_watchers *self, unsigned comparison); /* by this one's end */

/* ---- out: each gives, or NULL */

cp_call *cp_watchers_take_met(cp_watchers *self); /* with its user; or its own failure */
cp_call *cp_watchers_take_due(cp_watchers *self, cp_usec now); /* its deadline has passed */
cp_call *cp_watchers_take_any(cp_watchers *self);
bool cp_watchers_remove(cp_watchers *self, cp_call *call); /* false: not here */

#endif
