#include "core/session_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "core/scope.h"
#include "core/utf8.h"

#define COMPLAINT_EVERY (60 * CP_USEC_PER_SEC) /* about malformed frames */
#define CLOSED_ABNORMALLY 1006 /* no close frame came */
#define CLOSES_IN_DOUBT 2 /* sockets closed in a row before they answered our auth frame */

/* What may follow what.  Every change of state goes through here. */
#define TO(state) (1u << CP_STATE_##state)
static const unsigned may_become[] = {
    /* nobody wants a socket      connect or login; its old socket must close first */
    [CP_STATE_OFFLINE] = TO(OFFLINE) | TO(CONNECTING) | TO(WAITING) | TO(REFUSED) | TO(CLOSED),
    /* a socket was asked for     it opened; it did not; the caller changed his mind */
    [CP_STATE_CONNECTING] =
        TO(AUTHENTICATING) | TO(WAITING) | TO(REFUSED) | TO(OFFLINE) | TO(CLOSED),
    /* we said who we are         accepted, with or without a comparison; lost; refused */
    [CP_STATE_AUTHENTICATING] =
        TO(SYNCING) | TO(LIVE) | TO(WAITING) | TO(REFUSED) | TO(OFFLINE) | TO(CLOSED),
    /* comparing with the server  done; lost; a token lost for good */
    [CP_STATE_SYNCING] = TO(LIVE) | TO(WAITING) | TO(REFUSED) | TO(OFFLINE) | TO(CLOSED),
    [CP_STATE_LIVE] = TO(WAITING) | TO(REFUSED) | TO(OFFLINE) | TO(CLOSED),
    /* for its time to come       next attempt; gave up; refused by REST meanwhile */
    [CP_STATE_WAITING] = TO(CONNECTING) | TO(WAITING) | TO(REFUSED) | TO(OFFLINE) | TO(CLOSED),
    /* only a caller helps        connect or login */
    [CP_STATE_REFUSED] = TO(CONNECTING) | TO(WAITING) | TO(OFFLINE) | TO(REFUSED) | TO(CLOSED),
    [CP_STATE_CLOSED] = TO(CLOSED),
};

void cp_session_become(cp_session *self, cp_session_state state)
{
    const unsigned allowed = may_become[self->state];

    assert(allowed & (1u << state));
    (void)allowed; /* where asserts are off */
    self->state = state;
}

/* ---- life */

cp_session *cp_session_new(const cp_config *config, cp_roster *roster, uint64_t seed)
{
    cp_session *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->config = config;
    self->roster = roster;
    cp_account_init(&self->account, config);
    cp_backoff_init(&self->backoff, config->reconnect, seed);
    cp_backoff_init(&self->sync_backoff, config->reconnect, ~seed);
    self->sync_backoff.policy.max_attempts = -1;
    cp_calls_init(&self->calls);
    cp_watchers_init(&self->watchers);
    cp_roster_set_watchers(roster, &self->watchers);
    cp_session_forget_counts(self);
    cp_sync_init(&self->sync, config);
    cp_notices_init(&self->notices);
    self->reader = (cp_frame_reader){cp_slice_of(config->session_id), roster, {{0}}};
    cp_buffer_init(&self->frame);
    self->attempt_deadline = self->retry_at = self->ping_at = self->pong_by = CP_NEVER;
    self->renewal_at = self->audit_at = CP_NEVER;
    self->sync_at = self->sync_retry_at = self->look_up_at = CP_NEVER;
    self->counts.last_round_trip = CP_NEVER;
    self->complained_at = -COMPLAINT_EVERY;
    return self;
}

void cp_session_free(cp_session *self)
{
    if (self == NULL)
        return;
    if (self->has_pushed)
        cp_presence_destroy(&self->pushed);
    cp_buffer_wipe(&self->frame); /* the auth frame was in it */
    cp_buffer_destroy(&self->frame);
    cp_notices_destroy(&self->notices);
    cp_sync_destroy(&self->sync);
    cp_sync_report_destroy(&self->report);
    cp_calls_destroy(&self->calls);
    cp_roster_set_watchers(self->roster, NULL);
    cp_watchers_destroy(&self->watchers);
    cp_account_forget(&self->account);
    free(self);
}

