#include "core/session.h"

#include "session_feed.h"

TEST(a_socket_is_connected_once_the_server_accepts_our_auth_frame)
{
    begin_session();
    log_in();
    forget_diary();
    CHECK_INT(cp_session_state_of(session), CP_STATE_CONNECTING);
    opened();
    CHECK_DIARY("auth");
    CHECK(strstr(latest_frame, "\"auth\":\"j1\"") != NULL);
    CHECK(strstr(latest_frame, "\"sender\":\"alice\"") != NULL);
    CHECK_INT(cp_session_state_of(session), CP_STATE_AUTHENTICATING);
    hear(ACCEPTED);
    CHECK_DIARY("CONNECTED 1");
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(without_a_subscription_it_is_live_without_a_comparison)
{
    begin_session();
    log_in();
    call(CP_CALL_AWAIT_SYNC);
    forget_diary();
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 1 | done AWAIT_SYNC");
    CHECK_INT(last_done()->report.generation, 1);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_AWAITING);
    call(CP_CALL_RESYNC);
    CHECK_DIARY("failed RESYNC CONFIG ERR_NO_SUBSCRIPTION");
    end_session();
}

TEST(the_first_ping_comes_an_interval_after_the_acceptance)
{
    begin_session();
    log_in();
    elapse(9 * SEC);
    be_accepted();
    forget_diary();
    CHECK_INT(until_deadline(), 15 * SEC);
    elapse(15 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY("ping");
    end_session();
}

TEST(a_ping_is_sent_every_interval_and_its_round_trip_measured)
{
    begin_session();
    get_connected();
    CHECK_INT(cp_session_counts_of(session).last_round_trip, CP_NEVER);
    for (int i = 0; i < 3; i++) {
        cp_usec accepted_or_pinged = now.usec - (i > 0 ? SEC / 10 : 0);

        elapse(until_deadline());
        CHECK_INT(now.usec - accepted_or_pinged, 15 * SEC);
        CHECK_DIARY("ping");
        elapse(SEC / 10);
        hear(PONG);
        CHECK_INT(cp_session_counts_of(session).last_round_trip, SEC / 10);
    }
    end_session();
}

TEST(a_missing_pong_aborts_the_socket_and_connects_again)
{
    begin_session();
    get_connected();
    elapse(15 * SEC);
    elapse(3 * SEC - 1);
    CHECK_DIARY("ping");
    elapse(1);
    CHECK_DIARY("abort");
    hear_presence("zoe", "online"); /* it still speaks, to nobody */
    CHECK_INT(cp_roster_count(roster), 0);
    closed_with(1006);
    CHECK_DIARY("DISCONNECTED 1006 retries");
    CHECK_INT(latest[CP_NOTICE_DISCONNECTED].failure.kind, CP_FAILURE_CONNECTION_LOST);
    CHECK_TEXT(latest[CP_NOTICE_DISCONNECTED].reason, "no pong within the ping timeout");
    CHECK(latest[CP_NOTICE_DISCONNECTED].delay <= SEC);
    elapse(SEC);
    CHECK_DIARY("CONNECTING 1 | connect");
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 2");
    CHECK_INT(cp_session_counts_of(session).reconnects, 1);
    end_session();
}

TEST(a_pong_nobody_asked_for_is_no_pong)
{
    begin_session();
    get_connected();
    hear(PONG);
    elapse(15 * SEC);
    elapse(3 * SEC);
    CHECK_DIARY("ping | abort");
    end_session();
}

TEST(pings_more_frequent_than_the_pong_timeout_do_not_pile_up)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.ping_interval = 1 * SEC;
    begin_configured();
    get_connected();
    elapse(3 * SEC);
    CHECK_DIARY("ping");
    hear(PONG);
    CHECK_INT(cp_session_counts_of(session).last_round_trip, 2 * SEC);
    elapse(1 * SEC);
    CHECK_DIARY("ping");
    end_session();
}

TEST(a_lost_socket_comes_back_whatever_its_close_code)
{
    const uint16_t codes[] = {1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 4001};

    begin_session();
    get_connected();
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        closed_with(codes[i]);
        CHECK_INT(latest[CP_NOTICE_DISCONNECTED].code, codes[i]);
        CHECK(latest[CP_NOTICE_DISCONNECTED].will_retry);
        wait_for_attempt();
        CHECK(has_socket);
        be_accepted();
        CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    }
    CHECK_INT(request_count, 0); /* no jwt was renewed */
    end_session();
}

