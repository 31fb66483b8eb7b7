#include "net/network.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "net/inherited.h"
#include "net/loop.h"
#include "net/resolver.h"

#define DESCRIPTORS_KNOWN 1048576 /* above this lws would build its tables for all of them */
#define DESCRIPTORS_ASSUMED 65536
#define POLL_FAILED 100 /* ms until the next attempt; memory may be back by then */
#define FAREWELLS (1 * CP_USEC_PER_SEC) /* for the last connections; they take milliseconds */
#define PULSE (1 * CP_USEC_PER_SEC)

struct cp_loop {
    pthread_t thread;
    cp_vhosts vhosts;
    cp_silent silent;
    cp_alarm alarm;
    cp_timer pulse;
    cp_gate gate; /* for those that connect */
    /* Under the network's lock; set by the thread, which reads it without: */
    struct lws_context *context; /* NULL: not made yet, or gone */
    unsigned wires; /* the thread's alone */
    /* Under the network's lock: */
    cp_guest *guests;
    cp_guest *knocking, **last_knocking;
    bool is_leaving; /* everybody was told to */
    cp_loop *next; /* of those that ended, or are parked */
    unsigned char room[LWS_PRE + CP_LOOP_SCRATCH];
};

/* What the process knows of its network thread.  A thread that has nobody left is no
 * longer `current`, and ends by itself while the next one may already be running. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t begun; /* a thread has its context, or will have none */
    pthread_cond_t fewer; /* threads */
    unsigned threads;
    cp_loop *current;
    cp_loop *ended; /* to be joined */
    cp_loop *parked; /* without a thread, for the next one */
} network = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .begun = PTHREAD_COND_INITIALIZER,
             .fewer = PTHREAD_COND_INITIALIZER};

static atomic_uint epoch;
static _Atomic cp_usec latest_beat; /* of the current thread */

/* ---- context */

static struct lws_context *make_context(void)
{
    struct lws_context_creation_info info = cp_vhost_description();
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > DESCRIPTORS_KNOWN)
        info.fd_limit_per_thread = DESCRIPTORS_ASSUMED;
    lws_set_log_level(0, NULL); /* every failure is reported in our own words */
    return lws_create_context(&info);
}

/* ---- the thread */

/* Under the lock: the oldest that knocked. */
static cp_guest *next_knocking(cp_loop *self)
{
    cp_guest *guest = self->knocking;

    if (guest == NULL)
        return NULL;
    self->knocking = guest->next_knocking;
    if (self->knocking == NULL)
        self->last_knocking = &self->knocking;
    guest->is_knocking = false;
    return guest;
}

static void serve_knocking(cp_loop *self)
{
    for (;;) {
        void (*serve)(cp_guest *) = NULL;
        cp_guest *guest;

        pthread_mutex_lock(&network.lock);
        guest = next_knocking(self);
        if (guest != NULL)
            serve = guest->serve; /* at shutdown it changes, under the lock */
        pthread_mutex_unlock(&network.lock);
        if (guest == NULL)
            return;
        serve(guest);
    }
}

static bool nobody_is_left(cp_loop *self)
{
    bool nobody;

    pthread_mutex_lock(&network.lock);
    nobody = self->guests == NULL;
    if (nobody && network.current == self)
        network.current = NULL; /* from here on nobody enters or wakes it */
    pthread_mutex_unlock(&network.lock);
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
    network.current = NULL;
}

static bool begin(cp_loop *self)
{
    struct lws_context *context = self->context;
    int error = 0;

    if (context == NULL) {
        errno = 0;
        context = make_context();
        error = errno;
    }
    pthread_mutex_lock(&network.lock);
    self->context = context; /* from here on it can be woken */
    if (context == NULL)
        turn_everybody_away(self, error);
    pthread_cond_broadcast(&network.begun);
    pthread_mutex_unlock(&network.lock);
    return context != NULL;
}

/* Guests cannot be left alone: when lws cannot poll, for want of memory, it is tried again,
 * and whoever knocks is served meanwhile. */
