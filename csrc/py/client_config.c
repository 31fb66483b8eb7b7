#include "py/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "py/arguments.h"
#include "py/convert.h"

/* ---- who we are on the socket */

static int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A random (version 4) UUID as RFC 9562 writes it. */
static int write_uuid(char out[37])
{
    unsigned char b[16];
    if (getentropy(b, sizeof b) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    PyOS_snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                  b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                  b[13], b[14], b[15]);
    return 0;
}

static char *format_copy(const char *format, const char *a, const char *b, int64_t ms)
{
    size_t size = strlen(a) + strlen(b) + strlen(format) + 24;
    char *text = malloc(size);
    if (text != NULL)
        snprintf(text, size, format, a, b, ms);
    return text;
}

static int name_ourselves(cp_config *config)
{
    char session[37], device[37];
    const char *app_id = config->app_id ? config->app_id : "";

    if (write_uuid(session) < 0 || write_uuid(device) < 0)
        return -1;
    config->version = strdup(CP_VERSION);
    config->session_id = format_copy("PY-%s-%s-%" PRId64, CP_VERSION, session, unix_ms());
    config->device_id = format_copy("%s_%s_%" PRId64, app_id, device, unix_ms());
    if (config->version != NULL && config->session_id != NULL && config->device_id != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* ---- the arguments of Client() */

typedef struct arguments {
    PyObject *app_id, *region, *subscription, *roles, *admin_host, *client_host, *endpoint;
    PyObject *ca_file, *reconnect, *resync, *queue_size, *max_users, *watched, *watched_every;
    PyObject *connect_timeout, *ping_interval, *ping_timeout, *report;
    int auto_connect, has_token_provider, allow_plaintext;
} arguments;

static int parse(PyObject *args, PyObject *keywords, arguments *out)
{
    static char *names[] = {
        "app_id",        "region",       "subscription", "roles",           "auto_connect",
        "admin_host",    "client_host",  "endpoint",     "ca_file",         "has_token_provider",
        "reconnect",     "resync",       "queue_size",   "max_users",       "connect_timeout",
        "ping_interval", "ping_timeout", "report",       "allow_plaintext", "watched",
        "watched_every", NULL,
    };
    return PyArg_ParseTupleAndKeywords(
               args, keywords, "$OOOOpOOOOpO!O!OOOOOOpOO:Client", names, &out->app_id, &out->region,
               &out->subscription, &out->roles, &out->auto_connect, &out->admin_host,
               &out->client_host, &out->endpoint, &out->ca_file, &out->has_token_provider,
               &PyTuple_Type, &out->reconnect, &PyTuple_Type, &out->resync, &out->queue_size,
               &out->max_users, &out->connect_timeout, &out->ping_interval, &out->ping_timeout,
               &out->report, &out->allow_plaintext, &out->watched, &out->watched_every)
               ? 0
               : -1;
}

static int read_texts_of(core_state *state, const arguments *raw, cp_config *config)
{
    if (read_text(state, "app_id", raw->app_id, &config->app_id) < 0 ||
        read_text(state, "region", raw->region, &config->region) < 0 ||
        read_text(state, "admin_host", raw->admin_host, &config->admin_host) < 0 ||
        read_text(state, "client_host", raw->client_host, &config->client_host) < 0 ||
        read_text(state, "endpoint", raw->endpoint, &config->endpoint) < 0 ||
        read_text(state, "ca_file", raw->ca_file, &config->ca_file) < 0)
        return -1;
    return read_texts(state, "roles", raw->roles, &config->roles) < 0
               ? -1
               : read_texts(state, "watched", raw->watched, &config->watched);
}

static int read_subscription(core_state *state, PyObject *word, cp_subscription *out)
{
    static const char *const words[] = {
        [CP_SUBSCRIBE_NONE] = "none",
        [CP_SUBSCRIBE_ALL_USERS] = "all_users",
        [CP_SUBSCRIBE_ROLES] = "roles",
        [CP_SUBSCRIBE_FRIENDS] = "friends",
    };
    for (size_t i = 0; PyUnicode_Check(word) && i < Py_ARRAY_LENGTH(words); i++) {
        if (PyUnicode_CompareWithASCIIString(word, words[i]) == 0) {
            *out = (cp_subscription)i;
            return 0;
        }
    }
    raise_config(state, "INVALID_PARAMETER", "subscription: none, all_users, roles or friends");
    return -1;
}

static int read_reconnect(core_state *state, PyObject *tuple, cp_backoff_policy *out)
{
    PyObject *base, *cap, *floor, *max_attempts, *stable_after;
    long attempts;

    if (!PyArg_ParseTuple(tuple, "OOOOO:reconnect", &base, &cap, &floor, &max_attempts,
                          &stable_after) ||
        read_seconds(state, "reconnect.base", base, &out->base) < 0 ||
        read_seconds(state, "reconnect.cap", cap, &out->cap) < 0 ||
        read_seconds(state, "reconnect.floor", floor, &out->floor) < 0 ||
        read_seconds(state, "reconnect.stable_after", stable_after, &out->stable_after) < 0)
        return -1;
    out->max_attempts = -1;
    if (max_attempts == Py_None)
        return 0;
    if (read_int(state, "reconnect.max_attempts", max_attempts, 0, INT32_MAX, &attempts) < 0)
        return -1;
    out->max_attempts = (int)attempts;
    return 0;
}

static int read_resync(core_state *state, PyObject *tuple, cp_config *config)
{
    PyObject *audit_after, *every, *page_size;
    int on_connect, whole;
    long size;

    if (!PyArg_ParseTuple(tuple, "pOOpO:resync", &on_connect, &audit_after, &every, &whole,
                          &page_size) ||
        read_seconds(state, "resync.audit_after", audit_after, &config->audit_after) < 0 ||
        read_seconds(state, "resync.every", every, &config->sync_every) < 0 ||
        read_int(state, "resync.page_size", page_size, 1, CP_USERS_LIMIT_MAX, &size) < 0)
        return -1;
    config->sync_on_connect = on_connect;
    config->sync_whole = whole;
    config->page_size = (int)size;
    return 0;
}

static int read_limits(core_state *state, const arguments *raw, cp_config *config)
{
    long queue_size, max_users;

    if (read_int(state, "queue_size", raw->queue_size, 1, INT32_MAX, &queue_size) < 0 ||
        read_int(state, "max_users", raw->max_users, 1, INT32_MAX, &max_users) < 0)
        return -1;
    config->queue_size = (uint32_t)queue_size;
    config->max_users = (uint32_t)max_users;
    if (read_seconds(state, "connect_timeout", raw->connect_timeout, &config->connect_timeout) <
            0 ||
        read_seconds(state, "ping_interval", raw->ping_interval, &config->ping_interval) < 0)
        return -1;
    if (read_seconds(state, "watched_every", raw->watched_every, &config->watched_every) < 0)
        return -1;
    return read_seconds(state, "ping_timeout", raw->ping_timeout, &config->ping_timeout);
}

int read_config(core_state *state, PyObject *args, PyObject *keywords, cp_config *config,
                PyObject **report)
{
    arguments raw;
    cp_failure failure = {.kind = CP_FAILURE_NONE};

    if (parse(args, keywords, &raw) < 0)
        return -1;
    if (!PyCallable_Check(raw.report)) {
        raise_config(state, "INVALID_PARAMETER", "report must be callable");
        return -1;
    }
    config->auto_connect = raw.auto_connect;
    config->has_token_provider = raw.has_token_provider;
    config->plain_allowed = raw.allow_plaintext;
    if (read_texts_of(state, &raw, config) < 0 ||
        read_subscription(state, raw.subscription, &config->subscription) < 0 ||
        read_reconnect(state, raw.reconnect, &config->reconnect) < 0 ||
        read_resync(state, raw.resync, config) < 0 || read_limits(state, &raw, config) < 0 ||
        name_ourselves(config) < 0)
        return -1;
    if (cp_config_check(config, &failure) != CP_OK) {
        raise_failure(state, &failure);
        return -1;
    }
    *report = raw.report;
    return 0;
}
