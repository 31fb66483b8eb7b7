#include "core/session.h"

#include "session_feed.h"

static void begin_subscribed(cp_subscription subscription)
{
    begin_config(subscription);
    config.ping_interval = CP_NEVER; /* not what this is about */
    begin_configured();
}

static cp_origin origin_of_next_change(void)
{
    cp_change change;

    CHECK(cp_roster_next_change(roster, &change));
    cp_user_release(change.user);
    return change.origin;
}

TEST(with_a_subscription_it_is_live_once_compared)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    log_in();
    call(CP_CALL_AWAIT_SYNC);
    forget_diary();
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 1 | " PAGE_1);
    CHECK_INT(cp_session_state_of(session), CP_STATE_SYNCING);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    answer(users_page("bob,zoe", 1));
    CHECK_DIARY("SYNCED 2 | done AWAIT_SYNC");
    CHECK_INT(cp_session_state_of(session), CP_STATE_LIVE);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    CHECK_INT(status_of("bob"), CP_ONLINE);
    CHECK_INT(status_of("nobody"), CP_OFFLINE);
    const cp_sync_report *report = &last_done()->report;
    CHECK_INT(report->generation, 1);
    CHECK_INT(report->online, 2);
    CHECK_INT(report->pages, 1);
    CHECK_INT(report->went_online_count, 2);
    CHECK_INT(latest[CP_NOTICE_SYNCED].report.went_online_count, 2);
    end_session();
}

TEST(who_waits_too_late_is_told_of_the_last_comparison_and_who_is_online_now)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    now.usec += SEC;
    answer(users_page("bob,zoe", 1));
    const cp_usec took = latest[CP_NOTICE_SYNCED].report.duration;
    hear_presence("ann", "online");
    forget_diary();
    call(CP_CALL_AWAIT_SYNC);
    CHECK_DIARY("done AWAIT_SYNC");
    const cp_sync_report *report = &last_done()->report;
    CHECK_INT(report->generation, 1);
    CHECK_INT(report->online, 3);
    CHECK_INT(report->passes, 1);
    CHECK_INT(report->pages, 1);
    CHECK(took > 0);
    CHECK_INT(report->duration, took);
    CHECK_INT(report->went_online_count, 0);
    CHECK(report->went_online == NULL && report->went_offline == NULL);
    end_session();
}

/* Copies of a long one take their time. */
TEST(who_waits_for_a_comparison_gets_its_report_without_the_lock)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    call(CP_CALL_AWAIT_SYNC);
    cp_http_answer page = {
        .ticket = requests[0].ticket,
        .status = 200,
        .body = cp_slice_of(users_page("bob,zoe", 1)),
    };
    cp_session_answered(session, &page, now);
    take_off_table(0);
    while (cp_roster_state(roster) != CP_SYNC_SYNCED)
        CHECK(cp_session_apply(session, now));
    CHECK(cp_session_next_done(session) == NULL);
    forget_diary();
    cp_session_tidy(session);
    pump();
    CHECK_DIARY("SYNCED 2 | done AWAIT_SYNC");
    CHECK_INT(last_done()->report.went_online_count, 2);
    end_session();
}

TEST(a_frame_waits_for_the_roster_until_it_is_applied)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    CHECK(!cp_session_has_pushed(session));
    cp_session_received(session,
                        cp_slice_of("{\"type\":\"presence\",\"body\":{\"action\":\"online\","
                                    "\"user\":{\"uid\":\"zoe\"}}}"),
                        now);
    CHECK(cp_session_has_pushed(session));
    while (cp_session_has_pushed(session))
        (void)cp_session_apply(session, now);
    CHECK_INT(status_of("zoe"), CP_ONLINE);
    end_session();
}

TEST(what_is_pushed_while_pages_are_read_is_newer_than_they_are)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    answer(users_page("bob,zoe", 2));
    hear_presence("bob", "offline");
    answer(users_page("eve", 2));
    /* They moved, so once more; bob stays as the push had him. */
    answer(users_page("zoe,eve", 1));
    CHECK_DIARY("GET /v3.0/users?per_page=100&status=available&page=2 | " PAGE_1 " | SYNCED 2");
    CHECK_INT(status_of("bob"), CP_OFFLINE);
    CHECK_INT(status_of("zoe"), CP_ONLINE);
    end_session();
}

TEST(pages_that_keep_moving_are_read_three_times_at_most)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    for (int pass = 1; pass <= 3; pass++) {
        hear_presence("bob", pass % 2 ? "online" : "offline");
        forget_diary();
        answer(users_page(pass == 1 ? "zoe" : "eve", 1));
        CHECK_DIARY(pass < 3 ? PAGE_1 : "SYNCED 3");
    }
    CHECK_INT(latest[CP_NOTICE_SYNCED].report.passes, 3);
    CHECK_INT(latest[CP_NOTICE_SYNCED].report.pages, 3);
    CHECK_INT(status_of("zoe"), CP_ONLINE); /* the union of all */
    end_session();
}

