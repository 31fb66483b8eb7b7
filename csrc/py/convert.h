#ifndef CP_PY_CONVERT_H
#define CP_PY_CONVERT_H

#include "core/clock.h"
#include "core/failure.h"
#include "core/call.h"
#include "core/slice.h"
#include "core/status.h"
#include "py/module.h"

/* C values become Python values here, and what went wrong in C becomes an exception here
 * and nowhere else.  Everything returns a new reference, or NULL with an exception set. */

PyObject *text_to_python(cp_slice text);         /* str; None when absent */
PyObject *count_to_python(int64_t number);       /* int; None for CP_ABSENT */
PyObject *seconds_to_python(cp_usec time);       /* float; None for CP_NEVER */
PyObject *seconds_to_datetime(core_state *state,
                              int64_t unix_s); /* None unless after 1970 and before 10000 */
PyObject *report_to_python(core_state *state, const cp_sync_report *report);

/* Each sets an exception and returns NULL, so that a caller can `return raise_…`. */
PyObject *raise_failure(core_state *state, const cp_failure *failure);
PyObject *raise_status(core_state *state, cp_status status);
PyObject *raise_config(core_state *state, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

PyObject *failure_to_python(core_state *state, const cp_failure *failure); /* unraised */

#endif
