#include "core/watchers.h"

#include "test.h"

static cp_roster *roster;
static cp_watchers watchers;
static cp_usec now;

static void begin_test(void)
{
    roster = cp_roster_new(16, 1000000, 1);
    CHECK(roster != NULL);
    cp_watchers_init(&watchers);
    cp_roster_set_watchers(roster, &watchers);
    cp_roster_begin_generation(roster);
    cp_roster_set_complete(roster, true);
    cp_roster_set_state(roster, CP_SYNC_SYNCED);
    now = 0;
}

static void free_call(cp_call *call)
{
    cp_call_destroy(call);
    free(call);
}

static void end_test(void)
{
    cp_call *call;

    while ((call = cp_watchers_take_any(&watchers)) != NULL)
        free_call(call);
    CHECK_INT(watchers.count, 0);
    CHECK_INT(watchers.deadline, CP_NEVER);
    cp_watchers_destroy(&watchers);
    cp_roster_free(roster);
}

static cp_presence presence(const char *uid, cp_presence_status status)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid),
                             .text[CP_USER_NAME] = cp_slice_of("N")};
    return (cp_presence){cp_user_new(&fields, &(bool){false}), status, 1000, 2000};
}

static void push(const char *uid, cp_presence_status status)
{
    cp_presence seen = presence(uid, status);
    CHECK_INT(cp_roster_apply_live(roster, &seen, ++now), CP_OK);
    cp_presence_destroy(&seen);
}

static void list(const char *uid, cp_presence_status status)
{
    cp_presence listed = presence(uid, status);
    CHECK_INT(cp_roster_confirm(roster, &listed, ++now), CP_OK);
    cp_presence_destroy(&listed);
}

static cp_call *wait_until(const char *uid, cp_presence_status wanted, cp_usec deadline)
{
    cp_call *call = __real_malloc(sizeof *call);

    cp_call_init(call, CP_CALL_AWAIT_USER);
    call->uid = __real_strdup(uid);
    call->wanted = wanted;
    call->deadline = deadline;
    cp_watchers_add(&watchers, call);
    return call;
}

static cp_call *wait_for(const char *uid, cp_presence_status wanted)
{
    return wait_until(uid, wanted, CP_NEVER);
}

static cp_call *wait_for_fresh(const char *uid, cp_presence_status wanted)
{
    cp_call *call = wait_for(uid, wanted);

    call->is_fresh = true;
    return call;
}

static void look(void)
{
    while (cp_watchers_look(&watchers, roster))
        ;
}

/* Met with this user and status; and freed. */
static void check_met(const cp_call *call, const char *uid, cp_presence_status status)
{
    cp_call *met = cp_watchers_take_met(&watchers);

    CHECK(met != NULL);
    CHECK(met == call);
    CHECK_INT(met->failure.kind, CP_FAILURE_NONE);
    CHECK_INT(met->user.status, status);
    CHECK(cp_slice_is(cp_user_text_of(met->user.user, CP_USER_UID), uid));
    free_call(met);
}

static void check_none_met(void)
{
    CHECK(cp_watchers_take_met(&watchers) == NULL);
}

/* ---- what is so already */

TEST(what_is_so_already_is_met_at_the_first_look)
{
    begin_test();
    push("bob", CP_ONLINE);
    push("carol", CP_OFFLINE);
    cp_call *bob = wait_for("bob", CP_ONLINE);
    cp_call *carol = wait_for("carol", CP_OFFLINE);
    (void)wait_for("carol", CP_ONLINE);
    look();
    check_met(bob, "bob", CP_ONLINE);
    check_met(carol, "carol", CP_OFFLINE);
    check_none_met();
    end_test();
}

TEST(somebody_never_heard_of_is_offline_where_everybody_is_told_of)
{
    begin_test();
    cp_call *call = wait_for("Zoe", CP_OFFLINE);
    look();
    CHECK_INT(call->user.last_active_at, CP_ABSENT);
    check_met(call, "zoe", CP_OFFLINE);
    cp_roster_set_complete(roster, false);
    (void)wait_for("zoe", CP_OFFLINE);
    look();
    check_none_met(); /* nobody knows */
    end_test();
}

TEST(without_memory_for_somebody_never_heard_of_the_call_says_so)
{
    begin_test();
    cp_call *call = wait_for("zoe", CP_OFFLINE);
    fail_allocation(1);
    look();
    CHECK(allocation_failed());
    CHECK(cp_watchers_take_met(&watchers) == call);
    CHECK_INT(call->failure.kind, CP_FAILURE_MEMORY);
    free_call(call);
    end_test();
}

TEST(uids_are_the_same_in_any_case)
{
    begin_test();
    push("bob", CP_ONLINE);
    cp_call *so = wait_for("BOB", CP_ONLINE);
    look();
    check_met(so, "bob", CP_ONLINE);
    cp_call *changes = wait_for("bOb", CP_OFFLINE);
    look();
    push("BoB", CP_OFFLINE);
    check_met(changes, "BoB", CP_OFFLINE);
    end_test();
}

