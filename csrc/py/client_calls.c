#include "py/client.h"

#include <stdlib.h>
#include <string.h>

#include "net/network.h"
#include "py/arguments.h"
#include "py/convert.h"
#include "py/value_types.h"

/* Each call is a task for the network thread.  Whoever waits for it sleeps without the
 * GIL and is woken by the network thread itself, never by a drain, so all of these work
 * inside a listener. */

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

/* Until the task is done (1) or `deadline` has come (0); -1: a signal handler raised.
 * Only the main thread runs handlers, so only it needs to wake up for them. */
static int await(core_state *state, cp_task *task, cp_usec deadline)
{
    int sliced = on_main_thread(state);
    if (sliced < 0)
        return -1;
    for (;;) {
        bool done;
        cp_usec left = time_until(deadline);
        cp_usec most = sliced && left > SIGNAL_SLICE ? SIGNAL_SLICE : left;

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

/* Hands the call over and sleeps until it is answered: 0, and the call is ours again, or
 * -1 with an exception.  The session sees to the deadline. */
static int complete(client_object *self, cp_task *task)
{
    core_state *state = core_state_of((PyObject *)self);
    cp_status status = cp_connection_post(self->connection, task);

    if (status != CP_OK) {
        raise_status(state, status);
        return -1;
    }
    if (await(state, task, CP_NEVER) < 0) {
        cp_connection_cancel(self->connection, task);
        return -1;
    }
    const cp_failure *failure = &cp_task_call(task)->failure;
    if (failure->kind == CP_FAILURE_NONE)
        return 0;
    raise_failure(state, failure);
    return -1;
}

/* A task for this client with its timeout read; NULL with an exception. */
static cp_task *new_task(client_object *self, cp_call_kind kind, PyObject *timeout)
{
    cp_usec most = CP_NEVER;

    if (!client_is_ours(self) ||
        read_seconds(core_state_of((PyObject *)self), "timeout", timeout, &most) < 0)
        return NULL;
    cp_task *task = cp_task_new(kind, false);
    if (task == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    cp_task_call(task)->timeout = most;
    return task;
}

/* The single argument of most calls. */
static PyObject *parse_timeout(PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout;
    return PyArg_ParseTupleAndKeywords(args, keywords, "O", names, &timeout) ? timeout : NULL;
}

static cp_task *new_timed_task(PyObject *op, cp_call_kind kind, PyObject *args, PyObject *keywords)
{
    PyObject *timeout = parse_timeout(args, keywords);
    return timeout ? new_task((client_object *)op, kind, timeout) : NULL;
}

/* For calls whose answer is that they worked. */
static PyObject *finish_plain(PyObject *op, cp_task *task)
{
    int result = task ? complete((client_object *)op, task) : -1;
    cp_task_release(task);
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

/* ---- logging in and out, connecting */

PyObject *client_login(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"uid", "auth_key", "auth_token", "timeout", NULL};
    core_state *state = core_state_of(op);
    PyObject *uid, *auth_key, *auth_token, *timeout, *result = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOO:login", names, &uid, &auth_key,
                                     &auth_token, &timeout))
        return NULL;
    cp_task *task = new_task((client_object *)op, CP_CALL_LOGIN, timeout);
    if (task == NULL)
        return NULL;
    cp_call *call = cp_task_call(task);
    if (read_text(state, "uid", uid, &call->uid) == 0 &&
        read_text(state, "auth_key", auth_key, &call->auth_key) == 0 &&
        read_text(state, "auth_token", auth_token, &call->auth_token) == 0 &&
        complete((client_object *)op, task) == 0)
        result = presence_to_python(state, &call->user);
    cp_task_release(task);
    return result;
}

PyObject *client_logout(PyObject *op, PyObject *args, PyObject *keywords)
{
    return finish_plain(op, new_timed_task(op, CP_CALL_LOGOUT, args, keywords));
}

PyObject *client_connect(PyObject *op, PyObject *Py_UNUSED(none))
{
    return finish_plain(op, new_task((client_object *)op, CP_CALL_CONNECT, Py_None));
}

PyObject *client_disconnect(PyObject *op, PyObject *args, PyObject *keywords)
{
    return finish_plain(op, new_timed_task(op, CP_CALL_DISCONNECT, args, keywords));
}

PyObject *client_await_demand(PyObject *op, PyObject *Py_UNUSED(none))
{
    return finish_plain(op, new_task((client_object *)op, CP_CALL_AWAIT_DEMAND, Py_None));
}

/* Nobody waits for this one: the provider's answer may come from any thread. */
PyObject *client_answer_token(PyObject *op, PyObject *auth_token)
{
    client_object *self = (client_object *)op;
    core_state *state = core_state_of(op);
    cp_task *task = new_task(self, CP_CALL_TOKEN, Py_None);
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

/* ---- asking the server */

PyObject *client_get_user(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"uid", "timeout", NULL};
    core_state *state = core_state_of(op);
    PyObject *uid, *timeout, *result = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:get_user", names, &uid, &timeout))
        return NULL;
    cp_task *task = new_task((client_object *)op, CP_CALL_GET_USER, timeout);
    if (task == NULL)
        return NULL;
    cp_call *call = cp_task_call(task);
    if (read_text(state, "uid", uid, &call->uid) == 0 && complete((client_object *)op, task) == 0)
        result = presence_to_python(state, &call->user);
    cp_task_release(task);
    return result;
}

PyObject *client_await_user(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"uid", "online", "fresh", "timeout", NULL};
    core_state *state = core_state_of(op);
    PyObject *uid, *timeout, *result = NULL;
    int online, fresh;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OppO:await_user", names, &uid, &online,
                                     &fresh, &timeout))
        return NULL;
    cp_task *task = new_task((client_object *)op, CP_CALL_AWAIT_USER, timeout);
    if (task == NULL)
        return NULL;
    cp_call *call = cp_task_call(task);
    call->wanted = online ? CP_ONLINE : CP_OFFLINE;
    call->is_fresh = fresh;
    if (read_text(state, "uid", uid, &call->uid) == 0 && complete((client_object *)op, task) == 0)
        result = presence_to_python(state, &call->user);
    cp_task_release(task);
    return result;
}

