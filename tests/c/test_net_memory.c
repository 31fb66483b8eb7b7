/* Each allocation of csrc/net fails once, and those of csrc/core with them, on the network
 * thread and on the caller's, from the login to the farewell: whoever asked is told, or it is
 * tried again; and nothing is left.  lws and OpenSSL allocate in libraries of their own. */
#include <pthread.h>

#include "net/connection.h"
#include "net/loop.h"
#include "net/network.h"
#include "test.h"

#include "small_server.h"

#define PATIENCE (30 * CP_USEC_PER_SEC)

static small_server server;

/* ---- somebody on the network thread by whom its allocations fail */

typedef struct steward {
    cp_guest guest;
    pthread_mutex_t lock;
    pthread_cond_t served;
    unsigned nth; /* to fail; 0: it goes, and says whether one did */
    bool has_failed, is_served;
} steward;

static steward its = {.lock = PTHREAD_MUTEX_INITIALIZER, .served = PTHREAD_COND_INITIALIZER};

static void steward_serves(cp_guest *guest)
{
    if (its.nth > 0)
        fail_allocation(its.nth);
    else
        its.has_failed = allocation_failed();
    if (its.nth == 0)
        cp_loop_exit(guest);
    pthread_mutex_lock(&its.lock);
    its.is_served = true;
    pthread_cond_signal(&its.served);
    pthread_mutex_unlock(&its.lock);
}

static void steward_is_told(unsigned nth)
{
    its.nth = nth;
    its.is_served = false;
    CHECK(cp_loop_knock(&its.guest));
    pthread_mutex_lock(&its.lock);
    while (!its.is_served)
        pthread_cond_wait(&its.served, &its.lock);
    pthread_mutex_unlock(&its.lock);
}

static void fail_on_the_network_thread(unsigned nth)
{
    its.guest = (cp_guest){.serve = steward_serves, .leave = steward_serves};
    CHECK_INT(cp_loop_enter(&its.guest), CP_OK);
    steward_is_told(nth);
}

static bool one_failed_there(void)
{
    steward_is_told(0);
    CHECK_INT(cp_network_shutdown(PATIENCE), CP_OK);
    return its.has_failed;
}

/* ---- a client */

static void fill_config(cp_config *config, const char *ca_file)
{
    char endpoint[64];

    snprintf(endpoint, sizeof endpoint, "%s://127.0.0.1:%u", server.tls ? "https" : "http",
             server.port);
    cp_config_init(config);
    config->app_id = strdup("app");
    config->endpoint = strdup(endpoint);
    config->version = strdup("1");
    config->session_id = strdup("session");
    config->device_id = strdup("device");
    config->ca_file = ca_file ? strdup(ca_file) : NULL;
    config->subscription = CP_SUBSCRIBE_ALL_USERS;
    config->auto_connect = false;
    config->ping_interval = config->count_every = config->audit_after = CP_NEVER;
    config->connect_timeout = PATIENCE;
    config->reconnect.base = config->reconnect.floor = CP_USEC_PER_MS;
}

static cp_connection *made(const char *ca_file)
{
    cp_config config;
    cp_connection *self;

    fill_config(&config, ca_file);
    CHECK_INT(cp_connection_new(&config, &self), CP_OK);
    cp_config_destroy(&config);
    return self;
}

static cp_failure_kind outcome_of(cp_connection *self, cp_call_kind kind)
{
    cp_task *task = cp_task_new(kind, false);
    cp_call *call = cp_task_call(task);
    cp_failure_kind outcome;

    call->timeout = PATIENCE;
    if (kind == CP_CALL_LOGIN && server.tls) { /* one exchange: valgrind makes handshakes long */
        call->auth_token = strdup("t1");
    } else if (kind == CP_CALL_LOGIN) {
        call->uid = strdup("alice");
        call->auth_key = strdup("key");
    }
    CHECK_INT(cp_connection_post(self, task), CP_OK);
    CHECK(cp_task_wait(task, 2 * PATIENCE));
    outcome = call->failure.kind;
    cp_task_release(task);
    return outcome;
}

/* One failure is the most there may be. */
static void do_call(cp_connection *self, cp_call_kind kind)
{
    cp_failure_kind outcome = outcome_of(self, kind);

    if (outcome == CP_FAILURE_NONE)
        return;
    CHECK_INT(outcome, CP_FAILURE_MEMORY);
    CHECK_INT(outcome_of(self, kind), CP_FAILURE_NONE);
}

static size_t online(cp_connection *self)
{
    size_t count = cp_roster_online(cp_connection_lock(self));

    cp_connection_unlock(self);
    return count;
}

static void take_all(cp_connection *self)
{
    cp_notice notice;
    cp_change change;

    cp_connection_hush(self);
    while (cp_connection_take_notice(self, &notice))
        cp_notice_destroy(&notice);
    while (cp_connection_take_changes(self, &change, 1) > 0)
        cp_user_release(change.user);
}

static void live_and_leave(void)
{
    cp_connection *self = made(NULL);

    do_call(self, CP_CALL_LOGIN);
    do_call(self, CP_CALL_CONNECT);
    do_call(self, CP_CALL_AWAIT_SYNC);
    CHECK_INT(online(self), 2);
    do_call(self, CP_CALL_CLOSE);
    take_all(self);
    cp_connection_release(self);
}

TEST(a_life_in_which_any_allocation_of_the_network_thread_fails_ends_well)
{
    server_begins(&server, false);
    for (unsigned n = 1, failed = 1; failed; n++) {
        fail_on_the_network_thread(n);
        live_and_leave();
        failed = one_failed_there();
    }
    server_ends(&server);
}

/* Who would get in with somebody else's certificates is refused, whatever failed before. */
TEST(certificates_stay_with_whom_they_are_for_whichever_allocation_fails)
{
    server_begins(&server, true);
    setenv("SSL_CERT_FILE", "/dev/null", true); /* the system trusts nobody */
    setenv("SSL_CERT_DIR", "/dev/null", true);
    for (unsigned n = 1, failed = 1; failed; n++) {
        fail_on_the_network_thread(n);
        cp_connection *self = made(server.ca_file), *other = made(NULL);
        do_call(self, CP_CALL_LOGIN);
        cp_failure_kind outcome = outcome_of(other, CP_CALL_LOGIN);
        CHECK(outcome == CP_FAILURE_TLS || outcome == CP_FAILURE_MEMORY);
        cp_connection_release(self);
        cp_connection_release(other);
        failed = one_failed_there();
    }
    server_ends(&server);
}

TEST(a_caller_without_memory_has_no_connection)
{
    cp_config config;

    server_begins(&server, false);
    fill_config(&config, "/dev/null");
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_connection *self;
        fail_allocation(n);
        cp_status status = cp_connection_new(&config, &self);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK((self == NULL) == (status != CP_OK));
        cp_connection_release(self);
        CHECK_INT(cp_network_shutdown(PATIENCE), CP_OK);
    }
    cp_config_destroy(&config);
    server_ends(&server);
}
