#include "core/roster_entries.h"

#include "test.h"

static uint32_t add(cp_entries *entries, const char *uid)
{
    bool trimmed;
    cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
    cp_user *user = cp_user_new(&fields, &trimmed);
    uint32_t number = cp_entries_add(entries, user);
    cp_user_release(user);
    return number;
}

static uint32_t find(const cp_entries *entries, const char *uid)
{
    return cp_entries_find(entries, cp_slice_of(uid));
}

TEST(a_user_is_found_by_uid_whatever_the_case_of_its_letters)
{
    cp_entries entries;
    cp_entries_init(&entries, 1);
    CHECK(find(&entries, "alice") == CP_NO_ENTRY);
    CHECK_INT(add(&entries, "Alice-and-BOB@example.com"), 0);
    CHECK_INT(add(&entries, "carol"), 1);
    CHECK_INT(find(&entries, "alice-AND-bob@EXAMPLE.com"), 0);
    CHECK_INT(find(&entries, "CAROL"), 1);
    CHECK(find(&entries, "carol ") == CP_NO_ENTRY);
    CHECK(find(&entries, "caro") == CP_NO_ENTRY);
    CHECK(find(&entries, "") == CP_NO_ENTRY);
    cp_entries_destroy(&entries);
}

TEST(only_ascii_letters_have_no_case)
{
    cp_entries entries;
    cp_entries_init(&entries, 1);
    for (int byte = 1; byte < 256; byte++) {
        char uid[] = {'x', (char)byte, '\0'};
        bool is_upper = byte >= 'A' && byte <= 'Z';
        char lowered[] = {'x', (char)(is_upper ? byte + 32 : byte), '\0'};
        if (is_upper)
            continue; /* added as the lower one */
        CHECK(find(&entries, uid) == CP_NO_ENTRY);
        uint32_t number = add(&entries, uid);
        CHECK_INT(find(&entries, lowered), number);
        if (byte >= 'a' && byte <= 'z') {
            char raised[] = {'X', (char)(byte - 32), '\0'};
            CHECK_INT(find(&entries, raised), number);
        }
    }
    cp_entries_destroy(&entries);
}

TEST(uids_of_any_length_differ_in_any_byte)
{
    cp_entries entries;
    char uid[41] = "";
    cp_entries_init(&entries, 5);
    for (int length = 1; length <= 40; length++) {
        memset(uid, 'u', (size_t)length);
        uint32_t number = add(&entries, uid);
        CHECK_INT(find(&entries, uid), number);
        for (int i = 0; i < length; i++) {
            uid[i] = 'v';
            CHECK(find(&entries, uid) == CP_NO_ENTRY);
            uid[i] = 'u';
        }
    }
    cp_entries_destroy(&entries);
}

TEST(uids_are_slices_and_nothing_after_them_is_read)
{
    cp_entries entries;
    cp_entries_init(&entries, 5);
    uint32_t number = add(&entries, "exact");
    char *exact = malloc(5); /* the sanitizer watches its end */
    memcpy(exact, "EXACT", 5);
    CHECK_INT(cp_entries_find(&entries, (cp_slice){exact, 5}), number);
    free(exact);
    cp_entries_destroy(&entries);
}

TEST(entries_are_found_and_stay_where_they_are_while_thousands_arrive)
{
    cp_entries entries;
    char uid[24];
    cp_entries_init(&entries, 99);
    CHECK_INT(add(&entries, "user-0"), 0);
    cp_entry *first = cp_entries_at(&entries, 0);
    for (uint32_t i = 1; i < 20000; i++) {
        snprintf(uid, sizeof uid, "user-%u", i);
        CHECK_INT(add(&entries, uid), i);
    }
    CHECK(cp_entries_at(&entries, 0) == first);
    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(uid, sizeof uid, "USER-%u", i);
        CHECK_INT(find(&entries, uid), i);
    }
    CHECK(find(&entries, "user-20000") == CP_NO_ENTRY);
    cp_entries_destroy(&entries);
}

/* What one addition moves is bounded, and everybody is found while slots are in two places. */
TEST(the_table_grows_a_few_slots_at_a_time)
{
    cp_entries entries;
    unsigned growths = 0, additions_while_growing = 0;
    char uid[16];

    cp_entries_init(&entries, 3);
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t moved = entries.old_slots ? entries.moved : 0;
        bool was_growing = entries.old_slots != NULL;
        snprintf(uid, sizeof uid, "user-%u", i);
        CHECK_INT(add(&entries, uid), i);
        growths += entries.old_slots != NULL && !was_growing;
        additions_while_growing += entries.old_slots != NULL;
        CHECK(!entries.old_slots || entries.moved - moved <= 8);
        for (unsigned j = 0; j <= i && entries.old_slots; j += 1 + i / 50) {
            snprintf(uid, sizeof uid, "user-%u", j);
            CHECK_INT(find(&entries, uid), j);
        }
        CHECK(find(&entries, "nobody") == CP_NO_ENTRY);
    }
    CHECK_INT(growths, 6); /* from 64 to 4096 */
    CHECK(additions_while_growing > 400);
    cp_entries_destroy(&entries);
}

TEST(an_entry_is_one_cache_line)
{
    CHECK(sizeof(cp_entry) <= 64);
}

TEST(a_failed_allocation_leaves_everything_as_it_was)
{
    cp_entries entries;
    char uid[24];
    bool trimmed;
    unsigned failures = 0;
    cp_entries_init(&entries, 3);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(uid, sizeof uid, "user-%u", i);
        cp_user_fields fields = {.text[CP_USER_UID] = cp_slice_of(uid)};
        cp_user *user = cp_user_new(&fields, &trimmed);
        for (unsigned n = 1, failed = 1; failed; n++) {
            fail_allocation(n);
            uint32_t number = cp_entries_add(&entries, user);
            failed = allocation_failed();
            failures += failed;
            CHECK_INT(number, failed ? CP_NO_ENTRY : i);
            CHECK_INT(entries.count, failed ? i : i + 1);
            CHECK_INT(find(&entries, uid), failed ? CP_NO_ENTRY : i);
            CHECK_INT(find(&entries, "user-0"), i == 0 && failed ? CP_NO_ENTRY : 0);
        }
        cp_user_release(user);
    }
    CHECK_INT(failures, 4 + 5); /* blocks of 64 … 512, tables of 64 … 1,024 */
    cp_entries_destroy(&entries);
}
