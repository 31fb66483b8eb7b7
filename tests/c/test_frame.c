#include "core/frame.h"

#include "json_trials.h"
#include "test.h"

#define OWN_SESSION "WEB-4_2_0-afec5cb9-f11d-4085-88bc-6d7a173e6874-1795485366634"

/* ---- frames as PROTOCOL §9.1 has them */

static const char auth_answer[] =
    "{\"appId\": \"app1\", \"type\": \"auth\", \"deviceId\": \"" OWN_SESSION "\", "
    "\"sender\": \"alice\", \"body\": {\"code\": \"200\", \"status\": \"OK\"}}";

static const char online[] =
    "{\"appId\": \"app\", \"deviceId\": \"WEB-other-device\", \"type\": \"presence\", "
    "\"sender\": \"bob\", \"body\": {\"action\": \"online\", \"timestamp\": 1700001111, "
    "\"user\": {\"uid\": \"bob\", \"name\": \"Bob B\", "
    "\"avatar\": \"https://example.invalid/bob.png\", \"status\": \"available\", "
    "\"role\": \"teacher\", \"lastActiveAt\": 1700000999, \"createdAt\": 1700000000, "
    "\"updatedAt\": 1700000100}}}";

static const char offline[] =
    "{\"appId\": \"app\", \"deviceId\": \"WEB-other-device\", \"type\": \"presence\", "
    "\"sender\": \"bob\", \"body\": {\"action\": \"offline\", \"timestamp\": 1700002222, "
    "\"user\": {\"uid\": \"bob\", \"name\": \"Bob B\", \"status\": \"offline\"}}}";

static const char own_echo[] =
    "{\"appId\": \"app\", \"deviceId\": \"" OWN_SESSION "\", \"type\": \"presence\", "
    "\"sender\": \"dave\", \"body\": {\"action\": \"online\", \"timestamp\": 1700004444, "
    "\"user\": {\"uid\": \"dave\", \"name\": \"Dave D\", \"status\": \"available\"}}}";

/* ---- reading */

static cp_status try_read(cp_slice text, cp_frame *out)
{
    char *exact = exact_copy(text);
    cp_frame_reader reader = {.session_id = cp_slice_of(OWN_SESSION)};
    cp_status status = cp_frame_read(&reader, (cp_slice){exact, text.length}, out);
    free(exact); /* nothing of it may be left in the frame */
    return status;
}

static cp_frame read_frame(const char *text)
{
    cp_frame frame;
    cp_status status = try_read(cp_slice_of(text), &frame);
    if (status != CP_OK)
        fail_test(__FILE__, __LINE__, "%s for %s", cp_status_text(status), text);
    return frame;
}

static void check_kind(const char *text, cp_frame_kind expected)
{
    cp_frame frame = read_frame(text);
    if (frame.kind != expected)
        fail_test(__FILE__, __LINE__, "kind %d, not %d, of %s", frame.kind, expected, text);
    CHECK((frame.presence.user != NULL) == (expected == CP_FRAME_PRESENCE));
    cp_frame_destroy(&frame);
}

TEST(the_accepted_answer_is_accepted_although_it_carries_our_session)
{
    cp_frame frame = read_frame(auth_answer);
    CHECK_INT(frame.kind, CP_FRAME_AUTH);
    CHECK(frame.accepted && !frame.is_echo);
    CHECK_TEXT(frame.auth_code, "200");
    CHECK_TEXT(frame.auth_status, "OK");
    cp_frame_destroy(&frame);
}

TEST(only_the_exact_pair_is_accepted)
{
    static const char *const bodies[] = {
        "{\"code\":200,\"status\":\"OK\"}",
        "{\"code\":\"200\",\"status\":\"ok\"}",
        "{\"code\":\"401\",\"status\":\"OK\"}",
        "{\"code\":\"200\"}",
        "{\"status\":\"OK\"}",
        "{\"code\":\"401\",\"code\":\"200\",\"status\":\"OK\"}",
        "{}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"type\":\"auth\",\"body\":%s}", bodies[i]);
        cp_frame frame = read_frame(text);
        CHECK_INT(frame.kind, CP_FRAME_AUTH);
        CHECK(!frame.accepted);
        cp_frame_destroy(&frame);
    }
}

