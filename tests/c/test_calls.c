#include "core/calls.h"

#include "test.h"

static cp_config config;
static cp_account account;
static cp_calls calls;
static cp_failure failure;

static void begin_test(void)
{
    cp_config_init(&config);
    config.app_id = strdup("app1");
    config.region = strdup("us");
    config.version = strdup("1.0");
    config.session_id = strdup("PY-me");
    config.device_id = strdup("device");
    cp_account_init(&account, &config);
    CHECK_INT(cp_account_set_token(&account, cp_slice_of("t1")), CP_OK);
    cp_calls_init(&calls);
    failure = (cp_failure){0};
    cp_failure_set(&failure, CP_FAILURE_TIMEOUT, "ERR_TIMEOUT", "late");
}

static void end_test(void)
{
    cp_calls_destroy(&calls);
    cp_account_forget(&account);
    cp_config_destroy(&config);
}

static cp_call *make(cp_call_kind kind, cp_usec deadline)
{
    cp_call *self = malloc(sizeof *self);

    cp_call_init(self, kind);
    self->deadline = deadline;
    if (kind == CP_CALL_GET_USER)
        self->uid = strdup("bob");
    return self;
}

static cp_call *asking(cp_call_kind kind, cp_usec deadline)
{
    cp_call *self = make(kind, deadline);

    cp_calls_ask(&calls, self);
    return self;
}

static cp_call *waiting(cp_call_kind kind, cp_usec deadline)
{
    cp_call *self = make(kind, deadline);

    cp_calls_wait(&calls, self);
    return self;
}

static bool sent(uint64_t ticket)
{
    cp_http_request request;
    cp_failure reason;
    cp_call *unsendable;
    bool any;

    cp_http_request_init(&request);
    any = cp_calls_next_request(&calls, &account, ticket, &request);
    while ((unsendable = cp_calls_take_unsendable(&calls, &reason)) != NULL) {
        CHECK_INT(unsendable->failure.kind, CP_FAILURE_NONE);
        CHECK(cp_calls_has(&calls, unsendable->kind) == false);
        cp_calls_finish(&calls, unsendable, &reason);
    }
    CHECK_INT(any ? request.ticket : 0, any ? ticket : 0);
    cp_http_request_destroy(&request);
    return any;
}

/* Takes the next that is done, and frees it; its outcome is returned. */
static cp_failure_kind outcome_of(cp_call *expected)
{
    cp_call *done = cp_calls_take_done(&calls);

    CHECK(done == expected);
    cp_failure_kind kind = done->failure.kind;
    cp_call_destroy(done);
    free(done);
    return kind;
}

static void check_nothing_done(void)
{
    CHECK(cp_calls_take_done(&calls) == NULL);
}

TEST(requests_are_sent_in_the_order_they_were_asked_for)
{
    begin_test();
    cp_call *a = asking(CP_CALL_GET_USER, CP_NEVER);
    cp_call *b = asking(CP_CALL_COUNT, CP_NEVER);
    CHECK(sent(1));
    CHECK_INT(a->ticket, 1);
    CHECK(!sent(2)); /* no jwt: the count cannot be asked for */
    CHECK_INT(outcome_of(b), CP_FAILURE_AUTH);
    CHECK(cp_calls_take_answered(&calls, 2) == NULL);
    CHECK(cp_calls_take_answered(&calls, 1) == a);
    CHECK(cp_calls_take_answered(&calls, 1) == NULL);
    cp_calls_finish(&calls, a, NULL);
    CHECK_INT(outcome_of(a), CP_FAILURE_NONE);
    check_nothing_done();
    end_test();
}

TEST(a_call_that_asks_nothing_of_the_server_is_no_request)
{
    begin_test();
    cp_call *call = asking(CP_CALL_CONNECT, CP_NEVER); /* a mistake of ours */
    CHECK(!sent(1));
    CHECK(outcome_of(call) != CP_FAILURE_NONE);
    end_test();
}