TEST(nothing_is_so_while_the_picture_is_stale)
{
    begin_test();
    push("bob", CP_ONLINE);
    cp_roster_begin_generation(roster);
    cp_call *bob = wait_for("bob", CP_ONLINE);
    cp_call *zoe = wait_for("zoe", CP_OFFLINE);
    look();
    check_none_met();
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    list("bob", CP_ONLINE);
    cp_roster_set_state(roster, CP_SYNC_SYNCED);
    cp_watchers_in_step(&watchers);
    look();
    if (watchers.met.first == bob) { /* the order is that of buckets */
        check_met(bob, "bob", CP_ONLINE);
        check_met(zoe, "zoe", CP_OFFLINE);
    } else {
        check_met(zoe, "zoe", CP_OFFLINE);
        check_met(bob, "bob", CP_ONLINE);
    }
    end_test();
}

TEST(a_picture_that_is_degraded_counts_once_it_is_newer_than_the_call)
{
    begin_test();
    push("bob", CP_ONLINE);
    cp_watchers_compared(&watchers, 4);
    cp_roster_set_state(roster, CP_SYNC_DEGRADED);
    cp_call *bob = wait_for("bob", CP_ONLINE);
    cp_call *late = wait_for("bob", CP_ONLINE);
    (void)wait_for("zoe", CP_OFFLINE); /* nobody ever heard of */
    bob->comparison = 5;
    late->comparison = 6;
    look();
    check_none_met();
    CHECK_INT(watchers.wanted, 6);
    cp_watchers_compared(&watchers, 5);
    look();
    check_met(bob, "bob", CP_ONLINE);
    check_none_met();
    cp_roster_set_state(roster, CP_SYNC_SYNCED);
    cp_watchers_in_step(&watchers);
    look();
    CHECK(watchers.met.first != NULL);
    end_test();
}

TEST(who_waits_for_news_wants_no_comparison)
{
    begin_test();
    cp_roster_set_state(roster, CP_SYNC_DEGRADED);
    cp_call *bob = wait_for_fresh("bob", CP_ONLINE);
    bob->comparison = 1;
    look();
    CHECK_INT(watchers.wanted, 0);
    push("bob", CP_ONLINE);
    check_met(bob, "bob", CP_ONLINE);
    end_test();
}

/* ---- changes */

TEST(a_change_meets_all_who_wait_for_it_in_their_order_and_nobody_else)
{
    begin_test();
    cp_call *first = wait_for("bob", CP_ONLINE);
    (void)wait_for("carol", CP_ONLINE);
    cp_call *second = wait_for_fresh("bob", CP_ONLINE);
    (void)wait_for_fresh("bob", CP_OFFLINE);
    look();
    check_none_met();
    push("bob", CP_ONLINE);
    check_met(first, "bob", CP_ONLINE);
    check_met(second, "bob", CP_ONLINE);
    check_none_met();
    end_test();
}

TEST(fresh_news_are_not_what_is_so_already_nor_a_duplicate)
{
    begin_test();
    push("bob", CP_ONLINE);
    cp_call *call = wait_for_fresh("bob", CP_ONLINE);
    look();
    push("bob", CP_ONLINE);
    cp_watchers_in_step(&watchers);
    look();
    check_none_met();
    push("bob", CP_OFFLINE);
    check_none_met();
    push("bob", CP_ONLINE);
    check_met(call, "bob", CP_ONLINE);
    end_test();
}

TEST(a_change_worked_out_by_a_later_comparison_is_fresh_one_of_the_first_is_not)
{
    begin_test();
    cp_roster_begin_comparison(roster, CP_ORIGIN_SNAPSHOT);
    cp_call *fresh = wait_for_fresh("bob", CP_ONLINE);
    cp_call *any = wait_for("bob", CP_ONLINE);
    look();
    list("bob", CP_ONLINE);
    check_met(any, "bob", CP_ONLINE);
    check_none_met();
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    list("bob", CP_OFFLINE);
    check_none_met();
    list("bob", CP_ONLINE);
    check_met(fresh, "bob", CP_ONLINE);
    end_test();
}

TEST(somebody_who_was_out_of_scope_for_a_while_did_not_come_again)
{
    begin_test();
    push("bob", CP_ONLINE);
    (void)wait_for_fresh("bob", CP_ONLINE);
    look();
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    cp_roster_settle(roster, cp_slice_of("bob"), NULL, CP_UNKNOWN, ++now);
    push("bob", CP_ONLINE);
    check_none_met();
    end_test();
}

