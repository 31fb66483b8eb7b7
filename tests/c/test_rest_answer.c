#include "core/rest.h"

#include <limits.h>

#include "test.h"

static cp_failure failure;

static cp_http_answer answer_of(int status, const char *body)
{
    failure = (cp_failure){0};
    return (cp_http_answer){.status = status, .body = cp_slice_of(body)};
}

static cp_status read_done(int status, const char *body)
{
    cp_http_answer answer = answer_of(status, body);
    return cp_rest_read_done(&answer, &failure);
}

static void check_failure(cp_failure_kind kind, const char *code, const char *message)
{
    CHECK_INT(failure.kind, kind);
    CHECK_TEXT(failure.code, code);
    CHECK_TEXT(failure.message, message);
}

/* ---- what an answer says */

TEST(the_body_decides_and_not_the_http_status)
{
    CHECK_INT(read_done(200, "{\"data\":{\"success\":true}}"), CP_OK);
    CHECK_INT(read_done(404, "{\"data\":null}"), CP_OK);
    CHECK_INT(read_done(200, "{\"data\":[],\"error\":{\"code\":\"X\"}}"), CP_OK);
    CHECK_INT(read_done(200, "{\"error\":{\"code\":\"ERR_X\",\"message\":\"No.\"}}"),
              CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_SERVER, "ERR_X", "No.");
}

TEST(a_failure_carries_code_message_and_details)
{
    (void)read_done(400, "{\"error\":{\"code\":\"ERR_X\",\"message\":\"No.\","
                         "\"details\":{\"uid\":[\"too long\"]}}}");
    check_failure(CP_FAILURE_SERVER, "ERR_X", "No.");
    CHECK_TEXT(failure.details, "{\"uid\":[\"too long\"]}");
    (void)read_done(400, "{\"error\":{\"code\":401,\"details\":\"\"}}");
    check_failure(CP_FAILURE_SERVER, "401", "The server refused without saying why.");
    CHECK_TEXT(failure.details, "");
    (void)read_done(418, "{\"error\":\"teapot\"}");
    check_failure(CP_FAILURE_SERVER, "HTTP_418", "The server answered with HTTP status 418.");
}

TEST(details_are_whole_or_absent)
{
    char body[600], long_text[400];
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"X\",\"details\":{\"a\":\"%s\"}}}",
             long_text);
    (void)read_done(400, body);
    CHECK_TEXT(failure.details, "");
    long_text[200] = '\0';
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"X\",\"details\":{\"a\":\"%s\"}}}",
             long_text);
    (void)read_done(400, body);
    CHECK_INT(strlen(failure.details), 200 + 8);
}

TEST(what_the_server_says_is_one_line_and_no_format)
{
    (void)read_done(400,
                    "{\"error\":{\"code\":\"E%n\\n\",\"message\":\"%s%n a\\r\\nb\\t\\u007f\"}}");
    check_failure(CP_FAILURE_SERVER, "E%n ", "%s%n a  b  ");
}

TEST(texts_that_are_too_long_are_cut_between_characters)
{
    char body[1000], text[700];
    for (size_t i = 0; i < 300; i++)
        memcpy(text + 2 * i, "\xC3\xA4", 3);
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"x\"}}", text);
    (void)read_done(400, body);
    CHECK_INT(strlen(failure.code), 62);
    snprintf(body, sizeof body, "{\"error\":{\"code\":\"X\",\"message\":\"%s\"}}", text);
    (void)read_done(400, body);
    CHECK_INT(strlen(failure.message), 254);
}

