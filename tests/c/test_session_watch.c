/* Who waits for whom, and how far what is pushed is trusted. */
#include "core/session.h"

#include "session_feed.h"

static void begin_subscribed(cp_subscription subscription)
{
    begin_config(subscription);
    config.ping_interval = CP_NEVER; /* not what this is about */
    config.audit_after = CP_NEVER;
    begin_configured();
}

static cp_call *await_online(const char *uid)
{
    return await(uid, CP_ONLINE);
}

static cp_call *await_offline(const char *uid)
{
    return await(uid, CP_OFFLINE);
}

static void check_user(const cp_call *call, const char *uid, cp_presence_status status)
{
    CHECK(cp_slice_is(cp_user_text_of(call->user.user, CP_USER_UID), uid));
    CHECK_INT(call->user.status, status);
}

/* ---- waiting for somebody */

TEST(who_is_online_already_need_not_be_waited_for)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    cp_call *bob = await_online("Bob");
    cp_call *zoe = await_offline("Zoe");
    CHECK_DIARY("done AWAIT_USER | done AWAIT_USER");
    check_user(bob, "bob", CP_ONLINE);
    check_user(zoe, "zoe", CP_OFFLINE);
    end_session();
}

TEST(the_next_push_ends_the_wait)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    cp_call *zoe = await_online("zoe");
    cp_call *bob = await_offline("bob");
    await_within("bob", CP_ONLINE, true, CP_NEVER);
    CHECK_DIARY("");
    hear_presence("zoe", "online");
    CHECK_DIARY("done AWAIT_USER");
    check_user(zoe, "zoe", CP_ONLINE);
    hear_presence("bob", "online"); /* a duplicate */
    CHECK_DIARY("");
    hear_presence("bob", "offline");
    CHECK_DIARY("done AWAIT_USER");
    check_user(bob, "bob", CP_OFFLINE);
    hear_presence("bob", "online");
    CHECK_DIARY("done AWAIT_USER");
    end_session();
}

TEST(a_wait_outlives_the_connection_and_a_comparison_can_end_it)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob,eve");
    await_offline("bob");
    await_online("zoe");
    await_within("eve", CP_ONLINE, true, CP_NEVER);
    closed_with(1006);
    forget_diary();
    await_online("eve"); /* as far as was known, but that is not good enough */
    wait_for_attempt();
    be_accepted();
    CHECK_DIARY("CONNECTING 1 | connect | auth | CONNECTED 2 | " PAGE_1);
    answer(users_page("eve,zoe", 1));
    CHECK_DIARY("GET /v3.0/users?per_page=100&uids=bob&page=1 | done AWAIT_USER");
    CHECK(last_done()->wanted == CP_ONLINE); /* zoe */
    answer(users_page("bob:offline", 1));
    CHECK_DIARY("SYNCED 2 | done AWAIT_USER | done AWAIT_USER"); /* bob, and eve who stayed */
    end_session();
}

TEST(a_wait_can_begin_before_anything_is_connected)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    log_in();
    forget_diary();
    await_online("bob");
    CHECK_DIARY("");
    be_accepted();
    forget_diary();
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done AWAIT_USER");
    end_session();
}

TEST(a_wait_ends_in_time)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    cp_call *late = await_within("zoe", CP_ONLINE, false, 5 * SEC);
    cp_call *later = await_within("bob", CP_OFFLINE, false, 7 * SEC);
    CHECK_INT(until_deadline(), 5 * SEC);
    elapse(5 * SEC);
    CHECK_DIARY("failed AWAIT_USER TIMEOUT ERR_TIMEOUT");
    CHECK_TEXT(late->failure.message, "zoe was not seen online in time");
    elapse(2 * SEC);
    CHECK_DIARY("failed AWAIT_USER TIMEOUT ERR_TIMEOUT");
    CHECK_TEXT(later->failure.message, "bob was not seen offline in time");
    CHECK_INT(cp_session_deadline(session), CP_NEVER);
    end_session();
}

TEST(no_time_at_all_is_enough_to_look)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    await_within("bob", CP_ONLINE, false, 0);
    CHECK_DIARY("done AWAIT_USER");
    await_within("bob", CP_OFFLINE, false, 0);
    elapse(0);
    CHECK_DIARY("failed AWAIT_USER TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_wait_can_be_cancelled_once)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    cp_call *waits = await_online("zoe");
    cancel(waits);
    CHECK_DIARY("failed AWAIT_USER TIMEOUT ERR_TIMEOUT");
    cancel(waits);
    hear_presence("zoe", "online");
    CHECK_DIARY("");
    end_session();
}