bool cp_session_compares(const cp_session *self)
{
    return !cp_scope_is_empty(self->config);
}

bool cp_session_is_accepted(const cp_session *self)
{
    return self->state == CP_STATE_SYNCING || self->state == CP_STATE_LIVE;
}

cp_usec cp_session_after(const cp_session *self, cp_usec wait)
{
    return wait >= CP_NEVER - self->now.usec ? CP_NEVER : self->now.usec + wait;
}

/* We, or the caller, gave the socket up: what it still says does not count. */
static bool listens(const cp_session *self)
{
    return self->cause.kind == CP_FAILURE_NONE &&
           (self->state == CP_STATE_AUTHENTICATING || cp_session_is_accepted(self));
}

/* ---- telling */

void cp_session_notify(cp_session *self, cp_notice *notice)
{
    cp_notices_post(&self->notices, notice);
}

void cp_session_put_reason(cp_notice *notice, cp_slice reason)
{
    cp_utf8_copy(notice->reason, sizeof notice->reason, reason);
}

void cp_session_report(cp_session *self, const char *where, const cp_failure *failure)
{
    cp_notice notice = {.kind = CP_NOTICE_ERROR, .failure = *failure};

    cp_session_put_reason(&notice, cp_slice_of(where));
    cp_session_notify(self, &notice);
}

static void tell_disconnected(cp_session *self, const cp_ending *ending, cp_usec delay)
{
    cp_notice notice = {
        .kind = CP_NOTICE_DISCONNECTED,
        .code = ending->code,
        .clean = ending->clean,
        .will_retry = delay != CP_NEVER,
        .delay = delay,
        .failure = self->cause.kind ? self->cause : ending->failure,
    };
    cp_failure said = notice.failure;

    if (ending->reason.length > 0)
        cp_utf8_copy(said.message, sizeof said.message, ending->reason);
    cp_session_hide_secrets(self, &said);
    cp_session_put_reason(&notice, cp_slice_of(said.message));
    cp_session_notify(self, &notice);
    self->is_told_up = false;
}

/* ---- giving up */

/* Whoever was told of a connection, or of an attempt, is told that there will be none. */
void cp_session_give_up(cp_session *self, const cp_failure *failure)
{
    cp_ending ending = {.code = CLOSED_ABNORMALLY, .failure = *failure};

    cp_calls_finish_waiting(&self->calls, CP_CALL_AWAIT_SYNC, failure);
    cp_calls_finish_waiting(&self->calls, CP_CALL_RESYNC, failure);
    cp_calls_resume(&self->calls, failure);
    cp_session_finish_watchers(self, failure);
    cp_session_leave(self, CP_STATE_REFUSED);
    self->last_failure = *failure;
    if (self->is_told_up)
        tell_disconnected(self, &ending, CP_NEVER);
}

static void refuse(cp_session *self, const cp_failure *failure)
{
    cp_session_give_up(self, failure);
    cp_session_report(self, "connection", failure);
}

/* ---- connecting */

void cp_session_start(cp_session *self)
{
    cp_notice notice = {.kind = CP_NOTICE_CONNECTING};
    cp_failure failure = {0};

    self->retry_at = CP_NEVER;
    if (self->has_socket) {
        cp_session_become(self, CP_STATE_WAITING);
        self->connects_on_close = true;
        return;
    }
    if (cp_account_target(&self->account, CP_SERVICE_SOCKET, &self->socket) != CP_OK) {
        cp_failure_set(&failure, CP_FAILURE_CONFIG, "INVALID_HOST",
                       "the chat host is missing, malformed, or plain and not allowed");
        refuse(self, &failure);
        return;
    }
    cp_session_become(self, CP_STATE_CONNECTING);
    self->has_socket = true;
    self->was_accepted = false;
    self->connects_on_close = false;
    self->cause = (cp_failure){0};
    self->wish = CP_WISH_CONNECT; /* the attempt's time runs once it is told */
    self->is_told_up = true;
    notice.attempt = ++self->attempt;
    notice.delay = self->retry_delay;
    cp_session_notify(self, &notice);
}

