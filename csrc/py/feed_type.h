#ifndef CP_PY_FEED_TYPE_H
#define CP_PY_FEED_TYPE_H

#include "py/module.h"

/* A client's changes as something to read (_core.Feed). */
extern PyType_Spec feed_spec;

#define FEED_SIZE_MAX (1 << 24)

PyObject *client_open_feed(PyObject *op, PyObject *args, PyObject *keywords);

#endif
