#include "py/feed_type.h"

#include "net/network.h"
#include "net/reader.h"
#include "py/arguments.h"
#include "py/client.h"
#include "py/convert.h"
#include "py/value_types.h"

/* Changes read beside the listeners: what a stream is made of.  It holds the connection but
 * not the client, so a client that is dropped closes under it.  It refers to no Python
 * object, so the garbage collector need not know it. */
typedef struct feed_object {
    PyObject_HEAD
    cp_reader *reader;
    unsigned owner; /* the process it works in */
} feed_object;

#define TAKEN_AT_ONCE 64

static bool feed_is_ours(feed_object *self)
{
    if (self->owner == cp_network_process())
        return true;
    raise_status(core_state_of((PyObject *)self), CP_ERR_FORKED);
    return false;
}

/* ---- made */

static int read_overflow(core_state *state, PyObject *word, cp_overflow *out)
{
    static const char *const words[] = {
        [CP_OVERFLOW_COALESCE] = "coalesce",
        [CP_OVERFLOW_DROP_OLDEST] = "drop_oldest",
        [CP_OVERFLOW_ERROR] = "error",
    };

    for (size_t i = 0; PyUnicode_Check(word) && i < Py_ARRAY_LENGTH(words); i++) {
        if (PyUnicode_CompareWithASCIIString(word, words[i]) == 0) {
            *out = (cp_overflow)i;
            return 0;
        }
    }
    raise_config(state, "INVALID_PARAMETER",
                 "The overflow is \"coalesce\", \"drop_oldest\" or \"error\".");
    return -1;
}

PyObject *client_open_feed(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"maxsize", "overflow", "snapshot", "on_bell", NULL};
    client_object *client = (client_object *)op;
    core_state *state = core_state_of(op);
    PyTypeObject *type = (PyTypeObject *)state->feed_type;
    PyObject *maxsize, *overflow;
    int snapshot = false, on_bell = false;
    cp_reader_options options = {0};
    long size;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|pp:open_feed", names, &maxsize, &overflow,
                                     &snapshot, &on_bell) ||
        !client_is_ours(client) ||
        read_int(state, "maxsize", maxsize, 1, FEED_SIZE_MAX, &size) < 0 ||
        read_overflow(state, overflow, &options.overflow) < 0)
        return NULL;
    options.size = (uint32_t)size;
    options.with_snapshot = snapshot;
    options.on_bell = on_bell;
    feed_object *self = (feed_object *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->owner = cp_network_process();
    cp_status status = cp_reader_open(client->connection, &options, &self->reader);
    if (status == CP_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return raise_status(state, status);
}

static void feed_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    cp_reader_free(((feed_object *)op)->reader);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- reading */

/* Takes the change. */
static int append_event(core_state *state, PyObject *events, cp_change *change)
{
    PyObject *user = user_to_python(state, change->user, change->status, change->last_active_at);
    PyObject *event = user ? change_to_python(state, change, user) : NULL;
    int result = event ? PyList_Append(events, event) : -1;
    if (user == NULL)
        cp_user_release(change->user);
    Py_XDECREF(user);
    Py_XDECREF(event);
    return result;
}

/* Up to `most` more; how many there were, or -1. */
static Py_ssize_t take_some(feed_object *self, PyObject *events, Py_ssize_t most)
{
    core_state *state = core_state_of((PyObject *)self);
    cp_change changes[TAKEN_AT_ONCE];
    size_t wanted = most < TAKEN_AT_ONCE ? (size_t)most : TAKEN_AT_ONCE;
    size_t taken = cp_reader_take(self->reader, changes, wanted), next = 0;

    while (next < taken && append_event(state, events, &changes[next]) == 0)
        next++;
    if (next == taken)
        return (Py_ssize_t)taken;
    while (++next < taken) /* no memory for the others either */
        cp_user_release(changes[next].user);
    return -1;
}

static PyObject *feed_take(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"max_events", NULL};
    feed_object *self = (feed_object *)op;
    PyObject *events = NULL;
    Py_ssize_t most, taken = 1;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "n:take", names, &most) || !feed_is_ours(self))
        return NULL;
    events = PyList_New(0);
    for (; events != NULL && most > 0 && taken > 0; most -= taken) {
        taken = take_some(self, events, most);
        if (taken < 0)
            Py_CLEAR(events);
    }
    return events;
}

