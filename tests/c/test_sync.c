#include "core/sync.h"

#include "test.h"
#include "users_page.h"

static cp_config config;
static cp_account account;
static cp_roster *roster;
static cp_sync sync_; /* sync() is POSIX's */
static uint64_t ticket;
static char path[2048]; /* of the latest request; "" when none is wanted */
static const cp_usec now = 1000;

/* ---- a comparison by hand */

static void learn_account(void)
{
    cp_failure failure;
    cp_http_answer me = {
        .status = 200,
        .body = cp_slice_of("{\"data\":{\"uid\":\"me\",\"authToken\":\"t\",\"jwt\":\"j\"}}"),
    };

    cp_account_init(&account, &config);
    CHECK_INT(cp_rest_read_me(&me, &account, &failure), CP_OK);
}

static void begin_test(cp_subscription subscription)
{
    cp_config_init(&config);
    config.app_id = strdup("app1");
    config.region = strdup("us");
    config.version = strdup("1.0");
    config.session_id = strdup("PY-me");
    config.device_id = strdup("device");
    config.subscription = subscription;
    learn_account();
    roster = cp_roster_new(64, 10000, 7);
    cp_roster_begin_generation(roster);
    cp_sync_init(&sync_, &config);
    ticket = 0;
}

static void end_test(void)
{
    cp_sync_destroy(&sync_);
    cp_roster_free(roster);
    cp_account_forget(&account);
    cp_config_destroy(&config);
}

static void apply(void)
{
    unsigned pieces = 0;

    while (cp_sync_apply(&sync_, roster, now))
        CHECK(++pieces < 1000);
}

/* Asks for what is wanted; the path tells what that was. */
static void ask(void)
{
    cp_http_request request;
    cp_failure failure = {0};
    bool wanted;

    apply();
    path[0] = '\0';
    cp_http_request_init(&request);
    CHECK_INT(cp_sync_next_request(&sync_, &account, ticket + 1, &request, &wanted, &failure),
              CP_OK);
    ticket += wanted;
    if (wanted)
        snprintf(path, sizeof path, "%.*s", (int)request.path.length, request.path.data);
    cp_http_request_destroy(&request);
}

static void begin(cp_origin origin)
{
    cp_sync_begin(&sync_, origin, now);
    ask();
}

static cp_status answer(const char *body)
{
    cp_http_answer given = {.ticket = ticket, .status = 200, .body = cp_slice_of(body)};
    cp_failure failure = {0};
    cp_status status = cp_sync_answered(&sync_, &given, &failure);

    CHECK_INT(status == CP_OK, failure.kind == CP_FAILURE_NONE);
    ask();
    return status;
}

static void push(const char *uid, cp_presence_status status)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
    cp_presence seen = {.status = status, .last_active_at = 5, .at = 5};
    bool trimmed;

    for (int i = 0; i < CP_USER_NUMBERS; i++)
        fields.number[i] = CP_ABSENT;
    seen.user = cp_user_new(&fields, &trimmed);
    CHECK_INT(cp_roster_apply_live(roster, &seen, now), CP_OK);
    cp_sync_moved(&sync_);
    cp_presence_destroy(&seen);
}

static cp_presence_status known(const char *uid)
{
    cp_roster_view view;

    return cp_roster_find(roster, cp_slice_of(uid), &view) ? view.status : CP_UNKNOWN;
}

/* A roster that knows these, from an earlier comparison. */
static void know(const char *users)
{
    begin(CP_ORIGIN_SNAPSHOT);
    answer(users_page(users, 1));
    CHECK_INT(sync_.phase, CP_PHASE_DONE);
    cp_sync_abandon(&sync_);
}

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
    cp_sync_abandon(&sync_);
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

/* ---- memory */

TEST(without_memory_a_comparison_says_so_and_goes_on_when_there_is_some)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        begin_test(CP_SUBSCRIBE_ALL_USERS);
        know("a,b,c");
        cp_sync_begin(&sync_, CP_ORIGIN_RESYNC, now);
        fail_allocation(n);
        for (int step = 0; sync_.phase != CP_PHASE_DONE && step < 10; step++) {
            cp_http_request request;
            cp_failure failure = {0};
            bool wanted = false;
            cp_http_request_init(&request);
            apply();
            if (cp_sync_next_request(&sync_, &account, ++ticket, &request, &wanted, &failure) !=
                CP_OK)
                CHECK_INT(failure.kind, CP_FAILURE_MEMORY);
            cp_http_request_destroy(&request);
            if (!wanted)
                continue;
            cp_http_answer given = {.status = 200, .body = cp_slice_of(users_page("b,d", 1))};
            if (sync_.phase == CP_PHASE_ASKING)
                given.body = cp_slice_of(users_page("a:offline,c:offline", 1));
            if (cp_sync_answered(&sync_, &given, &failure) != CP_OK)
                CHECK_INT(failure.kind, CP_FAILURE_MEMORY);
        }
        failed = allocation_failed();
        CHECK_INT(sync_.phase, CP_PHASE_DONE);
        CHECK_INT(known("a"), CP_OFFLINE);
        CHECK_INT(known("b"), CP_ONLINE);
        CHECK_INT(known("c"), CP_OFFLINE);
        if (!failed)
            CHECK_INT(known("d"), CP_ONLINE);
        end_test();
    }
}
