#include "py/convert.h"

#include <errno.h>
#include <stdarg.h>

#include "py/json_value.h"

/* ---- values */

PyObject *text_to_python(cp_slice text)
{
    if (text.data == NULL)
        Py_RETURN_NONE;
    /* "replace": the core lets only UTF-8 in, but cuts some texts to fit. */
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.length, "replace");
}

PyObject *count_to_python(int64_t number)
{
    if (number == CP_ABSENT)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(number);
}

PyObject *seconds_to_python(cp_usec time)
{
    if (time == CP_NEVER)
        Py_RETURN_NONE;
    return PyFloat_FromDouble((double)time / (double)CP_USEC_PER_SEC);
}

PyObject *seconds_to_datetime(core_state *state, int64_t unix_s)
{
    const int64_t last_second_of_9999 = INT64_C(253402300799);
    if (unix_s <= 0 || unix_s > last_second_of_9999)
        Py_RETURN_NONE;
    return PyObject_CallFunction(state->from_timestamp, "LO", (long long)unix_s, state->utc);
}

static PyObject *uids_to_python(cp_user *const *users, uint32_t count)
{
    PyObject *uids = PyTuple_New(count);
    if (uids == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        PyObject *uid = text_to_python(cp_user_text_of(users[i], CP_USER_UID));
        if (uid == NULL) {
            Py_DECREF(uids);
            return NULL;
        }
        PyTuple_SET_ITEM(uids, i, uid);
    }
    return uids;
}

PyObject *report_to_python(core_state *state, const cp_sync_report *report)
{
    PyObject *online = NULL, *offline = NULL, *result = NULL;
    online = uids_to_python(report->went_online, report->went_online_count);
    if (online == NULL)
        goto done;
    offline = uids_to_python(report->went_offline, report->went_offline_count);
    if (offline == NULL)
        goto done;
    result = PyObject_CallFunction(state->sync_report_class, "IIOOIId",
                                   (unsigned)report->generation, (unsigned)report->online, online,
                                   offline, (unsigned)report->passes, (unsigned)report->pages,
                                   (double)report->duration / (double)CP_USEC_PER_SEC);
done:
    Py_XDECREF(online);
    Py_XDECREF(offline);
    return result;
}

/* ---- errors */

static error_class class_of(cp_failure_kind kind)
{
    switch (kind) {
    case CP_FAILURE_CONFIG:
        return ERROR_CONFIG;
    case CP_FAILURE_AUTH:
        return ERROR_AUTH;
    case CP_FAILURE_TLS:
        return ERROR_TLS;
    case CP_FAILURE_NOT_CONNECTED:
        return ERROR_NOT_CONNECTED;
    case CP_FAILURE_CONNECTION_LOST:
        return ERROR_CONNECTION_LOST;
    case CP_FAILURE_TIMEOUT:
        return ERROR_TIMEOUT;
    case CP_FAILURE_RATE_LIMITED:
        return ERROR_RATE_LIMITED;
    case CP_FAILURE_PROTOCOL:
        return ERROR_PROTOCOL;
    case CP_FAILURE_CLOSED:
        return ERROR_CLOSED;
    case CP_FAILURE_NONE:
    case CP_FAILURE_SERVER:
    case CP_FAILURE_MEMORY: /* see raise_failure() */
        break;
    }
    return ERROR_BASE;
}

/* The server's details as a dict: its JSON object, else its text under "text". */
static PyObject *details_to_python(const char *details)
{
    if (details[0] == '\0')
        return PyDict_New();
    PyObject *value = json_text_to_python(cp_slice_of(details), CP_JSON_FRAME_LIMITS);
    if (value == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError))
            return NULL;
        PyErr_Clear(); /* prose, or cut to fit */
    } else if (PyDict_Check(value)) {
        return value;
    }
    Py_XDECREF(value);

    PyObject *text = text_to_python(cp_slice_of(details));
    return text ? Py_BuildValue("{s:N}", "text", text) : NULL;
}

