#include "core/account.h"

#include "test.h"

static cp_config config;
static cp_account account;
static cp_target target;

static void begin(void)
{
    static bool began;
    if (began)
        cp_account_forget(&account);
    began = true;
    config = (cp_config){.app_id = "App1", .region = "US"};
    cp_account_init(&account, &config);
}

static cp_status learn(const char *text)
{
    cp_json *document;
    CHECK_INT(cp_json_parse(cp_slice_of(text), CP_JSON_BODY_LIMITS, &document), CP_OK);
    cp_status status = cp_account_learn(&account, document);
    cp_json_free(document);
    return status;
}

static cp_status learn_settings(const char *settings)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"uid\":\"alice\",\"settings\":%s}", settings);
    return learn(text);
}

static void check_target(cp_service service, const char *expected)
{
    char authority[160], actual[320];
    CHECK_INT(cp_account_target(&account, service, &target), CP_OK);
    cp_target_authority(&target, authority, sizeof authority);
    snprintf(actual, sizeof actual, "%s://%s%s", target.tls ? "https" : "http", authority,
             target.prefix);
    CHECK_TEXT(actual, expected);
}

static void check_nowhere(cp_service service)
{
    CHECK_INT(cp_account_target(&account, service, &target), CP_ERR_ARGUMENT);
    CHECK_TEXT(target.host, "");
}

#define CAPTURED_SETTINGS                                                                          \
    "{\"CHAT_HOST\":\"127.0.0.1\",\"CHAT_WSS_PORT\":\"27443\",\"CHAT_WS_PORT\":\"27443\","         \
    "\"CHAT_USE_SSL\":\"1\",\"ADMIN_API_HOST\":\"127.0.0.1:27443\","                               \
    "\"CLIENT_API_HOST\":\"127.0.0.1:27443\",\"CHAT_API_VERSION\":\"v3.0\","                       \
    "\"WS_API_VERSION\":\"v1.0\",\"REGION\":\"us\",\"MODE\":\"DEFAULT\",\"APP_VERSION\":4}"
#define CAPTURED_ME                                                                                \
    "{\"uid\":\"alice\",\"name\":\"Alice A\",\"status\":\"available\",\"role\":\"default\","       \
    "\"lastActiveAt\":1795481765,\"authToken\":\"alice_17954853667583934bc4afcdc5\","              \
    "\"wsChannel\":{\"identity\":\"[app]alice@x\",\"secret\":\"s\"},"                              \
    "\"jwt\":\"jwt.alice.15c95fa5f4275\",\"settings\":" CAPTURED_SETTINGS "}"

/* ---- learning */

TEST(the_captured_answer_to_put_me_is_learned)
{
    begin();
    CHECK_INT(learn(CAPTURED_ME), CP_OK);
    CHECK_TEXT(account.uid, "alice");
    CHECK_TEXT(account.auth_token, "alice_17954853667583934bc4afcdc5");
    CHECK_TEXT(account.jwt, "jwt.alice.15c95fa5f4275");
    CHECK_INT(account.me.status, CP_ONLINE);
    CHECK_INT(account.me.last_active_at, 1795481765);
    CHECK(cp_slice_is(cp_user_text_of(account.me.user, CP_USER_NAME), "Alice A"));
    check_target(CP_SERVICE_ADMIN, "https://127.0.0.1:27443/v3.0");
    check_target(CP_SERVICE_CLIENT, "https://127.0.0.1:27443/v3.0");
    check_target(CP_SERVICE_SOCKET, "https://127.0.0.1:27443");
    check_target(CP_SERVICE_COUNT, "https://127.0.0.1/api/v1.0");
    cp_account_forget(&account);
}

/* The server says how it was before this login, if it says anything (PROTOCOL §3.3). */
TEST(who_logs_in_is_online)
{
    begin();
    CHECK_INT(learn("{\"uid\":\"alice\",\"status\":\"offline\"}"), CP_OK);
    CHECK_INT(account.me.status, CP_ONLINE);
    CHECK_INT(learn("{\"uid\":\"alice\"}"), CP_OK);
    CHECK_INT(account.me.status, CP_ONLINE);
    cp_account_forget(&account);
}

