#include "core/webhook.h"

#include "json_trials.h"
#include "test.h"

/* ---- bodies of the shape that CometChat's documentation and its users show */

static const char current[] =
    "{\"trigger\":\"user_connection_status_changed\",\"data\":{\"timestamp\":1700001111222,"
    "\"user\":{\"uid\":\"bob\",\"name\":\"Bob B\",\"status\":\"available\",\"role\":\"teacher\","
    "\"lastActiveAt\":1700000999},\"status\":\"online\",\"currentConnection\":{\"action\":"
    "\"connected\",\"platform\":\"javascript\",\"connectedAt\":1700001111000},"
    "\"userPresenceChanged\":true},\"appId\":\"app\",\"region\":\"us\",\"webhook\":\"w\"}";

static const char legacy[] =
    "{\"trigger\":\"after_connection_status_changed\",\"data\":{\"user\":{\"uid\":\"bob\","
    "\"name\":\"Bob B\",\"status\":\"offline\"},\"event\":{\"type\":\"disconnected\","
    "\"timestamp\":1700002222333}},\"appId\":\"app\",\"region\":\"us\",\"webhook\":\"w\"}";

static cp_status try_read(cp_slice body, cp_webhook *out, cp_failure *failure)
{
    char *exact = exact_copy(body);
    *failure = (cp_failure){.kind = CP_FAILURE_NONE};
    cp_status status = cp_webhook_read((cp_slice){exact, body.length}, out, failure);
    free(exact); /* nothing of it may be left in the webhook */
    return status;
}

static cp_webhook read_webhook(const char *body)
{
    cp_webhook webhook;
    cp_failure failure;
    if (try_read(cp_slice_of(body), &webhook, &failure) != CP_OK)
        fail_test(__FILE__, __LINE__, "%s for %s", failure.message, body);
    return webhook;
}

/* `rest` follows the user in `data`. */
static cp_webhook about_bob(const char *user, const char *rest)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"trigger\":\"user_connection_status_changed\",\"data\":{\"user\":%s%s}}", user,
             rest);
    return read_webhook(body);
}

static cp_presence_status status_with(const char *user, const char *rest)
{
    cp_webhook webhook = about_bob(user, rest);
    cp_presence_status status = webhook.presence.status;
    cp_webhook_destroy(&webhook);
    return status;
}

TEST(the_current_form_tells_who_came_and_when)
{
    cp_webhook webhook = read_webhook(current);
    CHECK_INT(webhook.presence.status, CP_ONLINE);
    CHECK_INT(webhook.previous, CP_OFFLINE);
    CHECK_INT(webhook.presence.at, 1700001111);
    CHECK_INT(webhook.presence.last_active_at, 1700001111);
    CHECK(cp_slice_is(cp_user_text_of(webhook.presence.user, CP_USER_UID), "bob"));
    CHECK(cp_slice_is(cp_user_text_of(webhook.presence.user, CP_USER_ROLE), "teacher"));
    cp_webhook_destroy(&webhook);
    CHECK(webhook.presence.user == NULL);
}

TEST(the_legacy_form_tells_who_went_and_when)
{
    cp_webhook webhook = read_webhook(legacy);
    CHECK_INT(webhook.presence.status, CP_OFFLINE);
    CHECK_INT(webhook.previous, CP_UNKNOWN);
    CHECK_INT(webhook.presence.at, 1700002222);
    CHECK(cp_slice_is(cp_user_text_of(webhook.presence.user, CP_USER_NAME), "Bob B"));
    cp_webhook_destroy(&webhook);
}

TEST(the_users_status_counts_before_the_connections_fate)
{
    CHECK_INT(status_with("\"bob\"", ",\"status\":\"online\",\"currentConnection\":"
                                     "{\"action\":\"disconnected\"}"),
              CP_ONLINE);
    CHECK_INT(status_with("{\"uid\":\"bob\",\"status\":\"available\"}",
                          ",\"event\":{\"type\":\"disconnected\"}"),
              CP_ONLINE);
    CHECK_INT(status_with("{\"uid\":\"bob\",\"status\":\"available\"}", ",\"status\":\"offline\""),
              CP_OFFLINE);
}

