#include "core/roster_queue.h"

#include "test.h"

/* Through the roster, which owns the queue: changes go in, a transcript comes out. */

static cp_roster *roster;
static cp_usec now;

static void begin_test(uint32_t queue_size)
{
    roster = cp_roster_new(queue_size, 100000, 1);
    CHECK(roster != NULL);
    now = 0;
}

static void end_test(void)
{
    cp_roster_free(roster);
    roster = NULL;
}

static cp_presence presence(const char *uid, cp_presence_status status)
{
    bool trimmed;
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid),
                             .text[CP_USER_NAME] = cp_slice_of(uid)};
    return (cp_presence){cp_user_new(&fields, &trimmed), status, 1000 + now, 2000 + now};
}

static void live(const char *uid, cp_presence_status status)
{
    cp_presence seen = presence(uid, status);
    CHECK_INT(cp_roster_apply_live(roster, &seen, ++now), CP_OK);
    cp_presence_destroy(&seen);
}

/* "+a -b": a came, b went; of users with uids of one letter. */
static void all_live(const char *script)
{
    for (; *script; script++)
        if (*script != ' ') {
            char uid[] = {script[1], '\0'};
            live(uid, *script++ == '+' ? CP_ONLINE : CP_OFFLINE);
        }
}

/* Takes up to `most`: "+a", and "+a/2" when two older ones are folded into it. */
static const char *told(unsigned most)
{
    static char text[1024];
    cp_change change;
    size_t end = 0;
    text[0] = '\0';
    for (; most > 0 && cp_roster_next_change(roster, &change); most--) {
        cp_slice uid = cp_user_text_of(change.user, CP_USER_UID);
        end += (size_t)snprintf(text + end, sizeof text - end, "%s%c%.*s", end ? " " : "",
                                change.status == CP_ONLINE ? '+' : '-', (int)uid.length, uid.data);
        if (change.coalesced)
            end += (size_t)snprintf(text + end, sizeof text - end, "/%u", change.coalesced);
        cp_user_release(change.user);
    }
    return text;
}

static void check_counts(uint64_t events, uint64_t coalesced, uint64_t queued, uint64_t popped)
{
    cp_roster_counts counts = cp_roster_counts_of(roster);
    CHECK_INT(counts.events, events);
    CHECK_INT(counts.coalesced, coalesced);
    CHECK_INT(cp_roster_queued(roster), queued);
    CHECK_INT(cp_roster_popped(roster), popped);
}

TEST(while_the_ring_has_room_every_transition_is_told_in_order)
{
    begin_test(8);
    all_live("+a +b -a +a -b +c");
    check_counts(0, 0, 6, 0);
    CHECK_TEXT(told(2), "+a +b");
    check_counts(2, 0, 6, 2);
    CHECK_TEXT(told(99), "-a +a -b +c");
    check_counts(6, 0, 6, 6);
    CHECK(!cp_roster_has_changes(roster));
    CHECK_TEXT(told(99), "");
    end_test();
}

TEST(when_it_is_full_changes_fold_into_one_per_user)
{
    begin_test(2);
    all_live("+a +b   -a +a -a   +c -b");
    check_counts(0, 2, 6, 0); /* a waited, came back, and waits again, then c and b */
    CHECK_TEXT(told(99), "+a +b -a/2 +c -b");
    check_counts(5, 2, 6, 6);
    end_test();
}

TEST(what_folds_to_nothing_is_not_told_and_holds_nothing_up)
{
    begin_test(2);
    all_live("+a +b   -a +a   +c -c");
    CHECK_TEXT(told(1), "+a");
    CHECK_TEXT(told(99), "+b -c/1"); /* nobody was told that c came, the server said it went */
    CHECK(!cp_roster_has_changes(roster));
    check_counts(3, 3, 4, 4);
    all_live("-a");
    CHECK_TEXT(told(99), "-a/2"); /* the two that were taken back, since +a */
    end_test();
}

TEST(once_somebody_waits_everybody_does_until_nobody_does)
{
    begin_test(2);
    all_live("+a +b +c");
    CHECK_TEXT(told(1), "+a");
    all_live("+d -a"); /* there is room in the ring, but c and d came first */
    CHECK_TEXT(told(2), "+b +c");
    all_live("+a"); /* as a was told */
    CHECK_TEXT(told(99), "+d");
    all_live("-a +a -a"); /* the ring has room for two, then a waits */
    CHECK_TEXT(told(99), "-a/2 +a -a");
    check_counts(7, 2, 8, 8);
    end_test();
}

