#include "core/json_scan.h"

#include "json_trials.h"
#include "test.h"

/* What is looked at together ends anywhere in a string, so lengths go beyond two blocks. */
#define LONGEST (2 * CP_JSON_BLOCK + 20)

static cp_json_scanner scan;

/* Skips the string at the end of `text`, which begins at `start`, in memory that ends there. */
static cp_status skip_at(cp_slice text, size_t start)
{
    char *copy = exact_copy(text);
    scan = cp_json_scanner_of((cp_slice){copy, text.length}, 1, 1);
    scan.at += start;
    cp_status status = cp_json_skip_string(&scan);
    bool reached_end = scan.at == scan.end;
    free(copy);
    CHECK(status != CP_OK || reached_end);
    return status;
}

/* In a text of quotes around `length` letters, with `inside` among them from `place` on. */
static cp_status skip_with(const char *inside, size_t length, size_t place)
{
    char text[LONGEST + 16];
    size_t size = strlen(inside), whole = length + size + 2;
    memset(text, 'a', sizeof text);
    text[0] = text[whole - 1] = '"';
    memcpy(text + 1 + place, inside, size);
    return skip_at((cp_slice){text, whole}, 0);
}

TEST(string_ends_at_its_quote_whatever_its_length_and_place)
{
    char text[2 * LONGEST];
    for (size_t start = 0; start < LONGEST; start++) {
        for (size_t length = 0; length + 2 < LONGEST; length++) {
            memset(text, ' ', start);
            memset(text + start, 'a', length + 2);
            text[start] = text[start + length + 1] = '"';
            CHECK_INT(skip_at((cp_slice){text, start + length + 2}, start), CP_OK);
            CHECK(!scan.has_escapes);
            CHECK_INT(skip_at((cp_slice){text, start + length + 1}, start), CP_ERR_MALFORMED);
        }
    }
}

TEST(what_no_string_holds_is_found_anywhere)
{
    for (size_t length = 0; length < LONGEST; length++) {
        for (size_t place = 0; place <= length; place++) {
            CHECK_INT(skip_with("\x1F", length, place), CP_ERR_MALFORMED);
            CHECK_INT(skip_with("\xFF", length, place), CP_ERR_ENCODING);
            CHECK_INT(skip_with("\xC3", length, place), CP_ERR_ENCODING);
            CHECK_INT(skip_with("\\x", length, place), CP_ERR_MALFORMED);
            CHECK_INT(skip_with("\\u0000", length, place), CP_ERR_ENCODING);
        }
    }
}

TEST(what_a_string_may_hold_is_passed_anywhere)
{
    for (size_t length = 0; length < LONGEST; length++) {
        for (size_t place = 0; place <= length; place++) {
            CHECK_INT(skip_with("\xC3\xBC\xF0\x9F\x98\x80", length, place), CP_OK);
            CHECK(!scan.has_escapes);
            CHECK_INT(skip_with(" !#[]\x7F", length, place), CP_OK);
            CHECK(!scan.has_escapes);
            CHECK_INT(skip_with("\\\"\\\\", length, place), CP_OK);
            CHECK(scan.has_escapes);
        }
    }
}

TEST(other_things_are_no_strings)
{
    CHECK_INT(skip_at(cp_slice_of("7"), 0), CP_ERR_MALFORMED);
    CHECK_INT(skip_at(cp_slice_of("7"), 1), CP_ERR_MALFORMED);
    CHECK_INT(skip_at(cp_slice_of("\""), 0), CP_ERR_MALFORMED);
}
