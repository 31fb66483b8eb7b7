#include "core/notice.h"

#include "test.h"

static cp_notices notices;

static void post(cp_notice_kind kind, uint64_t after, uint32_t attempt)
{
    cp_notice notice = {.kind = kind, .after = after, .attempt = attempt};
    cp_notices_post(&notices, &notice);
}

static cp_user *new_user(const char *uid)
{
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
    bool trimmed;
    return cp_user_new(&fields, &trimmed);
}

TEST(notices_come_in_the_order_they_were_posted)
{
    cp_notice notice;
    cp_notices_init(&notices);
    CHECK(!cp_notices_next(&notices, UINT64_MAX, &notice));
    post(CP_NOTICE_CONNECTING, 0, 1);
    post(CP_NOTICE_CONNECTED, 0, 0);
    CHECK(cp_notices_next(&notices, 0, &notice));
    CHECK_INT(notice.kind, CP_NOTICE_CONNECTING);
    CHECK(cp_notices_next(&notices, 0, &notice));
    CHECK_INT(notice.kind, CP_NOTICE_CONNECTED);
    CHECK(!cp_notices_next(&notices, 0, &notice));
}

TEST(a_notice_waits_for_the_changes_before_it)
{
    cp_notice notice;
    cp_notices_init(&notices);
    post(CP_NOTICE_SYNCED, 3, 0);
    post(CP_NOTICE_DISCONNECTED, 2, 0); /* behind it all the same */
    CHECK(!cp_notices_next(&notices, 2, &notice));
    CHECK(cp_notices_next(&notices, 3, &notice));
    CHECK_INT(notice.kind, CP_NOTICE_SYNCED);
    CHECK(cp_notices_next(&notices, 3, &notice));
    CHECK_INT(notice.kind, CP_NOTICE_DISCONNECTED);
}

TEST(the_oldest_notices_are_dropped_and_counted_when_nobody_takes_them)
{
    cp_notice notice;
    cp_notices_init(&notices);
    for (uint32_t i = 0; i < CP_NOTICES + 3; i++)
        post(CP_NOTICE_CONNECTING, 0, i);
    CHECK_INT(notices.dropped, 3);
    for (uint32_t i = 3; i < CP_NOTICES + 3; i++) {
        CHECK(cp_notices_next(&notices, 0, &notice));
        CHECK_INT(notice.attempt, i);
    }
    CHECK(!cp_notices_next(&notices, 0, &notice));
}

TEST(a_notice_without_memory_is_dropped_with_its_user_and_counted)
{
    cp_notices_init(&notices);
    post(CP_NOTICE_CONNECTING, 0, 1);
    cp_notice notice = {.kind = CP_NOTICE_LOGGED_IN, .user.user = new_user("alice")};
    fail_allocation(1);
    cp_notices_post(&notices, &notice);
    CHECK(allocation_failed());
    CHECK(notice.user.user == NULL);
    CHECK_INT(notices.dropped, 1);
    CHECK_INT(notices.count, 1); /* the one before is kept */
    cp_notices_destroy(&notices);
}

TEST(a_notice_is_due_once_the_changes_before_it_are_told)
{
    cp_notices_init(&notices);
    CHECK(!cp_notices_is_due(&notices, UINT64_MAX));
    post(CP_NOTICE_SYNCED, 3, 0);
    CHECK(!cp_notices_is_due(&notices, 2));
    CHECK(cp_notices_is_due(&notices, 3));
    cp_notices_destroy(&notices);
}

TEST(a_posted_notice_belongs_to_the_notices)
{
    cp_notices_init(&notices);
    for (int i = 0; i < CP_NOTICES + 1; i++) { /* the first is dropped with its user */
        cp_notice notice = {.kind = CP_NOTICE_LOGGED_IN, .user.user = new_user("alice")};
        cp_notices_post(&notices, &notice);
        CHECK(notice.user.user == NULL);
        cp_notice_destroy(&notice);
    }
    cp_notices_destroy(&notices);
    CHECK_INT(notices.count, 0);
}

TEST(a_taken_notice_belongs_to_whoever_took_it)
{
    cp_notices_init(&notices);
    cp_notice notice = {.kind = CP_NOTICE_LOGGED_IN, .user.user = new_user("alice")}, taken;
    cp_notices_post(&notices, &notice);
    CHECK(cp_notices_next(&notices, 0, &taken));
    cp_notices_destroy(&notices);
    CHECK(cp_slice_is(cp_user_text_of(taken.user.user, CP_USER_UID), "alice"));
    cp_notice_destroy(&taken);
    CHECK(taken.user.user == NULL);
}
