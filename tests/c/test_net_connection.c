#define _GNU_SOURCE
#include "net/connection.h"
#include "net/network.h"

#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <libwebsockets.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nobody listens there: a connection is refused at once, so that every road through a
 * connection's life can be walked without a server. */
#define NOBODY "http://127.0.0.1:1"

static const cp_backoff_policy at_once = {
    .base = 1000, .cap = 2000, .floor = 100, .max_attempts = -1, .stable_after = CP_USEC_PER_SEC};

static cp_connection *made_for(const char *endpoint)
{
    cp_config config;
    cp_connection *self;
    cp_config_init(&config);
    config.app_id = strdup("app");
    config.endpoint = strdup(endpoint);
    config.version = strdup("1");
    config.session_id = strdup("session");
    config.device_id = strdup("device");
    config.reconnect = at_once;
    CHECK_INT(cp_connection_new(&config, &self), CP_OK);
    cp_config_destroy(&config);
    return self;
}

static cp_connection *made(void)
{
    return made_for(NOBODY);
}

static void check_all_is_over(void)
{
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}

static cp_task *posted(cp_connection *connection, cp_call_kind kind, bool on_bell)
{
    cp_task *task = cp_task_new(kind, on_bell);
    cp_call *call = cp_task_call(task);
    call->timeout = 20 * CP_USEC_PER_SEC;
    if (kind == CP_CALL_LOGIN || kind == CP_CALL_GET_USER)
        call->uid = strdup("alice");
    if (kind == CP_CALL_LOGIN)
        call->auth_key = strdup("key");
    if (cp_connection_post(connection, task) != CP_OK)
        test_is_failing = true;
    return task;
}

static cp_failure_kind outcome(cp_task *task)
{
    cp_failure_kind kind = CP_FAILURE_NONE;
    if (cp_task_wait(task, 20 * CP_USEC_PER_SEC))
        kind = cp_task_call(task)->failure.kind;
    else
        test_is_failing = true;
    cp_task_release(task);
    return kind;
}

static cp_failure_kind outcome_of(cp_connection *connection, cp_call_kind kind)
{
    return outcome(posted(connection, kind, false));
}

static atomic_bool no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
            RTLD_NEXT, "pthread_create");

    return no_threads ? EAGAIN : real(thread, attributes, run, arg);
}

static pthread_t of_the_test; /* the thread that runs it */
static sem_t turned;          /* the loop, by that thread */

int lws_service(struct lws_context *context, int timeout)
{
    int (*real)(struct lws_context *, int) =
        (int (*)(struct lws_context *, int))dlsym(RTLD_NEXT, "lws_service");

    if (pthread_equal(pthread_self(), of_the_test))
        sem_post(&turned);
    return real(context, timeout);
}

/* ---- life */

TEST(a_connection_that_was_never_used_ends_with_its_thread)
{
    for (int i = 0; i < 20; i++) {
        cp_connection_release(made());
        if (i % 5 == 0)
            check_all_is_over();
    }
    check_all_is_over();
    cp_connection_release(NULL);
}

