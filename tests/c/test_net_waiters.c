/* Two threads that wait without an end for one connection: one turns the loop, the other sleeps. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libwebsockets.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "net/connection.h"
#include "net/network.h"
#include "test.h"

static atomic_int bell = -1;
static sem_t slept; /* by who waits for the bell */
static sem_t turned; /* the loop, by who waits */
static _Thread_local bool waits_for_helm, has_turned;

/* Who is not let to the helm in time, on a busy machine, does not sleep, and tries again. */
int poll(struct pollfd *all, nfds_t count, int timeout)
{
    int (*real)(struct pollfd *, nfds_t, int) =
        (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");

    if (count != 1 || all->fd != bell)
        return real(all, count, timeout);
    if (waits_for_helm)
        return 1;
    sem_post(&slept);
    return real(all, count, timeout);
}

int lws_service(struct lws_context *context, int timeout)
{
    int (*real)(struct lws_context *, int) =
        (int (*)(struct lws_context *, int))dlsym(RTLD_NEXT, "lws_service");

    has_turned = true;
    if (waits_for_helm)
        sem_post(&turned);
    return real(context, timeout);
}

static _Thread_local int calls; /* of this thread to who turns it */

void lws_cancel_service(struct lws_context *context)
{
    void (*real)(struct lws_context *) =
        (void (*)(struct lws_context *))dlsym(RTLD_NEXT, "lws_cancel_service");

    calls += 1;
    real(context);
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

static void wait_for(sem_t *self)
{
    while (sem_wait(self) != 0)
        continue;
}

static void *listen_at_helm(void *arg)
{
    waits_for_helm = true;
    do
        CHECK_INT(cp_connection_listen(arg, CP_NEVER), CP_OK);
    while (!has_turned);
    return NULL;
}

static void *listen_beside(void *arg)
{
    CHECK_INT(cp_connection_listen(arg, CP_NEVER), CP_OK);
    return NULL;
}

static void *wake_when_one_sleeps(void *arg)
{
    wait_for(&slept);
    cp_connection_wake(arg);
    CHECK_INT(calls, 1);
    return NULL;
}

TEST(one_that_cannot_turn_the_loop_does_not_keep_the_other_from_being_woken)
{
    cp_connection *self = made();
    pthread_t at_helm, beside, waker;

    CHECK_INT(sem_init(&slept, 0, 0), 0);
    CHECK_INT(sem_init(&turned, 0, 0), 0);
    bell = cp_connection_bell(self);
    CHECK_INT(pthread_create(&waker, NULL, wake_when_one_sleeps, self), 0);
    CHECK_INT(pthread_create(&at_helm, NULL, listen_at_helm, self), 0);
    wait_for(&turned);
    CHECK_INT(pthread_create(&beside, NULL, listen_beside, self), 0);
    CHECK_INT(pthread_join(at_helm, NULL), 0);
    CHECK_INT(pthread_join(beside, NULL), 0);
    CHECK_INT(pthread_join(waker, NULL), 0);
    cp_connection_release(self);
    CHECK_INT(cp_network_shutdown(10 * CP_USEC_PER_SEC), CP_OK);
}
