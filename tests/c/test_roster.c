#include "core/roster.h"

#include "test.h"

static cp_roster *roster;
static cp_usec now;

static void begin_test_with(uint32_t max_users)
{
    roster = cp_roster_new(64, max_users, 7);
    CHECK(roster != NULL);
    now = 0;
}

static void begin_test(void)
{
    begin_test_with(1000);
}

static void end_test(void)
{
    cp_roster_free(roster);
    roster = NULL;
}

/* What the server says of a user; `name` NULL: nothing but the uid. */
static cp_presence named(const char *uid, const char *name, cp_presence_status status)
{
    bool trimmed;
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid),
                             .text[CP_USER_NAME] = cp_slice_of(name),
                             .number = {CP_ABSENT, CP_ABSENT, CP_ABSENT}};
    return (cp_presence){cp_user_new(&fields, &trimmed), status, CP_ABSENT, CP_ABSENT};
}

static cp_status live_at(const char *uid, cp_presence_status status, int64_t last_active_at)
{
    cp_presence seen = named(uid, uid, status);
    seen.last_active_at = seen.at = last_active_at;
    cp_status result = cp_roster_apply_live(roster, &seen, ++now);
    cp_presence_destroy(&seen);
    return result;
}

static cp_status live(const char *uid, cp_presence_status status)
{
    return live_at(uid, status, 1000);
}

static cp_status confirm(const char *uid, cp_presence_status status)
{
    cp_presence listed = named(uid, uid, status);
    cp_status result = cp_roster_confirm(roster, &listed, ++now);
    cp_presence_destroy(&listed);
    return result;
}

static void settle(const char *uid, cp_presence_status verdict)
{
    cp_presence answer = named(uid, uid, verdict);
    cp_roster_settle(roster, cp_slice_of(uid), &answer, verdict, ++now);
    cp_presence_destroy(&answer);
}

/* "+alice -bob (resync)": all that listeners are told now, and what found it. */
static const char *told(void)
{
    static const char *const origins[] = {"", " (snapshot)", " (resync)"};
    static char text[1024];
    cp_change change;
    size_t end = 0;
    text[0] = '\0';
    while (cp_roster_next_change(roster, &change)) {
        cp_slice uid = cp_user_text_of(change.user, CP_USER_UID);
        end += (size_t)snprintf(text + end, sizeof text - end, "%s%c%.*s%s", end ? " " : "",
                                change.status == CP_ONLINE ? '+' : '-', (int)uid.length, uid.data,
                                origins[change.origin]);
        cp_user_release(change.user);
    }
    return text;
}

/* "alice bob": everyone doubtful, asked for in steps. */
static const char *doubtful(size_t budget, size_t max)
{
    static char text[256];
    cp_user *found[8];
    text[0] = '\0';
    for (size_t cursor = 0, count; cursor != SIZE_MAX;) {
        size_t before = cursor;
        count = cp_roster_doubtful(roster, &cursor, budget, found, max);
        CHECK(count <= max);
        CHECK(cursor == SIZE_MAX || cursor - before <= budget);
        for (size_t i = 0; i < count; i++) {
            cp_slice uid = cp_user_text_of(found[i], CP_USER_UID);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", *text ? " " : "",
                     (int)uid.length, uid.data);
        }
    }
    return text;
}

static cp_presence_status status_of(const char *uid)
{
    return cp_roster_status(roster, cp_slice_of(uid));
}

static cp_roster_view view_of(const char *uid)
{
    cp_roster_view view;
    CHECK(cp_roster_find(roster, cp_slice_of(uid), &view));
    return view;
}

/* ---- live frames */

TEST(arrival_wins_and_every_transition_is_told)
{
    begin_test();
    live_at("alice", CP_ONLINE, 2000);
    live_at("alice", CP_OFFLINE, 1000); /* a clock that goes backwards mutes nobody */
    live_at("ALICE", CP_ONLINE, 1500);
    CHECK_TEXT(told(), "+alice -alice +ALICE");
    CHECK_INT(cp_roster_count(roster), 1);
    CHECK_INT(cp_roster_online(roster), 1);
    CHECK_INT(view_of("alice").last_active_at, 1500);
    end_test();
}

TEST(an_unknown_user_who_goes_offline_is_announced)
{
    begin_test();
    live("alice", CP_OFFLINE);
    CHECK_TEXT(told(), "-alice");
    CHECK_INT(cp_roster_online(roster), 0);
    end_test();
}

