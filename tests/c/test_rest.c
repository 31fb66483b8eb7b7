#include "core/rest.h"

#include "test.h"

static cp_config config;
static cp_account account;
static cp_http_request request;
static cp_failure failure;

static void begin(void)
{
    config = (cp_config){
        .app_id = "app1",
        .region = "us",
        .version = "0.1.0",
        .session_id = "PY-0.1.0-uuid-1",
        .device_id = "app1_\"uuid\"_1",
    };
    failure = (cp_failure){0};
    cp_account_init(&account, &config);
    account.auth_token = "TOKEN";
    account.jwt = "JWT";
    cp_http_request_init(&request);
}

static const char *header(const char *name)
{
    for (unsigned i = 0; i < request.headers; i++)
        if (strcmp(request.header[i].name, name) == 0)
            return request.header[i].value;
    return NULL;
}

static void check_common_headers(void)
{
    CHECK_TEXT(header("appId"), "app1");
    CHECK_TEXT(header("resource"), "PY-0.1.0-uuid-1");
    CHECK_TEXT(header("sdk"), "python@0.1.0");
    CHECK_TEXT(header("Accept"), "application/json");
    CHECK_TEXT(header("Content-Type"), "application/json");
    CHECK_INT(request.headers, 6);
}

static void check_request(const char *method, const char *host, const char *path)
{
    CHECK_TEXT(failure.message, "");
    CHECK_TEXT(request.method, method);
    CHECK_TEXT(request.target.host, host);
    CHECK_TEXT(request.path.data, path);
}

static void check_refused(cp_status status, cp_failure_kind kind, const char *code)
{
    CHECK_INT(status, CP_ERR_ARGUMENT);
    CHECK_INT(failure.kind, kind);
    CHECK_TEXT(failure.code, code);
    CHECK(strstr(failure.message, "SECRET") == NULL);
    CHECK_INT(request.headers, 0); /* nothing is left of it */
    CHECK(request.path.data == NULL && request.body.data == NULL);
}

#define LOGIN_BODY                                                                                 \
    "{\"platform\":\"python\",\"deviceId\":\"app1_\\\"uuid\\\"_1\",\"appInfo\":{"                  \
    "\"version\":\"0.1.0\",\"apiVersion\":\"v3.0\",\"userAgent\":\"cometpresence/0.1.0\"}}"

static cp_status create_token(const char *uid, const char *key)
{
    return cp_rest_create_token(&account, cp_slice_of(uid), cp_slice_of(key), &request, &failure);
}

static cp_status get_user(cp_slice uid)
{
    return cp_rest_get_user(&account, uid, &request, &failure);
}

TEST(the_first_step_of_a_login_carries_the_key)
{
    begin();
    CHECK_INT(create_token("alice", "KEY"), CP_OK);
    check_request("POST", "app1.api-us.cometchat.io", "/v3.0/users/alice/auth_tokens");
    check_common_headers();
    CHECK_TEXT(header("apiKey"), "KEY");
    CHECK_TEXT(request.body.data, LOGIN_BODY);
    cp_http_request_destroy(&request);
}

TEST(the_second_step_of_a_login_carries_the_token)
{
    begin();
    CHECK_INT(cp_rest_put_me(&account, &request, &failure), CP_OK);
    check_request("PUT", "app1.apiclient-us.cometchat.io", "/v3.0/me");
    check_common_headers();
    CHECK_TEXT(header("authToken"), "TOKEN");
    CHECK_TEXT(request.body.data, LOGIN_BODY);
    cp_http_request_destroy(&request);
}

TEST(requests_without_a_body_have_none)
{
    begin();
    CHECK_INT(cp_rest_get_me(&account, &request, &failure), CP_OK);
    check_request("GET", "app1.apiclient-us.cometchat.io", "/v3.0/me");
    check_common_headers();
    CHECK_INT(request.body.length, 0);
    cp_http_request_destroy(&request);
    CHECK_INT(cp_rest_delete_me(&account, &request, &failure), CP_OK);
    check_request("DELETE", "app1.apiclient-us.cometchat.io", "/v3.0/me");
    CHECK_TEXT(header("authToken"), "TOKEN");
    CHECK_INT(request.body.length, 0);
    cp_http_request_destroy(&request);
}

