#include "core/buffer.h"

#include <stdint.h>

#include "test.h"

TEST(starts_empty_but_never_absent)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    CHECK(buffer.data == NULL);
    CHECK_TEXT(cp_buffer_slice(&buffer).data, "");
    CHECK_INT(cp_buffer_slice(&buffer).length, 0);
    cp_buffer_append(&buffer, CP_ABSENT_SLICE);
    cp_buffer_append_text(&buffer, "");
    CHECK(buffer.data == NULL);
    cp_buffer_destroy(&buffer);
}

TEST(appends_become_one_text)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    cp_buffer_append_text(&buffer, "GET ");
    cp_buffer_append(&buffer, (cp_slice){"/users?ignored", 6});
    cp_buffer_append_format(&buffer, "?page=%d&name=%s", 7, "bob");
    CHECK_INT(cp_buffer_status(&buffer), CP_OK);
    CHECK_TEXT(buffer.data, "GET /users?page=7&name=bob");
    CHECK_INT(buffer.length, strlen(buffer.data));
    cp_buffer_destroy(&buffer);
    CHECK(buffer.data == NULL);
}

TEST(bytes_of_any_value_are_kept)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    cp_buffer_append(&buffer, (cp_slice){"a\0b", 3});
    cp_buffer_append(&buffer, (cp_slice){"\0", 1});
    CHECK(cp_slice_equal(cp_buffer_slice(&buffer), (cp_slice){"a\0b\0", 4}));
    cp_buffer_destroy(&buffer);
}

TEST(growing_keeps_what_is_there_and_ends_it_with_nul)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    for (int i = 0; i < 1000; i++) {
        cp_buffer_append_format(&buffer, "%03d", i);
        CHECK_INT(buffer.data[buffer.length], '\0');
    }
    for (int i = 0; i < 1000; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%03d", i);
        CHECK(memcmp(buffer.data + (size_t)i * 3, expected, 3) == 0);
    }
    cp_buffer_destroy(&buffer);
}

TEST(a_format_that_fits_to_the_last_byte_is_not_cut)
{
    for (size_t before = 0; before < 130; before++) {
        cp_buffer buffer;
        cp_buffer_init(&buffer);
        for (size_t i = 0; i < before; i++)
            cp_buffer_append_text(&buffer, "x");
        cp_buffer_append_format(&buffer, "%s", "0123456789");
        CHECK_TEXT(buffer.data + before, "0123456789");
        cp_buffer_destroy(&buffer);
    }
}

TEST(reserved_room_is_filled_by_the_caller)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    cp_buffer_append_text(&buffer, "<");
    char *room = cp_buffer_reserve(&buffer, 1000);
    CHECK(room == buffer.data + 1);
    memset(room, 'x', 1000);
    buffer.length += 1000;
    CHECK_INT(strlen(buffer.data), 1001);
    cp_buffer_append_text(&buffer, ">");
    CHECK_TEXT(buffer.data + 999, "xx>");
    CHECK(cp_buffer_reserve(&buffer, 0) != NULL);
    cp_buffer_destroy(&buffer);
}

TEST(clear_keeps_the_memory)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    cp_buffer_append_text(&buffer, "first");
    char *data = buffer.data;
    cp_buffer_clear(&buffer);
    CHECK_INT(cp_buffer_slice(&buffer).length, 0);
    CHECK_TEXT(buffer.data, "");
    cp_buffer_append_text(&buffer, "second");
    CHECK(buffer.data == data);
    CHECK_TEXT(buffer.data, "second");
    cp_buffer_destroy(&buffer);
}

TEST(a_buffer_that_grows_leaves_nothing_behind)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    watch_for("SECRET");
    cp_buffer_append_text(&buffer, "SECRET");
    for (int i = 0; i < 200; i++)
        cp_buffer_append_text(&buffer, "more of it");
    cp_buffer_wipe(&buffer);
    cp_buffer_destroy(&buffer);
    CHECK(!secret_was_left());
}

TEST(a_secret_that_is_left_is_seen) /* or the tests of wiping would prove nothing */
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    watch_for("SECRET");
    cp_buffer_append_text(&buffer, "a SECRET");
    cp_buffer_destroy(&buffer);
    CHECK(secret_was_left());
}

TEST(wipe_overwrites_every_byte)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    cp_buffer_wipe(&buffer); /* nothing there: nothing happens */
    cp_buffer_append_text(&buffer, "a secret");
    cp_buffer_wipe(&buffer);
    CHECK_INT(buffer.length, 0);
    for (size_t i = 0; i < buffer.capacity; i++)
        CHECK_INT(buffer.data[i], 0);
    cp_buffer_destroy(&buffer);
}

TEST(impossible_lengths_are_no_memory)
{
    size_t lengths[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 2 - 2};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        cp_buffer buffer;
        cp_buffer_init(&buffer);
        cp_buffer_append_text(&buffer, "abc");
        CHECK(cp_buffer_reserve(&buffer, lengths[i]) == NULL);
        CHECK_INT(cp_buffer_status(&buffer), CP_ERR_NOMEM);
        CHECK_TEXT(buffer.data, "abc");
        cp_buffer_destroy(&buffer);
    }
}

TEST(a_failed_append_is_remembered_and_those_after_it_leave_no_hole)
{
    cp_buffer buffer;
    cp_buffer_init(&buffer);
    cp_buffer_append_text(&buffer, "kept");
    fail_allocation(1);
    CHECK(cp_buffer_reserve(&buffer, 1000) == NULL);
    CHECK(allocation_failed());
    cp_buffer_append_text(&buffer, " not");
    cp_buffer_append_format(&buffer, " %s", "this");
    CHECK_INT(cp_buffer_status(&buffer), CP_ERR_NOMEM);
    CHECK_TEXT(buffer.data, "kept");
    cp_buffer_clear(&buffer);
    CHECK_INT(cp_buffer_status(&buffer), CP_OK);
    cp_buffer_destroy(&buffer);
}

TEST(each_allocation_that_fails_is_told_at_the_end)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_buffer buffer;
        cp_buffer_init(&buffer);
        fail_allocation(n);
        for (int i = 0; i < 100; i++)
            cp_buffer_append_format(&buffer, "%010d", i);
        failed = allocation_failed();
        CHECK_INT(cp_buffer_status(&buffer), failed ? CP_ERR_NOMEM : CP_OK);
        cp_buffer_destroy(&buffer);
    }
}
