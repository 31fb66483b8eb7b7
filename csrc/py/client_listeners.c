#include "py/client.h"

#include "net/network.h"

#include <stdlib.h>

#include "py/convert.h"

/* Every touch of the registry is inside the object's critical section; none of them
 * calls a listener.  Releasing a target can run Python (a callable's end), which may come
 * back to us: the registry allows that, and the section is reentrant. */

const char *const kind_constant[LISTENER_KINDS] = {
    [KIND_ONLINE] = "ONLINE",
    [KIND_OFFLINE] = "OFFLINE",
    [KIND_PRESENCE] = "PRESENCE",
    [KIND_PRESENCE_BATCH] = "PRESENCE_BATCH",
    [KIND_CONNECTING] = "CONNECTING",
    [KIND_CONNECTED] = "CONNECTED",
    [KIND_DISCONNECTED] = "DISCONNECTED",
    [KIND_SYNCED] = "SYNCED",
    [KIND_DEGRADED] = "DEGRADED",
    [KIND_THROTTLED] = "THROTTLED",
    [KIND_LOGGED_IN] = "LOGGED_IN",
    [KIND_LOGIN_FAILED] = "LOGIN_FAILED",
    [KIND_LOGGED_OUT] = "LOGGED_OUT",
    [KIND_ALARM] = "ALARM",
};

const char *const kind_handler[LISTENER_KINDS] = {
    [KIND_ONLINE] = "on_user_online",        [KIND_OFFLINE] = "on_user_offline",
    [KIND_PRESENCE] = "on_presence",         [KIND_PRESENCE_BATCH] = "on_presence_batch",
    [KIND_CONNECTING] = "on_connecting",     [KIND_CONNECTED] = "on_connected",
    [KIND_DISCONNECTED] = "on_disconnected", [KIND_SYNCED] = "on_synced",
    [KIND_DEGRADED] = "on_degraded",         [KIND_THROTTLED] = "on_feature_throttled",
    [KIND_LOGGED_IN] = "login_success",      [KIND_LOGIN_FAILED] = "login_failure",
    [KIND_LOGGED_OUT] = "logout_success",    [KIND_ALARM] = "debounced",
};

/* ---- one listener */

void release_target(void *opaque)
{
    listener_target *self = opaque;
    Py_XDECREF(self->id);
    for (int kind = 0; kind < LISTENER_KINDS; kind++)
        Py_XDECREF(self->handler[kind]);
    PyMem_Free(self);
}

typedef struct visitor {
    visitproc visit;
    void *arg;
} visitor;

static int visit_target(void *opaque, void *opaque_visitor)
{
    listener_target *self = opaque;
    visitproc visit = ((visitor *)opaque_visitor)->visit;
    void *arg = ((visitor *)opaque_visitor)->arg;

    Py_VISIT(self->id);
    for (int kind = 0; kind < LISTENER_KINDS; kind++)
        Py_VISIT(self->handler[kind]);
    return 0;
}

int visit_listeners(client_object *self, visitproc visit, void *arg)
{
    if (self->listeners == NULL)
        return 0;
    return cp_listeners_visit(self->listeners, visit_target, &(visitor){visit, arg});
}

static int add_handler(core_state *state, listener_target *self, PyObject *kind, PyObject *handler)
{
    long index = PyLong_AsLong(kind);
    if (index == -1 && PyErr_Occurred())
        return -1;
    if (index < 0 || index >= LISTENER_KINDS) {
        raise_config(state, "INVALID_LISTENER", "there is no event %ld", index);
        return -1;
    }
    if (!PyCallable_Check(handler)) {
        raise_config(state, "INVALID_LISTENER", "the %s handler is not callable: %.100s",
                     kind_handler[index], Py_TYPE(handler)->tp_name);
        return -1;
    }
    Py_XSETREF(self->handler[index], Py_NewRef(handler));
    self->wants |= WANTS(index);
    return 0;
}

/* One that comes during a round hears of the next event, whenever that was received. */
static cp_usec first_news(const client_object *self)
{
    bool is_inside = atomic_load(&self->drainer) == PyThread_get_thread_ident();
    return is_inside ? self->telling_of : cp_network_now();
}

static listener_target *new_target(core_state *state, PyObject *id, PyObject *handlers,
                                   uint32_t origins, cp_usec since)
{
    PyObject *items = PyMapping_Items(handlers);
    listener_target *self = items ? PyMem_Calloc(1, sizeof *self) : NULL;
    if (self == NULL) {
        if (items != NULL)
            PyErr_NoMemory();
        Py_XDECREF(items);
        return NULL;
    }
    self->since = self->changes_since = since;
    self->id = Py_NewRef(id);
    self->origins = origins;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *kind, *handler;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(items, i), "OO", &kind, &handler) ||
            add_handler(state, self, kind, handler) < 0) {
            release_target(self);
            self = NULL;
            break;
        }
    }
    Py_DECREF(items);
    return self;
}

