#include "core/session_parts.h"

#include <string.h>

#include "core/text.h"

#define LONGEST_QUIET (3600 * CP_USEC_PER_SEC) /* whatever the server asks for */
#define DEFAULT_QUIET (1 * CP_USEC_PER_SEC)    /* a 429 that names no time */

/* ---- renewal of tokens */

static void renewal_failed(cp_session *self, const cp_failure *failure)
{
    self->renewal = CP_RENEWAL_NONE;
    self->renewal_at = CP_NEVER;
    cp_session_refuse(self, failure);
}

static void ask_provider(cp_session *self, const cp_failure *failure)
{
    cp_notice notice = {.kind = CP_NOTICE_TOKEN_WANTED};

    if (!self->config->has_token_provider || self->asked_provider) {
        renewal_failed(self, failure);
        return;
    }
    self->asked_provider = true;
    self->renewal = CP_RENEWAL_ASK_PROVIDER;
    self->renewal_at = CP_NEVER;
    cp_session_notify(self, &notice);
}

/* A socket that was refused has no use any more; one that is live goes on meanwhile. */
static void leave_refused_socket(cp_session *self)
{
    if (self->state != CP_STATE_AUTHENTICATING)
        return;
    cp_session_become(self, CP_STATE_WAITING); /* for the renewal */
    self->retry_at = self->attempt_deadline = CP_NEVER;
    if (self->has_socket)
        self->wish = CP_WISH_CLOSE;
}

void cp_session_renew(cp_session *self, const cp_failure *failure)
{
    leave_refused_socket(self);
    if (self->renewal != CP_RENEWAL_NONE)
        return;
    self->last_failure = *failure;
    if (self->asked_server) {
        ask_provider(self, failure);
        return;
    }
    self->asked_server = true;
    self->renewal = CP_RENEWAL_ASK_SERVER;
    self->renewal_at = self->now.usec;
}

static void renewed(cp_session *self)
{
    self->renewal = CP_RENEWAL_NONE;
    self->renewal_at = CP_NEVER;
    cp_calls_resume(&self->calls, NULL);
    if (self->state == CP_STATE_WAITING && self->retry_at == CP_NEVER)
        cp_session_start(self);
}

/* ---- requests */

/* The server asks for silence; true: the request that earned it is to be sent again. */
static bool keep_quiet(cp_session *self, const cp_http_answer *answer, const cp_failure *failure)
{
    bool is_refused = failure->kind == CP_FAILURE_RATE_LIMITED;
    cp_usec wait = cp_rest_wait_asked(answer, self->now.unix_ms / 1000);

    if (wait == CP_ABSENT && is_refused)
        wait = failure->retry_after > 0 ? failure->retry_after : DEFAULT_QUIET;
    if (wait == CP_ABSENT || wait <= 0)
        return is_refused;
    if (wait > LONGEST_QUIET)
        wait = LONGEST_QUIET;
    self->quiet_until = self->now.usec + wait;
    return is_refused;
}

static bool next_renewal_request(cp_session *self, cp_http_request *out)
{
    cp_failure failure = {0};

    if (self->renewal != CP_RENEWAL_ASK_SERVER || self->renewal_ticket != 0 ||
        self->now.usec < self->renewal_at)
        return false;
    if (cp_rest_get_me(&self->account, out, &failure) != CP_OK) {
        ask_provider(self, &failure);
        return false;
    }
    out->ticket = self->renewal_ticket = ++self->tickets;
    self->renewal_at = CP_NEVER;
    return true;
}

static bool next_sync_request(cp_session *self, cp_http_request *out)
{
    cp_failure failure = {0};
    bool wanted = false;

    if (self->now.usec < self->sync_retry_at && self->sync_retry_at != CP_NEVER)
        return false;
    self->sync_retry_at = CP_NEVER;
    if (cp_sync_next_request(&self->sync, &self->account, self->tickets + 1, out, &wanted,
                             &failure) != CP_OK) {
        /* No memory, or hosts that became unusable: later, perhaps. */
        self->sync_retry_at =
            self->now.usec + cp_backoff_failed(&self->sync_backoff, self->now.usec);
        return false;
    }
    self->tickets += wanted;
    return wanted;
}

