#include "net/helm.h"

#include "net/condition.h"
#include "net/network.h"

/* Between two looks of the keeper.  A waiter may be away twice as long before the network is
 * served again: less than a listener that takes its time does to others anyway. */
#define LOOK (2 * CP_USEC_PER_MS)

/* A turn of the loop takes at most milliseconds; a waiter that is not let by then finds another
 * way to wait, on which it would notice that the loop does not turn. */
#define PATIENCE (100 * CP_USEC_PER_MS)

bool cp_helm_init(cp_helm *self)
{
    *self = (cp_helm){.at = CP_HELM_NOBODY};
    if (!cp_condition_init(&self->keeper))
        return false;
    if (cp_condition_init(&self->waiter))
        return true;
    pthread_cond_destroy(&self->keeper);
    return false;
}

void cp_helm_begin(cp_helm *self)
{
    self->at = CP_HELM_KEEPER;
    self->is_wanted = self->is_called = false;
}

/* The keeper looks away, for a moment or until somebody wakes it. */
static void look_away(cp_helm *self, pthread_mutex_t *lock, bool sleeps)
{
    cp_usec end = sleeps ? CP_NEVER : cp_network_now() + LOOK;

    self->keeper_sleeps = sleeps;
    (void)cp_condition_wait(&self->keeper, lock, end);
    self->keeper_sleeps = false;
}

void cp_helm_keep(cp_helm *self, pthread_mutex_t *lock)
{
    bool sleeps = false;

    if (!self->is_wanted)
        return;
    self->at = CP_HELM_NOBODY;
    pthread_cond_signal(&self->waiter);
    while (self->at != CP_HELM_KEEPER) {
        unsigned before = self->times_left;

        look_away(self, lock, sleeps);
        bool all_as_before = self->times_left == before;
        bool nobody_comes = all_as_before && !self->is_wanted; /* who wants it wakes late */
        if (self->at == CP_HELM_NOBODY && (self->is_called || nobody_comes))
            self->at = CP_HELM_KEEPER;
        sleeps = self->at == CP_HELM_WAITER && all_as_before;
    }
    self->is_called = false;
}

bool cp_helm_take(cp_helm *self, pthread_mutex_t *lock)
{
    cp_usec end = cp_network_now() + PATIENCE;

    while (self->at == CP_HELM_KEEPER && cp_condition_wait(&self->waiter, lock, end))
        continue;
    self->is_wanted = false;
    if (self->at != CP_HELM_NOBODY)
        return false;
    self->at = CP_HELM_WAITER;
    self->is_called = false;
    return true;
}

void cp_helm_leave(cp_helm *self, bool calls)
{
    self->at = CP_HELM_NOBODY;
    self->times_left += 1;
    self->is_called = calls;
    if (calls || self->keeper_sleeps)
        pthread_cond_signal(&self->keeper);
}

void cp_helm_call(cp_helm *self)
{
    if (self->at != CP_HELM_NOBODY)
        return;
    self->is_called = true;
    pthread_cond_signal(&self->keeper);
}