TEST(before_anything_happened_there_was_no_round_trip)
{
    cp_connection *self = made();
    cp_connection_facts facts;
    CHECK_INT(cp_connection_look(self, &facts), CP_OK);
    CHECK(facts.session.last_round_trip == CP_NEVER);
    cp_presence_destroy(&facts.me);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(a_refused_login_is_told_to_the_caller)
{
    cp_connection *self = made();
    CHECK_INT(outcome_of(self, CP_CALL_LOGIN), CP_FAILURE_CONNECTION_LOST);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(without_a_thread_for_the_name_a_login_fails_and_not_for_want_of_memory)
{
    cp_connection *self = made_for("http://localhost:1");
    no_threads = true;
    CHECK_INT(outcome_of(self, CP_CALL_LOGIN), CP_FAILURE_CONNECTION_LOST);
    no_threads = false;
    CHECK_INT(outcome_of(self, CP_CALL_LOGIN), CP_FAILURE_CONNECTION_LOST);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(without_a_network_thread_there_is_no_connection)
{
    cp_config config;
    cp_connection *self;
    cp_config_init(&config);
    no_threads = true;
    cp_status status = cp_connection_new(&config, &self);
    int error = errno;
    no_threads = false;
    CHECK_INT(status, CP_ERR_SYSTEM);
    CHECK_INT(error, EAGAIN);
    CHECK(self == NULL);
}

TEST(after_close_every_call_is_refused_at_once)
{
    cp_connection *self = made();
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(self, CP_CALL_LOGIN), CP_FAILURE_CLOSED);
    CHECK_INT(outcome_of(self, CP_CALL_AWAIT_SYNC), CP_FAILURE_CLOSED);
    check_all_is_over(); /* though nobody released it */
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE);
    cp_connection_release(self);
}

TEST(who_listens_is_woken_by_the_end)
{
    cp_connection *self = made();
    cp_task_release(posted(self, CP_CALL_CLOSE, false));
    while (cp_connection_listen(self, 20 * CP_USEC_PER_SEC) == CP_OK)
        cp_connection_hush(self);
    CHECK_INT(cp_connection_listen(self, CP_NEVER), CP_ERR_CLOSED);
    CHECK(cp_connection_bell(self) >= 0);
    cp_connection_release(self);
    check_all_is_over();
}

static void *close_once_turned(void *arg)
{
    while (sem_wait(&turned) != 0)
        continue;
    CHECK_INT(outcome_of(arg, CP_CALL_CLOSE), CP_FAILURE_NONE);
    return NULL;
}

TEST(who_listens_without_an_end_turns_the_loop_itself)
{
    CHECK_INT(sem_init(&turned, 0, 0), 0);
    of_the_test = pthread_self();
    cp_connection *self = made();
    pthread_t closer;
    CHECK_INT(pthread_create(&closer, NULL, close_once_turned, self), 0);
    while (cp_connection_listen(self, CP_NEVER) == CP_OK)
        cp_connection_hush(self);
    CHECK_INT(pthread_join(closer, NULL), 0);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(shutdown_closes_what_nobody_released)
{
    cp_connection *self[5];
    for (int i = 0; i < 5; i++)
        self[i] = made();
    check_all_is_over();
    for (int i = 0; i < 5; i++) {
        CHECK_INT(outcome_of(self[i], CP_CALL_LOGIN), CP_FAILURE_CLOSED);
        cp_connection_release(self[i]);
    }
}

/* ---- calls */

static cp_task *taken(cp_connection *self)
{
    struct pollfd bell = {.fd = cp_connection_bell(self), .events = POLLIN};
    cp_task *task;
    while ((task = cp_connection_take_done(self)) == NULL) {
        CHECK_INT(poll(&bell, 1, 20000), 1);
        cp_connection_hush(self);
    }
    return task;
}

TEST(a_call_on_the_bell_is_found_there)
{
    cp_connection *self = made();
    cp_task *task = posted(self, CP_CALL_LOGIN, true);
    cp_task *found = taken(self);
    CHECK(found == task);
    CHECK_INT(cp_task_call(found)->failure.kind, CP_FAILURE_CONNECTION_LOST);
    cp_task_release(found);
    cp_task_release(task);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(a_call_on_the_bell_of_a_closed_connection_is_found_there_too)
{
    cp_connection *self = made();
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE);
    check_all_is_over();
    cp_task *task = posted(self, CP_CALL_LOGIN, true);
    cp_task *found = taken(self);
    CHECK(found == task);
    CHECK_INT(cp_task_call(found)->failure.kind, CP_FAILURE_CLOSED);
    cp_task_release(found);
    cp_task_release(task);
    cp_connection_release(self);
}

TEST(a_cancelled_call_is_done_soon)
{
    cp_connection *self = made();
    cp_task *task = cp_task_new(CP_CALL_AWAIT_SYNC, false);
    cp_task_call(task)->timeout = CP_NEVER;
    CHECK_INT(cp_connection_post(self, task), CP_OK);
    cp_connection_cancel(self, task);
    cp_connection_cancel(self, task);
    CHECK(cp_task_wait(task, 20 * CP_USEC_PER_SEC));
    cp_connection_cancel(self, task); /* too late, and harmless */
    cp_task_release(task);
    cp_connection_release(self);
    check_all_is_over();
}

/* ---- the alarm */

static void know(cp_connection *self, cp_sync_state state)
{
    cp_roster_set_state(cp_connection_lock(self), state);
    cp_connection_unlock(self);
}

TEST(the_earliest_alarm_rings_at_its_time_and_is_taken_once)
{
    const cp_usec start = cp_network_now();
    cp_connection *self = made();
    cp_usec until;

    know(self, CP_SYNC_SYNCED);
    cp_connection_set_alarm(self, start + 60 * CP_USEC_PER_SEC);
    cp_connection_set_alarm(self, start + 50 * CP_USEC_PER_MS);
    cp_connection_set_alarm(self, start + 60 * CP_USEC_PER_SEC);
    CHECK(!cp_connection_take_alarm(self, CP_NEVER, &until));
    CHECK_INT(cp_connection_listen(self, 20 * CP_USEC_PER_SEC), CP_OK);
    CHECK(cp_network_now() >= start + 50 * CP_USEC_PER_MS);
    cp_connection_hush(self);
    CHECK(cp_connection_ring_if_more(self));
    CHECK(!cp_connection_take_alarm(self, start, &until)); /* who is behind has to wait */
    CHECK(cp_connection_take_alarm(self, CP_NEVER, &until));
    CHECK(until >= start + 50 * CP_USEC_PER_MS);
    CHECK(!cp_connection_take_alarm(self, CP_NEVER, &until));
    cp_connection_hush(self);
    CHECK(!cp_connection_ring_if_more(self));
    CHECK_INT(cp_connection_listen(self, 0), CP_ERR_TIMEOUT);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(an_alarm_that_is_due_when_it_is_set_rings_at_once)
{
    cp_connection *self = made();
    struct pollfd bell = {.fd = cp_connection_bell(self), .events = POLLIN};
    cp_usec until;

    know(self, CP_SYNC_SYNCED);
    CHECK_INT(poll(&bell, 1, 0), 0);
    cp_connection_set_alarm(self, cp_network_now());
    CHECK_INT(poll(&bell, 1, 0), 1);
    CHECK(cp_connection_take_alarm(self, CP_NEVER, &until));
    cp_connection_release(self);
    check_all_is_over();
}

TEST(an_alarm_waits_while_nothing_is_known)
{
    const cp_sync_state ignorant[] = {CP_SYNC_AWAITING, CP_SYNC_STALE};
    cp_connection *self = made();
    cp_usec until;

    cp_connection_set_alarm(self, cp_network_now());
    for (size_t i = 0; i < sizeof ignorant / sizeof ignorant[0]; i++) {
        know(self, ignorant[i]);
        CHECK_INT(cp_connection_listen(self, 5 * CP_USEC_PER_MS), CP_ERR_TIMEOUT);
        CHECK(!cp_connection_take_alarm(self, CP_NEVER, &until));
    }
    know(self, CP_SYNC_DEGRADED); /* by our own limits: what is tracked is known */
    CHECK(cp_connection_take_alarm(self, CP_NEVER, &until));
    cp_connection_release(self);
    check_all_is_over();
}

TEST(no_alarm_outlives_its_connection)
{
    cp_connection *self = made();
    cp_usec until;

    know(self, CP_SYNC_SYNCED);
    cp_connection_set_alarm(self, cp_network_now());
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE);
    check_all_is_over();
    know(self, CP_SYNC_SYNCED);
    CHECK(!cp_connection_take_alarm(self, CP_NEVER, &until));
    cp_connection_set_alarm(self, cp_network_now());
    CHECK_INT(cp_connection_listen(self, CP_NEVER), CP_ERR_CLOSED);
    cp_connection_release(self);
}

/* ---- many threads at once */

enum { THREADS = 4, CALLS = 100 };

static void *call_much(void *arg)
{
    static const cp_call_kind kinds[] = {CP_CALL_LOGIN, CP_CALL_CONNECT, CP_CALL_COUNT,
                                         CP_CALL_GET_USER, CP_CALL_DISCONNECT};
    cp_connection *self = arg;
    for (int i = 0; i < CALLS; i++) {
        cp_connection_facts facts;
        cp_task *task = posted(self, kinds[i % 5], false);
        if (i % 3 == 0)
            cp_connection_cancel(self, task);
        if (cp_connection_look(self, &facts) == CP_OK)
            cp_presence_destroy(&facts.me);
        if (cp_roster_count(cp_connection_lock(self)) != 0)
            test_is_failing = true;
        cp_connection_unlock(self);
        (void)outcome(task);
    }
    return NULL;
}

static void *take_all(void *arg)
{
    cp_connection *self = arg;
    while (cp_connection_listen(self, CP_NEVER) == CP_OK) {
        cp_notice notice;
        cp_change changes[8];
        cp_connection_hush(self);
        while (cp_connection_take_notice(self, &notice))
            cp_notice_destroy(&notice);
        (void)cp_connection_take_changes(self, changes, 8);
        (void)cp_connection_ring_if_more(self);
    }
    return NULL;
}

TEST(every_call_of_many_threads_is_done_and_the_listener_hears_the_end)
{
    cp_connection *self = made();
    pthread_t callers[THREADS], listener;
    CHECK_INT(pthread_create(&listener, NULL, take_all, self), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&callers[i], NULL, call_much, self), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(callers[i], NULL);
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE);
    pthread_join(listener, NULL);
    cp_connection_release(self);
    check_all_is_over();
}

TEST(shutdown_while_many_threads_call_leaves_nobody_waiting)
{
    cp_connection *self = made();
    pthread_t callers[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&callers[i], NULL, call_much, self), 0);
    check_all_is_over();
    for (int i = 0; i < THREADS; i++)
        pthread_join(callers[i], NULL);
    cp_connection_release(self);
}

