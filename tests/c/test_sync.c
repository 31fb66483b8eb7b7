#include "core/sync.h"

#include "sync_stage.h"

/* ---- what is asked for */

TEST(nothing_is_asked_for_before_the_roster_knows_of_the_comparison)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    cp_http_request request;
    cp_failure failure = {0};
    bool wanted = true;
    cp_http_request_init(&request);
    cp_sync_begin(&sync_, CP_ORIGIN_SNAPSHOT, now);
    CHECK_INT(cp_sync_next_request(&sync_, &account, 1, &request, &wanted, &failure), CP_OK);
    CHECK(!wanted);
    ask();
    CHECK(path[0] != '\0');
    cp_http_request_destroy(&request);
    end_test();
}

TEST(the_users_of_the_subscription_are_asked_for)
{
    char *roles[] = {"teacher", "student", NULL};

    begin_test(CP_SUBSCRIBE_ALL_USERS);
    begin(CP_ORIGIN_SNAPSHOT);
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=1");
    config.page_size = 30;
    config.sync_whole = true;
    begin(CP_ORIGIN_SNAPSHOT);
    CHECK_TEXT(path, "/v3.0/users?per_page=30&page=1");
    config.sync_whole = false;
    config.subscription = CP_SUBSCRIBE_FRIENDS;
    begin(CP_ORIGIN_SNAPSHOT);
    CHECK_TEXT(path, "/v3.0/users?per_page=30&status=available&friendsOnly=1&page=1");
    config.subscription = CP_SUBSCRIBE_ROLES;
    config.roles = roles;
    begin(CP_ORIGIN_SNAPSHOT);
    config.roles = NULL;
    CHECK_TEXT(path, "/v3.0/users?per_page=30&status=available&roles=teacher,student&page=1");
    end_test();
}

TEST(one_request_is_under_way_at_a_time)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    begin(CP_ORIGIN_SNAPSHOT);
    ask();
    CHECK_TEXT(path, "");
    end_test();
}

/* ---- pages */

TEST(all_pages_are_read_before_anything_reaches_the_roster)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("a,b", 3));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=2");
    answer(users_page("c", 3));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=3");
    CHECK_INT(cp_roster_count(roster), 0);
    answer(users_page("d", 3));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(cp_roster_online(roster), 4);
    CHECK_INT(sync_.report.pages, 3);
    CHECK_INT(sync_.report.passes, 1);
    end_test();
}

#define PAGE_OF(total, uid)                                                                        \
    "{\"data\":[{\"uid\":\"" uid "\",\"status\":\"available\"}],\"meta\":{\"pagination\":"         \
    "{\"total\":" total ",\"total_pages\":2}}}"

TEST(a_list_whose_length_changed_between_its_pages_is_made_again)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    begin(CP_ORIGIN_SNAPSHOT);
    answer(PAGE_OF("3", "a"));
    answer(PAGE_OF("2", "c")); /* a left, so b went to page 1 */
    answer(PAGE_OF("2", "b"));
    answer(PAGE_OF("2", "c"));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(sync_.report.passes, 2);
    CHECK_INT(known("b"), CP_ONLINE);
    end_test();
}

TEST(an_empty_page_ends_the_list_whatever_it_claims)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("a", 1000));
    answer(users_page("", 1000));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    end_test();
}

TEST(without_a_number_of_pages_a_full_one_is_not_the_last)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    config.page_size = 2;
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("a,b", 0));
    CHECK_TEXT(path, "/v3.0/users?per_page=2&status=available&page=2");
    answer(users_page("c", 0));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    end_test();
}

TEST(a_list_without_an_end_is_not_followed_for_ever)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    config.max_users = 5;
    begin(CP_ORIGIN_SNAPSHOT);
    for (int i = 0; i < 3; i++)
        answer(users_page("a,b", 1000000));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    begin(CP_ORIGIN_RESYNC);
    for (int i = 0; i < 6; i++)
        answer("{\"data\":[{},{}],\"meta\":{\"pagination\":{\"total_pages\":9999999}}}");
    CHECK(sync_.phase != CP_PHASE_PAGING); /* nor one of no users at all */
    end_test();
}

TEST(the_limit_of_a_list_is_that_of_one_pass)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    config.max_users = 5;
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("a,b", 2));
    push("z", CP_ONLINE);
    answer(users_page("c,d", 2));
    answer(users_page("a,b", 2));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=2");
    end_test();
}

TEST(a_page_that_fails_is_wanted_again)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("a", 2));
    CHECK(answer("{\"data\":17}") != CP_OK);
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=2");
    end_test();
}

