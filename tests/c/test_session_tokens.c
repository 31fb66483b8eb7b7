/* A token that is lost. */
#include "core/session.h"

#include "session_feed.h"

#define LOST "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
#define BOB "{\"data\":{\"uid\":\"bob\",\"name\":\"Bob\",\"status\":\"available\"}}"

static void begin_with_provider(void)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.has_token_provider = true;
    begin_configured();
    call(CP_CALL_AWAIT_DEMAND);
}

TEST(a_call_whose_token_was_lost_is_repeated_with_a_new_one)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    refuse_with(401, LOST);
    CHECK_DIARY("GET /v3.0/users/bob | GET /v3.0/me");
    answer(ME_WITH("t1", "j2"));
    CHECK_DIARY("GET /v3.0/users/bob");
    answer(BOB);
    CHECK_DIARY("done GET_USER");
    CHECK_INT(last_done()->user.status, CP_ONLINE);
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE); /* all the while */
    end_session();
}

TEST(a_call_whose_token_was_lost_is_repeated_only_once)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    refuse_with(401, LOST);
    answer(ME_WITH("t1", "j2"));
    forget_diary();
    refuse_with(401, LOST);
    CHECK_DIARY("failed GET_USER AUTH " LOST);
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(several_calls_wait_for_one_renewal)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    call(CP_CALL_COUNT);
    forget_diary();
    refuse_with(401, LOST);
    refuse_with(401, LOST); /* the count */
    CHECK_DIARY("GET /v3.0/me");
    answer(ME_WITH("t1", "j2"));
    CHECK_DIARY("GET /v3.0/users/bob | POST /api/v1.0/online-members");
    end_session();
}

TEST(a_late_refusal_of_the_old_token_says_nothing_of_the_new_one)
{
    begin_with_provider();
    get_connected();
    call_get_user("ann", CP_NEVER);
    call_get_user("bob", CP_NEVER);
    forget_diary();
    refuse_with(401, LOST); /* ann */
    CHECK_DIARY("GET /v3.0/me");
    answer_last(401, LOST); /* GET me, before bob's answer is in */
    CHECK_DIARY("done AWAIT_DEMAND");
    call_with_token(CP_CALL_TOKEN, "t2");
    answer_last(0, ME_WITH("t2", "j2"));
    CHECK_DIARY("PUT /v3.0/me | GET /v3.0/users/ann | done TOKEN");
    refuse_with(401, LOST); /* bob's, about t1 */
    CHECK_DIARY("GET /v3.0/users/bob");
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    end_session();
}

TEST(a_question_during_a_renewal_waits_for_the_new_token)
{
    begin_with_provider();
    get_connected();
    call_get_user("ann", CP_NEVER);
    refuse_with(401, LOST);
    refuse_with(401, LOST); /* GET me */
    forget_diary();
    call_get_user("bob", CP_NEVER);
    CHECK_DIARY("");
    call_with_token(CP_CALL_TOKEN, "t2");
    answer(ME_WITH("t2", "j2"));
    CHECK_DIARY("PUT /v3.0/me | GET /v3.0/users/ann | GET /v3.0/users/bob | done TOKEN");
    end_session();
}

TEST(a_demand_is_told_to_whoever_asks_late_but_once)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.has_token_provider = true;
    begin_configured();
    log_in();
    be_refused();
    refuse_with(401, LOST);
    forget_diary();
    call(CP_CALL_AWAIT_DEMAND);
    CHECK_DIARY("done AWAIT_DEMAND");
    call(CP_CALL_AWAIT_DEMAND);
    CHECK_DIARY("");
    end_session();
}

TEST(a_parked_call_has_its_deadline)
{
    begin_session();
    get_connected();
    call_get_user("bob", 5 * SEC);
    refuse_with(401, LOST);
    forget_diary();
    elapse(5 * SEC);
    CHECK_DIARY("failed GET_USER TIMEOUT ERR_TIMEOUT");
    end_session();
}

TEST(a_token_lost_for_good_ends_a_live_socket_and_those_who_wait)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    refuse_with(401, LOST);
    forget_diary();
    refuse_with(401, LOST); /* GET me */
    CHECK_DIARY("DISCONNECTED 1006 | LOGGED_OUT | ERROR connection " LOST
                " | close | failed GET_USER AUTH " LOST);
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    closed_with(1000);
    CHECK_DIARY(""); /* it was told already */
    call_get_user("bob", CP_NEVER);
    CHECK_DIARY("failed GET_USER AUTH USER_NOT_LOGED_IN");
    end_session();
}

TEST(tokens_lost_months_apart_are_each_renewed)
{
    begin_session();
    get_connected();
    for (int i = 0; i < 3; i++) {
        call_get_user("bob", CP_NEVER);
        refuse_with(401, LOST);
        answer(ME_WITH("t1", "j2"));
        forget_diary();
        answer(BOB);
        CHECK_DIARY("done GET_USER");
    }
    end_session();
}

TEST(a_jwt_on_trial_is_not_proved_by_other_calls)
{
    begin_session();
    log_in();
    be_refused();
    answer(ME_WITH("t1", "j2"));
    call_get_user("bob", CP_NEVER);
    answer(BOB); /* the auth token is good, the jwt need not be */
    be_refused();
    CHECK_INT(cp_session_state_of(session), CP_STATE_REFUSED);
    end_session();
}