TEST(a_queue_without_a_ring_still_tells_the_latest)
{
    begin_test(0);
    all_live("+a +b -a +a");
    CHECK_TEXT(told(99), "+a/2 +b");
    CHECK_INT(cp_roster_counts_of(roster).high_water, 0);
    end_test();
}

TEST(popped_never_passes_the_place_of_a_change_that_is_still_to_be_told)
{
    begin_test(1);
    all_live("+a +b +c +d"); /* a in the ring; b, c, d wait at places 2, 3, 4 */
    uint64_t after = cp_roster_queued(roster);
    all_live("+e -c"); /* c is to be told as gone */
    cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
    cp_roster_settle(roster, cp_slice_of("d"), NULL, CP_UNKNOWN, now); /* d leaves the queue */
    CHECK_INT(cp_roster_popped(roster), 0);
    CHECK_TEXT(told(1), "+a");
    CHECK_INT(cp_roster_popped(roster), 1);
    CHECK_TEXT(told(1), "+b");
    CHECK_INT(cp_roster_popped(roster), 2);
    CHECK(cp_roster_popped(roster) < after);
    CHECK_TEXT(told(1), "-c/1");
    CHECK_INT(cp_roster_popped(roster), 4); /* d's place is behind us too */
    CHECK_TEXT(told(1), "+e");
    CHECK_INT(cp_roster_popped(roster), cp_roster_queued(roster));
    end_test();
}

TEST(a_change_from_the_ring_says_how_things_were_and_a_folded_one_how_they_are)
{
    cp_change change;
    begin_test(1);
    cp_roster_begin_generation(roster);
    live("a", CP_ONLINE);  /* at 1 */
    live("a", CP_OFFLINE); /* waits */
    live("a", CP_ONLINE);
    live("a", CP_OFFLINE); /* at 4 */
    CHECK(cp_roster_next_change(roster, &change));
    CHECK_INT(change.seq, 1);
    CHECK_INT(change.status, CP_ONLINE);
    CHECK_INT(change.previous, CP_UNKNOWN);
    CHECK_INT(change.last_active_at, 1000);
    CHECK_INT(change.at, 2000);
    CHECK_INT(change.received_at, 1);
    CHECK_INT(change.generation, 1);
    CHECK_INT(change.origin, CP_ORIGIN_LIVE);
    cp_user_release(change.user);
    CHECK(cp_roster_next_change(roster, &change));
    CHECK_INT(change.seq, 2);
    CHECK_INT(change.status, CP_OFFLINE);
    CHECK_INT(change.previous, CP_ONLINE);
    CHECK_INT(change.coalesced, 2);
    CHECK_INT(change.last_active_at, 1003);
    CHECK_INT(change.at, 2003);
    CHECK_INT(change.received_at, 4);
    cp_user_release(change.user);
    CHECK(!cp_roster_next_change(roster, &change));
    CHECK(change.user == NULL);
    end_test();
}

TEST(memory_is_bounded_by_users_behind_a_listener_that_is_stuck)
{
    begin_test(64);
    for (int round = 0; round < 1000; round++)
        all_live("+a +b +c -a -b -c");
    CHECK_INT(cp_roster_counts_of(roster).high_water, 64);
    unsigned changes = 0;
    for (cp_change change; cp_roster_next_change(roster, &change); changes++)
        cp_user_release(change.user);
    CHECK(changes <= 64 + 3);
    CHECK_INT(cp_roster_counts_of(roster).events + cp_roster_counts_of(roster).coalesced, 6000);
    end_test();
}

TEST(without_memory_for_the_ring_changes_wait_and_none_is_lost)
{
    begin_test(4096);
    live("a", CP_ONLINE);
    CHECK_TEXT(told(9), "+a");
    unsigned failures = 0;
    for (int i = 0; i < 100; i++) {
        cp_presence seen = presence("a", i % 2 ? CP_ONLINE : CP_OFFLINE);
        fail_allocation(1);
        CHECK_INT(cp_roster_apply_live(roster, &seen, ++now), CP_OK);
        failures += allocation_failed();
        cp_presence_destroy(&seen);
    }
    CHECK_INT(failures, 42);
    check_counts(1, 84, 1 + 16 + 42, 1); /* 16 in the ring; the rest folds to nothing */
    char expected[64] = "";
    for (int i = 0; i < 16; i++)
        strcat(expected, i == 0 ? "-a" : i % 2 ? " +a" : " -a");
    CHECK_TEXT(told(99), expected);
    end_test();
}

