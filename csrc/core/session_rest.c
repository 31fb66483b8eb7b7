#include "core/session_parts.h"

#include <assert.h>

#include "core/scope.h"

#define DEFAULT_QUIET (1 * CP_USEC_PER_SEC) /* a refusal that names no time */
#define FAILURES_TO_REPORT 3 /* of one comparison: fewer are everyday, and repeated anyway */

/* ---- patience */

cp_usec cp_session_try_again_at(cp_session *self, const cp_failure *failure)
{
    cp_usec least = failure->kind == CP_FAILURE_TLS ? CP_TLS_RETRY : 0;

    return cp_session_after(self,
                            cp_backoff_failed_slowly(&self->sync_backoff, self->now.usec, least));
}

void cp_session_be_quiet(cp_session *self, cp_usec until)
{
    if (until > self->quiet_until)
        self->quiet_until = until;
}

bool cp_session_keep_quiet(cp_session *self, const cp_http_answer *answer,
                           const cp_failure *failure)
{
    bool is_refused = failure->kind == CP_FAILURE_RATE_LIMITED;
    cp_usec wait = cp_rest_wait_asked(answer, self->now.unix_ms / 1000);

    if (wait == CP_ABSENT)
        wait = failure->retry_after;
    if (wait <= 0 && is_refused)
        wait = DEFAULT_QUIET; /* "at once" would go on for ever */
    if (wait > 0)
        cp_session_be_quiet(self, self->now.usec + wait);
    return is_refused;
}

/* ---- secrets */

void cp_session_hide_secrets(const cp_session *self, cp_failure *failure)
{
    cp_rest_hide(failure, self->account.auth_token);
    cp_rest_hide(failure, self->account.jwt);
}

/* ---- renewal of tokens */

/* The server does not know us any more, so nobody is logged in (PROTOCOL §3.2). */
void cp_session_renewal_failed(cp_session *self, const cp_failure *failure)
{
    self->renewal = CP_RENEWAL_NONE;
    self->renewal_at = CP_NEVER;
    cp_session_give_up(self, failure);
    cp_session_forget_login(self, failure);
    cp_session_report(self, "connection", failure); /* last: whoever hears it finds all done */
}

static void ask_server(cp_session *self, cp_renewal renewal)
{
    self->renewal = renewal;
    if (self->renewal_ticket == 0) /* else it is asked already */
        self->renewal_at = self->now.usec;
}

static void ask_provider(cp_session *self, const cp_failure *failure)
{
    if (!self->config->has_token_provider || self->asked_provider) {
        cp_session_renewal_failed(self, failure);
        return;
    }
    self->asked_provider = true;
    self->renewal = CP_RENEWAL_ASK_PROVIDER;
    self->renewal_ticket = 0;
    self->renewal_at = CP_NEVER;
    self->demand_is_told = cp_calls_has(&self->calls, CP_CALL_AWAIT_DEMAND);
    cp_calls_finish_waiting(&self->calls, CP_CALL_AWAIT_DEMAND, NULL);
}

/* A socket that was refused has no use any more; one that is live goes on meanwhile. */
static void leave_refused_socket(cp_session *self)
{
    if (self->state != CP_STATE_AUTHENTICATING)
        return;
    cp_session_become(self, CP_STATE_WAITING); /* for the renewal */
    self->retry_at = self->attempt_deadline = CP_NEVER;
    self->retry_delay = 0;
    cp_session_drop_socket(self, CP_WISH_CLOSE);
}

void cp_session_renew(cp_session *self, const cp_failure *failure)
{
    leave_refused_socket(self);
    if (cp_session_is_renewing(self))
        return;
    self->last_failure = *failure;
    if (self->asked_server) {
        ask_provider(self, failure);
        return;
    }
    self->asked_server = true;
    ask_server(self, CP_RENEWAL_ASK_SERVER);
}

