#include "py/client.h"

#include <stdio.h>

#include "core/account.h"
#include "net/network.h"
#include "py/call_type.h"
#include "py/convert.h"
#include "py/feed_type.h"

bool client_is_ours(client_object *self)
{
    if (self->owner == cp_network_process())
        return true;
    raise_status(core_state_of((PyObject *)self), CP_ERR_FORKED);
    return false;
}

/* ---- made */

static void write_url(const cp_account *account, cp_service service, char *out, size_t size)
{
    char authority[160];
    cp_target target;

    *out = '\0';
    if (cp_account_target(account, service, &target) != CP_OK)
        return;
    cp_target_authority(&target, authority, sizeof authority);
    snprintf(out, size, "%s://%s%s", target.tls ? "https" : "http", authority, target.prefix);
}

/* Where requests go, as far as a config knows; the server's settings may say otherwise. */
static void note_servers(client_object *self, const cp_config *config)
{
    cp_account account;
    cp_account_init(&account, config);
    write_url(&account, CP_SERVICE_ADMIN, self->admin_url, sizeof self->admin_url);
    write_url(&account, CP_SERVICE_CLIENT, self->client_url, sizeof self->client_url);
    cp_account_forget(&account);
}

static int open_client(core_state *state, client_object *self, const cp_config *config)
{
    cp_status status = CP_ERR_NOMEM;

    self->owner = cp_network_process();
    atomic_flag_clear(&self->draining);
    PyOS_snprintf(self->session_id, sizeof self->session_id, "%s", config->session_id);
    note_servers(self, config);
    self->listeners = cp_listeners_new(release_target);
    PyObject_GC_UnTrack(self); /* gc.get_objects() shows nobody half a client */
    /* The first connection waits until the network thread turns. */
    Py_BEGIN_ALLOW_THREADS
        if (self->listeners != NULL)
            status = cp_connection_new(config, &self->connection);
    Py_END_ALLOW_THREADS
    PyObject_GC_Track(self);
    if (status == CP_OK)
        return 0;
    raise_status(state, status);
    return -1;
}

static PyObject *client_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    core_state *state = core_state_of_type(type);
    client_object *self = NULL;
    PyObject *report;
    cp_config config;

    cp_config_init(&config);
    if (read_config(state, args, keywords, &config, &report) == 0)
        self = (client_object *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->report = Py_NewRef(report);
        if (open_client(state, self, &config) < 0)
            Py_CLEAR(self);
    }
    cp_config_destroy(&config);
    return (PyObject *)self;
}

/* ---- visited, and let go.  The network thread holds nothing of ours, so a cycle of
 * client and listener is the collector's to find. */

static int client_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((client_object *)op)->report);
    return visit_listeners((client_object *)op, visit, arg);
}

/* Leaves a usable object: with nobody to tell. */
static int client_clear(PyObject *op)
{
    client_object *self = (client_object *)op;
    Py_CLEAR(self->report);
    if (self->listeners != NULL)
        cp_listeners_clear(self->listeners);
    return 0;
}

