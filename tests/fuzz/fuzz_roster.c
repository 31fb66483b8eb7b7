/* A roster beside a plain model of it: what is known of everyone is the same, and whoever
 * follows what is told (listeners, feeds, late listeners) ends up with who is online, told of
 * each user by turns.
 *
 * Reaches at least 370 edges. */
#include "core/feed.h"
#include "core/roster.h"

#include "fuzz.h"

#define USERS 8
#define MAX_USERS 6 /* who comes later is not tracked */

static choices from;
static cp_roster *roster;
static cp_usec now;

/* ---- the model */

typedef struct model_user {
    bool is_known, is_touched;
    cp_presence_status status;
    unsigned generation, comparison;
} model_user;

static struct model {
    model_user user[USERS];
    unsigned count, generation, comparison;
    cp_sync_state state;
    bool is_complete;
} model;

/* NULL: it is full. */
static model_user *track(unsigned who)
{
    model_user *user = &model.user[who];

    if (!user->is_known && model.count == MAX_USERS)
        return NULL;
    model.count += !user->is_known;
    user->is_known = true;
    return user;
}

static void learn(model_user *user, cp_presence_status status, bool is_live)
{
    if (!is_live && user->is_touched && user->comparison == model.comparison)
        return;
    user->status = status;
    user->generation = model.generation;
    user->comparison = model.comparison;
    user->is_touched = is_live;
}

static cp_presence_status expected_status(const model_user *user)
{
    bool is_in_step = model.state == CP_SYNC_SYNCED || model.state == CP_SYNC_DEGRADED;

    if (user->is_known && (!is_in_step || user->generation == model.generation))
        return user->status;
    return model.state == CP_SYNC_SYNCED && model.is_complete ? CP_OFFLINE : CP_UNKNOWN;
}

/* ---- who follows what is told */

typedef struct follower {
    cp_presence_status told[USERS];
    uint64_t seq;
    cp_feed *feed; /* NULL: the listeners */
    cp_overflow overflow;
    bool from_the_start;
} follower;

static follower listeners, reader;

static unsigned index_of(const cp_user *user)
{
    return (unsigned)(cp_user_text_of(user, CP_USER_UID).data[0] - 'a');
}

static void follow(follower *self, cp_change *change)
{
    cp_presence_status *told = &self->told[index_of(change->user)];

    CHECK(change->status == CP_ONLINE || change->status == CP_OFFLINE);
    CHECK(change->status != *told && change->status != change->previous);
    CHECK(*told == CP_UNKNOWN || *told == change->previous);
    CHECK_INT(change->seq, ++self->seq);
    *told = change->status;
    cp_user_release(change->user);
}

static void follow_listeners(unsigned most)
{
    cp_change change;

    while (most-- > 0 && cp_roster_next_change(roster, &change))
        follow(&listeners, &change);
}

static void follow_feed(size_t most)
{
    cp_change changes[4];
    size_t taken = cp_feed_take(reader.feed, changes, most);

    for (size_t i = 0; i < taken; i++)
        follow(&reader, &changes[i]);
}

/* Somebody unknown to the server by now is not told to be so. */
static void check_picture(const follower *self)
{
    for (unsigned who = 0; who < USERS; who++) {
        const model_user *user = &model.user[who];
        if (user->status == CP_ONLINE && self->from_the_start)
            CHECK_INT(self->told[who], CP_ONLINE);
        if (user->status == CP_OFFLINE)
            CHECK(self->told[who] != CP_ONLINE);
    }
}

static void open_feed(void)
{
    if (reader.feed)
        return;
    reader = (follower){.overflow = (cp_overflow)choose(&from, 3), .from_the_start = true};
    reader.feed = cp_roster_open_feed(roster, 1 + choose(&from, 4), reader.overflow, true);
    CHECK(reader.feed != NULL);
}

static void close_feed(void)
{
    if (!reader.feed)
        return;
    while (cp_feed_has_changes(reader.feed))
        follow_feed(4);
    if (reader.overflow == CP_OVERFLOW_COALESCE)
        check_picture(&reader);
    CHECK(reader.overflow != CP_OVERFLOW_COALESCE || !cp_feed_has_overflowed(reader.feed));
    cp_roster_close_feed(roster, reader.feed);
    cp_feed_free(reader.feed);
    reader.feed = NULL;
}

/* ---- what happens */

static cp_presence presence(unsigned who, cp_presence_status status)
{
    char uid[] = {(char)('a' + who), '\0'};
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid),
                             .text[CP_USER_NAME] = cp_slice_of(choose(&from, 2) ? "N" : "M"),
                             .number = {CP_ABSENT, CP_ABSENT, CP_ABSENT}};
    return (cp_presence){cp_user_new(&fields, NULL), status, CP_ABSENT, CP_ABSENT};
}

