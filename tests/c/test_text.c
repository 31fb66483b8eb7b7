#include "core/text.h"

#include "test.h"

TEST(a_copy_of_nothing_is_nothing)
{
    char *text = (char *)1;
    char **list = (char **)1;
    CHECK_INT(cp_text_copy(&text, NULL), CP_OK);
    CHECK(text == NULL);
    CHECK_INT(cp_texts_copy(&list, NULL), CP_OK);
    CHECK(list == NULL);
    cp_texts_free(NULL);
    cp_secret_free(NULL);
}

TEST(an_empty_text_is_copied_as_empty)
{
    char *text;
    CHECK_INT(cp_text_copy_slice(&text, (cp_slice){"x", 0}), CP_OK);
    CHECK_TEXT(text, "");
    free(text);
}

TEST(text_with_nul_is_not_copied)
{
    char *text;
    CHECK_INT(cp_text_copy_slice(&text, (cp_slice){"a\0b", 3}), CP_ERR_ENCODING);
    CHECK(text == NULL);
}

TEST(a_list_is_copied_whole_or_not_at_all)
{
    char *from[] = {"a", "", "c", NULL};
    for (unsigned n = 1, failed = 1; failed; n++) {
        char **list;
        fail_allocation(n);
        cp_status status = cp_texts_copy(&list, from);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK((list == NULL) == (status != CP_OK));
        if (list) {
            CHECK_TEXT(list[0], "a");
            CHECK_TEXT(list[1], "");
            CHECK_TEXT(list[2], "c");
            CHECK(list[3] == NULL);
        }
        cp_texts_free(list);
    }
}

TEST(wiping_leaves_only_zeros)
{
    char secret[] = "secret";
    cp_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        CHECK_INT(secret[i], 0);
}

TEST(blanks_are_empty)
{
    CHECK(cp_text_is_empty(NULL));
    CHECK(cp_text_is_empty(""));
    CHECK(cp_text_is_empty(" \t\r\n"));
    CHECK(!cp_text_is_empty(" a"));
}

TEST(a_label_is_one_part_of_a_host_name)
{
    char longest[65];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    CHECK(cp_text_is_label("App-1_x"));
    CHECK(cp_text_is_label(longest + 1));
    CHECK(!cp_text_is_label(longest));
    CHECK(!cp_text_is_label(NULL));
    CHECK(!cp_text_is_label(""));
    CHECK(!cp_text_is_label("evil.example"));
    CHECK(!cp_text_is_label("evil/"));
    CHECK(!cp_text_is_label("\xC3\xA4"));
}

TEST(control_characters_are_found_and_other_bytes_are_not)
{
    CHECK(cp_slice_has_control(cp_slice_of("a\r")));
    CHECK(cp_slice_has_control(cp_slice_of("\x7F")));
    CHECK(cp_slice_has_control((cp_slice){"\0", 1}));
    CHECK(!cp_slice_has_control(cp_slice_of("a b\xC3\xA4~")));
    CHECK(!cp_slice_has_control(CP_ABSENT_SLICE));
}

TEST(case_is_that_of_ascii)
{
    CHECK(cp_text_equal_caseless("EU", "eu"));
    CHECK(!cp_text_equal_caseless("eu", "eur"));
    CHECK(!cp_text_equal_caseless("eur", "eu"));
    CHECK(cp_slice_equal_caseless(cp_slice_of("BoB"), cp_slice_of("bOb")));
    CHECK(!cp_slice_equal_caseless(cp_slice_of("bob"), cp_slice_of("bobo")));
    CHECK(!cp_slice_equal_caseless(cp_slice_of("K"), cp_slice_of("\xE2\x84\xAA"))); /* Kelvin */
    CHECK(!cp_slice_equal_caseless(cp_slice_of("\xC3\xA4"), cp_slice_of("\xC3\x84")));
    CHECK_INT(cp_lower('Z'), 'z');
    CHECK_INT(cp_lower('['), '[');
}