static PyObject *page_to_python(core_state *state, const cp_users_page *page)
{
    PyObject *users = PyList_New((Py_ssize_t)page->count);
    if (users == NULL)
        return NULL;
    for (size_t i = 0; i < page->count; i++) {
        PyObject *user = presence_to_python(state, &page->users[i]);
        if (user == NULL) {
            Py_DECREF(users);
            return NULL;
        }
        PyList_SET_ITEM(users, (Py_ssize_t)i, user);
    }
    return Py_BuildValue("Ni", users, page->total_pages);
}

PyObject *client_get_users(PyObject *op, PyObject *args, PyObject *keywords)
{
    core_state *state = core_state_of(op);
    PyObject *timeout, *result = NULL;
    cp_failure failure = {.kind = CP_FAILURE_NONE};

    if (!PyArg_ParseTuple(args, "O:get_users", &timeout))
        return NULL;
    cp_task *task = new_task((client_object *)op, CP_CALL_GET_USERS, timeout);
    if (task == NULL)
        return NULL;
    cp_call *call = cp_task_call(task);
    call->query.limit = 30;
    call->query.page = 1;
    if (read_users_query(state, keywords, &call->query) < 0)
        goto done;
    if (cp_users_query_check(&call->query, &failure) != CP_OK) {
        raise_failure(state, &failure);
        goto done;
    }
    if (complete((client_object *)op, task) == 0)
        result = page_to_python(state, &call->page);
done:
    cp_task_release(task);
    return result;
}

PyObject *client_online_user_count(PyObject *op, PyObject *args, PyObject *keywords)
{
    cp_task *task = new_timed_task(op, CP_CALL_COUNT, args, keywords);
    PyObject *result = NULL;
    if (task != NULL && complete((client_object *)op, task) == 0)
        result = PyLong_FromLongLong(cp_task_call(task)->number);
    cp_task_release(task);
    return result;
}

/* ---- synchronising */

static PyObject *finish_report(PyObject *op, cp_task *task)
{
    PyObject *result = NULL;
    if (task != NULL && complete((client_object *)op, task) == 0)
        result = report_to_python(core_state_of(op), &cp_task_call(task)->report);
    cp_task_release(task);
    return result;
}

PyObject *client_await_sync(PyObject *op, PyObject *args, PyObject *keywords)
{
    return finish_report(op, new_timed_task(op, CP_CALL_AWAIT_SYNC, args, keywords));
}

PyObject *client_resync(PyObject *op, PyObject *args, PyObject *keywords)
{
    return finish_report(op, new_timed_task(op, CP_CALL_RESYNC, args, keywords));
}
