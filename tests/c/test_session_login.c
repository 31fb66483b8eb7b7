#include "core/session.h"

#include "session_feed.h"

static void refuse_quoting(const char *words)
{
    char body[256];

    snprintf(body, sizeof body, "{\"error\":{\"code\":\"AUTH_ERR\",\"message\":\"%s\"}}", words);
    answer_with(401, body);
}

TEST(a_login_by_key_asks_for_a_token_and_then_who_we_are)
{
    begin_session();
    call_login("alice", "key");
    CHECK_DIARY("POST /v3.0/users/alice/auth_tokens");
    answer(TOKEN_ANSWER);
    CHECK_DIARY("PUT /v3.0/me");
    CHECK_TEXT(requests[0].token, "t1");
    answer(ME_ANSWER);
    CHECK_DIARY("LOGGED_IN | CONNECTING 1 | connect | done LOGIN");
    CHECK_TEXT(cp_session_account(session)->uid, "alice");
    CHECK(last_done()->user.user != NULL);
    CHECK(latest[CP_NOTICE_LOGGED_IN].user.user != NULL);
    CHECK_TEXT(cp_session_socket(session)->host, "chat.example");
    end_session();
}

TEST(a_login_by_token_asks_only_who_we_are)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "t1");
    CHECK_DIARY("PUT /v3.0/me");
    answer(ME_ANSWER);
    CHECK_DIARY("LOGGED_IN | CONNECTING 1 | connect | done LOGIN");
    end_session();
}

TEST(a_login_with_a_token_and_a_key_uses_the_token)
{
    begin_session();
    cp_call *self = new_call(CP_CALL_LOGIN);
    self->auth_token = strdup("t1");
    self->auth_key = strdup("key");
    call_within(self, CP_NEVER);
    CHECK_DIARY("PUT /v3.0/me");
    answer(ME_ANSWER);
    CHECK_DIARY("LOGGED_IN | CONNECTING 1 | connect | done LOGIN");
    end_session();
}

TEST(a_login_without_enough_to_go_on_sends_nothing)
{
    begin_session();
    call(CP_CALL_LOGIN);
    CHECK_DIARY("failed LOGIN CONFIG MISSING_PARAMETERS");
    end_session();
}

TEST(a_token_that_no_header_can_carry_is_the_callers_mistake)
{
    begin_session();
    call_with_token(CP_CALL_LOGIN, "t1\r\nHost: evil");
    CHECK_DIARY("failed LOGIN CONFIG INVALID_PARAMETER");
    end_session();
}

/* A mistake in an argument is no reason to leave, so nothing happens at all. */
TEST(a_bad_argument_leaves_the_login_that_there_is)
{
    char long_text[2001];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    const struct {
        const char *uid, *key;
    } bad[] = {{"", "key"}, {"..", "key"},    {"a\nb", "key"},   {long_text, "key"},
               {"bob", ""}, {"bob", "k\r\n"}, {"bob", long_text}};

    begin_session();
    get_connected();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        call_login(bad[i].uid, bad[i].key);
        CHECK_INT(last_done()->failure.kind, CP_FAILURE_CONFIG);
    }
    call_with_token(CP_CALL_LOGIN, "");
    CHECK_INT(last_done()->failure.kind, CP_FAILURE_CONFIG);
    call_with_token(CP_CALL_LOGIN, "t\x7f");
    forget_diary();
    CHECK_INT(request_count, 0);
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    CHECK_TEXT(cp_session_account(session)->uid, "alice");
    call_get_user("bob", CP_NEVER);
    CHECK_DIARY("GET /v3.0/users/bob");
    end_session();
}

TEST(a_refused_key_fails_with_the_servers_code_and_is_not_tried_again)
{
    begin_session();
    call_login("alice", "bad");
    forget_diary();
    refuse_with(401, "AUTH_ERR_APIKEY_NOT_FOUND");
    CHECK_DIARY("LOGIN_FAILED AUTH_ERR_APIKEY_NOT_FOUND"
                " | failed LOGIN AUTH AUTH_ERR_APIKEY_NOT_FOUND");
    elapse(3600 * SEC);
    CHECK_DIARY("");
    end_session();
}

TEST(a_refused_token_fails_with_the_servers_code_and_is_not_tried_again)
{
    begin_session();
    call_login("alice", "key");
    answer(TOKEN_ANSWER);
    forget_diary();
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    CHECK_DIARY("LOGIN_FAILED AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
                " | failed LOGIN AUTH AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    CHECK(cp_session_account(session)->auth_token == NULL);
    elapse(3600 * SEC);
    CHECK_DIARY("");
    end_session();
}

TEST(a_token_too_long_for_a_header_is_no_login)
{
    static char body[9 * 1024];
    begin_session();
    call_login("alice", "key");
    forget_diary();
    int start = sprintf(body, "{\"data\":{\"uid\":\"alice\",\"authToken\":\"");
    memset(body + start, 't', 8200);
    strcpy(body + start + 8200, "\"}}");
    answer(body);
    CHECK_DIARY("LOGIN_FAILED FAILED_TO_FETCH | failed LOGIN PROTOCOL FAILED_TO_FETCH");
    end_session();
}

TEST(a_login_without_memory_for_its_token_has_failed)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_session();
        call_login("alice", "key");
        fail_allocation(n);
        answer(TOKEN_ANSWER);
        failed = allocation_failed();
        if (failed) {
            elapse(0);
            CHECK_INT(last_done()->failure.kind, CP_FAILURE_MEMORY);
            CHECK_INT(latest[CP_NOTICE_LOGIN_FAILED].failure.kind, CP_FAILURE_MEMORY);
            latest[CP_NOTICE_LOGIN_FAILED].failure.kind = CP_FAILURE_NONE;
        }
        end_session();
    }
}

