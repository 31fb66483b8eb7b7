#include "core/sync.h"

#include <stdlib.h>
#include <string.h>

#include "core/scope.h"
#include "core/text.h"

#define BATCH 256 /* users per hold of the roster's lock */

void cp_sync_init(cp_sync *self, const cp_config *config)
{
    memset(self, 0, sizeof *self);
    self->config = config;
}

static void forget_doubtful(cp_sync *self)
{
    for (size_t i = 0; i < self->doubtful_count; i++)
        cp_user_release(self->doubtful[i]);
    self->doubtful_count = 0;
    cp_users_page_destroy(&self->verdicts);
}

static void give_up_listed(cp_sync *self, size_t end)
{
    while (self->given_up < end)
        cp_presence_destroy(&self->listed[self->given_up++]);
}

static void forget_listed(cp_sync *self)
{
    give_up_listed(self, self->listed_count);
    free(self->listed);
    self->listed = NULL;
    self->listed_count = self->listed_capacity = self->confirmed = self->given_up = 0;
}

void cp_sync_abandon(cp_sync *self)
{
    forget_listed(self);
    forget_doubtful(self);
    cp_sync_report_destroy(&self->report);
    memset(&self->report, 0, sizeof self->report);
    self->phase = CP_PHASE_IDLE;
    if (self->ticket != 0)
        self->dropped = self->ticket;
    self->ticket = 0;
    self->begun = self->lacked_memory = false;
}

void cp_sync_destroy(cp_sync *self)
{
    cp_sync_abandon(self);
}

static void begin_pass(cp_sync *self)
{
    self->report.passes += 1;
    self->page = 1;
    self->entries = 0;
    self->total = 0;
    self->moved = false;
}

void cp_sync_begin(cp_sync *self, cp_origin origin, cp_usec now)
{
    cp_sync_abandon(self);
    self->phase = cp_scope_has_watched(self->config) ? CP_PHASE_LOOKING_UP : CP_PHASE_PAGING;
    self->origin = origin;
    self->started_at = now;
    self->is_look_up = false;
    self->looked_up = 0;
    self->cursor = 0;
    begin_pass(self);
}

void cp_sync_begin_look_up(cp_sync *self, cp_origin origin, cp_usec now)
{
    cp_sync_begin(self, origin, now);
    self->is_look_up = true;
}

void cp_sync_moved(cp_sync *self)
{
    self->moved = true;
}

bool cp_sync_is_running(const cp_sync *self)
{
    return self->phase != CP_PHASE_IDLE && self->phase != CP_PHASE_DONE;
}

bool cp_sync_is_comparing(const cp_sync *self)
{
    return cp_sync_is_running(self) && !self->is_look_up;
}

/* What failed has told us nothing, so it is not older than what the next attempt will. */
bool cp_sync_is_untried(const cp_sync *self)
{
    return cp_sync_is_comparing(self) && self->ticket == 0 && self->report.pages == 0;
}

/* ---- asking */

static cp_status ask_for_page(cp_sync *self, const cp_account *account, cp_http_request *out,
                              cp_failure *failure)
{
    const cp_config *config = self->config;
    cp_users_query query;

    /* Everything in it is lent by the config, so it is not destroyed. */
    cp_users_query_init(&query);
    query.limit = config->page_size;
    query.page = self->page;
    query.status = config->sync_whole ? NULL : (char *)"online";
    query.roles = config->subscription == CP_SUBSCRIBE_ROLES ? config->roles : NULL;
    query.friends_only = config->subscription == CP_SUBSCRIBE_FRIENDS;
    return cp_rest_get_users(account, &query, out, failure);
}

static cp_status ask_about(char **uids, const cp_account *account, cp_http_request *out,
                           cp_failure *failure)
{
    cp_users_query query;

    cp_users_query_init(&query);
    query.limit = CP_USERS_LIMIT_MAX;
    query.uids = uids; /* lent */
    return cp_rest_get_users(account, &query, out, failure);
}

/* The next ones, in a NULL-terminated list; how many. */
static size_t next_watched(const cp_sync *self, char *out[CP_USERS_UIDS_MAX + 1])
{
    size_t count = 0;

    while (count < CP_USERS_UIDS_MAX && self->config->watched[self->looked_up + count] != NULL) {
        out[count] = self->config->watched[self->looked_up + count];
        count += 1;
    }
    out[count] = NULL;
    return count;
}

