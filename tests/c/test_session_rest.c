#include "core/session.h"

#include "session_feed.h"

#define BOB "{\"data\":{\"uid\":\"bob\",\"name\":\"Bob\",\"status\":\"available\"}}"
#define ASK_BOB "GET /v3.0/users/bob"

/* ---- answers */

TEST(a_user_is_asked_for_and_given)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    CHECK_DIARY(ASK_BOB);
    answer(BOB);
    CHECK_DIARY("done GET_USER");
    CHECK_INT(last_done()->user.status, CP_ONLINE);
    end_session();
}

TEST(a_page_of_users_is_asked_for_and_given)
{
    begin_session();
    get_connected();
    cp_call *self = new_call(CP_CALL_GET_USERS);
    self->query.limit = 30;
    self->query.page = 2;
    call_within(self, CP_NEVER);
    CHECK_DIARY("GET /v3.0/users?per_page=30&page=2");
    answer("{\"data\":[{\"uid\":\"bob\"},{\"uid\":\"zoe\"}],"
           "\"meta\":{\"pagination\":{\"total_pages\":2}}}");
    CHECK_DIARY("done GET_USERS");
    CHECK_INT(last_done()->page.count, 2);
    end_session();
}

TEST(the_online_count_is_asked_for_and_given)
{
    begin_session();
    get_connected();
    call(CP_CALL_COUNT);
    CHECK_DIARY("POST /api/v1.0/online-members");
    answer("{\"data\":{\"onlineUsersCount\":17}}");
    CHECK_DIARY("done COUNT");
    CHECK_INT(last_done()->number, 17);
    end_session();
}

TEST(a_query_that_cannot_be_sent_fails_at_once)
{
    begin_session();
    get_connected();
    call(CP_CALL_GET_USERS); /* without a limit */
    elapse(0);
    CHECK_DIARY("failed GET_USERS CONFIG SET_LIMIT_IS_COMPULSORY");
    end_session();
}

TEST(an_error_of_the_servers_is_handed_on)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    forget_diary();
    refuse_with(404, "ERR_UID_NOT_FOUND");
    CHECK_DIARY("failed GET_USER SERVER ERR_UID_NOT_FOUND");
    call_get_user("bob", CP_NEVER);
    forget_diary();
    answer_with(503, "<html>busy</html>");
    CHECK_DIARY("failed GET_USER SERVER HTTP_503");
    call_get_user("bob", CP_NEVER);
    forget_diary();
    answer("[");
    CHECK_DIARY("failed GET_USER PROTOCOL FAILED_TO_FETCH");
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(answers_nobody_wants_any_more_change_nothing)
{
    begin_session();
    get_connected();
    cp_http_answer late = {.ticket = 999, .status = 200, .body = cp_slice_of(BOB)};
    cp_session_answered(session, &late, now);
    late.ticket = 0;
    cp_session_answered(session, &late, now);
    pump();
    CHECK_DIARY("");
    end_session();
}

TEST(eight_requests_are_under_way_and_the_others_wait_their_turn)
{
    begin_session();
    get_connected();
    for (int i = 0; i < 10; i++)
        call_get_user("bob", CP_NEVER);
    CHECK_INT(request_count, 8);
    answer(BOB);
    CHECK_INT(request_count, 8);
    while (request_count > 0)
        answer(BOB);
    CHECK_INT(finished_count, 11); /* the login, too */
    end_session();
}

/* ---- quotas */

TEST(a_call_that_is_too_many_waits_as_long_as_asked_and_is_repeated)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    forget_diary();
    ask_to_wait("7");
    call(CP_CALL_COUNT); /* nor is anything else sent */
    elapse(7 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(ASK_BOB " | POST /api/v1.0/online-members");
    answer(BOB);
    CHECK_DIARY("done GET_USER");
    end_session();
}

TEST(a_caller_without_that_much_time_is_told_at_once)
{
    begin_session();
    get_connected();
    call_get_user("bob", 5 * SEC);
    forget_diary();
    ask_to_wait("7");
    CHECK_DIARY("failed GET_USER RATE_LIMITED ERR_TOO_MANY_REQUESTS");
    CHECK_INT(last_done()->failure.retry_after, 7 * SEC);
    elapse(1 * SEC);
    call_get_user("bob", 5 * SEC); /* nor this one, who comes later */
    CHECK_DIARY("failed GET_USER RATE_LIMITED ERR_TOO_MANY_REQUESTS");
    CHECK_INT(last_done()->failure.retry_after, 6 * SEC);
    end_session();
}

TEST(a_login_without_that_much_time_leaves_the_old_one_alone)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    ask_to_wait("7");
    forget_diary();
    cp_call *login = new_call(CP_CALL_LOGIN);
    login->uid = strdup("bob");
    login->auth_key = strdup("key");
    call_within(login, 5 * SEC);
    CHECK_DIARY("failed LOGIN RATE_LIMITED ERR_TOO_MANY_REQUESTS");
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(who_waits_for_a_comparison_is_told_of_the_silence_that_delays_it)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    begin_configured();
    get_connected();
    ask_to_wait("7");
    forget_diary();
    call_within(new_call(CP_CALL_AWAIT_SYNC), 1 * SEC);
    elapse(1 * SEC);
    CHECK_DIARY("failed AWAIT_SYNC RATE_LIMITED ERR_TOO_MANY_REQUESTS");
    CHECK_INT(last_done()->failure.retry_after, 6 * SEC);
    end_session();
}

