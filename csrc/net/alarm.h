#ifndef CP_NET_ALARM_H
#define CP_NET_ALARM_H

#include <libwebsockets.h>

#include "net/timers.h"

/* The timers of the network thread, and lws's one timer that wakes it for the next of them.
 * They ring between two turns of lws and not from its timer: in one turn lws closes what was
 * killed in the turn before, and a timer that kills once more in between would keep it from
 * that, turn after turn. */
typedef struct cp_alarm {
    cp_timers timers;
    struct lws_context *context;
    lws_sorted_usec_list_t lws;
    cp_usec at; /* when that one is due */
} cp_alarm;

void cp_alarm_begin(cp_alarm *self, struct lws_context *context); /* timers set before stay */
void cp_alarm_set(cp_alarm *self, cp_timer *timer, cp_usec wait, void (*ring)(cp_timer *));
void cp_alarm_ring(cp_alarm *self); /* before each turn of lws: those that are due */
void cp_alarm_end(cp_alarm *self);  /* lws is woken no more; its context may be gone */

#endif