TEST(a_ring_that_has_turned_keeps_its_order_when_it_grows)
{
    begin_test(4096);
    char expected[256] = "";
    for (int i = 0; i < 40; i++) {
        char uid[] = {(char)('!' + i), '\0'};
        live(uid, CP_ONLINE);
        if (i == 15)
            CHECK_TEXT(told(7), "+! +\" +# +$ +% +& +'");
        if (i > 6)
            snprintf(expected + strlen(expected), 8, "%s+%s", *expected ? " " : "", uid);
    }
    CHECK_TEXT(told(99), expected);
    end_test();
}

TEST(a_large_ring_is_given_back_and_works_again)
{
    begin_test(4096);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++)
            live("a", i % 2 ? CP_OFFLINE : CP_ONLINE);
        for (int i = 0; i < 2000; i++)
            CHECK_TEXT(told(1), i % 2 ? "-a" : "+a");
    }
    CHECK_INT(cp_roster_counts_of(roster).high_water, 2000);
    CHECK_INT(cp_roster_counts_of(roster).coalesced, 0);
    end_test();
}

TEST(a_roster_is_freed_with_all_that_is_not_told)
{
    begin_test(2);
    all_live("+a +b +c -a +d");
    end_test();
    cp_roster_free(NULL);
}

/* ---- many steps by chance, against lists that are searched */

enum { USERS = 12, RING = 5, MOST = 64 };

typedef struct pending {
    int user;
    cp_presence_status status;
    unsigned folded; /* of one in the ring */
    bool in_ring;
} pending;

static struct {
    cp_presence_status truth[USERS], told[USERS];
    unsigned folded[USERS];
    bool touched[USERS];
    pending queue[MOST];
    int length;
    uint64_t changes, events, queued;
} model;

static uint64_t dice;

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

static void remove_pending(int at)
{
    model.length--;
    memmove(model.queue + at, model.queue + at + 1,
            (size_t)(model.length - at) * sizeof *model.queue);
}

/* Those in the ring, or those waiting. */
static int pending_count(bool in_ring)
{
    int count = 0;
    for (int i = 0; i < model.length; i++)
        count += model.queue[i].in_ring == in_ring;
    return count;
}

static void model_change(int user, cp_presence_status status, bool is_live)
{
    cp_presence_status known = model.told[user];
    int waiting = -1;
    for (int i = 0; i < model.length; i++)
        if (model.queue[i].user == user && model.queue[i].in_ring)
            known = model.queue[i].status;
        else if (model.queue[i].user == user)
            waiting = i;

    model.truth[user] = status;
    bool news = status != CP_UNKNOWN && status != known &&
                (status == CP_ONLINE || known != CP_UNKNOWN || is_live);
    bool takes_back = status != CP_UNKNOWN && status == known;
    if (!news && known == CP_UNKNOWN)
        model.told[user] = status; /* of somebody offline there is no event, but it is known */
    model.changes += news || takes_back;
    model.folded[user] += (waiting >= 0) + takes_back;
    if (waiting >= 0 && news) {
        model.queue[waiting].status = status;
    } else if (waiting >= 0) {
        remove_pending(waiting);
    } else if (news) {
        bool in_ring = pending_count(false) == 0 && pending_count(true) < RING;
        model.queue[model.length++] = (pending){user, status, model.folded[user], in_ring};
        model.folded[user] = in_ring ? 0 : model.folded[user];
        model.queued++;
    }
}

static const char *uid_of(int user)
{
    static char uid[8];
    snprintf(uid, sizeof uid, "u%d", user);
    return uid;
}

static void step_live(int user)
{
    cp_presence_status status = roll(2) ? CP_ONLINE : CP_OFFLINE;
    live(uid_of(user), status);
    model.touched[user] = true;
    if (status != model.truth[user])
        model_change(user, status, true);
}

static void step_compare(int user)
{
    cp_presence_status status = roll(4) == 0 ? CP_UNKNOWN : roll(2) ? CP_ONLINE : CP_OFFLINE;
    cp_presence found = presence(uid_of(user), status);
    bool is_new = cp_roster_count(roster) < USERS; /* settle() knows nobody new */
    if (is_new)
        CHECK_INT(cp_roster_confirm(roster, &found, ++now), CP_OK);
    else
        cp_roster_settle(roster, cp_slice_of(uid_of(user)), roll(2) ? &found : NULL, status, ++now);
    cp_presence_destroy(&found);
    if (!model.touched[user] && status != model.truth[user])
        model_change(user, status, false);
}