/* A socket the transport was not told of yet is simply not asked for. */
void cp_session_drop_socket(cp_session *self, cp_wish how)
{
    if (self->wish == CP_WISH_CONNECT) {
        self->wish = CP_WISH_STAY;
        self->has_socket = false;
    } else if (self->has_socket && self->wish != CP_WISH_ABORT) {
        self->wish = how;
    }
}

/* The caller wants no socket, or a different one. */
void cp_session_leave(cp_session *self, cp_session_state state)
{
    cp_failure failure = {0};

    cp_session_become(self, state);
    self->retry_at = self->attempt_deadline = self->ping_at = self->pong_by = CP_NEVER;
    self->renewal = CP_RENEWAL_NONE;
    self->renewal_ticket = 0;
    self->sync_at = self->look_up_at = self->renewal_at = CP_NEVER;
    self->retry_delay = 0;
    self->attempt = self->closes_in_auth = 0;
    self->owes_auth = self->owes_ping = self->connects_on_close = false;
    self->goes_stale = true;
    cp_sync_abandon(&self->sync);
    cp_session_forget_counts(self);
    cp_session_drop_socket(self, CP_WISH_CLOSE);
    cp_failure_set(&failure, CP_FAILURE_NOT_CONNECTED, "ERR_NOT_CONNECTED", "disconnected");
    cp_calls_finish_waiting(&self->calls, CP_CALL_AWAIT_SYNC, &failure);
    cp_calls_finish_waiting(&self->calls, CP_CALL_RESYNC, &failure);
    cp_calls_resume(&self->calls, &failure);
}

void cp_session_opened(cp_session *self, cp_now now)
{
    self->now = now;
    if (self->state != CP_STATE_CONNECTING || self->cause.kind != CP_FAILURE_NONE)
        return; /* we left meanwhile, and wished so */
    cp_session_become(self, CP_STATE_AUTHENTICATING);
    self->owes_auth = true;
}

/* ---- receiving */

static void accept(cp_session *self)
{
    bool compares = cp_session_compares(self) &&
                    (self->config->sync_on_connect || cp_calls_has(&self->calls, CP_CALL_RESYNC));
    cp_notice notice = {.kind = CP_NOTICE_CONNECTED, .generation = ++self->generation};

    cp_session_become(self, compares ? CP_STATE_SYNCING : CP_STATE_LIVE);
    cp_backoff_healthy(&self->backoff, self->now.usec);
    if (self->generation > 1)
        self->counts.reconnects += 1;
    self->was_accepted = self->begins_generation = true;
    self->latest = (cp_sync_report){.generation = self->generation};
    self->attempt = self->closes_in_auth = 0;
    self->retry_delay = 0;
    self->asked_server = self->asked_provider = false;
    self->last_failure = (cp_failure){0};
    self->attempt_deadline = self->audit_at = CP_NEVER;
    self->ping_at = cp_session_after(self, self->config->ping_interval);
    cp_session_notify(self, &notice);
    if (compares) {
        cp_session_compare(self);
        return;
    }
    if (cp_session_compares(self))
        self->sync_at = cp_session_after(self, self->config->sync_every);
    cp_session_plan_look_up(self, 0);
    cp_calls_finish_synced(&self->calls, self->comparisons, &self->latest);
}

static void give_up_on_socket(cp_session *self, cp_failure_kind kind, const char *words)
{
    cp_failure_set(&self->cause, kind, "ERR_CONNECTION_LOST", "%s", words);
    self->attempt_deadline = self->ping_at = self->pong_by = CP_NEVER;
    self->owes_auth = self->owes_ping = false;
    cp_session_drop_socket(self, CP_WISH_ABORT);
}

