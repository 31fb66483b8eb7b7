#include "py/client.h"

#include <stdlib.h>
#include <string.h>

#include "net/network.h"
#include "py/arguments.h"
#include "py/call_type.h"
#include "py/convert.h"

/* Each call is a task for the network thread, and is asked through one of two doors.
 * Behind client_x() the caller waits: he sleeps without the GIL and is woken by the network
 * thread itself, never by a drain, so all of these work inside a listener.  Behind
 * client_start_x() nobody waits: a Call is returned, and taken when the bell rang. */

int on_main_thread(core_state *state)
{
    PyObject *thread = PyObject_CallNoArgs(state->main_thread);
    PyObject *ident = thread ? PyObject_GetAttrString(thread, "ident") : NULL;
    unsigned long main = ident ? PyLong_AsUnsignedLong(ident) : 0;
    Py_XDECREF(thread);
    Py_XDECREF(ident);
    if (PyErr_Occurred())
        return -1;
    return PyThread_get_thread_ident() == main;
}

cp_usec instant_after(cp_usec timeout)
{
    cp_usec now = cp_network_now();
    return timeout > CP_NEVER - now ? CP_NEVER : now + timeout;
}

cp_usec time_until(cp_usec deadline)
{
    if (deadline == CP_NEVER)
        return CP_NEVER;
    cp_usec left = deadline - cp_network_now();
    return left > 0 ? left : 0;
}

cp_usec slice_until(cp_usec deadline, bool on_main)
{
    cp_usec left = time_until(deadline);
    return on_main && left > SIGNAL_SLICE ? SIGNAL_SLICE : left;
}

/* Until the task is done (1) or `deadline` has come (0); -1: a signal handler raised. */
static int await(core_state *state, cp_task *task, cp_usec deadline)
{
    int sliced = on_main_thread(state);
    if (sliced < 0)
        return -1;
    for (;;) {
        bool done;
        cp_usec most = slice_until(deadline, sliced);

        Py_BEGIN_ALLOW_THREADS
            done = cp_task_wait(task, most);
        Py_END_ALLOW_THREADS
        if (done)
            return 1;
        if (PyErr_CheckSignals() < 0)
            return -1;
        if (time_until(deadline) == 0)
            return cp_task_is_done(task);
    }
}

/* Hands the call over and sleeps until it is answered.  Takes the task, which may be NULL with
 * an exception.  The session sees to the deadline. */
static PyObject *complete(PyObject *op, cp_task *task)
{
    client_object *self = (client_object *)op;
    core_state *state = core_state_of(op);
    PyObject *result = NULL;

    if (task == NULL)
        return NULL;
    cp_status status = cp_connection_post(self->connection, task);
    if (status != CP_OK)
        raise_status(state, status);
    else if (await(state, task, CP_NEVER) < 0)
        cp_connection_cancel(self->connection, task);
    else
        result = call_outcome(state, cp_task_call(task));
    cp_task_release(task);
    return result;
}

#define DOORS(verb)                                                                                \
    PyObject *client_##verb(PyObject *op, PyObject *args, PyObject *keywords)                      \
    {                                                                                              \
        return complete(op, prepare_##verb(op, args, keywords, false));                            \
    }                                                                                              \
    PyObject *client_start_##verb(PyObject *op, PyObject *args, PyObject *keywords)                \
    {                                                                                              \
        return call_start(op, prepare_##verb(op, args, keywords, true));                           \
    }

/* ---- what is asked: each gives a task, or NULL with an exception */

static cp_task *new_task(PyObject *op, cp_call_kind kind, PyObject *timeout, bool on_bell)
{
    cp_usec most = CP_NEVER;

    if (!client_is_ours((client_object *)op) ||
        read_seconds(core_state_of(op), "timeout", timeout, &most) < 0)
        return NULL;
    cp_task *task = cp_task_new(kind, on_bell);
    if (task == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    cp_task_call(task)->timeout = most;
    return task;
}

/* `result` 0: the task is complete; else it is given up. */
static cp_task *finished(cp_task *task, int result)
{
    if (result == 0)
        return task;
    cp_task_release(task);
    return NULL;
}

/* The single argument of most calls. */
static PyObject *parse_timeout(PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout;
    return PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &timeout) ? timeout : NULL;
}

static cp_task *new_timed_task(PyObject *op, cp_call_kind kind, PyObject *args, PyObject *keywords,
                               bool on_bell)
{
    PyObject *timeout = parse_timeout(args, keywords);
    return timeout ? new_task(op, kind, timeout, on_bell) : NULL;
}

static cp_task *new_endless_task(PyObject *op, cp_call_kind kind, PyObject *args,
                                 PyObject *keywords, bool on_bell)
{
    static char *names[] = {NULL};
    return PyArg_ParseTupleAndKeywords(args, keywords, "", names)
               ? new_task(op, kind, Py_None, on_bell)
               : NULL;
}

#define TIMED(verb, kind)                                                                          \
    static cp_task *prepare_##verb(PyObject *op, PyObject *args, PyObject *keywords, bool on_bell) \
    {                                                                                              \
        return new_timed_task(op, kind, args, keywords, on_bell);                                  \
    }                                                                                              \
    DOORS(verb)

#define ENDLESS(verb, kind)                                                                        \
    static cp_task *prepare_##verb(PyObject *op, PyObject *args, PyObject *keywords, bool on_bell) \
    {                                                                                              \
        return new_endless_task(op, kind, args, keywords, on_bell);                                \
    }                                                                                              \
    DOORS(verb)

TIMED(logout, CP_CALL_LOGOUT)
ENDLESS(connect, CP_CALL_CONNECT)
TIMED(disconnect, CP_CALL_DISCONNECT)
TIMED(online_user_count, CP_CALL_COUNT)
TIMED(await_sync, CP_CALL_AWAIT_SYNC)
TIMED(resync, CP_CALL_RESYNC)
ENDLESS(await_demand, CP_CALL_AWAIT_DEMAND)

static cp_task *prepare_login(PyObject *op, PyObject *args, PyObject *keywords, bool on_bell)
{
    static char *names[] = {"uid", "auth_key", "auth_token", "timeout", NULL};
    core_state *state = core_state_of(op);
    PyObject *uid, *auth_key, *auth_token, *timeout;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOO:login", names, &uid, &auth_key,
                                     &auth_token, &timeout))
        return NULL;
    cp_task *task = new_task(op, CP_CALL_LOGIN, timeout, on_bell);
    if (task == NULL)
        return NULL;
    cp_call *call = cp_task_call(task);
    bool is_read = read_text(state, "uid", uid, &call->uid) == 0 &&
                   read_text(state, "auth_key", auth_key, &call->auth_key) == 0 &&
                   read_text(state, "auth_token", auth_token, &call->auth_token) == 0;
    return finished(task, is_read ? 0 : -1);
}
DOORS(login)

