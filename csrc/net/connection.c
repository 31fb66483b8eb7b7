#include "net/connection_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/fast_frame.h"

/* A deadline that is due already waits this long, so that no mistake of ours can spin. */
#define SOONEST (100) /* µs */
#define PIECES 16     /* of what was learned, in one turn of the thread: some 4 ms */
#define HANDFUL 32    /* of frames in one hold of the lock: some 40 µs */

/* ---- small things */

cp_now cp_connection_clock(void)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    return (cp_now){cp_network_now(), (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

/* ---- life */

static void free_connection(cp_connection *self)
{
    cp_call *call;

    cp_session_free(self->session);
    cp_roster_free(self->roster);
    cp_notices_destroy(&self->notices);
    while ((call = cp_task_list_pop(&self->done)) != NULL)
        cp_task_release(cp_task_of(call));
    cp_presence_destroy(&self->facts.me);
    cp_inherited_remove(self->bell_inherited);
    cp_bell_destroy(&self->bell);
    cp_call_destroy(&self->farewell);
    cp_config_destroy(&self->config);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

void cp_connection_hold(cp_connection *self)
{
    atomic_fetch_add_explicit(&self->holds, 1, memory_order_relaxed);
}

void cp_connection_let_go(cp_connection *self)
{
    if (atomic_fetch_sub_explicit(&self->holds, 1, memory_order_acq_rel) == 1)
        free_connection(self);
}

static void serve(cp_guest *guest);
static void leave(cp_guest *guest);

static cp_status make_parts(cp_connection *self, const cp_config *config)
{
    uint64_t seeds[2];
    cp_status status = cp_config_copy(&self->config, config);

    if (status != CP_OK)
        return status;
    if (getentropy(seeds, sizeof seeds) != 0)
        return CP_ERR_SYSTEM;
    self->roster = cp_roster_new(config->queue_size, config->max_users, seeds[0]);
    if (self->roster == NULL)
        return CP_ERR_NOMEM;
    self->session = cp_session_new(&self->config, self->roster, seeds[1]);
    if (self->session == NULL)
        return CP_ERR_NOMEM;
    self->facts.session = cp_session_counts_of(self->session); /* until the first publish() */
    return CP_OK;
}

cp_status cp_connection_new(const cp_config *config, cp_connection **out)
{
    cp_connection *self = calloc(1, sizeof *self);
    cp_status status;

    *out = NULL;
    if (self == NULL)
        return CP_ERR_NOMEM;
    self->epoch = cp_network_epoch();
    self->guest.serve = serve;
    self->guest.leave = leave;
    self->bell = CP_NO_BELL;
    self->timer_at = self->alarm_at = self->looks_at = CP_NEVER;
    pthread_mutex_init(&self->lock, NULL);
    cp_config_init(&self->config);
    cp_notices_init(&self->notices);
    cp_call_init(&self->farewell, CP_CALL_CLOSE);
    self->farewell.timeout = CP_NEVER;
    cp_task_list_init(&self->posted);
    cp_task_list_init(&self->done);
    atomic_init(&self->holds, 2); /* the caller's and the network thread's */
    status = make_parts(self, config);
    if (status == CP_OK)
        status = cp_loop_enter(&self->guest);
    if (status != CP_OK)
        free_connection(self);
    else
        *out = self;
    return status;
}

void cp_connection_release(cp_connection *self)
{
    if (self == NULL || cp_connection_is_foreign(self))
        return; /* a forked child frees nothing */
    pthread_mutex_lock(&self->lock);
    self->is_released = true;
    pthread_mutex_unlock(&self->lock);
    (void)cp_loop_knock(&self->guest); /* false: the thread has let go already */
    cp_connection_let_go(self);
}

/* ---- the network thread: facts in, wishes out */

/* Under the lock, with what is told: who hears of an event sees its consequences.  Gives
 * the user who was published before, if it is another one now. */
static cp_user *publish(cp_connection *self)
{
    const cp_presence *me = &cp_session_account(self->session)->me;
    cp_user *before = self->facts.me.user;

    self->facts.state = cp_session_state_of(self->session);
    self->facts.session = cp_session_counts_of(self->session);
    self->facts.is_throttled = cp_session_is_throttled(self->session);
    if (self->facts.state == CP_STATE_REFUSED)
        self->refusal = *cp_session_refusal(self->session);
    if (before == me->user)
        return NULL;
    self->facts.me = *me;
    if (me->user != NULL)
        cp_user_hold(me->user);
    return before;
}

/* Under the lock: what the session learned goes into the roster and to the listeners' side.
 * True: there is more. */
static bool take_in(cp_connection *self, cp_now at)
{
    bool more = cp_session_apply(self->session, at);
    cp_notice notice;

    while (cp_session_next_notice(self->session, &notice)) {
        notice.at = cp_network_now();
        notice.after = cp_roster_queued(self->roster);
        cp_notices_post(&self->notices, &notice);
    }
    return more;
}

/* What was taken in is seen by all, from here on without the lock. */
static void show(cp_connection *self)
{
    cp_user *gone = publish(self);

    if (cp_connection_has_something(self))
        cp_connection_ring(self);
    self->looks_at = cp_connection_alarm_due_at(self);
    cp_connection_wake_readers(self);
    pthread_mutex_unlock(&self->lock);
    cp_user_release(gone);
    cp_session_tidy(self->session);
}

static bool apply_piece(cp_connection *self)
{
    bool more;

    pthread_mutex_lock(&self->lock);
    more = take_in(self, cp_connection_clock());
    show(self);
    return more;
}

/* A million users take a second: others on this thread get their turn in between. */
static void apply(cp_connection *self, unsigned pieces)
{
    bool more = true;

    while (more && (pieces-- > 0 || cp_session_has_pushed(self->session)))
        more = apply_piece(self);
    self->has_more = more;
}

/* ---- one read of the socket: its frames are taken in one by one, as they came, but share
 * a look at the clock and, a handful at a time, a hold of the lock */

static void show_in_hand(cp_connection *self)
{
    if (self->in_hand == 0)
        return;
    self->in_hand = 0;
    show(self);
}

static cp_now read_time(cp_connection *self)
{
    if (self->read_at.usec == 0)
        self->read_at = cp_connection_clock();
    return self->read_at;
}

static void end_of_read(cp_connection *self)
{
    show_in_hand(self);
    self->read_at.usec = 0;
}

static void on_opened(void *owner)
{
    cp_connection *self = owner;

    cp_session_opened(self->session, cp_connection_clock());
    cp_connection_pump(self);
}

static void on_received(void *owner, cp_slice text)
{
    cp_connection *self = owner;
    bool more;

    if (text.length > CP_FAST_FRAME_MOST)
        show_in_hand(self); /* it takes long to read */
    cp_session_received(self->session, text, read_time(self));
    if (self->in_hand++ == 0)
        pthread_mutex_lock(&self->lock);
    more = take_in(self, read_time(self));
    if (more || self->in_hand >= HANDFUL)
        show_in_hand(self);
    if (more)
        apply(self, 1);
}

static void on_mangled(void *owner, cp_status why)
{
    cp_connection *self = owner;

    cp_session_mangled(self->session, why, read_time(self));
}

static void on_settled(void *owner)
{
    end_of_read(owner);
    cp_connection_pump(owner);
}

static void on_ended(void *owner, uint16_t code, cp_slice reason, bool clean,
                     const cp_failure *failure)
{
    cp_connection *self = owner;
    cp_ending ending = {.code = code, .reason = reason, .clean = clean, .failure = *failure};

    self->socket = NULL;
    cp_session_closed(self->session, &ending, cp_connection_clock());
    cp_connection_pump(self);
}

static const cp_socket_face socket_face = {on_opened, on_received, on_mangled, on_settled,
                                           on_ended};

static void open_socket(cp_connection *self)
{
    cp_ending ending = {.code = 1006};

    self->socket = cp_socket_open(self->guest.loop, cp_session_socket(self->session),
                                  self->config.ca_file, self->config.version,
                                  cp_session_attempt_deadline(self->session), &socket_face, self);
    if (self->socket != NULL)
        return;
    cp_failure_set(&ending.failure, CP_FAILURE_MEMORY, "ERR_NO_MEMORY", "no memory for a socket");
    cp_session_closed(self->session, &ending, cp_connection_clock());
}

static bool follow_wish(cp_connection *self)
{
    switch (cp_session_wish(self->session)) {
    case CP_WISH_STAY:
        return false;
    case CP_WISH_CONNECT:
        open_socket(self);
        return true;
    case CP_WISH_CLOSE:
        if (self->socket != NULL)
            cp_socket_close(self->socket);
        return true;
    case CP_WISH_ABORT:
        if (self->socket != NULL)
            cp_socket_abort(self->socket);
        return true;
    }
    return false;
}

static void send_frames(cp_connection *self)
{
    cp_slice text;

    while (self->socket != NULL && cp_session_next_frame(self->session, &text))
        cp_socket_send(self->socket, text);
}

/* ---- what is finished */

static void finish_calls(cp_connection *self)
{
    cp_call *call;

    while ((call = cp_session_next_done(self->session)) != NULL) {
        if (call != &self->farewell)
            cp_connection_hand_over(self, call);
    }
}

static void on_timer(cp_timer *timer)
{
    cp_connection *self = lws_container_of(timer, cp_connection, timer);

    self->timer_at = CP_NEVER;
    cp_session_elapsed(self->session, cp_connection_clock());
    cp_connection_pump(self);
}

/* One that is due too early stays and is set anew then: a session that has nothing to do yet
 * does nothing. */
static void set_timer(cp_connection *self)
{
    cp_usec instant = cp_network_now();
    cp_usec deadline = self->has_more ? instant : cp_session_deadline(self->session);
    cp_usec wait;

    if (self->looks_at < deadline)
        deadline = self->looks_at;
    if (deadline >= self->timer_at)
        return;
    wait = deadline - instant;
    self->timer_at = deadline;
    cp_loop_set_timer(self->guest.loop, &self->timer, wait < SOONEST ? SOONEST : wait, on_timer);
}

static void forget_cancelled(cp_connection *self)
{
    while (self->cancelled != NULL) {
        cp_call *call = self->cancelled;

        self->cancelled = call->next_cancelled;
        cp_task_release(cp_task_of(call));
    }
}

/* The network thread lets go for good. */
static void over(cp_connection *self)
{
    cp_call *call;

    cp_connection_abandon_exchanges(self);
    cp_timer_cancel(&self->timer);
    pthread_mutex_lock(&self->lock);
    self->is_over = true; /* from here on nothing is posted or cancelled any more */
    while ((call = cp_task_list_pop(&self->posted)) != NULL)
        cp_connection_refuse(self, call);
    cp_connection_ring(self); /* whoever listens is to hear that it is over */
    cp_connection_wake_readers(self);
    pthread_mutex_unlock(&self->lock);
    forget_cancelled(self);
    cp_loop_exit(&self->guest);
    cp_connection_let_go(self);
}

/* After every fact: does what the session wants, until it wants nothing.  The connection
 * may be gone when this returns. */
void cp_connection_pump(cp_connection *self)
{
    bool more = true;

    while (more) {
        apply(self, PIECES);
        more = follow_wish(self);
        send_frames(self);
        cp_connection_drop_unwanted(self);
        more |= cp_connection_send_requests(self);
    }
    finish_calls(self);
    if (cp_session_state_of(self->session) == CP_STATE_CLOSED && self->socket == NULL)
        over(self);
    else
        set_timer(self);
}

/* ---- the network thread: after a knock */

static void say_farewell(cp_connection *self)
{
    if (self->is_leaving)
        return;
    self->is_leaving = true;
    cp_session_called(self->session, &self->farewell, cp_connection_clock());
}

static void serve(cp_guest *guest)
{
    cp_connection *self = lws_container_of(guest, cp_connection, guest);
    cp_call *posted, *cancelled, *next;
    bool is_released;

    pthread_mutex_lock(&self->lock);
    posted = self->posted.first;
    cp_task_list_init(&self->posted);
    cancelled = self->cancelled;
    self->cancelled = NULL;
    is_released = self->is_released;
    pthread_mutex_unlock(&self->lock);
    for (cp_call *call = posted; call != NULL; call = next) {
        next = call->next; /* the session links it anew */
        cp_session_called(self->session, call, cp_connection_clock());
    }
    for (cp_call *call = cancelled; call != NULL; call = next) {
        next = call->next_cancelled;
        cp_session_cancelled(self->session, call, cp_connection_clock());
        cp_task_release(cp_task_of(call));
    }
    if (is_released)
        say_farewell(self);
    cp_connection_pump(self);
}

static void leave(cp_guest *guest)
{
    cp_connection *self = lws_container_of(guest, cp_connection, guest);

    say_farewell(self);
    serve(guest);
}
