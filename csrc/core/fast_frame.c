#include "core/fast_frame.h"

#include "core/json.h"
#include "core/utf8.h"

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

static void refuse(reading *self)
{
    self->json.gave_up = true;
}

/* It is a name we know, and stands there for the first time. */
static void note(reading *self, unsigned name)
{
    if (self->names & 1u << name)
        refuse(self);
    self->names |= 1u << name;
}

/* ---- the user */

static void take_text(reading *self, cp_user_text which)
{
    note(self, FIRST_OF_USER + which);
    self->frame->user.text[which] = cp_json_reader_text(&self->json);
}

static void take_raw(reading *self, cp_user_text which, char opening)
{
    note(self, FIRST_OF_USER + which);
    self->frame->user.text[which] = cp_json_reader_raw(&self->json, opening);
}

static void take_time(reading *self, cp_user_number which)
{
    note(self, FIRST_OF_USER + CP_USER_TEXTS + which);
    self->frame->user.number[which] = cp_seconds_of(cp_json_reader_count(&self->json));
}

static void take_long_name(reading *self, cp_slice name)
{
    if (IS(name, "metadata"))
        take_raw(self, CP_USER_METADATA, '{');
    else if (IS(name, "createdAt"))
        take_time(self, CP_USER_CREATED_AT);
    else if (IS(name, "updatedAt"))
        take_time(self, CP_USER_UPDATED_AT);
    else if (IS(name, "statusMessage"))
        take_text(self, CP_USER_STATUS_MESSAGE);
    else if (IS(name, "deactivatedAt"))
        take_time(self, CP_USER_DEACTIVATED_AT);
    else
        cp_json_reader_skip(&self->json);
}

static void take_of_user(reading *self, cp_slice name)
{
    if (name.length > 6)
        take_long_name(self, name);
    else if (IS(name, "uid"))
        take_text(self, CP_USER_UID);
    else if (IS(name, "name"))
        take_text(self, CP_USER_NAME);
    else if (IS(name, "avatar"))
        take_text(self, CP_USER_AVATAR);
    else if (IS(name, "link"))
        take_text(self, CP_USER_LINK);
    else if (IS(name, "role"))
        take_text(self, CP_USER_ROLE);
    else if (IS(name, "tags"))
        take_raw(self, CP_USER_TAGS, '[');
    else
        cp_json_reader_skip(&self->json);
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
        refuse(self); /* it may be a pong */
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
    if (text.length == 0 || text.length > CP_FAST_FRAME_MOST || !cp_utf8_is_valid(text))
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