/* ---- newcomers */

static bool wants_recap(const listener_target *self)
{
    const uint32_t wants = WANTS(KIND_ONLINE) | WANTS(KIND_PRESENCE) | WANTS(KIND_PRESENCE_BATCH);
    return self->wants & wants && self->origins & ORIGIN_BIT(CP_ORIGIN_SNAPSHOT);
}

static int waits_for_recap(void *target, void *number)
{
    const listener_target *self = target;
    if (self->changes_since != CP_NEVER)
        return 0;
    *(uint64_t *)number = self->number;
    return 1;
}

uint64_t find_newcomer(client_object *self)
{
    uint64_t number = 0;

    if (!atomic_load(&self->has_newcomers))
        return 0;
    Py_BEGIN_CRITICAL_SECTION(self);
    cp_listeners_visit(self->listeners, waits_for_recap, &number);
    atomic_store(&self->has_newcomers, number != 0);
    Py_END_CRITICAL_SECTION();
    return number;
}

static int has_caught_up(void *target, void *number)
{
    listener_target *self = target;
    if (self->number != *(uint64_t *)number)
        return 0;
    self->changes_since = 0;
    return 1;
}

void end_recap(client_object *self, uint64_t number)
{
    Py_BEGIN_CRITICAL_SECTION(self);
    cp_listeners_visit(self->listeners, has_caught_up, &number);
    Py_END_CRITICAL_SECTION();
}

/* ---- the registry */

PyObject *client_add_listener(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"id", "handlers", "origins", NULL};
    client_object *self = (client_object *)op;
    core_state *state = core_state_of(op);
    PyObject *id, *handlers;
    unsigned origins;
    Py_ssize_t length;
    cp_status status;

    if (!client_is_ours(self) || !PyArg_ParseTupleAndKeywords(args, keywords, "UOI:add_listener",
                                                              names, &id, &handlers, &origins))
        return NULL;
    const char *text = PyUnicode_AsUTF8AndSize(id, &length);
    listener_target *target =
        text ? new_target(state, id, handlers, origins, first_news(self)) : NULL;
    if (target == NULL)
        return NULL;

    bool is_newcomer = wants_recap(target);
    if (is_newcomer)
        target->changes_since = CP_NEVER;
    Py_BEGIN_CRITICAL_SECTION(op);
    target->number = ++self->newest_listener;
    status =
        cp_listeners_add(self->listeners, (cp_slice){text, (size_t)length}, target->wants, target);
    Py_END_CRITICAL_SECTION();
    if (status != CP_OK) {
        release_target(target);
        return raise_status(state, status);
    }
    if (is_newcomer) {
        atomic_store(&self->has_newcomers, true);
        cp_connection_wake(self->connection);
    }
    Py_RETURN_NONE;
}

PyObject *client_remove_listener(PyObject *op, PyObject *id)
{
    client_object *self = (client_object *)op;
    Py_ssize_t length;
    bool removed;

    if (!client_is_ours(self))
        return NULL;
    if (!PyUnicode_Check(id))
        Py_RETURN_FALSE; /* as the vendor: strictly compared, so no such id */
    const char *text = PyUnicode_AsUTF8AndSize(id, &length);
    if (text == NULL)
        return NULL;
    Py_BEGIN_CRITICAL_SECTION(op);
    removed = cp_listeners_remove(self->listeners, (cp_slice){text, (size_t)length});
    Py_END_CRITICAL_SECTION();
    return PyBool_FromLong(removed);
}