TEST(an_unknown_uid_is_a_refusal_too)
{
    begin_session();
    call_login("nobody", "key");
    forget_diary();
    refuse_with(404, "ERR_UID_NOT_FOUND");
    CHECK_DIARY("LOGIN_FAILED ERR_UID_NOT_FOUND | failed LOGIN AUTH ERR_UID_NOT_FOUND");
    end_session();
}

TEST(a_refusal_that_quotes_a_secret_is_told_without_it)
{
    begin_session();
    call_login("alice", "SECRETKEY");
    refuse_quoting("the key SECRETKEY is not known");
    CHECK_TEXT(last_done()->failure.message, "the key ********* is not known");
    CHECK_TEXT(latest[CP_NOTICE_LOGIN_FAILED].failure.message, "the key ********* is not known");
    call_with_token(CP_CALL_LOGIN, "SECRETTOKEN");
    refuse_quoting("SECRETTOKEN?");
    CHECK_TEXT(last_done()->failure.message, "***********?");
    CHECK_TEXT(latest[CP_NOTICE_LOGIN_FAILED].failure.message, "***********?");
    end_session();
}

TEST(a_login_over_a_bad_certificate_fails_with_tls)
{
    begin_session();
    call_login("alice", "key");
    forget_diary();
    lose_answer(CP_FAILURE_TLS);
    CHECK_DIARY("LOGIN_FAILED FAILED_TO_FETCH | failed LOGIN TLS FAILED_TO_FETCH");
    end_session();
}

TEST(a_login_that_runs_out_of_time_has_failed)
{
    begin_session();
    cp_call *self = new_call(CP_CALL_LOGIN);
    self->auth_token = strdup("t1");
    call_within(self, 5 * SEC);
    forget_diary();
    elapse(5 * SEC);
    CHECK_DIARY("LOGIN_FAILED ERR_TIMEOUT | drop | failed LOGIN TIMEOUT ERR_TIMEOUT");
    CHECK(cp_session_account(session)->auth_token == NULL);
    end_session();
}

TEST(a_second_login_while_one_is_under_way_is_refused)
{
    begin_session();
    call_login("alice", "key");
    forget_diary();
    call_login("bob", "key");
    CHECK_DIARY("failed LOGIN AUTH LOGIN_IN_PROGRESS");
    answer(TOKEN_ANSWER);
    answer(ME_ANSWER);
    CHECK_DIARY("PUT /v3.0/me | LOGGED_IN | CONNECTING 1 | connect | done LOGIN");
    end_session();
}

TEST(the_same_uid_comes_back_from_memory)
{
    begin_session();
    get_connected();
    call_login("Alice", "whatever");
    CHECK_DIARY("done LOGIN");
    CHECK(last_done()->user.user == cp_session_account(session)->me.user);
    call_with_token(CP_CALL_LOGIN, "t1");
    CHECK_DIARY("done LOGIN");
    end_session();
}

TEST(another_uid_leaves_first_and_connects_when_the_old_socket_is_gone)
{
    begin_session();
    get_connected();
    call_login("bob", "key");
    CHECK_DIARY("LOGGED_OUT | close | POST /v3.0/users/bob/auth_tokens");
    answer(TOKEN_ANSWER);
    answer(ME_ANSWER);
    CHECK_DIARY("PUT /v3.0/me | LOGGED_IN | done LOGIN");
    hear_presence("zoe", "online"); /* from the old socket */
    CHECK_INT(cp_roster_count(roster), 0);
    closed_with(1000);
    CHECK_DIARY("DISCONNECTED 1000 | CONNECTING 1 | connect");
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 2");
    end_session();
}

TEST(another_login_ends_what_was_asked_in_the_old_name)
{
    begin_session();
    get_connected();
    call_get_user("zoe", CP_NEVER);
    call(CP_CALL_LOGOUT);
    forget_diary();
    call_login("bob", "key");
    CHECK_DIARY("LOGGED_OUT | close | drop | drop | POST /v3.0/users/bob/auth_tokens"
                " | failed GET_USER AUTH USER_NOT_LOGED_IN | done LOGOUT");
    end_session();
}