TEST(the_online_count_is_asked_with_the_bare_jwt_and_without_a_port)
{
    begin();
    strcpy(account.chat_host, "127.0.0.1");
    account.chat_port = 27443;
    CHECK_INT(cp_rest_count_online(&account, &request, &failure), CP_OK);
    check_request("POST", "127.0.0.1", "/api/v1.0/online-members");
    CHECK_INT(request.target.port, 443);
    CHECK_TEXT(header("Authorization"), "JWT");
    CHECK_TEXT(header("appId"), "app1");
    CHECK_INT(request.headers, 4);
    CHECK_INT(request.body.length, 0);
    cp_http_request_destroy(&request);
}

TEST(an_override_has_no_version_in_its_paths)
{
    begin();
    config.admin_host = "127.0.0.1:27443";
    CHECK_INT(create_token("alice", "KEY"), CP_OK);
    check_request("POST", "127.0.0.1", "/users/alice/auth_tokens");
    CHECK_INT(request.target.port, 27443);
    cp_http_request_destroy(&request);
}

TEST(a_uid_is_one_segment_of_the_path_whatever_it_holds)
{
    begin();
    CHECK_INT(get_user(cp_slice_of("a/../b?c#d e%\xC3\xA4,~-_.")), CP_OK);
    CHECK_TEXT(request.path.data, "/v3.0/users/a%2F..%2Fb%3Fc%23d%20e%25%C3%A4%2C~-_.");
    cp_http_request_destroy(&request);
}

