#ifndef CP_PY_ARGUMENTS_H
#define CP_PY_ARGUMENTS_H

#include "core/rest.h"
#include "py/module.h"

/* Python arguments become what C structs own.  Each returns 0, or -1 with an exception:
 * ConfigError for what cannot be sent, naming the argument. */

/* A copy, freed by whoever owns `*out`; NULL for None.  No NUL inside, no surrogates. */
int read_text(core_state *state, const char *name, PyObject *value, char **out);

/* A NULL-terminated list of copies; NULL for None.  A str is not a list of str. */
int read_texts(core_state *state, const char *name, PyObject *value, char ***out);

/* Seconds, int or float, to microseconds; None is CP_NEVER.  Below 0 is 0; NaN is refused. */
int read_seconds(core_state *state, const char *name, PyObject *value, cp_usec *out);

int read_int(core_state *state, const char *name, PyObject *value, long least, long most,
             long *out);

/* The filters of get_users, by keyword, over what is in `out`; a value left out is not
 * touched.  The caller destroys `out` also after -1. */
int read_users_query(core_state *state, PyObject *keywords, cp_users_query *out);

#endif
