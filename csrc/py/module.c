#include "py/module.h"

#include "core/rest.h"
#include "core/webhook.h"
#include "net/network.h"
#include "py/arguments.h"
#include "py/call_type.h"
#include "py/client.h"
#include "py/convert.h"
#include "py/feed_type.h"
#include "py/value_types.h"

/* ---- functions */

static core_state *state_of_module(PyObject *module)
{
    return PyModule_GetState(module);
}

static PyObject *check_users_query(PyObject *module, PyObject *args, PyObject *keywords)
{
    core_state *state = state_of_module(module);
    cp_failure failure = {.kind = CP_FAILURE_NONE};
    PyObject *result = NULL;
    cp_users_query query;

    if (PyTuple_GET_SIZE(args) != 0) {
        PyErr_SetString(PyExc_TypeError, "check_users_query() takes keywords only");
        return NULL;
    }
    cp_users_query_init(&query);
    query.limit = 30;
    query.page = 1;
    if (read_users_query(state, keywords, &query) == 0) {
        if (cp_users_query_check(&query, &failure) == CP_OK)
            result = Py_NewRef(Py_None);
        else
            raise_failure(state, &failure);
    }
    cp_users_query_destroy(&query);
    return result;
}

static PyObject *webhook_to_python(core_state *state, const cp_webhook *webhook)
{
    const cp_presence *presence = &webhook->presence;
    PyObject *user = presence_to_python(state, presence);
    cp_change change = {
        .at = presence->at,
        .received_at = cp_network_now(),
        .status = presence->status,
        .previous = webhook->previous,
        .origin = CP_ORIGIN_LIVE,
    };
    PyObject *event = user ? change_to_python(state, &change, user) : NULL;
    Py_XDECREF(user);
    return event;
}

static PyObject *parse_webhook(PyObject *module, PyObject *bytes)
{
    core_state *state = state_of_module(module);
    cp_failure failure = {.kind = CP_FAILURE_NONE};
    cp_webhook webhook;
    Py_buffer body;

    if (PyObject_GetBuffer(bytes, &body, PyBUF_SIMPLE) < 0)
        return NULL;
    cp_status status = cp_webhook_read((cp_slice){body.buf, (size_t)body.len}, &webhook, &failure);
    PyBuffer_Release(&body);
    if (status != CP_OK)
        return raise_failure(state, &failure);
    PyObject *event = webhook_to_python(state, &webhook);
    cp_webhook_destroy(&webhook);
    return event;
}

static PyObject *forked(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    cp_network_forked();
    Py_RETURN_NONE;
}

static PyObject *shutdown_network(PyObject *module, PyObject *timeout)
{
    cp_status status;
    cp_usec most;

    if (read_seconds(state_of_module(module), "timeout", timeout, &most) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
        status = cp_network_shutdown(most);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(status == CP_OK);
}

static PyMethodDef module_functions[] = {
    {"check_users_query", (PyCFunction)(void (*)(void))check_users_query,
     METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("check_users_query($module, /, **query)\n--\n\n"
               "ConfigError for filters that cannot be sent.")},
    {"parse_webhook", parse_webhook, METH_O,
     PyDoc_STR("parse_webhook($module, body, /)\n--\n\nThe PresenceEvent of a webhook's body.")},
    {"forked", forked, METH_NOARGS,
     PyDoc_STR("forked($module)\n--\n\nFor os.register_at_fork(after_in_child=...).")},
    {"shutdown", shutdown_network, METH_O,
     PyDoc_STR("shutdown($module, timeout, /)\n--\n\n"
               "Closes every client; False: not finished in time.")},
    {NULL},
};

/* ---- what the module takes from Python */

static const char *const error_names[ERROR_CLASSES] = {
    [ERROR_BASE] = "CometChatException",
    [ERROR_CONFIG] = "ConfigError",
    [ERROR_AUTH] = "AuthError",
    [ERROR_TLS] = "TLSError",
    [ERROR_NOT_CONNECTED] = "NotConnectedError",
    [ERROR_CONNECTION_LOST] = "ConnectionLost",
    [ERROR_TIMEOUT] = "RequestTimeout",
    [ERROR_RATE_LIMITED] = "RateLimited",
    [ERROR_PROTOCOL] = "ProtocolError",
    [ERROR_OVERFLOW] = "StreamOverflow",
    [ERROR_CLOSED] = "ClientClosed",
};

static const char *const user_status_names[] = {
    [CP_UNKNOWN] = "UNKNOWN",
    [CP_OFFLINE] = "OFFLINE",
    [CP_ONLINE] = "ONLINE",
};

static const char *const origin_names[] = {
    [CP_ORIGIN_LIVE] = "LIVE",
    [CP_ORIGIN_SNAPSHOT] = "SNAPSHOT",
    [CP_ORIGIN_RESYNC] = "RESYNC",
};

static const char *const sync_state_names[] = {
    [CP_SYNC_AWAITING] = "AWAITING", [CP_SYNC_SYNCED] = "SYNCED", [CP_SYNC_STALE] = "STALE",
    [CP_SYNC_DEGRADED] = "DEGRADED", [CP_SYNC_CLOSED] = "CLOSED",
};

static const char *const connection_status_names[] = {
    [STATUS_CONNECTED] = "CONNECTED",
    [STATUS_CONNECTING] = "CONNECTING",
    [STATUS_DISCONNECTED] = "DISCONNECTED",
    [STATUS_THROTTLED] = "FEATURE_THROTTLED",
};

static int take_attributes(PyObject *from, const char *const *names, size_t count, PyObject **out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = PyObject_GetAttrString(from, names[i]);
        if (out[i] == NULL)
            return -1;
    }
    return 0;
}

