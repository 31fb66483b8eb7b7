#include "core/frame.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/utf8.h"

/* ---- reading */

/* What the vendor's SDK knows and presence does not need.  Everything else is counted as
 * unknown. */
static const char *const other_types[] = {
    "typing_indicator",
    "receipts",
    "message",
    "transient_message",
    "reaction",
    "interaction_completed",
    "on_moderation_status_changed",
    "streamed_message",
    "notification_feed_item",
    "message_pin_save",
    "message_pin",
    "message_pinned",
    "message_unpinned",
    "message_save",
    "message_saved",
    "message_unsaved",
};

static bool is_other_type(cp_slice type)
{
    for (size_t i = 0; i < sizeof other_types / sizeof *other_types; i++)
        if (cp_slice_is(type, other_types[i]))
            return true;
    return false;
}

static void copy_word(const cp_json *value, char *out, size_t size)
{
    if (cp_json_type_of(value) == CP_JSON_NUMBER && cp_json_count(value) != CP_ABSENT)
        snprintf(out, size, "%" PRId64, cp_json_count(value));
    else
        cp_utf8_copy(out, size, cp_json_text(value));
}

/* The number 200 is not the string "200", and only the latter lets us in. */
static cp_status read_auth(const cp_json *body, cp_frame *out)
{
    const cp_json *code = cp_json_member(body, "code");
    const cp_json *status = cp_json_member(body, "status");
    if (cp_json_type_of(body) != CP_JSON_OBJECT)
        return CP_ERR_MALFORMED;
    out->kind = CP_FRAME_AUTH;
    out->accepted =
        cp_slice_is(cp_json_text(code), "200") && cp_slice_is(cp_json_text(status), "OK");
    copy_word(code, out->auth_code, sizeof out->auth_code);
    copy_word(status, out->auth_status, sizeof out->auth_status);
    return CP_OK;
}

static cp_presence_status status_of_action(cp_slice action)
{
    if (cp_slice_is(action, "online") || cp_slice_is(action, "available"))
        return CP_ONLINE;
    return cp_slice_is(action, "offline") ? CP_OFFLINE : CP_UNKNOWN;
}

static cp_status read_presence(const cp_json *body, cp_frame *out)
{
    const cp_json *user = cp_json_member(body, "user");
    cp_presence_status change = status_of_action(cp_json_text(cp_json_member(body, "action")));
    out->kind = CP_FRAME_IGNORED;
    if (change == CP_UNKNOWN || cp_json_type_of(user) == CP_JSON_NULL)
        return CP_OK;

    cp_status status = cp_presence_read_pushed(user, &out->presence, &out->trimmed);
    if (status != CP_OK)
        return status;
    out->kind = CP_FRAME_PRESENCE;
    out->presence.status = change;
    /* Always the frame's time, even when it has none and user.lastActiveAt does. */
    out->presence.at = cp_seconds_of(cp_json_count(cp_json_member(body, "timestamp")));
    out->presence.last_active_at = out->presence.at;
    return CP_OK;
}

static cp_status read_root(const cp_json *root, cp_slice session_id, cp_frame *out)
{
    const cp_json *body = cp_json_member(root, "body");
    cp_slice type = cp_json_text(cp_json_member(root, "type"));

    if (cp_slice_is(cp_json_text(cp_json_member(root, "action")), "pong")) {
        out->kind = CP_FRAME_PONG;
        return CP_OK;
    }
    if (cp_slice_is(type, "auth"))
        return read_auth(body, out);

    cp_slice device = cp_json_text(cp_json_member(root, "deviceId"));
    out->is_echo = device.length > 0 && cp_slice_equal(device, session_id);
    if (cp_slice_is(type, "presence"))
        return read_presence(body, out);
    if (is_other_type(type))
        out->kind = CP_FRAME_IGNORED;
    return CP_OK;
}

/* Member by member: clearing what the two texts have room for takes its time. */
static void make_empty(cp_frame *out)
{
    out->kind = CP_FRAME_UNKNOWN;
    out->is_echo = out->accepted = out->trimmed = false;
    out->auth_code[0] = out->auth_status[0] = '\0';
    out->presence = (cp_presence){NULL, CP_UNKNOWN, CP_ABSENT, CP_ABSENT};
}

static cp_user *user_of(const cp_user_fields *fields, cp_roster *known, bool *trimmed)
{
    cp_user *kept = known ? cp_roster_profile(known, fields->text[CP_USER_UID]) : NULL;
    return kept && cp_user_has(kept, fields) ? cp_user_hold(kept) : cp_user_new(fields, trimmed);
}

