#ifndef CP_PY_CALL_TYPE_H
#define CP_PY_CALL_TYPE_H

#include "net/task.h"
#include "py/module.h"

/* What was asked through a door that does not wait: Call, for event loops. */
extern PyType_Spec call_spec;

/* What came of a call that is done; NULL with an exception. */
PyObject *call_outcome(core_state *state, const cp_call *call);

/* Hands it over.  Takes the task, which is on the bell, or NULL with an exception. */
PyObject *call_start(PyObject *client, cp_task *task);

PyObject *client_take_done(PyObject *op, PyObject *none);
PyObject *client_cancel(PyObject *op, PyObject *call);

#endif
