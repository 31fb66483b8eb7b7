#include "net/connection_parts.h"

#include <string.h>

/* ---- calls */

static void lay_down(cp_connection *self, cp_call *call) /* under the lock */
{
    cp_task_finish(cp_task_of(call));
    cp_task_list_push(&self->done, call);
    cp_connection_ring(self);
}

static void wake(cp_task *task)
{
    cp_task_finish(task);
    cp_task_release(task);
}

void cp_connection_hand_over(cp_connection *self, cp_call *call)
{
    if (!cp_task_is_on_bell(cp_task_of(call))) {
        wake(cp_task_of(call));
        return;
    }
    pthread_mutex_lock(&self->lock);
    lay_down(self, call);
    pthread_mutex_unlock(&self->lock);
}

void cp_connection_refuse(cp_connection *self, cp_call *call)
{
    if (call->kind != CP_CALL_CLOSE)
        cp_failure_set(&call->failure, CP_FAILURE_CLOSED, "ERR_CLIENT_CLOSED",
                       "the client is closed: make a new one");
    if (cp_task_is_on_bell(cp_task_of(call)))
        lay_down(self, call);
    else
        wake(cp_task_of(call));
}

cp_status cp_connection_post(cp_connection *self, cp_task *task)
{
    cp_call *call = cp_task_call(task);
    bool is_over;

    if (cp_connection_is_foreign(self))
        return CP_ERR_FORKED;
    (void)cp_task_hold(task);
    pthread_mutex_lock(&self->lock);
    is_over = self->is_over;
    if (is_over)
        cp_connection_refuse(self, call);
    else
        cp_task_list_push(&self->posted, call);
    pthread_mutex_unlock(&self->lock);
    if (!is_over)
        (void)cp_loop_knock(&self->guest); /* false: over() refuses what was posted */
    return CP_OK;
}

void cp_connection_cancel(cp_connection *self, cp_task *task)
{
    cp_call *call = cp_task_call(task);

    if (cp_connection_is_foreign(self))
        return;
    pthread_mutex_lock(&self->lock);
    if (!self->is_over && !call->is_cancelled) {
        (void)cp_task_hold(task);
        call->is_cancelled = true;
        call->next_cancelled = self->cancelled;
        self->cancelled = call;
    }
    pthread_mutex_unlock(&self->lock);
    (void)cp_loop_knock(&self->guest);
}

/* ---- the alarm */

/* While the platform does not tell, or we do not hear it, only a comparison brings light. */
static bool knows_by_itself(const cp_connection *self)
{
    return cp_roster_is_in_step(self->roster) && !self->facts.is_throttled;
}

static cp_usec known_until(const cp_connection *self)
{
    return knows_by_itself(self) ? cp_network_now() : self->facts.session.compared_at;
}

static bool alarm_is_due(const cp_connection *self)
{
    return self->alarm_at != CP_NEVER && self->facts.state != CP_STATE_CLOSED &&
           self->alarm_at <= known_until(self);
}

cp_usec cp_connection_alarm_due_at(const cp_connection *self)
{
    return knows_by_itself(self) && !alarm_is_due(self) ? self->alarm_at : CP_NEVER;
}

void cp_connection_set_alarm(cp_connection *self, cp_usec at)
{
    bool waits;

    if (cp_connection_is_foreign(self))
        return;
    pthread_mutex_lock(&self->lock);
    waits = at < self->alarm_at;
    if (waits)
        self->alarm_at = at;
    if (alarm_is_due(self)) {
        cp_connection_ring(self);
        waits = false;
    }
    pthread_mutex_unlock(&self->lock);
    if (waits)
        (void)cp_loop_knock(&self->guest); /* false: it is over, and nothing is to come */
}

/* ---- the bell */

bool cp_connection_has_something(cp_connection *self)
{
    return cp_roster_has_changes(self->roster) || self->notices.count > 0 ||
           self->done.first != NULL || self->is_woken || alarm_is_due(self);
}

static cp_status make_bell(cp_connection *self) /* under the lock */
{
    cp_status status;

    if (self->bell.read_fd >= 0)
        return CP_OK;
    status = cp_bell_make(&self->bell);
    if (status != CP_OK)
        return status;
    self->bell_inherited = cp_inherited_add(self->bell.read_fd);
    self->is_rung = false;
    if (cp_connection_has_something(self) || self->is_over)
        cp_connection_ring(self);
    return CP_OK;
}

int cp_connection_bell(cp_connection *self)
{
    int fd;

    if (cp_connection_is_foreign(self))
        return -1;
    pthread_mutex_lock(&self->lock);
    (void)make_bell(self); /* -1 says it */
    fd = self->bell.read_fd;
    pthread_mutex_unlock(&self->lock);
    return fd;
}

