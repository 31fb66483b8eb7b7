/* Who waits for somebody while the platform does not tell all. */
#include "core/session.h"

#include "session_feed.h"

#define COUNT "POST /api/v1.0/online-members"

/* Up to DEGRADED, by a count that a caller asked for. */
static void begin_degraded(const char *users)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.ping_interval = config.audit_after = CP_NEVER; /* not what this is about */
    begin_configured();
    get_connected();
    answer(users_page(users, 1));
    call(CP_CALL_COUNT);
    answer("{\"data\":{\"onlineUsersCount\":1001}}");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    if (request_count > 0)
        answer(users_page(users, 1)); /* as its own counts ask for */
    elapse(10 * SEC);
    forget_diary();
}

TEST(what_was_known_is_compared_before_it_counts)
{
    begin_degraded("bob,zoe");
    await("bob", CP_ONLINE);
    await("zoe", CP_ONLINE); /* who left, and nobody told us */
    CHECK_DIARY(PAGE_1);
    answer(users_page("bob", 1));
    CHECK_DIARY("GET /v3.0/users?per_page=100&uids=zoe&page=1");
    answer(users_page("zoe:offline", 1));
    CHECK_DIARY("SYNCED 1 | done AWAIT_USER");
    CHECK_INT(cp_roster_state(roster), CP_SYNC_DEGRADED);
    CHECK(cp_slice_is(cp_user_text_of(last_done()->user.user, CP_USER_UID), "bob"));
    hear_presence("zoe", "online");
    CHECK_DIARY("done AWAIT_USER");
    end_session();
}

TEST(who_is_found_by_that_comparison_ends_the_wait)
{
    begin_degraded("bob");
    await("zoe", CP_ONLINE);
    await("bob", CP_OFFLINE);
    CHECK_DIARY(PAGE_1);
    answer(users_page("zoe", 1));
    CHECK_DIARY("GET /v3.0/users?per_page=100&uids=bob&page=1 | done AWAIT_USER");
    answer(users_page("bob:offline", 1));
    CHECK_DIARY("SYNCED 1 | done AWAIT_USER");
    end_session();
}

TEST(a_comparison_that_began_before_the_wait_does_not_tell)
{
    begin_degraded("bob");
    call(CP_CALL_RESYNC);
    await("bob", CP_ONLINE);
    answer(users_page("bob", 1));
    CHECK_DIARY(PAGE_1 " | SYNCED 1 | " PAGE_1 " | done RESYNC");
    answer(users_page("bob", 1));
    CHECK_DIARY("SYNCED 1 | done AWAIT_USER");
    elapse(30 * SEC);
    CHECK_DIARY(""); /* and nobody asks for another */
    end_session();
}

TEST(many_who_wait_are_served_every_other_second)
{
    begin_degraded("bob");
    unsigned comparisons = 0;
    for (int tenths = 0; tenths < 100; tenths++) {
        await("bob", CP_ONLINE);
        CHECK(request_count <= 1);
        if (request_count == 1) {
            comparisons += 1;
            answer(users_page("bob", 1));
        }
        free_finished();
        elapse(SEC / 10);
    }
    CHECK(comparisons >= 4);
    CHECK(comparisons <= 6);
    end_session();
}

TEST(a_wait_does_not_hurry_a_server_that_fails)
{
    begin_degraded("bob");
    await("bob", CP_ONLINE);
    answer_with(503, "busy");
    const cp_usec next = cp_session_deadline(session);
    forget_diary();
    await("bob", CP_ONLINE);
    CHECK_DIARY("");
    CHECK_INT(cp_session_deadline(session), next);
    elapse(next - now.usec);
    answer(users_page("bob", 1));
    CHECK_DIARY(PAGE_1 " | SYNCED 1 | done AWAIT_USER | done AWAIT_USER");
    end_session();
}

TEST(a_wait_that_the_end_of_a_comparison_finds_degraded_asks_for_another)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.ping_interval = config.audit_after = CP_NEVER;
    config.max_users = 2;
    begin_configured();
    get_connected();
    answer(users_page("bob,zoe,eve", 1));
    closed_with(1006);
    wait_for_attempt();
    be_accepted();
    await("bob", CP_ONLINE); /* while the page is on its way */
    forget_diary();
    answer(users_page("bob,zoe,eve", 1));
    CHECK_DIARY("SYNCED 2 | " PAGE_1);
    answer(users_page("bob,zoe,eve", 1));
    CHECK_DIARY("SYNCED 2 | done AWAIT_USER");
    end_session();
}

TEST(those_who_wait_do_not_put_off_the_count_that_ends_it)
{
    begin_config(CP_SUBSCRIBE_ALL_USERS);
    config.ping_interval = config.audit_after = CP_NEVER;
    config.count_every = 300 * SEC;
    begin_configured();
    get_connected();
    answer(users_page("bob", 1));
    elapse(5 * SEC);
    answer("{\"data\":{\"onlineUsersCount\":1001}}");
    answer(users_page("bob", 1));
    forget_diary();
    for (int i = 0; i < 12; i++) {
        elapse(5 * SEC);
        await("bob", CP_ONLINE);
        if (request_count > 0 && strstr(diary, COUNT) == NULL)
            answer(users_page("bob", 1));
    }
    CHECK(strstr(diary, COUNT) != NULL); /* within the minute */
    end_session();
}
