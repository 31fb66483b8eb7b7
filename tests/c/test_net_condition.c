#include "net/condition.h"

#include "net/network.h"
#include "test.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;
static bool is_so;

static void *make_it_so(void *nothing)
{
    pthread_mutex_lock(&lock);
    is_so = true;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&lock);
    return nothing;
}

TEST(what_is_signalled_wakes_whoever_waits)
{
    pthread_t other;

    CHECK(cp_condition_init(&condition));
    is_so = false;
    pthread_mutex_lock(&lock);
    pthread_create(&other, NULL, make_it_so, NULL);
    while (!is_so)
        CHECK(cp_condition_wait(&condition, &lock, CP_NEVER));
    pthread_mutex_unlock(&lock);
    pthread_join(other, NULL);
    pthread_cond_destroy(&condition);
}

TEST(a_wait_ends_at_its_instant_and_not_before)
{
    cp_usec end = cp_network_now() + 20 * CP_USEC_PER_MS;

    CHECK(cp_condition_init(&condition));
    pthread_mutex_lock(&lock);
    while (cp_condition_wait(&condition, &lock, end))
        ;
    CHECK(cp_network_now() >= end);
    CHECK(!cp_condition_wait(&condition, &lock, end)); /* nor begins again */
    CHECK(!cp_condition_wait(&condition, &lock, 0));
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&condition);
}
