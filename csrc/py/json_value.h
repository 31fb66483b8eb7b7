#ifndef CP_PY_JSON_VALUE_H
#define CP_PY_JSON_VALUE_H

#include "core/json.h"
#include "py/module.h"

/* JSON ↔ Python through the core's face, without Python's json module. */

/* A fresh value.  Whole numbers up to 2^53 are int, others float. */
PyObject *json_to_python(const cp_json *value);

/* ValueError when it is not JSON within the limits. */
PyObject *json_text_to_python(cp_slice text, cp_json_limits limits);

/* Appends a value made of None, bool, int, float, str, mappings with str keys, lists and
 * tuples.  -1 with an exception: TypeError, or ValueError for what JSON cannot say.
 * The caller asks the buffer for its status at the end. */
int python_to_json(PyObject *value, cp_buffer *out);

#endif
