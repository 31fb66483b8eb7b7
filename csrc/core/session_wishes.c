#include "core/session_parts.h"

#include <string.h>

/* ---- wishes */

static void earlier(cp_usec *deadline, cp_usec other)
{
    if (other < *deadline)
        *deadline = other;
}

cp_usec cp_session_deadline(const cp_session *self)
{
    cp_usec deadline = self->calls.deadline;
    bool is_quiet = self->quiet_until > self->now.usec;

    earlier(&deadline, self->attempt_deadline);
    earlier(&deadline, self->pong_by);
    earlier(&deadline, self->ping_at);
    earlier(&deadline, self->retry_at);
    earlier(&deadline, self->renewal_at);
    earlier(&deadline, cp_sync_is_running(&self->sync) ? self->sync_retry_at : self->sync_at);
    if (is_quiet)
        earlier(&deadline, self->quiet_until);
    return deadline;
}

cp_wish cp_session_wish(cp_session *self)
{
    cp_wish wish = self->wish;

    self->wish = CP_WISH_STAY;
    return wish;
}

const cp_target *cp_session_socket(const cp_session *self)
{
    return &self->socket;
}

cp_usec cp_session_attempt_deadline(const cp_session *self)
{
    return self->attempt_deadline;
}

static void write_auth(cp_session *self)
{
    const cp_config *config = self->config;
    cp_auth_frame auth = {
        .app_id = cp_slice_of(config->app_id),
        .uid = cp_slice_of(self->account.uid),
        .jwt = cp_slice_of(self->account.jwt),
        .session_id = cp_slice_of(config->session_id),
        .device_id = cp_slice_of(config->device_id),
        .version = cp_slice_of(config->version),
        .api_version = cp_slice_of(self->account.api_version),
        .subscription = config->subscription,
        .roles = (const char *const *)config->roles,
        .unix_ms = self->now.unix_ms,
    };

    cp_frame_write_auth(&auth, &self->frame);
}

bool cp_session_next_frame(cp_session *self, cp_slice *text)
{
    cp_buffer_wipe(&self->frame);
    if (self->owes_auth)
        write_auth(self);
    else if (self->owes_ping)
        cp_frame_write_ping(&self->frame);
    else
        return false;
    if (cp_buffer_status(&self->frame) != CP_OK)
        return false; /* no memory now: still owed, and the deadline stands */
    if (self->owes_auth)
        self->owes_auth = false;
    else
        self->owes_ping = false;
    *text = cp_buffer_slice(&self->frame);
    return true;
}

cp_call *cp_session_next_done(cp_session *self)
{
    return cp_calls_take_done(&self->calls);
}

bool cp_session_next_dropped(cp_session *self, uint64_t *ticket)
{
    return cp_calls_next_dropped(&self->calls, ticket);
}

bool cp_session_next_notice(cp_session *self, cp_notice *out)
{
    return cp_notices_next(&self->notices, UINT64_MAX, out);
}

/* ---- with the roster's lock */

static void degrade(cp_session *self, const char *reason)
{
    cp_notice notice = {.kind = CP_NOTICE_DEGRADED};

    cp_roster_set_state(self->roster, CP_SYNC_DEGRADED);
    if (self->is_degraded)
        return;
    self->is_degraded = true;
    cp_session_put_reason(&notice, cp_slice_of(reason));
    cp_session_notify(self, &notice);
}

static void apply_state(cp_session *self)
{
    if (self->goes_stale && cp_roster_state(self->roster) != CP_SYNC_AWAITING)
        cp_roster_set_state(self->roster, CP_SYNC_STALE);
    if (self->state == CP_STATE_CLOSED)
        cp_roster_set_state(self->roster, CP_SYNC_CLOSED);
    if (self->begins_generation) {
        cp_roster_begin_generation(self->roster);
        cp_roster_set_complete(self->roster, self->config->subscription == CP_SUBSCRIBE_ALL_USERS);
        if (!cp_session_subscribes(self))
            cp_roster_set_state(self->roster, CP_SYNC_AWAITING); /* there is no sync */
    }
    self->goes_stale = self->begins_generation = false;
}

static void apply_pushed(cp_session *self)
{
    cp_status status = cp_roster_apply_live(self->roster, &self->pushed, self->now.usec);

    if (status == CP_ERR_TOO_LARGE)
        degrade(self, "max_users reached: further users are not tracked");
    else if (status != CP_OK)
        self->sync_at = self->now.usec; /* no memory: what we missed, a comparison finds */
    cp_presence_destroy(&self->pushed);
    self->has_pushed = false;
}

/* Server replicas lag, so the first comparison is checked once; then as asked for. */
static cp_usec until_next_comparison(cp_session *self)
{
    if (self->audit_is_set || self->config->audit_after == CP_NEVER)
        return self->config->sync_every;
    self->audit_is_set = true;
    return self->config->audit_after;
}

static void finish_sync(cp_session *self)
{
    cp_notice notice = {.kind = CP_NOTICE_SYNCED};
    cp_usec wait = until_next_comparison(self);

    self->sync_at = wait == CP_NEVER ? CP_NEVER : self->now.usec + wait;
    cp_roster_set_state(self->roster, CP_SYNC_SYNCED);
    if (cp_roster_counts_of(self->roster).untracked > 0)
        degrade(self, "max_users reached: further users are not tracked");
    cp_backoff_healthy(&self->sync_backoff, self->now.usec);
    self->counts.resyncs += 1;
    self->has_synced = true;
    if (self->state == CP_STATE_SYNCING)
        cp_session_become(self, CP_STATE_LIVE);
    cp_calls_finish_synced(&self->calls, &self->sync.report);
    notice.report = self->sync.report;
    memset(&self->sync.report, 0, sizeof self->sync.report); /* the notice's now */
    cp_session_notify(self, &notice);
    cp_sync_abandon(&self->sync);
}

bool cp_session_apply(cp_session *self, cp_now now)
{
    self->now = now;
    apply_state(self);
    if (self->has_pushed)
        apply_pushed(self);
    if (cp_sync_apply(&self->sync, self->roster, now.usec))
        return true;
    if (self->sync.phase == CP_PHASE_DONE)
        finish_sync(self);
    return false;
}

/* ---- for looking at */

cp_session_state cp_session_state_of(const cp_session *self)
{
    return self->state;
}

cp_session_counts cp_session_counts_of(const cp_session *self)
{
    return self->counts;
}

const cp_account *cp_session_account(const cp_session *self)
{
    return &self->account;
}
