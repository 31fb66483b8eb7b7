/* A network thread that is kept from turning is noticed by who listens. */
#include <poll.h>
#include <pthread.h>

#include "net/connection.h"
#include "net/loop.h"
#include "net/network.h"
#include "test.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool may_turn;

/* Somebody on the network thread who does not come back. */
static void stop(cp_guest *self)
{
    pthread_mutex_lock(&lock);
    while (!may_turn)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    cp_loop_exit(self);
}

static void let_turn(void)
{
    pthread_mutex_lock(&lock);
    may_turn = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static cp_connection *made(void)
{
    cp_config config;
    cp_connection *self;

    cp_config_init(&config);
    config.app_id = strdup("app");
    config.endpoint = strdup("http://127.0.0.1:1"); /* nobody */
    config.version = strdup("1");
    config.session_id = strdup("session");
    config.device_id = strdup("device");
    CHECK_INT(cp_connection_new(&config, &self), CP_OK);
    cp_config_destroy(&config);
    return self;
}

static uint64_t stalls_of(cp_connection *self)
{
    cp_connection_facts facts;

    CHECK_INT(cp_connection_look(self, &facts), CP_OK);
    cp_presence_destroy(&facts.me);
    return facts.stalls;
}

TEST(a_thread_that_turns_beats_every_second)
{
    cp_connection *self = made();
    cp_usec first = cp_network_beat();

    CHECK_INT(cp_connection_listen(self, 2500 * CP_USEC_PER_MS), CP_ERR_TIMEOUT);
    CHECK(cp_network_beat() >= first + 1500 * CP_USEC_PER_MS);
    CHECK_INT(stalls_of(self), 0);
    cp_connection_release(self);
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}

TEST(a_thread_that_is_stuck_is_told_once_and_goes_on_when_it_can)
{
    cp_guest blocker = {.serve = stop, .leave = stop};
    cp_connection *self = made();
    cp_usec start = cp_network_now();

    may_turn = false;
    CHECK_INT(cp_loop_enter(&blocker), CP_OK);
    CHECK(cp_loop_knock(&blocker));
    CHECK_INT(cp_connection_listen(self, 30 * CP_USEC_PER_SEC), CP_ERR_STALLED);
    CHECK(cp_network_now() - start >= 5 * CP_USEC_PER_SEC);
    CHECK(cp_network_now() - start < 15 * CP_USEC_PER_SEC);
    CHECK_INT(stalls_of(self), 1);
    CHECK_INT(cp_connection_listen(self, 1500 * CP_USEC_PER_MS), CP_ERR_TIMEOUT);
    CHECK_INT(stalls_of(self), 1);
    let_turn();
    cp_usec end = cp_network_now();
    while (cp_network_beat() < end)
        CHECK_INT(cp_connection_listen(self, 100 * CP_USEC_PER_MS), CP_ERR_TIMEOUT);
    CHECK_INT(stalls_of(self), 1);
    cp_connection_release(self);
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}

TEST(a_thread_that_ended_with_its_last_connection_is_not_missed)
{
    cp_connection *self = made();
    cp_task *close = cp_task_new(CP_CALL_CLOSE, false);
    cp_usec start = cp_network_now(), look_again;

    CHECK_INT(cp_connection_post(self, close), CP_OK);
    CHECK(cp_task_wait(close, 20 * CP_USEC_PER_SEC));
    cp_task_release(close);
    while (cp_network_now() < start + 8 * CP_USEC_PER_SEC) {
        CHECK(!cp_connection_has_stalled(self, &look_again));
        poll(NULL, 0, 100);
    }
    CHECK_INT(stalls_of(self), 0);
    cp_connection_release(self);
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}