TEST(a_drop_in_the_middle_infers_nothing)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob,zoe");
    closed_with(1006);
    wait_for_attempt();
    be_accepted();
    answer(users_page("zoe", 2));
    forget_diary();
    closed_with(1006);
    CHECK_DIARY("DISCONNECTED 1006 retries | drop"); /* page 2 */
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    CHECK_INT(status_of("bob"), CP_ONLINE); /* last known */
    wait_for_attempt();
    be_accepted();
    CHECK_DIARY("CONNECTING 1 | connect | auth | CONNECTED 3 | " PAGE_1);
    answer(users_page("zoe", 1));
    CHECK_DIARY("GET /v3.0/users?per_page=100&uids=bob&page=1");
    answer(users_page("bob:offline", 1));
    CHECK_DIARY("SYNCED 1");
    CHECK_INT(status_of("bob"), CP_OFFLINE);
    end_session();
}

TEST(the_first_comparison_is_a_snapshot_and_later_ones_are_resyncs)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    CHECK_INT(origin_of_next_change(), CP_ORIGIN_SNAPSHOT);
    CHECK_INT(cp_session_counts_of(session).resyncs, 0);
    elapse(30 * SEC);
    answer(users_page("bob,zoe", 1));
    CHECK_INT(origin_of_next_change(), CP_ORIGIN_RESYNC);
    hear_presence("eve", "online");
    CHECK_INT(origin_of_next_change(), CP_ORIGIN_LIVE);
    CHECK_INT(cp_session_counts_of(session).resyncs, 1);
    end_session();
}

TEST(an_audit_follows_and_then_nothing)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    elapse(30 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1");
    CHECK_INT(cp_session_deadline(session), CP_NEVER);
    end_session();
}

TEST(after_the_audit_comparisons_come_as_often_as_asked_for)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    config.sync_every = 300 * SEC;
    go_live("bob");
    elapse(30 * SEC);
    for (int i = 0; i < 3; i++) {
        CHECK_DIARY(PAGE_1);
        answer(users_page("bob", 1));
        CHECK_DIARY("SYNCED 1");
        elapse(300 * SEC - 1);
        CHECK_DIARY("");
        elapse(1);
    }
    end_session();
}

TEST(a_resync_on_demand_does_not_replace_the_audit)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    elapse(10 * SEC);
    call(CP_CALL_RESYNC);
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC");
    elapse(20 * SEC);
    CHECK_DIARY(PAGE_1);
    end_session();
}

TEST(a_resync_while_not_connected_is_done_with_the_next_socket)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.sync_on_connect = false;
    begin_configured();
    log_in();
    call(CP_CALL_RESYNC);
    forget_diary();
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 1 | " PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done RESYNC");
    end_session();
}

TEST(without_sync_on_connect_only_the_periodical_one_comes)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.sync_on_connect = false;
    config.sync_every = 100 * SEC;
    config.ping_interval = CP_NEVER;
    begin_configured();
    log_in();
    call(CP_CALL_AWAIT_SYNC);
    forget_diary();
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 1 | done AWAIT_SYNC");
    call(CP_CALL_AWAIT_SYNC);
    CHECK_DIARY("done AWAIT_SYNC");
    CHECK_INT(last_done()->report.generation, 1);
    CHECK_INT(last_done()->report.passes, 0); /* there was none */
    elapse(100 * SEC);
    CHECK_DIARY(PAGE_1);
    end_session();
}

TEST(who_is_absent_is_offline_only_if_everyone_is_subscribed_to)
{
    begin_subscribed(CP_SUBSCRIBE_FRIENDS);
    get_connected();
    answer(users_page("bob", 1));
    CHECK_INT(status_of("bob"), CP_ONLINE);
    CHECK_INT(status_of("nobody"), CP_UNKNOWN);
    end_session();
}

/* ---- trouble */

TEST(a_page_that_fails_is_asked_for_again_later_and_later)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    answer(users_page("bob", 2));
    forget_diary();
    for (int i = 0; i < 5; i++) {
        answer_with(503, "busy");
        CHECK(until_deadline() >= SEC / 10);
        CHECK(until_deadline() <= 30 * SEC);
        elapse(until_deadline());
        CHECK_DIARY(i == 2 ? "ERROR synchronisation HTTP_503"
                             " | GET /v3.0/users?per_page=100&status=available&page=2"
                           : "GET /v3.0/users?per_page=100&status=available&page=2");
    }
    answer(users_page("zoe", 2));
    CHECK_DIARY("SYNCED 2");
    end_session();
}

TEST(a_page_that_is_too_many_is_asked_for_after_the_silence)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    ask_to_wait("5");
    elapse(5 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(PAGE_1);
    end_session();
}

