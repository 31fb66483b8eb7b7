/* Those who are looked up by uid: at the beginning, in every comparison, and now and then. */
#include "core/session.h"
#include "core/text.h"

#include "session_feed.h"

#define LOOK_UP "GET /v3.0/users?per_page=100&uids=ann,bob&page=1"

static char *watched[] = {"ann", "bob", NULL};

static void begin_watching(cp_subscription subscription)
{
    begin_config(subscription);
    config.ping_interval = CP_NEVER; /* not what this is about */
    config.audit_after = CP_NEVER;
    config.watched_every = 30 * SEC;
    CHECK_INT(cp_texts_copy(&config.watched, watched), CP_OK);
    begin_configured();
}

static void check_change(const char *uid, cp_presence_status status, cp_origin origin)
{
    cp_change change;

    CHECK(cp_roster_next_change(roster, &change));
    CHECK(cp_slice_is(cp_user_text_of(change.user, CP_USER_UID), uid));
    CHECK_INT(change.status, status);
    CHECK_INT(change.origin, origin);
    cp_user_release(change.user);
}

TEST(without_a_subscription_it_is_synced_once_the_watched_are_known)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    log_in();
    call(CP_CALL_AWAIT_SYNC);
    forget_diary();
    be_accepted();
    CHECK_DIARY("auth | CONNECTED 1 | " LOOK_UP);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    answer(users_page("ann", 1));
    CHECK_DIARY("SYNCED 1 | done AWAIT_SYNC");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    CHECK_INT(status_of("Ann"), CP_ONLINE);
    CHECK_INT(status_of("bob"), CP_UNKNOWN);
    CHECK_INT(status_of("zoe"), CP_UNKNOWN);
    check_change("ann", CP_ONLINE, CP_ORIGIN_SNAPSHOT);
    end_session();
}

TEST(with_a_subscription_both_are_compared)
{
    begin_watching(CP_SUBSCRIBE_FRIENDS);
    get_connected();
    answer(users_page("ann,bob:offline", 1));
    CHECK_DIARY("GET /v3.0/users?per_page=100&status=available&friendsOnly=1&page=1");
    answer(users_page("zoe", 1));
    CHECK_DIARY("SYNCED 2");
    CHECK_INT(status_of("bob"), CP_OFFLINE);
    end_session();
}

TEST(they_are_looked_up_now_and_then_and_only_changes_are_told)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    go_live("ann,bob");
    check_change("ann", CP_ONLINE, CP_ORIGIN_SNAPSHOT);
    check_change("bob", CP_ONLINE, CP_ORIGIN_SNAPSHOT);
    elapse(30 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(LOOK_UP);
    answer(users_page("ann,bob:offline", 1));
    CHECK_DIARY(""); /* no comparison, so none is told of */
    CHECK_INT(cp_session_counts_of(session).resyncs, 0);
    check_change("bob", CP_OFFLINE, CP_ORIGIN_RESYNC);
    CHECK(!cp_roster_has_changes(roster));
    elapse(30 * SEC);
    CHECK_DIARY(LOOK_UP);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_SYNCED);
    end_session();
}

TEST(a_comparison_looks_them_up_too_and_breaks_a_look_up_off)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    go_live("ann");
    elapse(30 * SEC);
    call(CP_CALL_RESYNC);
    CHECK_DIARY(LOOK_UP " | drop | " LOOK_UP);
    answer(users_page("ann,bob", 1));
    CHECK_DIARY("SYNCED 2 | done RESYNC");
    elapse(30 * SEC - 1);
    CHECK_DIARY("");
    end_session();
}

TEST(a_server_that_wants_silence_or_fails_is_asked_later)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    go_live("ann");
    elapse(30 * SEC);
    forget_diary();
    ask_to_wait("20");
    elapse(20 * SEC - 1);
    CHECK_DIARY("");
    elapse(1);
    CHECK_DIARY(LOOK_UP);
    lose_answer(CP_FAILURE_CONNECTION_LOST);
    elapse(2 * SEC);
    CHECK_DIARY(LOOK_UP);
    answer(users_page("ann:offline", 1));
    CHECK_INT(status_of("ann"), CP_OFFLINE);
    end_session();
}

