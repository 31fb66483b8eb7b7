#include "core/feed.h"

#include "test.h"

/* Through the roster, which owns the truth: changes go in, a transcript comes out. */

static cp_roster *roster;
static cp_feed *feed;
static cp_usec now;

static void begin_test(uint32_t size, cp_overflow overflow)
{
    roster = cp_roster_new(4, 100000, 1);
    CHECK(roster != NULL);
    cp_roster_begin_generation(roster);
    feed = cp_roster_open_feed(roster, size, overflow, false);
    CHECK(feed != NULL);
    now = 0;
}

static void end_test(void)
{
    cp_roster_close_feed(roster, feed);
    cp_feed_free(feed);
    cp_roster_free(roster);
}

static cp_presence presence(const char *uid, cp_presence_status status)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid),
                             .text[CP_USER_NAME] = cp_slice_of(uid)};
    return (cp_presence){cp_user_new(&fields, &(bool){false}), status, 1000 + now, 2000 + now};
}

static cp_status live(const char *uid, cp_presence_status status)
{
    cp_presence seen = presence(uid, status);
    cp_status applied = cp_roster_apply_live(roster, &seen, ++now);
    cp_presence_destroy(&seen);
    return applied;
}

/* "+a -b": a came, b went; of users with uids of one letter. */
static void all_live(const char *script)
{
    for (; *script; script++)
        if (*script != ' ') {
            char uid[] = {script[1], '\0'};
            CHECK_INT(live(uid, *script++ == '+' ? CP_ONLINE : CP_OFFLINE), CP_OK);
        }
}

static char status_sign(cp_presence_status status)
{
    return status == CP_ONLINE ? '+' : status == CP_OFFLINE ? '-' : '?';
}

/* What comes out, numbered: "1 ?+a", and "1 ?+a/2" when two older ones are folded in. */
static const char *fed(unsigned most)
{
    static char text[1024];
    cp_change change;
    size_t end = 0;

    text[0] = '\0';
    for (; most > 0 && cp_feed_take(feed, &change, 1) == 1; most--) {
        cp_slice uid = cp_user_text_of(change.user, CP_USER_UID);
        end += (size_t)snprintf(text + end, sizeof text - end, "%s%u %c%c%.*s", end ? ", " : "",
                                (unsigned)change.seq, status_sign(change.previous),
                                status_sign(change.status), (int)uid.length, uid.data);
        if (change.coalesced)
            end += (size_t)snprintf(text + end, sizeof text - end, "/%u", change.coalesced);
        cp_user_release(change.user);
    }
    return text;
}

#define ALL 1000

TEST(a_feed_tells_what_changes_from_now_on_in_its_own_numbers)
{
    roster = cp_roster_new(4, 100, 1);
    all_live("+a +b");
    feed = cp_roster_open_feed(roster, 16, CP_OVERFLOW_COALESCE, false);
    CHECK(!cp_feed_has_changes(feed));
    all_live("-a -a +c +a");
    CHECK(cp_feed_has_changes(feed));
    CHECK_TEXT(fed(ALL), "1 +-a, 2 ?+c, 3 -+a");
    CHECK(!cp_feed_has_changes(feed));
    CHECK_TEXT(fed(ALL), "");
    all_live("-b");
    CHECK_TEXT(fed(ALL), "4 +-b");
    CHECK_INT(cp_feed_counts_of(feed).events, 4);
    end_test();
}

TEST(a_feed_does_not_wait_for_listeners_nor_they_for_it)
{
    begin_test(16, CP_OVERFLOW_COALESCE);
    all_live("+a -a +a -a +a -a"); /* more than the listeners' queue holds */
    CHECK_TEXT(fed(ALL), "1 ?+a, 2 +-a, 3 -+a, 4 +-a, 5 -+a, 6 +-a");
    cp_change change;
    CHECK(cp_roster_next_change(roster, &change));
    CHECK_INT(change.seq, 1);
    cp_user_release(change.user);
    end_test();
}

TEST(every_feed_gets_everything_and_one_can_end_by_itself)
{
    begin_test(16, CP_OVERFLOW_COALESCE);
    cp_feed *first = feed;
    cp_feed *second = cp_roster_open_feed(roster, 16, CP_OVERFLOW_ERROR, false);
    cp_feed *third = cp_roster_open_feed(roster, 1, CP_OVERFLOW_DROP_OLDEST, false);
    all_live("+a");
    feed = second;
    CHECK_TEXT(fed(ALL), "1 ?+a");
    cp_roster_close_feed(roster, second);
    all_live("-a");
    CHECK_TEXT(fed(ALL), "");
    cp_feed_free(second);
    feed = third;
    CHECK_TEXT(fed(ALL), "1 ?-a");
    cp_roster_close_feed(roster, third);
    cp_feed_free(third);
    feed = first;
    CHECK_TEXT(fed(ALL), "1 ?+a, 2 +-a");
    end_test();
}

