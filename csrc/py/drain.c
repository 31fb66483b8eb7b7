#include "py/client.h"

#include <assert.h>
#include <time.h>

#include "net/network.h"
#include "py/bulletin.h"
#include "py/convert.h"
#include "py/value_types.h"

/* The one road from the connection to a listener.  It never sleeps: it takes a bounded
 * batch of what is new and tells it, event by event, to whoever was listening when the
 * event's round began.
 *
 * What a listener raises stops at call_listener() and is reported, SystemExit too: a bot
 * does not end because of one handler.  The exception is KeyboardInterrupt on the main
 * thread, where the user drains and means to stop: the event in hand is told to everybody,
 * the rest of the batch is kept for the next drain, and drain() raises it. */

#define ALARMS 64 /* in one drain */

/* ---- the door into user code */

cp_usec roughly_now(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * CP_USEC_PER_SEC + now.tv_nsec / 1000;
#else
    return cp_network_now();
#endif
}

typedef struct drain {
    client_object *client;
    core_state *state;
    PyObject *interrupt; /* a KeyboardInterrupt to raise once the event in hand is told */
    PyObject *gathered;  /* events for the batch listeners; NULL: none */
    listener_round batch; /* theirs, begun with the first event gathered */
    long told, most;
    cp_usec since; /* the latest look at the clock, before or after a listener was called */
} drain;

/* Takes the exception, if it is a Ctrl-C meant for the main thread's own code. */
static bool keep_interrupt(drain *self, PyObject *exception)
{
    if (self->interrupt != NULL || !PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt))
        return false;
    int is_main = on_main_thread(self->state);
    if (is_main < 0)
        PyErr_Clear();
    if (is_main <= 0)
        return false;
    self->interrupt = exception;
    return true;
}

/* Shows the exception to on_error or the logger; what that raises goes to the unraisable
 * hook, since there is nobody left to tell. */
static void report(drain *self, PyObject *exception, PyObject *where)
{
    PyObject *report = Py_XNewRef(self->client->report);
    PyObject *result = NULL;

    if (report != NULL)
        result = PyObject_CallFunctionObjArgs(report, exception, where ? where : Py_None, NULL);
    if (result == NULL && PyErr_Occurred()) {
        PyObject *raised = PyErr_GetRaisedException();
        if (!keep_interrupt(self, raised)) {
            PyErr_SetRaisedException(raised);
            PyErr_WriteUnraisable(report);
        }
    }
    Py_XDECREF(result);
    Py_XDECREF(report);
}

/* Takes both; `where` may be NULL, for want of memory. */
static void report_raised(drain *self, PyObject *exception, PyObject *where)
{
    if (where == NULL)
        PyErr_Clear();
    if (!keep_interrupt(self, exception)) {
        report(self, exception, where);
        Py_DECREF(exception);
    }
    Py_XDECREF(where);
}

/* Something of ours failed on the way, as a rule for want of memory. */
static void report_own(drain *self)
{
    PyObject *exception = PyErr_GetRaisedException();
    assert(exception != NULL);
    report_raised(self, exception, PyUnicode_FromString("drain"));
}

static void mind_time(drain *self, listener_target *listener, listener_kind kind, cp_usec took)
{
    if (took <= SLOW)
        return;
    if (tell_slow(self->client, kind, listener->id, &listener->was_slow, took) < 0)
        report_own(self);
}

/* A coroutine function in disguise, such as a lambda around one: what it returned would never
 * run.  On an event loop handlers return nothing: what they began is taken from them before. */
static void refuse_coroutine(drain *self, PyObject **result)
{
    if (*result == NULL || !PyCoro_CheckExact(*result))
        return;
    PyObject *closed = PyObject_CallMethod(*result, "close", NULL);
    Py_CLEAR(*result);
    if (closed != NULL)
        raise_config(self->state, "INVALID_PARAMETER",
                     "The handler returned a coroutine, which nobody awaits here: use a plain "
                     "function, or AsyncPresenceClient, which runs coroutines.");
    Py_XDECREF(closed);
}

/* For client_mind_running(), which another thread calls meanwhile. */
static void set_running(drain *self, listener_target *listener, int kind)
{
    client_object *client = self->client;
    Py_BEGIN_CRITICAL_SECTION(client);
    client->running = (struct running_call){listener, kind, self->since};
    Py_END_CRITICAL_SECTION();
}

/* The only place that calls user code.  One listener's end is the next one's beginning: what
 * lies between takes microseconds. */
static void call_listener(drain *self, listener_target *listener, const bulletin *news)
{
    set_running(self, listener, news->kind);
    PyObject *result =
        PyObject_Vectorcall(listener->handler[news->kind], news->argument, news->count, NULL);
    set_running(self, NULL, 0);
    cp_usec now = roughly_now(), took = now - self->since;
    self->since = now;
    refuse_coroutine(self, &result);
    bool is_reported = result == NULL || took > SLOW;
    if (result == NULL) {
        self->client->handler_errors++;
        PyObject *exception = PyErr_GetRaisedException();
        report_raised(self, exception, handler_place(news->kind, listener->id));
    }
    Py_XDECREF(result);
    mind_time(self, listener, news->kind, took);
    if (is_reported)
        self->since = roughly_now(); /* what that took is no listener's time */
}