static void push_or_list(bool is_live)
{
    unsigned who = choose(&from, USERS);
    cp_presence seen = presence(who, choose(&from, 2) ? CP_ONLINE : CP_OFFLINE);
    cp_status status = is_live ? cp_roster_apply_live(roster, &seen, ++now)
                               : cp_roster_confirm(roster, &seen, ++now);
    model_user *user = track(who);

    CHECK_INT(status, user ? CP_OK : CP_ERR_TOO_LARGE);
    if (user)
        learn(user, seen.status, is_live);
    cp_presence_destroy(&seen);
}

static void settle_doubtful(void)
{
    static const cp_presence_status verdicts[] = {CP_OFFLINE, CP_ONLINE, CP_UNKNOWN};
    cp_user *found[2];

    for (size_t cursor = 0; cursor != SIZE_MAX;) {
        size_t count = cp_roster_doubtful(roster, &cursor, 3, found, 2);
        for (size_t i = 0; i < count; i++) {
            cp_presence_status verdict = verdicts[choose(&from, 3)];
            model_user *user = &model.user[index_of(found[i])];
            CHECK(user->status == CP_ONLINE && user->comparison != model.comparison);
            learn(user, verdict, false);
            cp_roster_settle(roster, cp_user_text_of(found[i], CP_USER_UID), NULL, verdict, ++now);
        }
    }
    for (unsigned who = 0; who < USERS; who++)
        CHECK(model.user[who].status != CP_ONLINE ||
              model.user[who].comparison == model.comparison);
}

/* Whoever comes late is told of those of whom the others were told, whatever happens between
 * the batches. */
static void recap(void)
{
    bool told[USERS] = {false};
    cp_change changes[2];

    cp_roster_begin_recap(roster);
    do {
        size_t count = cp_roster_recap(roster, changes, 2);
        for (size_t i = 0; i < count; i++) {
            unsigned who = index_of(changes[i].user);
            CHECK(!told[who] && changes[i].status == CP_ONLINE);
            CHECK(changes[i].previous == CP_UNKNOWN);
            told[who] = true;
            cp_user_release(changes[i].user);
        }
        if (choose(&from, 2))
            push_or_list(choose(&from, 2));
    } while (cp_roster_is_recapping(roster));
    for (unsigned who = 0; who < USERS; who++)
        CHECK_INT(told[who], listeners.told[who] == CP_ONLINE);
}

static void change_scope(void)
{
    model.state = (cp_sync_state)choose(&from, CP_SYNC_CLOSED + 1);
    model.is_complete = choose(&from, 2);
    cp_roster_set_state(roster, model.state);
    cp_roster_set_complete(roster, model.is_complete);
}

static void do_something(void)
{
    switch (choose(&from, 10)) {
    case 0:
        model.generation++;
        model.state = CP_SYNC_STALE;
        cp_roster_begin_generation(roster);
        break;
    case 1:
        model.comparison++;
        cp_roster_begin_comparison(roster, (cp_origin)choose(&from, 3));
        break;
    case 2:
        settle_doubtful();
        break;
    case 3:
        follow_listeners(choose(&from, 4));
        break;
    case 4:
        reader.feed ? follow_feed(choose(&from, 5)) : open_feed();
        break;
    case 5:
        close_feed();
        break;
    case 6:
        recap();
        break;
    case 7:
        change_scope();
        break;
    default:
        push_or_list(choose(&from, 3) > 0);
        break;
    }
}

static void compare_with_model(void)
{
    size_t online = 0;

    for (unsigned who = 0; who < USERS; who++) {
        char uid[] = {(char)('a' + who), '\0'};
        cp_roster_view view;
        CHECK_INT(cp_roster_find(roster, cp_slice_of(uid), &view), model.user[who].is_known);
        CHECK_INT(view.status, model.user[who].status);
        CHECK_INT(cp_roster_status(roster, cp_slice_of(uid)), expected_status(&model.user[who]));
        online += view.status == CP_ONLINE;
    }
    CHECK_INT(cp_roster_count(roster), model.count);
    CHECK_INT(cp_roster_online(roster), online);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    from = (choices){data, data + size};
    roster = cp_roster_new(1 + choose(&from, 4), MAX_USERS, 7);
    memset(&model, 0, sizeof model);
    listeners = (follower){.from_the_start = true};
    now = 0;
    while (has_choices(&from)) {
        do_something();
        compare_with_model();
    }
    close_feed();
    follow_listeners(UINT32_MAX);
    check_picture(&listeners);
    CHECK(!cp_roster_has_changes(roster));
    cp_roster_free(roster);
    return 0;
}
