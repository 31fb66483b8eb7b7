/* A waiter that turns the loop in place of its thread: which of them serves, and when. */
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "net/helm.h"
#include "net/loop.h"
#include "net/network.h"
#include "test.h"

/* A guest that notes which thread served it, and how often. */
typedef struct noting {
    cp_guest guest;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t by;
    unsigned times;
    bool is_held; /* it does not return from being served */
} noting;

static noting *of(cp_guest *guest)
{
    return lws_container_of(guest, noting, guest);
}

static void serve(cp_guest *guest)
{
    noting *self = of(guest);

    pthread_mutex_lock(&self->lock);
    self->by = pthread_self();
    self->times += 1;
    pthread_cond_broadcast(&self->changed);
    while (self->is_held)
        pthread_cond_wait(&self->changed, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void leave(cp_guest *guest)
{
    cp_loop_exit(guest);
}

static noting entered(void)
{
    return (noting){.guest = {.serve = serve, .leave = leave},
                    .lock = PTHREAD_MUTEX_INITIALIZER,
                    .changed = PTHREAD_COND_INITIALIZER};
}

static unsigned times(noting *self)
{
    pthread_mutex_lock(&self->lock);
    unsigned times = self->times;
    pthread_mutex_unlock(&self->lock);
    return times;
}

static void set_held(noting *self, bool is_held)
{
    pthread_mutex_lock(&self->lock);
    self->is_held = is_held;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* Knocks, and waits until it was served. */
static pthread_t who_serves(noting *self)
{
    unsigned before = times(self);

    CHECK(cp_loop_knock(&self->guest));
    pthread_mutex_lock(&self->lock);
    while (self->times == before)
        pthread_cond_wait(&self->changed, &self->lock);
    pthread_t by = self->by;
    pthread_mutex_unlock(&self->lock);
    return by;
}

static void wait_until_served(noting *self, unsigned times)
{
    pthread_mutex_lock(&self->lock);
    while (self->times < times)
        pthread_cond_wait(&self->changed, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

/* On a busy machine the network thread may take too long to step back. */
static void attend(noting *self, bool (*is_done)(cp_guest *))
{
    while (!cp_loop_attend(&self->guest, is_done))
        continue;
}

static bool at_once(cp_guest *guest)
{
    (void)guest;
    return true;
}

static bool never(cp_guest *guest)
{
    (void)guest;
    return false;
}

static bool when_served(cp_guest *guest)
{
    return times(of(guest)) > 0;
}

static bool knock_and_wait_until_served(cp_guest *guest)
{
    if (when_served(guest))
        return true; /* a further knock would be served by the network thread */
    CHECK(cp_loop_knock(guest));
    return false;
}

static sem_t at_helm; /* somebody is */

static bool when_served_thrice(cp_guest *guest)
{
    sem_post(&at_helm);
    return times(of(guest)) >= 3;
}

static void *knock_thrice(void *arg)
{
    noting *self = arg;

    while (sem_wait(&at_helm) != 0)
        continue;
    for (int i = 0; i < 3; i++)
        (void)who_serves(self);
    return NULL;
}

static void *enter_another(void *arg)
{
    CHECK_INT(cp_loop_enter(arg), CP_OK);
    return NULL;
}

static void *knock_after_leave(void *arg)
{
    cp_guest *guest = arg;

    guest->serve = leave; /* nobody has knocked yet: the lock of knock() shows it */
    CHECK(cp_loop_knock(guest));
    return NULL;
}

static void check_all_is_over(void)
{
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}

TEST(who_waits_alone_is_served_on_its_own_thread_and_its_leaving_brings_the_other_back)
{
    noting one = entered();
    pthread_t other;

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    CHECK(!pthread_equal(who_serves(&one), pthread_self()));
    one.times = 0;
    CHECK_INT(sem_init(&at_helm, 0, 0), 0);
    CHECK_INT(pthread_create(&other, NULL, knock_thrice, &one), 0);
    attend(&one, when_served_thrice);
    CHECK(pthread_equal(one.by, pthread_self()));
    CHECK_INT(pthread_join(other, NULL), 0);
    CHECK(!pthread_equal(who_serves(&one), pthread_self()));
    check_all_is_over();
}

TEST(it_may_come_and_go_as_often_as_it_likes)
{
    noting one = entered();

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    for (int i = 0; i < 1000; i++) {
        attend(&one, at_once);
        if (i % 100 == 0) /* the network thread comes back in between */
            CHECK(!pthread_equal(who_serves(&one), pthread_self()));
    }
    check_all_is_over();
}

TEST(a_second_guest_ends_it)
{
    noting one = entered(), two = entered();
    pthread_t other;

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    CHECK_INT(pthread_create(&other, NULL, enter_another, &two.guest), 0);
    while (cp_loop_attend(&one.guest, never)) /* it left, and found no second guest yet */
        continue;
    CHECK_INT(pthread_join(other, NULL), 0);
    CHECK(!cp_loop_attend(&one.guest, never));
    CHECK(!pthread_equal(who_serves(&one), pthread_self()));
    CHECK(!pthread_equal(who_serves(&two), pthread_self()));
    check_all_is_over();
}

TEST(the_last_guest_may_leave_on_the_waiters_thread)
{
    noting one = entered();
    pthread_t other;

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    CHECK_INT(pthread_create(&other, NULL, knock_after_leave, &one.guest), 0);
    while (cp_loop_attend(&one.guest, never))
        continue;
    CHECK_INT(pthread_join(other, NULL), 0);
    CHECK(!cp_loop_knock(&one.guest));
    check_all_is_over();
}

/* As a TLS connection does whose peer is gone. */
static void write_to_nobody(cp_guest *guest)
{
    int ends[2];

    CHECK_INT(pipe(ends), 0);
    close(ends[0]);
    CHECK_INT(write(ends[1], "", 1), -1);
    close(ends[1]);
    serve(guest);
}

static bool has_broken_pipes(int (*ask)(sigset_t *))
{
    sigset_t signals;

    return ask(&signals) == 0 && sigismember(&signals, SIGPIPE);
}

static int blocked_here(sigset_t *out)
{
    return pthread_sigmask(SIG_BLOCK, NULL, out);
}

TEST(a_broken_pipe_ends_nothing_at_the_helm_even_where_it_would)
{
    noting one = entered();
    struct sigaction ends = {.sa_handler = SIG_DFL}, before;

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    one.guest.serve = write_to_nobody; /* nobody has knocked yet */
    CHECK_INT(sigaction(SIGPIPE, &ends, &before), 0);
    attend(&one, knock_and_wait_until_served);
    CHECK(pthread_equal(one.by, pthread_self()));
    CHECK(!has_broken_pipes(sigpending));
    CHECK(!has_broken_pipes(blocked_here));
    CHECK_INT(sigaction(SIGPIPE, &before, NULL), 0);
    check_all_is_over();
}

static unsigned long error_before; /* one was served */

static void fail_in_openssl(cp_guest *guest)
{
    error_before = ERR_peek_error();
    ERR_put_error(ERR_LIB_USER, 0, 2, "ours", 0);
    serve(guest);
}

TEST(openssls_errors_of_others_are_not_the_networks_nor_the_other_way_round)
{
    noting one = entered();

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    one.guest.serve = fail_in_openssl;
    ERR_put_error(ERR_LIB_USER, 0, 1, "theirs", 0);
    attend(&one, knock_and_wait_until_served);
    CHECK_INT(error_before, 0);
    CHECK_INT(ERR_peek_error(), 0);
    check_all_is_over();
}

static bool knock_and_leave(cp_guest *guest)
{
    CHECK(cp_loop_knock(guest));
    return true;
}

/* Else it would only be heard when nobody has come back for one or two looks, of 2 ms each. */
TEST(what_knocks_as_a_waiter_leaves_is_heard_at_once)
{
    noting one = entered();
    cp_usec least = CP_USEC_PER_SEC;

    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    for (unsigned i = 1; i <= 50; i++) {
        attend(&one, knock_and_leave);
        cp_usec left = cp_network_now();
        wait_until_served(&one, i);
        cp_usec took = cp_network_now() - left;
        if (took < least)
            least = took;
    }
    CHECK(least < 1 * CP_USEC_PER_MS);
    check_all_is_over();
}

/* ---- the helm by itself */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *keep(void *arg)
{
    pthread_mutex_lock(&lock);
    cp_helm_keep(arg, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

TEST(who_asked_for_the_helm_gets_it_though_it_wakes_late)
{
    pthread_t keeper;
    cp_helm helm;

    CHECK(cp_helm_init(&helm));
    cp_helm_begin(&helm);
    helm.is_wanted = true;
    CHECK_INT(pthread_create(&keeper, NULL, keep, &helm), 0);
    poll(NULL, 0, 50); /* much longer than the keeper looks away */
    pthread_mutex_lock(&lock);
    CHECK(cp_helm_take(&helm, &lock));
    cp_helm_leave(&helm, true);
    pthread_mutex_unlock(&lock);
    CHECK_INT(pthread_join(keeper, NULL), 0);
}

TEST(a_network_thread_that_does_not_step_back_is_not_waited_for)
{
    noting one = entered();

    one.is_held = true;
    CHECK_INT(cp_loop_enter(&one.guest), CP_OK);
    (void)who_serves(&one);
    CHECK(!cp_loop_attend(&one.guest, never));
    set_held(&one, false);
    attend(&one, when_served); /* once it turns again */
    check_all_is_over();
}
