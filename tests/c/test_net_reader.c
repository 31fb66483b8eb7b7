#include "net/reader.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/network.h"
#include "test.h"

/* Changes are put into the roster by hand; a call that is done at once makes the network
 * thread look, as a frame would. */

static cp_connection *connection;

static void begin_test(void)
{
    cp_config config;

    cp_config_init(&config);
    config.app_id = strdup("app");
    config.endpoint = strdup("http://127.0.0.1:1"); /* nobody */
    config.version = strdup("1");
    config.session_id = strdup("session");
    config.device_id = strdup("device");
    CHECK_INT(cp_connection_new(&config, &connection), CP_OK);
    cp_config_destroy(&config);
}

static void end_test(void)
{
    cp_connection_release(connection);
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}

static void do_call(cp_call_kind kind)
{
    cp_task *task = cp_task_new(kind, false);

    CHECK_INT(cp_connection_post(connection, task), CP_OK);
    CHECK(cp_task_wait(task, 20 * CP_USEC_PER_SEC));
    cp_task_release(task);
}

static void change(const char *uid, cp_presence_status status)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
    cp_presence seen = {cp_user_new(&fields, &(bool){false}), status, CP_ABSENT, CP_ABSENT};
    cp_roster *roster = cp_connection_lock(connection);

    (void)cp_roster_apply_live(roster, &seen, cp_network_now());
    cp_connection_unlock(connection);
    cp_presence_destroy(&seen);
}

static cp_reader *opened(uint32_t size, cp_overflow overflow)
{
    cp_reader *reader;

    CHECK_INT(cp_reader_open(connection, &(cp_reader_options){.size = size, .overflow = overflow},
                             &reader),
              CP_OK);
    return reader;
}

static size_t take_all(cp_reader *reader)
{
    cp_change changes[8];
    size_t taken, all = 0;

    while ((taken = cp_reader_take(reader, changes, 8)) > 0) {
        for (size_t i = 0; i < taken; i++)
            cp_user_release(changes[i].user);
        all += taken;
    }
    return all;
}

TEST(what_changed_can_be_taken_and_need_not_be_waited_for)
{
    begin_test();
    cp_reader *reader = opened(16, CP_OVERFLOW_COALESCE);
    CHECK_INT(cp_reader_wait(reader, 0), CP_ERR_TIMEOUT);
    change("bob", CP_ONLINE);
    change("bob", CP_OFFLINE);
    CHECK_INT(cp_reader_wait(reader, CP_NEVER), CP_OK);
    CHECK_INT(take_all(reader), 2);
    CHECK_INT(cp_reader_counts(reader).events, 2);
    CHECK_INT(cp_reader_wait(reader, 1), CP_ERR_TIMEOUT);
    cp_reader_free(reader);
    end_test();
}

typedef struct waiter {
    cp_reader *reader;
    cp_status status;
    size_t taken;
} waiter;

static void *wait_and_take(void *arg)
{
    waiter *self = arg;

    self->status = cp_reader_wait(self->reader, CP_NEVER); /* woken, and not by time */
    if (self->status == CP_OK)
        self->taken = take_all(self->reader);
    return NULL;
}

TEST(each_of_many_that_sleep_is_woken_by_the_network_thread)
{
    enum { MANY = 50 };
    pthread_t threads[MANY];
    waiter waiters[MANY];

    begin_test();
    for (int i = 0; i < MANY; i++) {
        waiters[i] = (waiter){.reader = opened(16, CP_OVERFLOW_COALESCE)};
        pthread_create(&threads[i], NULL, wait_and_take, &waiters[i]);
    }
    change("bob", CP_ONLINE);
    do_call(CP_CALL_COUNT); /* which fails, after the thread has looked */
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(waiters[i].status, CP_OK);
        CHECK_INT(waiters[i].taken, 1);
        cp_reader_free(waiters[i].reader);
    }
    end_test();
}

static waiter woken_by(void (*what)(cp_reader *))
{
    waiter self = {.reader = opened(16, CP_OVERFLOW_COALESCE)};
    pthread_t thread;

    pthread_create(&thread, NULL, wait_and_take, &self);
    what(self.reader);
    pthread_join(thread, NULL);
    return self;
}

static void close_connection(cp_reader *nobody)
{
    (void)nobody;
    do_call(CP_CALL_CLOSE);
}

TEST(the_end_of_the_client_wakes_and_what_came_before_it_can_still_be_taken)
{
    begin_test();
    cp_reader *late = opened(16, CP_OVERFLOW_COALESCE);
    change("bob", CP_ONLINE);
    cp_reader *reader = opened(16, CP_OVERFLOW_COALESCE);
    waiter woken = woken_by(close_connection);
    CHECK_INT(woken.status, CP_ERR_CLOSED);
    CHECK(!cp_reader_is_closed(woken.reader));
    CHECK_INT(cp_reader_wait(reader, CP_NEVER), CP_ERR_CLOSED);
    CHECK_INT(cp_reader_wait(late, CP_NEVER), CP_OK);
    CHECK_INT(take_all(late), 1);
    CHECK_INT(cp_reader_wait(late, CP_NEVER), CP_ERR_CLOSED);
    cp_reader_free(woken.reader);
    cp_reader_free(reader);
    cp_connection_release(connection);
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
    cp_reader_free(late); /* outlives all else */
}