/* ---- events */

/* One change on its way round: what listeners are given is made when the first one wants
 * it, and shared by all.  The user takes the change's hold on the profile. */
typedef struct telling {
    const cp_change *change;
    PyObject *user;
    PyObject *event;
} telling;

static PyObject *user_of(drain *self, telling *moment)
{
    const cp_change *change = moment->change;
    if (moment->user == NULL)
        moment->user =
            user_to_python(self->state, change->user, change->status, change->last_active_at);
    return moment->user;
}

static PyObject *event_of(drain *self, telling *moment)
{
    if (moment->event == NULL && user_of(self, moment) != NULL)
        moment->event = change_to_python(self->state, moment->change, moment->user);
    return moment->event;
}

static bool is_for(const drain *self, const listener_target *listener, cp_origin origin,
                   cp_usec received_at)
{
    if (self->client->newcomer != 0)
        return listener->number == self->client->newcomer;
    return listener->origins & ORIGIN_BIT(origin) && received_at >= listener->changes_since;
}

static void tell_listener(drain *self, listener_target *listener, listener_kind kind,
                          telling *moment)
{
    bulletin user = {kind, 1, {NULL}}, event = {KIND_PRESENCE, 1, {NULL}};

    if (listener->handler[kind] != NULL) {
        user.argument[0] = user_of(self, moment);
        if (user.argument[0] == NULL)
            report_own(self);
        else
            call_listener(self, listener, &user);
    }
    if (listener->handler[KIND_PRESENCE] != NULL) {
        event.argument[0] = event_of(self, moment);
        if (event.argument[0] == NULL)
            report_own(self);
        else
            call_listener(self, listener, &event);
    }
}

static void tell_moment(drain *self, telling *moment)
{
    const cp_change *change = moment->change;
    const listener_kind kind = change->status == CP_ONLINE ? KIND_ONLINE : KIND_OFFLINE;
    listener_target *listener;
    listener_round round;

    begin_round(&round, self->client, WANTS(kind) | WANTS(KIND_PRESENCE));
    while ((listener = next_listener(&round)) != NULL)
        if (is_for(self, listener, change->origin, change->received_at))
            tell_listener(self, listener, kind, moment);
    end_round(&round);
}

/* ---- batches: the same events once more, for those who want many at a time */

static void gather(drain *self, telling *moment)
{
    const uint32_t wants = WANTS(KIND_PRESENCE_BATCH);

    if (self->gathered == NULL) {
        if (!listeners_wanted(self->client, wants))
            return;
        self->gathered = PyList_New(0);
        if (self->gathered == NULL) {
            report_own(self);
            return;
        }
        begin_round(&self->batch, self->client, wants);
    }
    PyObject *event = event_of(self, moment);
    if (event == NULL || PyList_Append(self->gathered, event) < 0)
        report_own(self);
}

/* A list of its own for each listener: it may do with it what it likes. */
static PyObject *pick(const drain *self, const listener_target *listener)
{
    PyObject *picked = PyList_New(0);
    for (Py_ssize_t i = 0; picked != NULL && i < PyList_GET_SIZE(self->gathered); i++) {
        PyObject *event = PyList_GET_ITEM(self->gathered, i);
        if (is_for(self, listener, event_origin(event), event_received_at(event)) &&
            PyList_Append(picked, event) < 0)
            Py_CLEAR(picked);
    }
    return picked;
}

static void tell_batch(drain *self, listener_target *listener)
{
    bulletin news = {KIND_PRESENCE_BATCH, 1, {pick(self, listener)}};

    if (news.argument[0] == NULL)
        report_own(self);
    else if (PyList_GET_SIZE(news.argument[0]) > 0)
        call_listener(self, listener, &news);
    Py_XDECREF(news.argument[0]);
}

static void tell_gathered(drain *self)
{
    listener_target *listener;

    if (self->gathered == NULL)
        return;
    while ((listener = next_listener(&self->batch)) != NULL)
        tell_batch(self, listener);
    end_round(&self->batch);
    Py_CLEAR(self->gathered);
}

/* ---- notices */

static void tell_news(drain *self, const bulletin *news, cp_usec at)
{
    listener_target *listener;
    listener_round round;

    begin_round(&round, self->client, WANTS(news->kind));
    while ((listener = next_listener(&round)) != NULL)
        if (at >= listener->since)
            call_listener(self, listener, news);
    end_round(&round);
}

static void tell_failure(drain *self, const cp_notice *notice)
{
    PyObject *exception = failure_to_python(self->state, &notice->failure);
    if (exception == NULL) {
        report_own(self);
        return;
    }
    PyObject *where = text_to_python(cp_slice_of(notice->reason));
    report(self, exception, where);
    Py_XDECREF(where);
    Py_DECREF(exception);
}