static void turn(cp_loop *self)
{
    cp_alarm_begin(&self->alarm, self->context);
    beat(&self->pulse);
    for (;;) {
        cp_alarm_ring(&self->alarm);
        serve_knocking(self); /* first of all those who came before there was a context */
        cp_lookups_deliver(self);
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
    pthread_mutex_lock(&network.lock);
    self->next = network.ended;
    network.ended = self;
    network.threads -= 1;
    pthread_cond_broadcast(&network.fewer);
    pthread_mutex_unlock(&network.lock);
    return NULL;
}

/* Without the lock. */
static void park(cp_loop *self)
{
    pthread_mutex_lock(&network.lock);
    self->next = network.parked;
    network.parked = self;
    pthread_mutex_unlock(&network.lock);
}

/* Without the lock.  Taking it was the last thing they did: this does not wait long. */
static void join_ended(void)
{
    cp_loop *ended;

    pthread_mutex_lock(&network.lock);
    ended = network.ended; /* ours alone, from here on */
    network.ended = NULL;
    pthread_mutex_unlock(&network.lock);
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

/* Under the lock. */
static cp_loop *start_loop(void)
{
    cp_loop *self = network.parked;

    if (self != NULL)
        network.parked = self->next;
    else
        self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->is_leaving = false;
    self->last_knocking = &self->knocking;
    cp_gate_init(&self->gate);
    atomic_store(&latest_beat, cp_network_now());
    if (start_thread(self)) {
        network.threads += 1;
        return self;
    }
    self->next = network.parked;
    network.parked = self;
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
        pthread_cond_wait(&network.begun, &network.lock);
}

cp_status cp_loop_enter(cp_guest *guest)
{
    int error = EAGAIN;

    join_ended();
    pthread_mutex_lock(&network.lock);
    if (network.current == NULL)
        network.current = start_loop();
    if (network.current != NULL) {
        welcome(network.current, guest);
        wait_to_begin(guest);
        error = guest->turned_away;
    }
    pthread_mutex_unlock(&network.lock);
    errno = error;
    return error == 0 ? CP_OK : CP_ERR_SYSTEM;
}

void cp_loop_exit(cp_guest *guest)
{
    pthread_mutex_lock(&network.lock);
    if (guest->is_knocking) {
        cp_guest **link = &guest->loop->knocking;

        while (*link != guest)
            link = &(*link)->next_knocking;
        *link = guest->next_knocking;
        if (*link == NULL)
            guest->loop->last_knocking = link;
        guest->is_knocking = false;
    }
    *guest->link = guest->next;
    if (guest->next != NULL)
        guest->next->link = guest->link;
    lws_cancel_service(guest->loop->context); /* to look whether anybody is left */
    guest->loop = NULL;
    pthread_mutex_unlock(&network.lock);
}

/* Under the lock. */
static void knock(cp_guest *guest)
{
    cp_loop *loop = guest->loop;

    if (guest->is_knocking)
        return;
    guest->is_knocking = true;
    guest->next_knocking = NULL;
    *loop->last_knocking = guest;
    loop->last_knocking = &guest->next_knocking;
    if (loop->context != NULL) /* else it looks once it has one */
        lws_cancel_service(loop->context);
}

bool cp_loop_knock(cp_guest *guest)
{
    bool is_here;

    pthread_mutex_lock(&network.lock);
    is_here = guest->loop != NULL;
    if (is_here)
        knock(guest);
    pthread_mutex_unlock(&network.lock);
    return is_here;
}

void cp_loop_wake(void)
{
    pthread_mutex_lock(&network.lock);
    if (network.current != NULL && network.current->context != NULL)
        lws_cancel_service(network.current->context);
    pthread_mutex_unlock(&network.lock);
}

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

cp_usec cp_network_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CP_USEC_PER_SEC + now.tv_nsec / 1000;
}

const char *cp_network_lws_version(void)
{
    return lws_get_library_version();
}

const char *cp_network_tls_version(void)
{
    return cp_vhosts_tls_version();
}

cp_certificate_places cp_network_certificate_places(void)
{
    return cp_vhosts_certificate_places();
}

cp_usec cp_network_beat(void)
{
    return atomic_load(&latest_beat);
}

static void tell_all_to_leave(void)
{
    cp_loop *self = network.current;

    if (self == NULL || self->is_leaving)
        return;
    self->is_leaving = true;
    for (cp_guest *guest = self->guests; guest != NULL; guest = guest->next) {
        guest->serve = guest->leave;
        knock(guest);
    }
}

cp_status cp_network_shutdown(cp_usec most)
{
    cp_usec end = cp_network_now() + most;
    bool is_over;

    pthread_mutex_lock(&network.lock);
    tell_all_to_leave();
    while (network.threads > 0 && cp_network_now() < end) {
        struct timespec soon;

        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 50 * 1000 * 1000;
        if (soon.tv_nsec >= 1000000000L) {
            soon.tv_sec += 1;
            soon.tv_nsec -= 1000000000L;
        }
        pthread_cond_timedwait(&network.fewer, &network.lock, &soon);
    }
    is_over = network.threads == 0;
    pthread_mutex_unlock(&network.lock);
    join_ended();
    return is_over ? CP_OK : CP_ERR_TIMEOUT;
}

unsigned cp_network_epoch(void)
{
    return atomic_load(&epoch);
}

void cp_network_forked(void)
{
    atomic_fetch_add(&epoch, 1);
    cp_inherited_close_all();
    cp_lookups_forked();
    /* Whoever held the lock is not here; the thread and its context are leaked, and so are
     * those parked, whose way to be woken is the parent's too. */
    pthread_mutex_init(&network.lock, NULL);
    pthread_cond_init(&network.begun, NULL);
    pthread_cond_init(&network.fewer, NULL);
    network.threads = 0;
    network.current = network.ended = network.parked = NULL;
}
