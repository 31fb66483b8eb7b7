#ifndef CP_NET_LOOP_H
#define CP_NET_LOOP_H

#include <libwebsockets.h>

#include "net/alarm.h"
#include "net/gate.h"
#include "net/network.h"
#include "net/silent.h"
#include "net/vhost.h"

/* The network thread as the other files of net/ see it: its lws context, who is on it, and
 * the way in from other threads.  A thread that waits may stand in for it (net/helm.h): then
 * "the network thread" is that one.  lws_cancel_service() is called in one place, under the
 * lock that guards the context's life; everything else of lws is the thread's alone, from
 * making the context to destroying it. */
typedef struct cp_loop cp_loop;

/* Whoever lives on the thread; embedded in cp_connection. */
typedef struct cp_guest {
    cp_loop *loop; /* NULL: on no thread (any more); under the network's lock */
    int turned_away; /* an errno: why there is no thread to live on; likewise */
    bool is_knocking;    /* likewise */
    struct cp_guest *next_knocking;
    struct cp_guest *next, **link;        /* of all guests; likewise */
    void (*serve)(struct cp_guest *self); /* on the network thread, after a knock */
    void (*leave)(struct cp_guest *self); /* on the network thread: the process ends */
} cp_guest;

/* Any thread */
/* Starts the thread if there is none, and waits the few milliseconds until it turns.
 * CP_ERR_NOMEM, or CP_ERR_SYSTEM with errno: it cannot. */
cp_status cp_loop_enter(cp_guest *guest);
bool cp_loop_knock(cp_guest *guest);      /* serve() comes soon; false: on no thread */
/* Something is ready; which, the thread finds.  Nothing to do for who turns the loop itself. */
void cp_loop_wake(void);

/* Turns the loop in place of its thread, until is_done() says so, which is asked after each
 * turn; or until the guest is no longer the only one.  False: it cannot, and whoever waits finds
 * another way.  While it does, this thread is the network thread. */
bool cp_loop_attend(cp_guest *guest, bool (*is_done)(cp_guest *));

/* The network thread only */
struct lws_context *cp_loop_make_context(void); /* NULL: errno may say why */
void cp_loop_exit(cp_guest *guest); /* the last one out ends the thread, a little later */
struct lws_context *cp_loop_context(cp_loop *self);
unsigned *cp_loop_wires(cp_loop *self); /* how many there are: each counts itself */
cp_vhosts *cp_loop_vhosts(cp_loop *self);
cp_silent *cp_loop_silent(cp_loop *self);
cp_gate *cp_loop_gate(cp_loop *self); /* for those that connect */
cp_alarm *cp_loop_alarm(cp_loop *self);
/* ring() in so many microseconds, at least one: never before this returns. */
static inline void cp_loop_set_timer(cp_loop *self, cp_timer *timer, cp_usec wait,
                                     void (*ring)(cp_timer *))
{
    cp_alarm_set(cp_loop_alarm(self), timer, wait, ring);
}

#define CP_LOOP_SCRATCH (64 * 1024)
unsigned char *cp_loop_scratch(cp_loop *self); /* LWS_PRE bytes stand before it */

/* What lws calls for every connection. */
int cp_wire_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length);

/* How often this process was forked; what was made under another number is foreign. */
unsigned cp_network_epoch(void);

#endif
