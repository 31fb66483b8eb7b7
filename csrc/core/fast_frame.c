#include "core/fast_frame.h"

#include "core/json.h"

/* ---- names */

/* Those we know: what the user has under it, or one of these. */
enum {
    TYPE = CP_USER_TEXTS + CP_USER_NUMBERS,
    DEVICE,
    BODY,
    ACTION,
    TIMESTAMP,
    USER,
    /* Their values are skipped, but they are to be expected. */
    APP_ID,
    SENDER,
    STATUS,
    LAST_ACTIVE_AT,
    OTHER, /* none of these; and what is before the first */
};

_Static_assert(OTHER + 1 == CP_NAMES, "there is an order of all names");

#define NUMBER(which) (CP_USER_TEXTS + (which))

/* No longer than a label has room for. */
static const cp_json_label known[OTHER] = {
    [CP_USER_UID] = CP_JSON_LABEL("uid"),
    [CP_USER_NAME] = CP_JSON_LABEL("name"),
    [CP_USER_AVATAR] = CP_JSON_LABEL("avatar"),
    [CP_USER_LINK] = CP_JSON_LABEL("link"),
    [CP_USER_ROLE] = CP_JSON_LABEL("role"),
    [CP_USER_STATUS_MESSAGE] = CP_JSON_LABEL("statusMessage"),
    [CP_USER_TAGS] = CP_JSON_LABEL("tags"),
    [CP_USER_METADATA] = CP_JSON_LABEL("metadata"),
    [NUMBER(CP_USER_DEACTIVATED_AT)] = CP_JSON_LABEL("deactivatedAt"),
    [NUMBER(CP_USER_CREATED_AT)] = CP_JSON_LABEL("createdAt"),
    [NUMBER(CP_USER_UPDATED_AT)] = CP_JSON_LABEL("updatedAt"),
    [TYPE] = CP_JSON_LABEL("type"),
    [DEVICE] = CP_JSON_LABEL("deviceId"),
    [BODY] = CP_JSON_LABEL("body"),
    [ACTION] = CP_JSON_LABEL("action"),
    [TIMESTAMP] = CP_JSON_LABEL("timestamp"),
    [USER] = CP_JSON_LABEL("user"),
    [APP_ID] = CP_JSON_LABEL("appId"),
    [SENDER] = CP_JSON_LABEL("sender"),
    [STATUS] = CP_JSON_LABEL("status"),
    [LAST_ACTIVE_AT] = CP_JSON_LABEL("lastActiveAt"),
};

static unsigned find_name(cp_slice name)
{
    for (unsigned i = 0; i < OTHER; i++)
        if (name.length + 3 == known[i].length &&
            memcmp(name.data, known[i].text + 1, name.length) == 0)
            return i;
    return OTHER;
}

/* What was read of one frame, and which of the names we know stood there: an object that
 * repeats one is treated as not having it, so we give up on that. */
typedef struct reading {
    cp_json_reader json;
    cp_slice session_id;
    cp_name_order *order;
    cp_fast_frame *frame;
    unsigned latest; /* name */
    unsigned names;
    bool is_presence;
} reading;

__attribute__((noinline)) static unsigned take_another_name(reading *self, uint8_t *expected)
{
    self->latest = find_name(cp_json_reader_name(&self->json));
    if (self->latest != OTHER)
        *expected = (uint8_t)self->latest;
    return self->latest;
}

static inline unsigned take_name(reading *self)
{
    uint8_t *expected = &self->order->after[self->latest];
    if (!cp_json_reader_skip_name(&self->json, &known[*expected]))
        return take_another_name(self, expected);
    return self->latest = *expected;
}

/* It stands there for the first time. */
static void note(reading *self, unsigned name)
{
    if (self->names & 1u << name)
        cp_json_reader_give_up(&self->json);
    self->names |= 1u << name;
}

static bool is(cp_slice text, const char *word, size_t length)
{
    return text.length == length && memcmp(text.data, word, length) == 0;
}

#define IS(text, word) is(text, word, sizeof(word) - 1)

/* ---- the user */