TEST(a_refusal_that_names_no_time_or_none_at_all_does_not_spin)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    const char *const words[] = {"", "0", "Wed, 21 Oct 2026 07:28:00 GMT"};
    for (int i = 0; i < 3; i++) {
        forget_diary();
        ask_to_wait(words[i]);
        CHECK_DIARY("");
        elapse(SEC - 1);
        CHECK_DIARY("");
        elapse(1);
        CHECK_DIARY(ASK_BOB);
    }
    end_session();
}

TEST(no_server_keeps_us_quiet_for_more_than_an_hour)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    ask_to_wait("86400");
    CHECK(is_quiet == false);
    forget_diary();
    now.usec += 3600 * SEC; /* without the pings in between */
    cp_session_elapsed(session, now);
    pump();
    CHECK(strstr(diary, ASK_BOB) != NULL);
    end_session();
}

TEST(a_quota_that_is_used_up_is_waited_for)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    forget_diary();
    give((cp_http_answer){.status = 200,
                          .body = cp_slice_of(BOB),
                          .quota_remaining = cp_slice_of("0"),
                          .quota_reset = cp_slice_of("9")});
    CHECK_DIARY("done GET_USER");
    call_get_user("bob", CP_NEVER);
    elapse(9 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(ASK_BOB);
    end_session();
}

TEST(a_shorter_silence_does_not_end_a_longer_one)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    call_get_user("bob", CP_NEVER);
    forget_diary();
    ask_to_wait("9");
    ask_to_wait("1");
    elapse(9 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(ASK_BOB " | " ASK_BOB);
    end_session();
}

TEST(a_login_waits_out_a_silence_too)
{
    begin_session();
    call_login("alice", "key");
    forget_diary();
    ask_to_wait("3");
    elapse(3 * SEC);
    CHECK_DIARY("POST /v3.0/users/alice/auth_tokens");
    end_session();
}

TEST(a_login_without_that_much_time_has_failed)
{
    begin_session();
    cp_call *self = new_call(CP_CALL_LOGIN);
    self->auth_token = strdup("t1");
    call_within(self, 2 * SEC);
    forget_diary();
    ask_to_wait("3");
    CHECK_DIARY("LOGIN_FAILED ERR_TOO_MANY_REQUESTS"
                " | failed LOGIN RATE_LIMITED ERR_TOO_MANY_REQUESTS");
    end_session();
}

/* ---- deadlines */

TEST(a_request_has_the_callers_time_and_not_more_than_ours)
{
    begin_session();
    get_connected();
    call_get_user("bob", 3 * SEC);
    CHECK_INT(requests[0].deadline, now.usec + 3 * SEC);
    call_get_user("bob", 300 * SEC);
    CHECK_INT(requests[1].deadline, now.usec + 10 * SEC);
    end_session();
}

TEST(a_call_under_way_ends_at_its_deadline_and_its_answer_is_dropped)
{
    begin_session();
    get_connected();
    call_get_user("bob", 3 * SEC);
    forget_diary();
    elapse(3 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY("drop | failed GET_USER TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_call_that_waits_its_turn_ends_at_its_deadline)
{
    begin_session();
    get_connected();
    for (int i = 0; i < 8; i++)
        call_get_user("bob", CP_NEVER);
    forget_diary();
    call_get_user("bob", 3 * SEC);
    elapse(3 * SEC);
    CHECK_DIARY("failed GET_USER TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_wait_for_the_picture_ends_at_its_deadline_and_says_what_was_tried)
{
    begin_session();
    log_in();
    could_not_connect(CP_FAILURE_CONNECTION_LOST, "connection refused");
    call_within(new_call(CP_CALL_AWAIT_SYNC), SEC / 100);
    forget_diary();
    elapse(SEC / 100);
    CHECK_DIARY("failed AWAIT_SYNC TIMEOUT ERR_TIMEOUT");
    CHECK(strstr(last_done()->failure.message, "connection refused") != NULL);
    end_session();
}

TEST(a_call_without_any_time_ends_at_once)
{
    begin_session();
    get_connected();
    call_get_user("bob", 0);
    elapse(0);
    CHECK_DIARY(ASK_BOB " | drop | failed GET_USER TIMEOUT ERR_TIMEOUT");
    call_get_user("bob", -5 * SEC);
    elapse(0);
    CHECK_DIARY(ASK_BOB " | drop | failed GET_USER TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_cancelled_call_is_done_wherever_it_stood)
{
    begin_session();
    get_connected();
    cp_call *under_way = call_get_user("bob", CP_NEVER);
    for (int i = 0; i < 7; i++)
        call_get_user("bob", CP_NEVER);
    cp_call *asking = call_get_user("bob", CP_NEVER);
    forget_diary();
    cancel(under_way);
    /* Its place is taken by the next. */
    CHECK_DIARY("drop | " ASK_BOB " | failed GET_USER TIMEOUT ERR_TIMEOUT");
    cancel(under_way);
    CHECK_DIARY("");
    cancel(asking);
    CHECK_DIARY("drop | failed GET_USER TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_cancelled_login_has_failed)
{
    begin_session();
    cp_call *self = call_login("alice", "key");
    forget_diary();
    cancel(self);
    CHECK_DIARY("LOGIN_FAILED ERR_TIMEOUT | drop | failed LOGIN TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_cancelled_disconnect_leaves_all_the_same)
{
    begin_session();
    get_connected();
    cp_call *self = call(CP_CALL_DISCONNECT);
    cancel(self);
    CHECK_DIARY("close | failed DISCONNECT TIMEOUT ERR_TIMEOUT");
    closed_with(1000);
    CHECK_DIARY("DISCONNECTED 1000");
    end_session();
}