TEST(what_an_answer_does_not_say_stays_as_it_was)
{
    begin();
    CHECK_INT(learn(CAPTURED_ME), CP_OK);
    CHECK_INT(learn("{\"uid\":\"alice\",\"name\":\"New\",\"jwt\":\"jwt.2\","
                    "\"settings\":{\"settingsHash\":\"hash-2\"}}"),
              CP_OK);
    CHECK_TEXT(account.jwt, "jwt.2");
    CHECK_TEXT(account.auth_token, "alice_17954853667583934bc4afcdc5");
    CHECK(cp_slice_is(cp_user_text_of(account.me.user, CP_USER_NAME), "New"));
    check_target(CP_SERVICE_SOCKET, "https://127.0.0.1:27443");
    CHECK_INT(learn("{\"uid\":\"alice\",\"jwt\":\"\",\"settings\":null}"), CP_OK);
    CHECK_TEXT(account.jwt, "jwt.2");
    cp_account_forget(&account);
}

TEST(an_unusable_answer_changes_nothing)
{
    static const char *const bad[] = {
        "[]",
        "\"\"",
        "{\"name\":\"no uid\"}",
        "{\"uid\":\"eve\",\"jwt\":\"a\\r\\nX: y\"}",
        "{\"uid\":\"eve\",\"authToken\":\"a\\nb\"}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_HOST\":\"a b\"}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CLIENT_API_HOST\":\"a\\r\\nb\"}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_API_VERSION\":\"../admin\"}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_API_VERSION\":\"..\"}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"WS_API_VERSION\":\"v1?x=\"}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_API_VERSION\":\"v3.000000000000000\"}"
        "}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_WSS_PORT\":65536}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_WSS_PORT\":0}}",
        "{\"uid\":\"eve\",\"jwt\":\"j\",\"settings\":{\"CHAT_WSS_PORT\":\"443x\"}}",
    };
    begin();
    CHECK_INT(learn(CAPTURED_ME), CP_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(learn(bad[i]), CP_ERR_MALFORMED);
        CHECK_TEXT(account.uid, "alice");
        CHECK_TEXT(account.jwt, "jwt.alice.15c95fa5f4275");
        check_target(CP_SERVICE_SOCKET, "https://127.0.0.1:27443");
    }
    cp_account_forget(&account);
}

TEST(a_host_that_is_too_long_is_refused)
{
    char host[300], settings[400];
    begin();
    memset(host, 'a', sizeof host);
    host[255] = '\0';
    snprintf(settings, sizeof settings, "{\"CHAT_HOST\":\"%s\"}", host);
    CHECK_INT(learn_settings(settings), CP_ERR_MALFORMED); /* longer than a host can be */
    host[255] = 'a';
    host[256] = '\0';
    snprintf(settings, sizeof settings, "{\"CHAT_HOST\":\"%s\"}", host);
    CHECK_INT(learn_settings(settings), CP_ERR_MALFORMED);
    cp_account_forget(&account);
}

TEST(learning_survives_each_allocation_that_fails)
{
    cp_json *document;
    CHECK_INT(cp_json_parse(cp_slice_of(CAPTURED_ME), CP_JSON_BODY_LIMITS, &document), CP_OK);
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin();
        CHECK_INT(cp_account_set_token(&account, cp_slice_of("before")), CP_OK);
        fail_allocation(n);
        cp_status status = cp_account_learn(&account, document);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK((account.uid == NULL) == (failed != 0));
        CHECK_TEXT(account.auth_token, failed ? "before" : "alice_17954853667583934bc4afcdc5");
    }
    cp_json_free(document);
    cp_account_forget(&account);
}

TEST(a_token_replaces_the_one_before)
{
    begin();
    CHECK_INT(cp_account_set_token(&account, cp_slice_of("one")), CP_OK);
    CHECK_INT(cp_account_set_token(&account, cp_slice_of("two")), CP_OK);
    CHECK_TEXT(account.auth_token, "two");
    CHECK_INT(cp_account_set_token(&account, cp_slice_of("a\r\nb")), CP_ERR_ARGUMENT);
    CHECK_INT(cp_account_set_token(&account, cp_slice_of("")), CP_ERR_ARGUMENT);
    CHECK_INT(cp_account_set_token(&account, CP_ABSENT_SLICE), CP_ERR_ARGUMENT);
    fail_allocation(1);
    CHECK_INT(cp_account_set_token(&account, cp_slice_of("three")), CP_ERR_NOMEM);
    CHECK_TEXT(account.auth_token, "two");
    cp_account_forget(&account);
}