TEST(a_uid_that_is_no_segment_is_refused)
{
    char long_uid[1025];

    memset(long_uid, 'u', sizeof long_uid);
    begin();
    check_refused(get_user(cp_slice_of("")), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(get_user(CP_ABSENT_SLICE), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(get_user(cp_slice_of("a\r\nb")), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(get_user((cp_slice){"a\0b", 3}), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(get_user(cp_slice_of(".")), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(get_user(cp_slice_of("..")), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(create_token("..", "KEY"), CP_FAILURE_CONFIG, "INVALID_UID");
    check_refused(get_user((cp_slice){long_uid, sizeof long_uid}), CP_FAILURE_CONFIG,
                  "INVALID_UID");
}

TEST(a_secret_that_cannot_be_sent_is_not_quoted)
{
    begin();
    check_refused(create_token("alice", "SECRET\r\nX: y"), CP_FAILURE_CONFIG, "INVALID_PARAMETER");
    CHECK(strstr(failure.message, "auth key") != NULL);
    account.auth_token = "SECRET\n";
    check_refused(cp_rest_get_me(&account, &request, &failure), CP_FAILURE_CONFIG,
                  "INVALID_PARAMETER");
}

TEST(a_login_needs_a_key)
{
    char long_key[1026];

    memset(long_key, 'k', sizeof long_key);
    long_key[sizeof long_key - 1] = '\0';
    begin();
    check_refused(create_token("alice", long_key), CP_FAILURE_CONFIG, "INVALID_PARAMETER");
    check_refused(create_token("alice", ""), CP_FAILURE_CONFIG, "MISSING_PARAMETERS");
    check_refused(create_token("alice", NULL), CP_FAILURE_CONFIG, "MISSING_PARAMETERS");
}

TEST(nothing_but_a_login_can_be_asked_before_one)
{
    begin();
    account.auth_token = account.jwt = NULL;
    cp_users_query query = {.limit = 30, .page = 1};
    check_refused(cp_rest_put_me(&account, &request, &failure), CP_FAILURE_AUTH,
                  "USER_NOT_LOGED_IN");
    check_refused(cp_rest_get_me(&account, &request, &failure), CP_FAILURE_AUTH,
                  "USER_NOT_LOGED_IN");
    check_refused(get_user(cp_slice_of("bob")), CP_FAILURE_AUTH, "USER_NOT_LOGED_IN");
    check_refused(cp_rest_get_users(&account, &query, &request, &failure), CP_FAILURE_AUTH,
                  "USER_NOT_LOGED_IN");
    check_refused(cp_rest_count_online(&account, &request, &failure), CP_FAILURE_AUTH,
                  "USER_NOT_LOGED_IN");
}

TEST(a_host_that_is_none_is_refused_before_anything_is_sent)
{
    begin();
    config.endpoint = "http://example.com"; /* plain, and not this machine */
    check_refused(create_token("alice", "SECRET"), CP_FAILURE_CONFIG, "INVALID_HOST");
    check_refused(cp_rest_get_me(&account, &request, &failure), CP_FAILURE_CONFIG, "INVALID_HOST");
    check_refused(cp_rest_count_online(&account, &request, &failure), CP_FAILURE_CONFIG,
                  "INVALID_HOST");
}

TEST(a_page_of_users_is_asked_for_by_limit_and_page)
{
    begin();
    cp_users_query query = {.limit = 2, .page = 1, .search_keyword = " ", .status = "offline"};
    CHECK_INT(cp_rest_get_users(&account, &query, &request, &failure), CP_OK);
    check_request("GET", "app1.apiclient-us.cometchat.io",
                  "/v3.0/users?per_page=2&status=offline&page=1");
    check_common_headers();
    CHECK_INT(request.body.length, 0);
    cp_http_request_destroy(&request);
}

/* As the vendor's SDK wrote it down (PROTOCOL §9.4). */
TEST(all_options_come_in_the_order_of_the_vendor)
{
    begin();
    cp_users_query query = {
        .limit = 100,
        .page = 4,
        .search_keyword = "a b&c",
        .search_in = (char *[]){"uid", "name", NULL},
        .status = "online",
        .roles = (char *[]){"teacher", "student", "default", NULL},
        .tags = (char *[]){"vip", "a b", NULL},
        .uids = (char *[]){"bob", "carol", NULL},
        .sort_by = "Status",
        .sort_order = "ASC",
        .friends_only = true,
        .hide_blocked_users = true,
        .with_tags = true,
    };
    CHECK_INT(cp_rest_get_users(&account, &query, &request, &failure), CP_OK);
    CHECK_TEXT(request.path.data,
               "/v3.0/users?per_page=100&searchKey=a%20b%26c&status=available&hideBlockedUsers=1"
               "&roles=teacher,student,default&tags=vip,a%20b&friendsOnly=1&withTags=1"
               "&uids=bob,carol&sortBy=status&sortOrder=asc&searchIn=uid,name&page=4");
    cp_http_request_destroy(&request);
}

TEST(no_option_can_smuggle_in_another)
{
    begin();
    cp_users_query query = {
        .limit = 1,
        .page = 1,
        .roles = (char *[]){"ab", "c&uids=x", NULL},
        .tags = (char *[]){NULL},
        .sort_by = "n&page=9",
    };
    CHECK_INT(cp_rest_get_users(&account, &query, &request, &failure), CP_OK);
    CHECK_TEXT(request.path.data, "/v3.0/users?per_page=1&roles=ab,c%26uids%3Dx"
                                  "&sortBy=n%26page%3D9&page=1");
    cp_http_request_destroy(&request);
}

TEST(a_bad_query_is_not_sent)
{
    begin();
    cp_users_query query = {.limit = 101, .page = 1};
    check_refused(cp_rest_get_users(&account, &query, &request, &failure), CP_FAILURE_CONFIG,
                  "ERROR_SET_LIMIT_EXCEEDED");
}

static cp_status ask(int which)
{
    cp_users_query query = {.limit = 30, .page = 1, .uids = (char *[]){"bob", NULL}};
    switch (which) {
    case 0:
        return create_token("alice", "KEY");
    case 1:
        return cp_rest_put_me(&account, &request, &failure);
    case 2:
        return cp_rest_get_users(&account, &query, &request, &failure);
    default:
        return cp_rest_count_online(&account, &request, &failure);
    }
}

TEST(each_allocation_of_a_request_can_fail)
{
    for (int which = 0; which < 4; which++)
        for (unsigned n = 1, failed = 1; failed; n++) {
            begin();
            fail_allocation(n);
            cp_status status = ask(which);
            failed = allocation_failed();
            CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
            CHECK_INT(failure.kind, failed ? CP_FAILURE_MEMORY : CP_FAILURE_NONE);
            CHECK((request.headers == 0) == (failed != 0));
            cp_http_request_destroy(&request);
        }
}
