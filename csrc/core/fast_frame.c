#include "core/fast_frame.h"

#include "core/json.h"

/* What was read of one frame, and which of the names we know stood there: an object that
 * repeats one is treated as not having it, so we give up on that. */
typedef struct reading {
    cp_json_reader json;
    cp_slice session_id;
    cp_fast_frame *frame;
    unsigned names;
    bool is_presence;
} reading;

enum { TYPE, DEVICE, BODY, ACTION, TIMESTAMP, USER, FIRST_OF_USER };

static bool is(cp_slice name, const char *word, size_t length)
{
    return name.length == length && memcmp(name.data, word, length) == 0;
}

#define IS(name, word) is(name, word, sizeof(word) - 1)

/* It is a name we know, and stands there for the first time. */
static void note(reading *self, unsigned name)
{
    if (self->names & 1u << name)
        cp_json_reader_give_up(&self->json);
    self->names |= 1u << name;
}

/* ---- the user */

/* What the user has under this name: a text, or CP_USER_TEXTS and a number; -1: nothing we
 * know.  A length is shared by few names, so this compares once or twice. */
static int field_named(cp_slice name)
{
    switch (name.length) {
    case 3:
        return IS(name, "uid") ? CP_USER_UID : -1;
    case 4:
        return IS(name, "name")   ? CP_USER_NAME
               : IS(name, "link") ? CP_USER_LINK
               : IS(name, "role") ? CP_USER_ROLE
               : IS(name, "tags") ? CP_USER_TAGS
                                  : -1;
    case 6:
        return IS(name, "avatar") ? CP_USER_AVATAR : -1;
    case 8:
        return IS(name, "metadata") ? CP_USER_METADATA : -1;
    case 9:
        return IS(name, "createdAt")   ? CP_USER_TEXTS + CP_USER_CREATED_AT
               : IS(name, "updatedAt") ? CP_USER_TEXTS + CP_USER_UPDATED_AT
                                       : -1;
    case 13:
        return IS(name, "statusMessage")   ? CP_USER_STATUS_MESSAGE
               : IS(name, "deactivatedAt") ? CP_USER_TEXTS + CP_USER_DEACTIVATED_AT
                                           : -1;
    }
    return -1;
}

static void take_of_user(reading *self, cp_slice name)
{
    cp_user_fields *user = &self->frame->user;
    int field = field_named(name);

    if (field < 0) {
        cp_json_reader_skip(&self->json);
        return;
    }
    note(self, FIRST_OF_USER + (unsigned)field);
    if (field >= CP_USER_TEXTS)
        user->number[field - CP_USER_TEXTS] = cp_seconds_of(cp_json_reader_count(&self->json));
    else if (field == CP_USER_TAGS)
        user->text[field] = cp_json_reader_raw(&self->json, '[');
    else if (field == CP_USER_METADATA)
        user->text[field] = cp_json_reader_raw(&self->json, '{');
    else
        user->text[field] = cp_json_reader_text(&self->json);
}

static void take_user(reading *self)
{
    cp_slice name;
    for (bool more = cp_json_reader_first(&self->json, &name); more;
         more = cp_json_reader_next(&self->json, &name))
        take_of_user(self, name);
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

static void take_of_body(reading *self, cp_slice name)
{
    if (IS(name, "action")) {
        note(self, ACTION);
        take_action(self);
    } else if (IS(name, "timestamp")) {
        note(self, TIMESTAMP);
        self->frame->at = cp_seconds_of(cp_json_reader_count(&self->json));
    } else if (IS(name, "user")) {
        note(self, USER);
        take_user(self);
    } else {
        cp_json_reader_skip(&self->json);
    }
}

static void take_body(reading *self)
{
    cp_slice name;
    for (bool more = cp_json_reader_first(&self->json, &name); more;
         more = cp_json_reader_next(&self->json, &name))
        take_of_body(self, name);
}

static void take_of_root(reading *self, cp_slice name)
{
    if (IS(name, "type")) {
        note(self, TYPE);
        self->is_presence = IS(cp_json_reader_text(&self->json), "presence");
    } else if (IS(name, "deviceId")) {
        note(self, DEVICE);
        cp_slice device = cp_json_reader_text(&self->json);
        self->frame->is_echo = device.length > 0 && cp_slice_equal(device, self->session_id);
    } else if (IS(name, "body")) {
        note(self, BODY);
        take_body(self);
    } else if (IS(name, "action")) {
        cp_json_reader_give_up(&self->json); /* it may be a pong */
    } else {
        cp_json_reader_skip(&self->json);
    }
}

static void take_root(reading *self)
{
    cp_slice name;
    for (bool more = cp_json_reader_first(&self->json, &name); more;
         more = cp_json_reader_next(&self->json, &name))
        take_of_root(self, name);
}

bool cp_fast_frame_read(cp_slice text, cp_slice session_id, char room[CP_FAST_FRAME_ROOM],
                        cp_fast_frame *out)
{
    *out = (cp_fast_frame){
        .status = CP_UNKNOWN,
        .at = CP_ABSENT,
        .user.number = {CP_ABSENT, CP_ABSENT, CP_ABSENT},
    };
    if (text.length == 0 || text.length > CP_FAST_FRAME_MOST)
        return false;
    reading self = {
        .json = cp_json_reader_of(text, CP_JSON_FRAME_LIMITS.depth, room),
        .session_id = session_id,
        .frame = out,
    };
    take_root(&self);
    return cp_json_reader_is_done(&self.json) && self.is_presence && out->status != CP_UNKNOWN &&
           out->user.text[CP_USER_UID].length > 0;
}
