#include "core/session.h"

#include "session_feed.h"

#define LOST "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
#define GONE "DISCONNECTED 1006 | LOGGED_OUT | " /* told of the connection, then of the login */

static void begin_with_provider(void)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.has_token_provider = true;
    begin_configured();
    call(CP_CALL_AWAIT_DEMAND);
}

/* ---- a jwt that is refused */

TEST(a_jwt_refused_in_words_is_renewed_by_the_server)
{
    begin_session();
    log_in();
    opened();
    forget_diary();
    hear(REFUSED);
    CHECK_DIARY("close | GET /v3.0/me");
    answer(ME_WITH("t1", "j2"));
    CHECK_DIARY(""); /* the old socket is still there */
    closed_with(1000);
    CHECK_DIARY("CONNECTING 2 | connect");
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 1");
    CHECK(strstr(latest_frame, "\"auth\":\"j2\"") != NULL);
    end_session();
}

TEST(an_answer_about_a_jwt_renewed_meanwhile_refuses_nobody)
{
    begin_session();
    log_in();
    opened();
    closed_with(4000); /* GET me is under way */
    wait_for_attempt();
    opened();
    answer(ME_WITH("t1", "j2"));
    forget_diary();
    hear(REFUSED); /* j1 */
    CHECK_DIARY("abort");
    closed_with(1006);
    wait_for_attempt();
    be_accepted();
    CHECK(strstr(latest_frame, "\"auth\":\"j2\"") != NULL);
    end_session();
}

TEST(a_jwt_refused_again_is_refused_for_good)
{
    begin_session();
    log_in();
    call(CP_CALL_AWAIT_SYNC);
    be_refused();
    answer(ME_WITH("t1", "j2"));
    opened();
    forget_diary();
    hear(REFUSED);
    CHECK_DIARY(GONE "ERROR connection AUTH_ERR_JWT_REFUSED | close"
                     " | failed AWAIT_SYNC AUTH AUTH_ERR_JWT_REFUSED");
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    CHECK_INT(latest[CP_NOTICE_DISCONNECTED].failure.kind, CP_FAILURE_AUTH);
    CHECK(!latest[CP_NOTICE_DISCONNECTED].will_retry);
    CHECK(cp_session_account(session)->me.user == NULL);
    CHECK(cp_session_account(session)->auth_token == NULL);
    closed_with(1008); /* it was told already */
    elapse(3600 * SEC);
    CHECK_DIARY("");
    call(CP_CALL_AWAIT_SYNC);
    CHECK_DIARY("failed AWAIT_SYNC AUTH AUTH_ERR_JWT_REFUSED");
    call(CP_CALL_RESYNC);
    CHECK_DIARY("failed RESYNC AUTH AUTH_ERR_JWT_REFUSED");
    end_session();
}

TEST(after_a_refusal_nobody_is_logged_in_and_a_login_tries_everything_again)
{
    begin_session();
    for (int round = 0; round < 2; round++) {
        log_in();
        be_refused();
        answer(ME_WITH("t1", "j2"));
        be_refused();
        CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
        forget_diary();
        call(CP_CALL_CONNECT);
        call_get_user("bob", CP_NEVER);
        CHECK_DIARY("failed CONNECT AUTH USER_NOT_LOGED_IN"
                    " | failed GET_USER AUTH USER_NOT_LOGED_IN");
    }
    end_session();
}

TEST(a_refusal_between_two_sockets_is_not_told_as_a_disconnection_again)
{
    begin_session();
    get_connected();
    closed_with(1006);
    call_get_user("bob", CP_NEVER);
    refuse_with(401, LOST);
    forget_diary();
    refuse_with(401, LOST); /* GET me */
    CHECK_DIARY("LOGGED_OUT | ERROR connection " LOST " | failed GET_USER AUTH " LOST);
    elapse(3600 * SEC);
    CHECK_DIARY("");
    end_session();
}

TEST(a_refusal_that_quotes_the_token_tells_of_the_end_without_it)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "SECRETTOKEN");
    answer(ME_WITH("SECRETTOKEN", "j1"));
    be_accepted();
    call_get_user("bob", CP_NEVER);
    refuse_with(401, LOST);
    answer_with(401, "{\"error\":{\"code\":\"" LOST "\",\"message\":\"SECRETTOKEN is gone\"}}");
    CHECK_TEXT(latest[CP_NOTICE_DISCONNECTED].reason, "*********** is gone");
    CHECK_TEXT(latest[CP_NOTICE_ERROR].failure.message, "*********** is gone");
    end_session();
}

TEST(after_a_refusal_the_same_login_asks_the_server)
{
    begin_session();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    forget_diary();
    call_login("alice", "key");
    CHECK_DIARY("POST /v3.0/users/alice/auth_tokens");
    end_session();
}

TEST(the_token_provider_is_asked_once_when_the_server_does_not_help)
{
    begin_with_provider();
    log_in();
    be_refused();
    forget_diary();
    refuse_with(401, LOST);
    CHECK_DIARY("done AWAIT_DEMAND");
    elapse(3600 * SEC); /* it takes its time */
    CHECK_DIARY("");
    call_with_token(CP_CALL_TOKEN, "t2");
    CHECK_DIARY("PUT /v3.0/me");
    CHECK_TEXT(requests[0].token, "t2");
    answer(ME_WITH("t2", "j2"));
    CHECK_DIARY("CONNECTING 2 | connect | done TOKEN");
    opened();
    forget_diary();
    hear(REFUSED);
    CHECK_DIARY(GONE "ERROR connection AUTH_ERR_JWT_REFUSED | close");
    end_session();
}