TEST(a_refused_token_is_an_auth_failure)
{
    static const char *const codes[] = {"AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "AUTH_ERR_NO_ACCESS",
                                        "ERR_NO_AUTH"};
    for (size_t i = 0; i < 3; i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"m\"}}", codes[i]);
        (void)read_done(200, body);
        check_failure(CP_FAILURE_AUTH, codes[i], "m");
    }
    (void)read_done(403, "{\"error\":{\"code\":\"ERR_X\",\"message\":\"m\"}}");
    check_failure(CP_FAILURE_AUTH, "ERR_X", "m");
    (void)read_done(404, "{\"error\":{\"code\":\"ERR_UID_NOT_FOUND\",\"message\":\"m\"}}");
    check_failure(CP_FAILURE_SERVER, "ERR_UID_NOT_FOUND", "m");
}

TEST(a_lost_token_is_told_from_other_refusals)
{
    (void)read_done(401, "{\"error\":{\"code\":\"AUTH_ERR_AUTH_TOKEN_NOT_FOUND\"}}");
    CHECK(cp_rest_is_token_lost(&failure));
    (void)read_done(401, "{\"error\":{\"code\":\"ERR_NO_AUTH\"}}");
    CHECK(cp_rest_is_token_lost(&failure));
    (void)read_done(401, "");
    CHECK(cp_rest_is_token_lost(&failure));
    (void)read_done(403, "{\"error\":{\"code\":\"AUTH_ERR_NO_ACCESS\"}}");
    CHECK(!cp_rest_is_token_lost(&failure));
    cp_failure_set(&failure, CP_FAILURE_SERVER, "ERR_NO_AUTH", "%s", "");
    CHECK(!cp_rest_is_token_lost(&failure));
}

TEST(without_json_the_http_status_is_all_there_is)
{
    CHECK_INT(read_done(503, "<html>"), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_SERVER, "HTTP_503", "The server answered with HTTP status 503.");
    CHECK_INT(read_done(502, ""), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_SERVER, "HTTP_502", "The server answered with HTTP status 502.");
    CHECK_INT(read_done(500, "{}"), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_SERVER, "HTTP_500", "The server answered with HTTP status 500.");
    CHECK_INT(read_done(401, "no"), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_AUTH, "HTTP_401", "The server answered with HTTP status 401.");
}

TEST(an_unusable_body_is_a_protocol_failure)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "<html>",
                                      "{}",
                                      "[]",
                                      "null",
                                      "\"data\"",
                                      "1",
                                      "{\"Data\":1}",
                                      "{\"data\":1,\"data\":2}",
                                      "{\"data\":1} x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(read_done(200, bad[i]), CP_ERR_PROTOCOL);
        CHECK_INT(failure.kind, CP_FAILURE_PROTOCOL);
        CHECK_TEXT(failure.code, "FAILED_TO_FETCH");
    }
    CHECK_INT(read_done(200, "[1"), CP_ERR_PROTOCOL);
    CHECK_TEXT(failure.message, "The server's answer cannot be used: malformed data.");
    CHECK_INT(read_done(200, "{\"data\":\"\\u0000\"}"), CP_ERR_PROTOCOL);
    CHECK_TEXT(failure.message,
               "The server's answer cannot be used: text with a NUL, or not in UTF-8.");
}

TEST(an_error_that_says_nothing_is_a_protocol_failure)
{
    static const char *const bad[] = {"5", "null", "[]", "true", "\"\"", "\"no\""};
    char body[40];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(body, sizeof body, "{\"error\":%s}", bad[i]);
        CHECK_INT(read_done(200, body), CP_ERR_PROTOCOL);
        check_failure(CP_FAILURE_PROTOCOL, "FAILED_TO_FETCH",
                      "The server's answer has neither data nor an error.");
        CHECK_INT(read_done(503, body), CP_ERR_SYSTEM);
        CHECK_TEXT(failure.code, "HTTP_503");
    }
    CHECK_INT(read_done(200, "{\"error\":{}}"), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_SERVER, "FAILED_TO_FETCH", "The server refused without saying why.");
}

TEST(a_redirect_is_refused_whatever_its_body_says)
{
    CHECK_INT(read_done(302, "{\"data\":{}}"), CP_ERR_PROTOCOL);
    check_failure(CP_FAILURE_PROTOCOL, "FAILED_TO_FETCH",
                  "The server's answer is a redirect, which is refused.");
}