TEST(without_a_status_the_connections_fate_is_taken)
{
    CHECK_INT(status_with("\"bob\"", ",\"event\":{\"type\":\"connected\"}"), CP_ONLINE);
    CHECK_INT(status_with("\"bob\"", ",\"event\":{\"type\":\"disconnected\"}"), CP_OFFLINE);
    CHECK_INT(status_with("7", ",\"currentConnection\":{\"action\":\"connected\"}"), CP_ONLINE);
    CHECK_INT(status_with("\"bob\"", ",\"status\":\"\",\"currentConnection\":{\"action\":"
                                     "\"disconnected\"}"),
              CP_OFFLINE);
}

static int64_t time_of(const char *rest)
{
    cp_webhook webhook =
        about_bob("{\"uid\":\"bob\",\"status\":\"offline\",\"lastActiveAt\":5}", rest);
    int64_t at = webhook.presence.at;
    CHECK_INT(webhook.presence.last_active_at, at == CP_ABSENT ? 5 : at);
    cp_webhook_destroy(&webhook);
    return at;
}

TEST(seconds_and_milliseconds_are_told_apart)
{
    CHECK_INT(time_of(",\"timestamp\":1700000000"), 1700000000);
    CHECK_INT(time_of(",\"timestamp\":1700000000123"), 1700000000);
    CHECK_INT(time_of(",\"timestamp\":\"1700000000123\""), 1700000000);
    CHECK_INT(time_of(",\"event\":{\"timestamp\":1700000000999}"), 1700000000);
    CHECK_INT(time_of("},\"timestamp\":1700000000,\"x\":{"), 1700000000);
    CHECK_INT(time_of(""), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":null"), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":1,\"timestamp\":2"), CP_ABSENT);
}

static cp_presence_status previous_with(const char *rest)
{
    cp_webhook webhook = about_bob("{\"uid\":\"bob\",\"status\":\"available\"}", rest);
    cp_presence_status previous = webhook.previous;
    cp_webhook_destroy(&webhook);
    return previous;
}

TEST(what_was_before_is_known_only_when_it_is_said)
{
    CHECK_INT(previous_with(",\"userPresenceChanged\":true"), CP_OFFLINE);
    CHECK_INT(previous_with(",\"userPresenceChanged\":false"), CP_ONLINE);
    CHECK_INT(previous_with(",\"userPresenceChanged\":\"true\""), CP_UNKNOWN);
    CHECK_INT(previous_with(""), CP_UNKNOWN);
}

/* ---- what is refused */

