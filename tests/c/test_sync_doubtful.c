#include "core/sync.h"

#include "sync_stage.h"

/* ---- doubtful users */

TEST(those_online_but_not_listed_are_asked_about)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("a,b,c");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("b", 1));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&uids=a,c&page=1");
    CHECK_INT(known("a"), CP_ONLINE); /* not yet */
    answer(users_page("a:offline,c:available", 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(known("a"), CP_OFFLINE);
    CHECK_INT(known("c"), CP_ONLINE);
    CHECK_INT(sync_.report.went_offline_count, 1);
    CHECK_INT(sync_.report.went_online_count, 0);
    CHECK_INT(sync_.report.online, 2);
    CHECK_INT(sync_.report.pages, 2);
    end_test();
}

TEST(one_the_server_no_longer_has_is_offline)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("a");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    answer(users_page("", 1));
    CHECK_INT(known("a"), CP_OFFLINE);
    end_test();
}

TEST(one_online_but_out_of_our_roles_is_unknown)
{
    char *roles[] = {"teacher", NULL};

    begin_test(CP_SUBSCRIBE_ROLES);
    config.roles = roles;
    know("a:available:teacher,b:available:teacher");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    answer(users_page("a:available:student,b:available:teacher", 1));
    config.roles = NULL;
    CHECK_INT(known("a"), CP_UNKNOWN);
    CHECK_INT(known("b"), CP_ONLINE);
    CHECK_INT(sync_.report.went_offline_count, 0);
    end_test();
}

TEST(one_online_but_no_friend_any_more_is_unknown)
{
    begin_test(CP_SUBSCRIBE_FRIENDS);
    know("a");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    answer(users_page("a", 1));
    CHECK_INT(known("a"), CP_UNKNOWN);
    end_test();
}

TEST(a_verdict_is_found_in_whatever_case_it_comes)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("Anna");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    answer(users_page("anna", 1));
    CHECK_INT(known("Anna"), CP_ONLINE);
    end_test();
}

TEST(doubtful_users_are_asked_about_in_batches_of_25)
{
    char users[1024], uids[1024];
    size_t end = 0;

    begin_test(CP_SUBSCRIBE_ALL_USERS);
    for (int i = 0; i < 60; i++)
        end += (size_t)sprintf(users + end, "%su%d", i ? "," : "", i);
    know(users);
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    for (int batch = 0; batch < 3; batch++) {
        unsigned commas = 0;
        CHECK(sscanf(path, "/v3.0/users?per_page=100&uids=%1000[^&]", uids) == 1);
        for (const char *c = uids; *c; c++)
            commas += *c == ',';
        CHECK_INT(commas + 1, batch < 2 ? 25 : 10);
        answer(users_page("", 1));
    }
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(cp_roster_online(roster), 0);
    CHECK_INT(sync_.report.went_offline_count, 60);
    end_test();
}

TEST(one_touched_while_asked_about_keeps_what_was_pushed)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("a,b");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    push("a", CP_ONLINE);
    answer(users_page("a:offline,b:offline", 1));
    CHECK_INT(known("a"), CP_ONLINE);
    CHECK_INT(known("b"), CP_OFFLINE);
    end_test();
}

TEST(one_touched_while_pages_are_read_is_not_doubtful)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("a,b");
    begin(CP_ORIGIN_RESYNC);
    push("a", CP_ONLINE);
    answer(users_page("b", 1));
    answer(users_page("b", 1)); /* they moved */
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(known("a"), CP_ONLINE);
    end_test();
}

TEST(a_push_before_the_comparison_does_not_count_as_touched)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    push("a", CP_ONLINE);
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&uids=a&page=1");
    end_test();
}

TEST(a_question_about_doubtful_users_that_fails_is_asked_again)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    know("a");
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    CHECK(answer("nonsense") != CP_OK);
    CHECK_TEXT(path, "/v3.0/users?per_page=100&uids=a&page=1");
    CHECK_INT(known("a"), CP_ONLINE);
    end_test();
}

TEST(the_whole_list_tells_who_is_offline)
{
    begin_test(CP_SUBSCRIBE_ALL_USERS);
    config.sync_whole = true;
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("a,b:offline", 1));
    CHECK_INT(known("a"), CP_ONLINE);
    CHECK_INT(known("b"), CP_OFFLINE);
    CHECK_INT(cp_roster_count(roster), 2);
    end_test();
}
