#include "core/calls.h"

#include <string.h>

/* ---- in and out */

void cp_calls_init(cp_calls *self)
{
    memset(self, 0, sizeof *self);
    cp_call_list_init(&self->asking);
    cp_call_list_init(&self->under_way);
    cp_call_list_init(&self->waiting);
    cp_call_list_init(&self->unsendable);
    cp_call_list_init(&self->done);
    self->deadline = CP_NEVER;
}

void cp_calls_destroy(cp_calls *self)
{
    cp_calls_init(self);
}

static void mind_deadline(cp_calls *self, const cp_call *call)
{
    if (call->deadline < self->deadline)
        self->deadline = call->deadline;
}

void cp_calls_ask(cp_calls *self, cp_call *call)
{
    mind_deadline(self, call);
    cp_call_list_push(&self->asking, call);
}

void cp_calls_wait(cp_calls *self, cp_call *call)
{
    mind_deadline(self, call);
    cp_call_list_push(&self->waiting, call);
}

void cp_calls_finish(cp_calls *self, cp_call *call, const cp_failure *failure)
{
    if (failure != NULL)
        call->failure = *failure;
    cp_call_list_push(&self->done, call);
}

cp_call *cp_calls_take_done(cp_calls *self)
{
    return cp_call_list_pop(&self->done);
}

/* ---- requests */

/* A login by key asks for a token first; then, as one by token, who we are. */
static bool wants_token(const cp_call *call)
{
    return call->kind == CP_CALL_LOGIN && call->auth_token == NULL && call->step == 0;
}

static cp_status build_request(const cp_call *call, const cp_account *account, cp_http_request *out,
                               cp_failure *failure)
{
    switch (call->kind) {
    case CP_CALL_LOGIN:
        if (wants_token(call))
            return cp_rest_create_token(account, cp_slice_of(call->uid),
                                        cp_slice_of(call->auth_key), out, failure);
        return cp_rest_put_me(account, out, failure);
    case CP_CALL_TOKEN:
        return cp_rest_put_me(account, out, failure);
    case CP_CALL_LOGOUT:
        return cp_rest_delete_me(account, out, failure);
    case CP_CALL_GET_USER:
        return cp_rest_get_user(account, cp_slice_of(call->uid), out, failure);
    case CP_CALL_GET_USERS:
        return cp_rest_get_users(account, &call->query, out, failure);
    case CP_CALL_COUNT:
        return cp_rest_count_online(account, out, failure);
    default:
        return CP_ERR_ARGUMENT; /* the others ask nothing of the server */
    }
}

bool cp_calls_next_request(cp_calls *self, const cp_account *account, uint64_t ticket,
                           cp_http_request *out)
{
    while (self->asking.first != NULL && self->under_way_count < CP_CALLS_UNDER_WAY) {
        cp_call *call = cp_call_list_pop(&self->asking);
        cp_failure failure = {0};
        cp_status status = build_request(call, account, out, &failure);

        if (status == CP_OK) {
            out->ticket = call->ticket = ticket;
            call->tokens = account->tokens;
            out->deadline = call->deadline;
            cp_call_list_push(&self->under_way, call);
            self->under_way_count += 1;
            return true;
        }
        if (failure.kind == CP_FAILURE_NONE)
            cp_failure_set(&failure, CP_FAILURE_MEMORY, "ERR_NO_MEMORY", "%s",
                           cp_status_text(status));
        call->failure = failure;
        cp_call_list_push(&self->unsendable, call);
        cp_http_request_destroy(out); /* half built */
    }
    return false;
}

cp_call *cp_calls_take_unsendable(cp_calls *self, cp_failure *failure)
{
    cp_call *call = cp_call_list_pop(&self->unsendable);

    if (call != NULL) {
        *failure = call->failure;
        call->failure = (cp_failure){0};
    }
    return call;
}

