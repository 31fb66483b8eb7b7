/* Those who are looked up by uid, whoever is subscribed to. */
#include "core/sync.h"

#include "sync_stage.h"

/* In batches, the last one smaller. */
static char *sixty[61];
static char names[60][16];

static void begin_watching(cp_subscription subscription, char **watched)
{
    begin_test(subscription);
    config.watched = watched;
}

static void end_watching(void)
{
    config.watched = NULL;
    end_test();
}

static char **name_sixty(void)
{
    for (int i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "w%02d", i);
        sixty[i] = names[i];
    }
    return sixty;
}

static char *ann_and_bob[] = {"ann", "bob", NULL};

#define LOOK_UP "/v3.0/users?per_page=100&uids=ann,bob&page=1"

TEST(the_watched_are_looked_up_before_the_list_is_paged)
{
    begin_watching(CP_SUBSCRIBE_ALL_USERS, ann_and_bob);
    begin(CP_ORIGIN_SNAPSHOT);
    CHECK_TEXT(path, LOOK_UP);
    answer(users_page("ann:offline,bob:available", 1));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=1");
    CHECK_INT(known("ann"), CP_OFFLINE);
    CHECK_INT(known("bob"), CP_ONLINE);
    answer(users_page("bob,zoe", 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(sync_.report.online, 2);
    CHECK_INT(sync_.report.went_online_count, 2);
    CHECK_INT(sync_.report.pages, 2);
    CHECK_INT(sync_.report.passes, 1);
    end_watching();
}

TEST(many_are_looked_up_in_batches_of_25)
{
    const char *const batches[] = {"uids=w00,", "uids=w25,", "uids=w50,"};

    begin_watching(CP_SUBSCRIBE_NONE, name_sixty());
    begin(CP_ORIGIN_SNAPSHOT);
    for (int i = 0; i < 3; i++) {
        CHECK(strstr(path, batches[i]) != NULL);
        answer(users_page(i == 1 ? "w30,w49" : "", 1));
    }
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(known("w49"), CP_ONLINE);
    CHECK_INT(sync_.report.online, 2);
    CHECK_INT(sync_.report.pages, 3);
    end_watching();
}

TEST(without_a_subscription_there_is_nothing_to_page)
{
    begin_watching(CP_SUBSCRIBE_NONE, ann_and_bob);
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("ANN,other", 1));
    CHECK_TEXT(path, "");
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(known("ann"), CP_ONLINE);
    CHECK_INT(known("bob"), CP_UNKNOWN); /* there is nobody of that name */
    CHECK_INT(known("other"), CP_UNKNOWN); /* nobody asked */
    CHECK_INT(cp_roster_count(roster), 1);
    end_watching();
}

TEST(a_watched_one_outside_the_scope_is_no_ghost)
{
    char *roles[] = {"teacher", NULL};

    begin_watching(CP_SUBSCRIBE_ROLES, ann_and_bob);
    config.roles = roles;
    for (int i = 0; i < 2; i++) {
        begin(i == 0 ? CP_ORIGIN_SNAPSHOT : CP_ORIGIN_RESYNC);
        answer(users_page("ann:available:student", 1));
        answer(users_page("zoe:available:teacher", 1));
        CHECK_INT(sync_.phase, CP_PHASE_DONE);
        CHECK_INT(known("ann"), CP_ONLINE);
        CHECK_INT(sync_.report.went_offline_count, 0);
    }
    config.roles = NULL;
    end_watching();
}

TEST(one_the_server_no_longer_has_is_offline_if_he_was_online)
{
    begin_watching(CP_SUBSCRIBE_NONE, ann_and_bob);
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page("ann,bob:offline", 1));
    begin(CP_ORIGIN_RESYNC);
    answer(users_page("", 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(known("ann"), CP_OFFLINE);
    CHECK_INT(known("bob"), CP_OFFLINE);
    CHECK_INT(sync_.report.went_offline_count, 1);
    end_watching();
}

TEST(what_is_pushed_during_a_look_up_is_newer_and_tears_no_page)
{
    begin_watching(CP_SUBSCRIBE_ALL_USERS, ann_and_bob);
    begin(CP_ORIGIN_SNAPSHOT);
    push("ann", CP_ONLINE);
    answer(users_page("ann:offline,bob", 1));
    CHECK_INT(known("ann"), CP_ONLINE);
    answer(users_page("ann,bob", 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(sync_.report.passes, 1);
    end_watching();
}

TEST(a_batch_that_failed_is_asked_for_again)
{
    begin_watching(CP_SUBSCRIBE_NONE, ann_and_bob);
    begin(CP_ORIGIN_SNAPSHOT);
    CHECK(answer("rubbish") != CP_OK);
    CHECK_TEXT(path, LOOK_UP);
    answer(users_page("ann", 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    end_watching();
}

/* ---- alone */

TEST(a_look_up_is_about_the_watched_and_nobody_else)
{
    begin_watching(CP_SUBSCRIBE_ALL_USERS, NULL);
    know("zoe,bob");
    config.watched = ann_and_bob;
    cp_sync_begin_look_up(&sync_, CP_ORIGIN_RESYNC, now);
    ask();
    CHECK_TEXT(path, LOOK_UP);
    CHECK(cp_sync_is_running(&sync_));
    CHECK(!cp_sync_is_comparing(&sync_));
    answer(users_page("ann,bob:offline", 1));
    CHECK_TEXT(path, "");
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    CHECK_INT(known("ann"), CP_ONLINE);
    CHECK_INT(known("bob"), CP_OFFLINE);
    CHECK_INT(known("zoe"), CP_ONLINE);
    end_watching();
}

TEST(a_comparison_after_a_look_up_is_whole)
{
    begin_watching(CP_SUBSCRIBE_ALL_USERS, ann_and_bob);
    cp_sync_begin_look_up(&sync_, CP_ORIGIN_RESYNC, now);
    ask();
    begin(CP_ORIGIN_RESYNC); /* breaks it off */
    CHECK(cp_sync_is_comparing(&sync_));
    CHECK_TEXT(path, LOOK_UP);
    answer(users_page("", 1));
    CHECK_TEXT(path, "/v3.0/users?per_page=100&status=available&page=1");
    end_watching();
}
