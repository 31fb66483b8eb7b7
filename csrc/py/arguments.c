#include "py/arguments.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "core/text.h"
#include "py/convert.h"

static int refuse(core_state *state, const char *name, const char *why)
{
    raise_config(state, "INVALID_PARAMETER", "%s %s", name, why);
    return -1;
}

/* Lent by the str. */
static const char *text_in(core_state *state, const char *name, PyObject *value)
{
    Py_ssize_t length;

    if (!PyUnicode_Check(value)) {
        raise_config(state, "INVALID_PARAMETER", "%s must be a str, not %.100s", name,
                     Py_TYPE(value)->tp_name);
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8AndSize(value, &length);
    if (text == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            return NULL;
        PyErr_Clear(); /* it would quote the value, which may be a secret */
        refuse(state, name, "must not have a lone surrogate");
        return NULL;
    }
    if (strlen(text) != (size_t)length) {
        refuse(state, name, "must not have a NUL character");
        return NULL;
    }
    return text;
}

int read_text(core_state *state, const char *name, PyObject *value, char **out)
{
    *out = NULL;
    if (value == Py_None)
        return 0;
    const char *text = text_in(state, name, value);
    if (text == NULL)
        return -1;
    *out = strdup(text);
    if (*out != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

int read_texts(core_state *state, const char *name, PyObject *value, char ***out)
{
    *out = NULL;
    if (value == Py_None)
        return 0;
    if (PyUnicode_Check(value))
        return refuse(state, name, "must be a list of str, not one str");

    PyObject *items = PySequence_Tuple(value); /* a copy nobody can change meanwhile */
    if (items == NULL)
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(items);
    char **texts = calloc((size_t)count + 1, sizeof *texts);
    if (texts == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; texts != NULL && i < count; i++) {
        PyObject *item = PyTuple_GET_ITEM(items, i);
        if (item == Py_None)
            refuse(state, name, "must be a list of str, and one is None");
        if (item == Py_None || read_text(state, name, item, &texts[i]) < 0) {
            cp_texts_free(texts);
            texts = NULL;
        }
    }
    Py_DECREF(items);
    *out = texts;
    return texts ? 0 : -1;
}

/* A wrong type is a wrong argument like any other: ConfigError, not TypeError. */
static int refuse_type(core_state *state, const char *name, const char *wanted)
{
    if (!PyErr_ExceptionMatches(PyExc_TypeError))
        return -1;
    PyErr_Clear();
    return refuse(state, name, wanted);
}

int read_seconds(core_state *state, const char *name, PyObject *value, cp_usec *out)
{
    *out = CP_NEVER;
    if (value == Py_None)
        return 0;
    double seconds = PyFloat_AsDouble(value);
    if (seconds == -1.0 && PyErr_Occurred())
        return refuse_type(state, name, "must be a number of seconds");
    if (isnan(seconds) || PyBool_Check(value))
        return refuse(state, name, "must be a number of seconds");
    if (seconds < 9e12) /* 285,000 years; beyond is for ever, and would overflow */
        *out = seconds > 0 ? (cp_usec)ceil(seconds * (double)CP_USEC_PER_SEC) : 0;
    return 0;
}

int read_int(core_state *state, const char *name, PyObject *value, long least, long most, long *out)
{
    int overflow;
    long number = PyLong_AsLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred())
        return refuse_type(state, name, "must be an int");
    if (overflow != 0 || number < least || number > most)
        return refuse(state, name, "is out of range");
    *out = number;
    return 0;
}

/* ---- the filters of a user list */

static int read_query_int(core_state *state, const char *name, PyObject *value, int *out)
{
    long number;
    if (value == NULL)
        return 0;
    if (read_int(state, name, value, INT_MIN, INT_MAX, &number) < 0)
        return -1;
    *out = (int)number; /* whether it makes sense is for cp_users_query_check() */
    return 0;
}

static int read_query_texts(core_state *state, const char *name, PyObject *value, char ***out)
{
    return value == NULL ? 0 : read_texts(state, name, value, out);
}

static int read_query_text(core_state *state, const char *name, PyObject *value, char **out)
{
    return value == NULL ? 0 : read_text(state, name, value, out);
}

int read_users_query(core_state *state, PyObject *keywords, cp_users_query *out)
{
    static char *names[] = {"limit",     "page",       "search_keyword", "search_in",
                            "status",    "roles",      "tags",           "uids",
                            "sort_by",   "sort_order", "friends_only",   "hide_blocked_users",
                            "with_tags", NULL};
    PyObject *limit = NULL, *page = NULL, *keyword = NULL, *in = NULL, *status = NULL;
    PyObject *roles = NULL, *tags = NULL, *uids = NULL, *by = NULL, *order = NULL;
    int friends = out->friends_only, hide = out->hide_blocked_users, with = out->with_tags;

    PyObject *nothing = PyTuple_New(0);
    int parsed =
        nothing && PyArg_ParseTupleAndKeywords(nothing, keywords, "|$OOOOOOOOOOppp:get_users",
                                               names, &limit, &page, &keyword, &in, &status, &roles,
                                               &tags, &uids, &by, &order, &friends, &hide, &with);
    Py_XDECREF(nothing);
    if (!parsed)
        return -1;
    out->friends_only = friends;
    out->hide_blocked_users = hide;
    out->with_tags = with;
    if (read_query_int(state, "limit", limit, &out->limit) < 0 ||
        read_query_int(state, "page", page, &out->page) < 0 ||
        read_query_text(state, "search_keyword", keyword, &out->search_keyword) < 0 ||
        read_query_texts(state, "search_in", in, &out->search_in) < 0 ||
        read_query_text(state, "status", status, &out->status) < 0)
        return -1;
    if (read_query_texts(state, "roles", roles, &out->roles) < 0 ||
        read_query_texts(state, "tags", tags, &out->tags) < 0 ||
        read_query_texts(state, "uids", uids, &out->uids) < 0 ||
        read_query_text(state, "sort_by", by, &out->sort_by) < 0 ||
        read_query_text(state, "sort_order", order, &out->sort_order) < 0)
        return -1;
    return 0;
}