TEST(a_failure_of_the_transport_passes_through)
{
    cp_http_answer answer = {0};
    cp_failure_set(&answer.failure, CP_FAILURE_TLS, "TLS", "%s", "expired");
    CHECK_INT(cp_rest_read_done(&answer, &failure), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_TLS, "TLS", "expired");
    cp_failure_set(&answer.failure, CP_FAILURE_TIMEOUT, "T", "%s", "late");
    CHECK_INT(cp_rest_read_done(&answer, &failure), CP_ERR_TIMEOUT);
    check_failure(CP_FAILURE_TIMEOUT, "T", "late");
}

TEST(too_many_requests_say_how_long_to_wait)
{
    cp_http_answer answer =
        answer_of(429, "{\"error\":{\"code\":\"ERR_TOO_MANY_REQUESTS\",\"message\":\"m\"}}");
    answer.retry_after = cp_slice_of("7");
    CHECK_INT(cp_rest_read_done(&answer, &failure), CP_ERR_SYSTEM);
    check_failure(CP_FAILURE_RATE_LIMITED, "ERR_TOO_MANY_REQUESTS", "m");
    CHECK_INT(failure.retry_after, 7 * CP_USEC_PER_SEC);

    (void)read_done(429, "slow down");
    check_failure(CP_FAILURE_RATE_LIMITED, "HTTP_429", "The server answered with HTTP status 429.");
    CHECK_INT(failure.retry_after, 0);
    (void)read_done(200, "{\"error\":{\"code\":\"TOO_MANY_REQUEST\",\"message\":\"m\"}}");
    check_failure(CP_FAILURE_RATE_LIMITED, "TOO_MANY_REQUEST", "m");
}

/* ---- logging in */

static cp_status read_token(int status, const char *body, cp_buffer *token)
{
    cp_http_answer answer = answer_of(status, body);
    return cp_rest_read_token(&answer, token, &failure);
}

TEST(the_captured_token_is_read)
{
    cp_buffer token;
    cp_buffer_init(&token);
    CHECK_INT(read_token(200,
                         "{\"data\":{\"uid\":\"alice\",\"authToken\":\"alice_1795\","
                         "\"createdAt\":1795485366}}",
                         &token),
              CP_OK);
    CHECK_TEXT(token.data, "alice_1795");
    cp_buffer_destroy(&token);
}

TEST(a_login_that_is_refused_is_an_auth_failure_whatever_the_code)
{
    cp_buffer token;
    cp_buffer_init(&token);
    (void)read_token(404, "{\"error\":{\"code\":\"ERR_UID_NOT_FOUND\",\"message\":\"m\"}}", &token);
    check_failure(CP_FAILURE_AUTH, "ERR_UID_NOT_FOUND", "m");
    (void)read_token(200, "{\"error\":{\"code\":\"ERR_PLAN_RESTRICTION\",\"message\":\"m\"}}",
                     &token);
    check_failure(CP_FAILURE_AUTH, "ERR_PLAN_RESTRICTION", "m");
    (void)read_token(500, "{\"error\":{\"code\":\"ERR_INTERNAL\",\"message\":\"m\"}}", &token);
    check_failure(CP_FAILURE_SERVER, "ERR_INTERNAL", "m");
    (void)read_token(429, "{\"error\":{\"code\":\"ERR_TOO_MANY_REQUESTS\"}}", &token);
    CHECK_INT(failure.kind, CP_FAILURE_RATE_LIMITED);
    (void)read_token(404, "<html>", &token); /* a gateway's word, not the platform's */
    CHECK_INT(failure.kind, CP_FAILURE_SERVER);
    CHECK_INT(token.length, 0);
}