bool cp_session_next_request(cp_session *self, cp_http_request *out)
{
    cp_usec latest = self->now.usec + self->config->connect_timeout;

    if (self->now.usec < self->quiet_until || self->state == CP_STATE_CLOSED)
        return false;
    out->deadline = latest;
    if (!next_renewal_request(self, out) && !next_sync_request(self, out) &&
        !cp_calls_next_request(&self->calls, &self->account, self->tickets + 1, out))
        return false;
    if (out->ticket > self->tickets)
        self->tickets = out->ticket;
    if (out->deadline > latest)
        out->deadline = latest;
    return true;
}

/* ---- answers */

static void renewal_answered(cp_session *self, const cp_http_answer *answer)
{
    cp_failure failure = {0};

    self->renewal_ticket = 0;
    if (cp_rest_read_me(answer, &self->account, &failure) == CP_OK)
        renewed(self);
    else if (keep_quiet(self, answer, &failure))
        self->renewal_at = self->quiet_until;
    else if (failure.kind == CP_FAILURE_AUTH || cp_rest_is_token_lost(&failure))
        ask_provider(self, &failure);
    else
        self->renewal_at = self->now.usec + cp_backoff_failed(&self->sync_backoff, self->now.usec);
}

static void sync_answered(cp_session *self, const cp_http_answer *answer)
{
    cp_failure failure = {0};

    if (cp_sync_answered(&self->sync, answer, &failure) == CP_OK) {
        (void)keep_quiet(self, answer, &failure); /* a quota that is used up */
        return;
    }
    if (keep_quiet(self, answer, &failure))
        return;
    if (cp_rest_is_token_lost(&failure))
        cp_session_renew(self, &failure);
    self->sync_retry_at = self->now.usec + cp_backoff_failed(&self->sync_backoff, self->now.usec);
}

static void log_out(cp_session *self)
{
    cp_notice notice = {.kind = CP_NOTICE_LOGGED_OUT};

    cp_session_leave(self, CP_STATE_OFFLINE);
    cp_account_forget(&self->account);
    cp_session_notify(self, &notice);
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
    copy_me(self, &call->user);
    copy_me(self, &notice.user);
    cp_session_notify(self, &notice);
    cp_calls_finish(&self->calls, call, NULL);
    if (self->config->auto_connect)
        cp_session_start(self);
}

static void call_succeeded(cp_session *self, cp_call *call)
{
    switch (call->kind) {
    case CP_CALL_LOGIN:
        if (call->auth_key != NULL && call->step++ == 0)
            cp_calls_ask(&self->calls, call); /* the token is there, now who we are */
        else
            logged_in(self, call);
        return;
    case CP_CALL_TOKEN:
        renewed(self);
        break;
    case CP_CALL_LOGOUT:
        log_out(self);
        break;
    default:
        break;
    }
    cp_calls_finish(&self->calls, call, NULL);
}

static void login_failed(cp_session *self, const cp_failure *failure)
{
    cp_notice notice = {.kind = CP_NOTICE_LOGIN_FAILED, .failure = *failure};

    cp_account_forget(&self->account);
    cp_session_notify(self, &notice);
}

/* Wants the same request again, after the silence the server asked for; a caller who does
 * not have that long is told at once. */
static void call_again(cp_session *self, cp_call *call, cp_failure *failure)
{
    failure->retry_after = self->quiet_until - self->now.usec;
    if (self->quiet_until >= call->deadline)
        cp_calls_finish(&self->calls, call, failure);
    else
        cp_calls_ask(&self->calls, call);
}

