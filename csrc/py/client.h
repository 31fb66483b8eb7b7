#ifndef CP_PY_CLIENT_H
#define CP_PY_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/config.h"
#include "core/listeners.h"
#include "net/connection.h"
#include "py/module.h"

/* One client as Python holds it: a connection on the network thread, and who is told of
 * what it learns.  The network thread knows nothing of this object.
 *
 *   client_type.c       made, visited by the collector, let go
 *   client_config.c     the arguments of Client()
 *   client_calls.c      what is asked of the server, and waited for
 *   call_type.c         what is asked, and not waited for
 *   client_look.c       what is known
 *   feed_type.c         what is read beside the listeners
 *   client_listeners.c  the registry
 *   client_bell.c       what rings when there is something to tell
 *   drain.c             the one road from there to a listener
 *   bulletin.c          what that tells of the connection, in Python's words */

#define HELD_CHANGES 32

typedef struct client_object {
    PyObject_HEAD
    cp_connection *connection;
    unsigned owner; /* the process it works in */
    char session_id[96];
    char admin_url[320], client_url[320]; /* "" where there is no such server */
    PyObject *report; /* NULL after the collector cleared us */

    cp_listeners *listeners; /* under the object's critical section */
    uint64_t newest_listener;
    cp_task *closing; /* under it too: the close under way, if any */

    atomic_flag draining; /* who has it set owns what is held */
    atomic_ulong drainer; /* the thread inside drain(); 0: none */
    cp_usec telling_of;   /* that thread's: when what it is telling was received */
    struct running_call {
        struct listener_target *listener; /* NULL: none */
        int kind;
        cp_usec since;
    } running; /* what that thread calls just now; under the critical section */
    cp_change held[HELD_CHANGES]; /* taken from the connection, not told yet */
    size_t held_next, held_count;
    uint64_t newcomer; /* what is held is a recap for this listener alone; 0: for all */
    atomic_bool has_newcomers; /* somebody may wait for a recap */
    _Atomic uint64_t handler_errors;
    _Atomic uint64_t slow_handlers;
    _Atomic uint64_t flaps;
} client_object;

extern PyType_Spec client_spec;

/* False with ClientClosed raised: we are in a child that inherited the object. */
bool client_is_ours(client_object *self);

/* ---- client_config.c */

/* Fills an initialised config, which the caller destroys also after -1. */
int read_config(core_state *state, PyObject *args, PyObject *keywords, cp_config *config,
                PyObject **report /* lent */);

#define SLOW (CP_USEC_PER_SEC) /* a listener that takes longer is counted, and warned about */

/* ---- client_listeners.c: what somebody can want, as bits 1 << kind of `wants` */
typedef enum listener_kind {
    KIND_ONLINE,
    KIND_OFFLINE,
    KIND_PRESENCE,
    KIND_PRESENCE_BATCH,
    KIND_CONNECTING,
    KIND_CONNECTED,
    KIND_DISCONNECTED,
    KIND_SYNCED,
    KIND_DEGRADED,
    KIND_THROTTLED,
    KIND_LOGGED_IN,
    KIND_LOGIN_FAILED,
    KIND_LOGGED_OUT,
    KIND_ALARM,
    LISTENER_KINDS,
} listener_kind;

#define WANTS(kind) (UINT32_C(1) << (kind))
#define ORIGIN_BIT(origin) (UINT32_C(1) << ((origin) + 1)) /* Origin.value counts from 1 */

/* What the kind is called: in Python a constant of the module, in reports a decorator. */
extern const char *const kind_constant[LISTENER_KINDS];
extern const char *const kind_handler[LISTENER_KINDS];

void release_target(void *opaque); /* for cp_listeners_new() */
int visit_listeners(client_object *self, visitproc visit, void *arg);

bool listeners_wanted(client_object *self, uint32_t wants);

/* One listener as the registry has it. */
typedef struct listener_target {
    uint64_t number;       /* from 1, never given twice */
    cp_usec since;         /* it came: what happened before is no news to it */
    cp_usec changes_since; /* the same of presence; CP_NEVER: its recap comes first */
    uint32_t wants;
    uint32_t origins; /* 1 << Origin.value */
    bool was_slow;    /* and that was said */
    PyObject *id;
    PyObject *handler[LISTENER_KINDS]; /* NULL: does not want this kind */
} listener_target;