static void *come_and_go(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        cp_connection *self = made();
        cp_task *task = posted(self, CP_CALL_LOGIN, false);
        cp_connection_release(self); /* the call is finished all the same */
        (void)outcome(task);
    }
    return NULL;
}

/* The thread ends with the last and begins with the next one, all the time. */
TEST(connections_come_and_go_on_many_threads)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check_all_is_over();
}

/* ---- fork */

static bool is_foreign_here(cp_connection *self)
{
    cp_connection_facts facts;
    cp_task *task = cp_task_new(CP_CALL_CLOSE, false);
    cp_network_forked();
    cp_connection_set_alarm(self, 0);
    return cp_connection_post(self, task) == CP_ERR_FORKED &&
           cp_connection_look(self, &facts) == CP_ERR_FORKED &&
           cp_connection_listen(self, CP_NEVER) == CP_ERR_FORKED &&
           cp_connection_lock(self) == NULL && cp_connection_bell(self) == -1 &&
           cp_connection_take_done(self) == NULL &&
           !cp_connection_take_alarm(self, CP_NEVER, &(cp_usec){0}) &&
           cp_network_shutdown(0) == CP_OK;
}

TEST(in_a_forked_child_a_connection_is_foreign)
{
    cp_connection *self = made();
    int status, bell = cp_connection_bell(self);
    (void)outcome_of(self, CP_CALL_LOGIN);
    pid_t child = fork();
    if (child == 0) {
        bool is_good = is_foreign_here(self) && close(bell) != 0;
        cp_connection_release(self);
        raise(is_good ? SIGKILL : SIGTERM); /* no look for leaks: a child frees nothing */
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_INT(outcome_of(self, CP_CALL_CLOSE), CP_FAILURE_NONE); /* ours is as before */
    cp_connection_release(self);
    check_all_is_over();
}