TEST(delays_between_attempts_stay_within_floor_and_cap)
{
    begin_session();
    log_in();
    for (int i = 0; i < 40; i++) {
        could_not_connect(CP_FAILURE_CONNECTION_LOST, "connection refused");
        cp_usec most = i < 5 ? SEC << i : 30 * SEC;
        CHECK(until_deadline() >= SEC / 10);
        CHECK(until_deadline() <= most);
        CHECK_INT(cp_session_state_of(session), CP_STATE_WAITING);
        wait_for_attempt();
        CHECK_INT(latest[CP_NOTICE_CONNECTING].attempt, i + 2);
        CHECK(latest[CP_NOTICE_CONNECTING].delay >= SEC / 10);
    }
    CHECK(strstr(diary, "ERROR") == NULL);
    end_session();
}

TEST(a_bad_certificate_is_reported_once_and_tried_slowly)
{
    begin_session();
    log_in();
    forget_diary();
    could_not_connect(CP_FAILURE_TLS, "self-signed certificate");
    CHECK_DIARY("ERROR connection ERR_TRANSPORT");
    CHECK_TEXT(latest[CP_NOTICE_ERROR].failure.message, "self-signed certificate");
    CHECK(until_deadline() >= 30 * SEC);
    for (int i = 0; i < 5; i++) {
        wait_for_attempt();
        could_not_connect(CP_FAILURE_TLS, "self-signed certificate");
        CHECK(until_deadline() >= 30 * SEC);
    }
    CHECK(strstr(diary, "ERROR") == NULL);
    wait_for_attempt();
    be_accepted();
    forget_diary();
    could_not_connect(CP_FAILURE_TLS, "expired"); /* news again */
    CHECK_DIARY("DISCONNECTED 1006 retries | ERROR connection ERR_TRANSPORT");
    end_session();
}

TEST(after_max_attempts_it_gives_up_and_connect_tries_as_often_again)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.reconnect.max_attempts = 2;
    begin_configured();
    log_in();
    for (int round = 0; round < 2; round++) {
        could_not_connect(CP_FAILURE_CONNECTION_LOST, "refused");
        wait_for_attempt();
        could_not_connect(CP_FAILURE_CONNECTION_LOST, "refused");
        wait_for_attempt();
        call(CP_CALL_AWAIT_SYNC);
        forget_diary();
        could_not_connect(CP_FAILURE_CONNECTION_LOST, "refused");
        CHECK_DIARY("DISCONNECTED 1006 | ERROR connection ERR_TRANSPORT"
                    " | failed AWAIT_SYNC CONNECTION_LOST ERR_TRANSPORT");
        CHECK_TEXT(latest[CP_NOTICE_DISCONNECTED].reason, "refused");
        CHECK(cp_session_account(session)->me.user != NULL);
        CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
        CHECK_INT(cp_session_deadline(session), CP_NEVER);
        call(CP_CALL_AWAIT_SYNC);
        CHECK_DIARY("failed AWAIT_SYNC CONNECTION_LOST ERR_TRANSPORT");
        call(CP_CALL_CONNECT);
        CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
    }
    end_session();
}

TEST(after_max_attempts_a_login_tries_as_often_again)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.reconnect.max_attempts = 1;
    begin_configured();
    for (int round = 0; round < 2; round++) {
        log_in();
        could_not_connect(CP_FAILURE_CONNECTION_LOST, "refused");
        wait_for_attempt();
        could_not_connect(CP_FAILURE_CONNECTION_LOST, "refused");
        CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    }
    end_session();
}

TEST(each_attempt_tries_the_next_family_of_hosts)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "t1");
    answer("{\"data\":{\"uid\":\"alice\",\"authToken\":\"t1\",\"jwt\":\"j1\"}}");
    CHECK_TEXT(cp_session_socket(session)->host, "app1.websocket-us.cometchat.io");
    could_not_connect(CP_FAILURE_CONNECTION_LOST, "refused");
    wait_for_attempt();
    CHECK_TEXT(cp_session_socket(session)->host, "app1.websocket-us.cc-cluster-2.io");
    be_accepted();
    closed_with(1006); /* one that worked is tried again */
    wait_for_attempt();
    CHECK_TEXT(cp_session_socket(session)->host, "app1.websocket-us.cc-cluster-2.io");
    end_session();
}