TEST(the_versions_are_those_we_were_written_for_until_settings_say_others)
{
    begin();
    CHECK_INT(learn_settings("{\"CHAT_API_VERSION\":\"v3.1\"}"), CP_OK);
    CHECK_INT(learn_settings("{}"), CP_OK);
    CHECK_TEXT(account.api_version, "v3.1");
    CHECK_TEXT(account.socket_api_version, "v1.0");
    cp_account_forget(&account);
    CHECK_TEXT(account.api_version, "v3.0");
}

TEST(a_forgotten_account_knows_nobody_and_no_server)
{
    begin();
    CHECK_INT(learn(CAPTURED_ME), CP_OK);
    cp_account_rotate(&account);
    cp_account_forget(&account);
    CHECK(!account.uid && !account.auth_token && !account.jwt && !account.me.user);
    CHECK(account.config == &config);
    check_target(CP_SERVICE_CLIENT, "https://app1.apiclient-us.cc-cluster-2.io/v3.0");
}

/* ---- where the servers are */

TEST(the_default_hosts_are_made_of_app_and_region)
{
    begin();
    check_target(CP_SERVICE_ADMIN, "https://app1.api-us.cometchat.io/v3.0");
    check_target(CP_SERVICE_CLIENT, "https://app1.apiclient-us.cometchat.io/v3.0");
    check_target(CP_SERVICE_SOCKET, "https://app1.websocket-us.cometchat.io");
    check_target(CP_SERVICE_COUNT, "https://app1.websocket-us.cometchat.io/api/v1.0");
}

TEST(the_private_region_is_the_app)
{
    begin();
    config.region = "Private";
    check_target(CP_SERVICE_ADMIN, "https://app1.api-app1.cometchat.io/v3.0");
}

TEST(host_families_take_turns)
{
    begin();
    cp_account_rotate(&account);
    check_target(CP_SERVICE_SOCKET, "https://app1.websocket-us.cc-cluster-2.io");
    cp_account_rotate(&account);
    check_target(CP_SERVICE_CLIENT, "https://app1.apiclient-us.cc-edge-2.io/v3.0");
    cp_account_rotate(&account);
    check_target(CP_SERVICE_CLIENT, "https://app1.apiclient-us.cometchat.io/v3.0");
}

TEST(an_app_id_or_region_that_is_no_label_leads_nowhere)
{
    begin();
    config.app_id = "evil.example/";
    check_nowhere(CP_SERVICE_CLIENT);
    config.app_id = NULL;
    check_nowhere(CP_SERVICE_CLIENT);
    config.app_id = "app1";
    config.region = "us.evil.example/";
    check_nowhere(CP_SERVICE_SOCKET);
    config.region = NULL;
    check_nowhere(CP_SERVICE_SOCKET);
}

TEST(an_override_has_no_version_until_settings_are_known)
{
    begin();
    config.admin_host = "127.0.0.1:27443";
    config.client_host = "gateway.example/chat/";
    check_target(CP_SERVICE_ADMIN, "https://127.0.0.1:27443");
    check_target(CP_SERVICE_CLIENT, "https://gateway.example/chat");
    CHECK_INT(learn_settings("{\"CLIENT_API_HOST\":\"c.example\",\"CHAT_API_VERSION\":\"v3\"}"),
              CP_OK);
    check_target(CP_SERVICE_CLIENT, "https://c.example/v3");
    check_target(CP_SERVICE_ADMIN, "https://127.0.0.1:27443"); /* settings say nothing of it */
    cp_account_forget(&account);
}

TEST(the_chat_host_is_the_first_of_three)
{
    begin();
    CHECK_INT(learn_settings("{\"CHAT_HOST\":\"third.example\",\"CHAT_WSS_PORT\":8443}"), CP_OK);
    check_target(CP_SERVICE_SOCKET, "https://third.example:8443");
    CHECK_INT(learn_settings("{\"CHAT_HOST\":\"third.example\","
                             "\"CHAT_HOST_APP_SPECIFIC\":\"second.example\"}"),
              CP_OK);
    check_target(CP_SERVICE_SOCKET, "https://second.example:8443");
    CHECK_INT(learn_settings("{\"CHAT_HOST_OVERRIDE\":\"first.example\","
                             "\"CHAT_HOST_APP_SPECIFIC\":\"\",\"CHAT_HOST\":\"third.example\"}"),
              CP_OK);
    check_target(CP_SERVICE_SOCKET, "https://first.example:8443");
    check_target(CP_SERVICE_COUNT, "https://first.example/api/v1.0");
    cp_account_forget(&account);
}