TEST(a_page_that_fails_during_a_silence_does_not_spin)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    call_get_user("bob", CP_NEVER);
    answer_with(503, "busy");
    ask_to_wait("600");
    forget_diary();
    elapse(600 * SEC - 1); /* elapse() checks it */
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(PAGE_1 " | GET /v3.0/users/bob");
    end_session();
}

TEST(a_renewal_during_a_silence_does_not_spin)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    call_get_user("bob", CP_NEVER);
    ask_to_wait("600"); /* the page */
    forget_diary();
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    elapse(600 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY("GET /v3.0/me | " PAGE_1);
    end_session();
}

TEST(a_comparison_whose_token_was_lost_renews_it)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    CHECK_DIARY("GET /v3.0/me");
    answer(ME_ANSWER);
    elapse(SEC);
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1");
    end_session();
}

TEST(a_comparison_whose_token_is_lost_for_good_refuses)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    call(CP_CALL_AWAIT_SYNC);
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    forget_diary();
    refuse_with(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    CHECK_DIARY(
        "DISCONNECTED 1006 | LOGGED_OUT | ERROR connection AUTH_ERR_AUTH_TOKEN_NOT_FOUND | close"
        " | failed AWAIT_SYNC AUTH AUTH_ERR_AUTH_TOKEN_NOT_FOUND");
    end_session();
}

static const char *page_of_large(const char *uid)
{
    static char text[2 * CP_USER_PROFILE_LIMIT];
    int end =
        sprintf(text, "{\"data\":[{\"uid\":\"%s\",\"name\":\"N\",\"metadata\":{\"a\":\"", uid);

    memset(text + end, 'x', CP_USER_PROFILE_LIMIT);
    strcpy(text + end + CP_USER_PROFILE_LIMIT,
           "\"}}],\"meta\":{\"pagination\":{\"total_pages\":1}}}");
    return text;
}

TEST(large_profiles_are_trimmed_for_the_roster_only)
{
    cp_roster_view view;

    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    get_connected();
    answer(page_of_large("bob"));
    CHECK(cp_roster_find(roster, cp_slice_of("bob"), &view));
    CHECK(cp_user_text_of(view.user, CP_USER_METADATA).data == NULL);
    CHECK(cp_slice_is(cp_user_text_of(view.user, CP_USER_NAME), "N"));
    CHECK_INT(cp_roster_counts_of(roster).trimmed, 1);
    cp_call *asked = new_call(CP_CALL_GET_USERS);
    asked->query.limit = 30;
    asked->query.page = 1;
    call_within(asked, CP_NEVER);
    answer(page_of_large("bob"));
    CHECK(last_done() == asked);
    CHECK(cp_user_text_of(asked->page.users[0].user, CP_USER_METADATA).length >
          CP_USER_PROFILE_LIMIT);
    end_session();
}

TEST(a_full_roster_is_degraded_once)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.max_users = 2;
    begin_configured();
    get_connected();
    answer(users_page("bob,zoe,eve", 1));
    CHECK_DIARY("DEGRADED | SYNCED 2");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    hear_presence("ann", "online");
    CHECK_DIARY("");
    elapse(30 * SEC);
    forget_diary();
    answer(users_page("bob,zoe,eve", 1));
    CHECK_DIARY("SYNCED 2");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    end_session();
}

TEST(a_full_roster_that_is_not_compared_yet_stays_stale)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.max_users = 1;
    begin_configured();
    get_connected();
    hear_presence("bob", "online");
    hear_presence("zoe", "online");
    CHECK_DIARY("DEGRADED");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    end_session();
}

TEST(a_change_lost_for_want_of_memory_is_found_by_a_comparison)
{
    unsigned lost = 0;

    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    config.audit_after = CP_NEVER;
    go_live("bob");
    for (unsigned n = 1, failed = 1; failed; n++) {
        fail_allocation(n);
        hear_presence("zoe", "online");
        failed = allocation_failed();
        if (!failed || status_of("zoe") == CP_ONLINE)
            break;
        lost += 1;
        forget_diary();
        elapse(SEC);
        CHECK_DIARY(PAGE_1);
        answer(users_page("bob", 1));
    }
    CHECK(lost > 0);
    end_session();
}

TEST(a_change_that_was_not_applied_in_time_is_found_by_a_comparison)
{
    begin_subscribed(CP_SUBSCRIBE_ALL_USERS);
    go_live("bob");
    cp_slice frame = cp_slice_of("{\"type\":\"presence\",\"body\":{\"action\":\"online\","
                                 "\"timestamp\":1,\"user\":{\"uid\":\"zoe\"}}}");
    cp_session_received(session, frame, now);
    cp_session_received(session, frame, now); /* nobody applied the first */
    pump();
    elapse(SEC);
    CHECK_DIARY(PAGE_1);
    end_session();
}
