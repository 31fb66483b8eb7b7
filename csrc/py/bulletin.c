#include "py/bulletin.h"

#include "py/convert.h"
#include "py/value_types.h"

static PyObject *disconnect_to_python(core_state *state, const cp_notice *notice)
{
    bool caused = notice->reason[0] == '\0' && notice->failure.kind != CP_FAILURE_NONE;
    PyObject *reason =
        text_to_python(cp_slice_of(caused ? notice->failure.message : notice->reason));
    PyObject *retry_in =
        reason ? seconds_to_python(notice->will_retry ? notice->delay : CP_NEVER) : NULL;
    PyObject *result =
        retry_in ? PyObject_CallFunction(state->disconnect_class, "iOOOO", (int)notice->code,
                                         reason, notice->clean ? Py_True : Py_False,
                                         notice->will_retry ? Py_True : Py_False, retry_in)
                 : NULL;
    Py_XDECREF(reason);
    Py_XDECREF(retry_in);
    return result;
}

static void put_argument(bulletin *out, listener_kind kind, PyObject *argument)
{
    out->kind = kind;
    out->count = 1;
    out->argument[0] = argument;
}

void read_notice(core_state *state, const cp_notice *notice, bulletin *out)
{
    *out = (bulletin){.count = 0};
    switch (notice->kind) {
    case CP_NOTICE_CONNECTING:
        put_argument(out, KIND_CONNECTING, PyLong_FromUnsignedLong(notice->attempt));
        out->argument[out->count++] = seconds_to_python(notice->delay);
        break;
    case CP_NOTICE_CONNECTED:
        put_argument(out, KIND_CONNECTED, PyLong_FromUnsignedLong(notice->generation));
        break;
    case CP_NOTICE_DISCONNECTED:
        put_argument(out, KIND_DISCONNECTED, disconnect_to_python(state, notice));
        break;
    case CP_NOTICE_SYNCED:
        put_argument(out, KIND_SYNCED, report_to_python(state, &notice->report));
        break;
    case CP_NOTICE_DEGRADED:
        put_argument(out, KIND_DEGRADED, text_to_python(cp_slice_of(notice->reason)));
        break;
    case CP_NOTICE_LOGGED_IN:
        put_argument(out, KIND_LOGGED_IN, presence_to_python(state, &notice->user));
        break;
    case CP_NOTICE_LOGIN_FAILED:
        put_argument(out, KIND_LOGIN_FAILED, failure_to_python(state, &notice->failure));
        break;
    case CP_NOTICE_LOGGED_OUT:
        out->kind = KIND_LOGGED_OUT;
        break;
    case CP_NOTICE_ERROR:
        Py_UNREACHABLE();
    }
}