TEST(a_frame_without_a_change_counts_as_a_duplicate_and_updates_what_is_known)
{
    begin_test();
    live_at("alice", CP_ONLINE, 1000);
    live_at("alice", CP_ONLINE, 2000);
    CHECK_INT(view_of("alice").last_active_at, 2000);
    live_at("alice", CP_ONLINE, CP_ABSENT);
    CHECK_INT(view_of("alice").last_active_at, 2000);
    CHECK_TEXT(told(), "+alice");
    CHECK_INT(cp_roster_counts_of(roster).duplicates, 2);
    CHECK_INT(cp_roster_queued(roster), 1);
    end_test();
}

TEST(a_change_without_a_time_has_none)
{
    begin_test();
    live_at("alice", CP_ONLINE, 1000);
    live_at("alice", CP_OFFLINE, CP_ABSENT);
    cp_change change;
    CHECK(cp_roster_next_change(roster, &change));
    cp_user_release(change.user);
    CHECK(cp_roster_next_change(roster, &change));
    CHECK(change.last_active_at == CP_ABSENT);
    CHECK(change.at == CP_ABSENT);
    cp_user_release(change.user);
    CHECK(view_of("alice").last_active_at == CP_ABSENT);
    end_test();
}

TEST(an_equal_profile_keeps_the_old_object_and_a_bare_uid_the_fuller_one)
{
    begin_test();
    cp_presence first = named("alice", "Alice", CP_ONLINE),
                same = named("alice", "Alice", CP_ONLINE);
    cp_presence bare = named("alice", NULL, CP_OFFLINE), other = named("alice", "Al", CP_ONLINE);
    cp_roster_apply_live(roster, &first, ++now);
    cp_roster_apply_live(roster, &same, ++now);
    cp_roster_apply_live(roster, &bare, ++now);
    CHECK(view_of("alice").user == first.user);
    cp_roster_apply_live(roster, &other, ++now);
    CHECK(view_of("alice").user == other.user);
    cp_presence_destroy(&first);
    cp_presence_destroy(&same);
    cp_presence_destroy(&bare);
    cp_presence_destroy(&other);
    CHECK_TEXT(told(), "+alice -alice +alice");
    end_test();
}

TEST(a_fuller_profile_replaces_a_bare_uid)
{
    begin_test();
    cp_presence bare = named("alice", NULL, CP_ONLINE), full = named("alice", "Alice", CP_ONLINE);
    cp_roster_apply_live(roster, &bare, ++now);
    CHECK(view_of("alice").user == bare.user);
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    cp_roster_apply_live(roster, &bare, ++now);
    cp_roster_confirm(roster, &full, ++now); /* touched, so only the profile counts */
    CHECK(view_of("alice").user == full.user);
    cp_presence_destroy(&bare);
    cp_presence_destroy(&full);
    end_test();
}

TEST(users_beyond_the_limit_are_refused_and_counted_and_known_ones_live_on)
{
    begin_test_with(2);
    CHECK_INT(live("alice", CP_ONLINE), CP_OK);
    CHECK_INT(confirm("bob", CP_ONLINE), CP_OK);
    CHECK_INT(live("carol", CP_ONLINE), CP_ERR_TOO_LARGE);
    CHECK_INT(confirm("dave", CP_ONLINE), CP_ERR_TOO_LARGE);
    settle("erin", CP_ONLINE);
    CHECK_INT(live("alice", CP_OFFLINE), CP_OK);
    CHECK_INT(cp_roster_count(roster), 2);
    CHECK_INT(cp_roster_counts_of(roster).untracked, 2);
    CHECK_TEXT(told(), "+alice +bob -alice");
    end_test();
}

TEST(trimmed_profiles_are_counted)
{
    begin_test();
    cp_roster_count_trimmed(roster);
    CHECK_INT(cp_roster_counts_of(roster).trimmed, 1);
    end_test();
}

/* ---- comparisons */

TEST(a_snapshot_announces_who_is_online_and_is_silent_about_who_is_not)
{
    begin_test();
    cp_roster_begin_comparison(roster, CP_ORIGIN_SNAPSHOT);
    confirm("alice", CP_ONLINE);
    confirm("bob", CP_OFFLINE);
    CHECK_TEXT(told(), "+alice (snapshot)");
    CHECK_INT(view_of("bob").status, CP_OFFLINE);
    CHECK_INT(cp_roster_counts_of(roster).coalesced, 0);

    live("bob", CP_OFFLINE); /* known, so it changes nothing */
    CHECK_TEXT(told(), "");
    live("bob", CP_ONLINE);
    CHECK_TEXT(told(), "+bob");
    end_test();
}

TEST(who_came_and_went_unnoticed_is_told_with_the_origin_of_the_resync)
{
    begin_test();
    live("alice", CP_ONLINE);
    live("bob", CP_ONLINE);
    live("carol", CP_OFFLINE);
    told();
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    confirm("alice", CP_ONLINE);
    confirm("carol", CP_ONLINE);
    CHECK_TEXT(doubtful(100, 8), "bob");
    settle("bob", CP_OFFLINE);
    CHECK_TEXT(doubtful(100, 8), "");
    CHECK_TEXT(told(), "+carol (resync) -bob (resync)");
    end_test();
}

