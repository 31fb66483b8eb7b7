#include "core/session_parts.h"

#include <string.h>

#include "core/text.h"

/* ---- how they end */

static void fail(cp_session *self, cp_call *call, cp_failure_kind kind, const char *code,
                 const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, kind, code, "%s", words);
    cp_calls_finish(&self->calls, call, &failure);
}

static cp_failure lacks_time(const cp_session *self)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, CP_FAILURE_RATE_LIMITED, "ERR_TOO_MANY_REQUESTS",
                   "the server asked to be left alone for longer than there is time");
    failure.retry_after = self->quiet_until - self->now.usec;
    return failure;
}

static cp_failure login_ended(void)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, CP_FAILURE_AUTH, "USER_NOT_LOGED_IN", /* sic */
                   "the login ended before the answer came");
    return failure;
}

static void forget_account(cp_session *self, const cp_failure *failure)
{
    cp_calls_finish_account(&self->calls, failure);
    cp_session_finish_watchers(self, failure);
    cp_account_forget(&self->account);
}

/* Nobody is logged in from here on, and nothing may be asked in his name. */
static void leave_account(cp_session *self)
{
    cp_failure failure = login_ended();

    forget_account(self, &failure);
}

void cp_session_forget_login(cp_session *self, const cp_failure *failure)
{
    cp_notice notice = {.kind = CP_NOTICE_LOGGED_OUT};

    forget_account(self, failure);
    cp_session_notify(self, &notice);
}

static void log_out(cp_session *self)
{
    cp_failure failure = login_ended();

    cp_session_leave(self, CP_STATE_OFFLINE);
    cp_session_forget_login(self, &failure);
}

static void copy_me(const cp_session *self, cp_presence *out)
{
    *out = self->account.me;
    if (out->user != NULL)
        cp_user_hold(out->user);
}

static void logged_in(cp_session *self, cp_call *call)
{
    cp_notice notice = {.kind = CP_NOTICE_LOGGED_IN};

    self->asked_server = self->asked_provider = false;
    cp_backoff_reset(&self->backoff);
    copy_me(self, &call->user);
    copy_me(self, &notice.user);
    cp_session_notify(self, &notice);
    cp_calls_finish(&self->calls, call, NULL);
    if (self->config->auto_connect)
        cp_session_start(self);
}

static void login_failed(cp_session *self, const cp_failure *failure)
{
    cp_notice notice = {.kind = CP_NOTICE_LOGIN_FAILED, .failure = *failure};

    leave_account(self);
    cp_session_notify(self, &notice);
}

/* What the session does when a call of this kind ends without success. */
static void mourn(cp_session *self, cp_call_kind kind, const cp_failure *failure)
{
    if (kind == CP_CALL_LOGIN)
        login_failed(self, failure);
    else if (kind == CP_CALL_TOKEN && self->renewal == CP_RENEWAL_ASK_PROVIDER)
        cp_session_renewal_failed(self, failure);
    else if (kind == CP_CALL_LOGOUT)
        log_out(self); /* the caller wants to be out, and so he is */
}

/* ---- answers */

void cp_session_call_succeeded(cp_session *self, cp_call *call)
{
    switch (call->kind) {
    case CP_CALL_LOGIN:
        if (call->auth_token == NULL && call->step++ == 0)
            cp_calls_ask(&self->calls, call); /* the token is there, now who we are */
        else
            logged_in(self, call);
        return;
    case CP_CALL_TOKEN:
        cp_session_renewed(self);
        break;
    case CP_CALL_LOGOUT:
        log_out(self);
        break;
    case CP_CALL_COUNT:
        cp_session_take_count(self, call->number);
        break;
    default:
        break;
    }
    cp_calls_finish(&self->calls, call, NULL);
}

/* Wants the same request again, after the silence the server asked for; a caller who does
 * not have that long is told at once. */
void cp_session_call_again(cp_session *self, cp_call *call, cp_failure *failure)
{
    if (self->quiet_until < call->deadline) {
        cp_calls_ask(&self->calls, call);
        return;
    }
    failure->retry_after = self->quiet_until - self->now.usec;
    mourn(self, call->kind, failure);
    cp_calls_finish(&self->calls, call, failure);
}