void cp_session_doubt_jwt(cp_session *self)
{
    if (self->state == CP_STATE_WAITING && self->renewal == CP_RENEWAL_NONE)
        ask_server(self, CP_RENEWAL_IN_DOUBT);
}

bool cp_session_is_renewing(const cp_session *self)
{
    return self->renewal == CP_RENEWAL_ASK_SERVER || self->renewal == CP_RENEWAL_ASK_PROVIDER;
}

void cp_session_renewed(cp_session *self)
{
    self->renewal = CP_RENEWAL_NONE;
    self->renewal_at = CP_NEVER;
    cp_calls_resume(&self->calls, NULL);
    if (self->state == CP_STATE_WAITING && self->retry_at == CP_NEVER)
        cp_session_start(self);
}

/* The server takes our token and no jwt is on trial, so the next refusal is a new one. */
static void tokens_are_good(cp_session *self)
{
    bool on_trial = self->state == CP_STATE_CONNECTING || self->state == CP_STATE_WAITING ||
                    self->state == CP_STATE_AUTHENTICATING;

    if (!on_trial && !cp_session_is_renewing(self))
        self->asked_server = self->asked_provider = false;
}

/* ---- requests */

static bool next_renewal_request(cp_session *self, cp_http_request *out)
{
    cp_failure failure = {0};

    if (self->renewal_ticket != 0 || self->now.usec < self->renewal_at)
        return false;
    self->renewal_at = CP_NEVER;
    if (cp_rest_get_me(&self->account, out, &failure) == CP_OK) {
        out->ticket = self->renewal_ticket = ++self->tickets;
        return true;
    }
    if (self->renewal == CP_RENEWAL_IN_DOUBT)
        self->renewal = CP_RENEWAL_NONE;
    else if (failure.kind == CP_FAILURE_MEMORY)
        self->renewal_at = cp_session_try_again_at(self, &failure);
    else
        ask_provider(self, &failure);
    return false;
}

static void sync_failed(cp_session *self, const cp_failure *failure)
{
    self->sync_retry_at = cp_session_try_again_at(self, failure);
    if (++self->sync_failures == FAILURES_TO_REPORT)
        cp_session_report(self, "synchronisation", failure);
}

static bool next_sync_request(cp_session *self, cp_http_request *out)
{
    cp_failure failure = {0};
    bool wanted = false;

    if (self->sync_retry_at != CP_NEVER && self->now.usec < self->sync_retry_at)
        return false;
    self->sync_retry_at = CP_NEVER;
    /* No memory, or hosts that became unusable: later, perhaps. */
    if (cp_sync_next_request(&self->sync, &self->account, self->tickets + 1, out, &wanted,
                             &failure) != CP_OK)
        sync_failed(self, &failure);
    self->tickets += wanted;
    return wanted;
}

