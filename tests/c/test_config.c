#include "core/config.h"

#include "core/text.h"
#include "test.h"

static cp_config config;
static cp_failure failure;

static void set(char **field, const char *value)
{
    free(*field);
    CHECK_INT(cp_text_copy(field, value), CP_OK);
}

static void set_watched(char *const *uids)
{
    cp_texts_free(config.watched);
    CHECK_INT(cp_texts_copy(&config.watched, uids), CP_OK);
}

static void set_roles(char *const *roles)
{
    cp_texts_free(config.roles);
    CHECK_INT(cp_texts_copy(&config.roles, roles), CP_OK);
}

static void begin(void)
{
    cp_config_destroy(&config);
    set(&config.app_id, "app1");
    set(&config.region, "US");
    set(&config.version, "0.1.0");
    set(&config.session_id, "PY-0.1.0-x-1");
    set(&config.device_id, "app1_x_1");
}

static void check_good(void)
{
    failure = (cp_failure){0};
    cp_status status = cp_config_check(&config, &failure);
    CHECK_TEXT(failure.message, "");
    CHECK_INT(status, CP_OK);
    cp_config_destroy(&config);
}

/* And begins anew. */
static void check_refused(const char *code, const char *message)
{
    failure = (cp_failure){0};
    CHECK_INT(cp_config_check(&config, &failure), CP_ERR_ARGUMENT);
    CHECK_INT(failure.kind, CP_FAILURE_CONFIG);
    CHECK_TEXT(failure.code, code);
    CHECK_TEXT(failure.message, message);
    begin();
}

TEST(the_defaults_are_good_once_it_is_said_who_we_are)
{
    begin();
    CHECK(config.auto_connect);
    CHECK_INT(config.subscription, CP_SUBSCRIBE_NONE);
    CHECK_INT(config.queue_size, 4096);
    CHECK_INT(config.page_size, 100);
    CHECK_INT(config.reconnect.max_attempts, -1);
    CHECK(config.audit_after == 30 * CP_USEC_PER_SEC && config.sync_every == CP_NEVER);
    check_good();
}

TEST(what_is_missing_is_named)
{
    begin();
    set(&config.app_id, NULL);
    check_refused("MISSING_PARAMETERS", "The app id is missing.");
    set(&config.app_id, " ");
    check_refused("MISSING_PARAMETERS", "The app id is missing.");
    set(&config.region, NULL);
    check_refused("MISSING_PARAMETERS",
                  "The region is missing: give region=, or set COMETCHAT_REGION and make the "
                  "client by from_env().");
    set(&config.session_id, "");
    check_refused("MISSING_PARAMETERS", "The session id is missing.");
    config.subscription = CP_SUBSCRIBE_ROLES;
    check_refused("MISSING_PARAMETERS", "The list of roles is empty.");
    cp_config_destroy(&config);
}

TEST(an_unknown_region_needs_hosts_of_its_own)
{
    begin();
    set(&config.region, "mars");
    check_refused("INVALID_REGION", "The region is none of us, eu, in and private.");

    set(&config.region, "mars");
    set(&config.admin_host, "admin.example.com");
    check_refused("INVALID_REGION", "The region is none of us, eu, in and private.");

    set(&config.region, "mars");
    set(&config.admin_host, "admin.example.com");
    set(&config.client_host, "client.example.com:8443/path");
    check_good();

    begin();
    set(&config.region, NULL);
    set(&config.endpoint, "http://127.0.0.1:8080");
    check_good();
}

TEST(the_documented_regions_are_known_in_any_case)
{
    static const char *const regions[] = {"us", "EU", "In", "private"};
    for (size_t i = 0; i < 4; i++) {
        begin();
        set(&config.region, regions[i]);
        check_good();
    }
}

TEST(an_app_id_cannot_lead_elsewhere)
{
    begin();
    set(&config.app_id, "evil.example/");
    check_refused("AUTH_ERR_INVALID_APPID", "The app id has characters that no app id has.");
    cp_config_destroy(&config);
}

TEST(no_text_may_hold_control_characters)
{
    char **fields[] = {&config.app_id,      &config.region,     &config.admin_host,
                       &config.client_host, &config.endpoint,   &config.ca_file,
                       &config.version,     &config.session_id, &config.device_id};
    begin();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        set(fields[i], "a\r\nX-Evil: b");
        CHECK_INT(cp_config_check(&config, &failure), CP_ERR_ARGUMENT);
        CHECK_TEXT(failure.code, "INVALID_PARAMETER");
        CHECK(strchr(failure.message, '\n') == NULL);
        begin();
    }
    config.subscription = CP_SUBSCRIBE_ROLES;
    set_roles((char *[]){"teacher", "stu\ndent", NULL});
    check_refused("INVALID_PARAMETER",
                  "The list of roles has an empty one, or control characters in one.");
    cp_config_destroy(&config);
}

