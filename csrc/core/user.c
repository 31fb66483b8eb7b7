#include "core/user.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define LONGEST_BLOB (UINT32_MAX / 2)
#define MILLISECONDS_ABOVE INT64_C(100000000000) /* 10^11 s are the year 5138 */

/* ---- the profile */

/* There may be a million of them, so lengths and times are only as wide as they have to be.
 * The texts follow each other behind the one layout or the other. */
struct cp_user {
    atomic_uint holds;
    uint8_t present; /* a bit for each text */
    uint8_t flags;
    uint8_t named[CP_USER_TAGS]; /* lengths, unless it is wide */
};

enum { IS_WIDE = 1, BLOCKED_BY_ME = 2, HAS_BLOCKED_ME = 4 };

typedef struct narrow_user {
    cp_user user;
    uint32_t number[CP_USER_NUMBERS]; /* ABSENT_NUMBER: it is not there */
    uint16_t raw[CP_USER_TEXTS - CP_USER_TAGS];
    char texts[];
} narrow_user;

typedef struct wide_user {
    cp_user user;
    int64_t number[CP_USER_NUMBERS];
    uint32_t length[CP_USER_TEXTS];
    char texts[];
} wide_user;

#define ABSENT_NUMBER UINT32_MAX

static bool is_wide(const cp_user *self)
{
    return self->flags & IS_WIDE;
}

static const narrow_user *narrow(const cp_user *self)
{
    return (const narrow_user *)(const void *)self;
}

static const wide_user *wide(const cp_user *self)
{
    return (const wide_user *)(const void *)self;
}

static size_t head_size(const cp_user *self)
{
    return is_wide(self) ? offsetof(wide_user, texts) : offsetof(narrow_user, texts);
}

static size_t length_of(const cp_user *self, int which)
{
    if (is_wide(self))
        return wide(self)->length[which];
    return which < CP_USER_TAGS ? self->named[which] : narrow(self)->raw[which - CP_USER_TAGS];
}

static size_t length_before(const cp_user *self, int which)
{
    size_t length = 0;
    for (int i = 0; i < which; i++)
        length += length_of(self, i);
    return length;
}

static size_t texts_length(const cp_user_fields *fields)
{
    size_t length = 0;
    for (int i = 0; i < CP_USER_TEXTS; i++)
        length += fields->text[i].length;
    return length;
}

static bool needs_width(const cp_user_fields *fields)
{
    for (int i = 0; i < CP_USER_TEXTS; i++)
        if (fields->text[i].length > (i < CP_USER_TAGS ? UINT8_MAX : UINT16_MAX))
            return true;
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        if (fields->number[i] != CP_ABSENT &&
            (fields->number[i] < 0 || fields->number[i] >= ABSENT_NUMBER))
            return true;
    return false;
}

static void fill_narrow(narrow_user *self, const cp_user_fields *fields)
{
    for (int i = 0; i < CP_USER_TAGS; i++)
        self->user.named[i] = (uint8_t)fields->text[i].length;
    for (int i = CP_USER_TAGS; i < CP_USER_TEXTS; i++)
        self->raw[i - CP_USER_TAGS] = (uint16_t)fields->text[i].length;
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        self->number[i] =
            fields->number[i] == CP_ABSENT ? ABSENT_NUMBER : (uint32_t)fields->number[i];
}

static void fill_wide(wide_user *self, const cp_user_fields *fields)
{
    for (int i = 0; i < CP_USER_TEXTS; i++)
        self->length[i] = (uint32_t)fields->text[i].length;
    memcpy(self->number, fields->number, sizeof self->number);
}

static void fill(cp_user *self, const cp_user_fields *fields, bool width)
{
    self->flags = (uint8_t)((width ? IS_WIDE : 0) | (fields->blocked_by_me ? BLOCKED_BY_ME : 0) |
                            (fields->has_blocked_me ? HAS_BLOCKED_ME : 0));
    if (width)
        fill_wide((wide_user *)(void *)self, fields);
    else
        fill_narrow((narrow_user *)(void *)self, fields);

    char *out = (char *)self + head_size(self);
    for (int i = 0; i < CP_USER_TEXTS; i++) {
        cp_slice text = fields->text[i];
        if (!text.data)
            continue; /* absent, and of no length */
        self->present |= (uint8_t)(1u << i);
        memcpy(out, text.data, text.length);
        out += text.length;
    }
}

static bool trim(cp_user_fields *fields)
{
    bool had_more = fields->text[CP_USER_TAGS].data || fields->text[CP_USER_METADATA].data;
    if (!had_more || texts_length(fields) <= CP_USER_PROFILE_LIMIT)
        return false;
    fields->text[CP_USER_TAGS] = CP_ABSENT_SLICE;
    fields->text[CP_USER_METADATA] = CP_ABSENT_SLICE;
    return true;
}