static int take_members(PyObject *module, const char *enumeration, const char *const *names,
                        size_t count, PyObject **out)
{
    PyObject *class = PyObject_GetAttrString(module, enumeration);
    int result = class ? take_attributes(class, names, count, out) : -1;
    Py_XDECREF(class);
    return result;
}

static int take_values(core_state *state)
{
    PyObject *values = PyImport_ImportModule("cometpresence.values");
    int result = -1;

    if (values == NULL)
        return -1;
    state->disconnect_class = PyObject_GetAttrString(values, "Disconnect");
    state->sync_report_class = PyObject_GetAttrString(values, "SyncReport");
    state->stats_class = PyObject_GetAttrString(values, "Stats");
    if (state->disconnect_class != NULL && state->sync_report_class != NULL &&
        state->stats_class != NULL &&
        take_members(values, "UserStatus", user_status_names, Py_ARRAY_LENGTH(user_status_names),
                     state->user_status) == 0 &&
        take_members(values, "Origin", origin_names, Py_ARRAY_LENGTH(origin_names),
                     state->origin) == 0 &&
        take_members(values, "SyncState", sync_state_names, Py_ARRAY_LENGTH(sync_state_names),
                     state->sync_state) == 0)
        result = take_members(values, "ConnectionStatus", connection_status_names,
                              Py_ARRAY_LENGTH(connection_status_names), state->connection_status);
    Py_DECREF(values);
    return result;
}

static int take_errors(core_state *state)
{
    PyObject *errors = PyImport_ImportModule("cometpresence.errors");
    int result = errors ? take_attributes(errors, error_names, ERROR_CLASSES, state->errors) : -1;
    Py_XDECREF(errors);
    return result;
}

/* module.first, or module.first.second. */
static PyObject *take(const char *module, const char *first, const char *second)
{
    PyObject *from = PyImport_ImportModule(module);
    PyObject *value = from ? PyObject_GetAttrString(from, first) : NULL;
    Py_XDECREF(from);
    if (value != NULL && second != NULL)
        Py_SETREF(value, PyObject_GetAttrString(value, second));
    return value;
}

static int take_library(core_state *state)
{
    state->from_timestamp = take("datetime", "datetime", "fromtimestamp");
    state->utc = state->from_timestamp ? take("datetime", "timezone", "utc") : NULL;
    state->main_thread = state->utc ? take("threading", "main_thread", NULL) : NULL;
    return state->main_thread ? 0 : -1;
}

/* ---- the module */

static PyObject *add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type != NULL && PyModule_AddType(module, (PyTypeObject *)type) < 0)
        Py_CLEAR(type);
    return type;
}

static int add_types(PyObject *module, core_state *state)
{
    state->user_type = add_type(module, &user_spec);
    if (state->user_type == NULL || user_add_twins(state->user_type) < 0)
        return -1;
    state->event_type = add_type(module, &event_spec);
    state->client_type = state->event_type ? add_type(module, &client_spec) : NULL;
    state->feed_type = state->client_type ? add_type(module, &feed_spec) : NULL;
    state->call_type = state->feed_type ? add_type(module, &call_spec) : NULL;
    return state->call_type ? 0 : -1;
}

/* Takes the value, which may be NULL. */
static int add_new(PyObject *module, const char *name, PyObject *value)
{
    int result = value ? PyModule_AddObjectRef(module, name, value) : -1;

    Py_XDECREF(value);
    return result;
}

/* What this process runs with, which need not be what it was built with. */
static int add_libraries(PyObject *module)
{
    return add_new(module, "LIBRARIES",
                   Py_BuildValue("{ssss}", "libwebsockets", cp_network_lws_version(), "OpenSSL",
                                 cp_network_tls_version()));
}

static int add_certificates(PyObject *module)
{
    cp_certificate_places places = cp_network_certificate_places();

    return add_new(module, "CERTIFICATES",
                   Py_BuildValue("{ssssssss}", "file", places.file, "folder", places.folder,
                                 "file_variable", places.file_variable, "folder_variable",
                                 places.folder_variable));
}

static int add_constants(PyObject *module)
{
    for (int kind = 0; kind < LISTENER_KINDS; kind++)
        if (PyModule_AddIntConstant(module, kind_constant[kind], kind) < 0)
            return -1;
    if (add_libraries(module) < 0 || add_certificates(module) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "VERSION", CP_VERSION);
}

static int module_exec(PyObject *module)
{
    core_state *state = state_of_module(module);

    cp_network_mind_forks();
    if (take_errors(state) < 0 || take_values(state) < 0 || take_library(state) < 0)
        return -1;
    return add_types(module, state) < 0 ? -1 : add_constants(module);
}

/* core_state is nothing but references, from the first to the last. */
#define REFERENCES (sizeof(core_state) / sizeof(PyObject *))

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    PyObject **reference = (PyObject **)state_of_module(module);
    for (size_t i = 0; i < REFERENCES; i++)
        Py_VISIT(reference[i]);
    return 0;
}

static int module_clear(PyObject *module)
{
    PyObject **reference = (PyObject **)state_of_module(module);
    for (size_t i = 0; i < REFERENCES; i++)
        Py_CLEAR(reference[i]);
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

/* What runs without the GIL is written, but not tested without it yet: no Py_mod_gil. */
static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    /* One network thread per process, shared by all. */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "cometpresence._core",
    .m_doc = PyDoc_STR("What cometpresence is made of; use cometpresence itself."),
    .m_size = sizeof(core_state),
    .m_methods = module_functions,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&module_definition);
}