/* Those that can be asked for again with another token. */
static bool is_question(const cp_call *call)
{
    return call->kind == CP_CALL_GET_USER || call->kind == CP_CALL_GET_USERS ||
           call->kind == CP_CALL_COUNT;
}

/* A token is renewed once for each question. */
static bool can_be_renewed(const cp_session *self, const cp_call *call, const cp_failure *failure)
{
    return is_question(call) && cp_rest_is_token_lost(failure) && call->step == 0 &&
           self->state != CP_STATE_REFUSED;
}

void cp_session_call_failed(cp_session *self, cp_call *call, const cp_failure *failure)
{
    if (is_question(call) && cp_rest_is_token_lost(failure) &&
        call->tokens != self->account.tokens) {
        cp_calls_ask(&self->calls, call); /* it was an older token that was refused */
        return;
    }
    if (can_be_renewed(self, call, failure)) {
        call->step = 1;
        cp_calls_wait(&self->calls, call);
        cp_session_renew(self, failure);
        return;
    }
    if (call->kind == CP_CALL_TOKEN && failure->kind != CP_FAILURE_AUTH &&
        failure->kind != CP_FAILURE_CONFIG) {
        cp_session_be_quiet(self, cp_session_try_again_at(self, failure));
        cp_calls_ask(&self->calls, call); /* the network failed, not the token */
        return;
    }
    mourn(self, call->kind, failure);
    if (call->kind == CP_CALL_LOGOUT && cp_rest_is_token_lost(failure))
        failure = NULL; /* he was out already */
    cp_calls_finish(&self->calls, call, failure);
}

/* ---- login */

static bool is_me(const cp_session *self, const cp_call *call)
{
    if (self->account.me.user == NULL)
        return false;
    if (call->auth_token != NULL)
        return self->account.auth_token != NULL &&
               strcmp(call->auth_token, self->account.auth_token) == 0;
    return cp_text_equal_caseless(call->uid, self->account.uid);
}

/* Before the login that there is is given up for this one. */
static cp_status check_login(const cp_call *call, cp_failure *failure)
{
    bool by_token = call->auth_token != NULL;

    if (!by_token && (call->uid == NULL || call->auth_key == NULL)) {
        cp_failure_set(failure, CP_FAILURE_CONFIG, "MISSING_PARAMETERS",
                       "login needs a uid and an auth key, or an auth token");
        return CP_ERR_ARGUMENT;
    }
    if (!by_token)
        return cp_rest_check_login(cp_slice_of(call->uid), cp_slice_of(call->auth_key), failure);
    if (cp_account_takes_token(cp_slice_of(call->auth_token)))
        return CP_OK;
    return cp_failure_refuse(failure, "INVALID_PARAMETER", "auth token",
                             "cannot be sent: it is empty, too long or has control characters");
}

static void start_login(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    if (self->account.me.user != NULL)
        log_out(self); /* the server is not told: as the official SDK does it */
    cp_session_leave(self, CP_STATE_OFFLINE);
    leave_account(self);
    if (call->auth_token == NULL ||
        cp_account_set_token(&self->account, cp_slice_of(call->auth_token)) == CP_OK) {
        cp_calls_ask(&self->calls, call);
        return;
    }
    (void)cp_failure_no_memory(&failure);
    login_failed(self, &failure);
    cp_calls_finish(&self->calls, call, &failure);
}

static void call_login(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    if (check_login(call, &failure) != CP_OK) {
        cp_calls_finish(&self->calls, call, &failure);
        return;
    }
    if (cp_calls_has(&self->calls, CP_CALL_LOGIN)) {
        fail(self, call, CP_FAILURE_AUTH, "LOGIN_IN_PROGRESS", "another login is under way");
        return;
    }
    if (is_me(self, call) && self->state != CP_STATE_REFUSED) {
        copy_me(self, &call->user);
        cp_calls_finish(&self->calls, call, NULL);
        return;
    }
    if (self->quiet_until > self->now.usec && self->quiet_until >= call->deadline) {
        failure = lacks_time(self);
        cp_calls_finish(&self->calls, call, &failure); /* and the old login stays */
        return;
    }
    start_login(self, call);
}