/* The network thread beats once a second.  When it is late we look a second time, so that a
 * process that was stopped as a whole is not taken for one whose thread is stuck. */
#define BEAT_LATE (5 * CP_USEC_PER_SEC)
#define LOOK_AGAIN (1 * CP_USEC_PER_SEC)

/* Under the lock.  For what is over nobody has to beat. */
static bool is_missed(cp_connection *self, cp_usec beat, cp_usec now)
{
    if (self->is_over)
        return false;
    if (self->suspected_beat != beat) {
        self->suspected_beat = beat;
        self->suspected_at = now;
        return false;
    }
    if (now - self->suspected_at < LOOK_AGAIN || self->told_beat == beat)
        return false;
    self->told_beat = beat;
    self->facts.stalls += 1;
    return true;
}

bool cp_connection_has_stalled(cp_connection *self, cp_usec *look_again)
{
    cp_usec beat = cp_network_beat(), now = cp_network_now();
    bool has_stalled;

    *look_again = now - beat < BEAT_LATE ? BEAT_LATE : LOOK_AGAIN;
    if (now - beat < BEAT_LATE || cp_connection_is_foreign(self))
        return false;
    pthread_mutex_lock(&self->lock);
    has_stalled = is_missed(self, beat, now);
    pthread_mutex_unlock(&self->lock);
    return has_stalled;
}

/* Sleeps in slices, to look after the thread that would have to ring. */
static cp_status listen_and_look(cp_connection *self, const cp_bell *bell, cp_usec most)
{
    cp_usec now = cp_network_now();
    cp_usec end = most < CP_NEVER - now ? now + most : CP_NEVER;

    for (;;) {
        cp_usec slice;

        if (cp_connection_has_stalled(self, &slice))
            return CP_ERR_STALLED;
        cp_usec left = end - now;
        cp_status status =
            left > 0 ? cp_bell_listen(bell, left < slice ? left : slice) : CP_ERR_TIMEOUT;

        if (status != CP_ERR_TIMEOUT)
            return status;
        now = cp_network_now();
        if (now >= end)
            return CP_ERR_TIMEOUT;
    }
}

/* Under the lock.  CP_ERR_TIMEOUT: there is nothing yet. */
static cp_status outlook(cp_connection *self)
{
    if (cp_connection_has_something(self))
        return CP_OK;
    if (self->is_over)
        return CP_ERR_CLOSED;
    return self->is_rung ? CP_OK : CP_ERR_TIMEOUT;
}

static bool has_news(cp_guest *guest)
{
    cp_connection *self = lws_container_of(guest, cp_connection, guest);
    bool has_news;

    pthread_mutex_lock(&self->lock);
    has_news = outlook(self) != CP_ERR_TIMEOUT;
    pthread_mutex_unlock(&self->lock);
    return has_news;
}

/* Under the lock, but not while it waits.  CP_ERR_TIMEOUT: it cannot, so somebody has to ring. */
static cp_status attend(cp_connection *self)
{
    bool attended;

    self->attending += 1;
    do {
        pthread_mutex_unlock(&self->lock);
        attended = cp_loop_attend(&self->guest, has_news);
        pthread_mutex_lock(&self->lock);
    } while (attended && outlook(self) == CP_ERR_TIMEOUT);
    self->attending -= 1;
    return outlook(self);
}

cp_status cp_connection_listen(cp_connection *self, cp_usec most)
{
    cp_status status;
    cp_bell bell;

    if (cp_connection_is_foreign(self))
        return CP_ERR_FORKED;
    pthread_mutex_lock(&self->lock);
    status = outlook(self);
    if (status == CP_ERR_TIMEOUT && most == CP_NEVER)
        status = attend(self);
    if (status != CP_ERR_TIMEOUT || most <= 0) {
        pthread_mutex_unlock(&self->lock);
        return status;
    }
    status = make_bell(self);
    bell = self->bell;
    pthread_mutex_unlock(&self->lock);
    if (status == CP_OK)
        status = listen_and_look(self, &bell, most);
    if (status != CP_OK)
        return status;
    pthread_mutex_lock(&self->lock);
    status = outlook(self);
    pthread_mutex_unlock(&self->lock);
    return status == CP_ERR_TIMEOUT ? CP_OK : status; /* another one hushed it meanwhile */
}

void cp_connection_hush(cp_connection *self)
{
    if (cp_connection_is_foreign(self))
        return;
    pthread_mutex_lock(&self->lock);
    if (self->is_rung)
        cp_bell_hush(&self->bell);
    self->is_rung = self->is_woken = false;
    pthread_mutex_unlock(&self->lock);
}