TEST(what_came_by_a_comparison_says_so)
{
    cp_presence listed = presence("a", CP_ONLINE);
    cp_change change;

    begin_test(16, CP_OVERFLOW_COALESCE);
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    CHECK_INT(cp_roster_confirm(roster, &listed, 77), CP_OK);
    CHECK_INT(cp_feed_take(feed, &change, 1), 1);
    CHECK_INT(change.origin, CP_ORIGIN_RESYNC);
    CHECK_INT(change.received_at, 77);
    CHECK_INT(change.last_active_at, listed.last_active_at);
    CHECK_INT(change.at, listed.at);
    CHECK_INT(change.generation, 1);
    cp_user_release(change.user);
    cp_presence_destroy(&listed);
    end_test();
}

TEST(a_full_feed_that_coalesces_keeps_the_final_state_of_everybody)
{
    begin_test(2, CP_OVERFLOW_COALESCE);
    all_live("+a +b +c -a +d -c +a -b -a");
    CHECK_TEXT(fed(1), "1 ?+a");
    all_live("+c");
    CHECK_TEXT(fed(ALL), "2 ?+b, 3 ?+c/2, 4 ?+d, 5 +-b, 6 +-a/2");
    CHECK_INT(cp_feed_counts_of(feed).coalesced, 4);
    CHECK_INT(cp_feed_counts_of(feed).dropped, 0);
    all_live("+a");
    CHECK_TEXT(fed(ALL), "7 -+a");
    end_test();
}

TEST(a_full_feed_can_drop_the_oldest_and_still_alternates)
{
    begin_test(2, CP_OVERFLOW_DROP_OLDEST);
    all_live("+a");
    CHECK_TEXT(fed(ALL), "1 ?+a");
    all_live("-a +b +a"); /* a never went, as far as was told */
    CHECK_TEXT(fed(ALL), "2 ?+b");
    CHECK_INT(cp_feed_counts_of(feed).dropped, 2);
    all_live("-a");
    CHECK_TEXT(fed(ALL), "3 +-a");
    all_live("+c +d +e");
    CHECK_TEXT(fed(ALL), "4 ?+d, 5 ?+e");
    CHECK_INT(cp_feed_counts_of(feed).dropped, 3);
    CHECK_INT(cp_feed_counts_of(feed).coalesced, 0);
    end_test();
}

TEST(a_full_feed_can_end_there)
{
    begin_test(2, CP_OVERFLOW_ERROR);
    all_live("+a +b");
    CHECK(!cp_feed_has_overflowed(feed));
    all_live("+c");
    CHECK(cp_feed_has_overflowed(feed));
    CHECK_TEXT(fed(ALL), "1 ?+a, 2 ?+b");
    all_live("+d"); /* there is room again, and it is over all the same */
    CHECK(!cp_feed_has_changes(feed));
    CHECK_INT(cp_feed_counts_of(feed).dropped, 2);
    end_test();
}

/* ---- beginning with who is online */

static void begin_snapshot(const char *script, uint32_t size, cp_overflow overflow)
{
    roster = cp_roster_new(4, 100000, 1);
    cp_roster_begin_generation(roster);
    now = 0;
    all_live(script);
    feed = cp_roster_open_feed(roster, size, overflow, true);
    CHECK(feed != NULL);
}

TEST(a_snapshot_is_told_first_and_changes_after_it)
{
    cp_change change;

    begin_snapshot("+a -b +c +d -d", 16, CP_OVERFLOW_COALESCE);
    CHECK(cp_feed_has_changes(feed));
    CHECK_INT(cp_feed_take(feed, &change, 1), 1);
    CHECK_INT(change.origin, CP_ORIGIN_SNAPSHOT);
    CHECK_INT(change.received_at, 1);
    CHECK_INT(change.at, 2000);
    CHECK_INT(change.last_active_at, 1000);
    CHECK_INT(change.generation, 1);
    cp_user_release(change.user);
    all_live("-a +b");
    CHECK_TEXT(fed(ALL), "2 ?+c, 3 +-a, 4 -+b");
    CHECK(!cp_feed_has_changes(feed));
    CHECK_INT(cp_feed_counts_of(feed).events, 4);
    end_test();
}

TEST(who_changes_ahead_of_the_walk_is_told_by_that_change_alone)
{
    begin_snapshot("+a +b +c", 16, CP_OVERFLOW_COALESCE);
    CHECK_TEXT(fed(1), "1 ?+a");
    all_live("-b -c +c +d"); /* d was not there when it began */
    CHECK_TEXT(fed(ALL), "2 ?-b, 3 ?-c, 4 -+c, 5 ?+d");
    end_test();
}

TEST(who_goes_and_comes_back_ahead_of_the_walk_is_not_folded_away)
{
    begin_snapshot("+a +b", 1, CP_OVERFLOW_COALESCE);
    all_live("-a +a -b +b"); /* b's two wait, and neither is left: but b is online */
    CHECK_TEXT(fed(ALL), "1 ?-a, 2 -+a, 3 ?+b/1");
    end_test();
}