static cp_status ask_about_watched(cp_sync *self, const cp_account *account, cp_http_request *out,
                                   cp_failure *failure)
{
    char *uids[CP_USERS_UIDS_MAX + 1];

    (void)next_watched(self, uids);
    return ask_about(uids, account, out, failure);
}

static cp_status ask_about_doubtful(cp_sync *self, const cp_account *account, cp_http_request *out,
                                    cp_failure *failure)
{
    char *uids[CP_USERS_UIDS_MAX + 1] = {NULL};
    cp_status status = CP_OK;

    for (size_t i = 0; i < self->doubtful_count && status == CP_OK; i++) {
        cp_slice uid = cp_user_text_of(self->doubtful[i], CP_USER_UID);

        uids[i] = strndup(uid.data, uid.length);
        status = uids[i] ? CP_OK : cp_failure_no_memory(failure);
    }
    if (status == CP_OK)
        status = ask_about(uids, account, out, failure);
    for (size_t i = 0; i < self->doubtful_count; i++)
        free(uids[i]);
    return status;
}

cp_status cp_sync_next_request(cp_sync *self, const cp_account *account, uint64_t ticket,
                               cp_http_request *out, bool *wanted, cp_failure *failure)
{
    cp_status status = CP_OK;

    *wanted = false;
    if (self->ticket != 0 || !self->begun)
        return CP_OK;
    if (self->lacked_memory) {
        self->lacked_memory = false;
        return cp_failure_no_memory(failure);
    }
    if (self->phase == CP_PHASE_LOOKING_UP)
        status = ask_about_watched(self, account, out, failure);
    else if (self->phase == CP_PHASE_PAGING)
        status = ask_for_page(self, account, out, failure);
    else if (self->phase == CP_PHASE_ASKING)
        status = ask_about_doubtful(self, account, out, failure);
    else
        return CP_OK;
    *wanted = status == CP_OK;
    if (*wanted)
        out->ticket = self->ticket = ticket;
    return status;
}

bool cp_sync_next_dropped(cp_sync *self, uint64_t *ticket)
{
    *ticket = self->dropped;
    self->dropped = 0;
    return *ticket != 0;
}

/* ---- answers */

/* Who only passes by is kept whole; what stays with us has its limit. */
static void trim_page(cp_sync *self, cp_users_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        self->trimmed += cp_presence_trim(&page->users[i]);
}

static cp_status keep_page(cp_sync *self, cp_users_page *page, cp_failure *failure)
{
    size_t needed = self->listed_count + page->count;

    if (needed > self->listed_capacity) {
        size_t capacity = needed * 2;
        cp_presence *grown = realloc(self->listed, capacity * sizeof *grown);

        if (grown == NULL)
            return cp_failure_no_memory(failure);
        self->listed = grown;
        self->listed_capacity = capacity;
    }
    if (page->count > 0)
        memcpy(self->listed + self->listed_count, page->users, page->count * sizeof *page->users);
    self->listed_count = needed;
    page->count = 0; /* the users are ours now */
    return CP_OK;
}

/* An empty page ends the list whatever it claims; a full one that says nothing about the
 * number of pages does not.  Nor is a server followed for ever: more than max_users cannot
 * be tracked anyway. */
static bool was_last_page(const cp_sync *self, const cp_users_page *page, size_t entries)
{
    if (entries == 0 || self->entries > self->config->max_users)
        return true;
    if (page->total_pages > 0)
        return self->page >= page->total_pages;
    return entries < (size_t)self->config->page_size;
}

/* What is pushed may be later than the pages it tore apart; their totals tell it at once. */
static void compare_totals(cp_sync *self, const cp_users_page *page)
{
    if (self->page == 1)
        self->total = page->total;
    else if (page->total > 0 && self->total > 0 && page->total != self->total)
        cp_sync_moved(self);
}

static void after_page(cp_sync *self, const cp_users_page *page, size_t entries)
{
    compare_totals(self, page);
    self->report.pages += 1;
    self->entries += entries;
    if (!was_last_page(self, page, entries))
        self->page += 1;
    else if (self->moved && self->report.passes < CP_SYNC_PASSES)
        begin_pass(self);
    else
        self->phase = CP_PHASE_CONFIRMING;
}

