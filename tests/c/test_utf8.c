#include "core/utf8.h"

#include <stdint.h>

#include "test.h"

#define BYTES(literal) ((cp_slice){literal, sizeof literal - 1})

/* By the definition, and slowly: what the code point would be, and whether it needs that
 * many bytes. */
static bool is_valid_by_definition(const unsigned char *at, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    while (length > 0) {
        size_t size = at[0] < 0x80             ? 1
                      : (at[0] & 0xE0) == 0xC0 ? 2
                      : (at[0] & 0xF0) == 0xE0 ? 3
                      : (at[0] & 0xF8) == 0xF0 ? 4
                                               : 0;
        if (size == 0 || size > length)
            return false;
        uint32_t point = size == 1 ? at[0] : at[0] & (0x7Fu >> size);
        for (size_t i = 1; i < size; i++) {
            if ((at[i] & 0xC0) != 0x80)
                return false;
            point = point << 6 | (at[i] & 0x3Fu);
        }
        if (point < least[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
        at += size;
        length -= size;
    }
    return true;
}

TEST(plain_and_accented_text_is_valid)
{
    CHECK(cp_utf8_is_valid(CP_ABSENT_SLICE));
    CHECK(cp_utf8_is_valid(BYTES("")));
    CHECK(cp_utf8_is_valid(BYTES("a line that is longer than eight bytes")));
    CHECK(cp_utf8_is_valid(BYTES("Zo\xC3\xAB \xE2\x82\xAC \xF0\x9F\x98\x80")));
    CHECK(cp_utf8_is_valid(BYTES("\xF4\x8F\xBF\xBF"))); /* U+10FFFF */
    CHECK(cp_utf8_is_valid(BYTES("nul\0is a character")));
}

TEST(overlong_forms_surrogates_and_strays_are_not)
{
    CHECK(!cp_utf8_is_valid(BYTES("\xFF\xFE")));
    CHECK(!cp_utf8_is_valid(BYTES("\xC0\x80")));
    CHECK(!cp_utf8_is_valid(BYTES("\xE0\x80\xAF")));
    CHECK(!cp_utf8_is_valid(BYTES("\xF0\x80\x80\xAF")));
    CHECK(!cp_utf8_is_valid(BYTES("\xED\xA0\x80"))); /* U+D800 */
    CHECK(!cp_utf8_is_valid(BYTES("\xED\xBF\xBF"))); /* U+DFFF */
    CHECK(!cp_utf8_is_valid(BYTES("\xF4\x90\x80\x80")));
    CHECK(!cp_utf8_is_valid(BYTES("\x80")));
    CHECK(!cp_utf8_is_valid(BYTES("eight ok\xC3")));
}

TEST(every_beginning_of_four_bytes_is_judged_as_the_definition_does)
{
    static const unsigned char edges[] = {0x41, 0x7F, 0x80, 0xBF, 0xC0};
    enum { COUNT = sizeof edges };
    for (unsigned start = 0; start < 0x10000; start++)
        for (unsigned rest = 0; rest < COUNT * COUNT; rest++) {
            const unsigned char text[] = {(unsigned char)(start >> 8), (unsigned char)start,
                                          edges[rest / COUNT], edges[rest % COUNT]};
            for (size_t length = 1; length <= sizeof text; length++)
                if (cp_utf8_is_valid((cp_slice){(const char *)text, length}) !=
                    is_valid_by_definition(text, length))
                    fail_test(__FILE__, __LINE__, "%zu of %02x %02x %02x %02x", length, text[0],
                              text[1], text[2], text[3]);
        }
}

TEST(a_bad_byte_is_found_wherever_it_stands)
{
    char text[40];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'x', sizeof text);
        text[at] = '\x80';
        CHECK(!cp_utf8_is_valid((cp_slice){text, sizeof text}));
        CHECK(cp_utf8_is_valid((cp_slice){text, at}));
    }
}

TEST(no_byte_after_the_end_is_looked_at)
{
    const char whole[] = "ab\xF0\x9F\x98\x80";
    for (size_t length = 0; length < sizeof whole; length++) {
        char *exact = malloc(length + 1); /* the sanitizer guards what follows */
        memcpy(exact + 1, whole, length);
        CHECK_INT(cp_utf8_is_valid((cp_slice){exact + 1, length}),
                  length <= 2 || length >= sizeof whole - 1);
        free(exact);
    }
}

TEST(copies_are_cut_between_characters)
{
    char out[8];
    cp_utf8_copy(out, sizeof out, BYTES("short"));
    CHECK_TEXT(out, "short");
    cp_utf8_copy(out, sizeof out, BYTES("seven77"));
    CHECK_TEXT(out, "seven77");
    cp_utf8_copy(out, sizeof out, BYTES("eight888"));
    CHECK_TEXT(out, "eight88");
    cp_utf8_copy(out, sizeof out, BYTES("123456\xC3\xAB"));
    CHECK_TEXT(out, "123456");
    cp_utf8_copy(out, sizeof out, BYTES("12345\xE2\x82\xAC"));
    CHECK_TEXT(out, "12345");
    cp_utf8_copy(out, sizeof out, BYTES("1234\xE2\x82\xAC!"));
    CHECK_TEXT(out, "1234\xE2\x82\xAC");
    cp_utf8_copy(out, sizeof out, BYTES("1234\xF0\x9F\x98\x80"));
    CHECK_TEXT(out, "1234");
    cp_utf8_copy(out, sizeof out, CP_ABSENT_SLICE);
    CHECK_TEXT(out, "");
    cp_utf8_copy(out, 1, BYTES("\xC3\xAB"));
    CHECK_TEXT(out, "");
}

TEST(every_cut_of_valid_text_is_valid)
{
    const cp_slice text = BYTES("a\xC3\xAB\xE2\x82\xAC\xF0\x9F\x98\x80z\xF0\x9F\x98\x80");
    char out[32];
    for (size_t size = 1; size < sizeof out; size++) {
        cp_utf8_copy(out, size, text);
        CHECK(cp_utf8_is_valid(cp_slice_of(out)));
        size_t fits = size - 1 < text.length ? size - 1 : text.length;
        CHECK(strlen(out) <= fits && strlen(out) + 3 >= fits);
        CHECK(memcmp(out, text.data, strlen(out)) == 0);
    }
}

TEST(copying_what_is_no_utf8_still_ends)
{
    char out[8];
    cp_utf8_copy(out, sizeof out, BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80"));
    CHECK_INT(strlen(out), 7);
}