TEST(closing_it_wakes_and_gives_up_what_it_holds)
{
    begin_test();
    waiter woken = woken_by(cp_reader_close);
    CHECK_INT(woken.status, CP_ERR_CLOSED);
    cp_reader_free(woken.reader);
    cp_reader *reader = opened(16, CP_OVERFLOW_COALESCE);
    change("bob", CP_ONLINE);
    cp_reader_close(reader);
    cp_reader_close(reader);
    CHECK(cp_reader_is_closed(reader));
    CHECK_INT(take_all(reader), 0);
    CHECK_INT(cp_reader_counts(reader).events, 0);
    change("bob", CP_OFFLINE);
    cp_reader_free(reader);
    cp_reader_free(NULL);
    end_test();
}

TEST(an_overflow_is_told_once_all_before_it_is_taken)
{
    begin_test();
    cp_reader *reader = opened(1, CP_OVERFLOW_ERROR);
    change("bob", CP_ONLINE);
    change("zoe", CP_ONLINE);
    CHECK_INT(cp_reader_wait(reader, 0), CP_OK);
    CHECK_INT(take_all(reader), 1);
    CHECK_INT(cp_reader_wait(reader, CP_NEVER), CP_ERR_OVERFLOW);
    CHECK_INT(cp_reader_counts(reader).dropped, 1);
    cp_reader_free(reader);
    end_test();
}

static bool rings_once_listeners_have_taken_all(bool on_bell)
{
    const cp_reader_options options = {.size = 4, .on_bell = on_bell};
    cp_change change_of_bob;
    cp_reader *reader;

    begin_test();
    CHECK_INT(cp_reader_open(connection, &options, &reader), CP_OK);
    CHECK(!cp_reader_has_news(reader));
    CHECK(cp_connection_bell(connection) >= 0);
    change("bob", CP_ONLINE);
    CHECK(cp_reader_has_news(reader));
    cp_connection_hush(connection);
    CHECK_INT(cp_connection_take_changes(connection, &change_of_bob, 1), 1);
    cp_user_release(change_of_bob.user);
    do_call(CP_CALL_COUNT); /* which fails, after the thread has looked */
    bool rings = cp_connection_listen(connection, 0) == CP_OK;
    cp_reader_free(reader);
    end_test();
    return rings;
}

TEST(a_reader_on_the_bell_has_it_rung_for_its_own_news)
{
    CHECK(rings_once_listeners_have_taken_all(true));
    CHECK(!rings_once_listeners_have_taken_all(false));
}

TEST(a_reader_takes_a_snapshot_past_all_who_are_offline)
{
    const cp_reader_options options = {.size = 4, .with_snapshot = true};
    cp_reader *reader;
    char uid[16];

    begin_test();
    for (int i = 0; i < 1000; i++) {
        snprintf(uid, sizeof uid, "user%d", i);
        change(uid, i % 500 == 499 ? CP_ONLINE : CP_OFFLINE);
    }
    CHECK_INT(cp_reader_open(connection, &options, &reader), CP_OK);
    CHECK(cp_reader_has_news(reader));
    CHECK_INT(take_all(reader), 2);
    CHECK(!cp_reader_has_news(reader));
    cp_reader_free(reader);
    end_test();
}

TEST(in_any_order_readers_come_and_go)
{
    enum { MANY = 6 };
    cp_reader *readers[MANY];

    begin_test();
    for (int first = 0; first < MANY; first++) {
        for (int i = 0; i < MANY; i++)
            readers[i] = opened(4, CP_OVERFLOW_DROP_OLDEST);
        for (int i = 0; i < MANY; i++) {
            cp_reader_free(readers[(first + i * 5) % MANY]);
            change("bob", i % 2 ? CP_ONLINE : CP_OFFLINE);
        }
    }
    end_test();
}

TEST(without_memory_there_is_no_reader)
{
    begin_test();
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_reader *reader;
        fail_allocation(n);
        cp_status status = cp_reader_open(connection, &(cp_reader_options){.size = 4}, &reader);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK((reader == NULL) == (status != CP_OK));
        cp_reader_free(reader);
    }
    end_test();
}

TEST(in_a_forked_child_nothing_is_read)
{
    int status;

    begin_test();
    cp_reader *reader = opened(16, CP_OVERFLOW_COALESCE);
    change("bob", CP_ONLINE);
    pid_t child = fork();
    if (child == 0) {
        cp_change change;
        cp_reader *other;
        cp_network_forked();
        bool good =
            cp_reader_take(reader, &change, 1) == 0 &&
            cp_reader_wait(reader, CP_NEVER) == CP_ERR_FORKED && cp_reader_is_closed(reader) &&
            cp_reader_has_news(reader) && cp_reader_counts(reader).events == 0 &&
            cp_reader_open(connection, &(cp_reader_options){.size = 1}, &other) == CP_ERR_FORKED;
        cp_reader_close(reader);
        cp_reader_free(reader);
        leave_child(good);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(take_all(reader), 1);
    cp_reader_free(reader);
    end_test();
}

/* 20,000 changes from one thread, taken by another that sleeps between: none is lost. */
static void *change_often(void *nothing)
{
    for (int i = 0; i < 20000; i++) {
        change("bob", i % 2 ? CP_OFFLINE : CP_ONLINE);
        if (i % 100 == 99)
            do_call(CP_CALL_COUNT);
    }
    return nothing;
}

TEST(nothing_is_lost_between_waiting_and_taking)
{
    pthread_t other;
    size_t taken = 0;

    begin_test();
    cp_reader *reader = opened(1u << 20, CP_OVERFLOW_COALESCE);
    pthread_create(&other, NULL, change_often, NULL);
    while (taken < 20000) {
        CHECK_INT(cp_reader_wait(reader, 20 * CP_USEC_PER_SEC), CP_OK);
        taken += take_all(reader);
    }
    pthread_join(other, NULL);
    CHECK_INT(taken, 20000);
    cp_reader_free(reader);
    end_test();
}
