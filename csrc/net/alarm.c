#include "net/alarm.h"

#include <string.h>

#include "net/network.h"

static void on_due(lws_sorted_usec_list_t *lws);

/* One that is too early is left: it finds nothing due, and is set anew. */
static void wind(cp_alarm *self)
{
    cp_usec next = cp_timers_next(&self->timers), now;

    if (next >= self->at)
        return;
    now = cp_network_now();
    self->at = next;
    lws_sul_schedule(self->context, 0, &self->lws, on_due, next > now ? next - now : 1);
}

/* lws is about to sleep: another alarm, for now, and it only looks around. */
static void on_due(lws_sorted_usec_list_t *lws)
{
    cp_alarm *self = lws_container_of(lws, cp_alarm, lws);

    self->at = CP_NEVER;
    wind(self);
}

void cp_alarm_begin(cp_alarm *self, struct lws_context *context)
{
    self->context = context;
    memset(&self->lws, 0, sizeof self->lws);
    self->at = CP_NEVER;
    wind(self);
}

void cp_alarm_set(cp_alarm *self, cp_timer *timer, cp_usec wait, void (*ring)(cp_timer *))
{
    cp_timers_set(&self->timers, timer, cp_network_now() + (wait > 0 ? wait : 1), ring);
    wind(self);
}

void cp_alarm_ring(cp_alarm *self)
{
    cp_usec now = cp_network_now();

    if (cp_timers_next(&self->timers) > now)
        return;
    cp_timers_ring(&self->timers, now);
    self->at = CP_NEVER;
    wind(self);
}

void cp_alarm_end(cp_alarm *self)
{
    lws_sul_cancel(&self->lws);
    self->at = 0; /* earlier than anything: it is not wound again */
}