TEST(what_ends_the_client_or_its_login_ends_the_wait)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    await_online("bob");
    CHECK_DIARY("failed AWAIT_USER AUTH USER_NOT_LOGED_IN");
    go_live("bob");
    await_online("zoe");
    call(CP_CALL_DISCONNECT); /* connect() may follow */
    CHECK_DIARY("close");
    call(CP_CALL_LOGOUT);
    forget_diary();
    answer("{\"data\":{}}");
    CHECK(strstr(diary, "failed AWAIT_USER AUTH USER_NOT_LOGED_IN") != NULL);
    closed_with(1000);
    go_live("bob");
    await_online("zoe");
    call(CP_CALL_CLOSE);
    CHECK_DIARY("close | failed AWAIT_USER CLOSED ERR_CLIENT_CLOSED");
    await_online("zoe");
    CHECK_DIARY("failed AWAIT_USER CLOSED ERR_CLIENT_CLOSED");
    end_session();
}

TEST(a_refusal_ends_the_wait_with_its_reason)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    log_in();
    await_online("bob");
    opened();
    hear(REFUSED);
    forget_diary();
    closed_with(1000);
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    CHECK(strstr(diary, "failed AWAIT_USER AUTH AUTH_ERR_AUTH_TOKEN_NOT_FOUND") != NULL);
    forget_diary();
    await_online("bob");
    CHECK_DIARY("failed AWAIT_USER AUTH AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    end_session();
}

TEST(nobody_is_waited_for_who_cannot_be_seen)
{
    begin_subscribed(CP_SUBSCRIBE_NONE);
    get_connected();
    await_online("bob");
    CHECK_DIARY("failed AWAIT_USER CONFIG ERR_NO_SUBSCRIPTION");
    end_session();
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    await_online("");
    CHECK_DIARY("failed AWAIT_USER CONFIG INVALID_UID");
    end_session();
}

/* ---- the server's count */

#define COUNT "POST /api/v1.0/online-members"

static void begin_counting(void)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.ping_interval = CP_NEVER;
    config.audit_after = CP_NEVER;
    config.count_every = 300 * SEC;
    begin_configured();
}

static void answer_count(int count)
{
    char body[64];

    snprintf(body, sizeof body, "{\"data\":{\"onlineUsersCount\":%d}}", count);
    answer(body);
}

TEST(the_server_is_asked_for_its_count_soon_after_each_comparison_and_every_five_minutes)
{
    begin_counting();
    get_connected();
    answer(users_page("bob,zoe", 1));
    CHECK_DIARY("SYNCED 2");
    elapse(5 * SEC);
    CHECK_DIARY(COUNT);
    answer_count(3); /* we are one of them */
    CHECK_DIARY("");
    CHECK_INT(until_deadline(), 300 * SEC);
    elapse(300 * SEC);
    CHECK_DIARY(COUNT);
    answer_count(2);
    call(CP_CALL_RESYNC);
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob,zoe", 1));
    CHECK_DIARY("SYNCED 2 | done RESYNC");
    elapse(5 * SEC);
    CHECK_DIARY(COUNT);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    end_session();
}

/* Live, and the count after the comparison is asked for. */
static void go_live_and_count(const char *users)
{
    go_live(users);
    elapse(5 * SEC);
    CHECK_DIARY(COUNT);
}

static void go_live_counted(const char *users, int count)
{
    go_live_and_count(users);
    answer_count(count);
    CHECK_DIARY("");
}

static void compare_with(const char *users)
{
    answer(users_page(users, 1));
    forget_diary();
}

TEST(counts_that_differ_again_after_a_comparison_degrade)
{
    begin_counting();
    go_live_counted("bob", 1);
    elapse(300 * SEC);
    CHECK_DIARY(COUNT);
    answer_count(10);
    CHECK_DIARY(PAGE_1); /* a doubt */
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    compare_with("bob,b,c,d,e,f,g,h,i,j");
    elapse(5 * SEC);
    answer_count(10);
    CHECK_DIARY(COUNT);
    elapse(300 * SEC);
    forget_diary();
    answer_count(20);
    CHECK_DIARY("DEGRADED | " PAGE_1);
    CHECK(latest[CP_NOTICE_DEGRADED].is_throttled);
    CHECK(cp_session_is_throttled(session));
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    end_session();
}

TEST(beyond_the_cap_it_is_degraded_at_once_and_compares_every_minute)
{
    begin_counting();
    go_live_and_count("bob");
    answer_count(1001);
    CHECK_DIARY("DEGRADED | " PAGE_1);
    CHECK_TEXT(latest[CP_NOTICE_DEGRADED].reason,
               "more than 1,000 users are online: the platform stops telling");
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    for (int minute = 0; minute < 3; minute++) {
        CHECK_INT(until_deadline(), 60 * SEC);
        elapse(60 * SEC);
        CHECK_DIARY(COUNT);
        answer_count(1001);
        CHECK_DIARY(PAGE_1);
        answer(users_page("bob", 1));
        CHECK_DIARY("SYNCED 1");
    }
    elapse(60 * SEC);
    lose_answer(CP_FAILURE_CONNECTION_LOST); /* no count: compares all the same */
    CHECK_DIARY(COUNT " | " PAGE_1);
    end_session();
}

