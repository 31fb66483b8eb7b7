#include "py/client.h"

#include "py/convert.h"
#include "py/value_types.h"

/* What is known.  The roster's lock is taken with the GIL held, which is safe because no
 * holder of it ever wants the GIL; Python objects are made after it is given back. */

#define COPY_BATCH 256

/* ---- facts of the connection, as attributes */

static bool look(client_object *self, cp_connection_facts *facts)
{
    if (!client_is_ours(self))
        return false;
    cp_status status = cp_connection_look(self->connection, facts);
    if (status == CP_OK)
        return true;
    raise_status(core_state_of((PyObject *)self), status);
    return false;
}

static PyObject *get_session_id(PyObject *op, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(((client_object *)op)->session_id);
}

static PyObject *get_servers(PyObject *op, void *Py_UNUSED(closure))
{
    client_object *self = (client_object *)op;
    return Py_BuildValue("ss", self->admin_url, self->client_url);
}

static PyObject *get_me(PyObject *op, void *Py_UNUSED(closure))
{
    cp_connection_facts facts;
    if (!look((client_object *)op, &facts))
        return NULL;
    PyObject *me = presence_to_python(core_state_of(op), &facts.me);
    cp_presence_destroy(&facts.me);
    return me;
}

/* Between attempts that fail it stays CONNECTING, as at the vendor (PROTOCOL §4.4). */
static connection_status status_of(const cp_connection_facts *facts)
{
    switch (facts->state) {
    case CP_STATE_CONNECTING:
    case CP_STATE_AUTHENTICATING:
        return STATUS_CONNECTING;
    case CP_STATE_SYNCING:
    case CP_STATE_LIVE:
        return facts->is_throttled ? STATUS_THROTTLED : STATUS_CONNECTED;
    case CP_STATE_WAITING:
        return facts->session.attempts > 0 ? STATUS_CONNECTING : STATUS_DISCONNECTED;
    case CP_STATE_OFFLINE:
    case CP_STATE_REFUSED:
    case CP_STATE_CLOSED:
        break;
    }
    return STATUS_DISCONNECTED;
}

static PyObject *get_connection_status(PyObject *op, void *Py_UNUSED(closure))
{
    cp_connection_facts facts;
    if (!look((client_object *)op, &facts))
        return NULL;
    cp_presence_destroy(&facts.me);
    return Py_NewRef(core_state_of(op)->connection_status[status_of(&facts)]);
}

static PyObject *get_sync_state(PyObject *op, void *Py_UNUSED(closure))
{
    cp_connection_facts facts;
    if (!look((client_object *)op, &facts))
        return NULL;
    cp_presence_destroy(&facts.me);
    return Py_NewRef(core_state_of(op)->sync_state[facts.sync]);
}

static PyObject *get_generation(PyObject *op, void *Py_UNUSED(closure))
{
    cp_connection_facts facts;
    if (!look((client_object *)op, &facts))
        return NULL;
    cp_presence_destroy(&facts.me);
    return PyLong_FromUnsignedLong(facts.generation);
}

static PyObject *get_closed(PyObject *op, void *Py_UNUSED(closure))
{
    client_object *self = (client_object *)op;
    bool closed;
    if (!client_is_ours(self))
        return NULL;
    Py_BEGIN_CRITICAL_SECTION(op);
    closed = self->closing != NULL;
    Py_END_CRITICAL_SECTION();
    return PyBool_FromLong(closed);
}

PyGetSetDef client_getset[] = {
    {"session_id", get_session_id, NULL, PyDoc_STR("Who we are on the socket."), NULL},
    {"servers", get_servers, NULL, PyDoc_STR("URLs for admin and client calls."), NULL},
    {"me", get_me, NULL, PyDoc_STR("The User logged in, or None."), NULL},
    {"connection_status", get_connection_status, NULL, PyDoc_STR("A ConnectionStatus."), NULL},
    {"sync_state", get_sync_state, NULL, PyDoc_STR("A SyncState."), NULL},
    {"generation", get_generation, NULL, PyDoc_STR("Connections so far."), NULL},
    {"closed", get_closed, NULL, PyDoc_STR("Whether close() was called."), NULL},
    {NULL},
};

/* ---- one user */

/* False: no such uid can exist (it cannot be encoded), or an exception is set. */
static bool uid_in(PyObject *uid, cp_slice *out)
{
    Py_ssize_t length;
    if (!PyUnicode_Check(uid)) {
        PyErr_Format(PyExc_TypeError, "uid must be a str, not %.100s", Py_TYPE(uid)->tp_name);
        return false;
    }
    const char *text = PyUnicode_AsUTF8AndSize(uid, &length);
    if (text == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            PyErr_Clear();
        return false;
    }
    *out = (cp_slice){text, (size_t)length};
    return true;
}

/* The roster, locked; NULL with an exception. */
static cp_roster *lock(client_object *self)
{
    cp_roster *roster = NULL;
    if (!client_is_ours(self))
        return NULL;
    roster = cp_connection_lock(self->connection);
    if (roster == NULL)
        raise_status(core_state_of((PyObject *)self), CP_ERR_FORKED);
    return roster;
}

