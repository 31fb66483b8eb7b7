#include "py/value_types.h"

#include <stddef.h>

#include "py/convert.h"

/* One change of one user's presence.  What is rarely asked for is made when it is. */
typedef struct event_object {
    PyObject_HEAD
    PyObject *user;
    int64_t at;
    cp_usec received_at;
    uint64_t seq;
    uint32_t generation;
    uint32_t coalesced;
    cp_presence_status status;
    cp_presence_status previous;
    cp_origin origin;
} event_object;

PyObject *change_to_python(core_state *state, const cp_change *change, PyObject *user)
{
    PyTypeObject *type = (PyTypeObject *)state->event_type;
    event_object *self = (event_object *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->user = Py_NewRef(user);
    self->at = change->at;
    self->received_at = change->received_at;
    self->seq = change->seq;
    self->generation = change->generation;
    self->coalesced = change->coalesced;
    self->status = change->status;
    self->previous = change->previous;
    self->origin = change->origin;
    return (PyObject *)self;
}

cp_origin event_origin(PyObject *event)
{
    return ((event_object *)event)->origin;
}

cp_usec event_received_at(PyObject *event)
{
    return ((event_object *)event)->received_at;
}

static void event_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    Py_XDECREF(((event_object *)op)->user);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *get_user(PyObject *op, void *Py_UNUSED(closure))
{
    return Py_NewRef(((event_object *)op)->user);
}

static PyObject *get_previous(PyObject *op, void *Py_UNUSED(closure))
{
    return Py_NewRef(core_state_of(op)->user_status[((event_object *)op)->previous]);
}

static PyObject *get_origin(PyObject *op, void *Py_UNUSED(closure))
{
    return Py_NewRef(core_state_of(op)->origin[((event_object *)op)->origin]);
}

static PyObject *get_at(PyObject *op, void *Py_UNUSED(closure))
{
    return seconds_to_datetime(core_state_of(op), ((event_object *)op)->at);
}

static PyObject *get_received_at(PyObject *op, void *Py_UNUSED(closure))
{
    return seconds_to_python(((event_object *)op)->received_at);
}

static PyObject *get_generation(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((event_object *)op)->generation);
}

static PyObject *get_seq(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((event_object *)op)->seq);
}

static PyObject *get_coalesced(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((event_object *)op)->coalesced);
}

static PyObject *get_online(PyObject *op, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((event_object *)op)->status == CP_ONLINE);
}

static PyObject *event_repr(PyObject *op)
{
    event_object *self = (event_object *)op;
    return PyUnicode_FromFormat("<PresenceEvent %llu %R, was %S>", (unsigned long long)self->seq,
                                self->user, core_state_of(op)->user_status[self->previous]);
}

static PyGetSetDef event_getset[] = {
    {"user", get_user, NULL, PyDoc_STR("The User as the change left them."), NULL},
    {"previous", get_previous, NULL,
     PyDoc_STR("The UserStatus told, or learned from the server, before; UNKNOWN: none was, though "
               "presence.status() takes whom it never heard of for offline."),
     NULL},
    {"origin", get_origin, NULL, PyDoc_STR("Why there is this event: an Origin."), NULL},
    {"at", get_at, NULL, PyDoc_STR("The server's time of the change, aware and in UTC, or None."),
     NULL},
    {"received_at", get_received_at, NULL,
     PyDoc_STR("time.monotonic() of its arrival, in seconds."), NULL},
    {"generation", get_generation, NULL,
     PyDoc_STR("Of which connection: 1 for the first authenticated one."), NULL},
    {"seq", get_seq, NULL,
     PyDoc_STR(
         "One more per event told to handlers, or per event of a stream, without gaps; 0 in a "
         "recap for one handler."),
     NULL},
    {"coalesced", get_coalesced, NULL,
     PyDoc_STR("How many older changes of this user were folded into this one."), NULL},
    {"online", get_online, NULL, PyDoc_STR("Whether the user came, rather than went."), NULL},
    {NULL},
};

static PyType_Slot event_slots[] = {
    {Py_tp_doc, PyDoc_STR("Somebody came or went.  Immutable.")},
    {Py_tp_dealloc, event_dealloc},
    {Py_tp_repr, event_repr},
    {Py_tp_getset, event_getset},
    {0, NULL},
};

PyType_Spec event_spec = {
    .name = "cometpresence.PresenceEvent",
    .basicsize = sizeof(event_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = event_slots,
};
