#include "py/value_types.h"

#include <stddef.h>
#include <stdint.h>

#include "py/convert.h"
#include "py/json_value.h"

/* A profile shared with the roster, and what is ours alone: the presence at one time.  What
 * nearly everybody reads is a member, which Python reads without calling us. */
typedef struct user_object {
    PyObject_HEAD
    PyObject *uid, *status;
    cp_user *user; /* counted */
    int64_t last_active_at;
    cp_presence_status presence; /* status, as the core says it */
} user_object;

PyObject *user_to_python(core_state *state, cp_user *user, cp_presence_status status,
                         int64_t last_active_at)
{
    PyObject *uid = text_to_python(cp_user_text_of(user, CP_USER_UID));
    user_object *self = uid ? PyObject_New(user_object, (PyTypeObject *)state->user_type) : NULL;
    if (self == NULL) {
        Py_XDECREF(uid);
        return NULL;
    }
    self->uid = uid;
    self->status = Py_NewRef(state->user_status[status]);
    self->user = user;
    self->last_active_at = last_active_at;
    self->presence = status;
    return (PyObject *)self;
}

PyObject *presence_to_python(core_state *state, const cp_presence *presence)
{
    if (presence->user == NULL)
        Py_RETURN_NONE;
    PyObject *user =
        user_to_python(state, presence->user, presence->status, presence->last_active_at);
    if (user != NULL)
        cp_user_hold(presence->user);
    return user;
}