static void call_failed(cp_session *self, cp_call *call, const cp_failure *failure)
{
    switch (call->kind) {
    case CP_CALL_LOGIN:
        login_failed(self, failure);
        break;
    case CP_CALL_TOKEN:
        if (failure->kind != CP_FAILURE_AUTH && !cp_rest_is_token_lost(failure)) {
            self->quiet_until =
                self->now.usec + cp_backoff_failed(&self->sync_backoff, self->now.usec);
            cp_calls_ask(&self->calls, call); /* the network failed, not the token */
            return;
        }
        renewal_failed(self, failure);
        break;
    case CP_CALL_LOGOUT: /* the caller wants to be out, and so he is */
        log_out(self);
        if (cp_rest_is_token_lost(failure))
            failure = NULL; /* and was already */
        break;
    default:
        if (!cp_rest_is_token_lost(failure) || call->step > 0)
            break;
        call->step = 1;
        cp_calls_wait(&self->calls, call);
        cp_session_renew(self, failure);
        return;
    }
    cp_calls_finish(&self->calls, call, failure);
}

static void call_answered(cp_session *self, cp_call *call, const cp_http_answer *answer)
{
    cp_failure failure = {0};

    if (cp_calls_read(call, &self->account, answer, &failure) == CP_OK) {
        (void)keep_quiet(self, answer, &failure);
        call_succeeded(self, call);
    } else if (keep_quiet(self, answer, &failure)) {
        call_again(self, call, &failure);
    } else {
        call_failed(self, call, &failure);
    }
}

void cp_session_answered(cp_session *self, const cp_http_answer *answer, cp_now now)
{
    cp_call *call;

    self->now = now;
    if (answer->ticket == 0)
        return;
    if (answer->ticket == self->renewal_ticket)
        renewal_answered(self, answer);
    else if (answer->ticket == self->sync.ticket)
        sync_answered(self, answer);
    else if ((call = cp_calls_take_answered(&self->calls, answer->ticket)) != NULL)
        call_answered(self, call, answer);
    /* Else nobody wants it any more. */
}

/* ---- calls */

static void fail(cp_session *self, cp_call *call, cp_failure_kind kind, const char *code,
                 const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, kind, code, "%s", words);
    cp_calls_finish(&self->calls, call, &failure);
}

static bool is_me(const cp_session *self, const cp_call *call)
{
    if (self->account.me.user == NULL)
        return false;
    if (call->auth_token != NULL)
        return self->account.auth_token != NULL &&
               strcmp(call->auth_token, self->account.auth_token) == 0;
    return cp_text_equal_caseless(call->uid, self->account.uid);
}

static void call_login(cp_session *self, cp_call *call)
{
    if (call->auth_token == NULL && (call->uid == NULL || call->auth_key == NULL)) {
        fail(self, call, CP_FAILURE_CONFIG, "MISSING_PARAMETERS",
             "login needs a uid and an auth key, or an auth token");
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
    cp_session_leave(self, CP_STATE_OFFLINE);
    cp_account_forget(&self->account);
    if (call->auth_token != NULL &&
        cp_account_set_token(&self->account, cp_slice_of(call->auth_token)) != CP_OK)
        fail(self, call, CP_FAILURE_MEMORY, "ERR_NO_MEMORY", "no memory");
    else
        cp_calls_ask(&self->calls, call);
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
    renewal_failed(self, &failure);
    cp_calls_finish(&self->calls, call, &failure);
}

static void call_connect(cp_session *self, cp_call *call)
{
    bool idle = self->state == CP_STATE_OFFLINE || self->state == CP_STATE_REFUSED ||
                self->state == CP_STATE_WAITING;

    if (self->state == CP_STATE_REFUSED)
        self->asked_server = self->asked_provider = false;
    if (idle && self->renewal == CP_RENEWAL_NONE)
        cp_session_start(self);
    cp_calls_finish(&self->calls, call, NULL);
}

static void call_disconnect(cp_session *self, cp_call *call)
{
    cp_session_leave(self, CP_STATE_OFFLINE);
    if (self->has_socket)
        cp_calls_wait(&self->calls, call);
    else
        cp_calls_finish(&self->calls, call, NULL);
}

static void call_await_sync(cp_session *self, cp_call *call)
{
    if (self->state == CP_STATE_REFUSED)
        cp_calls_finish(&self->calls, call, &self->last_failure);
    else if (self->state == CP_STATE_OFFLINE && !cp_calls_has(&self->calls, CP_CALL_LOGIN))
        fail(self, call, CP_FAILURE_NOT_CONNECTED, "ERR_NOT_CONNECTED", "not connected");
    else if (call->kind == CP_CALL_RESYNC && !cp_session_subscribes(self))
        fail(self, call, CP_FAILURE_CONFIG, "ERR_NO_SUBSCRIPTION",
             "without a presence subscription there is nothing to synchronise");
    else if (call->kind == CP_CALL_AWAIT_SYNC && self->state == CP_STATE_LIVE) {
        call->report.generation = self->generation;
        cp_calls_finish(&self->calls, call, NULL);
    } else {
        cp_calls_wait(&self->calls, call);
        if (call->kind == CP_CALL_RESYNC && cp_session_is_accepted(self))
            cp_session_compare(self);
    }
}

static void call_close(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, CP_FAILURE_CLOSED, "ERR_CLIENT_CLOSED", "the client is closed");
    cp_calls_finish_all(&self->calls, &failure);
    cp_session_leave(self, CP_STATE_CLOSED);
    if (self->has_socket)
        cp_calls_wait(&self->calls, call);
    else
        cp_calls_finish(&self->calls, call, NULL);
}

