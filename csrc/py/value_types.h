#ifndef CP_PY_VALUE_TYPES_H
#define CP_PY_VALUE_TYPES_H

#include "core/roster.h"
#include "core/user.h"
#include "py/module.h"

/* The two immutable values a listener is given.  Neither can be part of a cycle, so
 * neither is tracked by the garbage collector; neither can be made from Python, except a
 * User by from_dict(). */
extern PyType_Spec user_spec, event_spec;

/* After the type is made: gives the vendor's getters their names in snake_case. */
int user_add_twins(PyObject *type);

/* Takes the hold on the profile, unless it fails: NULL with an exception. */
PyObject *user_to_python(core_state *state, cp_user *user, cp_presence_status status,
                         int64_t last_active_at);

/* The user of a presence; None when it has none. */
PyObject *presence_to_python(core_state *state, const cp_presence *presence);

/* `user` is a User, its own reference taken. */
PyObject *change_to_python(core_state *state, const cp_change *change, PyObject *user);
cp_origin event_origin(PyObject *event);
cp_usec event_received_at(PyObject *event);

#endif