static cp_status take_fast(const cp_fast_frame *fast, cp_roster *known, cp_frame *out)
{
    cp_user *user = user_of(&fast->user, known, &out->trimmed);
    if (!user)
        return CP_ERR_NOMEM;
    out->kind = CP_FRAME_PRESENCE;
    out->is_echo = fast->is_echo;
    out->presence = (cp_presence){user, fast->status, fast->at, fast->at};
    return CP_OK;
}

cp_status cp_frame_read(cp_frame_reader *self, cp_slice text, cp_frame *out)
{
    char room[CP_FAST_FRAME_ROOM];
    cp_fast_frame fast;

    make_empty(out);
    if (cp_fast_frame_read(text, self->session_id, &self->order, room, &fast))
        return take_fast(&fast, self->known, out);
    return cp_frame_parse(text, self->session_id, out);
}

cp_status cp_frame_parse(cp_slice text, cp_slice session_id, cp_frame *out)
{
    cp_json *root;
    make_empty(out);
    cp_status status = cp_json_parse(text, CP_JSON_FRAME_LIMITS, &root);
    if (status != CP_OK)
        return status;
    status = read_root(root, session_id, out);
    if (status != CP_OK)
        make_empty(out); /* an error leaves no user behind */
    cp_json_free(root);
    return status;
}

void cp_frame_destroy(cp_frame *self)
{
    cp_presence_destroy(&self->presence);
}

/* ---- writing */

static void put_roles(cp_buffer *out, const char *const *roles)
{
    if (!roles || !*roles)
        return;
    cp_buffer_append_text(out, "\"roles\":[");
    for (const char *const *role = roles; *role; role++) {
        if (role > roles)
            cp_buffer_append_text(out, ",");
        cp_json_put_text(out, cp_slice_of(*role));
    }
    cp_buffer_append_text(out, "],");
}

static void put_subscription(cp_buffer *out, const cp_auth_frame *auth)
{
    static const char *const word[] = {
        [CP_SUBSCRIBE_NONE] = NULL,
        [CP_SUBSCRIBE_ALL_USERS] = "ALL_USERS",
        [CP_SUBSCRIBE_ROLES] = "ROLES",
        [CP_SUBSCRIBE_FRIENDS] = "FRIENDS",
    };
    cp_json_put_member(out, "presenceSubscription", cp_slice_of(word[auth->subscription]));
    if (auth->subscription == CP_SUBSCRIBE_ROLES)
        put_roles(out, auth->roles);
}

static void put_user_agent(cp_buffer *out, cp_slice version)
{
    char agent[64];
    snprintf(agent, sizeof agent, "cometpresence/%.*s", (int)version.length, version.data);
    cp_json_put_member(out, "userAgent", cp_slice_of(agent));
}

static void put_params(cp_buffer *out, const cp_auth_frame *auth)
{
    cp_buffer_append_text(out, "\"params\":{\"appInfo\":{");
    cp_json_put_member(out, "version", auth->version);
    cp_json_put_member(out, "apiVersion", auth->api_version);
    cp_buffer_append_format(out, "\"origin\":null,\"uts\":%" PRId64 "},", auth->unix_ms);
    put_user_agent(out, auth->version);
    cp_json_put_member(out, "deviceId", auth->device_id);
    cp_buffer_append_text(out, "\"platform\":\"python\"}");
}

/* The objects close after a member that is always there, so no comma is left over. */
void cp_frame_write_auth(const cp_auth_frame *auth, cp_buffer *out)
{
    cp_buffer_append_text(out, "{");
    cp_json_put_member(out, "appId", auth->app_id);
    cp_json_put_member(out, "deviceId", auth->session_id);
    cp_buffer_append_text(out, "\"type\":\"auth\",");
    cp_json_put_member(out, "sender", auth->uid);
    cp_buffer_append_text(out, "\"body\":{");
    cp_json_put_member(out, "auth", auth->jwt);
    cp_json_put_member(out, "deviceId", auth->session_id);
    put_subscription(out, auth);
    put_params(out, auth);
    cp_buffer_append_text(out, "}}");
}

void cp_frame_write_ping(cp_buffer *out)
{
    cp_buffer_append_text(out, "{\"action\":\"ping\",\"ack\":\"true\"}");
}