cp_user *cp_user_new(const cp_user_fields *given, bool *trimmed)
{
    cp_user_fields fields = *given;
    assert(fields.text[CP_USER_UID].length > 0);
    if (trimmed != NULL)
        *trimmed = trim(&fields);

    bool width = needs_width(&fields);
    size_t length = texts_length(&fields);
    size_t head = width ? offsetof(wide_user, texts) : offsetof(narrow_user, texts);
    cp_user *self = length <= LONGEST_BLOB ? malloc(head + length) : NULL;
    if (!self)
        return NULL;
    memset(self, 0, head); /* what lies between its members too, for who compares */
    atomic_init(&self->holds, 1);
    fill(self, &fields, width);
    return self;
}

cp_user *cp_user_hold(cp_user *self)
{
    atomic_fetch_add_explicit(&self->holds, 1, memory_order_relaxed);
    return self;
}

void cp_user_release(cp_user *self)
{
    /* Whoever frees must see what every other holder did before it let go. */
    if (self && atomic_fetch_sub_explicit(&self->holds, 1, memory_order_acq_rel) == 1)
        free(self);
}

cp_slice cp_user_text_of(const cp_user *self, cp_user_text which)
{
    if (!(self->present & 1u << which))
        return CP_ABSENT_SLICE;
    const char *texts = (const char *)self + head_size(self);
    return (cp_slice){texts + length_before(self, (int)which), length_of(self, (int)which)};
}

int64_t cp_user_number_of(const cp_user *self, cp_user_number which)
{
    if (is_wide(self))
        return wide(self)->number[which];
    uint32_t number = narrow(self)->number[which];
    return number == ABSENT_NUMBER ? CP_ABSENT : number;
}

bool cp_user_blocked_by_me(const cp_user *self)
{
    return self->flags & BLOCKED_BY_ME;
}

bool cp_user_has_blocked_me(const cp_user *self)
{
    return self->flags & HAS_BLOCKED_ME;
}

/* The same fields have the same layout. */
bool cp_user_equal(const cp_user *a, const cp_user *b)
{
    const size_t from = offsetof(cp_user, present);
    if (a == b)
        return true;
    if (a->flags != b->flags ||
        memcmp((const char *)a + from, (const char *)b + from, head_size(a) - from) != 0)
        return false;
    size_t head = head_size(a), length = length_before(a, CP_USER_TEXTS);
    return memcmp((const char *)a + head, (const char *)b + head, length) == 0;
}

bool cp_user_has(const cp_user *self, const cp_user_fields *fields)
{
    const char *text = (const char *)self + head_size(self);
    if (cp_user_blocked_by_me(self) != fields->blocked_by_me ||
        cp_user_has_blocked_me(self) != fields->has_blocked_me)
        return false;
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        if (cp_user_number_of(self, (cp_user_number)i) != fields->number[i])
            return false;
    for (int i = 0; i < CP_USER_TEXTS; i++) {
        cp_slice wanted = fields->text[i];
        size_t length = length_of(self, i);
        bool is_present = self->present & 1u << i;
        if (is_present != (wanted.data != NULL) || length != wanted.length ||
            (wanted.data && memcmp(text, wanted.data, length) != 0))
            return false;
        text += length;
    }
    return true;
}

/* ---- presence */

void cp_presence_destroy(cp_presence *self)
{
    cp_user_release(self->user);
    self->user = NULL;
}

bool cp_presence_trim(cp_presence *self)
{
    const cp_user *whole = self->user;
    bool trimmed = false;
    if (length_before(whole, CP_USER_TEXTS) <= CP_USER_PROFILE_LIMIT)
        return false;
    cp_user_fields fields = {.blocked_by_me = cp_user_blocked_by_me(whole),
                             .has_blocked_me = cp_user_has_blocked_me(whole)};
    for (int i = 0; i < CP_USER_TEXTS; i++)
        fields.text[i] = cp_user_text_of(whole, (cp_user_text)i);
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        fields.number[i] = cp_user_number_of(whole, (cp_user_number)i);
    cp_user *user = cp_user_new(&fields, &trimmed);
    if (!user)
        return false; /* without memory for less, the whole one stays */
    cp_user_release(self->user);
    self->user = user;
    return trimmed;
}

int64_t cp_seconds_of(int64_t server_time)
{
    return server_time > MILLISECONDS_ABOVE ? server_time / 1000 : server_time;
}

cp_presence_status cp_presence_status_of(cp_slice word)
{
    return word.length == 0 || cp_slice_is(word, "offline") ? CP_OFFLINE : CP_ONLINE;
}

/* Some of the vendor's clients know a status of 0 and 1. */
static cp_presence_status read_status(const cp_json *status)
{
    if (cp_json_type_of(status) == CP_JSON_STRING)
        return cp_presence_status_of(cp_json_text(status));
    return cp_json_is_true(status) ? CP_ONLINE : CP_OFFLINE;
}

