#ifndef CP_NET_CONNECTION_PARTS_H
#define CP_NET_CONNECTION_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/bell.h"
#include "net/connection.h"
#include "net/exchange.h"
#include "net/inherited.h"
#include "net/loop.h"
#include "net/socket.h"

/* What a connection is made of, shared by its three files: connection.c (its life, and the
 * network thread), connection_exchanges.c (what that asks over REST) and connection_doors.c
 * (what other threads post, take and look at). */

typedef struct cp_task_list {
    cp_call *first, **last;
} cp_task_list;

struct cp_connection {
    cp_guest guest;
    unsigned epoch; /* of the process it was made in */
    atomic_uint holds;
    cp_config config;

    /* Under the lock: what other threads see. */
    pthread_mutex_t lock;
    cp_roster *roster;
    cp_notices notices;
    cp_task_list posted, done;
    cp_call *cancelled;
    bool is_released; /* nobody will ask for anything any more */
    bool is_over;     /* nor will anything come: the network thread has let go */
    cp_bell bell;
    cp_inherited *bell_inherited;
    bool is_rung;
    bool is_woken; /* rung for something that is not ours */
    unsigned attending; /* who would listen, but turn the loop and look after each turn */
    cp_connection_facts facts;
    cp_failure refusal;     /* of the state REFUSED */
    struct cp_reader *readers;
    cp_usec alarm_at; /* CP_NEVER: nobody asked for one */
    cp_usec suspected_beat, suspected_at; /* the network thread's last, when we wondered */
    cp_usec told_beat;      /* and when we told that none followed */

    /* The network thread's. */
    cp_session *session;
    cp_socket *socket;
    cp_exchange *exchanges;
    cp_call farewell; /* our own CP_CALL_CLOSE */
    bool is_leaving;
    bool has_more; /* to apply, when others on the thread have had their turn */
    cp_now read_at;     /* when the socket was read whose frames are being taken; 0: none is */
    unsigned in_hand;   /* frames applied since the lock was taken for them; 0: it is not held */
    cp_usec looks_at; /* again, whether the alarm is due; CP_NEVER: something will happen first */
    cp_timer timer;
    cp_usec timer_at;
};

static inline void cp_task_list_init(cp_task_list *self)
{
    self->first = NULL;
    self->last = &self->first;
}

static inline void cp_task_list_push(cp_task_list *self, cp_call *call)
{
    call->next = NULL;
    *self->last = call;
    self->last = &call->next;
}

static inline cp_call *cp_task_list_pop(cp_task_list *self)
{
    cp_call *call = self->first;

    if (call == NULL)
        return NULL;
    self->first = call->next;
    if (self->first == NULL)
        self->last = &self->first;
    call->next = NULL;
    return call;
}

static inline bool cp_connection_is_foreign(const cp_connection *self)
{
    return self->epoch != cp_network_epoch();
}

/* A call is done: wakes whoever sleeps on it, or lays it where take_done() finds it.  Both
 * take the network thread's hold.  One that came too late is refused under the lock, so that
 * whoever sees that it is over sees that, too. */
void cp_connection_hand_over(cp_connection *self, cp_call *call);
void cp_connection_refuse(cp_connection *self, cp_call *call);

/* On the network thread */
cp_now cp_connection_clock(void);
void cp_connection_pump(cp_connection *self); /* after a fact; it may be gone after this */
void cp_connection_drop_unwanted(cp_connection *self);
bool cp_connection_send_requests(cp_connection *self); /* true: there were some */
void cp_connection_abandon_exchanges(cp_connection *self);

/* reader.c and connection.c */
void cp_connection_hold(cp_connection *self);
void cp_connection_let_go(cp_connection *self);
void cp_connection_wake_readers(cp_connection *self); /* under the lock: those with news */

/* Under the lock: is there something to take? */
bool cp_connection_has_something(cp_connection *self);
/* Likewise: when the alarm will be due by time alone, if no comparison comes first. */
cp_usec cp_connection_alarm_due_at(const cp_connection *self);

static inline void cp_connection_ring(cp_connection *self) /* under the lock */
{
    if (self->is_rung)
        return;
    self->is_rung = true;
    cp_bell_ring(&self->bell);
    if (self->attending > 0)
        cp_loop_wake();
}

#endif
