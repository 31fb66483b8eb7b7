#include "core/session_parts.h"

#include "core/scope.h"

/* Those who wait for somebody, and how far what is pushed can be trusted. */

#define SETTLED_AFTER (5 * CP_USEC_PER_SEC) /* what was on its way has arrived by then */
#define MISSED_AFTER (1 * CP_USEC_PER_SEC) /* memory that was short may be back by then */
#define WAITS_APART (2 * CP_USEC_PER_SEC) /* a comparison for those who wait, from the next */

/* ---- waiting for somebody */

static bool sees(const cp_session *self, cp_slice uid)
{
    return self->config->subscription != CP_SUBSCRIBE_NONE || cp_scope_watches(self->config, uid);
}

void cp_session_await_user(cp_session *self, cp_call *call)
{
    cp_failure failure = {0};

    if (call->uid == NULL || call->uid[0] == '\0')
        (void)cp_failure_refuse(&failure, "INVALID_UID", "uid", "is empty");
    else if (!sees(self, cp_slice_of(call->uid)))
        cp_failure_set(
            &failure, CP_FAILURE_CONFIG, "ERR_NO_SUBSCRIPTION",
            "nobody is seen to come or go: subscribe to all users, or watch those you wait for");
    else if (self->state == CP_STATE_REFUSED)
        failure = self->last_failure;
    call->comparison = cp_session_next_comparison(self);
    if (failure.kind != CP_FAILURE_NONE)
        cp_calls_finish(&self->calls, call, &failure);
    else
        cp_watchers_add(&self->watchers, call);
}

void cp_session_finish_watchers(cp_session *self, const cp_failure *failure)
{
    cp_call *call;

    while ((call = cp_watchers_take_any(&self->watchers)) != NULL)
        cp_calls_finish(&self->calls, call, failure);
}

static cp_failure not_seen(const cp_call *call)
{
    cp_failure failure = {0};

    cp_failure_set(&failure, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT", "%.100s was not seen %s in time",
                   call->uid, call->wanted == CP_ONLINE ? "online" : "offline");
    return failure;
}

void cp_session_watchers_elapsed(cp_session *self)
{
    cp_call *call;

    while ((call = cp_watchers_take_due(&self->watchers, self->now.usec)) != NULL) {
        cp_failure failure = not_seen(call);
        cp_calls_finish(&self->calls, call, &failure);
    }
}

bool cp_session_cancel_watcher(cp_session *self, cp_call *call)
{
    cp_failure failure;

    if (call->kind != CP_CALL_AWAIT_USER || !cp_watchers_remove(&self->watchers, call))
        return false;
    failure = not_seen(call);
    cp_calls_finish(&self->calls, call, &failure);
    return true;
}

/* Every few seconds and not for each one who asks: that would be one after the other. */
static void compare_for_watchers(cp_session *self)
{
    cp_usec at = self->now.usec > self->wait_may_at ? self->now.usec : self->wait_may_at;

    if (!cp_session_is_accepted(self) || at >= self->sync_at)
        return;
    self->sync_at = at;
    self->wait_may_at = at + WAITS_APART;
    cp_session_compare_if_due(self);
}

bool cp_session_look(cp_session *self)
{
    bool more = cp_watchers_look(&self->watchers, self->roster);

    cp_session_finish_met(self);
    if (self->watchers.wanted > self->comparisons)
        compare_for_watchers(self);
    return more;
}

void cp_session_finish_met(cp_session *self)
{
    cp_call *call;

    while ((call = cp_watchers_take_met(&self->watchers)) != NULL)
        cp_calls_finish(&self->calls, call, NULL);
}

/* ---- what was pushed and got lost */

void cp_session_missed(cp_session *self)
{
    cp_usec then = cp_session_after(self, MISSED_AFTER);

    if (cp_session_is_accepted(self) && cp_session_compares(self) && then < self->sync_at)
        self->sync_at = then;
}

/* ---- the server's count */

/* Ours against the server's is meaningful when everybody is in our scope and tracked. */
static bool is_comparable(const cp_session *self)
{
    return self->config->subscription == CP_SUBSCRIBE_ALL_USERS && self->state == CP_STATE_LIVE &&
           !cp_sync_is_comparing(&self->sync);
}