TEST(no_more_than_eight_are_under_way)
{
    begin_test();
    cp_call *all[10];
    for (int i = 0; i < 10; i++)
        all[i] = asking(CP_CALL_GET_USER, CP_NEVER);
    for (uint64_t i = 0; i < 8; i++)
        CHECK(sent(i + 1));
    CHECK(!sent(9));
    cp_calls_cancel(&calls, all[3], &failure);
    CHECK(sent(9));
    CHECK(!sent(10));
    CHECK(cp_calls_take_answered(&calls, 1) == all[0]);
    CHECK(sent(10));
    cp_calls_finish(&calls, all[0], NULL);
    cp_calls_finish_all(&calls, &failure);
    CHECK_INT(calls.under_way_count, 0);
    for (int i = 0; i < 10; i++) {
        cp_call *done = cp_calls_take_done(&calls);
        CHECK(done != NULL);
        cp_call_destroy(done);
        free(done);
    }
    check_nothing_done();
    end_test();
}

TEST(a_cancelled_call_leaves_whatever_list_it_is_in)
{
    begin_test();
    cp_call *under_way = asking(CP_CALL_GET_USER, CP_NEVER);
    CHECK(sent(1));
    cp_call *ask = asking(CP_CALL_GET_USER, CP_NEVER);
    cp_call *wait = waiting(CP_CALL_AWAIT_SYNC, CP_NEVER);
    uint64_t ticket = 0;
    cp_calls_cancel(&calls, wait, &failure);
    CHECK_INT(outcome_of(wait), CP_FAILURE_TIMEOUT);
    cp_calls_cancel(&calls, ask, &failure);
    CHECK_INT(outcome_of(ask), CP_FAILURE_TIMEOUT);
    CHECK(!cp_calls_next_dropped(&calls, &ticket));
    cp_calls_cancel(&calls, under_way, &failure);
    cp_calls_cancel(&calls, under_way, &failure); /* done already */
    CHECK_INT(outcome_of(under_way), CP_FAILURE_TIMEOUT);
    check_nothing_done();
    CHECK(cp_calls_next_dropped(&calls, &ticket));
    CHECK_INT(ticket, 1);
    CHECK(!cp_calls_next_dropped(&calls, &ticket));
    end_test();
}

TEST(the_last_of_a_list_can_leave_and_others_come_after_it)
{
    begin_test();
    cp_call *a = waiting(CP_CALL_AWAIT_SYNC, CP_NEVER);
    cp_call *b = waiting(CP_CALL_AWAIT_SYNC, CP_NEVER);
    cp_calls_cancel(&calls, b, &failure);
    cp_call *c = waiting(CP_CALL_AWAIT_SYNC, CP_NEVER);
    cp_calls_finish_waiting(&calls, CP_CALL_AWAIT_SYNC, NULL);
    cp_call *d = waiting(CP_CALL_DISCONNECT, CP_NEVER);
    cp_calls_finish_waiting(&calls, CP_CALL_DISCONNECT, NULL);
    CHECK_INT(outcome_of(b), CP_FAILURE_TIMEOUT);
    CHECK_INT(outcome_of(a), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(c), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(d), CP_FAILURE_NONE);
    end_test();
}

TEST(those_whose_deadline_passed_are_finished_in_every_list)
{
    begin_test();
    cp_call *under_way = asking(CP_CALL_GET_USER, 10);
    CHECK(sent(1));
    cp_call *ask = asking(CP_CALL_GET_USER, 20);
    cp_call *wait = waiting(CP_CALL_AWAIT_SYNC, 30);
    cp_call *later = waiting(CP_CALL_AWAIT_SYNC, 40);
    CHECK_INT(calls.deadline, 10);
    cp_calls_elapsed(&calls, 9, &failure);
    check_nothing_done();
    cp_calls_elapsed(&calls, 10, &failure);
    CHECK_INT(outcome_of(under_way), CP_FAILURE_TIMEOUT);
    check_nothing_done();
    CHECK_INT(calls.deadline, 20);
    cp_calls_elapsed(&calls, 35, &failure);
    CHECK_INT(outcome_of(ask), CP_FAILURE_TIMEOUT);
    CHECK_INT(outcome_of(wait), CP_FAILURE_TIMEOUT);
    CHECK_INT(calls.deadline, 40);
    cp_calls_finish_all(&calls, &failure);
    CHECK_INT(calls.deadline, CP_NEVER);
    CHECK_INT(outcome_of(later), CP_FAILURE_TIMEOUT);
    end_test();
}

