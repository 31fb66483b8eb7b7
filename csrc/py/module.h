#ifndef CP_PY_MODULE_H
#define CP_PY_MODULE_H

#include "py/compat.h"

/* What the module knows for as long as it lives: its types, and the classes and values of
 * the Python half that it makes and raises.  There is no other place for Python objects
 * that outlive a call: no globals. */
typedef enum error_class {
    ERROR_BASE,
    ERROR_CONFIG,
    ERROR_AUTH,
    ERROR_TLS,
    ERROR_NOT_CONNECTED,
    ERROR_CONNECTION_LOST,
    ERROR_TIMEOUT,
    ERROR_RATE_LIMITED,
    ERROR_PROTOCOL,
    ERROR_OVERFLOW,
    ERROR_CLOSED,
    ERROR_CLASSES,
} error_class;

typedef enum connection_status {
    STATUS_CONNECTED,
    STATUS_CONNECTING,
    STATUS_DISCONNECTED,
    STATUS_THROTTLED,
    CONNECTION_STATUSES,
} connection_status;

typedef struct core_state {
    PyObject *user_type;
    PyObject *event_type;
    PyObject *client_type;
    PyObject *feed_type;
    PyObject *call_type;

    PyObject *errors[ERROR_CLASSES];

    PyObject *user_status[3]; /* by cp_presence_status */
    PyObject *origin[3];      /* by cp_origin */
    PyObject *sync_state[5];  /* by cp_sync_state */
    PyObject *connection_status[CONNECTION_STATUSES];

    PyObject *disconnect_class;
    PyObject *sync_report_class;
    PyObject *stats_class;

    PyObject *from_timestamp; /* datetime.datetime.fromtimestamp */
    PyObject *utc;
    PyObject *main_thread; /* threading.main_thread */
} core_state;

/* Our types cannot be subclassed, so an object's type always knows the module. */
static inline core_state *core_state_of(PyObject *op)
{
    return PyType_GetModuleState(Py_TYPE(op));
}

static inline core_state *core_state_of_type(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

#endif
