#include "net/network.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/inherited.h"
#include "net/network_parts.h"
#include "net/resolver.h"

#define POLL_FAILED 100 /* ms until the next attempt; memory may be back by then */
#define FAREWELLS (1 * CP_USEC_PER_SEC) /* for the last connections; they take milliseconds */
#define PULSE (1 * CP_USEC_PER_SEC)

struct cp_network cp_network = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .begun = PTHREAD_COND_INITIALIZER,
                                .fewer = PTHREAD_COND_INITIALIZER};

static atomic_uint epoch;
static _Atomic cp_usec latest_beat; /* of the current thread */

/* ---- the thread */

static bool nobody_is_left(cp_loop *self)
{
    bool nobody;

    pthread_mutex_lock(&cp_network.lock);
    nobody = self->guests == NULL;
    if (nobody && cp_network.current == self)
        cp_network.current = NULL; /* from here on nobody enters or wakes it */
    pthread_mutex_unlock(&cp_network.lock);
    return nobody;
}

/* Only a thread that turns gets here. */
static void beat(cp_timer *pulse)
{
    cp_loop *self = lws_container_of(pulse, cp_loop, pulse);

    atomic_store(&latest_beat, cp_network_now());
    cp_loop_set_timer(self, pulse, PULSE, beat);
}

/* Those who came while the context was being made, and who wait for it. */
static void turn_everybody_away(cp_loop *self, int error)
{
    while (self->guests != NULL) {
        cp_guest *guest = self->guests;

        self->guests = guest->next;
        guest->loop = NULL;
        guest->turned_away = error != 0 ? error : EAGAIN;
    }
    cp_network.current = NULL;
}

static bool begin(cp_loop *self)
{
    struct lws_context *context = self->context;
    int error = 0;

    if (context == NULL) {
        errno = 0;
        context = cp_loop_make_context();
        error = errno;
    }
    pthread_mutex_lock(&cp_network.lock);
    self->context = context; /* from here on it can be woken */
    if (context == NULL)
        turn_everybody_away(self, error);
    pthread_cond_broadcast(&cp_network.begun);
    pthread_mutex_unlock(&cp_network.lock);
    return context != NULL;
}

static void keep_helm(cp_loop *self)
{
    pthread_mutex_lock(&cp_network.lock);
    cp_helm_keep(&self->helm, &cp_network.lock);
    pthread_mutex_unlock(&cp_network.lock);
}

/* Guests cannot be left alone: when lws cannot poll, for want of memory, it is tried again,
 * and whoever knocks is served meanwhile. */
static void turn(cp_loop *self)
{
    cp_alarm_begin(&self->alarm, self->context);
    beat(&self->pulse);
    for (;;) {
        keep_helm(self);
        cp_loop_serve_due(self);
        if (nobody_is_left(self))
            return;
        if (lws_service(self->context, 0) < 0)
            poll(NULL, 0, POLL_FAILED);
    }
}

/* Nobody waits for them; but of a vhost that is destroyed while in use lws 4.1 frees nothing. */
static void see_the_last_wires_off(cp_loop *self)
{
    cp_usec end = cp_network_now() + FAREWELLS;

    while (self->wires > 0 && cp_network_now() < end && lws_service(self->context, 0) >= 0)
        cp_alarm_ring(&self->alarm);
}

/* The context stays for the next thread: lws 4.3 leaves a descriptor open for each one that
 * is destroyed, and it costs milliseconds to make.  Certificates are read anew. */
static void end(cp_loop *self)
{
    cp_lookups_forget(self);
    see_the_last_wires_off(self);
    cp_timer_cancel(&self->pulse);
    cp_timer_cancel(&self->gate.usher);
    cp_alarm_end(&self->alarm);
    if (self->wires > 0) {
        lws_context_destroy(self->context);
        self->context = NULL;
        cp_vhosts_forget(&self->vhosts);
    } else {
        cp_vhosts_destroy(&self->vhosts);
    }
}

static void *run(void *arg)
{
    cp_loop *self = arg;

    if (begin(self)) {
        turn(self);
        end(self);
    }
    pthread_mutex_lock(&cp_network.lock);
    self->next = cp_network.ended;
    cp_network.ended = self;
    cp_network.threads -= 1;
    pthread_cond_broadcast(&cp_network.fewer);
    pthread_mutex_unlock(&cp_network.lock);
    return NULL;
}

/* Without the lock. */
static void park(cp_loop *self)
{
    pthread_mutex_lock(&cp_network.lock);
    self->next = cp_network.parked;
    cp_network.parked = self;
    pthread_mutex_unlock(&cp_network.lock);
}

/* Without the lock.  Taking it was the last thing they did: this does not wait long. */
static void join_ended(void)
{
    cp_loop *ended;

    pthread_mutex_lock(&cp_network.lock);
    ended = cp_network.ended; /* ours alone, from here on */
    cp_network.ended = NULL;
    pthread_mutex_unlock(&cp_network.lock);
    while (ended != NULL) {
        cp_loop *gone = ended;

        ended = gone->next;
        pthread_join(gone->thread, NULL);
        park(gone);
    }
}

