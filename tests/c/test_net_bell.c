#include "net/bell.h"

#include "test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

static cp_bell made(void)
{
    cp_bell bell;
    CHECK_INT(cp_bell_make(&bell), CP_OK);
    return bell;
}

static bool is_ringing(const cp_bell *bell)
{
    struct pollfd poll_for = {.fd = bell->read_fd, .events = POLLIN};
    return poll(&poll_for, 1, 0) == 1;
}

TEST(new_bell_is_silent_and_listening_times_out)
{
    cp_bell bell = made();
    CHECK(!is_ringing(&bell));
    CHECK_INT(cp_bell_listen(&bell, 0), CP_ERR_TIMEOUT);
    CHECK_INT(cp_bell_listen(&bell, 1), CP_ERR_TIMEOUT);
    cp_bell_destroy(&bell);
}

TEST(a_bell_is_a_level_not_a_count)
{
    cp_bell bell = made();
    for (int i = 0; i < 1000; i++)
        cp_bell_ring(&bell);
    CHECK_INT(cp_bell_listen(&bell, CP_NEVER), CP_OK);
    CHECK_INT(cp_bell_listen(&bell, CP_NEVER), CP_OK); /* listening does not hush */
    cp_bell_hush(&bell);
    CHECK(!is_ringing(&bell));
    cp_bell_hush(&bell);
    cp_bell_ring(&bell);
    CHECK(is_ringing(&bell));
    cp_bell_destroy(&bell);
}

TEST(no_bell_and_one_destroyed_swallow_everything)
{
    cp_bell bell = CP_NO_BELL;
    cp_bell_ring(&bell);
    cp_bell_hush(&bell);
    cp_bell_destroy(&bell);
    bell = made();
    cp_bell_destroy(&bell);
    CHECK_INT(bell.read_fd, -1);
    cp_bell_ring(&bell);
    cp_bell_destroy(&bell);
}

static void *ring(void *bell)
{
    cp_bell_ring(bell);
    return NULL;
}

TEST(ringing_on_another_thread_wakes_who_listens)
{
    cp_bell bell = made();
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, ring, &bell), 0);
        CHECK_INT(cp_bell_listen(&bell, CP_NEVER), CP_OK);
        pthread_join(thread, NULL);
        cp_bell_hush(&bell);
    }
    cp_bell_destroy(&bell);
}

static void on_signal(int number)
{
    (void)number;
}

TEST(a_signal_ends_listening_with_eintr)
{
    static const struct itimerval never, each_ms = {{0, 1000}, {0, 1000}};
    struct sigaction action = {.sa_handler = on_signal}; /* stays: valgrind may be late with one */
    cp_bell bell = made();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each_ms, NULL); /* until one meets it asleep */
    cp_status status = cp_bell_listen(&bell, CP_NEVER);
    int error = errno;
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK_INT(status, CP_ERR_SYSTEM);
    CHECK_INT(error, EINTR);
    cp_bell_destroy(&bell);
}