TEST(a_token_that_cannot_be_one_is_a_protocol_failure)
{
    static const char *const bad[] = {"{\"data\":{}}", "{\"data\":{\"authToken\":\"\"}}",
                                      "{\"data\":{\"authToken\":7}}", "{\"data\":\"x\"}",
                                      "{\"data\":{\"authToken\":\"a\\r\\nb\"}}"};
    cp_buffer token;
    cp_buffer_init(&token);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(read_token(200, bad[i], &token), CP_ERR_PROTOCOL);
        CHECK_TEXT(failure.code, "FAILED_TO_FETCH");
        CHECK_INT(token.length, 0);
    }
}

TEST(me_is_learned_or_refused)
{
    cp_config config = {.app_id = "app1", .region = "us"};
    cp_account account;
    cp_account_init(&account, &config);
    cp_http_answer answer = answer_of(200, "{\"data\":{\"uid\":\"alice\",\"jwt\":\"j\"}}");
    CHECK_INT(cp_rest_read_me(&answer, &account, &failure), CP_OK);
    CHECK_TEXT(account.uid, "alice");
    answer = answer_of(200, "{\"data\":{\"jwt\":\"k\"}}");
    CHECK_INT(cp_rest_read_me(&answer, &account, &failure), CP_ERR_PROTOCOL);
    CHECK_TEXT(account.jwt, "j");
    answer = answer_of(400, "{\"error\":{\"code\":\"ERR_ANY\"}}");
    CHECK_INT(cp_rest_read_me(&answer, &account, &failure), CP_ERR_SYSTEM);
    CHECK_INT(failure.kind, CP_FAILURE_AUTH);
    cp_account_forget(&account);
}

/* ---- users */

#define CAPTURED_PAGE                                                                              \
    "{\"data\":[{\"uid\":\"bob\",\"name\":\"Bob B\",\"status\":\"offline\",\"role\":\"teacher\","  \
    "\"lastActiveAt\":1795481765},{\"uid\":\"carol\",\"name\":\"Carol C\","                        \
    "\"status\":\"available\",\"lastActiveAt\":1795481765}],\"meta\":{\"pagination\":{"            \
    "\"total\":3,\"count\":2,\"per_page\":2,\"current_page\":1,\"total_pages\":2}}}"

TEST(the_captured_page_is_read)
{
    cp_users_page page;
    cp_http_answer answer = answer_of(200, CAPTURED_PAGE);
    CHECK_INT(cp_rest_read_users(&answer, &page, &failure), CP_OK);
    CHECK_INT(page.count, 2);
    CHECK_INT(page.skipped, 0);
    CHECK_INT(page.total, 3);
    CHECK_INT(page.total_pages, 2);
    CHECK_INT(page.current_page, 1);
    CHECK(cp_slice_is(cp_user_text_of(page.users[0].user, CP_USER_UID), "bob"));
    CHECK_INT(page.users[0].status, CP_OFFLINE);
    CHECK_INT(page.users[1].status, CP_ONLINE);
    CHECK_INT(page.users[1].last_active_at, 1795481765);
    cp_users_page_destroy(&page);
    CHECK(page.users == NULL && page.count == 0);
}

TEST(an_entry_that_is_no_user_is_skipped)
{
    cp_users_page page;
    cp_http_answer answer = answer_of(200, "{\"data\":[null,{\"uid\":\"bob\"},[],{}]}");
    CHECK_INT(cp_rest_read_users(&answer, &page, &failure), CP_OK);
    CHECK_INT(page.count, 1);
    CHECK_INT(page.skipped, 3);
    CHECK_INT(page.total_pages, 0);
    cp_users_page_destroy(&page);
}

TEST(an_empty_page_is_a_page)
{
    cp_users_page page;
    cp_http_answer answer = answer_of(
        200, "{\"data\":[],\"meta\":{\"pagination\":{\"total_pages\":9007199254740992}}}");
    CHECK_INT(cp_rest_read_users(&answer, &page, &failure), CP_OK);
    CHECK_INT(page.count, 0);
    CHECK_INT(page.total_pages, INT_MAX);
    cp_users_page_destroy(&page);
}