/* Signals are for Python's threads. */
static bool start_thread(cp_loop *self)
{
    sigset_t all, old;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&self->thread, NULL, run, self) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static cp_loop *new_loop(void)
{
    cp_loop *self = calloc(1, sizeof *self);

    if (self != NULL && !cp_helm_init(&self->helm)) {
        free(self);
        return NULL;
    }
    return self;
}

/* Under the lock. */
static cp_loop *start_loop(void)
{
    cp_loop *self = cp_network.parked;

    if (self != NULL)
        cp_network.parked = self->next;
    else
        self = new_loop();
    if (self == NULL)
        return NULL;
    self->is_leaving = false;
    cp_helm_begin(&self->helm);
    self->last_knocking = &self->knocking;
    cp_gate_init(&self->gate);
    atomic_store(&latest_beat, cp_network_now());
    if (start_thread(self)) {
        cp_network.threads += 1;
        return self;
    }
    self->next = cp_network.parked;
    cp_network.parked = self;
    return NULL;
}

/* ---- guests */

/* Under the lock.  The guest stands in the list before the thread looks whether anybody
 * is left, because it has to take the lock for that. */
static void welcome(cp_loop *self, cp_guest *guest)
{
    guest->loop = self;
    guest->turned_away = 0;
    guest->is_knocking = false;
    guest->next = self->guests;
    guest->link = &self->guests;
    if (guest->next != NULL)
        guest->next->link = &guest->next;
    self->guests = guest;
}

/* Under the lock, which the thread takes to say that it begins.  At shutdown the guest may
 * have left before this wakes.  A context from before is as good as a beginning. */
static void wait_to_begin(const cp_guest *guest)
{
    while (guest->loop != NULL && guest->loop->context == NULL)
        pthread_cond_wait(&cp_network.begun, &cp_network.lock);
}

cp_status cp_loop_enter(cp_guest *guest)
{
    join_ended();
    pthread_mutex_lock(&cp_network.lock);
    errno = EAGAIN; /* when there is no thread, and memory for one */
    if (cp_network.current == NULL)
        cp_network.current = start_loop();
    if (cp_network.current != NULL) {
        welcome(cp_network.current, guest);
        wait_to_begin(guest);
        errno = guest->turned_away;
    }
    pthread_mutex_unlock(&cp_network.lock);
    if (errno == 0)
        return CP_OK;
    return errno == ENOMEM ? CP_ERR_NOMEM : CP_ERR_SYSTEM;
}

/* ---- what there is one of on the thread */

cp_vhosts *cp_loop_vhosts(cp_loop *self)
{
    return &self->vhosts;
}

cp_alarm *cp_loop_alarm(cp_loop *self)
{
    return &self->alarm;
}

cp_gate *cp_loop_gate(cp_loop *self)
{
    return &self->gate;
}

cp_silent *cp_loop_silent(cp_loop *self)
{
    return &self->silent;
}

unsigned *cp_loop_wires(cp_loop *self)
{
    return &self->wires;
}

struct lws_context *cp_loop_context(cp_loop *self)
{
    return self->context;
}

unsigned char *cp_loop_scratch(cp_loop *self)
{
    return self->room + LWS_PRE;
}

/* ---- the process */

cp_usec cp_network_beat(void)
{
    return atomic_load(&latest_beat);
}

static void tell_all_to_leave(void)
{
    cp_loop *self = cp_network.current;

    if (self == NULL || self->is_leaving)
        return;
    self->is_leaving = true;
    for (cp_guest *guest = self->guests; guest != NULL; guest = guest->next) {
        guest->serve = guest->leave;
        cp_loop_knocked(guest);
    }
}

cp_status cp_network_shutdown(cp_usec most)
{
    cp_usec end = cp_network_now() + most;
    bool is_over;

    pthread_mutex_lock(&cp_network.lock);
    tell_all_to_leave();
    while (cp_network.threads > 0 && cp_network_now() < end) {
        struct timespec soon;

        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 50 * 1000 * 1000;
        if (soon.tv_nsec >= 1000000000L) {
            soon.tv_sec += 1;
            soon.tv_nsec -= 1000000000L;
        }
        pthread_cond_timedwait(&cp_network.fewer, &cp_network.lock, &soon);
    }
    is_over = cp_network.threads == 0;
    pthread_mutex_unlock(&cp_network.lock);
    join_ended();
    return is_over ? CP_OK : CP_ERR_TIMEOUT;
}

unsigned cp_network_epoch(void)
{
    return atomic_load(&epoch);
}

static atomic_uint forks;

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void begin_to_count(void)
{
    (void)pthread_atfork(NULL, NULL, count_fork); /* else, for want of memory, forked() counts */
}

void cp_network_mind_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin_to_count);
}

unsigned cp_network_process(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

void cp_network_forked(void)
{
    count_fork();
    atomic_fetch_add(&epoch, 1);
    cp_inherited_close_all();
    cp_lookups_forked();
    /* Whoever held the lock is not here; the thread and its context are leaked, and so are
     * those parked, whose way to be woken is the parent's too. */
    pthread_mutex_init(&cp_network.lock, NULL);
    pthread_cond_init(&cp_network.begun, NULL);
    pthread_cond_init(&cp_network.fewer, NULL);
    cp_network.threads = 0;
    cp_network.current = cp_network.ended = cp_network.parked = NULL;
}