static cp_status take_page(cp_sync *self, const cp_http_answer *answer, cp_failure *failure)
{
    cp_users_page page = {0};
    size_t entries;
    cp_status status = cp_rest_read_users(answer, &page, failure);

    if (status != CP_OK)
        return status;
    entries = page.count + page.skipped;
    trim_page(self, &page);
    status = keep_page(self, &page, failure);
    if (status == CP_OK)
        after_page(self, &page, entries);
    cp_users_page_destroy(&page);
    return status;
}

static cp_status take_verdicts(cp_sync *self, const cp_http_answer *answer, cp_sync_phase next,
                               cp_failure *failure)
{
    cp_status status = cp_rest_read_users(answer, &self->verdicts, failure);

    if (status != CP_OK)
        return status;
    trim_page(self, &self->verdicts);
    self->report.pages += 1;
    self->phase = next;
    return CP_OK;
}

cp_status cp_sync_answered(cp_sync *self, const cp_http_answer *answer, cp_failure *failure)
{
    self->ticket = 0;
    switch (self->phase) {
    case CP_PHASE_LOOKING_UP:
        return take_verdicts(self, answer, CP_PHASE_LEARNING, failure);
    case CP_PHASE_PAGING:
        return take_page(self, answer, failure);
    case CP_PHASE_ASKING:
        return take_verdicts(self, answer, CP_PHASE_SETTLING, failure);
    default:
        return CP_OK;
    }
}

/* ---- into the roster */

/* Remembers for the report what the roster changed; without memory the report is short of
 * a name, the roster is not. */
static void note_change(cp_user ***list, uint32_t *count, cp_user *user)
{
    if ((*count & (*count - 1)) == 0) { /* 0 or a power of two: full */
        cp_user **grown = realloc(*list, (*count ? *count * 2 : 1) * sizeof **list);

        if (grown == NULL)
            return;
        *list = grown;
    }
    (*list)[(*count)++] = cp_user_hold(user);
}

static void note_difference(cp_sync *self, const cp_roster *roster, cp_slice uid,
                            cp_presence_status before)
{
    cp_roster_view after;

    if (!cp_roster_find(roster, uid, &after) || after.status == before)
        return;
    if (after.status == CP_ONLINE)
        note_change(&self->report.went_online, &self->report.went_online_count, after.user);
    else if (after.status == CP_OFFLINE && before == CP_ONLINE)
        note_change(&self->report.went_offline, &self->report.went_offline_count, after.user);
}

static cp_presence_status status_in(const cp_roster *roster, cp_slice uid)
{
    cp_roster_view view;

    return cp_roster_find(roster, uid, &view) ? view.status : CP_UNKNOWN;
}

/* Before the first page is asked for: what is pushed from then on is newer than any page. */
static void begin_in(cp_sync *self, cp_roster *roster)
{
    if (!self->begun)
        cp_roster_begin_comparison(roster, self->origin);
    self->begun = true;
}

static const cp_presence *find_verdict(const cp_sync *self, cp_slice uid)
{
    for (size_t i = 0; i < self->verdicts.count; i++) {
        const cp_presence *verdict = &self->verdicts.users[i];

        if (cp_slice_equal_caseless(cp_user_text_of(verdict->user, CP_USER_UID), uid))
            return verdict;
    }
    return NULL;
}

static cp_sync_phase after_look_up(const cp_sync *self)
{
    if (self->config->watched[self->looked_up] != NULL)
        return CP_PHASE_LOOKING_UP;
    if (self->is_look_up)
        return CP_PHASE_DONE;
    return self->config->subscription == CP_SUBSCRIBE_NONE ? CP_PHASE_SEARCHING : CP_PHASE_PAGING;
}

static void learn_some(cp_sync *self, cp_roster *roster, cp_usec now)
{
    char *uids[CP_USERS_UIDS_MAX + 1];
    size_t count = next_watched(self, uids);

    for (size_t i = 0; i < count; i++) {
        cp_slice uid = cp_slice_of(uids[i]);
        cp_presence_status before = status_in(roster, uid);
        const cp_presence *answer = find_verdict(self, uid);

        if (answer != NULL) /* a full roster counts him */
            self->lacked_memory |= cp_roster_confirm(roster, answer, now) == CP_ERR_NOMEM;
        else if (before == CP_ONLINE) /* the server no longer has him */
            cp_roster_settle(roster, uid, NULL, CP_OFFLINE, now);
        note_difference(self, roster, uid, before);
    }
    cp_users_page_destroy(&self->verdicts);
    self->looked_up += self->lacked_memory ? 0 : count;
    self->moved = false; /* what was pushed so far tore no page apart */
    self->phase = after_look_up(self);
}