cp_call *cp_calls_take_answered(cp_calls *self, uint64_t ticket)
{
    for (cp_call **link = &self->under_way.first; *link != NULL; link = &(*link)->next) {
        if ((*link)->ticket != ticket)
            continue;
        self->under_way_count -= 1;
        (*link)->ticket = 0;
        return cp_call_list_unlink(&self->under_way, link);
    }
    return NULL;
}

static cp_status keep_token(cp_account *account, cp_slice token, cp_failure *failure)
{
    cp_status status = cp_account_set_token(account, token);

    if (status == CP_ERR_NOMEM)
        return cp_failure_no_memory(failure);
    if (status != CP_OK)
        cp_failure_set(failure, CP_FAILURE_PROTOCOL, "FAILED_TO_FETCH",
                       "The server's auth token is too long to be sent.");
    return status;
}

static cp_status read_login(cp_call *call, cp_account *account, const cp_http_answer *answer,
                            cp_failure *failure)
{
    cp_status status;
    cp_buffer token;

    if (!wants_token(call))
        return cp_rest_read_me(answer, account, failure);
    cp_buffer_init(&token);
    status = cp_rest_read_token(answer, &token, failure);
    if (status == CP_OK)
        status = keep_token(account, cp_buffer_slice(&token), failure);
    cp_buffer_wipe(&token);
    cp_buffer_destroy(&token);
    return status;
}

cp_status cp_calls_read(cp_call *call, cp_account *account, const cp_http_answer *answer,
                        cp_failure *failure)
{
    switch (call->kind) {
    case CP_CALL_LOGIN:
    case CP_CALL_TOKEN:
        return read_login(call, account, answer, failure);
    case CP_CALL_GET_USER:
        return cp_rest_read_user(answer, &call->user, failure);
    case CP_CALL_GET_USERS:
        return cp_rest_read_users(answer, &call->page, failure);
    case CP_CALL_COUNT:
        return cp_rest_read_count(answer, &call->number, failure);
    default:
        return cp_rest_read_done(answer, failure);
    }
}

/* ---- endings */

/* There is room: one ticket for each call under way, and next_dropped() is pulled before
 * another is sent. */
static void drop_answer(cp_calls *self, cp_call *call)
{
    if (call->ticket == 0)
        return; /* not under way */
    if (self->dropped_count < CP_CALLS_UNDER_WAY)
        self->dropped[self->dropped_count++] = call->ticket;
    self->under_way_count -= 1;
    call->ticket = 0;
}

bool cp_calls_next_dropped(cp_calls *self, uint64_t *ticket)
{
    if (self->dropped_count == 0)
        return false;
    *ticket = self->dropped[--self->dropped_count];
    return true;
}

void cp_calls_finish_waiting(cp_calls *self, cp_call_kind kind, const cp_failure *failure)
{
    for (cp_call **link = &self->waiting.first; *link != NULL;) {
        if ((*link)->kind == kind)
            cp_calls_finish(self, cp_call_list_unlink(&self->waiting, link), failure);
        else
            link = &(*link)->next;
    }
}

static bool is_synced_by(const cp_call *call, unsigned comparison)
{
    return (call->kind == CP_CALL_AWAIT_SYNC || call->kind == CP_CALL_RESYNC) &&
           call->comparison <= comparison;
}

void cp_calls_finish_synced(cp_calls *self, unsigned comparison, const cp_sync_report *report)
{
    for (cp_call **link = &self->waiting.first; *link != NULL;) {
        cp_failure failure = {0};
        cp_call *call = *link;

        if (!is_synced_by(call, comparison)) {
            link = &call->next;
            continue;
        }
        if (cp_sync_report_copy(&call->report, report) != CP_OK)
            cp_failure_set(&failure, CP_FAILURE_MEMORY, "ERR_NO_MEMORY",
                           "no memory for the report");
        cp_calls_finish(self, cp_call_list_unlink(&self->waiting, link), &failure);
    }
}