PyObject *failure_to_python(core_state *state, const cp_failure *failure)
{
    error_class class = class_of(failure->kind);
    PyObject *code = NULL, *message = NULL, *details = NULL, *result = NULL;

    if (failure->kind == CP_FAILURE_MEMORY)
        return PyObject_CallNoArgs(PyExc_MemoryError);
    code = text_to_python(cp_slice_of(failure->code));
    message = code ? text_to_python(cp_slice_of(failure->message)) : NULL;
    details = message ? details_to_python(failure->details) : NULL;
    if (details == NULL)
        goto done;
    if (class == ERROR_RATE_LIMITED)
        result = PyObject_CallFunction(state->errors[class], "OOOd", code, message, details,
                                       (double)failure->retry_after / (double)CP_USEC_PER_SEC);
    else
        result = PyObject_CallFunction(state->errors[class], "OOO", code, message, details);
done:
    Py_XDECREF(code);
    Py_XDECREF(message);
    Py_XDECREF(details);
    return result;
}

PyObject *raise_failure(core_state *state, const cp_failure *failure)
{
    if (failure->kind == CP_FAILURE_MEMORY)
        return PyErr_NoMemory();
    PyObject *exception = failure_to_python(state, failure);
    if (exception != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    return NULL;
}

PyObject *raise_config(core_state *state, const char *code, const char *format, ...)
{
    cp_failure failure = {.kind = CP_FAILURE_CONFIG};
    va_list arguments;

    PyOS_snprintf(failure.code, sizeof failure.code, "%s", code);
    va_start(arguments, format);
    PyOS_vsnprintf(failure.message, sizeof failure.message, format, arguments);
    va_end(arguments);
    return raise_failure(state, &failure);
}

/* Of a class that no failure of the server's or the network's has. */
static PyObject *raise_class(core_state *state, error_class class, const char *code,
                             const char *message)
{
    PyObject *exception = PyObject_CallFunction(state->errors[class], "ss", code, message);
    if (exception != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    return NULL;
}

static PyObject *raise_as(core_state *state, cp_failure_kind kind, const char *code,
                          const char *message)
{
    cp_failure failure = {.kind = kind};
    PyOS_snprintf(failure.code, sizeof failure.code, "%s", code);
    PyOS_snprintf(failure.message, sizeof failure.message, "%s", message);
    return raise_failure(state, &failure);
}

PyObject *raise_status(core_state *state, cp_status status)
{
    int error = errno;

    switch (status) {
    case CP_ERR_NOMEM:
        return PyErr_NoMemory();
    case CP_ERR_ARGUMENT:
        return raise_config(state, "INVALID_PARAMETER", "%s", cp_status_text(status));
    case CP_ERR_CLOSED:
        return raise_as(state, CP_FAILURE_CLOSED, "ERR_CLIENT_CLOSED",
                        "the client is closed: make a new one");
    case CP_ERR_FORKED:
        return raise_as(state, CP_FAILURE_CLOSED, "ERR_CLIENT_FORKED",
                        "this client belongs to another process: "
                        "after a fork, make a new one in the child");
    case CP_ERR_TIMEOUT:
        return raise_as(state, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT", "no answer came in time");
    case CP_ERR_OVERFLOW:
        return raise_class(state, ERROR_OVERFLOW, "ERR_STREAM_OVERFLOW",
                           "more changed than was read in time");
    case CP_ERR_STALLED:
        return raise_class(state, ERROR_BASE, "ERR_NETWORK_STALLED",
                           "the network thread has not turned for more than 5 seconds");
    case CP_ERR_SYSTEM:
        errno = error;
        if (error != 0)
            return PyErr_SetFromErrno(PyExc_OSError);
        PyErr_SetString(PyExc_OSError, cp_status_text(status));
        return NULL;
    default:
        return raise_as(state, CP_FAILURE_PROTOCOL, "ERR_PROTOCOL", cp_status_text(status));
    }
}
