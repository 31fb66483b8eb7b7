/* The network thread's beginning and end, with doors of our own before those of lws and of
 * the C library that lead to them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/network.h"
#include "test.h"

static pthread_t of_the_test; /* the thread that runs it */
static atomic_uint calls_here, calls_elsewhere;
static atomic_uint contexts; /* made, less those destroyed */
static bool no_context;
static bool looks_at_joins;
static bool joins_under_the_lock;

static void note_call(void)
{
    if (pthread_equal(pthread_self(), of_the_test))
        calls_here += 1;
    else
        calls_elsewhere += 1;
}

struct lws_context *lws_create_context(const struct lws_context_creation_info *info)
{
    struct lws_context *(*real)(const struct lws_context_creation_info *) =
        (struct lws_context * (*)(const struct lws_context_creation_info *))
            dlsym(RTLD_NEXT, "lws_create_context");

    note_call();
    if (!no_context) {
        contexts += 1;
        return real(info);
    }
    errno = EMFILE;
    return NULL;
}

void lws_context_destroy(struct lws_context *context)
{
    void (*real)(struct lws_context *) =
        (void (*)(struct lws_context *))dlsym(RTLD_NEXT, "lws_context_destroy");

    note_call();
    contexts -= 1;
    real(context);
}

static void *wake(void *arg)
{
    cp_loop_wake(); /* takes the network's lock */
    return arg;
}

int pthread_join(pthread_t thread, void **result)
{
    int (*real)(pthread_t, void **) = (int (*)(pthread_t, void **))dlsym(RTLD_NEXT, "pthread_join");

    if (looks_at_joins) {
        struct timespec end;
        pthread_t other;

        looks_at_joins = false;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 2;
        if (pthread_create(&other, NULL, wake, NULL) != 0 ||
            pthread_timedjoin_np(other, NULL, &end) != 0)
            joins_under_the_lock = true;
    }
    return real(thread, result);
}

static void leave(cp_guest *self)
{
    cp_loop_exit(self);
}

static void begin(void)
{
    of_the_test = pthread_self();
    calls_here = calls_elsewhere = 0;
    no_context = looks_at_joins = joins_under_the_lock = false;
}

static void check_all_is_over(void)
{
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}

/* Comes first: later there is one, parked. */
TEST(without_a_context_everybody_is_turned_away_and_the_next_try_begins_anew)
{
    cp_guest guest = {.serve = leave, .leave = leave};

    begin();
    no_context = true;
    for (int i = 0; i < 3; i++) {
        errno = 0;
        CHECK_INT(cp_loop_enter(&guest), CP_ERR_SYSTEM);
        CHECK_INT(errno, EMFILE);
        CHECK(!cp_loop_knock(&guest));
    }
    check_all_is_over();
    no_context = false;
    CHECK_INT(cp_loop_enter(&guest), CP_OK);
    CHECK(cp_loop_knock(&guest));
    check_all_is_over();
    CHECK_INT(calls_here, 0); /* but on the thread that is to use it */
}

static void come_and_go_once(void)
{
    cp_guest guest = {.serve = leave, .leave = leave};

    CHECK_INT(cp_loop_enter(&guest), CP_OK);
    CHECK(cp_loop_knock(&guest));
    check_all_is_over();
}

TEST(the_context_outlives_its_thread_and_serves_the_next)
{
    begin();
    for (int i = 0; i < 20; i++)
        come_and_go_once();
    CHECK_INT(contexts, 1);
    CHECK_INT(calls_here + calls_elsewhere, 0);
}

TEST(a_forked_child_makes_a_context_of_its_own)
{
    int status = 0;
    pid_t child;

    begin();
    come_and_go_once();
    child = fork();
    if (child == 0) {
        alarm(10);
        calls_here = calls_elsewhere = 0;
        cp_network_forked();
        come_and_go_once();
        leave_child(calls_elsewhere == 1 && !test_is_failing);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
}

enum { THREADS = 4, TIMES = 100 };

static void *come_and_go(void *arg)
{
    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        cp_guest guest = {.serve = leave, .leave = leave};

        if (cp_loop_enter(&guest) == CP_OK) {
            (void)cp_loop_knock(&guest);
            while (cp_loop_knock(&guest)) /* until it has left */
                sched_yield();
        }
    }
    return NULL;
}

/* Several wait for one context. */
TEST(many_threads_enter_at_once)
{
    pthread_t threads[THREADS];

    begin();
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check_all_is_over();
}

/* Whoever wants to wake the thread, or enter it, would wait for as long. */
TEST(an_ended_thread_is_joined_without_the_lock)
{
    cp_guest guest = {.serve = leave, .leave = leave};

    begin();
    CHECK_INT(cp_loop_enter(&guest), CP_OK);
    CHECK(cp_loop_knock(&guest));
    looks_at_joins = true;
    check_all_is_over();
    CHECK(!looks_at_joins);
    CHECK(!joins_under_the_lock);
}
