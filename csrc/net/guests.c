#include <signal.h>

#include "net/network_parts.h"
#include "net/resolver.h"

/* Whether this thread turns the loop in place of its own. */
static _Thread_local bool is_at_helm;

/* ---- knocking */

/* Under the lock: whoever turns the loop is to look around.  Before it has a context it
 * does so by itself. */
static void call(cp_loop *self)
{
    if (self->helm.at == CP_HELM_NOBODY)
        cp_helm_call(&self->helm);
    else if (self->context != NULL)
        lws_cancel_service(self->context);
}

/* Under the lock: the oldest that knocked. */
static cp_guest *next_knocking(cp_loop *self)
{
    cp_guest *guest = self->knocking;

    if (guest == NULL)
        return NULL;
    self->knocking = guest->next_knocking;
    if (self->knocking == NULL)
        self->last_knocking = &self->knocking;
    guest->is_knocking = false;
    return guest;
}

static void serve_knocking(cp_loop *self)
{
    for (;;) {
        void (*serve)(cp_guest *) = NULL;
        cp_guest *guest;

        pthread_mutex_lock(&cp_network.lock);
        guest = next_knocking(self);
        if (guest != NULL)
            serve = guest->serve; /* at shutdown it changes, under the lock */
        pthread_mutex_unlock(&cp_network.lock);
        if (guest == NULL)
            return;
        serve(guest);
    }
}

/* Under the lock. */
void cp_loop_knocked(cp_guest *guest)
{
    cp_loop *loop = guest->loop;

    if (guest->is_knocking)
        return;
    guest->is_knocking = true;
    guest->next_knocking = NULL;
    *loop->last_knocking = guest;
    loop->last_knocking = &guest->next_knocking;
    call(loop);
}

bool cp_loop_knock(cp_guest *guest)
{
    bool is_here;

    pthread_mutex_lock(&cp_network.lock);
    is_here = guest->loop != NULL;
    if (is_here)
        cp_loop_knocked(guest);
    pthread_mutex_unlock(&cp_network.lock);
    return is_here;
}

void cp_loop_wake(void)
{
    pthread_mutex_lock(&cp_network.lock);
    if (cp_network.current != NULL && !is_at_helm)
        call(cp_network.current);
    pthread_mutex_unlock(&cp_network.lock);
}

/* ---- turning */

/* Before lws sleeps: first of all those who came before there was a context. */
void cp_loop_serve_due(cp_loop *self)
{
    cp_alarm_ring(&self->alarm);
    serve_knocking(self);
    cp_lookups_deliver(self);
}

void cp_loop_exit(cp_guest *guest)
{
    pthread_mutex_lock(&cp_network.lock);
    if (guest->is_knocking) {
        cp_guest **link = &guest->loop->knocking;

        while (*link != guest)
            link = &(*link)->next_knocking;
        *link = guest->next_knocking;
        if (*link == NULL)
            guest->loop->last_knocking = link;
        guest->is_knocking = false;
    }
    *guest->link = guest->next;
    if (guest->next != NULL)
        guest->next->link = guest->link;
    call(guest->loop); /* to look whether anybody is left */
    guest->loop = NULL;
    pthread_mutex_unlock(&cp_network.lock);
}

/* ---- a guest's waiter at the helm */

/* Under the lock.  Others on the thread would wait for this one's listeners. */
static bool may_attend(const cp_guest *guest, const cp_loop *loop)
{
    return guest->loop == loop && loop->guests == guest && guest->next == NULL;
}

static bool may_go_on(const cp_guest *guest, const cp_loop *loop)
{
    bool may;

    pthread_mutex_lock(&cp_network.lock);
    may = may_attend(guest, loop);
    pthread_mutex_unlock(&cp_network.lock);
    return may;
}

/* Under the lock. */
static bool take_helm(cp_loop *self)
{
    if (self->helm.at == CP_HELM_KEEPER) {
        self->helm.is_wanted = true;
        call(self);
    }
    return cp_helm_take(&self->helm, &cp_network.lock);
}

/* Writing to a broken TLS connection raises this signal, which ends a process that does not
 * ignore it, as Python does.  The network's own thread blocks all signals, a waiter this one.
 * True: it has to be undone. */
static bool block_broken_pipes(void)
{
    sigset_t pipes, before;

    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    return pthread_sigmask(SIG_BLOCK, &pipes, &before) == 0 && !sigismember(&before, SIGPIPE);
}

/* What was raised meanwhile is ours: this thread wrote to nothing else. */
static void unblock_broken_pipes(void)
{
    sigset_t pipes, pending;
    int taken;

    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE))
        (void)sigwait(&pipes, &taken);
    (void)pthread_sigmask(SIG_UNBLOCK, &pipes, NULL);
}

/* NULL: the helm is not to be had. */
static cp_loop *begin_to_attend(const cp_guest *guest)
{
    cp_loop *loop;

    pthread_mutex_lock(&cp_network.lock);
    loop = guest->loop;
    if (loop != NULL && (!may_attend(guest, loop) || !take_helm(loop)))
        loop = NULL;
    pthread_mutex_unlock(&cp_network.lock);
    return loop;
}

/* What knocked a moment ago nobody has heard. */
static void leave_helm(const cp_guest *guest, cp_loop *loop)
{
    pthread_mutex_lock(&cp_network.lock);
    cp_helm_leave(&loop->helm, loop->knocking != NULL || !may_attend(guest, loop));
    pthread_mutex_unlock(&cp_network.lock);
}

static bool turn_until(cp_loop *loop, cp_guest *guest, bool (*is_done)(cp_guest *))
{
    bool turns = true;

    do
        cp_loop_serve_due(loop);
    while (!is_done(guest) && may_go_on(guest, loop) &&
           (turns = lws_service(loop->context, 0) >= 0));
    return turns;
}

bool cp_loop_attend(cp_guest *guest, bool (*is_done)(cp_guest *))
{
    cp_loop *loop = begin_to_attend(guest);
    bool turns;

    if (loop == NULL)
        return false;
    is_at_helm = true;
    cp_vhosts_forget_errors(); /* those of others; at the end, ours */
    bool undo = block_broken_pipes();
    turns = turn_until(loop, guest, is_done);
    if (undo)
        unblock_broken_pipes();
    cp_vhosts_forget_errors();
    is_at_helm = false;
    leave_helm(guest, loop);
    return turns;
}