static cp_task *prepare_get_user(PyObject *op, PyObject *args, PyObject *keywords, bool on_bell)
{
    static char *names[] = {"uid", "timeout", NULL};
    PyObject *uid, *timeout;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:get_user", names, &uid, &timeout))
        return NULL;
    cp_task *task = new_task(op, CP_CALL_GET_USER, timeout, on_bell);
    if (task == NULL)
        return NULL;
    return finished(task, read_text(core_state_of(op), "uid", uid, &cp_task_call(task)->uid));
}
DOORS(get_user)

static cp_task *prepare_await_user(PyObject *op, PyObject *args, PyObject *keywords, bool on_bell)
{
    static char *names[] = {"uid", "online", "fresh", "timeout", NULL};
    PyObject *uid, *timeout;
    int online, fresh;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OppO:await_user", names, &uid, &online,
                                     &fresh, &timeout))
        return NULL;
    cp_task *task = new_task(op, CP_CALL_AWAIT_USER, timeout, on_bell);
    if (task == NULL)
        return NULL;
    cp_call *call = cp_task_call(task);
    call->wanted = online ? CP_ONLINE : CP_OFFLINE;
    call->is_fresh = fresh;
    return finished(task, read_text(core_state_of(op), "uid", uid, &call->uid));
}
DOORS(await_user)

static int read_query(core_state *state, PyObject *keywords, cp_users_query *query)
{
    cp_failure failure = {.kind = CP_FAILURE_NONE};

    query->limit = 30;
    query->page = 1;
    if (read_users_query(state, keywords, query) < 0)
        return -1;
    if (cp_users_query_check(query, &failure) == CP_OK)
        return 0;
    raise_failure(state, &failure);
    return -1;
}

static cp_task *prepare_get_users(PyObject *op, PyObject *args, PyObject *keywords, bool on_bell)
{
    PyObject *timeout;

    if (!PyArg_ParseTuple(args, "O:get_users", &timeout))
        return NULL;
    cp_task *task = new_task(op, CP_CALL_GET_USERS, timeout, on_bell);
    if (task == NULL)
        return NULL;
    return finished(task, read_query(core_state_of(op), keywords, &cp_task_call(task)->query));
}
DOORS(get_users)

/* ---- what nobody waits for */

/* The provider's answer may come from any thread. */
PyObject *client_answer_token(PyObject *op, PyObject *auth_token)
{
    client_object *self = (client_object *)op;
    core_state *state = core_state_of(op);
    cp_task *task = new_task(op, CP_CALL_TOKEN, Py_None, false);
    cp_status status;

    if (task == NULL)
        return NULL;
    if (read_text(state, "auth_token", auth_token, &cp_task_call(task)->auth_token) < 0) {
        cp_task_release(task);
        return NULL;
    }
    status = cp_connection_post(self->connection, task);
    cp_task_release(task);
    return status == CP_OK ? Py_NewRef(Py_None) : raise_status(state, status);
}

/* ---- the end */

/* The close under way, posted by whoever asks first; the caller's hold. */
static cp_task *closing_task(client_object *self, cp_status *status)
{
    cp_task *task;
    Py_BEGIN_CRITICAL_SECTION(self);
    *status = CP_OK;
    if (self->closing == NULL) {
        task = cp_task_new(CP_CALL_CLOSE, false);
        *status = task ? cp_connection_post(self->connection, task) : CP_ERR_NOMEM;
        if (*status == CP_OK)
            self->closing = task;
        else
            cp_task_release(task);
    }
    task = *status == CP_OK ? cp_task_hold(self->closing) : NULL;
    Py_END_CRITICAL_SECTION();
    return task;
}

PyObject *client_close(PyObject *op, PyObject *args, PyObject *keywords)
{
    client_object *self = (client_object *)op;
    core_state *state = core_state_of(op);
    PyObject *timeout = parse_timeout(args, keywords);
    cp_usec most;
    cp_status status;

    if (timeout == NULL || !client_is_ours(self) ||
        read_seconds(state, "timeout", timeout, &most) < 0)
        return NULL;
    cp_task *task = closing_task(self, &status);
    if (task == NULL)
        return raise_status(state, status);
    int done = await(state, task, instant_after(most));
    cp_task_release(task);
    return done < 0 ? NULL : PyBool_FromLong(done);
}