TEST(what_a_refusal_says_is_kept_cut_to_fit)
{
    cp_frame frame = read_frame("{\"type\":\"auth\",\"body\":{\"code\":401,\"status\":"
                                "\"123456789012345678901234567890123456789012345678901234567890"
                                "12\xC3\xA4 and more\"}}");
    CHECK_TEXT(frame.auth_code, "401");
    CHECK_TEXT(frame.auth_status, "12345678901234567890123456789012345678901234567890123456789012");
    cp_frame_destroy(&frame);
}

TEST(online_tells_who_and_when)
{
    cp_frame frame = read_frame(online);
    CHECK_INT(frame.kind, CP_FRAME_PRESENCE);
    CHECK(!frame.is_echo && !frame.trimmed);
    CHECK_INT(frame.presence.status, CP_ONLINE);
    CHECK_INT(frame.presence.at, 1700001111);
    CHECK_INT(frame.presence.last_active_at, 1700001111);
    CHECK(cp_slice_is(cp_user_text_of(frame.presence.user, CP_USER_UID), "bob"));
    CHECK(cp_slice_is(cp_user_text_of(frame.presence.user, CP_USER_ROLE), "teacher"));
    cp_frame_destroy(&frame);
    CHECK(frame.presence.user == NULL);
}

TEST(offline_is_what_the_action_says)
{
    cp_frame frame = read_frame(offline);
    CHECK_INT(frame.presence.status, CP_OFFLINE);
    CHECK_INT(frame.presence.at, 1700002222);
    cp_frame_destroy(&frame);

    frame = read_frame("{\"type\":\"presence\",\"body\":{\"action\":\"offline\",\"user\":{\"uid\":"
                       "\"bob\",\"status\":\"available\",\"blockedByMe\":true}}}");
    CHECK_INT(frame.presence.status, CP_OFFLINE);
    CHECK(!cp_user_blocked_by_me(frame.presence.user));
    cp_frame_destroy(&frame);
}

TEST(our_own_echo_is_marked)
{
    cp_frame frame = read_frame(own_echo);
    CHECK(frame.is_echo);
    CHECK_INT(frame.kind, CP_FRAME_PRESENCE);
    cp_frame_destroy(&frame);
}

TEST(without_a_session_nothing_is_an_echo)
{
    cp_frame frame;
    const char *text = "{\"type\":\"presence\",\"deviceId\":\"\",\"body\":{\"action\":\"online\","
                       "\"user\":\"bob\"}}";
    CHECK_INT(cp_frame_read(&(cp_frame_reader){0}, cp_slice_of(text), &frame), CP_OK);
    CHECK(!frame.is_echo);
    cp_frame_destroy(&frame);
}

static int64_t time_of(const char *timestamp)
{
    char text[200];
    snprintf(text, sizeof text,
             "{\"type\":\"presence\",\"body\":{\"action\":\"online\"%s,"
             "\"user\":{\"uid\":\"n\",\"lastActiveAt\":5}}}",
             timestamp);
    cp_frame frame = read_frame(text);
    CHECK_INT(frame.kind, CP_FRAME_PRESENCE);
    CHECK_INT(frame.presence.last_active_at, frame.presence.at);
    cp_frame_destroy(&frame);
    return frame.presence.at;
}

TEST(the_time_is_always_the_frames)
{
    CHECK_INT(time_of(",\"timestamp\":1"), 1);
    CHECK_INT(time_of(",\"timestamp\":0"), 0);
    CHECK_INT(time_of(",\"timestamp\":\"1700\""), 1700);
    CHECK_INT(time_of(",\"timestamp\":1700000000123"), 1700000000);
    CHECK_INT(time_of(""), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":null"), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":\"soon\""), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":-1"), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":1e999"), CP_ABSENT);
    CHECK_INT(time_of(",\"timestamp\":1,\"timestamp\":2"), CP_ABSENT);
}

TEST(odd_presence_is_read_as_the_vendor_does)
{
    /* PROTOCOL §9.6, "odd presence frames" */
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"timestamp\":1,\"user\":"
               "{\"uid\":\"n01-no-device-no-appid\",\"name\":\"N\"}}}",
               CP_FRAME_PRESENCE);
    check_kind("{\"type\":\"presence\",\"appId\":\"other\",\"body\":{\"action\":\"available\","
               "\"timestamp\":2,\"user\":{\"uid\":\"n02-no-name-other-app\"}}}",
               CP_FRAME_PRESENCE);
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"timestamp\":3,\"user\":"
               "{\"uid\":42,\"name\":\"n03 numeric uid\"}}}",
               CP_FRAME_PRESENCE);
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"timestamp\":12,\"user\":"
               "\"n12-user-is-a-string\"}}",
               CP_FRAME_PRESENCE);
}

