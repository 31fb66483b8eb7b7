#include "py/client.h"

#include <errno.h>

#include "py/arguments.h"
#include "py/convert.h"

/* What a client sleeps on until there is something to drain. */

PyObject *client_fileno(PyObject *op, PyObject *Py_UNUSED(none))
{
    client_object *self = (client_object *)op;
    if (!client_is_ours(self))
        return NULL;
    int bell = cp_connection_bell(self->connection);
    return bell < 0 ? raise_status(core_state_of(op), CP_ERR_SYSTEM) : PyLong_FromLong(bell);
}

PyObject *client_set_alarm(PyObject *op, PyObject *seconds)
{
    client_object *self = (client_object *)op;
    cp_usec at;

    if (read_seconds(core_state_of(op), "at", seconds, &at) < 0 || !client_is_ours(self))
        return NULL;
    cp_connection_set_alarm(self->connection, at);
    Py_RETURN_NONE;
}

/* First with the GIL, which a busy thread beside us would keep for some milliseconds. */
static cp_status listen_once(client_object *self, cp_usec most, int *error)
{
    cp_status status = cp_connection_listen(self->connection, 0);

    *error = errno;
    if (status != CP_ERR_TIMEOUT || most == 0)
        return status;
    Py_BEGIN_ALLOW_THREADS
        errno = 0;
        status = cp_connection_listen(self->connection, most);
        *error = errno;
    Py_END_ALLOW_THREADS
    return status;
}

static bool may_go_on(cp_status status, int error)
{
    return status == CP_ERR_TIMEOUT || status == CP_ERR_STALLED ||
           (status == CP_ERR_SYSTEM && error == EINTR);
}

/* The network thread does not turn.  Whoever listens goes on: it may come back. */
static bool tell_stalled(client_object *self)
{
    PyObject *report = Py_XNewRef(self->report), *result = NULL;

    raise_status(core_state_of((PyObject *)self), CP_ERR_STALLED);
    PyObject *exception = PyErr_GetRaisedException();
    if (report != NULL)
        result = PyObject_CallFunction(report, "Os", exception, "network thread");
    bool is_told = result != NULL || report == NULL;
    Py_XDECREF(result);
    Py_XDECREF(report);
    Py_XDECREF(exception);
    return is_told;
}

PyObject *client_mind_network(PyObject *op, PyObject *Py_UNUSED(none))
{
    client_object *self = (client_object *)op;
    cp_usec look_again;

    if (cp_connection_has_stalled(self->connection, &look_again) && !tell_stalled(self))
        return NULL;
    return seconds_to_python(look_again);
}

PyObject *client_wait(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    client_object *self = (client_object *)op;
    core_state *state = core_state_of(op);
    PyObject *timeout;
    cp_usec most;
    int error, sliced;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:wait", names, &timeout) ||
        read_seconds(state, "timeout", timeout, &most) < 0 || !client_is_ours(self) ||
        (sliced = on_main_thread(state)) < 0)
        return NULL;
    cp_usec deadline = instant_after(most);
    for (;;) {
        cp_status status = listen_once(self, slice_until(deadline, sliced), &error);
        if (status == CP_OK)
            Py_RETURN_TRUE;
        if (status == CP_ERR_CLOSED || (status == CP_ERR_TIMEOUT && time_until(deadline) == 0))
            Py_RETURN_FALSE;
        if (!may_go_on(status, error)) {
            errno = error;
            return raise_status(state, status);
        }
        if ((status == CP_ERR_STALLED && !tell_stalled(self)) || PyErr_CheckSignals() < 0)
            return NULL;
    }
}