bool cp_session_next_request(cp_session *self, cp_http_request *out)
{
    cp_usec latest = cp_session_after(self, self->config->connect_timeout);

    if (self->now.usec < self->quiet_until || self->state == CP_STATE_CLOSED)
        return false;
    out->deadline = latest;
    if (!next_renewal_request(self, out) && !next_sync_request(self, out) &&
        !cp_session_next_count_request(self, out) &&
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
    if (cp_rest_read_me(answer, &self->account, &failure) == CP_OK) {
        cp_session_renewed(self);
        return;
    }
    cp_session_hide_secrets(self, &failure);
    if (cp_session_keep_quiet(self, answer, &failure))
        self->renewal_at = self->quiet_until;
    else if (failure.kind == CP_FAILURE_AUTH)
        ask_provider(self, &failure);
    else if (self->renewal == CP_RENEWAL_IN_DOUBT)
        self->renewal = CP_RENEWAL_NONE; /* no wiser than before */
    else
        self->renewal_at = cp_session_try_again_at(self, &failure);
}

static void sync_answered(cp_session *self, const cp_http_answer *answer)
{
    cp_failure failure = {0};

    if (cp_sync_answered(&self->sync, answer, &failure) == CP_OK) {
        (void)cp_session_keep_quiet(self, answer, &failure); /* a quota that is used up */
        tokens_are_good(self);
        return;
    }
    cp_session_hide_secrets(self, &failure);
    if (cp_session_keep_quiet(self, answer, &failure))
        return;
    sync_failed(self, &failure);
    if (cp_rest_is_token_lost(&failure))
        cp_session_renew(self, &failure);
}

/* A call without a failure has worked for whoever asked, so one that did not must have one:
 * where it has none, that is a bug of ours, and still no success. */
static void mind_words(cp_failure *failure, cp_status status)
{
    assert(failure->kind != CP_FAILURE_NONE);
    if (failure->kind != CP_FAILURE_NONE)
        return;
    if (status == CP_ERR_NOMEM)
        (void)cp_failure_no_memory(failure);
    else
        cp_failure_set(failure, CP_FAILURE_PROTOCOL, "FAILED_TO_FETCH", "%s",
                       cp_status_text(status));
}

static void call_answered(cp_session *self, cp_call *call, const cp_http_answer *answer)
{
    cp_failure failure = {0};
    cp_status status = cp_calls_read(call, &self->account, answer, &failure);

    if (status == CP_OK) {
        (void)cp_session_keep_quiet(self, answer, &failure);
        tokens_are_good(self);
        cp_session_call_succeeded(self, call);
        return;
    }
    mind_words(&failure, status);
    cp_session_hide_secrets(self, &failure);
    cp_rest_hide(&failure, call->auth_key);
    if (cp_session_keep_quiet(self, answer, &failure))
        cp_session_call_again(self, call, &failure);
    else
        cp_session_call_failed(self, call, &failure);
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
    else if (answer->ticket == self->count_ticket)
        cp_session_count_answered(self, answer);
    else if ((call = cp_calls_take_answered(&self->calls, answer->ticket)) != NULL)
        call_answered(self, call, answer);
    /* Else nobody wants it any more. */
}

/* ---- comparing */

static cp_origin origin_of_finds(const cp_session *self)
{
    return self->has_synced ? CP_ORIGIN_RESYNC : CP_ORIGIN_SNAPSHOT;
}

static void forget_failures(cp_session *self)
{
    self->sync_retry_at = CP_NEVER;
    self->sync_failures = 0;
}

void cp_session_compare(cp_session *self)
{
    assert(!cp_sync_is_comparing(&self->sync)); /* it would start over, and over */
    self->comparisons += 1;
    self->sync_at = CP_NEVER;
    forget_failures(self);
    cp_sync_begin(&self->sync, origin_of_finds(self), self->now.usec);
}

static void look_up(cp_session *self)
{
    self->look_up_at = CP_NEVER;
    forget_failures(self);
    cp_sync_begin_look_up(&self->sync, origin_of_finds(self), self->now.usec);
}

/* A comparison looks the watched up as well, so it may break a look-up off. */
void cp_session_compare_if_due(cp_session *self)
{
    if (self->now.usec >= self->sync_at && !cp_sync_is_comparing(&self->sync))
        cp_session_compare(self);
    if (self->now.usec >= self->look_up_at && !cp_sync_is_running(&self->sync))
        look_up(self);
}

void cp_session_plan_look_up(cp_session *self, cp_usec wait)
{
    self->look_up_at = cp_scope_has_watched(self->config) ? cp_session_after(self, wait) : CP_NEVER;
}

unsigned cp_session_next_comparison(const cp_session *self)
{
    return self->comparisons + !cp_sync_is_untried(&self->sync);
}

void cp_session_await_comparison(cp_session *self, cp_call *call)
{
    if (call->kind == CP_CALL_RESYNC) {
        call->comparison = cp_session_next_comparison(self);
        if (cp_session_is_accepted(self) && call->comparison > self->comparisons)
            self->sync_at = self->now.usec;
    }
    cp_calls_wait(&self->calls, call);
    cp_session_compare_if_due(self);
}
