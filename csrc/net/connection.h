#ifndef CP_NET_CONNECTION_H
#define CP_NET_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"
#include "core/notice.h"
#include "core/roster.h"
#include "core/session.h"
#include "net/task.h"

/* One client: a session and its roster on the network thread, and the doors through which
 * other threads reach them.  Every function here may be called from any thread, with or
 * without the GIL, since no holder of the lock ever wants the GIL; only listen() sleeps, and
 * new() a few milliseconds until the network thread turns.
 *
 * In a forked child everything answers CP_ERR_FORKED (or nothing, where there is no
 * status) and touches neither locks nor memory. */
typedef struct cp_connection cp_connection;

/* Copies the config, starts the network thread if it is the first, opens no socket. */
cp_status cp_connection_new(const cp_config *config, cp_connection **out);

/* Says farewell to the server and frees itself when the network is done with it.  Only
 * posts: legal in a destructor, in a listener, anywhere. */
void cp_connection_release(cp_connection *self);

/* Hands a call to the session; the network thread holds the task until it is done.  After
 * CP_CALL_CLOSE was posted, every other call is done at once, with CP_FAILURE_CLOSED. */
cp_status cp_connection_post(cp_connection *self, cp_task *task);
void cp_connection_cancel(cp_connection *self, cp_task *task); /* done soon, as timed out */

/* ---- the bell: rung when there is something to take */

int cp_connection_bell(cp_connection *self); /* to poll for reading; made on first use; -1: none */
/* Sleeps until the bell rings; without an end (CP_NEVER) it turns the loop meanwhile, if this is
 * the only connection.  CP_OK: it rang; CP_ERR_TIMEOUT; CP_ERR_SYSTEM with errno
 * (EINTR: a signal came); CP_ERR_CLOSED: closed, and all is taken; CP_ERR_STALLED: the
 * network thread does not turn any more, which is told once each time. */
cp_status cp_connection_listen(cp_connection *self, cp_usec most);

/* The same for who does not listen: the thread that turns the loop may be the one that would.
 * *look_again: in how long it is worth it. */
bool cp_connection_has_stalled(cp_connection *self, cp_usec *look_again);

/* Rings, until the next hush: whoever takes has something else to do. */
void cp_connection_wake(cp_connection *self);

/* Rings once all that happened up to `at` is known: at that time while in step with the
 * server, else after the next comparison.  One alarm for all who ask, the earliest. */
void cp_connection_set_alarm(cp_connection *self, cp_usec at);

/* ---- taking: notices and changes in their common order, each call bounded */

/* Call first: silences the bell, so that what comes later rings again. */
void cp_connection_hush(cp_connection *self);
bool cp_connection_take_notice(cp_connection *self, cp_notice *out); /* gives */
/* Stops early where a notice is due, so look for one after each batch. */
size_t cp_connection_take_changes(cp_connection *self, cp_change *out, size_t max); /* gives */
/* The alarm, if it is due also for those who were told only what happened before
 * `told_until`; *until is when all is known and told up to. */
bool cp_connection_take_alarm(cp_connection *self, cp_usec told_until, cp_usec *until);
cp_task *cp_connection_take_done(cp_connection *self); /* caller's hold; NULL: none */
/* The recap of cp_roster_begin_recap().  A batch, which may be empty; false: it is over. */
void cp_connection_begin_recap(cp_connection *self);
bool cp_connection_take_recap(cp_connection *self, cp_change *out, size_t max, size_t *taken);
/* Call last: rings again if something is left. */
bool cp_connection_ring_if_more(cp_connection *self);

/* ---- looking */

typedef struct cp_connection_facts {
    cp_session_state state;
    cp_session_counts session;
    cp_roster_counts roster;
    cp_sync_state sync;
    uint32_t generation;
    size_t tracked, online;
    bool is_throttled; /* by the platform: what is pushed cannot be trusted */
    uint64_t notices_dropped;
    uint64_t stalls; /* of the network thread, as listen() told */
    cp_presence me; /* counted; user NULL: nobody is logged in */
} cp_connection_facts;

cp_status cp_connection_look(cp_connection *self, cp_connection_facts *out); /* destroy `me` */

/* Why the server does not want us; kind NONE: it does. */
void cp_connection_refusal(cp_connection *self, cp_failure *out);

/* The roster under its lock, for a look-up or one batch of at most 256; NULL in a forked
 * child, and then there is nothing to unlock. */
cp_roster *cp_connection_lock(cp_connection *self);
void cp_connection_unlock(cp_connection *self);

#endif