static void take_of_user(reading *self, unsigned name)
{
    cp_user_fields *user = &self->frame->user;

    if (name >= NUMBER(CP_USER_NUMBERS)) {
        cp_json_reader_skip(&self->json);
        return;
    }
    note(self, name);
    if (name >= CP_USER_TEXTS)
        user->number[name - CP_USER_TEXTS] = cp_seconds_of(cp_json_reader_count(&self->json));
    else if (name == CP_USER_TAGS)
        user->text[name] = cp_json_reader_raw(&self->json, '[');
    else if (name == CP_USER_METADATA)
        user->text[name] = cp_json_reader_raw(&self->json, '{');
    else
        user->text[name] = cp_json_reader_text(&self->json);
}

static void take_user(reading *self)
{
    for (bool more = cp_json_reader_enter(&self->json); more;
         more = cp_json_reader_next(&self->json))
        take_of_user(self, take_name(self));
}

/* ---- around it */

static void take_action(reading *self)
{
    cp_slice action = cp_json_reader_text(&self->json);
    if (IS(action, "online") || IS(action, "available"))
        self->frame->status = CP_ONLINE;
    else if (IS(action, "offline"))
        self->frame->status = CP_OFFLINE;
}

static void take_of_body(reading *self, unsigned name)
{
    switch (name) {
    case ACTION:
        note(self, name);
        take_action(self);
        break;
    case TIMESTAMP:
        note(self, name);
        self->frame->at = cp_seconds_of(cp_json_reader_count(&self->json));
        break;
    case USER:
        note(self, name);
        take_user(self);
        break;
    default:
        cp_json_reader_skip(&self->json);
    }
}

static void take_body(reading *self)
{
    for (bool more = cp_json_reader_enter(&self->json); more;
         more = cp_json_reader_next(&self->json))
        take_of_body(self, take_name(self));
}

static void take_device(reading *self)
{
    cp_slice device = cp_json_reader_text(&self->json);
    self->frame->is_echo = device.length > 0 && cp_slice_equal(device, self->session_id);
}

static void take_of_root(reading *self, unsigned name)
{
    switch (name) {
    case TYPE:
        note(self, name);
        self->is_presence = IS(cp_json_reader_text(&self->json), "presence");
        break;
    case DEVICE:
        note(self, name);
        take_device(self);
        break;
    case BODY:
        note(self, name);
        take_body(self);
        break;
    case ACTION:
        cp_json_reader_give_up(&self->json); /* it may be a pong */
        break;
    default:
        cp_json_reader_skip(&self->json);
    }
}

static void take_root(reading *self)
{
    for (bool more = cp_json_reader_enter(&self->json); more;
         more = cp_json_reader_next(&self->json))
        take_of_root(self, take_name(self));
}

/* Text by text: of a loop the compiler makes an instruction that is slow to begin. */
static void make_empty(cp_fast_frame *out)
{
    cp_slice *text = out->user.text;
    text[CP_USER_UID] = text[CP_USER_NAME] = text[CP_USER_AVATAR] = text[CP_USER_LINK] =
        text[CP_USER_ROLE] = text[CP_USER_STATUS_MESSAGE] = text[CP_USER_TAGS] =
            text[CP_USER_METADATA] = CP_ABSENT_SLICE;
    out->is_echo = out->user.blocked_by_me = out->user.has_blocked_me = false;
    out->status = CP_UNKNOWN;
    out->at = CP_ABSENT;
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        out->user.number[i] = CP_ABSENT;
}

bool cp_fast_frame_read(cp_slice text, cp_slice session_id, cp_name_order *order,
                        char room[CP_FAST_FRAME_ROOM], cp_fast_frame *out)
{
    make_empty(out);
    if (text.length == 0 || text.length > CP_FAST_FRAME_MOST)
        return false;
    reading self = {
        .json = cp_json_reader_of(text, CP_JSON_FRAME_LIMITS.depth, room),
        .session_id = session_id,
        .order = order,
        .latest = OTHER,
        .frame = out,
    };
    take_root(&self);
    return cp_json_reader_is_done(&self.json) && self.is_presence && out->status != CP_UNKNOWN &&
           out->user.text[CP_USER_UID].length > 0;
}