static void call_token(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    if (self->renewal != CP_RENEWAL_ASK_PROVIDER) {
        cp_calls_finish(&self->calls, call, NULL); /* too late: nobody waits for it */
        return;
    }
    if (call->auth_token != NULL &&
        cp_account_set_token(&self->account, cp_slice_of(call->auth_token)) == CP_OK) {
        cp_calls_ask(&self->calls, call);
        return;
    }
    cp_failure_set(&failure, CP_FAILURE_AUTH, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND",
                   "the auth token was refused and the token provider gave no other");
    cp_session_renewal_failed(self, &failure);
    cp_calls_finish(&self->calls, call, &failure);
}

/* Whoever runs the token provider waits here for it to be needed. */
static void call_await_demand(cp_session *self, cp_call *call)
{
    if (self->renewal != CP_RENEWAL_ASK_PROVIDER || self->demand_is_told) {
        cp_calls_wait(&self->calls, call);
        return;
    }
    self->demand_is_told = true;
    cp_calls_finish(&self->calls, call, NULL);
}

/* ---- the socket */

static void call_connect(cp_session *self, cp_call *call)
{
    bool is_out = self->state == CP_STATE_OFFLINE || self->state == CP_STATE_REFUSED;

    if (is_out) {
        self->asked_server = self->asked_provider = false;
        cp_backoff_reset(&self->backoff);
    }
    if ((is_out || self->state == CP_STATE_WAITING) && !cp_session_is_renewing(self)) {
        self->retry_delay = 0;
        cp_session_start(self);
    }
    cp_calls_finish(&self->calls, call, NULL);
}

static void finish_with_socket(cp_session *self, cp_call *call)
{
    if (self->has_socket)
        cp_calls_wait(&self->calls, call);
    else
        cp_calls_finish(&self->calls, call, NULL);
}

static void call_disconnect(cp_session *self, cp_call *call)
{
    cp_session_leave(self, CP_STATE_OFFLINE);
    finish_with_socket(self, call);
}

static void call_close(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    if (self->state != CP_STATE_CLOSED) {
        cp_failure_set(&failure, CP_FAILURE_CLOSED, "ERR_CLIENT_CLOSED",
                       "the client is closed: make a new one");
        cp_calls_finish_all(&self->calls, &failure);
        cp_session_finish_watchers(self, &failure);
        cp_session_leave(self, CP_STATE_CLOSED);
    }
    finish_with_socket(self, call);
}

static void call_await_sync(cp_session *self, cp_call *call)
{
    bool resyncs = call->kind == CP_CALL_RESYNC;

    if (self->state == CP_STATE_REFUSED) {
        cp_calls_finish(&self->calls, call, &self->last_failure);
    } else if (self->state == CP_STATE_OFFLINE) {
        fail(self, call, CP_FAILURE_NOT_CONNECTED, "ERR_NOT_CONNECTED", "not connected");
    } else if (resyncs && !cp_session_compares(self)) {
        fail(self, call, CP_FAILURE_CONFIG, "ERR_NO_SUBSCRIPTION",
             "there is nothing to compare: subscribe to all users, to roles or to friends first");
    } else if (!resyncs && self->state == CP_STATE_LIVE) {
        call->report = self->latest;
        call->report.online = self->online;
        cp_calls_finish(&self->calls, call, NULL);
    } else {
        cp_session_await_comparison(self, call);
    }
}

/* ---- requests */

/* A caller whose time is up before the silence ends need not wait for that. */
static void call_rest(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    if (cp_session_is_renewing(self) && is_question(call)) {
        cp_calls_wait(&self->calls, call); /* for a token that is not known to be lost */
        return;
    }
    if (self->quiet_until <= self->now.usec) {
        cp_calls_ask(&self->calls, call);
        return;
    }
    failure = lacks_time(self);
    cp_session_call_again(self, call, &failure);
}

/* ---- facts */

/* Those that wait for something that will never be hear why, though nobody is logged in. */
static bool is_refused(const cp_session *self, const cp_call *call)
{
    return self->state == CP_STATE_REFUSED &&
           (call->kind == CP_CALL_AWAIT_SYNC || call->kind == CP_CALL_RESYNC ||
            call->kind == CP_CALL_AWAIT_USER);
}