static bool waits_for_a_token(const cp_call *call)
{
    return call->kind == CP_CALL_GET_USER || call->kind == CP_CALL_GET_USERS ||
           call->kind == CP_CALL_COUNT;
}

void cp_calls_resume(cp_calls *self, const cp_failure *failure)
{
    for (cp_call **link = &self->waiting.first; *link != NULL;) {
        if (!waits_for_a_token(*link)) {
            link = &(*link)->next;
            continue;
        }
        if (failure == NULL)
            cp_calls_ask(self, cp_call_list_unlink(&self->waiting, link));
        else
            cp_calls_finish(self, cp_call_list_unlink(&self->waiting, link), failure);
    }
}

static bool is_of_account(const cp_call *call)
{
    return call->kind != CP_CALL_LOGIN && call->kind != CP_CALL_DISCONNECT &&
           call->kind != CP_CALL_CLOSE && call->kind != CP_CALL_AWAIT_DEMAND;
}

static void finish_of_account(cp_calls *self, cp_call_list *list, const cp_failure *failure)
{
    for (cp_call **link = &list->first; *link != NULL;) {
        cp_call *call = *link;

        if (!is_of_account(call)) {
            link = &call->next;
            continue;
        }
        (void)cp_call_list_unlink(list, link); /* it is in our hand */
        drop_answer(self, call);
        call->failure = (cp_failure){0}; /* an unsendable one had its own */
        cp_calls_finish(self, call, call->kind == CP_CALL_LOGOUT ? NULL : failure);
    }
}

void cp_calls_finish_account(cp_calls *self, const cp_failure *failure)
{
    finish_of_account(self, &self->asking, failure);
    finish_of_account(self, &self->under_way, failure);
    finish_of_account(self, &self->unsendable, failure);
    finish_of_account(self, &self->waiting, failure);
}

static void finish_list(cp_calls *self, cp_call_list *list, const cp_failure *failure)
{
    cp_call *call;

    while ((call = cp_call_list_pop(list)) != NULL) {
        drop_answer(self, call);
        cp_calls_finish(self, call, failure);
    }
}

void cp_calls_finish_all(cp_calls *self, const cp_failure *failure)
{
    finish_list(self, &self->asking, failure);
    finish_list(self, &self->under_way, failure);
    finish_list(self, &self->unsendable, failure);
    finish_list(self, &self->waiting, failure);
    self->deadline = CP_NEVER;
}

void cp_calls_cancel(cp_calls *self, cp_call *call, const cp_failure *failure)
{
    if (!cp_call_list_remove(&self->under_way, call) && !cp_call_list_remove(&self->asking, call) &&
        !cp_call_list_remove(&self->waiting, call) && !cp_call_list_remove(&self->unsendable, call))
        return; /* done already */
    drop_answer(self, call);
    cp_calls_finish(self, call, failure);
}

static void sweep(cp_calls *self, cp_call_list *list, cp_usec now, const cp_failure *failure)
{
    cp_call *next;

    for (cp_call *call = list->first; call != NULL; call = next) {
        next = call->next; /* cancel unlinks it */
        if (call->deadline <= now)
            cp_calls_cancel(self, call, failure);
        else
            mind_deadline(self, call);
    }
}

void cp_calls_elapsed(cp_calls *self, cp_usec now, const cp_failure *failure)
{
    if (now < self->deadline)
        return;
    self->deadline = CP_NEVER;
    sweep(self, &self->asking, now, failure);
    sweep(self, &self->under_way, now, failure);
    sweep(self, &self->waiting, now, failure);
}

static bool list_has(const cp_call_list *self, cp_call_kind kind)
{
    for (const cp_call *call = self->first; call != NULL; call = call->next) {
        if (call->kind == kind)
            return true;
    }
    return false;
}

bool cp_calls_has(const cp_calls *self, cp_call_kind kind)
{
    return list_has(&self->asking, kind) || list_has(&self->under_way, kind) ||
           list_has(&self->waiting, kind) || list_has(&self->unsendable, kind);
}