static void step_pop(void)
{
    cp_change change;
    uint64_t before = cp_roster_popped(roster);
    bool got = cp_roster_next_change(roster, &change);
    CHECK_INT(got, model.length > 0);
    if (!got)
        return;
    pending expected = model.queue[0];
    remove_pending(0);
    CHECK(cp_slice_is(cp_user_text_of(change.user, CP_USER_UID), uid_of(expected.user)));
    cp_user_release(change.user);
    CHECK_INT(change.status, expected.status);
    CHECK_INT(change.previous, model.told[expected.user]);
    CHECK(change.status != change.previous);
    CHECK_INT(change.coalesced, expected.in_ring ? expected.folded : model.folded[expected.user]);
    if (!expected.in_ring)
        model.folded[expected.user] = 0;
    CHECK_INT(change.seq, ++model.events);
    CHECK(cp_roster_popped(roster) > before);
    model.told[expected.user] = expected.status;
}

/* Told in pieces, while the world goes on: what listeners had been told when it began. */
static void step_recap(void)
{
    bool was_told[USERS] = {false};
    cp_presence_status known[USERS];
    cp_change told[3];

    cp_roster_begin_recap(roster);
    memcpy(known, model.told, sizeof known);
    while (cp_roster_is_recapping(roster)) {
        size_t count = cp_roster_recap(roster, told, 1 + roll(3));
        for (size_t i = 0; i < count; i++) {
            int user = atoi(cp_user_text_of(told[i].user, CP_USER_UID).data + 1);
            CHECK(!was_told[user]);
            CHECK_INT(told[i].status, CP_ONLINE);
            CHECK_INT(told[i].previous, CP_UNKNOWN);
            CHECK_INT(told[i].origin, CP_ORIGIN_SNAPSHOT);
            CHECK_INT(told[i].seq, 0);
            was_told[user] = true;
            cp_user_release(told[i].user);
        }
        step_live((int)roll(USERS));
    }
    for (int i = 0; i < USERS; i++)
        CHECK_INT(was_told[i], known[i] == CP_ONLINE);
}

static void check_model(void)
{
    uint64_t pending_changes = (uint64_t)model.length;
    size_t online = 0;
    for (int i = 0; i < USERS; i++)
        online += model.truth[i] == CP_ONLINE;
    CHECK_INT(cp_roster_online(roster), online);
    CHECK_INT(cp_roster_has_changes(roster), model.length > 0);
    CHECK_INT(cp_roster_queued(roster), model.queued);
    CHECK_INT(cp_roster_popped(roster) == cp_roster_queued(roster), model.length == 0);
    cp_roster_counts counts = cp_roster_counts_of(roster);
    CHECK_INT(counts.events, model.events);
    CHECK_INT(model.changes, counts.events + counts.coalesced + pending_changes);
    CHECK(counts.high_water <= RING);
    CHECK(model.length <= RING + USERS);
}

static void play(uint64_t seed, int steps)
{
    bool is_behind = false;
    memset(&model, 0, sizeof model);
    dice = seed;
    begin_test(RING);
    cp_roster_begin_comparison(roster, CP_ORIGIN_SNAPSHOT);
    for (int step = 0; step < steps; step++) {
        unsigned what = roll(100);
        if (what < 2) {
            is_behind = !is_behind;
        } else if (what < 4) {
            cp_roster_begin_comparison(roster, CP_ORIGIN_RESYNC);
            memset(model.touched, 0, sizeof model.touched);
        } else if (what < 40) {
            step_live((int)roll(USERS));
        } else if (what < 60) {
            step_compare((int)roll(USERS));
        } else if (!is_behind || what < 65) {
            step_pop();
        } else if (what < 70) {
            step_recap();
        }
        check_model();
    }
    while (model.length > 0)
        step_pop();
    for (int i = 0; i < USERS; i++) /* everybody was told the truth, or nothing wrong */
        CHECK(model.told[i] == model.truth[i] || model.truth[i] == CP_UNKNOWN ||
              (model.truth[i] == CP_OFFLINE && model.told[i] == CP_UNKNOWN));
    check_model();
    end_test();
}

TEST(whatever_happens_the_queue_tells_what_a_simple_model_tells)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        play(seed, 10000);
}
