#include "core/session.h"

#include "session_feed.h"

/* Comparisons on demand: at most one at a time, and so one page asked for. */

#define PAGE_2 "GET /v3.0/users?per_page=100&status=available&page=2"

static void begin_all_users(void)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.ping_interval = config.audit_after = CP_NEVER; /* not what this is about */
    begin_configured();
}

static void begin_connected(void)
{
    begin_all_users();
    get_connected();
}

static void begin_live(void)
{
    begin_all_users();
    go_live("bob");
}

static cp_call *resync_within(cp_usec timeout)
{
    return call_within(new_call(CP_CALL_RESYNC), timeout);
}

TEST(a_resync_begins_at_once_when_nothing_is_compared)
{
    begin_live();
    call(CP_CALL_RESYNC);
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob,zoe", 1));
    CHECK_DIARY("SYNCED 2 | done RESYNC");
    elapse(3600 * SEC);
    CHECK_DIARY("");
    end_session();
}

TEST(a_resync_waits_for_the_comparison_after_the_one_under_way)
{
    begin_connected();
    call(CP_CALL_RESYNC);
    CHECK_DIARY("");
    answer(users_page("old", 1));
    CHECK_DIARY("SYNCED 1 | " PAGE_1);
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    answer(users_page("bob,old:offline", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC");
    CHECK_INT(status_of("old"), CP_OFFLINE);
    end_session();
}

TEST(resyncs_share_the_comparison_that_has_not_begun)
{
    begin_connected();
    call(CP_CALL_RESYNC);
    call(CP_CALL_RESYNC);
    call(CP_CALL_AWAIT_SYNC); /* joins the one under way */
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | " PAGE_1 " | done AWAIT_SYNC");
    call(CP_CALL_RESYNC); /* too late for this one */
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | " PAGE_1 " | done RESYNC | done RESYNC");
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC");
    elapse(3600 * SEC);
    CHECK_DIARY("");
    end_session();
}

TEST(resyncs_asked_for_together_share_one_comparison)
{
    begin_live();
    for (int i = 0; i < 3; i++) {
        cp_call *self = new_call(CP_CALL_RESYNC);

        self->timeout = CP_NEVER;
        cp_session_called(session, self, now); /* as many posted before the thread looks */
    }
    pump();
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC | done RESYNC | done RESYNC");
    end_session();
}

TEST(impatient_resyncs_starve_nobody)
{
    begin_connected();
    cp_call *patient = call(CP_CALL_RESYNC);
    for (int i = 0; i < 8; i++) { /* each comparison takes longer than they wait */
        resync_within(8 * SEC / 10);
        elapse(SEC);
        CHECK_INT(request_count, 1);
        answer(users_page("bob", 1));
        CHECK_INT(request_count, 1);
        CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
        CHECK_INT(last_done() == patient, i == 1); /* the next one to begin was his */
    }
    CHECK_INT(patient->failure.kind, CP_FAILURE_NONE);
    end_session();
}

TEST(resyncs_that_give_up_pile_nothing_up)
{
    begin_live();
    for (int i = 0; i < 50; i++) {
        resync_within(SEC / 100);
        elapse(SEC / 100);
        CHECK_INT(last_done()->failure.kind, CP_FAILURE_TIMEOUT);
        CHECK_INT(request_count, 1);
    }
    answer(users_page("bob", 1));
    answer(users_page("bob", 1)); /* one was asked for after the first began */
    CHECK_INT(request_count, 0);
    end_session();
}

TEST(a_resync_during_the_backoff_waits_for_the_next_attempt)
{
    begin_connected();
    for (int failures = 0; failures < 6; failures++) {
        answer_with(503, "busy");
        cp_usec next = cp_session_deadline(session);
        forget_diary();
        call(CP_CALL_RESYNC);
        resync_within(0);
        CHECK_INT(cp_session_deadline(session), now.usec);
        elapse(0);
        CHECK_DIARY("failed RESYNC TIMEOUT ERR_TIMEOUT");
        CHECK_INT(cp_session_deadline(session), next);
        elapse(next - now.usec);
        CHECK_INT(request_count, 1);
    }
    forget_diary();
    answer(users_page("bob", 1)); /* asked for after all of them, so it is theirs */
    CHECK_DIARY("SYNCED 1 | done RESYNC | done RESYNC | done RESYNC | done RESYNC | done RESYNC"
                " | done RESYNC");
    end_session();
}

TEST(a_failing_server_is_reported_though_resyncs_keep_coming)
{
    begin_connected();
    for (int i = 0; i < 3; i++) {
        answer_with(503, "busy");
        resync_within(SEC / 100);
        elapse(30 * SEC);
    }
    CHECK(strstr(diary, "ERROR synchronisation HTTP_503") != NULL);
    end_session();
}

TEST(a_resync_when_some_pages_are_read_waits_for_the_comparison_after)
{
    begin_connected();
    answer(users_page("bob", 2));
    answer_with(503, "busy");
    forget_diary();
    call(CP_CALL_RESYNC);
    elapse(SEC);
    CHECK_DIARY(PAGE_2);
    answer(users_page("zoe", 2));
    CHECK_DIARY("SYNCED 2 | " PAGE_1);
    answer(users_page("bob,zoe", 1));
    CHECK_DIARY("SYNCED 2 | done RESYNC");
    end_session();
}

TEST(a_resync_without_the_time_for_a_silence_is_told_so)
{
    begin_connected();
    ask_to_wait("60");
    forget_diary();
    resync_within(SEC);
    elapse(SEC);
    CHECK_DIARY("failed RESYNC RATE_LIMITED ERR_TOO_MANY_REQUESTS");
    CHECK_INT(last_done()->failure.retry_after, 59 * SEC);
    end_session();
}

TEST(a_resync_outlives_a_lost_socket)
{
    begin_connected();
    call(CP_CALL_RESYNC);
    closed_with(1006);
    CHECK_DIARY("DISCONNECTED 1006 retries | drop");
    wait_for_attempt();
    be_accepted();
    forget_diary();
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC"); /* begun since it was asked for */
    end_session();
}

TEST(pages_of_abandoned_comparisons_are_not_waited_for)
{
    begin_connected();
    for (int i = 0; i < 50; i++) {
        CHECK_INT(request_count, 1);
        closed_with(1006);
        CHECK_INT(request_count, 0);
        wait_for_attempt();
        be_accepted();
    }
    call(CP_CALL_DISCONNECT);
    CHECK_INT(request_count, 0);
    end_session();
}