static PyObject *raise_refusal(feed_object *self, core_state *state)
{
    cp_failure failure;
    cp_reader_refusal(self->reader, &failure);
    if (failure.kind == CP_FAILURE_NONE) /* somebody logged in again just now */
        Py_RETURN_FALSE;
    return raise_failure(state, &failure);
}

static PyObject *answer_wait(feed_object *self, core_state *state, cp_status status)
{
    switch (status) {
    case CP_OK:
        Py_RETURN_TRUE;
    case CP_ERR_TIMEOUT:
        Py_RETURN_FALSE;
    case CP_ERR_REFUSED:
        return raise_refusal(self, state);
    default:
        return raise_status(state, status);
    }
}

static PyObject *feed_wait(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    feed_object *self = (feed_object *)op;
    core_state *state = core_state_of(op);
    PyObject *timeout;
    cp_usec most;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:wait", names, &timeout) ||
        read_seconds(state, "timeout", timeout, &most) < 0 || !feed_is_ours(self))
        return NULL;
    cp_usec deadline = instant_after(most);
    int sliced = on_main_thread(state);
    if (sliced < 0)
        return NULL;
    for (;;) {
        cp_status status;
        cp_usec slice = slice_until(deadline, sliced);

        Py_BEGIN_ALLOW_THREADS
            status = cp_reader_wait(self->reader, slice);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0)
            return NULL;
        if (status != CP_ERR_TIMEOUT || time_until(deadline) == 0)
            return answer_wait(self, state, status);
    }
}

static PyObject *feed_close(PyObject *op, PyObject *Py_UNUSED(none))
{
    feed_object *self = (feed_object *)op;
    if (self->owner == cp_network_process()) {
        Py_BEGIN_ALLOW_THREADS
            cp_reader_close(self->reader);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static PyObject *feed_enter(PyObject *op, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(op);
}

static PyObject *feed_exit(PyObject *op, PyObject *Py_UNUSED(args))
{
    return feed_close(op, NULL);
}

/* ---- looking */

static PyObject *get_closed(PyObject *op, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(cp_reader_is_closed(((feed_object *)op)->reader));
}

static PyObject *get_has_news(PyObject *op, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(cp_reader_has_news(((feed_object *)op)->reader));
}

static PyObject *get_dropped(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(cp_reader_counts(((feed_object *)op)->reader).dropped);
}

static PyObject *get_coalesced(PyObject *op, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(cp_reader_counts(((feed_object *)op)->reader).coalesced);
}

/* ---- the type */

#define CALL(name, function, doc)                                                                  \
    {name, (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS, PyDoc_STR(doc)}

static PyMethodDef feed_methods[] = {
    CALL("take", feed_take, "take($self, max_events)\n--\n\nWhat has come; never sleeps."),
    CALL("wait", feed_wait,
         "wait($self, timeout)\n--\n\nTrue: there may be something to take.  False: nothing came "
         "in time.  Once all is taken it raises why there will not be more."),
    {"close", feed_close, METH_NOARGS,
     PyDoc_STR("close($self)\n--\n\nWhoever waits is told; what was not taken is given up.")},
    {"__enter__", feed_enter, METH_NOARGS, PyDoc_STR("__enter__($self)\n--\n\nThe feed.")},
    {"__exit__", feed_exit, METH_VARARGS,
     PyDoc_STR("__exit__($self, /, *_)\n--\n\nCloses the feed.")},
    {NULL},
};

static PyGetSetDef feed_getset[] = {
    {"closed", get_closed, NULL, PyDoc_STR("Whether close() was called."), NULL},
    {"has_news", get_has_news, NULL, PyDoc_STR("Whether wait() would not sleep."), NULL},
    {"dropped", get_dropped, NULL, PyDoc_STR("How many changes were lost."), NULL},
    {"coalesced", get_coalesced, NULL,
     PyDoc_STR("How many changes were folded into others, or taken back by them."), NULL},
    {NULL},
};

static PyType_Slot feed_slots[] = {
    {Py_tp_doc, PyDoc_STR("Changes, read beside the listeners; made by Client.open_feed().")},
    {Py_tp_dealloc, feed_dealloc},
    {Py_tp_methods, feed_methods},
    {Py_tp_getset, feed_getset},
    {0, NULL},
};

PyType_Spec feed_spec = {
    .name = "cometpresence._core.Feed",
    .basicsize = sizeof(feed_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = feed_slots,
};