TEST(presence_that_says_nothing_is_ignored)
{
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"online\"}}", CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":null}}",
               CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":\"a\",\"user\":"
               "\"b\"}}",
               CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"Online\",\"user\":\"bob\"}}",
               CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\",\"body\":{\"action\":\"away\",\"user\":\"bob\"}}",
               CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\",\"body\":{\"user\":\"bob\"}}", CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\",\"body\":[]}", CP_FRAME_IGNORED);
    check_kind("{\"type\":\"presence\"}", CP_FRAME_IGNORED);
}

TEST(a_pong_is_any_object_whose_action_is_pong)
{
    check_kind("{\"action\": \"pong\"}", CP_FRAME_PONG);
    check_kind("{\"type\":\"presence\",\"action\":\"pong\",\"deviceId\":\"" OWN_SESSION "\"}",
               CP_FRAME_PONG);
    check_kind("{\"action\":\"ping\"}", CP_FRAME_UNKNOWN);
    check_kind("{\"body\":{\"action\":\"pong\"}}", CP_FRAME_UNKNOWN);
    check_kind("[{\"action\":\"pong\"}]", CP_FRAME_UNKNOWN);
}

TEST(types_for_others_are_ignored_and_the_rest_is_unknown)
{
    static const char *const others[] = {
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
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[100];
        snprintf(text, sizeof text, "{\"type\":\"%s\",\"body\":{}}", others[i]);
        check_kind(text, CP_FRAME_IGNORED);
    }
    check_kind("{\"type\":\"messages\"}", CP_FRAME_UNKNOWN);
    check_kind("{\"type\":\"\"}", CP_FRAME_UNKNOWN);
    check_kind("{\"type\":7}", CP_FRAME_UNKNOWN);
    check_kind("{\"type\":\"auth\",\"type\":\"presence\"}", CP_FRAME_UNKNOWN);
    check_kind("{}", CP_FRAME_UNKNOWN);
    check_kind("[]", CP_FRAME_UNKNOWN);
    check_kind("\"presence\"", CP_FRAME_UNKNOWN);
    check_kind("null", CP_FRAME_UNKNOWN);
    check_kind("42", CP_FRAME_UNKNOWN);
}

static void check_refused(cp_slice text, cp_status expected)
{
    cp_frame frame;
    CHECK_INT(try_read(text, &frame), expected);
    CHECK_INT(frame.kind, CP_FRAME_UNKNOWN);
    CHECK(!frame.accepted && !frame.is_echo && !frame.presence.user);
    cp_frame_destroy(&frame);
}