TEST(what_is_no_page_is_a_protocol_failure)
{
    static const char *const bad[] = {"{\"data\":{}}", "{\"data\":\"x\"}", "{\"data\":null}"};
    cp_users_page page;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cp_http_answer answer = answer_of(200, bad[i]);
        CHECK_INT(cp_rest_read_users(&answer, &page, &failure), CP_ERR_PROTOCOL);
        CHECK(page.users == NULL);
    }
}

TEST(a_page_is_not_a_way_to_fill_memory)
{
    cp_users_page page;
    cp_buffer body;
    cp_buffer_init(&body);
    cp_buffer_append_text(&body, "{\"data\":[1");
    for (int i = 0; i < 1000; i++)
        cp_buffer_append_text(&body, ",1");
    cp_buffer_append_text(&body, "]}");
    cp_http_answer answer = answer_of(200, body.data);
    CHECK_INT(cp_rest_read_users(&answer, &page, &failure), CP_ERR_PROTOCOL);
    cp_buffer_destroy(&body);
}

TEST(one_user_is_read)
{
    cp_presence user;
    cp_http_answer answer = answer_of(200, "{\"data\":{\"uid\":\"bob\",\"status\":\"available\"}}");
    CHECK_INT(cp_rest_read_user(&answer, &user, &failure), CP_OK);
    CHECK_INT(user.status, CP_ONLINE);
    cp_presence_destroy(&user);
    answer = answer_of(200, "{\"data\":{\"name\":\"nobody\"}}");
    CHECK_INT(cp_rest_read_user(&answer, &user, &failure), CP_ERR_PROTOCOL);
    CHECK(user.user == NULL);
}

TEST(the_online_count_is_a_number)
{
    static const char *const bad[] = {"{\"data\":{}}", "{\"data\":{\"onlineUsersCount\":-1}}",
                                      "{\"data\":{\"onlineUsersCount\":\"many\"}}"};
    int64_t count;
    cp_http_answer answer = answer_of(200, "{\"data\":{\"onlineUsersCount\":42}}");
    CHECK_INT(cp_rest_read_count(&answer, &count, &failure), CP_OK);
    CHECK_INT(count, 42);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        answer = answer_of(200, bad[i]);
        CHECK_INT(cp_rest_read_count(&answer, &count, &failure), CP_ERR_PROTOCOL);
        CHECK_INT(count, CP_ABSENT);
    }
}

TEST(each_allocation_of_reading_can_fail)
{
    cp_http_answer answer = answer_of(200, CAPTURED_PAGE);
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_users_page page;
        fail_allocation(n);
        cp_status status = cp_rest_read_users(&answer, &page, &failure);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK_INT(failed ? failure.kind : CP_FAILURE_MEMORY, CP_FAILURE_MEMORY);
        cp_users_page_destroy(&page);
    }
}

/* ---- waiting */

static cp_usec wait_asked(const char *retry_after, const char *remaining, const char *reset,
                          int64_t unix_s)
{
    cp_http_answer answer = {
        .retry_after = cp_slice_of(retry_after),
        .quota_remaining = cp_slice_of(remaining),
        .quota_reset = cp_slice_of(reset),
    };
    return cp_rest_wait_asked(&answer, unix_s);
}

#define NOW INT64_C(1795485366)

TEST(a_server_may_ask_for_a_wait_in_seconds)
{
    CHECK_INT(wait_asked("30", NULL, NULL, NOW), 30 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked(" 0 ", NULL, NULL, NOW), 0);
    CHECK_INT(wait_asked("0.25", NULL, NULL, 0), CP_USEC_PER_SEC / 4);
    CHECK_INT(wait_asked("1.00000099999", NULL, NULL, 0), CP_USEC_PER_SEC);
}