TEST(an_attempt_has_its_time_from_name_to_acceptance)
{
    begin_session();
    log_in();
    CHECK_INT(cp_session_attempt_deadline(session), now.usec + 10 * SEC);
    elapse(8 * SEC);
    opened();
    forget_diary();
    elapse(2 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY("abort");
    hear(ACCEPTED); /* too late */
    CHECK_DIARY("");
    closed_with(1006);
    CHECK_INT(cp_session_state_of(session), CP_STATE_WAITING);
    wait_for_attempt();
    elapse(10 * SEC);
    CHECK_DIARY("CONNECTING 2 | connect | abort");
    opened(); /* this one, too */
    CHECK_DIARY("");
    end_session();
}

TEST(without_memory_for_a_frame_the_attempt_ends_in_time)
{
    begin_session();
    log_in();
    fail_allocation(1);
    opened();
    CHECK(allocation_failed());
    forget_diary();
    elapse(10 * SEC);
    CHECK(strstr(diary, "auth") != NULL || strstr(diary, "abort") != NULL);
    end_session();
}

/* ---- leaving */

TEST(a_socket_that_does_not_answer_gets_no_farewell)
{
    begin_session();
    get_connected();
    elapse(15 * SEC);
    forget_diary();
    now.usec += 3 * SEC;
    cp_session_elapsed(session, now); /* both before anybody pulls */
    call(CP_CALL_DISCONNECT);
    CHECK_DIARY("abort");
    end_session();
}

TEST(a_disconnect_is_done_when_the_socket_is_closed)
{
    begin_session();
    get_connected();
    call(CP_CALL_DISCONNECT);
    CHECK_DIARY("close");
    elapse(5 * SEC);
    CHECK_DIARY("");
    closed_with(1000);
    CHECK_DIARY("DISCONNECTED 1000 | done DISCONNECT");
    CHECK_INT(cp_session_state_of(session), CP_STATE_OFFLINE);
    elapse(3600 * SEC);
    CHECK_DIARY("");
    call(CP_CALL_CONNECT);
    CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
    end_session();
}

TEST(a_connect_right_after_a_disconnect_waits_for_the_old_socket)
{
    begin_session();
    get_connected();
    call(CP_CALL_DISCONNECT);
    call(CP_CALL_CONNECT);
    CHECK_DIARY("close | done CONNECT");
    opened(); /* nonsense, but whose? */
    closed_with(1000);
    CHECK_DIARY("DISCONNECTED 1000 | CONNECTING 1 | connect | done DISCONNECT");
    end_session();
}

TEST(a_disconnect_before_the_socket_was_asked_for_needs_no_farewell)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.auto_connect = false;
    begin_configured();
    log_in();
    forget_diary();
    cp_session_called(session, new_call(CP_CALL_CONNECT), now); /* both in one batch */
    call(CP_CALL_DISCONNECT);
    CHECK_DIARY("CONNECTING 1 | done CONNECT | done DISCONNECT");
    call(CP_CALL_CONNECT);
    CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
    end_session();
}

TEST(a_disconnect_stops_the_wait_for_the_next_attempt)
{
    begin_session();
    get_connected();
    closed_with(1006);
    call(CP_CALL_AWAIT_SYNC);
    forget_diary();
    call(CP_CALL_DISCONNECT);
    CHECK_DIARY("failed AWAIT_SYNC NOT_CONNECTED ERR_NOT_CONNECTED | done DISCONNECT");
    CHECK_INT(cp_session_deadline(session), CP_NEVER);
    end_session();
}

TEST(a_connect_while_waiting_does_not_wait)
{
    begin_session();
    get_connected();
    closed_with(1006);
    forget_diary();
    call(CP_CALL_CONNECT);
    CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
    CHECK_INT(latest[CP_NOTICE_CONNECTING].delay, 0);
    call(CP_CALL_CONNECT); /* on its way already */
    CHECK_DIARY("done CONNECT");
    end_session();
}

TEST(an_end_of_a_socket_nobody_asked_for_is_ignored)
{
    begin_session();
    closed_with(1006);
    log_in();
    closed_with(1006);
    forget_diary();
    closed_with(1006);
    CHECK_DIARY("");
    end_session();
}

/* ---- hosts */

TEST(a_login_that_is_told_an_unusable_chat_host_fails)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "t1");
    forget_diary();
    answer("{\"data\":{\"uid\":\"alice\",\"authToken\":\"t1\",\"jwt\":\"j\","
           "\"settings\":{\"CHAT_HOST\":\"http://plain.example\"}}}");
    CHECK_DIARY("LOGIN_FAILED FAILED_TO_FETCH | failed LOGIN PROTOCOL FAILED_TO_FETCH");
    CHECK(cp_session_account(session)->uid == NULL);
    end_session();
}

TEST(an_unusable_chat_host_refuses_with_a_reason)
{
    begin_config(CP_SUBSCRIBE_NONE);
    free(config.region);
    config.region = strdup("no region");
    config.client_host = strdup("api.example");
    begin_configured();
    call_with_token(CP_CALL_LOGIN, "t1");
    forget_diary();
    answer("{\"data\":{\"uid\":\"alice\",\"authToken\":\"t1\",\"jwt\":\"j\"}}");
    CHECK_DIARY("LOGGED_IN | ERROR connection INVALID_HOST | done LOGIN");
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    end_session();
}