TEST(a_comparison_never_overrules_a_live_frame_that_came_meanwhile)
{
    begin_test();
    live("alice", CP_ONLINE);
    live("bob", CP_ONLINE);
    told();
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    live("alice", CP_OFFLINE);
    live("bob", CP_ONLINE); /* no change, but heard of */
    live("carol", CP_OFFLINE);
    confirm("alice", CP_ONLINE); /* listed before it went */
    confirm("carol", CP_ONLINE);
    CHECK_TEXT(doubtful(100, 8), "");
    settle("bob", CP_OFFLINE);
    CHECK_TEXT(told(), "-alice -carol");
    CHECK_INT(view_of("bob").status, CP_ONLINE);

    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC); /* of the next one it counts */
    confirm("alice", CP_ONLINE);
    CHECK_TEXT(doubtful(100, 8), "bob");
    CHECK_TEXT(told(), "+alice (resync)");
    end_test();
}

TEST(one_listed_by_two_passes_is_confirmed_once)
{
    begin_test();
    cp_roster_begin_comparison(roster, CP_ORIGIN_SNAPSHOT);
    confirm("alice", CP_ONLINE);
    confirm("ALICE", CP_ONLINE);
    CHECK_INT(cp_roster_count(roster), 1);
    CHECK_INT(cp_roster_online(roster), 1);
    CHECK_TEXT(told(), "+alice (snapshot)");
    end_test();
}