void cp_session_called(cp_session *self, cp_call *call, cp_now now)
{
    bool is_in = self->account.me.user != NULL;

    self->now = now;
    call->deadline = call->timeout >= CP_NEVER - now.usec ? CP_NEVER : now.usec + call->timeout;
    if (self->state == CP_STATE_CLOSED && call->kind != CP_CALL_CLOSE) {
        fail(self, call, CP_FAILURE_CLOSED, "ERR_CLIENT_CLOSED", "the client is closed");
        return;
    }
    switch (call->kind) {
    case CP_CALL_LOGIN:
        call_login(self, call);
        return;
    case CP_CALL_TOKEN:
        call_token(self, call);
        return;
    case CP_CALL_DISCONNECT:
        call_disconnect(self, call);
        return;
    case CP_CALL_CLOSE:
        call_close(self, call);
        return;
    default:
        break;
    }
    if (!is_in)
        fail(self, call, CP_FAILURE_AUTH, "USER_NOT_LOGED_IN", "nobody is logged in"); /* sic */
    else if (call->kind == CP_CALL_CONNECT)
        call_connect(self, call);
    else if (call->kind == CP_CALL_AWAIT_SYNC || call->kind == CP_CALL_RESYNC)
        call_await_sync(self, call);
    else
        cp_calls_ask(&self->calls, call);
}

static cp_failure timed_out(const cp_session *self)
{
    cp_failure failure = {0};

    if (self->state == CP_STATE_WAITING || self->state == CP_STATE_CONNECTING)
        cp_failure_set(&failure, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT",
                       "no answer in time; the last attempt to connect: %.120s",
                       self->last_failure.kind ? self->last_failure.message : "still under way");
    else
        cp_failure_set(&failure, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT", "no answer in time");
    return failure;
}

void cp_session_cancelled(cp_session *self, cp_call *call, cp_now now)
{
    cp_failure failure = timed_out(self);

    self->now = now;
    cp_calls_cancel(&self->calls, call, &failure);
}

void cp_session_compare(cp_session *self)
{
    self->sync_at = self->sync_retry_at = CP_NEVER;
    cp_sync_begin(&self->sync, self->has_synced ? CP_ORIGIN_RESYNC : CP_ORIGIN_SNAPSHOT,
                  self->now.usec);
}

void cp_session_rest_elapsed(cp_session *self)
{
    cp_failure failure = timed_out(self);

    cp_calls_elapsed(&self->calls, self->now.usec, &failure);
    if (self->now.usec < self->sync_at || !cp_session_is_accepted(self) ||
        cp_sync_is_running(&self->sync))
        return;
    cp_session_compare(self);
}