TEST(a_fresh_jwt_that_is_refused_leads_to_the_token_provider)
{
    begin_with_provider();
    log_in();
    be_refused();
    answer(ME_WITH("t1", "j2"));
    opened();
    forget_diary();
    hear(REFUSED);
    CHECK_DIARY("close | done AWAIT_DEMAND");
    closed_with(1008);
    call_with_token(CP_CALL_TOKEN, "t2");
    answer(ME_WITH("t2", "j3"));
    be_accepted();
    CHECK_DIARY("PUT /v3.0/me | CONNECTING 3 | connect | done TOKEN | auth | CONNECTED 1");
    closed_with(1006); /* accepted once, all of it may be tried again */
    elapse(SEC);
    opened();
    forget_diary();
    hear(REFUSED);
    CHECK_DIARY("close | GET /v3.0/me");
    end_session();
}

TEST(a_token_provider_that_fails_refuses)
{
    begin_with_provider();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    forget_diary();
    call_with_token(CP_CALL_TOKEN, NULL);
    CHECK_DIARY(GONE "ERROR connection " LOST " | failed TOKEN AUTH " LOST);
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    end_session();
}

TEST(a_provided_token_that_is_refused_refuses)
{
    begin_with_provider();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    call_with_token(CP_CALL_TOKEN, "t2");
    forget_diary();
    refuse_with(401, LOST);
    CHECK_DIARY(GONE "ERROR connection " LOST " | failed TOKEN AUTH " LOST);
    end_session();
}

TEST(a_provided_token_that_runs_out_of_time_refuses)
{
    begin_with_provider();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    cp_call *self = new_call(CP_CALL_TOKEN);
    self->auth_token = strdup("t2");
    call_within(self, 5 * SEC);
    forget_diary();
    elapse(5 * SEC);
    CHECK_DIARY(GONE "ERROR connection ERR_TIMEOUT | drop | failed TOKEN TIMEOUT ERR_TIMEOUT");
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    end_session();
}

TEST(a_provided_token_is_tried_again_when_the_network_fails)
{
    begin_with_provider();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    call_with_token(CP_CALL_TOKEN, "t2");
    forget_diary();
    lose_answer(CP_FAILURE_CONNECTION_LOST);
    CHECK_DIARY("");
    elapse(SEC);
    CHECK_DIARY("PUT /v3.0/me");
    end_session();
}

TEST(a_provided_token_whose_request_cannot_be_built_is_tried_again)
{
    begin_with_provider();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    forget_diary();
    fail_allocation(2); /* the first is the token's */
    call_with_token(CP_CALL_TOKEN, "t2");
    CHECK(allocation_failed());
    CHECK_DIARY("");
    elapse(SEC);
    CHECK_DIARY("PUT /v3.0/me");
    answer(ME_WITH("t2", "j2"));
    CHECK_DIARY("CONNECTING 2 | connect | done TOKEN");
    end_session();
}

TEST(a_token_nobody_asked_for_is_not_used)
{
    begin_with_provider();
    get_connected();
    call_with_token(CP_CALL_TOKEN, "t9");
    CHECK_DIARY("done TOKEN");
    CHECK_TEXT(cp_session_account(session)->auth_token, "t1");
    end_session();
}

TEST(a_renewal_is_patient_with_the_network)
{
    begin_session();
    log_in();
    be_refused();
    forget_diary();
    lose_answer(CP_FAILURE_CONNECTION_LOST);
    CHECK_DIARY("");
    elapse(SEC);
    CHECK_DIARY("GET /v3.0/me");
    answer_with(503, "busy");
    elapse(2 * SEC);
    CHECK_DIARY("GET /v3.0/me");
    lose_answer(CP_FAILURE_TLS);
    CHECK(until_deadline() >= 30 * SEC);
    elapse(31 * SEC);
    CHECK_DIARY("GET /v3.0/me");
    ask_to_wait("7");
    elapse(7 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY("GET /v3.0/me");
    answer(ME_WITH("t1", "j2"));
    CHECK_DIARY("CONNECTING 2 | connect");
    end_session();
}

TEST(a_connect_during_a_renewal_waits_for_it)
{
    begin_session();
    log_in();
    be_refused();
    forget_diary();
    call(CP_CALL_CONNECT);
    CHECK_DIARY("done CONNECT");
    answer(ME_WITH("t1", "j2"));
    CHECK_DIARY("CONNECTING 2 | connect");
    end_session();
}

TEST(a_disconnect_during_a_renewal_ends_it)
{
    begin_session();
    log_in();
    be_refused();
    forget_diary();
    call(CP_CALL_DISCONNECT);
    CHECK_DIARY("done DISCONNECT");
    refuse_with(401, LOST); /* too late to matter */
    elapse(3600 * SEC);
    CHECK_DIARY("");
    call(CP_CALL_CONNECT);
    CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
    end_session();
}

TEST(a_refusal_that_quotes_the_jwt_is_told_without_it)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "t1");
    answer(ME_WITH("t1", "SECRETJWT"));
    be_refused();
    answer(ME_WITH("t1", "SECRETJWT"));
    opened();
    hear("{\"type\":\"auth\",\"body\":{\"code\":\"401\",\"status\":\"no SECRETJWT\"}}");
    CHECK_TEXT(latest[CP_NOTICE_ERROR].failure.message,
               "the socket refused our jwt: 401 no *********");
    end_session();
}

TEST(an_end_that_quotes_the_jwt_is_told_without_it)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "t1");
    answer(ME_WITH("t1", "SECRETJWT"));
    be_accepted();
    ended(&(cp_ending){.code = 1008, .clean = true, .reason = cp_slice_of("old SECRETJWT.")});
    CHECK_TEXT(latest[CP_NOTICE_DISCONNECTED].reason, "old *********.");
    end_session();
}