TEST(of_one_that_came_and_went_before_anybody_looked_the_coming_is_not_lost)
{
    begin_test();
    cp_call *call = wait_for("bob", CP_ONLINE);
    look();
    push("bob", CP_ONLINE);
    push("bob", CP_OFFLINE);
    check_met(call, "bob", CP_ONLINE);
    end_test();
}

/* ---- many */

TEST(thousands_wait_and_each_is_found)
{
    enum { MANY = 5000 };
    static cp_call *all[MANY];
    char uid[16];

    begin_test();
    for (int i = 0; i < MANY; i++) {
        snprintf(uid, sizeof uid, "u%d", i);
        all[i] = wait_for(uid, CP_ONLINE);
    }
    CHECK(cp_watchers_look(&watchers, roster)); /* a bounded piece at a time */
    look();
    CHECK_INT(watchers.count, MANY);
    for (int i = MANY - 1; i >= 0; i--) {
        snprintf(uid, sizeof uid, "u%d", i);
        push(uid, CP_ONLINE);
        check_met(all[i], uid, CP_ONLINE);
    }
    end_test();
}

TEST(without_memory_for_more_buckets_all_are_found_in_few)
{
    enum { MANY = 300 };
    char uid[16];
    cp_call *call;

    begin_test();
    for (int i = 0; i < MANY; i++) {
        snprintf(uid, sizeof uid, "u%d", i);
        (void)wait_for(uid, CP_ONLINE);
    }
    while (watchers.arrived.first != NULL) {
        fail_allocation(1);
        (void)cp_watchers_look(&watchers, roster);
        (void)allocation_failed();
    }
    CHECK_INT(watchers.count, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(uid, sizeof uid, "u%d", i);
        push(uid, CP_ONLINE);
        call = cp_watchers_take_met(&watchers);
        CHECK(call != NULL);
        CHECK_TEXT(call->uid, uid);
        free_call(call);
    }
    end_test();
}

/* ---- out */

TEST(those_whose_deadline_passed_are_due_wherever_they_stand)
{
    begin_test();
    cp_call *early = wait_until("bob", CP_ONLINE, 10);
    look();
    cp_call *late = wait_until("bob", CP_ONLINE, 30);
    cp_call *not_looked_at = wait_until("carol", CP_ONLINE, 20);
    CHECK_INT(watchers.deadline, 10);
    CHECK(cp_watchers_take_due(&watchers, 9) == NULL);
    CHECK(cp_watchers_take_due(&watchers, 20) == not_looked_at);
    CHECK(cp_watchers_take_due(&watchers, 20) == early);
    CHECK(cp_watchers_take_due(&watchers, 20) == NULL);
    CHECK_INT(watchers.deadline, 30);
    CHECK_INT(watchers.count, 0);
    look();
    CHECK_INT(watchers.count, 1);
    free_call(early);
    free_call(not_looked_at);
    CHECK(cp_watchers_take_due(&watchers, 30) == late);
    free_call(late);
    end_test();
}

TEST(many_deadlines_are_looked_at_together_and_none_is_early)
{
    enum { WAITING = 5000 };
    cp_usec step = CP_USEC_PER_MS, at = step;
    int taken = 0, sweeps = 0;

    begin_test();
    for (int i = 0; i < WAITING; i++)
        (void)wait_until("bob", CP_ONLINE, (1 + i) * step);
    look();
    for (; taken < WAITING; sweeps++) {
        cp_call *call;

        at = watchers.deadline > at ? watchers.deadline : at;
        while ((call = cp_watchers_take_due(&watchers, at)) != NULL) {
            CHECK(call->deadline <= at);
            CHECK(at - call->deadline <= 10 * step);
            free_call(call);
            taken++;
        }
    }
    CHECK(sweeps < 1500);
    end_test();
}

TEST(one_can_be_taken_back_until_it_is_out)
{
    begin_test();
    cp_call *arrived = wait_for("bob", CP_ONLINE);
    CHECK(cp_watchers_remove(&watchers, arrived));
    CHECK(!cp_watchers_remove(&watchers, arrived));
    cp_watchers_add(&watchers, arrived);
    look();
    CHECK(cp_watchers_remove(&watchers, arrived));
    CHECK_INT(watchers.count, 0);
    CHECK(!cp_watchers_remove(&watchers, arrived));
    push("bob", CP_ONLINE);
    check_none_met();
    free_call(arrived);
    end_test();
}

TEST(all_can_be_taken_at_once_each_once)
{
    begin_test();
    push("bob", CP_ONLINE);
    (void)wait_for("bob", CP_ONLINE); /* will be met */
    (void)wait_for("carol", CP_ONLINE);
    look();
    (void)wait_for("dave", CP_ONLINE); /* is not looked at */
    for (int i = 0; i < 3; i++) {
        cp_call *call = cp_watchers_take_any(&watchers);
        CHECK(call != NULL);
        free_call(call);
    }
    CHECK(cp_watchers_take_any(&watchers) == NULL);
    end_test();
}
