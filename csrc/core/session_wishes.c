#include "core/session_parts.h"

#include <string.h>

#define FRAME_AGAIN (CP_USEC_PER_SEC / 10) /* when there was no memory for it */

/* ---- wishes */

static void earlier(cp_usec *deadline, cp_usec other)
{
    if (other < *deadline)
        *deadline = other;
}

/* While the server wants silence nothing is due before it ends. */
static cp_usec next_request_at(const cp_session *self)
{
    cp_usec at = self->renewal_at;

    if (self->state == CP_STATE_CLOSED)
        return CP_NEVER;
    if (self->quiet_until > self->now.usec)
        return self->quiet_until;
    if (cp_sync_is_running(&self->sync))
        earlier(&at, self->sync_retry_at);
    earlier(&at, cp_session_next_count_at(self));
    return at;
}

cp_usec cp_session_deadline(const cp_session *self)
{
    cp_usec deadline = self->calls.deadline;

    if (self->wish != CP_WISH_STAY || self->notices.count > 0)
        return self->now.usec; /* not pulled yet */
    if (self->calls.unsendable.first != NULL)
        return self->now.usec; /* they have failed */
    earlier(&deadline, self->watchers.deadline);
    earlier(&deadline, self->attempt_deadline);
    earlier(&deadline, self->pong_by);
    earlier(&deadline, self->ping_at);
    earlier(&deadline, self->retry_at);
    if (self->has_socket && cp_buffer_status(&self->frame) != CP_OK)
        earlier(&deadline, cp_session_after(self, FRAME_AGAIN));
    if (!cp_sync_is_comparing(&self->sync))
        earlier(&deadline, self->sync_at);
    if (!cp_sync_is_running(&self->sync))
        earlier(&deadline, self->look_up_at);
    earlier(&deadline, next_request_at(self));
    return deadline;
}

cp_wish cp_session_wish(cp_session *self)
{
    cp_wish wish = self->wish;

    self->wish = CP_WISH_STAY;
    if (wish == CP_WISH_CONNECT)
        self->attempt_deadline = cp_session_after(self, self->config->connect_timeout);
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
    self->tokens_shown = self->account.tokens;
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
        return false; /* no memory now: still owed, a little later */
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
    return cp_sync_next_dropped(&self->sync, ticket) || cp_calls_next_dropped(&self->calls, ticket);
}

bool cp_session_next_notice(cp_session *self, cp_notice *out)
{
    return cp_notices_next(&self->notices, UINT64_MAX, out);
}

/* ---- with the roster's lock */

void cp_session_degrade(cp_session *self, const char *reason, bool is_throttled)
{
    cp_notice notice = {.kind = CP_NOTICE_DEGRADED, .is_throttled = is_throttled};

    if (cp_roster_state(self->roster) == CP_SYNC_SYNCED)
        cp_roster_set_state(self->roster, CP_SYNC_DEGRADED);
    if (reason == NULL)
        return;
    cp_session_put_reason(&notice, cp_slice_of(reason));
    cp_session_notify(self, &notice);
}

static void lack_room(cp_session *self)
{
    bool is_news = !self->is_full;

    self->is_full = true;
    cp_session_degrade(self, is_news ? "max_users reached: further users are not tracked" : NULL,
                       false);
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
        if (!cp_session_compares(self))
            cp_roster_set_state(self->roster, CP_SYNC_AWAITING); /* there is no sync */
    }
    self->goes_stale = self->begins_generation = false;
}

static void apply_pushed(cp_session *self)
{
    cp_status status = cp_roster_apply_live(self->roster, &self->pushed, self->now.usec);

    cp_sync_moved(&self->sync); /* even if it is no news to us: we were away */
    if (self->pushed_is_trimmed)
        cp_roster_count_trimmed(self->roster);
    if (status == CP_ERR_TOO_LARGE)
        lack_room(self);
    else if (status != CP_OK)
        cp_session_missed(self); /* no memory */
    cp_presence_destroy(&self->pushed);
    self->has_pushed = false;
}

/* Server replicas lag, so a while after the first comparison on a socket one more checks
 * it, whatever was compared in between; then they come as asked for. */