TEST(a_chat_host_with_port_and_query_sends_both_there)
{
    begin();
    CHECK_INT(learn_settings("{\"CHAT_HOST\":\"127.0.0.1:27443/?\",\"CHAT_WSS_PORT\":\"443\"}"),
              CP_OK);
    check_target(CP_SERVICE_SOCKET, "https://127.0.0.1:27443");
    check_target(CP_SERVICE_COUNT, "https://127.0.0.1:27443/api/v1.0");
    cp_account_forget(&account);
}

/* Learned, they would make every later attempt fail. */
TEST(settings_that_name_no_host_are_refused)
{
    static const char *const bad[] = {"user@evil", "?", "ftp://x", "/path", "host:0", "#", "[::1]"};
    static const char *const names[] = {"CHAT_HOST", "ADMIN_API_HOST", "CLIENT_API_HOST"};
    begin();
    CHECK_INT(learn(CAPTURED_ME), CP_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0] * 3; i++) {
        char settings[100];
        snprintf(settings, sizeof settings, "{\"%s\":\"%s\"}", names[i % 3], bad[i / 3]);
        CHECK_INT(learn_settings(settings), CP_ERR_MALFORMED);
        check_target(CP_SERVICE_SOCKET, "https://127.0.0.1:27443");
    }
    cp_account_forget(&account);
}

TEST(a_host_whose_path_leaves_no_room_for_a_version_is_refused)
{
    char host[130], settings[200];
    begin();
    memset(host, 'a', sizeof host);
    host[1] = '/';
    host[119] = '\0';
    snprintf(settings, sizeof settings, "{\"CLIENT_API_HOST\":\"%s\"}", host);
    CHECK_INT(learn_settings(settings), CP_OK);
    CHECK_INT(learn_settings("{\"CHAT_API_VERSION\":\"v3.0.0.0.0.0\"}"), CP_ERR_MALFORMED);
    check_target(CP_SERVICE_CLIENT, strcat(strcpy(settings, "https://"), strcat(host, "/v3.0")));
    cp_account_forget(&account);
}

TEST(settings_cannot_take_tls_away)
{
    begin();
    CHECK_INT(learn_settings("{\"CLIENT_API_HOST\":\"http://127.0.0.1\"}"), CP_ERR_MALFORMED);
    config.plain_allowed = true;
    CHECK_INT(learn_settings("{\"CLIENT_API_HOST\":\"http://127.0.0.1\"}"), CP_OK);
    check_target(CP_SERVICE_CLIENT, "http://127.0.0.1/v3.0");
    cp_account_forget(&account);
}

TEST(an_endpoint_is_everything_whatever_settings_say)
{
    begin();
    config.endpoint = "http://127.0.0.1:8080/emulator/";
    config.admin_host = config.client_host = "other.example";
    CHECK_INT(learn(CAPTURED_ME), CP_OK);
    check_target(CP_SERVICE_ADMIN, "http://127.0.0.1:8080/emulator/v3.0");
    check_target(CP_SERVICE_CLIENT, "http://127.0.0.1:8080/emulator/v3.0");
    check_target(CP_SERVICE_SOCKET, "http://127.0.0.1:8080/emulator");
    check_target(CP_SERVICE_COUNT, "http://127.0.0.1:8080/emulator/api/v1.0");
    cp_account_forget(&account);
}

TEST(a_plain_endpoint_elsewhere_must_be_asked_for)
{
    begin();
    config.endpoint = "http://example.com";
    check_nowhere(CP_SERVICE_CLIENT);
    check_nowhere(CP_SERVICE_SOCKET);
    config.plain_allowed = true;
    check_target(CP_SERVICE_CLIENT, "http://example.com/v3.0");
    check_target(CP_SERVICE_SOCKET, "http://example.com");
}

TEST(a_prefix_without_room_for_the_version_is_refused)
{
    char endpoint[160] = "https://h/";
    begin();
    memset(endpoint + 10, 'a', 124);
    config.endpoint = endpoint;
    check_target(CP_SERVICE_SOCKET, endpoint);
    check_nowhere(CP_SERVICE_CLIENT);
    check_nowhere(CP_SERVICE_COUNT);
}
