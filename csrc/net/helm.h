#ifndef CP_NET_HELM_H
#define CP_NET_HELM_H

#include <pthread.h>
#include <stdbool.h>

/* Which thread turns the loop: its own, the keeper, or for a while a waiter, one who has
 * nothing to do until the network brings something.  What comes then wakes whom it is for and
 * nobody else: one thread woken an event and not two, and what was read is still in its cache.
 *
 * A waiter leaves the helm for as long as it takes to tell what came, microseconds as a rule,
 * and waking the keeper each time would cost what is to be saved.  So while waiters come and go
 * the keeper looks every few milliseconds, and takes the helm when nobody has come back since
 * the look before; it sleeps when nobody leaves.  All under the network's lock. */
typedef enum cp_helmsman {
    CP_HELM_KEEPER,
    CP_HELM_WAITER,
    CP_HELM_NOBODY,
} cp_helmsman;

typedef struct cp_helm {
    cp_helmsman at; /* whoever it is has it to itself: nobody takes it from them */
    bool is_wanted; /* by a waiter: the keeper is to step back after this turn */
    bool is_called; /* there is something to do, and nobody was at the helm */
    bool keeper_sleeps;
    unsigned times_left;          /* by waiters */
    pthread_cond_t keeper, waiter; /* what each of them sleeps on */
} cp_helm;

bool cp_helm_init(cp_helm *self);   /* false: no memory.  Never destroyed. */
void cp_helm_begin(cp_helm *self); /* a keeper's thread begins, with the helm */

/* The keeper, between two turns: steps back if a waiter wants the helm, and returns when it
 * has it again. */
void cp_helm_keep(cp_helm *self, pthread_mutex_t *lock);

/* A waiter, after the keeper's attention was drawn to is_wanted.  False: it is not let. */
bool cp_helm_take(cp_helm *self, pthread_mutex_t *lock);
/* The waiter; if it calls, the keeper takes the helm at once and not only when nobody comes. */
void cp_helm_leave(cp_helm *self, bool calls);

void cp_helm_call(cp_helm *self); /* anybody: there is something to do */

#endif