TEST(those_without_a_token_wait_for_one_or_for_the_reason)
{
    begin_test();
    cp_call *user = waiting(CP_CALL_GET_USER, CP_NEVER);
    cp_call *sync = waiting(CP_CALL_AWAIT_SYNC, CP_NEVER);
    cp_calls_resume(&calls, NULL);
    CHECK(sent(1));
    CHECK_INT(user->ticket, 1);
    CHECK(cp_calls_take_answered(&calls, 1) == user);
    cp_calls_wait(&calls, user);
    cp_calls_resume(&calls, &failure);
    CHECK_INT(outcome_of(user), CP_FAILURE_TIMEOUT);
    check_nothing_done(); /* that one waits for something else */
    cp_calls_finish_all(&calls, NULL);
    CHECK_INT(outcome_of(sync), CP_FAILURE_NONE);
    end_test();
}

TEST(an_account_takes_those_with_it_that_act_for_it)
{
    begin_test();
    cp_call *user = asking(CP_CALL_GET_USER, CP_NEVER);
    CHECK(sent(1));
    cp_call *logout = asking(CP_CALL_LOGOUT, CP_NEVER);
    cp_call *login = asking(CP_CALL_LOGIN, CP_NEVER);
    cp_call *disconnect = waiting(CP_CALL_DISCONNECT, CP_NEVER);
    uint64_t ticket = 0;
    cp_calls_finish_account(&calls, &failure);
    CHECK_INT(outcome_of(logout), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(user), CP_FAILURE_TIMEOUT);
    check_nothing_done();
    CHECK(cp_calls_next_dropped(&calls, &ticket));
    CHECK_INT(calls.under_way_count, 0);
    CHECK(cp_calls_has(&calls, CP_CALL_LOGIN));
    CHECK(!cp_calls_has(&calls, CP_CALL_LOGOUT));
    cp_calls_finish_all(&calls, NULL);
    CHECK_INT(outcome_of(login), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(disconnect), CP_FAILURE_NONE);
    end_test();
}

TEST(everyone_who_waits_for_a_comparison_gets_a_copy_of_its_report)
{
    begin_test();
    cp_call *await = waiting(CP_CALL_AWAIT_SYNC, CP_NEVER);
    cp_call *resync = waiting(CP_CALL_RESYNC, CP_NEVER);
    cp_call *disconnect = waiting(CP_CALL_DISCONNECT, CP_NEVER);
    cp_call *later = waiting(CP_CALL_RESYNC, CP_NEVER);
    cp_sync_report report = {.generation = 3, .online = 7};
    resync->comparison = 5;
    later->comparison = 6;
    cp_calls_finish_synced(&calls, 5, &report);
    CHECK_INT(await->report.online, 7);
    CHECK_INT(resync->report.generation, 3);
    CHECK_INT(outcome_of(await), CP_FAILURE_NONE);
    CHECK_INT(outcome_of(resync), CP_FAILURE_NONE);
    check_nothing_done();
    cp_calls_finish_synced(&calls, 7, &report);
    CHECK_INT(outcome_of(later), CP_FAILURE_NONE);
    cp_calls_finish_all(&calls, NULL);
    CHECK_INT(outcome_of(disconnect), CP_FAILURE_NONE);
    end_test();
}

TEST(a_call_that_cannot_be_sent_is_had_until_it_is_taken)
{
    for (int way = 0; way < 3; way++) {
        begin_test();
        cp_call *logout = asking(CP_CALL_LOGOUT, 20);
        cp_http_request request;
        cp_http_request_init(&request);
        fail_allocation(1);
        CHECK(!cp_calls_next_request(&calls, &account, 1, &request));
        CHECK(allocation_failed());
        CHECK(cp_calls_has(&calls, CP_CALL_LOGOUT));
        check_nothing_done();
        if (way == 0)
            cp_calls_finish_account(&calls, &failure);
        else if (way == 1)
            cp_calls_finish_all(&calls, &failure);
        else
            cp_calls_cancel(&calls, logout, &failure);
        CHECK(!cp_calls_has(&calls, CP_CALL_LOGOUT));
        CHECK_INT(outcome_of(logout), way == 0 ? CP_FAILURE_NONE : CP_FAILURE_TIMEOUT);
        end_test();
    }
}

TEST(a_request_without_memory_fails_its_call)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_test();
        cp_call *call = asking(CP_CALL_GET_USER, CP_NEVER);
        fail_allocation(n);
        bool any = sent(1);
        failed = allocation_failed();
        CHECK_INT(any, !failed);
        if (any)
            cp_calls_finish_all(&calls, NULL);
        CHECK_INT(outcome_of(call), failed ? CP_FAILURE_MEMORY : CP_FAILURE_NONE);
        end_test();
    }
}