/* A listener that asks for the snapshot and came after it is told it by a recap: who is
 * online, as far as the others were told.  What is queued goes on from there. */
uint64_t find_newcomer(client_object *self); /* its number; 0: nobody waits for a recap */
void end_recap(client_object *self, uint64_t number);

/* Over the listeners as they stand when it begins; end is owed for every begin. */
typedef struct listener_round {
    client_object *client;
    cp_delivery delivery;
} listener_round;

void begin_round(listener_round *self, client_object *client, uint32_t wants);
/* Lent until the next call on this round, whatever the listener does.  NULL: all told. */
listener_target *next_listener(listener_round *self);
void end_round(listener_round *self);

PyObject *client_add_listener(PyObject *op, PyObject *args, PyObject *keywords);
PyObject *client_remove_listener(PyObject *op, PyObject *id);
PyObject *client_clear_listeners(PyObject *op, PyObject *none);
PyObject *client_handler_failed(PyObject *op, PyObject *args);
PyObject *client_handler_was_slow(PyObject *op, PyObject *args);
PyObject *handler_place(listener_kind kind, PyObject *id); /* for reports */
PyObject *client_mind_running(PyObject *op, PyObject *none);
PyObject *client_mind_network(PyObject *op, PyObject *none);
/* Counts it, and warns unless `was_slow`, which is set; -1 with an exception. */
int tell_slow(client_object *self, listener_kind kind, PyObject *id, bool *was_slow, cp_usec took);

/* ---- client_calls.c: the second of two waits for nothing and returns a Call */
#define CLIENT_DOORS(verb)                                                                         \
    PyObject *client_##verb(PyObject *op, PyObject *args, PyObject *keywords);                     \
    PyObject *client_start_##verb(PyObject *op, PyObject *args, PyObject *keywords)

CLIENT_DOORS(login);
CLIENT_DOORS(logout);
CLIENT_DOORS(connect);
CLIENT_DOORS(disconnect);
CLIENT_DOORS(get_user);
CLIENT_DOORS(get_users);
CLIENT_DOORS(online_user_count);
CLIENT_DOORS(await_user);
CLIENT_DOORS(await_sync);
CLIENT_DOORS(resync);
CLIENT_DOORS(await_demand);
PyObject *client_answer_token(PyObject *op, PyObject *auth_token);
PyObject *client_close(PyObject *op, PyObject *args, PyObject *keywords);

/* ---- client_look.c */
extern PyGetSetDef client_getset[];
PyObject *client_find(PyObject *op, PyObject *uid);
PyObject *client_status(PyObject *op, PyObject *uid);
PyObject *client_count(PyObject *op, PyObject *none);
PyObject *client_online_count(PyObject *op, PyObject *none);
PyObject *client_copy(PyObject *op, PyObject *args, PyObject *keywords);
PyObject *client_stats(PyObject *op, PyObject *none);
PyObject *client_count_flap(PyObject *op, PyObject *none);

/* ---- client_bell.c */
PyObject *client_fileno(PyObject *op, PyObject *none);
PyObject *client_wait(PyObject *op, PyObject *args, PyObject *keywords);
PyObject *client_set_alarm(PyObject *op, PyObject *seconds);

/* ---- drain.c */
PyObject *client_drain(PyObject *op, PyObject *args, PyObject *keywords);
/* By which listeners are timed: to a few milliseconds, at a quarter of the price. */
cp_usec roughly_now(void);

/* -1 with an exception; 1 on the interpreter's main thread, where Ctrl-C arrives. */
int on_main_thread(core_state *state);

/* A time to wait as an instant, and back; CP_NEVER stays itself. */
cp_usec instant_after(cp_usec timeout);
cp_usec time_until(cp_usec deadline);

/* How long to sleep before looking for signals.  The main thread, which alone runs their
 * handlers, cannot rely on being interrupted: a signal may come just before it falls asleep, or
 * to another thread. */
cp_usec slice_until(cp_usec deadline, bool on_main);
#define SIGNAL_SLICE (50 * CP_USEC_PER_MS)

#endif