PyObject *client_find(PyObject *op, PyObject *uid)
{
    client_object *self = (client_object *)op;
    cp_roster_view view;
    cp_slice text;

    if (!uid_in(uid, &text))
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    cp_roster *roster = lock(self);
    if (roster == NULL)
        return NULL;
    bool found = cp_roster_find(roster, text, &view);
    if (found)
        cp_user_hold(view.user);
    cp_connection_unlock(self->connection);
    if (!found)
        Py_RETURN_NONE;
    PyObject *user = user_to_python(core_state_of(op), view.user, view.status, view.last_active_at);
    if (user == NULL)
        cp_user_release(view.user);
    return user;
}

PyObject *client_status(PyObject *op, PyObject *uid)
{
    client_object *self = (client_object *)op;
    cp_presence_status status;
    cp_slice text;

    if (!uid_in(uid, &text))
        return PyErr_Occurred() ? NULL : Py_NewRef(core_state_of(op)->user_status[CP_UNKNOWN]);
    cp_roster *roster = lock(self);
    if (roster == NULL)
        return NULL;
    status = cp_roster_status(roster, text);
    cp_connection_unlock(self->connection);
    return Py_NewRef(core_state_of(op)->user_status[status]);
}

/* ---- everybody */

static PyObject *count(PyObject *op, size_t (*of)(const cp_roster *))
{
    client_object *self = (client_object *)op;
    cp_roster *roster = lock(self);
    if (roster == NULL)
        return NULL;
    size_t number = of(roster);
    cp_connection_unlock(self->connection);
    return PyLong_FromSize_t(number);
}

PyObject *client_count(PyObject *op, PyObject *Py_UNUSED(none))
{
    return count(op, cp_roster_count);
}

PyObject *client_online_count(PyObject *op, PyObject *Py_UNUSED(none))
{
    return count(op, cp_roster_online);
}

/* Releases the presences whatever happens. */
static PyObject *take_users(core_state *state, cp_presence *found, size_t count)
{
    PyObject *users = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count; i++) {
        PyObject *user = users ? presence_to_python(state, &found[i]) : NULL;
        if (user != NULL)
            PyList_SET_ITEM(users, (Py_ssize_t)i, user);
        else
            Py_CLEAR(users);
        cp_presence_destroy(&found[i]);
    }
    return users;
}

PyObject *client_copy(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"cursor", "online_only", "max_users", NULL};
    client_object *self = (client_object *)op;
    cp_presence found[COPY_BATCH];
    Py_ssize_t from, most;
    int online_only;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "npn:copy", names, &from, &online_only, &most))
        return NULL;
    if (from < 0 || most < 1) {
        PyErr_SetString(PyExc_ValueError, "a cursor is at least 0, max_users at least 1");
        return NULL;
    }
    size_t cursor = (size_t)from;
    cp_roster *roster = lock(self);
    if (roster == NULL)
        return NULL;
    size_t count = cp_roster_copy(roster, &cursor, online_only, found,
                                  most > COPY_BATCH ? COPY_BATCH : (size_t)most);
    cp_connection_unlock(self->connection);

    PyObject *users = take_users(core_state_of(op), found, count);
    if (cursor > PY_SSIZE_T_MAX)
        cursor = PY_SSIZE_T_MAX; /* "at the end" stays so */
    return users ? Py_BuildValue("Nn", users, (Py_ssize_t)cursor) : NULL;
}

PyObject *client_stats(PyObject *op, PyObject *Py_UNUSED(none))
{
    client_object *self = (client_object *)op;
    cp_connection_facts facts;

    if (!look(self, &facts))
        return NULL;
    cp_presence_destroy(&facts.me);
    /* All counts are 0, this one too, until the network thread has said its first word. */
    cp_usec round_trip = facts.session.last_round_trip;
    PyObject *last_rtt = seconds_to_python(round_trip > 0 ? round_trip : CP_NEVER);
    if (last_rtt == NULL)
        return NULL;
    return PyObject_CallFunction(
        core_state_of(op)->stats_class, "KKKKKKKKKKInNKKKKK",
        (unsigned long long)facts.session.frames, (unsigned long long)facts.roster.events,
        (unsigned long long)facts.roster.duplicates, (unsigned long long)facts.session.malformed,
        (unsigned long long)facts.session.unknown_frames,
        (unsigned long long)facts.roster.coalesced, (unsigned long long)facts.session.reconnects,
        (unsigned long long)facts.session.resyncs, (unsigned long long)self->handler_errors,
        (unsigned long long)self->slow_handlers, (unsigned)facts.roster.high_water,
        (Py_ssize_t)facts.tracked, last_rtt, (unsigned long long)facts.stalls,
        (unsigned long long)facts.notices_dropped, (unsigned long long)facts.roster.untracked,
        (unsigned long long)facts.roster.trimmed, (unsigned long long)self->flaps);
}

PyObject *client_count_flap(PyObject *op, PyObject *Py_UNUSED(none))
{
    ((client_object *)op)->flaps++;
    Py_RETURN_NONE;
}