static bool counts_by_itself(const cp_session *self)
{
    return self->config->subscription == CP_SUBSCRIBE_ALL_USERS && !self->cannot_count &&
           self->config->count_every != CP_NEVER;
}

void cp_session_count_after_sync(cp_session *self)
{
    bool is_trusted = self->census.reason == CP_CENSUS_FINE;
    cp_usec at;

    cp_census_compared(&self->census);
    self->count_is_fresh = is_trusted;
    if (!counts_by_itself(self))
        return;
    at = cp_session_after(self, is_trusted ? SETTLED_AFTER : self->config->degraded_every);
    if (is_trusted || at < self->count_at) /* many comparisons do not put it off for ever */
        self->count_at = at;
}

cp_usec cp_session_next_count_at(const cp_session *self)
{
    return is_comparable(self) && self->count_ticket == 0 ? self->count_at : CP_NEVER;
}

bool cp_session_next_count_request(cp_session *self, cp_http_request *out)
{
    cp_failure failure = {0};

    if (self->now.usec < cp_session_next_count_at(self))
        return false;
    self->count_at = cp_session_after(self, self->config->count_every);
    if (cp_rest_count_online(&self->account, out, &failure) != CP_OK)
        return false; /* without memory, or a jwt: another time */
    out->ticket = self->count_ticket = ++self->tickets;
    return true;
}

void cp_session_take_count(cp_session *self, int64_t count)
{
    self->counted = is_comparable(self) ? count : CP_ABSENT;
}

/* Nobody has to offer the count: a server that says so is not asked again. */
static bool is_not_offered(const cp_http_answer *answer)
{
    return answer->status == 403 || answer->status == 404 || answer->status == 405 ||
           answer->status == 501;
}

/* While pushing is not trusted each count is followed by a comparison, also one that failed. */
static void compare_meanwhile(cp_session *self)
{
    if (self->census.reason != CP_CENSUS_FINE && is_comparable(self))
        cp_session_compare(self);
}

void cp_session_count_answered(cp_session *self, const cp_http_answer *answer)
{
    cp_failure failure = {0};
    int64_t count;

    self->count_ticket = 0;
    if (cp_rest_read_count(answer, &count, &failure) == CP_OK) {
        cp_session_take_count(self, count);
        self->counted_by_itself = true;
        return;
    }
    self->count_is_fresh = false;
    if (is_not_offered(answer)) {
        self->cannot_count = true;
        self->count_at = CP_NEVER;
        cp_census_init(&self->census);
    } else if (cp_session_keep_quiet(self, answer, &failure)) {
        self->count_at = self->quiet_until;
        return;
    }
    compare_meanwhile(self);
}

void cp_session_forget_counts(cp_session *self)
{
    cp_census_init(&self->census);
    self->count_at = CP_NEVER;
    self->count_ticket = 0;
    self->counted = CP_ABSENT;
    self->cannot_count = false;
}

static void tell_distrust(cp_session *self)
{
    cp_usec again = cp_session_after(self, self->config->degraded_every);

    if (again < self->count_at)
        self->count_at = again;
    if (self->census.reason == CP_CENSUS_CAPPED)
        cp_session_degrade(self, "more than 1,000 users are online: the platform stops telling",
                           true);
    else
        cp_session_degrade(self, "the server counts other users online than it tells of", true);
}

void cp_session_judge_count(cp_session *self)
{
    bool was_trusted = self->census.reason == CP_CENSUS_FINE;
    bool by_itself = self->counted_by_itself, is_fresh = by_itself && self->count_is_fresh;
    int64_t count = self->counted;
    bool compares;

    if (count == CP_ABSENT)
        return;
    self->counted = CP_ABSENT;
    self->counted_by_itself = false;
    if (by_itself)
        self->count_is_fresh = false;
    if (!is_comparable(self) || !cp_roster_is_in_step(self->roster) ||
        cp_roster_counts_of(self->roster).untracked > 0)
        return; /* what differs would be ours to explain */
    compares =
        cp_census_counted(&self->census, count, (int64_t)cp_roster_online(self->roster), is_fresh);
    if (was_trusted && self->census.reason != CP_CENSUS_FINE)
        tell_distrust(self);
    if (compares)
        cp_session_compare(self);
    else if (by_itself)
        compare_meanwhile(self);
}
