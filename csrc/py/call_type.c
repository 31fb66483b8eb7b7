#include "py/call_type.h"

#include "net/network.h"
#include "py/client.h"
#include "py/convert.h"
#include "py/value_types.h"

/* Two of these are equal when they are about the same call: one comes from start_…(), the
 * other, when it is done, from take_done().  It refers to no Python object, so the garbage
 * collector need not know it. */
typedef struct call_object {
    PyObject_HEAD
    cp_task *task;
    unsigned owner; /* the process it was made in */
} call_object;

/* ---- made */

/* Takes the task. */
static PyObject *wrap(core_state *state, cp_task *task)
{
    PyTypeObject *type = (PyTypeObject *)state->call_type;
    call_object *self = (call_object *)type->tp_alloc(type, 0);

    if (self == NULL) {
        cp_task_release(task);
        return NULL;
    }
    self->task = task;
    self->owner = cp_network_process();
    return (PyObject *)self;
}

PyObject *call_start(PyObject *client, cp_task *task)
{
    core_state *state = core_state_of(client);
    PyObject *self = task ? wrap(state, task) : NULL;

    if (self == NULL)
        return NULL;
    cp_status status = cp_connection_post(((client_object *)client)->connection, task);
    if (status == CP_OK)
        return self;
    Py_DECREF(self);
    return raise_status(state, status);
}

static void call_dealloc(PyObject *op)
{
    call_object *self = (call_object *)op;
    PyTypeObject *type = Py_TYPE(op);

    if (self->owner == cp_network_process()) /* a forked child frees nothing */
        cp_task_release(self->task);
    type->tp_free(op);
    Py_DECREF(type);
}

PyObject *client_take_done(PyObject *op, PyObject *Py_UNUSED(none))
{
    cp_connection *connection = ((client_object *)op)->connection;
    core_state *state = core_state_of(op);
    PyObject *calls = PyList_New(0);
    cp_task *task;

    cp_connection_hush(connection);
    while (calls != NULL && (task = cp_connection_take_done(connection)) != NULL) {
        PyObject *call = wrap(state, task);
        if (call == NULL || PyList_Append(calls, call) < 0)
            Py_CLEAR(calls);
        Py_XDECREF(call);
    }
    return calls;
}

PyObject *client_cancel(PyObject *op, PyObject *call)
{
    if (!Py_IS_TYPE(call, (PyTypeObject *)core_state_of(op)->call_type)) {
        PyErr_SetString(PyExc_TypeError, "what can be cancelled is a Call");
        return NULL;
    }
    cp_connection_cancel(((client_object *)op)->connection, ((call_object *)call)->task);
    Py_RETURN_NONE;
}

/* ---- what came of it */

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

PyObject *call_outcome(core_state *state, const cp_call *call)
{
    if (call->failure.kind != CP_FAILURE_NONE)
        return raise_failure(state, &call->failure);
    switch (call->kind) {
    case CP_CALL_LOGIN:
    case CP_CALL_GET_USER:
    case CP_CALL_AWAIT_USER:
        return presence_to_python(state, &call->user);
    case CP_CALL_GET_USERS:
        return page_to_python(state, &call->page);
    case CP_CALL_COUNT:
        return PyLong_FromLongLong(call->number);
    case CP_CALL_AWAIT_SYNC:
    case CP_CALL_RESYNC:
        return report_to_python(state, &call->report);
    case CP_CALL_TOKEN:
    case CP_CALL_LOGOUT:
    case CP_CALL_CONNECT:
    case CP_CALL_DISCONNECT:
    case CP_CALL_CLOSE:
    case CP_CALL_AWAIT_DEMAND:
        break; /* that it worked is all */
    }
    Py_RETURN_NONE;
}

static PyObject *call_result(PyObject *op, PyObject *Py_UNUSED(none))
{
    call_object *self = (call_object *)op;
    core_state *state = core_state_of(op);

    if (self->owner != cp_network_process())
        return raise_status(state, CP_ERR_FORKED);
    if (cp_task_is_done(self->task))
        return call_outcome(state, cp_task_call(self->task));
    PyErr_SetString(PyExc_RuntimeError, "the call is not done yet");
    return NULL;
}

/* ---- which one it is */

static Py_hash_t call_hash(PyObject *op)
{
    Py_hash_t hash = (Py_hash_t)((uintptr_t)((call_object *)op)->task >> 4);
    return hash == -1 ? -2 : hash;
}

static PyObject *call_compare(PyObject *op, PyObject *other, int how)
{
    if (!Py_IS_TYPE(other, Py_TYPE(op)) || (how != Py_EQ && how != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    bool is_same = ((call_object *)op)->task == ((call_object *)other)->task;
    return PyBool_FromLong(is_same == (how == Py_EQ));
}

/* ---- the type */

static PyMethodDef call_methods[] = {
    {"result", call_result, METH_NOARGS,
     PyDoc_STR("result($self)\n--\n\nWhat came of it, once take_done() gave it; or it raises.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     PyDoc_STR("Call[int] is one whose result is an int, for type checkers.")},
    {NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, PyDoc_STR("What Client.start_…() asked; equal to the one take_done() gives.")},
    {Py_tp_dealloc, call_dealloc},
    {Py_tp_hash, call_hash},
    {Py_tp_richcompare, call_compare},
    {Py_tp_methods, call_methods},
    {0, NULL},
};

PyType_Spec call_spec = {
    .name = "cometpresence._core.Call",
    .basicsize = sizeof(call_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = call_slots,
};