static void tell_notice(drain *self, const cp_notice *notice)
{
    bulletin news;

    if (notice->kind == CP_NOTICE_ERROR) {
        tell_failure(self, notice);
        return;
    }
    read_notice(self->state, notice, &news);
    if (PyErr_Occurred())
        report_own(self);
    else
        tell_news(self, &news, notice->at);
    if (notice->kind == CP_NOTICE_DEGRADED && notice->is_throttled)
        tell_news(self, &(bulletin){.kind = KIND_THROTTLED}, notice->at);
    for (size_t i = 0; i < news.count; i++)
        Py_XDECREF(news.argument[i]);
}

/* ---- the alarm */

static bool tell_alarm(drain *self, cp_usec told_until)
{
    bulletin news = {KIND_ALARM, 1, {NULL}};
    cp_usec until;

    if (!cp_connection_take_alarm(self->client->connection, told_until, &until))
        return false;
    news.argument[0] = seconds_to_python(until);
    if (news.argument[0] == NULL)
        report_own(self);
    else
        tell_news(self, &news, cp_network_now());
    Py_XDECREF(news.argument[0]);
    return true;
}

/* A listener decides on one user at a time and asks for the next alarm, often at once. */
static void tell_alarms(drain *self, cp_usec told_until)
{
    for (int i = 0; i < ALARMS && self->interrupt == NULL; i++)
        if (!tell_alarm(self, told_until))
            return;
}

/* ---- the drain */

static void tell_held(drain *self)
{
    client_object *client = self->client;

    while (client->held_next < client->held_count && self->interrupt == NULL) {
        const cp_change *change = &client->held[client->held_next++];
        telling moment = {change, NULL, NULL};
        client->telling_of = change->received_at;
        gather(self, &moment);
        tell_moment(self, &moment);
        if (moment.user == NULL)
            cp_user_release(change->user);
        Py_XDECREF(moment.user);
        Py_XDECREF(moment.event);
        self->told++;
    }
}

static size_t room_for_changes(const drain *self)
{
    long room = self->most - self->told;
    return room < HELD_CHANGES ? (size_t)room : HELD_CHANGES;
}

static bool take_changes(drain *self)
{
    client_object *client = self->client;

    client->held_next = 0;
    client->held_count =
        cp_connection_take_changes(client->connection, client->held, room_for_changes(self));
    return client->held_count > 0;
}

/* Changes in hand end where a recap begins and ends: what was gathered of them is told then,
 * since it is for others. */
static bool begin_recap(drain *self)
{
    uint64_t newcomer = find_newcomer(self->client);

    if (newcomer == 0)
        return false;
    tell_gathered(self);
    cp_connection_begin_recap(self->client->connection);
    self->client->newcomer = newcomer;
    return true;
}

/* False: nobody waits for a recap. */
static bool take_recap(drain *self)
{
    client_object *client = self->client;

    if (client->newcomer == 0 && !begin_recap(self))
        return false;
    client->held_next = 0;
    if (cp_connection_take_recap(client->connection, client->held, room_for_changes(self),
                                 &client->held_count))
        return true;
    tell_gathered(self);
    end_recap(client, client->newcomer);
    client->newcomer = 0;
    return true;
}

/* A notice stands between the changes before it and those after, so the batch listeners
 * get theirs first. */
static bool take_notice(drain *self)
{
    cp_notice notice;

    if (!cp_connection_take_notice(self->client->connection, &notice))
        return false;
    tell_gathered(self);
    self->client->telling_of = notice.at;
    tell_notice(self, &notice);
    cp_notice_destroy(&notice);
    return true;
}

static void run(drain *self)
{
    client_object *client = self->client;
    bool is_all_told = false;
    int notices = 0;

    cp_connection_hush(client->connection);
    for (;;) {
        self->since = roughly_now();
        tell_held(self);
        if (self->interrupt != NULL || self->told >= self->most || notices >= CP_NOTICES)
            break;
        if (take_recap(self))
            continue;
        if (take_notice(self))
            notices++;
        else if (!take_changes(self)) {
            is_all_told = true;
            break;
        }
    }
    self->since = roughly_now();
    tell_gathered(self);
    tell_alarms(self, is_all_told ? CP_NEVER : client->telling_of);
    if (client->held_next < client->held_count || atomic_load(&client->has_newcomers))
        cp_connection_wake(client->connection);
    cp_connection_ring_if_more(client->connection);
}

PyObject *client_drain(PyObject *op, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"max_events", NULL};
    client_object *client = (client_object *)op;
    drain self = {.client = client, .state = core_state_of(op)};

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "l:drain", names, &self.most) ||
        !client_is_ours(client))
        return NULL;
    if (self.most <= 0 || atomic_flag_test_and_set(&client->draining))
        return PyLong_FromLong(0); /* inside a listener, or while another thread drains */
    atomic_store(&client->drainer, PyThread_get_thread_ident());
    run(&self);
    atomic_store(&client->drainer, 0);
    atomic_flag_clear(&client->draining);
    if (self.interrupt == NULL)
        return PyLong_FromLong(self.told);
    PyErr_SetRaisedException(self.interrupt);
    return NULL;
}