TEST(a_server_that_asks_for_nothing_gets_no_wait)
{
    static const char *const nothing[] = {
        "", " ", ".", ".5", "-1", "+1", "1 2", "1.2.3", "1e3", "abc", "Tue, 24 Nov 2026 03:00:00",
    };
    CHECK_INT(wait_asked(NULL, NULL, NULL, NOW), CP_ABSENT);
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        CHECK_INT(wait_asked(nothing[i], NULL, NULL, NOW), CP_ABSENT);
}

TEST(nobody_can_make_us_wait_longer_than_an_hour)
{
    CHECK_INT(wait_asked("3601", NULL, NULL, NOW), 3600 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked("99999999999999999999999999999", NULL, NULL, NOW), 3600 * CP_USEC_PER_SEC);
}

TEST(an_exhausted_quota_is_waited_for)
{
    CHECK_INT(wait_asked(NULL, "0", "12", NOW), 12 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked(NULL, "1", "12", NOW), CP_ABSENT);
    CHECK_INT(wait_asked(NULL, "0", NULL, NOW), CP_ABSENT);
    CHECK_INT(wait_asked("3", "0", "12", NOW), 3 * CP_USEC_PER_SEC);
}

TEST(an_instant_becomes_a_wait)
{
    CHECK_INT(wait_asked(NULL, "0", "1795485376", NOW), 10 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked(NULL, "0", "1795485376000", NOW), 10 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked(NULL, "0", "1795485300", NOW), 0);
    CHECK_INT(wait_asked(NULL, "0", "1795485376", 0), CP_ABSENT);
}

TEST(a_date_becomes_a_wait_too)
{
    CHECK_INT(wait_asked(" Tue, 24 Nov 2026 01:56:16 GMT", NULL, NULL, NOW), 10 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked("Tue, 24 Nov 2026 01:00:00 GMT", NULL, NULL, NOW), 0);
    CHECK_INT(wait_asked("Fri, 31 Dec 9999 23:59:59 GMT", NULL, NULL, NOW), 3600 * CP_USEC_PER_SEC);
    CHECK_INT(wait_asked("Tue, 24 Nov 2026 01:56:16 GMT", NULL, NULL, 0), CP_ABSENT);
}

/* ---- secrets */

static void check_hidden(const char *message, const char *secret, const char *expected)
{
    cp_failure_set(&failure, CP_FAILURE_AUTH, "AUTH_ERR_APIKEY_NOT_FOUND", "%s", message);
    cp_rest_hide(&failure, secret);
    CHECK_TEXT(failure.message, expected);
    CHECK_TEXT(failure.code, "AUTH_ERR_APIKEY_NOT_FOUND");
}

TEST(a_quoted_secret_is_taken_out)
{
    check_hidden("The key KEY123 and KEY123.", "KEY123", "The key ****** and ******.");
    check_hidden("KEYKEY123", "KEY123", "KEY******");
    check_hidden("The key KEY", "KEY", "The key KEY"); /* so short, it is a word like any other */
    check_hidden("Nothing in it.", "KEY123", "Nothing in it.");
    check_hidden("Nothing in it.", NULL, "Nothing in it.");
    check_hidden("Nothing in it.", "", "Nothing in it.");
}

TEST(a_secret_is_taken_out_where_the_end_cut_it_off)
{
    check_hidden("The token abcd", "abcdefgh", "The token ****");
    check_hidden("The token abc", "abcdefgh", "The token abc"); /* tells nothing */
}

TEST(a_secret_that_is_the_code_is_taken_out)
{
    (void)read_done(400, "{\"error\":{\"code\":\"KEY123 unknown\"}}");
    cp_rest_hide(&failure, "KEY123");
    CHECK_TEXT(failure.code, "****** unknown");
}

TEST(a_secret_in_the_details_is_taken_out)
{
    (void)read_done(400, "{\"error\":{\"code\":\"X\",\"details\":{\"token\":\"abcdef\"}}}");
    cp_rest_hide(&failure, "abcdef");
    CHECK_TEXT(failure.details, "{\"token\":\"******\"}");
}