/* The server's words come last: where they are cut, so is the jwt they may quote. */
static void refused_at_socket(cp_session *self, const char *code, const char *words)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, CP_FAILURE_AUTH, "AUTH_ERR_JWT_REFUSED",
                   "the socket refused our jwt: %.16s %s", code, words);
    cp_session_hide_secrets(self, &failure);
    cp_session_renew(self, &failure);
}

static void take_auth_answer(cp_session *self, const cp_frame *frame)
{
    if (self->state != CP_STATE_AUTHENTICATING)
        return;
    if (frame->accepted)
        accept(self);
    else if (self->tokens_shown != self->account.tokens)
        give_up_on_socket(self, CP_FAILURE_AUTH, "the jwt it refused was renewed meanwhile");
    else
        refused_at_socket(self, frame->auth_code, frame->auth_status);
}

static void take_presence(cp_session *self, cp_frame *frame)
{
    if (frame->is_echo || !cp_session_is_accepted(self))
        return;
    if (self->has_pushed) { /* the last one was not applied: nothing is dropped for good */
        cp_session_missed(self);
        return;
    }
    self->pushed = frame->presence;
    self->pushed_is_trimmed = frame->trimmed;
    self->has_pushed = true;
    frame->presence = (cp_presence){0}; /* ours now */
}

static void take_pong(cp_session *self)
{
    if (self->pong_by != CP_NEVER) /* somebody asked */
        self->counts.last_round_trip = self->now.usec - self->ping_sent_at;
    self->pong_by = CP_NEVER;
}

void cp_session_received(cp_session *self, cp_slice text, cp_now now)
{
    cp_status status;
    cp_frame frame;

    self->now = now;
    if (!listens(self))
        return;
    status = cp_frame_read(&self->reader, text, &frame);
    if (status != CP_OK) {
        cp_session_mangled(self, status, now);
        return;
    }
    self->counts.frames += 1;
    switch (frame.kind) {
    case CP_FRAME_AUTH:
        take_auth_answer(self, &frame);
        break;
    case CP_FRAME_PRESENCE:
        take_presence(self, &frame);
        break;
    case CP_FRAME_PONG:
        take_pong(self);
        break;
    case CP_FRAME_UNKNOWN:
        self->counts.unknown_frames += 1;
        break;
    case CP_FRAME_IGNORED:
        break;
    }
    cp_frame_destroy(&frame);
}

void cp_session_mangled(cp_session *self, cp_status why, cp_now now)
{
    cp_failure failure = {0};

    self->now = now;
    if (!listens(self))
        return;
    self->counts.frames += 1;
    self->counts.malformed += 1;
    if (why == CP_ERR_NOMEM && self->state == CP_STATE_AUTHENTICATING)
        give_up_on_socket(self, CP_FAILURE_MEMORY, "no memory for the socket's answer");
    else if (why == CP_ERR_NOMEM)
        cp_session_missed(self); /* it may have been a good one */
    if (now.usec - self->complained_at < COMPLAINT_EVERY)
        return;
    self->complained_at = now.usec;
    cp_failure_set(&failure, CP_FAILURE_PROTOCOL, "ERR_MALFORMED_FRAME",
                   "a frame was dropped: %s (%llu so far)", cp_status_text(why),
                   (unsigned long long)self->counts.malformed);
    cp_session_report(self, "frame", &failure);
}

/* ---- ending */

/* The socket is gone though we wanted it. */
static void lost(cp_session *self, const cp_ending *ending)
{
    cp_failure failure = self->cause.kind ? self->cause : ending->failure;
    bool is_news = failure.kind == CP_FAILURE_TLS && self->last_failure.kind != CP_FAILURE_TLS;
    cp_usec delay;

    if (failure.kind == CP_FAILURE_NONE)
        cp_failure_set(&failure, CP_FAILURE_CONNECTION_LOST, "ERR_CONNECTION_LOST",
                       "the server closed the socket with code %u", (unsigned)ending->code);
    if (failure.kind == CP_FAILURE_TLS)
        delay = cp_backoff_failed_slowly(&self->backoff, self->now.usec, CP_TLS_RETRY);
    else
        delay = cp_backoff_failed(&self->backoff, self->now.usec);
    if (!self->was_accepted)
        cp_account_rotate(&self->account);
    self->last_failure = failure;
    if (self->was_accepted || delay < 0)
        tell_disconnected(self, ending, delay < 0 ? CP_NEVER : delay);
    if (delay < 0) {
        refuse(self, &failure);
        return;
    }
    if (is_news)
        cp_session_report(self, "connection", &failure);
    cp_session_become(self, CP_STATE_WAITING);
    self->retry_delay = delay;
    self->retry_at = cp_session_after(self, delay);
}