TEST(a_look_up_that_fails_does_not_keep_a_comparison_waiting)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    config.sync_every = 40 * SEC;
    go_live("ann");
    elapse(30 * SEC);
    CHECK_DIARY(LOOK_UP);
    elapse(10 * SEC); /* the answer is still out */
    CHECK_DIARY("drop | " LOOK_UP);
    answer(users_page("ann", 1));
    CHECK_DIARY("SYNCED 1");
    end_session();
}

TEST(nobody_is_looked_up_without_a_connection)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    go_live("ann");
    elapse(30 * SEC);
    forget_diary();
    closed_with(1006);
    CHECK(strstr(diary, "drop") != NULL);
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    CHECK_INT(status_of("ann"), CP_ONLINE);
    forget_diary();
    wait_for_attempt();
    be_accepted();
    forget_diary();
    answer(users_page("ann:offline", 1));
    CHECK_DIARY("SYNCED 0");
    CHECK_INT(status_of("ann"), CP_OFFLINE);
    call(CP_CALL_DISCONNECT);
    forget_diary();
    elapse(100 * SEC);
    CHECK(strstr(diary, "uids=") == NULL);
    end_session();
}

TEST(who_does_not_compare_at_the_beginning_looks_them_up_all_the_same)
{
    begin_watching(CP_SUBSCRIBE_ALL_USERS);
    config.sync_on_connect = false;
    get_connected();
    elapse(0);
    CHECK_DIARY(LOOK_UP);
    answer(users_page("ann", 1));
    CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
    CHECK_INT(status_of("ann"), CP_ONLINE);
    elapse(30 * SEC);
    CHECK_DIARY(LOOK_UP);
    end_session();
}

TEST(the_watched_can_be_waited_for)
{
    begin_watching(CP_SUBSCRIBE_NONE);
    go_live("ann");
    await("ann", CP_ONLINE);
    CHECK_DIARY("done AWAIT_USER");
    await("Ann", CP_OFFLINE);
    await("bob", CP_OFFLINE);
    await("zoe", CP_ONLINE);
    CHECK_DIARY("failed AWAIT_USER CONFIG ERR_NO_SUBSCRIPTION");
    elapse(30 * SEC);
    forget_diary();
    answer(users_page("ann:offline,bob:offline", 1)); /* the second is no change */
    CHECK_DIARY("done AWAIT_USER | done AWAIT_USER");
    end_session();
}

TEST(those_without_room_are_missed)
{
    begin_config(CP_SUBSCRIBE_NONE);
    config.ping_interval = config.audit_after = CP_NEVER;
    config.max_users = 1;
    CHECK_INT(cp_texts_copy(&config.watched, watched), CP_OK);
    begin_configured();
    get_connected();
    answer(users_page("ann", 1));
    CHECK_DIARY("SYNCED 1");
    elapse(30 * SEC);
    forget_diary();
    answer(users_page("ann,bob", 1));
    CHECK_DIARY("DEGRADED");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    end_session();
}

/* ---- memory */

static const char *body_for(const char *path)
{
    if (strstr(path, "/me"))
        return ME_ANSWER;
    return strstr(path, "uids=") ? users_page("ann,bob:offline", 1) : users_page("zoe", 1);
}

/* The world does its part.  Whom there was no memory for is known by the next look-up. */
static void live_until(bool (*is_so)(void))
{
    for (int step = 0; !is_so(); step++) {
        CHECK(step < 60);
        if (request_count > 0)
            answer(body_for(requests[0].path));
        else
            elapse(until_deadline());
    }
}

static bool is_known(void)
{
    return cp_session_state_of(session) == CP_STATE_LIVE && status_of("ann") == CP_ONLINE &&
           status_of("bob") == CP_OFFLINE;
}

static bool is_looked_up(void)
{
    return strstr(diary, "uids=") != NULL && request_count == 0;
}

TEST(each_allocation_of_a_look_up_may_fail)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_watching(CP_SUBSCRIBE_FRIENDS);
        get_connected();
        fail_allocation(n);
        live_until(is_known);
        forget_diary();
        live_until(is_looked_up);
        failed = allocation_failed();
        CHECK(is_known());
        end_session();
    }
}