static void check_refused(cp_slice body, cp_status expected, const char *words)
{
    cp_webhook webhook;
    cp_failure failure;
    CHECK_INT(try_read(body, &webhook, &failure), expected);
    CHECK_INT(failure.kind, CP_FAILURE_PROTOCOL);
    CHECK_TEXT(failure.code, "ERR_WEBHOOK");
    if (strstr(failure.message, words) == NULL)
        fail_test(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", failure.message, words);
    CHECK(webhook.presence.user == NULL);
    CHECK_INT(webhook.presence.status, CP_UNKNOWN);
    cp_webhook_destroy(&webhook);
}

TEST(another_webhook_is_refused_by_its_name)
{
    check_refused(cp_slice_of("{\"trigger\":\"message_sent\",\"data\":{}}"), CP_ERR_PROTOCOL,
                  "is about message_sent, not about presence");
    check_refused(cp_slice_of("{\"data\":{}}"), CP_ERR_PROTOCOL, "has no trigger");
    check_refused(cp_slice_of("[]"), CP_ERR_PROTOCOL, "has no trigger");
    check_refused(cp_slice_of("null"), CP_ERR_PROTOCOL, "has no trigger");
    check_refused(cp_slice_of("{\"trigger\":7}"), CP_ERR_PROTOCOL, "has no trigger");
}

TEST(a_trigger_that_is_no_word_is_not_repeated)
{
    check_refused(cp_slice_of("{\"trigger\":\"x\\nERROR root logged in\"}"), CP_ERR_PROTOCOL,
                  "is about something else, not about presence");
    check_refused(cp_slice_of("{\"trigger\":\"\"}"), CP_ERR_PROTOCOL, "something else");
    check_refused(cp_slice_of("{\"trigger\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"),
                  CP_ERR_PROTOCOL, "something else");
}

TEST(a_body_that_says_too_little_is_refused)
{
    static const char head[] = "{\"trigger\":\"user_connection_status_changed\"";
    static const struct {
        const char *rest, *words;
    } bodies[] = {
        {"}", "has no data"},
        {",\"data\":[]}", "has no data"},
        {",\"data\":\"online\"}", "has no data"},
        {",\"data\":{}}", "came or went"},
        {",\"data\":{\"user\":\"bob\"}}", "came or went"},
        {",\"data\":{\"user\":\"bob\",\"event\":{\"type\":\"slept\"}}}", "came or went"},
        {",\"data\":{\"status\":\"online\"}}", "who its user is"},
        {",\"data\":{\"status\":\"online\",\"user\":{}}}", "who its user is"},
        {",\"data\":{\"status\":\"online\",\"user\":{\"uid\":\"\"}}}", "who its user is"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"user\":\"b\"}}", "who its user is"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"timestamp\":\"x\"}}", "no time"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"timestamp\":\"\"}}", "no time"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"timestamp\":-1}}", "no time"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"timestamp\":1e999}}", "no time"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"timestamp\":true}}", "no time"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\",\"event\":{\"timestamp\":{}}}}",
         "no time"},
        {",\"data\":{\"status\":\"online\",\"user\":\"a\"},\"timestamp\":[]}", "no time"},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char body[200];
        snprintf(body, sizeof body, "%s%s", head, bodies[i].rest);
        check_refused(cp_slice_of(body), CP_ERR_MALFORMED, bodies[i].words);
    }
}

TEST(what_is_not_json_is_refused_with_the_reason)
{
    static char large[256 * 1024 + 1];
    memset(large, ' ', sizeof large);
    large[0] = '1';
    check_refused(cp_slice_of(""), CP_ERR_MALFORMED, "cannot be read: malformed data");
    check_refused(cp_slice_of("trigger=x"), CP_ERR_MALFORMED, "malformed data");
    check_refused((cp_slice){large, sizeof large}, CP_ERR_TOO_LARGE, "too much data");
    check_refused(cp_slice_of("{\"trigger\":\"\xFF\"}"), CP_ERR_ENCODING, "not in UTF-8");
    check_refused(cp_slice_of("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), CP_ERR_TOO_DEEP, "deeply");
}

/* Whatever was cut off or changed on the way: a webhook or an error, and never both. */
static void read_broken(cp_slice body)
{
    cp_webhook webhook;
    cp_failure failure;
    cp_status status = try_read(body, &webhook, &failure);
    CHECK(status != CP_OK || body.length == sizeof current - 1);
    CHECK((status == CP_OK) == (webhook.presence.user != NULL));
    CHECK((status == CP_OK) == (failure.kind == CP_FAILURE_NONE));
    cp_webhook_destroy(&webhook);
}

TEST(broken_bodies_break_nothing)
{
    cut_off_everywhere(cp_slice_of(current), read_broken);
    changed_everywhere(cp_slice_of(current), read_broken);
}

TEST(each_allocation_that_fails_is_no_memory_and_no_webhook)
{
    count_the_engine();
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_webhook webhook;
        cp_failure failure = {.kind = CP_FAILURE_NONE};
        fail_allocation(n);
        cp_status status = cp_webhook_read(cp_slice_of(current), &webhook, &failure);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK_INT(failure.kind, failed ? CP_FAILURE_MEMORY : CP_FAILURE_NONE);
        CHECK((webhook.presence.user != NULL) == !failed);
        cp_webhook_destroy(&webhook);
    }
    leave_the_engine_alone();
}