TEST(a_walk_past_many_who_are_offline_has_its_bounds)
{
    cp_change change;
    char uid[16];

    roster = cp_roster_new(4, 100000, 1);
    for (int i = 0; i < 1000; i++) {
        snprintf(uid, sizeof uid, "user%d", i);
        CHECK_INT(live(uid, i == 999 ? CP_ONLINE : CP_OFFLINE), CP_OK);
    }
    feed = cp_roster_open_feed(roster, 4, CP_OVERFLOW_COALESCE, true);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(cp_feed_take(feed, &change, 1), 0);
        CHECK(cp_feed_has_changes(feed));
    }
    CHECK_TEXT(fed(1), "1 ?+user999");
    CHECK(!cp_feed_has_changes(feed));
    end_test();
}

TEST(an_overflow_ends_the_walk_too)
{
    begin_snapshot("+a +b", 1, CP_OVERFLOW_ERROR);
    CHECK_TEXT(fed(1), "1 ?+a");
    all_live("-a +a");
    CHECK(cp_feed_has_overflowed(feed));
    CHECK_TEXT(fed(ALL), "2 +-a");
    CHECK(!cp_feed_has_changes(feed));
    end_test();
}

TEST(whom_a_comparison_loses_sight_of_stays_as_he_was_told)
{
    begin_snapshot("+a +b", 16, CP_OVERFLOW_COALESCE);
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    cp_roster_settle(roster, cp_slice_of("a"), NULL, CP_UNKNOWN, 3);
    CHECK_TEXT(fed(ALL), "1 ?+a, 2 ?+b"); /* as a listener was told, who hears no more */
    all_live("+a -a");
    CHECK_TEXT(fed(ALL), "3 +-a");
    end_test();
}

static unsigned draw(unsigned below)
{
    static uint32_t state = 7;

    state = state * 1664525u + 1013904223u;
    return (state >> 16) % below;
}

/* Who follows what is told has, at the end, the roster's own picture. */
static void follow(cp_presence_status *picture, size_t most)
{
    cp_change changes[8];
    size_t taken = cp_feed_take(feed, changes, most);

    for (size_t i = 0; i < taken; i++) {
        cp_presence_status *told =
            &picture[cp_user_text_of(changes[i].user, CP_USER_UID).data[0] - 'a'];
        CHECK(*told == CP_UNKNOWN || *told == changes[i].previous);
        CHECK(*told != changes[i].status);
        *told = changes[i].status;
        cp_user_release(changes[i].user);
    }
}

TEST(whatever_happens_during_the_walk_the_picture_is_exact_in_the_end)
{
    for (int round = 0; round < 3000; round++) {
        cp_presence_status picture[26] = {CP_UNKNOWN};

        roster = cp_roster_new(4, 100, 1);
        for (unsigned i = draw(30); i > 0; i--)
            (void)live((char[]){(char)('a' + draw(26)), '\0'}, draw(2) ? CP_ONLINE : CP_OFFLINE);
        feed = cp_roster_open_feed(roster, 1 + draw(4), CP_OVERFLOW_COALESCE, true);
        for (unsigned i = draw(60); i > 0; i--) {
            if (draw(3) == 0)
                follow(picture, 1 + draw(2));
            else
                (void)live((char[]){(char)('a' + draw(26)), '\0'},
                           draw(2) ? CP_ONLINE : CP_OFFLINE);
        }
        while (cp_feed_has_changes(feed))
            follow(picture, 8);
        for (char uid[] = "a"; uid[0] <= 'z'; uid[0]++) {
            cp_roster_view view;
            bool is_online =
                cp_roster_find(roster, cp_slice_of(uid), &view) && view.status == CP_ONLINE;
            CHECK_INT(picture[uid[0] - 'a'] == CP_ONLINE, is_online);
        }
        end_test();
    }
}

TEST(what_is_never_taken_is_freed)
{
    begin_test(2, CP_OVERFLOW_COALESCE);
    all_live("+a +b +c -a");
    end_test();
}

TEST(when_any_allocation_fails_no_final_state_is_lost_uncounted)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        roster = cp_roster_new(4, 100, 1);
        all_live("+z +y");
        cp_presence gone = presence("z", CP_OFFLINE), here = presence("a", CP_ONLINE);
        fail_allocation(n);
        feed = cp_roster_open_feed(roster, 64, CP_OVERFLOW_COALESCE, true);
        if (feed == NULL)
            feed = cp_roster_open_feed(roster, 64, CP_OVERFLOW_COALESCE, true);
        (void)cp_roster_apply_live(roster, &gone, 1); /* CP_ERR_NOMEM: the roster's own */
        (void)cp_roster_apply_live(roster, &here, 2);
        failed = allocation_failed();
        cp_presence_destroy(&gone);
        cp_presence_destroy(&here);
        unsigned there = cp_roster_count(roster) == 3 ? 3 : 2;
        unsigned told = 0;
        cp_change change;
        while (cp_feed_take(feed, &change, 1) == 1) {
            told++;
            cp_user_release(change.user);
        }
        CHECK_INT(told + cp_feed_counts_of(feed).dropped, there);
        CHECK(failed || told == 3);
        end_test();
    }
}