static cp_usec next_comparison_at(cp_session *self)
{
    const cp_config *config = self->config;

    if (config->audit_after != CP_NEVER) {
        if (self->audit_at == CP_NEVER)
            self->audit_at = cp_session_after(self, config->audit_after);
        if (self->sync.started_at < self->audit_at)
            return self->audit_at;
    }
    return cp_session_after(self, config->sync_every);
}

static void finish_sync(cp_session *self)
{
    earlier(&self->sync_at, next_comparison_at(self)); /* unless a change was missed meanwhile */
    cp_roster_set_state(self->roster, CP_SYNC_SYNCED);
    if (cp_roster_counts_of(self->roster).untracked > 0)
        lack_room(self);
    if (self->census.reason != CP_CENSUS_FINE)
        cp_session_degrade(self, NULL, true);
    cp_backoff_healthy(&self->sync_backoff, self->now.usec);
    self->counts.resyncs += self->sync.origin == CP_ORIGIN_RESYNC;
    self->counts.compared_at = self->now.usec;
    self->has_synced = true;
    if (self->state == CP_STATE_SYNCING)
        cp_session_become(self, CP_STATE_LIVE);
    self->latest = (cp_sync_report){
        .generation = self->sync.report.generation,
        .passes = self->sync.report.passes,
        .pages = self->sync.report.pages,
        .duration = self->sync.report.duration,
    };
    self->report = self->sync.report; /* handed out without the lock */
    self->owes_report = true;
    memset(&self->sync.report, 0, sizeof self->sync.report);
    cp_sync_abandon(&self->sync);
    cp_watchers_compared(&self->watchers, self->comparisons);
    cp_session_count_after_sync(self);
    cp_session_plan_look_up(self, self->config->watched_every);
}

/* Nothing that only a look-up can know is told: the picture is as complete as before. */
static void finish_look_up(cp_session *self)
{
    if (cp_roster_counts_of(self->roster).untracked > 0)
        lack_room(self);
    cp_backoff_healthy(&self->sync_backoff, self->now.usec);
    cp_sync_abandon(&self->sync);
    cp_watchers_in_step(&self->watchers); /* who is known to be offline may be no news */
    cp_session_plan_look_up(self, self->config->watched_every);
}

/* A copy for each one who waits takes its time when thousands came online. */
static void hand_out_report(cp_session *self)
{
    cp_notice notice = {.kind = CP_NOTICE_SYNCED, .report = self->report};

    cp_calls_finish_synced(&self->calls, self->comparisons, &self->report);
    memset(&self->report, 0, sizeof self->report); /* the notice's now */
    self->owes_report = false;
    cp_session_notify(self, &notice);
}

void cp_session_tidy(cp_session *self)
{
    cp_sync_tidy(&self->sync);
    if (self->owes_report)
        hand_out_report(self);
    cp_session_compare_if_due(self); /* for those who asked too late for this one */
}

bool cp_session_has_pushed(const cp_session *self)
{
    return self->has_pushed;
}

bool cp_session_apply(cp_session *self, cp_now now)
{
    bool more;

    self->now = now;
    apply_state(self);
    if (cp_session_look(self))
        return true; /* before anything changes */
    if (self->has_pushed)
        apply_pushed(self);
    cp_session_judge_count(self);
    more = cp_sync_apply(&self->sync, self->roster, now.usec);
    if (self->sync.phase == CP_PHASE_DONE && self->sync.is_look_up) {
        finish_look_up(self);
        more = true;
    } else if (self->sync.phase == CP_PHASE_DONE) {
        finish_sync(self);
        more = true; /* its report follows, and all who wait are looked at again */
    }
    cp_session_finish_met(self);
    self->online = (uint32_t)cp_roster_online(self->roster);
    return more;
}

/* ---- for looking at */

cp_session_state cp_session_state_of(const cp_session *self)
{
    return self->state;
}

const cp_failure *cp_session_refusal(const cp_session *self)
{
    return &self->last_failure;
}

bool cp_session_is_throttled(const cp_session *self)
{
    return self->census.reason != CP_CENSUS_FINE;
}

cp_session_counts cp_session_counts_of(const cp_session *self)
{
    cp_session_counts counts = self->counts;

    counts.attempts = self->attempt;
    return counts;
}

const cp_account *cp_session_account(const cp_session *self)
{
    return &self->account;
}
