#include "net/task.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "net/condition.h"
#include "net/network.h"

struct cp_task {
    cp_call call; /* first: cp_task_of() relies on it */
    atomic_uint holds;
    pthread_mutex_t lock;
    pthread_cond_t done_changed;
    bool done;
    bool on_bell;
};

_Static_assert(offsetof(struct cp_task, call) == 0, "a task begins with its call");

static bool init_waiting(cp_task *self)
{
    if (pthread_mutex_init(&self->lock, NULL) != 0)
        return false;
    if (cp_condition_init(&self->done_changed))
        return true;
    pthread_mutex_destroy(&self->lock);
    return false;
}

cp_task *cp_task_new(cp_call_kind kind, bool on_bell)
{
    cp_task *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    if (!init_waiting(self)) {
        free(self);
        return NULL;
    }
    cp_call_init(&self->call, kind);
    atomic_init(&self->holds, 1);
    self->on_bell = on_bell;
    return self;
}

cp_task *cp_task_hold(cp_task *self)
{
    atomic_fetch_add_explicit(&self->holds, 1, memory_order_relaxed);
    return self;
}

void cp_task_release(cp_task *self)
{
    if (self == NULL || atomic_fetch_sub_explicit(&self->holds, 1, memory_order_acq_rel) > 1)
        return;
    cp_call_destroy(&self->call);
    pthread_cond_destroy(&self->done_changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

cp_call *cp_task_call(cp_task *self)
{
    return &self->call;
}

cp_task *cp_task_of(cp_call *call)
{
    return (cp_task *)call;
}

bool cp_task_is_on_bell(const cp_task *self)
{
    return self->on_bell;
}

bool cp_task_is_done(cp_task *self)
{
    bool done;

    pthread_mutex_lock(&self->lock);
    done = self->done;
    pthread_mutex_unlock(&self->lock);
    return done;
}

bool cp_task_wait(cp_task *self, cp_usec most)
{
    cp_usec now = cp_network_now();
    cp_usec end = most < CP_NEVER - now ? now + most : CP_NEVER;
    bool done;

    pthread_mutex_lock(&self->lock);
    while (!self->done && cp_condition_wait(&self->done_changed, &self->lock, end))
        ;
    done = self->done;
    pthread_mutex_unlock(&self->lock);
    return done;
}

void cp_task_finish(cp_task *self)
{
    pthread_mutex_lock(&self->lock);
    self->done = true;
    pthread_cond_broadcast(&self->done_changed);
    pthread_mutex_unlock(&self->lock);
}