static void client_dealloc(PyObject *op)
{
    client_object *self = (client_object *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    client_clear(op);
    if (self->listeners != NULL)
        cp_listeners_free(self->listeners);
    while (self->held_next < self->held_count)
        cp_user_release(self->held[self->held_next++].user);
    cp_task_release(self->closing);
    if (self->connection != NULL)
        cp_connection_release(self->connection); /* only posts */
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *client_repr(PyObject *op)
{
    return PyUnicode_FromFormat("<Client %s>", ((client_object *)op)->session_id);
}

/* ---- the type */

#define CALL(name, function, doc)                                                                  \
    {name, (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS, PyDoc_STR(doc)}

/* Through two doors: one waits, the other returns a Call. */
#define ASK(verb, arguments, doc)                                                                  \
    CALL(#verb, client_##verb, #verb arguments "\n--\n\n" doc),                                    \
        CALL("start_" #verb, client_start_##verb, "start_" #verb arguments "\n--\n\n" doc)

static PyMethodDef client_methods[] = {
    ASK(login, "($self, uid, auth_key, auth_token, timeout)", "By uid and key, or by token."),
    ASK(logout, "($self, timeout)", "Ends the login and the connection."),
    ASK(connect, "($self)", "Starts connecting; does not wait for it."),
    ASK(disconnect, "($self, timeout)", "Closes the connection; the login stays."),
    ASK(get_user, "($self, uid, timeout)", "Asks the server."),
    ASK(get_users,
        "($self, timeout, /, *, limit=30, page=1, search_keyword=None, search_in=None, "
        "status=None, roles=None, tags=None, uids=None, sort_by=None, sort_order=None, "
        "friends_only=False, hide_blocked_users=False, with_tags=False)",
        "A page of users, and the number of pages."),
    ASK(online_user_count, "($self, timeout)", "Asks the server."),
    ASK(await_sync, "($self, timeout)", "Until the picture is complete."),
    ASK(await_user, "($self, uid, online, fresh, timeout)",
        "Until the user is online, or offline; fresh: comes or goes from now on."),
    ASK(resync, "($self, timeout)", "Compares with the server now."),
    ASK(await_demand, "($self)", "Waits until the token provider is to be asked."),
    {"answer_token", client_answer_token, METH_O,
     PyDoc_STR("answer_token($self, auth_token, /)\n--\n\nWhat await_demand() was about.")},
    CALL("close", client_close,
         "close($self, timeout)\n--\n\nFor good.  False: not finished in time, and goes on."),
    {"take_done", client_take_done, METH_NOARGS,
     PyDoc_STR("take_done($self)\n--\n\nCalls of start_…() that are done; silences the bell.")},
    {"cancel", client_cancel, METH_O,
     PyDoc_STR("cancel($self, call, /)\n--\n\nNobody wants its result: it is done soon.")},

    CALL("open_feed", client_open_feed,
         "open_feed($self, maxsize, overflow, snapshot=False, on_bell=False)\n--\n\n"
         "What changes from now on, to be read; snapshot: first who is online; on_bell: news ring "
         "the client's bell."),
    CALL("add_listener", client_add_listener,
         "add_listener($self, id, handlers, origins)\n--\n\nThe same id replaces."),
    {"remove_listener", client_remove_listener, METH_O,
     PyDoc_STR("remove_listener($self, id, /)\n--\n\nFalse: there was none.")},
    {"clear_listeners", client_clear_listeners, METH_NOARGS,
     PyDoc_STR("clear_listeners($self)\n--\n\nRemoves all.")},
    {"handler_was_slow", client_handler_was_slow, METH_VARARGS,
     PyDoc_STR(
         "handler_was_slow($self, kind, id, seconds, /)\n--\n\n"
         "Count a step of a coroutine that kept the loop long, and warn once of each handler.")},
    {"mind_running", client_mind_running, METH_NOARGS,
     PyDoc_STR("mind_running($self)\n--\n\n"
               "Warn of a handler that runs and takes long; when to look again, None: none runs.")},
    {"mind_network", client_mind_network, METH_NOARGS,
     PyDoc_STR("mind_network($self)\n--\n\n"
               "Report a network that does not turn; when to look again, in seconds.")},
    {"handler_failed", client_handler_failed, METH_VARARGS,
     PyDoc_STR("handler_failed($self, kind, id, error, /)\n--\n\n"
               "Reports it as if the handler had raised.")},

    {"fileno", client_fileno, METH_NOARGS,
     PyDoc_STR("fileno($self)\n--\n\nReadable when there is something to drain.")},
    CALL("wait", client_wait,
         "wait($self, timeout)\n--\n\nTrue: there is something to drain.  False: nothing came in "
         "time, or the client is closed and all is told."),
    {"set_alarm", client_set_alarm, METH_O,
     PyDoc_STR("set_alarm($self, at, /)\n--\n\nTells ALARM once all up to `at` is known.")},
    CALL("drain", client_drain,
         "drain($self, max_events)\n--\n\nTells listeners what is new; returns how many events."),

    {"find", client_find, METH_O, PyDoc_STR("find($self, uid, /)\n--\n\nNone: never heard of.")},
    {"status", client_status, METH_O, PyDoc_STR("status($self, uid, /)\n--\n\nA UserStatus.")},
    {"count", client_count, METH_NOARGS, PyDoc_STR("count($self)\n--\n\nUsers heard of.")},
    {"online_count", client_online_count, METH_NOARGS,
     PyDoc_STR("online_count($self)\n--\n\nUsers known to be online.")},
    CALL("copy", client_copy,
         "copy($self, cursor, online_only, max_users)\n--\n\nUsers from a cursor on (0 at first), "
         "and the next cursor; no users at the end."),
    {"stats", client_stats, METH_NOARGS, PyDoc_STR("stats($self)\n--\n\nCounters.")},
    {"count_flap", client_count_flap, METH_NOARGS,
     PyDoc_STR("count_flap($self)\n--\n\nA change was taken back before it had lasted.")},
    {NULL},
};

static PyType_Slot client_slots[] = {
    {Py_tp_doc, PyDoc_STR("One connection, its listeners and what is known through it.")},
    {Py_tp_new, client_new},
    {Py_tp_traverse, client_traverse},
    {Py_tp_clear, client_clear},
    {Py_tp_dealloc, client_dealloc},
    {Py_tp_repr, client_repr},
    {Py_tp_getset, client_getset},
    {Py_tp_methods, client_methods},
    {0, NULL},
};

PyType_Spec client_spec = {
    .name = "cometpresence._core.Client",
    .basicsize = sizeof(client_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = client_slots,
};