TEST(a_host_must_be_one)
{
    begin();
    set(&config.endpoint, "ftp://example.com");
    check_refused("INVALID_HOST", "The endpoint is no host and no URL.");
    set(&config.admin_host, "");
    check_refused("INVALID_HOST", "The admin host is no host and no URL.");
    set(&config.client_host, "user:word@example.com");
    check_refused("INVALID_HOST", "The client host is no host and no URL.");
    cp_config_destroy(&config);
}

TEST(tls_to_an_ipv6_address_is_refused_because_it_would_always_fail)
{
    begin();
    set(&config.endpoint, "https://[2001:db8::1]:8443");
    check_refused("INVALID_HOST", "The endpoint is an IPv6 address, to which TLS is not supported: "
                                  "use a name.");
    set(&config.client_host, "[::1]");
    config.plain_allowed = true;
    check_refused("INVALID_HOST", "The client host is an IPv6 address, to which TLS is not "
                                  "supported: use a name.");
    set(&config.endpoint, "http://[::1]:8080");
    check_good();
}

TEST(plain_http_leaves_this_machine_only_when_asked_for)
{
    begin();
    set(&config.endpoint, "http://example.com");
    check_refused(
        "PLAIN_HTTP_REFUSED",
        "The endpoint is plain http to another machine, which needs allow_plaintext=True.");
    set(&config.endpoint, "http://example.com");
    config.plain_allowed = true;
    check_good();
    begin();
    set(&config.endpoint, "http://localhost:8080/");
    check_good();
}

TEST(uids_that_nobody_can_have_are_not_watched)
{
    char longest[CP_UID_MAX + 2] = {0};
    char *many[CP_WATCHED_MAX + 2] = {NULL};

    begin();
    memset(longest, 'a', CP_UID_MAX);
    for (int i = 0; i < CP_WATCHED_MAX; i++)
        many[i] = longest;
    set_watched(many);
    check_good();
    begin();
    many[CP_WATCHED_MAX] = longest;
    set_watched(many);
    check_refused("ERROR_SET_UIDS_EXCEEDED", "The list of watched uids has more than 1000.");
    longest[CP_UID_MAX] = 'a';
    for (int i = 0; i < 4; i++) {
        set_watched((char *[]){"bob", (char *[]){"", "a,b", "a\nb", longest}[i], NULL});
        check_refused("INVALID_UID",
                      "The list of watched uids has one that is empty, has more than 100 bytes, "
                      "a comma or control characters.");
    }
    config.watched_every = 0;
    check_refused("INVALID_PARAMETER", "The time between look-ups is not above 0.");
    cp_config_destroy(&config);
}

TEST(numbers_out_of_range_are_refused)
{
    begin();
    config.page_size = 0;
    check_refused("INVALID_SET_LIMIT", "The page size is below 1.");
    config.page_size = 101;
    check_refused("ERROR_SET_LIMIT_EXCEEDED", "The page size is above 100.");
    config.queue_size = 0;
    check_refused("INVALID_PARAMETER", "The queue size is not in 1 to 16777216.");
    config.queue_size = UINT32_MAX;
    check_refused("INVALID_PARAMETER", "The queue size is not in 1 to 16777216.");
    config.max_users = 0;
    check_refused("INVALID_PARAMETER", "The number of users to track is below 1.");
    config.connect_timeout = 0;
    check_refused("INVALID_PARAMETER", "The connect timeout is not above 0.");
    config.ping_interval = -1;
    check_refused("INVALID_PARAMETER", "The ping interval is not above 0.");
    config.sync_every = 0;
    check_refused("INVALID_PARAMETER", "The time between resyncs is not above 0.");
    config.reconnect.floor = config.reconnect.cap + 1;
    check_refused("INVALID_PARAMETER",
                  "The reconnect policy has a floor above its cap, or a time below 0.");
    cp_config_destroy(&config);
}

TEST(a_copy_is_deep_and_each_allocation_can_fail)
{
    begin();
    set(&config.admin_host, "a.example");
    set(&config.client_host, "c.example");
    set(&config.endpoint, "http://127.0.0.1:1");
    set(&config.ca_file, "/ca.pem");
    set_roles((char *[]){"teacher", "student", NULL});
    set_watched((char *[]){"bob", "zoe", NULL});
    config.page_size = 7;
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_config copy;
        fail_allocation(n);
        cp_status status = cp_config_copy(&copy, &config);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK(failed ? copy.app_id == NULL : copy.app_id != config.app_id);
        CHECK_TEXT(copy.app_id, failed ? NULL : "app1");
        CHECK_TEXT(copy.device_id, failed ? NULL : "app1_x_1");
        CHECK_TEXT(copy.ca_file, failed ? NULL : "/ca.pem");
        CHECK(failed ? copy.roles == NULL : strcmp(copy.roles[1], "student") == 0);
        CHECK(failed ? copy.watched == NULL : strcmp(copy.watched[1], "zoe") == 0);
        CHECK(failed || copy.page_size == 7);
        cp_config_destroy(&copy);
    }
    cp_config_destroy(&config);
}