bool cp_connection_ring_if_more(cp_connection *self)
{
    bool more;

    if (cp_connection_is_foreign(self))
        return false;
    pthread_mutex_lock(&self->lock);
    more = cp_connection_has_something(self);
    if (more || self->is_over)
        cp_connection_ring(self);
    pthread_mutex_unlock(&self->lock);
    return more;
}

void cp_connection_wake(cp_connection *self)
{
    if (cp_connection_is_foreign(self))
        return;
    pthread_mutex_lock(&self->lock);
    self->is_woken = true;
    cp_connection_ring(self);
    pthread_mutex_unlock(&self->lock);
}

/* ---- taking */

bool cp_connection_take_notice(cp_connection *self, cp_notice *out)
{
    bool taken;

    if (cp_connection_is_foreign(self))
        return false;
    pthread_mutex_lock(&self->lock);
    taken = cp_notices_next(&self->notices, cp_roster_popped(self->roster), out);
    pthread_mutex_unlock(&self->lock);
    return taken;
}

size_t cp_connection_take_changes(cp_connection *self, cp_change *out, size_t max)
{
    size_t taken = 0;

    if (cp_connection_is_foreign(self))
        return 0;
    pthread_mutex_lock(&self->lock);
    while (taken < max && !cp_notices_is_due(&self->notices, cp_roster_popped(self->roster)) &&
           cp_roster_next_change(self->roster, &out[taken]))
        taken += 1;
    pthread_mutex_unlock(&self->lock);
    return taken;
}

bool cp_connection_take_alarm(cp_connection *self, cp_usec told_until, cp_usec *until)
{
    bool taken;

    if (cp_connection_is_foreign(self))
        return false;
    pthread_mutex_lock(&self->lock);
    taken = alarm_is_due(self) && self->alarm_at <= told_until;
    if (taken) {
        cp_usec known = known_until(self);
        *until = told_until < known ? told_until : known;
        self->alarm_at = CP_NEVER;
    }
    pthread_mutex_unlock(&self->lock);
    return taken;
}

void cp_connection_begin_recap(cp_connection *self)
{
    if (cp_connection_is_foreign(self))
        return;
    pthread_mutex_lock(&self->lock);
    cp_roster_begin_recap(self->roster);
    pthread_mutex_unlock(&self->lock);
}

bool cp_connection_take_recap(cp_connection *self, cp_change *out, size_t max, size_t *taken)
{
    bool goes_on;

    *taken = 0;
    if (cp_connection_is_foreign(self))
        return false;
    pthread_mutex_lock(&self->lock);
    goes_on = cp_roster_is_recapping(self->roster);
    if (goes_on)
        *taken = cp_roster_recap(self->roster, out, max);
    pthread_mutex_unlock(&self->lock);
    return goes_on;
}

cp_task *cp_connection_take_done(cp_connection *self)
{
    cp_call *call;

    if (cp_connection_is_foreign(self))
        return NULL;
    pthread_mutex_lock(&self->lock);
    call = cp_task_list_pop(&self->done);
    pthread_mutex_unlock(&self->lock);
    return call ? cp_task_of(call) : NULL;
}

/* ---- looking */

cp_status cp_connection_look(cp_connection *self, cp_connection_facts *out)
{
    memset(out, 0, sizeof *out);
    if (cp_connection_is_foreign(self))
        return CP_ERR_FORKED;
    pthread_mutex_lock(&self->lock);
    *out = self->facts;
    out->roster = cp_roster_counts_of(self->roster);
    out->sync = cp_roster_state(self->roster);
    out->generation = cp_roster_generation(self->roster);
    out->tracked = cp_roster_count(self->roster);
    out->online = cp_roster_online(self->roster);
    out->notices_dropped = self->notices.dropped;
    if (out->me.user != NULL)
        cp_user_hold(out->me.user);
    pthread_mutex_unlock(&self->lock);
    return CP_OK;
}

void cp_connection_refusal(cp_connection *self, cp_failure *out)
{
    *out = (cp_failure){.kind = CP_FAILURE_NONE};
    if (cp_connection_is_foreign(self))
        return;
    pthread_mutex_lock(&self->lock);
    if (self->facts.state == CP_STATE_REFUSED)
        *out = self->refusal;
    pthread_mutex_unlock(&self->lock);
}

cp_roster *cp_connection_lock(cp_connection *self)
{
    if (cp_connection_is_foreign(self))
        return NULL;
    pthread_mutex_lock(&self->lock);
    return self->roster;
}

void cp_connection_unlock(cp_connection *self)
{
    pthread_mutex_unlock(&self->lock);
}