static void user_dealloc(PyObject *op)
{
    user_object *self = (user_object *)op;
    PyTypeObject *type = Py_TYPE(op);
    Py_DECREF(self->uid);
    Py_DECREF(self->status);
    cp_user_release(self->user);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- attributes: `which` is the closure of the getter */

static PyObject *get_uid(PyObject *op, void *Py_UNUSED(which))
{
    return Py_NewRef(((user_object *)op)->uid);
}

static PyObject *get_text(PyObject *op, void *which)
{
    return text_to_python(
        cp_user_text_of(((user_object *)op)->user, (cp_user_text)(intptr_t)which));
}

static PyObject *get_name(PyObject *op, void *Py_UNUSED(which))
{
    cp_slice name = cp_user_text_of(((user_object *)op)->user, CP_USER_NAME);
    return text_to_python(name.data ? name : cp_slice_of(""));
}

static PyObject *get_number(PyObject *op, void *which)
{
    return count_to_python(
        cp_user_number_of(((user_object *)op)->user, (cp_user_number)(intptr_t)which));
}

static PyObject *get_status(PyObject *op, void *Py_UNUSED(which))
{
    return Py_NewRef(((user_object *)op)->status);
}

static PyObject *get_last_active_at(PyObject *op, void *Py_UNUSED(which))
{
    return count_to_python(((user_object *)op)->last_active_at);
}

static PyObject *get_last_active(PyObject *op, void *Py_UNUSED(which))
{
    return seconds_to_datetime(core_state_of(op), ((user_object *)op)->last_active_at);
}

static PyObject *get_is_online(PyObject *op, void *Py_UNUSED(which))
{
    return PyBool_FromLong(((user_object *)op)->presence == CP_ONLINE);
}

static PyObject *get_blocked_by_me(PyObject *op, void *Py_UNUSED(which))
{
    return PyBool_FromLong(cp_user_blocked_by_me(((user_object *)op)->user));
}

static PyObject *get_has_blocked_me(PyObject *op, void *Py_UNUSED(which))
{
    return PyBool_FromLong(cp_user_has_blocked_me(((user_object *)op)->user));
}

/* Parsed at each use, so that nobody's changes reach anybody else. */
static PyObject *parse(PyObject *op, cp_user_text which)
{
    cp_slice text = cp_user_text_of(((user_object *)op)->user, which);
    if (text.data == NULL)
        return which == CP_USER_TAGS ? PyList_New(0) : PyDict_New();
    return json_text_to_python(text, CP_JSON_BODY_LIMITS);
}

static PyObject *get_metadata(PyObject *op, void *Py_UNUSED(which))
{
    return parse(op, CP_USER_METADATA);
}

static PyObject *get_tags(PyObject *op, void *Py_UNUSED(which))
{
    PyObject *list = parse(op, CP_USER_TAGS);
    PyObject *tags = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tags;
}

#define GETTER(name, get, which, doc) {name, get, NULL, PyDoc_STR(doc), (void *)(intptr_t)(which)}

#define MEMBER(name, doc)                                                                          \
    {#name, Py_T_OBJECT_EX, offsetof(user_object, name), Py_READONLY, PyDoc_STR(doc)}

static PyMemberDef user_members[] = {
    MEMBER(uid, "Who it is."),
    MEMBER(status, "A UserStatus; equal to \"online\" or \"offline\"."),
    {NULL},
};

static PyGetSetDef user_getset[] = {
    GETTER("name", get_name, 0, "\"\" when the server sent none."),
    GETTER("avatar", get_text, CP_USER_AVATAR, "URL of a picture, or None."),
    GETTER("link", get_text, CP_USER_LINK, "URL of a profile page, or None."),
    GETTER("role", get_text, CP_USER_ROLE, "The role's id, or None."),
    GETTER("status_message", get_text, CP_USER_STATUS_MESSAGE, "What the user says, or None."),
    GETTER("last_active_at", get_last_active_at, 0,
           "Unix seconds as the server sent them, or None."),
    GETTER("tags", get_tags, 0, "A tuple of str."),
    GETTER("metadata", get_metadata, 0, "A fresh dict at each use."),
    GETTER("blocked_by_me", get_blocked_by_me, 0, "Whether we blocked the user."),
    GETTER("has_blocked_me", get_has_blocked_me, 0, "Whether the user blocked us."),
    GETTER("deactivated_at", get_number, CP_USER_DEACTIVATED_AT, "Unix seconds, or None."),
    GETTER("created_at", get_number, CP_USER_CREATED_AT, "Unix seconds, or None."),
    GETTER("updated_at", get_number, CP_USER_UPDATED_AT, "Unix seconds, or None."),
    GETTER("last_active", get_last_active, 0, "An aware datetime in UTC; None for never seen."),
    GETTER("is_online", get_is_online, 0, "Whether status is \"online\"."),
    /* the vendor's spellings */
    GETTER("statusMessage", get_text, CP_USER_STATUS_MESSAGE, "As status_message."),
    GETTER("lastActiveAt", get_last_active_at, 0, "As last_active_at."),
    GETTER("blockedByMe", get_blocked_by_me, 0, "As blocked_by_me."),
    GETTER("hasBlockedMe", get_has_blocked_me, 0, "As has_blocked_me."),
    GETTER("deactivatedAt", get_number, CP_USER_DEACTIVATED_AT, "As deactivated_at."),
    {NULL},
};

/* The vendor's getters: a method has no closure, so each is a function of its own. */
#define VENDOR_GETTER(name, get, which)                                                            \
    static PyObject *name(PyObject *self, PyObject *Py_UNUSED(none))                               \
    {                                                                                              \
        return get(self, (void *)(intptr_t)(which));                                               \
    }

VENDOR_GETTER(getUid, get_uid, 0)
VENDOR_GETTER(getName, get_name, 0)
VENDOR_GETTER(getAvatar, get_text, CP_USER_AVATAR)
VENDOR_GETTER(getLink, get_text, CP_USER_LINK)
VENDOR_GETTER(getRole, get_text, CP_USER_ROLE)
VENDOR_GETTER(getStatus, get_status, 0)
VENDOR_GETTER(getStatusMessage, get_text, CP_USER_STATUS_MESSAGE)
VENDOR_GETTER(getLastActiveAt, get_last_active_at, 0)
VENDOR_GETTER(getTags, get_tags, 0)
VENDOR_GETTER(getMetadata, get_metadata, 0)
VENDOR_GETTER(getBlockedByMe, get_blocked_by_me, 0)
VENDOR_GETTER(getHasBlockedMe, get_has_blocked_me, 0)
VENDOR_GETTER(getDeactivatedAt, get_number, CP_USER_DEACTIVATED_AT)

/* ---- as a dict, and back */

/* Takes the value, which may be NULL with an exception. */
static int put(PyObject *dict, const char *name, PyObject *value)
{
    int result = value ? PyDict_SetItemString(dict, name, value) : -1;
    Py_XDECREF(value);
    return result;
}

/* What the server did not send stays away. */
static int put_text(PyObject *dict, const char *name, cp_slice text)
{
    return text.data == NULL ? 0 : put(dict, name, text_to_python(text));
}

static int put_count(PyObject *dict, const char *name, int64_t number)
{
    return number == CP_ABSENT ? 0 : put(dict, name, count_to_python(number));
}

static int put_json(PyObject *dict, const char *name, PyObject *op, cp_user_text which)
{
    bool absent = cp_user_text_of(((user_object *)op)->user, which).data == NULL;
    return absent ? 0 : put(dict, name, parse(op, which));
}

static int put_all(PyObject *dict, PyObject *op)
{
    user_object *self = (user_object *)op;
    cp_user *user = self->user;

    if (put(dict, "uid", get_uid(op, NULL)) < 0 ||
        put_text(dict, "name", cp_user_text_of(user, CP_USER_NAME)) < 0 ||
        put_text(dict, "avatar", cp_user_text_of(user, CP_USER_AVATAR)) < 0 ||
        put_text(dict, "link", cp_user_text_of(user, CP_USER_LINK)) < 0 ||
        put_text(dict, "role", cp_user_text_of(user, CP_USER_ROLE)) < 0 ||
        put(dict, "status", PyObject_Str(self->status)) < 0 ||
        put_text(dict, "statusMessage", cp_user_text_of(user, CP_USER_STATUS_MESSAGE)) < 0)
        return -1;
    if (put_count(dict, "lastActiveAt", self->last_active_at) < 0 ||
        put_json(dict, "tags", op, CP_USER_TAGS) < 0 ||
        put_json(dict, "metadata", op, CP_USER_METADATA) < 0 ||
        put(dict, "blockedByMe", get_blocked_by_me(op, NULL)) < 0 ||
        put(dict, "hasBlockedMe", get_has_blocked_me(op, NULL)) < 0)
        return -1;
    if (put_count(dict, "deactivatedAt", cp_user_number_of(user, CP_USER_DEACTIVATED_AT)) < 0 ||
        put_count(dict, "createdAt", cp_user_number_of(user, CP_USER_CREATED_AT)) < 0 ||
        put_count(dict, "updatedAt", cp_user_number_of(user, CP_USER_UPDATED_AT)) < 0)
        return -1;
    return 0;
}

static PyObject *user_to_dict(PyObject *op, PyObject *Py_UNUSED(none))
{
    PyObject *dict = PyDict_New();
    if (dict != NULL && put_all(dict, op) < 0)
        Py_CLEAR(dict);
    return dict;
}

/* "unknown" is our own word, of a User whose presence was never told; the server has no
 * such status and would mean online by it. */
static void mind_unknown(cp_presence *presence, const cp_json *document)
{
    if (cp_slice_is(cp_json_text(cp_json_member(document, "status")), "unknown"))
        presence->status = CP_UNKNOWN;
}

static PyObject *read_user(core_state *state, cp_slice text)
{
    cp_json *document = NULL;
    cp_presence presence = {.user = NULL};
    PyObject *user = NULL;

    cp_status status = cp_json_parse(text, CP_JSON_BODY_LIMITS, &document);
    if (status == CP_OK)
        status = cp_presence_read(document, &presence);
    if (status == CP_OK) {
        mind_unknown(&presence, document);
        user = presence_to_python(state, &presence);
    } else if (status == CP_ERR_MALFORMED) {
        raise_config(state, "INVALID_UID", "a user needs a uid");
    } else if (status == CP_ERR_NOMEM) {
        raise_status(state, status);
    } else {
        raise_config(state, "INVALID_PARAMETER", "not a user: %s", cp_status_text(status));
    }
    cp_presence_destroy(&presence);
    cp_json_free(document);
    return user;
}

static PyObject *user_from_dict(PyObject *type, PyObject *data)
{
    core_state *state = core_state_of_type((PyTypeObject *)type);
    PyObject *user = NULL;
    cp_buffer text;

    if (!PyMapping_Check(data) || PyUnicode_Check(data) || PyList_Check(data) ||
        PyTuple_Check(data))
        return PyErr_Format(PyExc_TypeError, "from_dict() wants a mapping, not %.100s",
                            Py_TYPE(data)->tp_name);
    cp_buffer_init(&text);
    if (python_to_json(data, &text) == 0) {
        cp_status status = cp_buffer_status(&text);
        user = status == CP_OK ? read_user(state, cp_buffer_slice(&text))
                               : raise_status(state, status);
    }
    cp_buffer_destroy(&text);
    return user;
}

/* Through from_dict, so that a pickle holds nothing but the server's field names. */
static PyObject *user_reduce(PyObject *op, PyObject *Py_UNUSED(none))
{
    PyObject *from_dict = PyObject_GetAttrString((PyObject *)Py_TYPE(op), "from_dict");
    PyObject *dict = from_dict ? user_to_dict(op, NULL) : NULL;
    PyObject *result = dict ? Py_BuildValue("O(O)", from_dict, dict) : NULL;
    Py_XDECREF(from_dict);
    Py_XDECREF(dict);
    return result;
}

/* ---- as a value */

static PyObject *user_repr(PyObject *op)
{
    user_object *self = (user_object *)op;
    return PyUnicode_FromFormat("<User %R %S>", self->uid, self->status);
}

static Py_hash_t user_hash(PyObject *op)
{
    return PyObject_Hash(((user_object *)op)->uid);
}

static PyObject *user_richcompare(PyObject *left, PyObject *right, int operation)
{
    if ((operation != Py_EQ && operation != Py_NE) || Py_TYPE(left) != Py_TYPE(right))
        Py_RETURN_NOTIMPLEMENTED;
    user_object *a = (user_object *)left, *b = (user_object *)right;
    bool equal = a->presence == b->presence && a->last_active_at == b->last_active_at &&
                 cp_user_equal(a->user, b->user);
    return PyBool_FromLong(equal == (operation == Py_EQ));
}

#define VENDOR_METHOD(name, attribute)                                                             \
    {#name, name, METH_NOARGS, PyDoc_STR(#name "($self, /)\n--\n\nThe attribute " attribute ".")}

static PyMethodDef user_methods[] = {
    {"to_dict", user_to_dict, METH_NOARGS,
     PyDoc_STR("to_dict($self, /)\n--\n\n"
               "A dict with the server's field names; what the server did not send is not in it.")},
    {"from_dict", user_from_dict, METH_O | METH_CLASS,
     PyDoc_STR("from_dict($type, data, /)\n--\n\n"
               "A User from the server's field names, as to_dict() writes them; ConfigError for\n"
               "what makes no user, such as a missing uid.")},
    {"__reduce__", user_reduce, METH_NOARGS, NULL},
    VENDOR_METHOD(getUid, "uid"),
    VENDOR_METHOD(getName, "name"),
    VENDOR_METHOD(getAvatar, "avatar"),
    VENDOR_METHOD(getLink, "link"),
    VENDOR_METHOD(getRole, "role"),
    VENDOR_METHOD(getStatus, "status"),
    VENDOR_METHOD(getStatusMessage, "status_message"),
    VENDOR_METHOD(getLastActiveAt, "last_active_at"),
    VENDOR_METHOD(getTags, "tags"),
    VENDOR_METHOD(getMetadata, "metadata"),
    VENDOR_METHOD(getBlockedByMe, "blocked_by_me"),
    VENDOR_METHOD(getHasBlockedMe, "has_blocked_me"),
    VENDOR_METHOD(getDeactivatedAt, "deactivated_at"),
    {NULL},
};

static const struct {
    const char *ours, *vendors;
} twins[] = {
    {"get_uid", "getUid"},
    {"get_name", "getName"},
    {"get_avatar", "getAvatar"},
    {"get_link", "getLink"},
    {"get_role", "getRole"},
    {"get_status", "getStatus"},
    {"get_status_message", "getStatusMessage"},
    {"get_last_active_at", "getLastActiveAt"},
    {"get_tags", "getTags"},
    {"get_metadata", "getMetadata"},
    {"get_blocked_by_me", "getBlockedByMe"},
    {"get_has_blocked_me", "getHasBlockedMe"},
    {"get_deactivated_at", "getDeactivatedAt"},
};

/* A second entry in the method table would be a second function; both spellings of a
 * getter are one. */
int user_add_twins(PyObject *type)
{
    PyObject *dict = PyType_GetDict((PyTypeObject *)type);
    int result = dict ? 0 : -1;

    for (size_t i = 0; i < sizeof twins / sizeof *twins && result == 0; i++) {
        PyObject *getter = PyDict_GetItemString(dict, twins[i].vendors); /* borrowed */
        result = getter ? PyDict_SetItemString(dict, twins[i].ours, getter) : -1;
    }
    PyType_Modified((PyTypeObject *)type);
    Py_XDECREF(dict);
    return result;
}

static PyType_Slot user_slots[] = {
    {Py_tp_doc,
     PyDoc_STR("Somebody, and how they were at one time.  Immutable; hashed by uid, and\n"
               "equal when all fields are.\n\n"
               "In CometChat's docs: \"Retrieve Users\".")},
    {Py_tp_dealloc, user_dealloc},
    {Py_tp_repr, user_repr},
    {Py_tp_hash, user_hash},
    {Py_tp_richcompare, user_richcompare},
    {Py_tp_members, user_members},
    {Py_tp_getset, user_getset},
    {Py_tp_methods, user_methods},
    {0, NULL},
};

PyType_Spec user_spec = {
    .name = "cometpresence.User",
    .basicsize = sizeof(user_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = user_slots,
};