TEST(an_abandoned_comparison_leaves_the_roster_alone)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("a,b");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("a", 2));
    const uint64_t page_2 = sync_.ticket;
    uint64_t dropped;
    CHECK(page_2 != 0);
    CHECK(!cp_sync_next_dropped(&sync_, &dropped));
    cp_sync_abandon(&sync_);
    CHECK(cp_sync_next_dropped(&sync_, &dropped));
    CHECK_INT(dropped, page_2);
    CHECK(!cp_sync_next_dropped(&sync_, &dropped));
    apply();
    CHECK_INT(cp_roster_online(roster), 2);
    CHECK(!cp_sync_is_running(&sync_));
    end_test();
}

static void list_a_thousand(void)
{
    char users[16384];
    size_t end = 0;

    begin_test(CP_SUBSCRIBE_ALL_USERS);
    for (int i = 0; i < 1000; i++)
        end += (size_t)sprintf(users + end, "%su%d", i ? "," : "", i);
    begin(CP_ORIGIN_SNAPSHOT);
    cp_http_answer given = {.status = 200, .body = cp_slice_of(users_page(users, 1))};
    cp_failure failure = {0};
    CHECK_INT(cp_sync_answered(&sync_, &given, &failure), CP_OK);
}

/* Which may be hundreds of megabytes. */
TEST(the_list_is_given_up_in_pieces_and_not_under_the_lock)
{
    list_a_thousand();
    for (size_t confirmed = 256; confirmed < 1000; confirmed += 256) {
        CHECK(cp_sync_apply(&sync_, roster, now));
        CHECK(sync_.listed[confirmed - 1].user != NULL);
        cp_sync_tidy(&sync_);
        CHECK(sync_.listed[confirmed - 1].user == NULL);
        CHECK(sync_.listed[confirmed].user != NULL);
    }
    apply();
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK(sync_.listed != NULL);
    cp_sync_tidy(&sync_);
    CHECK(sync_.listed == NULL);
    end_test();
}

TEST(more_users_than_fit_into_one_hold_of_the_lock_come_in_pieces)
{
    list_a_thousand();
    CHECK(cp_sync_apply(&sync_, roster, now));
    CHECK_INT(cp_roster_count(roster), 256);
    apply();
    CHECK_INT(cp_roster_count(roster), 1000);
    CHECK_INT(sync_.report.went_online_count, 1000);
    end_test();
}

/* ---- memory */

/* Until it is done; whoever is not on the page is offline. */
static void compare_without_memory(unsigned nth, const char *page)
{
    fail_allocation(nth);
    for (int step = 0; sync_.phase != CP_PHASE_DONE && step < 10; step++) {
        cp_http_request request;
        cp_failure failure = {0};
        bool wanted = false;
        cp_http_request_init(&request);
        apply();
        if (cp_sync_next_request(&sync_, &account, ++ticket, &request, &wanted, &failure) != CP_OK)
            CHECK_INT(failure.kind, CP_FAILURE_MEMORY);
        cp_http_request_destroy(&request);
        if (!wanted)
            continue;
        cp_http_answer given = {.status = 200, .body = cp_slice_of(users_page(page, 1))};
        if (sync_.phase == CP_PHASE_ASKING)
            given.body = cp_slice_of(users_page("a:offline,c:offline", 1));
        if (cp_sync_answered(&sync_, &given, &failure) != CP_OK)
            CHECK_INT(failure.kind, CP_FAILURE_MEMORY);
    }
}

TEST(without_memory_a_comparison_says_so_and_goes_on_when_there_is_some)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_test(CP_SUBSCRIBE_ALL_USERS);
        know("a,b,c");
        cp_sync_begin(&sync_, CP_ORIGIN_RESYNC, now);
        compare_without_memory(n, "b,d");
        failed = allocation_failed();
        CHECK_INT(sync_.phase, CP_PHASE_DONE);
        CHECK_INT(known("a"), CP_OFFLINE);
        CHECK_INT(known("b"), CP_ONLINE);
        CHECK_INT(known("c"), CP_OFFLINE);
        CHECK_INT(known("d"), CP_ONLINE);
        end_test();
    }
}

/* Known users would hide that there was no room for another one. */
TEST(nobody_new_is_lost_for_want_of_memory)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_test(CP_SUBSCRIBE_ALL_USERS);
        cp_sync_begin(&sync_, CP_ORIGIN_SNAPSHOT, now);
        compare_without_memory(n, "a,b");
        failed = allocation_failed();
        CHECK_INT(sync_.phase, CP_PHASE_DONE);
        CHECK_INT(sync_.report.online, 2);
        end_test();
    }
}

TEST(nobody_watched_is_lost_for_want_of_memory)
{
    char *watched[] = {"a", "b", NULL};

    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_test(CP_SUBSCRIBE_NONE);
        config.watched = watched;
        cp_sync_begin(&sync_, CP_ORIGIN_SNAPSHOT, now);
        compare_without_memory(n, "a,b:offline");
        failed = allocation_failed();
        config.watched = NULL;
        CHECK_INT(sync_.phase, CP_PHASE_DONE);
        CHECK_INT(known("a"), CP_ONLINE);
        CHECK_INT(known("b"), CP_OFFLINE);
        end_test();
    }
}