/* Whoever was listed and is not known would count as offline. */
static cp_sync_phase page_again(cp_sync *self)
{
    forget_listed(self);
    begin_pass(self);
    return CP_PHASE_PAGING;
}

static void confirm_some(cp_sync *self, cp_roster *roster, cp_usec now)
{
    for (unsigned i = 0; i < BATCH && self->confirmed < self->listed_count; i++) {
        const cp_presence *listed = &self->listed[self->confirmed++];
        cp_slice uid = cp_user_text_of(listed->user, CP_USER_UID);
        cp_presence_status before = status_in(roster, uid);
        cp_status status = cp_roster_confirm(roster, listed, now);

        if (status == CP_OK)
            note_difference(self, roster, uid, before);
        self->lacked_memory |= status == CP_ERR_NOMEM; /* a full roster counts him */
    }
    if (self->confirmed == self->listed_count)
        self->phase = self->lacked_memory ? page_again(self) : CP_PHASE_SEARCHING;
}

void cp_sync_tidy(cp_sync *self)
{
    give_up_listed(self, self->confirmed);
    if (self->phase != CP_PHASE_PAGING && self->phase != CP_PHASE_CONFIRMING)
        forget_listed(self);
}

static void search_some(cp_sync *self, cp_roster *roster, cp_usec now)
{
    size_t room = CP_USERS_UIDS_MAX - self->doubtful_count;
    size_t found = cp_roster_doubtful(roster, &self->cursor, BATCH,
                                      self->doubtful + self->doubtful_count, room);

    for (size_t i = 0; i < found; i++)
        cp_user_hold(self->doubtful[self->doubtful_count + i]);
    self->doubtful_count += found;
    if (self->doubtful_count == CP_USERS_UIDS_MAX ||
        (self->cursor == SIZE_MAX && self->doubtful_count > 0)) {
        self->phase = CP_PHASE_ASKING;
    } else if (self->cursor == SIZE_MAX) {
        self->report.generation = cp_roster_generation(roster);
        self->report.online = (uint32_t)cp_roster_online(roster);
        self->report.duration = now - self->started_at;
        self->phase = CP_PHASE_DONE;
    }
}

static void settle_some(cp_sync *self, cp_roster *roster, cp_usec now)
{
    for (size_t i = 0; i < self->doubtful_count; i++) {
        cp_slice uid = cp_user_text_of(self->doubtful[i], CP_USER_UID);
        cp_presence_status before = status_in(roster, uid);
        const cp_presence *answer = find_verdict(self, uid);
        /* One the server no longer has is gone. */
        cp_presence_status verdict = answer ? answer->status : CP_OFFLINE;

        /* The server calls him online, but its own list of our scope did not have him. */
        if (verdict == CP_ONLINE && !cp_scope_has(self->config, answer->user))
            verdict = CP_UNKNOWN;
        cp_roster_settle(roster, uid, answer, verdict, now);
        note_difference(self, roster, uid, before);
    }
    forget_doubtful(self);
    self->phase = CP_PHASE_SEARCHING;
}

bool cp_sync_apply(cp_sync *self, cp_roster *roster, cp_usec now)
{
    for (; self->trimmed > 0; self->trimmed--)
        cp_roster_count_trimmed(roster);
    switch (self->phase) {
    case CP_PHASE_LOOKING_UP:
    case CP_PHASE_PAGING:
        begin_in(self, roster);
        return false;
    case CP_PHASE_LEARNING:
        learn_some(self, roster, now);
        return true;
    case CP_PHASE_CONFIRMING:
        confirm_some(self, roster, now);
        return true;
    case CP_PHASE_SEARCHING:
        search_some(self, roster, now);
        return self->phase == CP_PHASE_SEARCHING;
    case CP_PHASE_SETTLING:
        settle_some(self, roster, now);
        return true;
    default:
        return false;
    }
}