/* Those that need a login. */
static void call_of_account(cp_session *self, cp_call *call)
{
    if (self->account.me.user == NULL && !is_refused(self, call))
        fail(self, call, CP_FAILURE_AUTH, "USER_NOT_LOGED_IN",
             "nobody is logged in: call login() first"); /* sic */
    else if (call->kind == CP_CALL_CONNECT)
        call_connect(self, call);
    else if (call->kind == CP_CALL_AWAIT_SYNC || call->kind == CP_CALL_RESYNC)
        call_await_sync(self, call);
    else if (call->kind == CP_CALL_AWAIT_USER)
        cp_session_await_user(self, call);
    else
        call_rest(self, call);
}

void cp_session_called(cp_session *self, cp_call *call, cp_now now)
{
    self->now = now;
    call->deadline = cp_session_after(self, call->timeout);
    if (self->state == CP_STATE_CLOSED && call->kind != CP_CALL_CLOSE) {
        fail(self, call, CP_FAILURE_CLOSED, "ERR_CLIENT_CLOSED",
             "the client is closed: make a new one");
        return;
    }
    switch (call->kind) {
    case CP_CALL_LOGIN:
        call_login(self, call);
        break;
    case CP_CALL_TOKEN:
        call_token(self, call);
        break;
    case CP_CALL_AWAIT_DEMAND:
        call_await_demand(self, call);
        break;
    case CP_CALL_DISCONNECT:
        call_disconnect(self, call);
        break;
    case CP_CALL_CLOSE:
        call_close(self, call);
        break;
    default:
        call_of_account(self, call);
        break;
    }
}

static cp_failure timed_out(const cp_session *self)
{
    cp_failure failure = {0};

    if (self->quiet_until > self->now.usec)
        return lacks_time(self);
    if (self->state == CP_STATE_WAITING || self->state == CP_STATE_CONNECTING)
        cp_failure_set(&failure, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT",
                       "no answer in time; the last attempt to connect: %.120s",
                       self->last_failure.kind ? self->last_failure.message : "still under way");
    else
        cp_failure_set(&failure, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT", "no answer in time");
    return failure;
}

/* Calls whose end the session has to mourn, and whether one of a kind was there. */
static const cp_call_kind mourned[] = {CP_CALL_LOGIN, CP_CALL_TOKEN, CP_CALL_LOGOUT};
#define MOURNED (sizeof mourned / sizeof mourned[0])

static void look_for_mourned(const cp_session *self, bool there[MOURNED])
{
    for (size_t i = 0; i < MOURNED; i++)
        there[i] = cp_calls_has(&self->calls, mourned[i]);
}

static void mourn_missing(cp_session *self, const bool were_there[MOURNED],
                          const cp_failure *failure)
{
    for (size_t i = 0; i < MOURNED; i++) {
        if (were_there[i] && !cp_calls_has(&self->calls, mourned[i]))
            mourn(self, mourned[i], failure);
    }
}

void cp_session_cancelled(cp_session *self, cp_call *call, cp_now now)
{
    cp_failure failure = timed_out(self);
    bool were_there[MOURNED];

    self->now = now;
    if (cp_session_cancel_watcher(self, call))
        return;
    look_for_mourned(self, were_there);
    cp_calls_cancel(&self->calls, call, &failure);
    mourn_missing(self, were_there, &failure);
}

/* Those whose requests could not be built, and none of their answers will come. */
static void fail_unsendable(cp_session *self)
{
    cp_failure failure;
    cp_call *call;

    while ((call = cp_calls_take_unsendable(&self->calls, &failure)) != NULL)
        cp_session_call_failed(self, call, &failure);
}

void cp_session_calls_elapsed(cp_session *self)
{
    cp_failure failure = timed_out(self);
    bool were_there[MOURNED];

    fail_unsendable(self);
    cp_session_watchers_elapsed(self);
    if (self->now.usec < self->calls.deadline)
        return;
    look_for_mourned(self, were_there);
    cp_calls_elapsed(&self->calls, self->now.usec, &failure);
    mourn_missing(self, were_there, &failure);
}