TEST(an_error_leaves_an_empty_frame)
{
    static char large[256 * 1024 + 1];
    memset(large, ' ', sizeof large);
    large[0] = '1';
    check_refused(cp_slice_of("hello"), CP_ERR_MALFORMED);
    check_refused(cp_slice_of(""), CP_ERR_MALFORMED);
    check_refused((cp_slice){large, sizeof large}, CP_ERR_TOO_LARGE);
    check_refused(cp_slice_of("{\"type\":\"\xFF\"}"), CP_ERR_ENCODING);
    check_refused(cp_slice_of("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), CP_ERR_TOO_DEEP);
    check_refused(cp_slice_of("{\"type\":\"auth\"}"), CP_ERR_MALFORMED);
    check_refused(cp_slice_of("{\"type\":\"auth\",\"body\":\"200 OK\"}"), CP_ERR_MALFORMED);
    check_refused(
        cp_slice_of("{\"type\":\"presence\",\"deviceId\":\"" OWN_SESSION
                    "\",\"body\":{\"action\":\"online\",\"user\":{\"name\":\"no uid\"}}}"),
        CP_ERR_MALFORMED);
}

TEST(a_profile_that_is_too_large_is_told)
{
    static char text[20000];
    int start = snprintf(text, sizeof text,
                         "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":"
                         "{\"uid\":\"bob\",\"metadata\":{\"a\":\"");
    memset(text + start, 'x', CP_USER_PROFILE_LIMIT);
    strcpy(text + start + CP_USER_PROFILE_LIMIT, "\"}}}}");
    cp_frame frame = read_frame(text);
    CHECK(frame.trimmed);
    CHECK(cp_user_text_of(frame.presence.user, CP_USER_METADATA).data == NULL);
    cp_frame_destroy(&frame);
}

/* Whatever was cut off or changed on the way: a frame or an error, and never both. */
static void read_broken(cp_slice text)
{
    cp_frame frame;
    cp_status status = try_read(text, &frame);
    CHECK(status != CP_OK || text.length == sizeof online - 1);
    CHECK(status == CP_OK || !frame.presence.user);
    CHECK((frame.kind == CP_FRAME_PRESENCE) == (frame.presence.user != NULL));
    cp_frame_destroy(&frame);
}

TEST(broken_frames_break_nothing)
{
    cut_off_everywhere(cp_slice_of(online), read_broken);
    changed_everywhere(cp_slice_of(online), read_broken);
}

/* ---- profiles that are known already */

static cp_roster *roster_with(const char *text)
{
    cp_roster *roster = cp_roster_new(8, 8, 1);
    cp_frame frame = read_frame(text);
    CHECK(roster != NULL);
    CHECK_INT(cp_roster_apply_live(roster, &frame.presence, 1), CP_OK);
    cp_frame_destroy(&frame);
    return roster;
}

static cp_user *read_known(const char *text, cp_roster *known, bool allocates)
{
    cp_frame_reader reader = {cp_slice_of(OWN_SESSION), known, {{0}}};
    cp_frame frame;
    fail_allocation(1);
    cp_status status = cp_frame_read(&reader, cp_slice_of(text), &frame);
    CHECK_INT(status, allocates ? CP_ERR_NOMEM : CP_OK);
    CHECK(allocation_failed() == allocates);
    if (allocates)
        CHECK_INT(cp_frame_read(&reader, cp_slice_of(text), &frame), CP_OK);
    cp_user *user = frame.presence.user;
    CHECK_INT(cp_roster_apply_live(known, &frame.presence, 2), CP_OK);
    cp_frame_destroy(&frame);
    return user; /* the roster's, if it learned it */
}

TEST(a_profile_that_did_not_change_is_held_again)
{
    static const char goes[] =
        "{\"type\":\"presence\",\"body\":{\"action\":\"offline\",\"timestamp\":1700002222,"
        "\"user\":{\"role\":\"teacher\",\"uid\":\"bob\",\"name\":\"Bob B\","
        "\"updatedAt\":1700000100,\"createdAt\":1700000000,"
        "\"avatar\":\"https://example.invalid/bob.png\",\"status\":\"offline\"}}}";
    cp_roster *roster = roster_with(online);
    cp_user *kept = cp_roster_profile(roster, cp_slice_of("bob"));
    CHECK(kept != NULL);
    CHECK(read_known(goes, roster, false) == kept);
    CHECK_INT(cp_roster_status(roster, cp_slice_of("bob")), CP_OFFLINE);
    CHECK_INT(cp_roster_online(roster), 0);
    CHECK_INT(cp_roster_count(roster), 1);
    cp_roster_free(roster);
}

TEST(a_profile_that_changed_is_a_new_one)
{
    cp_roster *roster = roster_with(online);
    cp_user *kept = cp_roster_profile(roster, cp_slice_of("bob"));
    cp_user *learned = read_known(offline, roster, true); /* it has no role, for one */
    CHECK(learned != kept);
    CHECK(cp_roster_profile(roster, cp_slice_of("BOB")) == learned);
    CHECK_INT(cp_roster_count(roster), 1);
    cp_roster_free(roster);
}

TEST(each_allocation_that_fails_is_no_memory_and_no_frame)
{
    count_the_engine();
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_frame_reader reader = {.session_id = cp_slice_of(OWN_SESSION)};
        cp_frame frame;
        fail_allocation(n);
        cp_status status = cp_frame_read(&reader, cp_slice_of(online), &frame);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK_INT(frame.kind, failed ? CP_FRAME_UNKNOWN : CP_FRAME_PRESENCE);
        cp_frame_destroy(&frame);
    }
    leave_the_engine_alone();
}

/* ---- writing */

static const cp_auth_frame alice = {
    .app_id = {"app1", 4},
    .uid = {"alice", 5},
    .jwt = {"jwt.alice", 9},
    .session_id = {"PY-1-2-3", 8},
    .device_id = {"app1_d", 6},
    .version = {"0.1.0", 5},
    .api_version = {"v3.0", 4},
    .unix_ms = 1795485366983,
};

#define FRAME_HEAD                                                                                 \
    "{\"appId\":\"app1\",\"deviceId\":\"PY-1-2-3\",\"type\":\"auth\",\"sender\":\"alice\","        \
    "\"body\":{\"auth\":\"jwt.alice\",\"deviceId\":\"PY-1-2-3\","
#define FRAME_TAIL                                                                                 \
    "\"params\":{\"appInfo\":{\"version\":\"0.1.0\",\"apiVersion\":\"v3.0\",\"origin\":null,"      \
    "\"uts\":1795485366983},\"userAgent\":\"cometpresence/0.1.0\",\"deviceId\":\"app1_d\","        \
    "\"platform\":\"python\"}}}"

static void check_written(cp_subscription subscription, const char *const *roles,
                          const char *expected)
{
    cp_auth_frame auth = alice;
    cp_buffer out;
    cp_buffer_init(&out);
    auth.subscription = subscription;
    auth.roles = roles;
    cp_frame_write_auth(&auth, &out);
    CHECK_INT(cp_buffer_status(&out), CP_OK);
    CHECK_TEXT(out.data, expected);
    CHECK_INT(cp_json_scan(cp_buffer_slice(&out), CP_JSON_FRAME_LIMITS), CP_OK);
    cp_buffer_destroy(&out);
}

TEST(each_subscription_is_said_in_the_vendors_word)
{
    const char *const roles[] = {"teacher", "stu\"dent", NULL};
    const char *const none[] = {NULL};
    check_written(CP_SUBSCRIBE_NONE, roles, FRAME_HEAD FRAME_TAIL);
    check_written(CP_SUBSCRIBE_ALL_USERS, roles,
                  FRAME_HEAD "\"presenceSubscription\":\"ALL_USERS\"," FRAME_TAIL);
    check_written(CP_SUBSCRIBE_FRIENDS, NULL,
                  FRAME_HEAD "\"presenceSubscription\":\"FRIENDS\"," FRAME_TAIL);
    check_written(CP_SUBSCRIBE_ROLES, roles,
                  FRAME_HEAD "\"presenceSubscription\":\"ROLES\","
                             "\"roles\":[\"teacher\",\"stu\\\"dent\"]," FRAME_TAIL);
    check_written(CP_SUBSCRIBE_ROLES, none,
                  FRAME_HEAD "\"presenceSubscription\":\"ROLES\"," FRAME_TAIL);
    check_written(CP_SUBSCRIBE_ROLES, NULL,
                  FRAME_HEAD "\"presenceSubscription\":\"ROLES\"," FRAME_TAIL);
}

TEST(texts_in_the_auth_frame_cannot_break_out)
{
    cp_auth_frame auth = alice;
    cp_buffer out;
    cp_buffer_init(&out);
    auth.jwt = cp_slice_of("\",\"sender\":\"eve\n");
    auth.version = cp_slice_of("1\"0");
    auth.api_version = CP_ABSENT_SLICE;
    cp_frame_write_auth(&auth, &out);
    CHECK_INT(cp_json_scan(cp_buffer_slice(&out), CP_JSON_FRAME_LIMITS), CP_OK);
    CHECK(strstr(out.data, "\"auth\":\"\\\",\\\"sender\\\":\\\"eve\\u000a\"") != NULL);
    cp_buffer_destroy(&out);
}

TEST(a_ping_is_the_vendors_ping)
{
    cp_buffer out;
    cp_buffer_init(&out);
    cp_frame_write_ping(&out);
    CHECK_TEXT(out.data, "{\"action\":\"ping\",\"ack\":\"true\"}");
    cp_buffer_destroy(&out);
}

TEST(an_auth_frame_without_memory_is_told_at_the_end)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_buffer out;
        cp_buffer_init(&out);
        fail_allocation(n);
        cp_frame_write_auth(&alice, &out);
        failed = allocation_failed();
        CHECK_INT(cp_buffer_status(&out), failed ? CP_ERR_NOMEM : CP_OK);
        cp_buffer_destroy(&out);
    }
}
