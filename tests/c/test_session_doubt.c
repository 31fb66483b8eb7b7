#include "core/session.h"

#include "session_feed.h"

/* Sockets that are closed instead of answering our auth frame.  A server may refuse a jwt
 * like that, and so may a proxy in trouble end everybody's socket: we ask for a new jwt in
 * passing, and go on trying.  Only words refuse us. */

#define LOST "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"

static void begin_logged_in(void)
{
    begin_session();
    log_in();
}

/* Whether that made us ask for a new jwt. */
static bool be_closed_in_auth(uint16_t code)
{
    unsigned before = request_count;

    opened();
    closed_with(code);
    CHECK_INT(cp_session_state_of(session), CP_STATE_WAITING);
    CHECK(until_deadline() > 0); /* backing off, whatever is asked */
    return request_count > before;
}

TEST(a_close_code_as_of_a_refusal_asks_for_a_new_jwt)
{
    const uint16_t codes[] = {1008, 4000, 4401, 4999};

    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        begin_logged_in();
        opened();
        forget_diary();
        closed_with(codes[i]);
        CHECK_DIARY("GET /v3.0/me");
        answer(ME_WITH("t1", "j2"));
        CHECK_DIARY("");
        wait_for_attempt();
        CHECK_DIARY("CONNECTING 2 | connect");
        be_accepted();
        CHECK(strstr(latest_frame, "\"auth\":\"j2\"") != NULL);
        end_session();
    }
}

TEST(a_polite_end_without_an_answer_asks_for_one_the_second_time)
{
    begin_logged_in();
    for (int i = 0; i < 3; i++) {
        CHECK(!be_closed_in_auth(1000));
        wait_for_attempt();
        CHECK(be_closed_in_auth(1000));
        answer(ME_WITH("t1", "j2"));
        wait_for_attempt();
    }
    end_session();
}

TEST(polite_ends_are_counted_from_the_last_acceptance)
{
    begin_logged_in();
    CHECK(!be_closed_in_auth(1000));
    wait_for_attempt();
    be_accepted();
    closed_with(1000);
    wait_for_attempt();
    CHECK(!be_closed_in_auth(1000));
    end_session();
}

TEST(a_server_that_restarts_again_and_again_is_asked_for_nothing)
{
    const uint16_t codes[] = {1001, 1006, 1011, 1012, 1013};

    begin_logged_in();
    for (int i = 0; i < 10; i++) {
        CHECK(!be_closed_in_auth(codes[i % 5]));
        wait_for_attempt();
    }
    end_session();
}

TEST(no_close_code_ends_a_client_whose_token_is_good)
{
    const uint16_t codes[] = {1000, 1005, 1008, 3000, 4000, 4401};

    begin_logged_in();
    for (int i = 0; i < 60; i++) {
        if (be_closed_in_auth(codes[i / 10]))
            answer(ME_WITH("t1", "j2"));
        wait_for_attempt();
    }
    be_accepted();
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    CHECK(strstr(diary, "ERROR") == NULL);
    end_session();
}

TEST(an_unanswered_doubt_keeps_nobody_waiting)
{
    begin_logged_in();
    CHECK(be_closed_in_auth(4000));
    call_get_user("bob", CP_NEVER);
    CHECK_INT(request_count, 2); /* its token may well be good */
    wait_for_attempt();
    CHECK(!be_closed_in_auth(4000)); /* it is asked already */
    call(CP_CALL_CONNECT);
    CHECK(has_socket);
    be_accepted();
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(a_doubt_that_the_network_leaves_open_is_asked_about_at_the_next_close)
{
    begin_logged_in();
    CHECK(be_closed_in_auth(4000));
    lose_answer(CP_FAILURE_CONNECTION_LOST);
    wait_for_attempt();
    CHECK_INT(request_count, 0);
    CHECK(be_closed_in_auth(4000));
    answer_with(503, "busy");
    wait_for_attempt();
    CHECK_INT(request_count, 0);
    CHECK(be_closed_in_auth(4000));
    ask_to_wait("600"); /* which the socket does not mind */
    wait_for_attempt();
    be_accepted();
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(a_doubt_that_the_server_confirms_refuses)
{
    begin_logged_in();
    CHECK(be_closed_in_auth(4000));
    refuse_with(401, LOST);
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    CHECK_TEXT(latest[CP_NOTICE_ERROR].failure.code, LOST);
    CHECK_INT(cp_session_deadline(session), CP_NEVER);
    end_session();
}

TEST(a_doubt_that_the_server_confirms_leads_to_the_token_provider)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.has_token_provider = true;
    begin_configured();
    call(CP_CALL_AWAIT_DEMAND);
    log_in();
    CHECK(be_closed_in_auth(4000));
    forget_diary();
    refuse_with(401, LOST);
    CHECK_DIARY("done AWAIT_DEMAND");
    call_with_token(CP_CALL_TOKEN, "t2");
    answer(ME_WITH("t2", "j2"));
    wait_for_attempt();
    be_accepted();
    CHECK(strstr(latest_frame, "\"auth\":\"j2\"") != NULL);
    end_session();
}

TEST(words_after_a_doubt_are_renewed_once_and_then_refuse)
{
    begin_logged_in();
    CHECK(be_closed_in_auth(4000));
    answer(ME_WITH("t1", "j2"));
    wait_for_attempt();
    be_refused();
    answer(ME_WITH("t1", "j3"));
    be_refused();
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    CHECK_TEXT(latest[CP_NOTICE_ERROR].failure.code, "AUTH_ERR_JWT_REFUSED");
    end_session();
}

TEST(words_during_a_doubt_wait_for_its_answer)
{
    begin_logged_in();
    CHECK(be_closed_in_auth(4000));
    wait_for_attempt();
    be_refused();
    CHECK_INT(request_count, 1);
    answer(ME_WITH("t1", "j2"));
    CHECK(has_socket); /* at once */
    be_refused();
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    end_session();
}

TEST(a_disconnect_ends_a_doubt)
{
    begin_logged_in();
    CHECK(be_closed_in_auth(4000));
    call(CP_CALL_DISCONNECT);
    refuse_with(401, LOST); /* too late to matter */
    CHECK_INT(cp_session_state_of(session), CP_STATE_OFFLINE);
    call(CP_CALL_CONNECT);
    CHECK(be_closed_in_auth(4000));
    end_session();
}