PyObject *client_clear_listeners(PyObject *op, PyObject *Py_UNUSED(none))
{
    client_object *self = (client_object *)op;

    if (!client_is_ours(self))
        return NULL;
    Py_BEGIN_CRITICAL_SECTION(op);
    cp_listeners_clear(self->listeners);
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

/* ---- rounds */

bool listeners_wanted(client_object *self, uint32_t wants)
{
    bool wanted;
    Py_BEGIN_CRITICAL_SECTION(self);
    wanted = cp_listeners_wanted(self->listeners, wants);
    Py_END_CRITICAL_SECTION();
    return wanted;
}

void begin_round(listener_round *self, client_object *client, uint32_t wants)
{
    self->client = client;
    Py_BEGIN_CRITICAL_SECTION(client);
    cp_delivery_begin(&self->delivery, client->listeners, wants);
    Py_END_CRITICAL_SECTION();
}

listener_target *next_listener(listener_round *self)
{
    listener_target *next;
    Py_BEGIN_CRITICAL_SECTION(self->client);
    next = cp_delivery_next(&self->delivery);
    Py_END_CRITICAL_SECTION();
    return next;
}

void end_round(listener_round *self)
{
    Py_BEGIN_CRITICAL_SECTION(self->client);
    cp_delivery_end(&self->delivery);
    Py_END_CRITICAL_SECTION();
}

/* ---- what reports say */

PyObject *handler_place(listener_kind kind, PyObject *id)
{
    return PyUnicode_FromFormat("%s handler %R", kind_handler[kind], id);
}

static int warn_of_slow(client_object *self, int kind, PyObject *id, cp_usec took)
{
    PyObject *report = Py_XNewRef(self->report), *result = NULL;

    if (report == NULL) /* the collector cleared us */
        return 0;
    PyObject *where = handler_place((listener_kind)kind, id);
    PyObject *seconds = where ? seconds_to_python(took) : NULL;
    if (seconds != NULL)
        result = PyObject_CallMethod(report, "slow", "OO", where, seconds);
    Py_XDECREF(result);
    Py_XDECREF(seconds);
    Py_XDECREF(where);
    Py_DECREF(report);
    return result == NULL ? -1 : 0;
}

int tell_slow(client_object *self, listener_kind kind, PyObject *id, bool *was_slow, cp_usec took)
{
    bool was_told = *was_slow;

    self->slow_handlers++;
    *was_slow = true;
    return was_told ? 0 : warn_of_slow(self, kind, id, took);
}

/* Looks at what the draining thread calls just now, from another one. */
PyObject *client_mind_running(PyObject *op, PyObject *Py_UNUSED(none))
{
    client_object *self = (client_object *)op;
    PyObject *id = NULL;
    cp_usec took = 0;
    int kind = 0;

    Py_BEGIN_CRITICAL_SECTION(self);
    listener_target *listener = self->running.listener;
    if (listener != NULL && !listener->was_slow) {
        id = Py_NewRef(listener->id);
        kind = self->running.kind;
        took = roughly_now() - self->running.since;
        listener->was_slow = took > SLOW;
    }
    Py_END_CRITICAL_SECTION();
    if (id == NULL)
        Py_RETURN_NONE;
    int status = took > SLOW ? warn_of_slow(self, kind, id, took) : 0;
    Py_DECREF(id);
    if (status < 0)
        return NULL;
    return seconds_to_python(took > SLOW ? 0 : SLOW - took);
}

/* ---- calls that went on after their return, on an event loop */

static bool is_kind(int kind)
{
    if (kind >= 0 && kind < LISTENER_KINDS)
        return true;
    PyErr_SetString(PyExc_ValueError, "there is no such kind");
    return false;
}

/* Reported as if it had raised at once. */
PyObject *client_handler_failed(PyObject *op, PyObject *args)
{
    client_object *self = (client_object *)op;
    PyObject *id, *exception;
    int kind;

    if (!PyArg_ParseTuple(args, "iOO:handler_failed", &kind, &id, &exception) || !is_kind(kind))
        return NULL;
    self->handler_errors++;
    PyObject *report = Py_XNewRef(self->report);
    if (report == NULL) /* the collector cleared us */
        Py_RETURN_NONE;
    PyObject *result = PyObject_CallFunction(report, "ON", exception, handler_place(kind, id));
    Py_DECREF(report);
    return result;
}

typedef struct was_slow {
    PyObject *id;
    bool found;
} was_slow;

static int mark_slow(void *target, void *opaque)
{
    listener_target *self = target;
    was_slow *looked_for = opaque;

    if (PyUnicode_Compare(self->id, looked_for->id) != 0)
        return 0;
    looked_for->found = self->was_slow;
    self->was_slow = true;
    return 1;
}

/* One of its steps took long. */
PyObject *client_handler_was_slow(PyObject *op, PyObject *args)
{
    client_object *self = (client_object *)op;
    was_slow look = {NULL, false};
    double seconds;
    int kind;

    if (!PyArg_ParseTuple(args, "iUd:handler_was_slow", &kind, &look.id, &seconds) ||
        !is_kind(kind))
        return NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    cp_listeners_visit(self->listeners, mark_slow, &look);
    Py_END_CRITICAL_SECTION();
    cp_usec took = (cp_usec)(seconds * CP_USEC_PER_SEC);
    return tell_slow(self, kind, look.id, &look.found, took) < 0 ? NULL : Py_NewRef(Py_None);
}