TEST(calls_before_login_fail)
{
    begin_session();
    call(CP_CALL_CONNECT);
    call_get_user("bob", CP_NEVER);
    call(CP_CALL_COUNT);
    call(CP_CALL_LOGOUT);
    call(CP_CALL_AWAIT_SYNC);
    CHECK_DIARY("failed CONNECT AUTH USER_NOT_LOGED_IN | failed GET_USER AUTH USER_NOT_LOGED_IN"
                " | failed COUNT AUTH USER_NOT_LOGED_IN | failed LOGOUT AUTH USER_NOT_LOGED_IN"
                " | failed AWAIT_SYNC AUTH USER_NOT_LOGED_IN");
    call(CP_CALL_DISCONNECT);
    CHECK_DIARY("done DISCONNECT");
    end_session();
}

TEST(without_auto_connect_a_login_opens_no_socket)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.auto_connect = false;
    begin_configured();
    log_in();
    CHECK_DIARY("PUT /v3.0/me | LOGGED_IN | done LOGIN");
    call(CP_CALL_AWAIT_SYNC);
    CHECK_DIARY("failed AWAIT_SYNC NOT_CONNECTED ERR_NOT_CONNECTED");
    call(CP_CALL_CONNECT);
    CHECK_DIARY("CONNECTING 1 | connect | done CONNECT");
    end_session();
}

TEST(a_logout_tells_the_server_and_then_leaves)
{
    begin_session();
    get_connected();
    call(CP_CALL_LOGOUT);
    CHECK_DIARY("DELETE /v3.0/me");
    answer("{\"data\":{\"success\":true}}");
    CHECK_DIARY("LOGGED_OUT | close | done LOGOUT");
    CHECK(cp_session_account(session)->uid == NULL);
    closed_with(1000);
    CHECK_DIARY("DISCONNECTED 1000");
    CHECK_INT(cp_session_state_of(session), CP_STATE_OFFLINE);
    call(CP_CALL_COUNT);
    CHECK_DIARY("failed COUNT AUTH USER_NOT_LOGED_IN");
    end_session();
}

TEST(a_logout_is_out_even_when_the_server_cannot_be_told)
{
    begin_session();
    get_connected();
    call(CP_CALL_LOGOUT);
    forget_diary();
    lose_answer(CP_FAILURE_CONNECTION_LOST);
    CHECK_DIARY("LOGGED_OUT | close | failed LOGOUT CONNECTION_LOST FAILED_TO_FETCH");
    CHECK(cp_session_account(session)->uid == NULL);
    end_session();
}

TEST(a_logout_whose_request_cannot_be_built_is_out_too)
{
    begin_session();
    get_connected();
    fail_allocation(1);
    call(CP_CALL_LOGOUT);
    CHECK(allocation_failed());
    elapse(0);
    CHECK_DIARY("LOGGED_OUT | close | failed LOGOUT MEMORY ERR_NO_MEMORY");
    CHECK(cp_session_account(session)->uid == NULL);
    end_session();
}

TEST(a_login_that_cannot_be_sent_anywhere_has_failed)
{
    begin_config(CP_SUBSCRIBE_NONE);
    free(config.region);
    config.region = strdup("no region");
    begin_configured();
    call_login("alice", "key");
    elapse(0);
    CHECK_DIARY("LOGIN_FAILED INVALID_HOST | failed LOGIN CONFIG INVALID_HOST");
    end_session();
}

TEST(a_logout_with_a_token_the_server_forgot_has_worked)
{
    begin_session();
    get_connected();
    call(CP_CALL_LOGOUT);
    forget_diary();
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    CHECK_DIARY("LOGGED_OUT | close | done LOGOUT");
    end_session();
}

TEST(a_logout_ends_what_was_asked_before_it)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    call(CP_CALL_LOGOUT);
    call(CP_CALL_LOGOUT);
    forget_diary();
    take_off_table(0); /* bob's answer never comes */
    answer("{\"data\":{}}");
    CHECK_DIARY("LOGGED_OUT | close | drop | failed GET_USER AUTH USER_NOT_LOGED_IN"
                " | done LOGOUT | done LOGOUT");
    CHECK_INT(request_count, 0);
    end_session();
}

TEST(a_close_finishes_everything_else_with_closed)
{
    begin_session();
    get_connected();
    call_get_user("bob", CP_NEVER);
    call(CP_CALL_LOGOUT);
    forget_diary();
    call(CP_CALL_CLOSE);
    CHECK_DIARY("close | drop | drop | failed GET_USER CLOSED ERR_CLIENT_CLOSED"
                " | failed LOGOUT CLOSED ERR_CLIENT_CLOSED");
    call(CP_CALL_CLOSE); /* again */
    call(CP_CALL_CONNECT);
    CHECK_DIARY("failed CONNECT CLOSED ERR_CLIENT_CLOSED");
    closed_with(1000);
    CHECK_DIARY("DISCONNECTED 1000 | done CLOSE | done CLOSE");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_CLOSED);
    call(CP_CALL_CLOSE);
    CHECK_DIARY("done CLOSE");
    end_session();
}

TEST(a_close_during_a_login_ends_it)
{
    begin_session();
    call_login("alice", "key");
    forget_diary();
    call(CP_CALL_CLOSE);
    CHECK_DIARY("drop | failed LOGIN CLOSED ERR_CLIENT_CLOSED | done CLOSE");
    end_session();
}
