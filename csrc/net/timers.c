#include "net/timers.h"

#include <stddef.h>

/* ---- the heap: no timer is due before the one it is a child of */

/* At the head of the siblings that `link` points to. */
static void put(cp_timer *timer, cp_timer **link)
{
    timer->next = *link;
    timer->link = link;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    *link = timer;
}

static cp_timer *take_first(cp_timer **siblings)
{
    cp_timer *timer = *siblings;

    *siblings = timer->next;
    timer->next = NULL;
    return timer;
}

/* Of two that have no siblings the one due first, with the other as a child. */
static cp_timer *meld(cp_timer *a, cp_timer *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    if (b->at < a->at) {
        put(a, &b->child);
        return b;
    }
    put(b, &a->child);
    return a;
}

/* Siblings become one: in pairs first, which is what keeps the heap shallow. */
static cp_timer *meld_all(cp_timer *siblings)
{
    cp_timer *pairs = NULL, *all = NULL;

    while (siblings != NULL) {
        cp_timer *one = take_first(&siblings);
        cp_timer *other = siblings != NULL ? take_first(&siblings) : NULL;
        cp_timer *pair = meld(one, other);

        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL)
        all = meld(all, take_first(&pairs));
    return all;
}

/* ---- timers */

void cp_timer_cancel(cp_timer *self)
{
    cp_timer *rest;

    if (self->link == NULL)
        return;
    *self->link = self->next;
    if (self->next != NULL)
        self->next->link = self->link;
    rest = meld_all(self->child);
    if (rest != NULL)
        put(rest, self->link);
    self->child = self->next = NULL;
    self->link = NULL;
}

void cp_timers_set(cp_timers *self, cp_timer *timer, cp_usec at, void (*ring)(cp_timer *))
{
    cp_timer *first;

    cp_timer_cancel(timer);
    timer->at = at;
    timer->ring = ring;
    first = meld(self->first, timer);
    first->link = &self->first;
    self->first = first;
}

cp_usec cp_timers_next(const cp_timers *self)
{
    return self->first != NULL ? self->first->at : CP_NEVER;
}

void cp_timers_ring(cp_timers *self, cp_usec now)
{
    while (self->first != NULL && self->first->at <= now) {
        cp_timer *due = self->first;

        cp_timer_cancel(due);
        due->ring(due);
    }
}