static int64_t read_time(const cp_json *user, const char *name)
{
    return cp_seconds_of(cp_json_count(cp_json_member(user, name)));
}

#define NUMERIC_UID_SIZE 24 /* any int64_t */

/* A number becomes digits in `digits`.  2^53 itself may stand for a neighbour that a
 * double cannot tell from it, and a uid must not name somebody else. */
static cp_slice read_uid(const cp_json *uid, char digits[NUMERIC_UID_SIZE])
{
    if (cp_json_type_of(uid) != CP_JSON_NUMBER)
        return cp_json_text(uid);
    int64_t number = cp_json_count(uid);
    if (number == CP_ABSENT || number == INT64_C(1) << 53)
        return CP_ABSENT_SLICE;
    snprintf(digits, NUMERIC_UID_SIZE, "%" PRId64, number);
    return cp_slice_of(digits);
}

static const char *const text_name[CP_USER_TAGS] = {
    [CP_USER_UID] = "uid",   [CP_USER_NAME] = "name", [CP_USER_AVATAR] = "avatar",
    [CP_USER_LINK] = "link", [CP_USER_ROLE] = "role", [CP_USER_STATUS_MESSAGE] = "statusMessage",
};

static const char *const number_name[CP_USER_NUMBERS] = {
    [CP_USER_DEACTIVATED_AT] = "deactivatedAt",
    [CP_USER_CREATED_AT] = "createdAt",
    [CP_USER_UPDATED_AT] = "updatedAt",
};

static size_t print_if(const cp_json *value, cp_json_type type, cp_buffer *out)
{
    size_t before = out->length;
    if (cp_json_type_of(value) == type)
        cp_json_print(value, out);
    return out->length - before;
}

static cp_slice raw_text(const char *data, size_t length)
{
    return length > 0 ? (cp_slice){data, length} : CP_ABSENT_SLICE;
}

/* Tags and metadata as JSON again, printed into `raw`. */
static cp_status read_raw_texts(const cp_json *user, cp_user_fields *fields, cp_buffer *raw)
{
    size_t tags = print_if(cp_json_member(user, "tags"), CP_JSON_ARRAY, raw);
    size_t metadata = print_if(cp_json_member(user, "metadata"), CP_JSON_OBJECT, raw);
    if (cp_buffer_status(raw) != CP_OK)
        return cp_buffer_status(raw);
    const char *data = cp_buffer_slice(raw).data; /* not before: it moves as it grows */
    fields->text[CP_USER_TAGS] = raw_text(data, tags);
    fields->text[CP_USER_METADATA] = raw_text(data + tags, metadata);
    return CP_OK;
}

/* All but the uid, which a bare string or number has alone. */
static cp_status read_fields(const cp_json *user, cp_user_fields *fields, cp_buffer *raw)
{
    for (int i = CP_USER_UID + 1; i < CP_USER_TAGS; i++)
        fields->text[i] = cp_json_text(cp_json_member(user, text_name[i]));
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        fields->number[i] = read_time(user, number_name[i]);
    return read_raw_texts(user, fields, raw);
}

static cp_status read_profile(const cp_json *user, bool pushed, cp_user **out, bool *trimmed)
{
    char digits[NUMERIC_UID_SIZE];
    bool is_object = cp_json_type_of(user) == CP_JSON_OBJECT;
    cp_user_fields fields = {0};
    fields.text[CP_USER_UID] = read_uid(is_object ? cp_json_member(user, "uid") : user, digits);
    if (fields.text[CP_USER_UID].length == 0)
        return CP_ERR_MALFORMED;
    fields.blocked_by_me = !pushed && cp_json_is_true(cp_json_member(user, "blockedByMe"));
    fields.has_blocked_me = !pushed && cp_json_is_true(cp_json_member(user, "hasBlockedMe"));

    cp_buffer raw;
    cp_buffer_init(&raw);
    cp_status status = read_fields(user, &fields, &raw);
    if (status == CP_OK) {
        *out = cp_user_new(&fields, trimmed);
        status = *out ? CP_OK : CP_ERR_NOMEM;
    }
    cp_buffer_destroy(&raw);
    return status;
}

static const cp_presence nobody = {NULL, CP_UNKNOWN, CP_ABSENT, CP_ABSENT};

cp_status cp_presence_read(const cp_json *user, cp_presence *out)
{
    *out = nobody;
    cp_status status = read_profile(user, false, &out->user, NULL);
    if (status != CP_OK)
        return status;
    out->status = read_status(cp_json_member(user, "status"));
    out->last_active_at = read_time(user, "lastActiveAt");
    return CP_OK;
}

cp_status cp_presence_read_pushed(const cp_json *user, cp_presence *out, bool *trimmed)
{
    *out = nobody;
    *trimmed = false;
    return read_profile(user, true, &out->user, trimmed);
}