/* A polite end for no reason; a server that restarts or is overloaded says so. */
static bool gives_no_reason(const cp_ending *ending)
{
    return ending->clean && (ending->code == 1000 || ending->code == 1005 || ending->code == 1006);
}

/* Closed instead of answering our auth frame: with a code as for a refusal, or again and
 * again.  It may as well be a proxy's doing, or a restart. */
static bool casts_doubt(cp_session *self, const cp_ending *ending)
{
    if (self->state != CP_STATE_AUTHENTICATING || self->cause.kind != CP_FAILURE_NONE)
        return false;
    if (ending->code == 1008 || (ending->code >= 4000 && ending->code <= 4999))
        return true;
    if (!gives_no_reason(ending) || ++self->closes_in_auth < CLOSES_IN_DOUBT)
        return false;
    self->closes_in_auth = 0; /* the next jwt has as many */
    return true;
}

static void ended_as_wished(cp_session *self, const cp_ending *ending)
{
    if (self->was_accepted && self->is_told_up)
        tell_disconnected(self, ending, CP_NEVER);
    cp_calls_finish_waiting(&self->calls, CP_CALL_DISCONNECT, NULL);
    cp_calls_finish_waiting(&self->calls, CP_CALL_CLOSE, NULL);
    if (self->state == CP_STATE_WAITING && self->connects_on_close)
        cp_session_start(self);
}

void cp_session_closed(cp_session *self, const cp_ending *ending, cp_now now)
{
    bool was_wanted = self->state >= CP_STATE_CONNECTING && self->state <= CP_STATE_LIVE;
    bool is_doubtful;

    self->now = now;
    if (!self->has_socket || self->wish == CP_WISH_CONNECT)
        return; /* none was asked for */
    self->has_socket = false;
    self->wish = CP_WISH_STAY;
    self->owes_auth = self->owes_ping = false;
    self->attempt_deadline = self->ping_at = self->pong_by = CP_NEVER;
    self->goes_stale = true;
    self->sync_at = self->look_up_at = CP_NEVER;
    cp_sync_abandon(&self->sync); /* half a comparison infers nothing */
    if (!was_wanted) {
        ended_as_wished(self, ending);
        return;
    }
    is_doubtful = casts_doubt(self, ending);
    lost(self, ending);
    if (is_doubtful)
        cp_session_doubt_jwt(self);
}

/* ---- time */

static void ping(cp_session *self)
{
    self->ping_at = cp_session_after(self, self->config->ping_interval);
    if (self->pong_by != CP_NEVER)
        return; /* one is on its way, and its pong is waited for */
    self->owes_ping = true;
    self->ping_sent_at = self->now.usec;
    self->pong_by = cp_session_after(self, self->config->ping_timeout);
}

void cp_session_elapsed(cp_session *self, cp_now now)
{
    self->now = now;
    if (now.usec >= self->attempt_deadline)
        give_up_on_socket(self, CP_FAILURE_TIMEOUT, "no connection within the connect timeout");
    if (now.usec >= self->pong_by)
        give_up_on_socket(self, CP_FAILURE_CONNECTION_LOST, "no pong within the ping timeout");
    if (now.usec >= self->ping_at)
        ping(self);
    if (now.usec >= self->retry_at)
        cp_session_start(self);
    cp_session_calls_elapsed(self);
    cp_session_compare_if_due(self);
}
