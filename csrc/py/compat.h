#ifndef CP_PY_COMPAT_H
#define CP_PY_COMPAT_H

/* Python.h, and what older versions of it lack: the only place that asks for a version,
 * besides the slots of the module. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030D0000
#define Py_BEGIN_CRITICAL_SECTION(op) {
#define Py_END_CRITICAL_SECTION() }
#endif

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY

static inline PyObject *PyType_GetDict(PyTypeObject *type)
{
    return Py_NewRef(type->tp_dict);
}

/* The exception in flight as one object, no longer in flight; NULL when there is none. */
static inline PyObject *PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(traceback);
    Py_DECREF(type);
    return value;
}

static inline void PyErr_SetRaisedException(PyObject *exception)
{
    if (exception == NULL)
        PyErr_Clear();
    else
        PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception,
                      PyException_GetTraceback(exception));
}
#endif

#endif