TEST(the_doubtful_are_found_in_steps_of_any_size)
{
    begin_test();
    static const char *const uids[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (int i = 0; i < 7; i++)
        live(uids[i], i == 4 ? CP_OFFLINE : CP_ONLINE);
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    confirm("c", CP_ONLINE);
    for (size_t budget = 1; budget < 9; budget++)
        for (size_t max = 1; max < 8; max++)
            CHECK_TEXT(doubtful(budget, max), "a b d f g");
    end_test();
}

TEST(a_search_for_the_doubtful_ends_and_stays_ended)
{
    begin_test();
    cp_user *found[2];
    size_t cursor = 0;
    CHECK_INT(cp_roster_doubtful(roster, &cursor, 10, found, 2), 0);
    CHECK(cursor == SIZE_MAX);
    live("alice", CP_ONLINE);
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    CHECK_INT(cp_roster_doubtful(roster, &cursor, 10, found, 2), 0);
    CHECK(cursor == SIZE_MAX);
    cursor = 0;
    CHECK_INT(cp_roster_doubtful(roster, &cursor, 0, found, 2), 0);
    CHECK_INT(cp_roster_doubtful(roster, &cursor, 10, found, 0), 0);
    CHECK_INT(cursor, 0);
    CHECK_INT(cp_roster_doubtful(roster, &cursor, 10, found, 1), 1);
    CHECK(cursor == SIZE_MAX);
    end_test();
}

TEST(one_out_of_scope_becomes_unknown_silently_and_later_news_still_alternate)
{
    begin_test();
    live("alice", CP_ONLINE);
    CHECK_TEXT(told(), "+alice");
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    settle("alice", CP_UNKNOWN);
    CHECK_TEXT(told(), "");
    CHECK_INT(cp_roster_online(roster), 0);
    CHECK_INT(view_of("alice").status, CP_UNKNOWN);
    live("alice", CP_ONLINE); /* as listeners know already */
    CHECK_TEXT(told(), "");
    CHECK_INT(cp_roster_counts_of(roster).coalesced, 1);

    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    settle("alice", CP_UNKNOWN);
    live("alice", CP_OFFLINE);
    CHECK_TEXT(told(), "-alice");
    end_test();
}

TEST(a_verdict_on_somebody_unknown_is_ignored)
{
    begin_test();
    settle("nobody", CP_OFFLINE);
    CHECK_INT(cp_roster_count(roster), 0);
    end_test();
}

TEST(a_user_the_server_no_longer_has_goes_offline_and_keeps_what_is_known)
{
    begin_test();
    live_at("alice", CP_ONLINE, 1234);
    told();
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    cp_roster_settle(roster, cp_slice_of("alice"), NULL, CP_OFFLINE, ++now);
    CHECK_TEXT(told(), "-alice (resync)");
    CHECK_INT(view_of("alice").last_active_at, 1234);
    end_test();
}

/* ---- the tri-state */

TEST(what_is_not_synced_is_last_known)
{
    begin_test();
    cp_roster_set_complete(roster, true);
    static const cp_sync_state states[] = {CP_SYNC_AWAITING, CP_SYNC_STALE, CP_SYNC_CLOSED};
    cp_roster_begin_generation(roster);
    live("on", CP_ONLINE);
    live("off", CP_OFFLINE);
    cp_roster_begin_generation(roster); /* nobody confirmed in this one */
    for (int i = 0; i < 3; i++) {
        cp_roster_set_state(roster, states[i]);
        CHECK_INT(cp_roster_state(roster), states[i]);
        CHECK_INT(status_of("on"), CP_ONLINE);
        CHECK_INT(status_of("off"), CP_OFFLINE);
        CHECK_INT(status_of("nobody"), CP_UNKNOWN);
    }
    end_test();
}

typedef struct known {
    cp_sync_state state;
    bool complete;
    cp_presence_status confirmed, stale, absent;
} known;

TEST(in_step_with_the_server_only_what_this_connection_confirmed_counts)
{
    static const known table[] = {
        {CP_SYNC_SYNCED, true, CP_ONLINE, CP_OFFLINE, CP_OFFLINE},
        {CP_SYNC_SYNCED, false, CP_ONLINE, CP_UNKNOWN, CP_UNKNOWN},
        {CP_SYNC_DEGRADED, true, CP_ONLINE, CP_UNKNOWN, CP_UNKNOWN},
        {CP_SYNC_DEGRADED, false, CP_ONLINE, CP_UNKNOWN, CP_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        begin_test();
        cp_roster_begin_generation(roster);
        CHECK_INT(cp_roster_state(roster), CP_SYNC_STALE);
        live("stale", CP_OFFLINE);
        live("live", CP_OFFLINE);
        live("listed", CP_ONLINE);
        cp_roster_begin_generation(roster);
        CHECK_INT(cp_roster_generation(roster), 2);
        cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
        live("live", CP_ONLINE);
        confirm("listed", CP_ONLINE);
        cp_roster_set_complete(roster, table[i].complete);
        cp_roster_set_state(roster, table[i].state);
        CHECK_INT(status_of("live"), table[i].confirmed);
        CHECK_INT(status_of("LISTED"), table[i].confirmed);
        CHECK_INT(status_of("stale"), table[i].stale);
        CHECK_INT(status_of("nobody"), table[i].absent);
        end_test();
    }
}

/* ---- looking and walking */

TEST(finding_nobody_gives_an_empty_view)
{
    begin_test();
    cp_roster_view view;
    CHECK(!cp_roster_find(roster, cp_slice_of("nobody"), &view));
    CHECK(view.user == NULL);
    CHECK_INT(view.status, CP_UNKNOWN);
    end_test();
}

static size_t walk(bool online_only, size_t step)
{
    cp_presence copies[8];
    size_t cursor = 0, total = 0;
    for (size_t count; (count = cp_roster_copy(roster, &cursor, online_only, copies, step)) > 0;) {
        for (size_t i = 0; i < count; i++) {
            CHECK(!online_only || copies[i].status == CP_ONLINE);
            cp_presence_destroy(&copies[i]);
        }
        total += count;
    }
    return total;
}

TEST(a_walk_copies_everyone_once_or_those_online)
{
    begin_test();
    char uid[24];
    CHECK_INT(walk(false, 3), 0);
    for (int i = 0; i < 100; i++) {
        snprintf(uid, sizeof uid, "user-%d", i);
        live(uid, i % 3 ? CP_OFFLINE : CP_ONLINE);
    }
    for (size_t step = 1; step <= 8; step++) {
        CHECK_INT(walk(false, step), 100);
        CHECK_INT(walk(true, step), 34);
    }
    CHECK_INT(cp_roster_online(roster), 34);
    end_test();
}

/* ---- without memory */

TEST(a_failed_allocation_leaves_the_roster_as_it_was_and_the_next_frame_counts)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        fail_allocation(n);
        roster = cp_roster_new(4, 10, 1);
        failed = allocation_failed();
        CHECK_INT(roster != NULL, !failed);
    }
    cp_presence alice = named("alice", "Alice", CP_ONLINE);
    unsigned failures = 0;
    for (unsigned n = 1, failed = 1; failed; n++) {
        fail_allocation(n);
        cp_status status = cp_roster_apply_live(roster, &alice, ++now);
        failed = allocation_failed();
        failures += failed;
        CHECK_INT(status, cp_roster_count(roster) ? CP_OK : CP_ERR_NOMEM);
        CHECK_INT(cp_roster_online(roster), cp_roster_count(roster));
    }
    CHECK_INT(failures, 2); /* of the entries and of their table */
    cp_presence_destroy(&alice);
    CHECK_TEXT(told(), "+alice");
    end_test();
}
