#include "py/json_value.h"

#include <math.h>

#define LARGEST_EXACT 9007199254740992.0 /* 2^53 */
#define DEPTH 32

/* ---- reading */

static PyObject *number_to_python(double number)
{
    if (fabs(number) <= LARGEST_EXACT && number == floor(number))
        return PyLong_FromDouble(number);
    return PyFloat_FromDouble(number);
}

static PyObject *text_of(const char *data, size_t length)
{
    return PyUnicode_DecodeUTF8(data, (Py_ssize_t)length, "replace");
}

static PyObject *array_to_python(const cp_json *array)
{
    PyObject *list = PyList_New(0);
    if (list == NULL)
        return NULL;
    for (const cp_json *item = cp_json_first(array); item != NULL; item = cp_json_next(item)) {
        PyObject *value = json_to_python(item);
        int failed = value == NULL || PyList_Append(list, value) < 0;
        Py_XDECREF(value);
        if (failed) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static int add_member(PyObject *dict, const cp_json *item)
{
    const char *name = cp_json_name(item);
    PyObject *key = text_of(name, strlen(name));
    PyObject *value = key ? json_to_python(item) : NULL;
    int result = value ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return result;
}

static PyObject *object_to_python(const cp_json *object)
{
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    for (const cp_json *item = cp_json_first(object); item != NULL; item = cp_json_next(item)) {
        if (add_member(dict, item) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

/* Recursion is bounded: the core parses nothing deeper than its limits. */
PyObject *json_to_python(const cp_json *value)
{
    switch (cp_json_type_of(value)) {
    case CP_JSON_NULL:
        Py_RETURN_NONE;
    case CP_JSON_FALSE:
        Py_RETURN_FALSE;
    case CP_JSON_TRUE:
        Py_RETURN_TRUE;
    case CP_JSON_NUMBER:
        return number_to_python(cp_json_number(value));
    case CP_JSON_STRING: {
        cp_slice text = cp_json_text(value);
        return text_of(text.data, text.length);
    }
    case CP_JSON_ARRAY:
        return array_to_python(value);
    case CP_JSON_OBJECT:
        return object_to_python(value);
    }
    Py_UNREACHABLE();
}

PyObject *json_text_to_python(cp_slice text, cp_json_limits limits)
{
    cp_json *document = NULL;
    cp_status status = cp_json_parse(text, limits, &document);
    if (status == CP_ERR_NOMEM)
        return PyErr_NoMemory();
    if (status != CP_OK) {
        PyErr_SetString(PyExc_ValueError, cp_status_text(status));
        return NULL;
    }
    PyObject *value = json_to_python(document);
    cp_json_free(document);
    return value;
}

/* ---- writing */

static int put_value(PyObject *value, cp_buffer *out, unsigned depth);

static int refuse_type(PyObject *value)
{
    PyErr_Format(PyExc_TypeError, "JSON has no %.100s", Py_TYPE(value)->tp_name);
    return -1;
}

static int put_text(PyObject *text, cp_buffer *out)
{
    Py_ssize_t length;
    const char *data = PyUnicode_AsUTF8AndSize(text, &length); /* surrogates: a ValueError */
    if (data == NULL)
        return -1;
    cp_json_put_text(out, (cp_slice){data, (size_t)length});
    return 0;
}

static int put_int(PyObject *number, cp_buffer *out)
{
    /* Not PyObject_Str: an IntEnum's is its name. */
    PyObject *digits = PyNumber_ToBase(number, 10);
    const char *text = digits ? PyUnicode_AsUTF8(digits) : NULL;
    if (text != NULL)
        cp_buffer_append_text(out, text);
    Py_XDECREF(digits);
    return text ? 0 : -1;
}

static int put_float(double number, cp_buffer *out)
{
    if (!isfinite(number)) {
        PyErr_SetString(PyExc_ValueError, "JSON has no NaN and no infinity");
        return -1;
    }
    char *text = PyOS_double_to_string(number, 'r', 0, 0, NULL);
    if (text == NULL)
        return -1;
    cp_buffer_append_text(out, text);
    PyMem_Free(text);
    return 0;
}

static int put_array(PyObject *sequence, cp_buffer *out, unsigned depth)
{
    /* A copy: converting an item could run Python that changes the list. */
    PyObject *items = PySequence_Tuple(sequence);
    if (items == NULL)
        return -1;
    cp_buffer_append_text(out, "[");
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); i++) {
        if (i > 0)
            cp_buffer_append_text(out, ",");
        if (put_value(PyTuple_GET_ITEM(items, i), out, depth) < 0) {
            Py_DECREF(items);
            return -1;
        }
    }
    cp_buffer_append_text(out, "]");
    Py_DECREF(items);
    return 0;
}

static int put_member(PyObject *pair, cp_buffer *out, unsigned depth)
{
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
        !PyUnicode_Check(PyTuple_GET_ITEM(pair, 0))) {
        PyErr_SetString(PyExc_TypeError, "JSON wants str for keys");
        return -1;
    }
    if (put_text(PyTuple_GET_ITEM(pair, 0), out) < 0)
        return -1;
    cp_buffer_append_text(out, ":");
    return put_value(PyTuple_GET_ITEM(pair, 1), out, depth);
}

static int put_object(PyObject *mapping, cp_buffer *out, unsigned depth)
{
    PyObject *items = PyMapping_Items(mapping);
    if (items == NULL)
        return PyErr_ExceptionMatches(PyExc_AttributeError) ? refuse_type(mapping) : -1;
    cp_buffer_append_text(out, "{");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (i > 0)
            cp_buffer_append_text(out, ",");
        if (put_member(PyList_GET_ITEM(items, i), out, depth) < 0) {
            Py_DECREF(items);
            return -1;
        }
    }
    cp_buffer_append_text(out, "}");
    Py_DECREF(items);
    return 0;
}

static int put_value(PyObject *value, cp_buffer *out, unsigned depth)
{
    if (depth == 0) {
        PyErr_SetString(PyExc_ValueError, "nested too deeply");
        return -1;
    }
    if (value == Py_None || PyBool_Check(value)) {
        const char *word = value == Py_True ? "true" : value == Py_False ? "false" : "null";
        cp_buffer_append_text(out, word);
        return 0;
    }
    if (PyUnicode_Check(value))
        return put_text(value, out);
    if (PyLong_Check(value))
        return put_int(value, out);
    if (PyFloat_Check(value))
        return put_float(PyFloat_AS_DOUBLE(value), out);
    if (PyList_Check(value) || PyTuple_Check(value))
        return put_array(value, out, depth - 1);
    if (PyMapping_Check(value))
        return put_object(value, out, depth - 1);
    return refuse_type(value);
}

int python_to_json(PyObject *value, cp_buffer *out)
{
    return put_value(value, out, DEPTH);
}
