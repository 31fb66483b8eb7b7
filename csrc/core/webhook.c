#include "core/webhook.h"

#include <stdio.h>

#include "core/json.h"

#define LONGEST_WORD 60

static const cp_webhook empty_webhook = {
    .presence = {NULL, CP_UNKNOWN, CP_ABSENT, CP_ABSENT},
    .previous = CP_UNKNOWN,
};

static cp_status refuse(cp_failure *failure, cp_status status, const char *what)
{
    if (status == CP_ERR_NOMEM)
        return cp_failure_no_memory(failure);
    cp_failure_set(failure, CP_FAILURE_PROTOCOL, "ERR_WEBHOOK", "The webhook's body %s.", what);
    return status;
}

/* The docs call the legacy trigger by two names. */
static bool is_about_presence(cp_slice trigger)
{
    return cp_slice_is(trigger, "user_connection_status_changed") ||
           cp_slice_is(trigger, "after_connection_status_changed") ||
           cp_slice_is(trigger, "user_connection_status_change");
}

/* Only a word is repeated: whoever posts must not write lines into somebody's log. */
static bool is_word(cp_slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", text.data[i]) == NULL)
            return false;
    return text.length > 0 && text.length < LONGEST_WORD;
}

static cp_status check_trigger(const cp_json *root, cp_failure *failure)
{
    char what[120];
    cp_slice trigger = cp_json_text(cp_json_member(root, "trigger"));

    if (is_about_presence(trigger))
        return CP_OK;
    if (trigger.data == NULL)
        return refuse(failure, CP_ERR_PROTOCOL, "has no trigger: it is none of CometChat's");
    snprintf(what, sizeof what, "is about %.*s, not about presence: look at its trigger first",
             is_word(trigger) ? (int)trigger.length : 14,
             is_word(trigger) ? trigger.data : "something else");
    return refuse(failure, CP_ERR_PROTOCOL, what);
}

static cp_presence_status status_of_action(cp_slice action)
{
    if (cp_slice_is(action, "connected"))
        return CP_ONLINE;
    return cp_slice_is(action, "disconnected") ? CP_OFFLINE : CP_UNKNOWN;
}

/* Who has two devices is still online when one of them goes: the user's status counts before
 * the connection's fate. */
static cp_presence_status read_status(const cp_json *data)
{
    cp_slice word = cp_json_text(cp_json_member(data, "status"));
    if (word.length == 0)
        word = cp_json_text(cp_json_member(cp_json_member(data, "user"), "status"));
    if (word.length > 0)
        return cp_presence_status_of(word);

    const cp_json *event = cp_json_member(data, "event");
    const cp_json *connection = cp_json_member(data, "currentConnection");
    cp_presence_status fate = status_of_action(cp_json_text(cp_json_member(event, "type")));
    if (fate != CP_UNKNOWN)
        return fate;
    return status_of_action(cp_json_text(cp_json_member(connection, "action")));
}

/* False for a timestamp that is none.  To take it for absent would hide that whoever posts
 * speaks another dialect than this. */
static bool read_time(const cp_json *root, const cp_json *data, int64_t *out)
{
    const cp_json *places[] = {data, cp_json_member(data, "event"), root};

    *out = CP_ABSENT;
    for (size_t i = 0; i < sizeof places / sizeof *places && *out == CP_ABSENT; i++) {
        const cp_json *timestamp = cp_json_member(places[i], "timestamp");
        *out = cp_seconds_of(cp_json_count(timestamp));
        if (*out == CP_ABSENT && cp_json_type_of(timestamp) != CP_JSON_NULL)
            return false;
    }
    return true;
}

static cp_presence_status read_previous(const cp_json *data, cp_presence_status now)
{
    switch (cp_json_type_of(cp_json_member(data, "userPresenceChanged"))) {
    case CP_JSON_TRUE:
        return now == CP_ONLINE ? CP_OFFLINE : CP_ONLINE;
    case CP_JSON_FALSE:
        return now;
    default:
        return CP_UNKNOWN;
    }
}

static cp_status read_data(const cp_json *root, cp_webhook *out, cp_failure *failure)
{
    const cp_json *data = cp_json_member(root, "data");
    cp_presence_status now = read_status(data);
    int64_t at;

    if (cp_json_type_of(data) != CP_JSON_OBJECT)
        return refuse(failure, CP_ERR_MALFORMED, "has no data");
    if (now == CP_UNKNOWN)
        return refuse(failure, CP_ERR_MALFORMED, "does not say whether its user came or went");
    if (!read_time(root, data, &at))
        return refuse(failure, CP_ERR_MALFORMED, "has a timestamp that is no time");
    cp_status status = cp_presence_read(cp_json_member(data, "user"), &out->presence);
    if (status != CP_OK)
        return refuse(failure, status, "does not say who its user is");

    out->previous = read_previous(data, now);
    out->presence.status = now;
    out->presence.at = at;
    /* As in a frame; user.lastActiveAt is that of the activity before. */
    if (at != CP_ABSENT)
        out->presence.last_active_at = at;
    return CP_OK;
}

cp_status cp_webhook_read(cp_slice body, cp_webhook *out, cp_failure *failure)
{
    cp_json *root;
    char what[80];

    *out = empty_webhook;
    cp_status status = cp_json_parse(body, CP_JSON_FRAME_LIMITS, &root);
    if (status != CP_OK) {
        snprintf(what, sizeof what, "cannot be read: %s", cp_status_text(status));
        return refuse(failure, status, what);
    }
    status = check_trigger(root, failure);
    if (status == CP_OK)
        status = read_data(root, out, failure);
    cp_json_free(root);
    return status;
}

void cp_webhook_destroy(cp_webhook *self)
{
    cp_presence_destroy(&self->presence);
}