TEST(after_two_counts_that_agree_it_is_in_step_again)
{
    begin_counting();
    go_live_and_count("bob");
    answer_count(1001);
    compare_with("bob");
    elapse(60 * SEC);
    answer_count(1);
    compare_with("bob");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    elapse(60 * SEC);
    answer_count(1);
    CHECK_DIARY(COUNT " | " PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    CHECK(!cp_session_is_throttled(session));
    end_session();
}

TEST(a_count_that_a_caller_asks_for_counts_too)
{
    begin_counting();
    go_live_counted("bob", 1);
    call(CP_CALL_COUNT);
    answer_count(1001);
    CHECK_DIARY(COUNT " | DEGRADED | done COUNT");
    CHECK_INT(until_deadline(), 60 * SEC);
    call(CP_CALL_RESYNC);
    compare_with("bob");
    call(CP_CALL_COUNT);
    answer_count(1);
    call(CP_CALL_COUNT); /* twice without a comparison is once */
    answer_count(1);
    CHECK(cp_session_is_throttled(session));
    call(CP_CALL_RESYNC);
    compare_with("bob");
    call(CP_CALL_COUNT);
    answer_count(1);
    compare_with("bob");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    end_session();
}

TEST(a_server_that_does_not_count_is_not_asked_again)
{
    const int refusals[] = {403, 404, 405, 501};

    for (int i = 0; i < 4; i++) {
        begin_counting();
        go_live_and_count("bob");
        refuse_with(refusals[i], "ERR_NO");
        CHECK_DIARY("");
        CHECK_INT(cp_session_deadline(session), CP_NEVER);
        call(CP_CALL_RESYNC);
        answer(users_page("bob", 1));
        CHECK_DIARY(PAGE_1 " | SYNCED 1 | done RESYNC");
        end_session();
    }
}

TEST(a_count_that_fails_for_now_is_asked_for_another_time)
{
    begin_counting();
    go_live_and_count("bob");
    answer_with(503, "busy");
    CHECK_DIARY("");
    CHECK_INT(until_deadline(), 300 * SEC);
    elapse(300 * SEC);
    CHECK_DIARY(COUNT);
    ask_to_wait("7");
    CHECK_DIARY("");
    elapse(7 * SEC);
    CHECK_DIARY(COUNT);
    answer_count(1);
    CHECK_DIARY("");
    end_session();
}

TEST(a_count_that_comes_while_comparing_or_after_the_end_is_of_no_use)
{
    begin_counting();
    go_live_counted("bob", 1);
    call(CP_CALL_COUNT);
    call(CP_CALL_RESYNC);
    CHECK_DIARY(COUNT " | " PAGE_1);
    answer_count(1001);
    CHECK_DIARY("done COUNT");
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC");
    elapse(5 * SEC);
    CHECK_DIARY(COUNT);
    closed_with(1006);
    forget_diary();
    answer_count(1001);
    CHECK_DIARY("");
    CHECK(!cp_session_is_throttled(session));
    end_session();
}

TEST(with_part_of_the_users_there_is_nothing_to_count)
{
    begin_config(CP_SUBSCRIBE_FRIENDS);
    config.ping_interval = CP_NEVER;
    config.audit_after = CP_NEVER;
    config.count_every = 300 * SEC;
    begin_configured();
    get_connected();
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1");
    CHECK_INT(cp_session_deadline(session), CP_NEVER);
    call(CP_CALL_COUNT);
    answer_count(1001);
    CHECK(!cp_session_is_throttled(session));
    end_session();
}

TEST(what_we_do_not_track_ourselves_is_not_held_against_the_platform)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.ping_interval = CP_NEVER;
    config.audit_after = CP_NEVER;
    config.count_every = 300 * SEC;
    config.max_users = 2;
    begin_configured();
    get_connected();
    answer(users_page("a,b,c", 1));
    CHECK_DIARY("DEGRADED | SYNCED 2");
    elapse(5 * SEC);
    CHECK_DIARY(COUNT);
    CHECK(!latest[CP_NOTICE_DEGRADED].is_throttled);
    answer_count(1001);
    CHECK_DIARY("");
    CHECK(!cp_session_is_throttled(session));
    end_session();
}

TEST(a_new_connection_does_not_make_it_trusted_a_new_login_does)
{
    begin_counting();
    go_live_and_count("bob");
    answer_count(1001);
    compare_with("bob");
    closed_with(1006);
    wait_for_attempt();
    be_accepted();
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    forget_diary();
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1"); /* no further notice */
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    call(CP_CALL_LOGOUT);
    answer("{\"data\":{}}");
    closed_with(1000);
    go_live("bob");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    end_session();
}
