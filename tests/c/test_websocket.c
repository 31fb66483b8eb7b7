#include "core/websocket.h"

#include "websocket_feed.h"

/* Whole, split at every byte, and byte by byte. */
static bool gives(cp_slice bytes, const char *expected)
{
    for (size_t split = 1; split <= bytes.length; split++) {
        transcript out = feed(bytes, split, bytes.length);
        if (strcmp(out.text, expected) != 0) {
            printf("split at %zu: %s\n", split, out.text);
            return false;
        }
    }
    transcript out = feed(bytes, 1, 1);
    if (strcmp(out.text, expected) != 0)
        printf("byte by byte: %s\n", out.text);
    return strcmp(out.text, expected) == 0;
}

/* ---- RFC 6455 by cases; the numbers are the Autobahn suite's, near enough */

#define HEX_20 "xxxxxxxxxxxxxxxxxxxx"
#define HEX_125 HEX_20 HEX_20 HEX_20 HEX_20 HEX_20 HEX_20 "yyyyy"
#define HEX_126 HEX_125 "z"

typedef struct wire_case {
    const char *name;
    const char *bytes;
    size_t length;
    const char *expected;
} wire_case;

#define CASE(name, bytes, expected) {name, bytes, sizeof(bytes) - 1, expected}

static const wire_case cases[] = {
    /* 1: whole messages */
    CASE("empty text", "\x81\x00", "text() "),
    CASE("text", "\x81\x05Hello", "text(Hello) "),
    CASE("text of 125", "\x81\x7D" HEX_125, "text(125 bytes) "),
    CASE("text of 126", "\x81\x7E\x00\x7E" HEX_126, "text(126 bytes) "),
    CASE("empty binary", "\x82\x00", "binary() "),
    CASE("binary", "\x82\x03\x00\xFE\xFF", "binary(\\00\\FE\\FF) "),
    CASE("three in a row",
         "\x81\x01"
         "a\x82\x01"
         "b\x81\x01"
         "c",
         "text(a) binary(b) text(c) "),
    CASE("empty ones in a row", "\x81\x00\x81\x00\x89\x00\x82\x00",
         "text() text() ping() binary() "),

    /* 2: pings and pongs */
    CASE("2.1 empty ping", "\x89\x00", "ping() "),
    CASE("2.2 ping", "\x89\x05Hello", "ping(Hello) "),
    CASE("2.3 binary ping", "\x89\x04\x00\xFF\xFE\x80", "ping(\\00\\FF\\FE\\80) "),
    CASE("2.4 ping of 125", "\x89\x7D" HEX_125, "ping(125 bytes) "),
    CASE("2.5 ping of 126", "\x89\x7E\x00\x7E" HEX_126, "broken 1002"),
    CASE("2.7 unasked pong", "\x8A\x00", "pong() "),
    CASE("2.8 unasked pong with payload", "\x8A\x01p", "pong(p) "),
    CASE("2.9 pong then ping", "\x8A\x01p\x89\x01q", "pong(p) ping(q) "),
    CASE("two pings of two bytes",
         "\x89\x02"
         "ab\x89\x02"
         "cd",
         "ping(ab) ping(cd) "),
    CASE("pong of 126", "\x8A\x7E\x00\x7E" HEX_126, "broken 1002"),
    CASE("ping with a length of 64 bits", "\x89\x7F\0\0\0\0\0\0\0\x01p", "broken 1002"),

    /* 3: reserved bits */
    CASE("3.1 RSV3", "\x91\x00", "broken 1002"),
    CASE("3.2 RSV2",
         "\x81\x01"
         "a\xA1\x01"
         "b",
         "text(a) broken 1002"),
    CASE("3.3 RSV1",
         "\xC1\x01"
         "a",
         "broken 1002"),
    CASE("3.4 all of them", "\xF1\x00", "broken 1002"),
    CASE("3.5 in a ping", "\xC9\x00", "broken 1002"),
    CASE("3.6 in a close", "\xA8\x00", "broken 1002"),
    CASE("3.7 in a continuation",
         "\x01\x01"
         "a\xC0\x01"
         "b",
         "broken 1002"),

    /* 4: opcodes */
    CASE("4.1 opcode 3", "\x83\x00", "broken 1002"),
    CASE("4.1 opcode 4",
         "\x84\x01"
         "a",
         "broken 1002"),
    CASE("4.1 opcode 5",
         "\x81\x01"
         "a\x85\x00",
         "text(a) broken 1002"),
    CASE("4.1 opcode 6", "\x86\x00", "broken 1002"),
    CASE("4.1 opcode 7", "\x87\x00", "broken 1002"),
    CASE("4.2 opcode 11", "\x8B\x00", "broken 1002"),
    CASE("4.2 opcode 12",
         "\x8C\x01"
         "a",
         "broken 1002"),
    CASE("4.2 opcode 13", "\x89\x00\x8D\x00", "ping() broken 1002"),
    CASE("4.2 opcode 14", "\x8E\x00", "broken 1002"),
    CASE("4.2 opcode 15", "\x8F\x00", "broken 1002"),

    /* 5: fragments */
    CASE("5.1 ping in fragments",
         "\x09\x01"
         "a\x80\x01"
         "b",
         "broken 1002"),
    CASE("5.2 pong in fragments", "\x0A\x00", "broken 1002"),
    CASE("close in fragments", "\x08\x00", "broken 1002"),
    CASE("5.3 two fragments", "\x01\x03Hel\x80\x02lo", "text(Hello) "),
    CASE("5.6 a ping between", "\x01\x03Hel\x89\x01p\x80\x02lo", "ping(p) text(Hello) "),
    CASE("pongs and pings between",
         "\x02\x01"
         "a\x8A\x00\x00\x01"
         "b\x89\x00\x80\x01"
         "c",
         "pong() ping() binary(abc) "),
    CASE("a close between", "\x01\x03Hel\x88\x02\x03\xE8\x80\x02lo", "close(1000,) "),
    CASE("5.9 stray continuation",
         "\x80\x01"
         "a\x81\x01"
         "b",
         "broken 1002"),
    CASE("5.10 stray first fragment",
         "\x00\x01"
         "a",
         "broken 1002"),
    CASE("5.15 continuation after the end",
         "\x01\x01"
         "a\x80\x01"
         "b\x80\x01"
         "c",
         "text(ab) broken 1002"),
    CASE("5.18 text within text",
         "\x01\x01"
         "a\x81\x01"
         "b",
         "broken 1002"),
    CASE("binary within text",
         "\x01\x01"
         "a\x02\x01"
         "b",
         "broken 1002"),
    CASE("empty fragments", "\x01\x00\x00\x00\x80\x00", "text() "),
    CASE("only the middle one is not empty", "\x01\x00\x00\x02hi\x80\x00", "text(hi) "),
    CASE("only the last one is not empty", "\x01\x00\x00\x00\x80\x02hi", "text(hi) "),
    CASE("5.19 many, with pings",
         "\x01\x01"
         "a\x00\x01"
         "b\x89\x01p\x00\x01"
         "c\x89\x01q\x80\x01"
         "d"
         "\x81\x01"
         "e",
         "ping(p) ping(q) text(abcd) text(e) "),

    /* 6: UTF-8, judged on the whole message */
    CASE("6.2 a character split by fragments", "\x01\x02\xC3\xA4\x00\x01\xE2\x80\x02\x82\xAC",
         "text(\\C3\\A4\\E2\\82\\AC) "),
    CASE("6.3 not UTF-8, which its reader judges", "\x81\x02\xC3(", "text(\\C3() "),
    CASE("bad text harms nothing else", "\x81\x01\xFF\x81\x02ok", "text(\\FF) text(ok) "),
    CASE("6.4 cut within a character", "\x81\x02\xE2\x82", "text(\\E2\\82) "),
    CASE("a surrogate", "\x81\x03\xED\xA0\x80", "text(\\ED\\A0\\80) "),
    CASE("overlong", "\x01\x01\xC0\x80\x01\xAF", "text(\\C0\\AF) "),
    CASE("binary need not be UTF-8", "\x82\x01\xFF", "binary(\\FF) "),
    CASE("NUL is a character",
         "\x81\x03"
         "a\0b",
         "text(a\\00b) "),

    /* 7: closing */
    CASE("7.1 nothing counts after a close", "\x88\x02\x03\xE8\x81\x05Hello\xFF\xFF",
         "close(1000,) "),
    CASE("7.3.1 empty", "\x88\x00", "close(1005,) "),
    CASE("7.3.2 of one byte", "\x88\x01\x03", "broken 1002"),
    CASE("7.3.4 with a reason",
         "\x88\x05\x03\xE9"
         "bye",
         "close(1001,bye) "),
    CASE("7.3.5 a reason of 123",
         "\x88\x7D\x03\xE8" HEX_20 HEX_20 HEX_20 HEX_20 HEX_20 HEX_20 "abc",
         "close(1000,123 bytes) "),
    CASE("7.3.6 a reason of 124",
         "\x88\x7E\x00\x7E\x03\xE8" HEX_20 HEX_20 HEX_20 HEX_20 HEX_20 HEX_20 "abcd",
         "broken 1002"),
    CASE("7.5.1 a reason that is not UTF-8", "\x88\x04\x03\xE8\xC3(", "broken 1007"),
    CASE("a reason cut within a character", "\x88\x04\x03\xE8\xE2\x82", "broken 1007"),
    CASE("a close, then only half of another", "\x88\x00\x88", "close(1005,) "),

    /* lengths and masks */
    CASE("16 bits for 125", "\x81\x7E\x00\x7D" HEX_125, "broken 1002"),
    CASE("16 bits for nothing", "\x81\x7E\x00\x00", "broken 1002"),
    CASE("64 bits for 126", "\x82\x7F\0\0\0\0\0\0\0\x7E" HEX_126, "broken 1002"),
    CASE("64 bits for 65535", "\x82\x7F\0\0\0\0\0\0\xFF\xFF", "broken 1002"),
    CASE("the highest bit", "\x82\x7F\x80\0\0\0\0\0\0\x00", "broken 1002"),
    CASE("every bit", "\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "broken 1002"),
    CASE("2^62 is too large", "\x82\x7F\x40\0\0\0\0\0\0\x00", "too large 1009"),
    CASE("2^63 - 1 is too large", "\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "too large 1009"),
    CASE("2^32 is too large, also in 32 bits", "\x82\x7F\0\0\0\x01\0\0\0\x00", "too large 1009"),
    CASE("no wrapping around with what is gathered",
         "\x02\x02"
         "ab\x80\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
         "too large 1009"),
    CASE("64 times the limit and one is too large", "\x81\x7F\0\0\0\0\0\x44\x5C\x01",
         "too large 1009"),
    CASE("so it is in fragments",
         "\x02\x01"
         "a\x00\x7F\0\0\0\0\0\x44\x5C\x00",
         "too large 1009"),
    CASE("half a message over the limit is waited for", "\x81\x7F\0\0\0\0\0\x01\x11\x71xxxx", ""),
    CASE("a server does not mask",
         "\x81\x81"
         "abcd\x00",
         "broken 1002"),
    CASE("nor does it mask nothing",
         "\x89\x80"
         "abcd",
         "broken 1002"),

    /* the end of the input is not the end */
    CASE("one byte", "\x81", ""),
    CASE("half a length", "\x81\x7E\x01", ""),
    CASE("half a payload", "\x81\x05Hel", ""),
    CASE("half a ping",
         "\x81\x01"
         "a\x89\x05Hel",
         "text(a) "),
    CASE("half a message", "\x01\x05Hello", ""),
};

TEST(every_case_of_the_wire_gives_the_same_however_it_is_split)
{
    bool all = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const wire_case *each = &cases[i];
        if (!gives((cp_slice){each->bytes, each->length}, each->expected)) {
            printf("in case \"%s\"\n", each->name);
            all = false;
        }
    }
    CHECK(all);
}

TEST(only_close_codes_that_may_travel_are_accepted)
{
    for (unsigned code = 0; code <= 0xFFFF; code++) {
        char bytes[] = {(char)0x88, 2, (char)(code >> 8), (char)code}, expected[32];
        bool is_good =
            (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
            (code >= 3000 && code <= 4999);
        snprintf(expected, sizeof expected, is_good ? "close(%u,) " : "broken 1002", code);
        transcript out = feed((cp_slice){bytes, sizeof bytes}, sizeof bytes, 1);
        CHECK_TEXT(out.text, expected);
    }
}

/* ---- large messages */

/* A server's frame in new memory. */
static cp_slice server_frame(unsigned char first, size_t length, char **memory)
{
    unsigned char *bytes = malloc(length + 10), *at = bytes;
    *at++ = first;
    *at++ = length < 126 ? (unsigned char)length : length <= 0xFFFF ? 126 : 127;
    for (int i = length < 126 ? 0 : length <= 0xFFFF ? 2 : 8; i > 0; i--)
        *at++ = (unsigned char)((uint64_t)length >> (8 * (i - 1)));
    memset(at, 'x', length);
    *memory = (char *)bytes;
    return (cp_slice){*memory, (size_t)(at - bytes) + length};
}

TEST(messages_up_to_the_limit_are_given_and_not_one_byte_more)
{
    static const size_t lengths[] = {127, 255, 256, 65535, 65536, LIMIT - 1, LIMIT, LIMIT + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *memory, expected[32];
        cp_slice bytes = server_frame(0x81, lengths[i], &memory);
        snprintf(expected, sizeof expected,
                 lengths[i] > LIMIT ? "text()oversized " : "text(%zu bytes) ", lengths[i]);
        for (size_t split = 1; split < 20; split++) {
            CHECK_TEXT(feed(bytes, split, 4096).text, expected);
            CHECK_TEXT(feed(bytes, bytes.length - split, bytes.length).text, expected);
        }
        CHECK_TEXT(feed(bytes, bytes.length, 1).text, expected);
        free(memory);
    }
}

TEST(the_limit_counts_all_fragments_of_a_message_and_starts_anew_with_the_next)
{
    char *memory;
    cp_slice bytes = server_frame(0x01, LIMIT - 1, &memory);
    static const struct {
        const char *rest;
        size_t length;
        const char *expected;
    } ends[] = {
        {"\x80\x01y\x81\x02ok", 7, "text(70000 bytes) text(ok) "},
        {"\x80\x02yz\x81\x02ok", 8, "text()oversized text(ok) "},
        {"\x00\x02yz\x89\x01p\x00\x00\x80\x02zz\x01\x00\x80\x02ok", 19,
         "ping(p) text()oversized text(ok) "},
        {"\x00\x01y\x80\x00", 5, "text(70000 bytes) "},
        {"\x00\x01y\x80\x01z", 6, "text()oversized "},
        {"\x89\x03"
         "abc\x80\x01y",
         8, "ping(abc) text(70000 bytes) "},
    };
    char *all = malloc(bytes.length + 32);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        memcpy(all, bytes.data, bytes.length);
        memcpy(all + bytes.length, ends[i].rest, ends[i].length);
        cp_slice whole = {all, bytes.length + ends[i].length};
        CHECK_TEXT(feed(whole, whole.length, 1).text, ends[i].expected);
        CHECK_TEXT(feed(whole, 1460, 1460).text, ends[i].expected);
    }
    free(all);
    free(memory);
}

TEST(a_message_over_the_limit_is_read_past_and_keeps_no_memory)
{
    char *memory;
    cp_slice huge = server_frame(0x81, (size_t)LIMIT * CP_OVERSIZED_MOST, &memory);
    cp_websocket *self = cp_websocket_new(LIMIT);
    cp_message message;
    bool got = false;
    fail_allocation(1);
    while (!got) {
        size_t length = huge.length < 65536 ? huge.length : 65536;
        cp_slice piece = {huge.data, length};
        CHECK_INT(cp_websocket_next(self, &piece, &message, &got), CP_OK);
        huge.data += length;
        huge.length -= length;
    }
    CHECK(!allocation_failed());
    CHECK_INT(huge.length, 0);
    CHECK(message.is_oversized && message.payload.data == NULL);
    cp_slice good = {"\x81\x02ok", 4};
    CHECK_INT(next(self, &good, &message), CP_OK);
    CHECK(!message.is_oversized && cp_slice_is(message.payload, "ok"));
    cp_websocket_free(self);
    free(memory);
}

/* ---- lending, errors, memory */

TEST(a_message_that_lies_whole_in_the_input_is_lent_from_there)
{
    static const char bytes[] = "\x81\x05Hello\x01\x00\x80\x03two\x89\x04ping";
    cp_websocket *self = cp_websocket_new(LIMIT);
    cp_slice input = {bytes, sizeof bytes - 1};
    cp_message message;
    CHECK_INT(next(self, &input, &message), CP_OK);
    CHECK(message.payload.data == bytes + 2);
    CHECK_INT(next(self, &input, &message), CP_OK);
    CHECK(message.payload.data == bytes + 11);
    CHECK_INT(next(self, &input, &message), CP_OK);
    CHECK(message.payload.data == bytes + 16);
    cp_websocket_free(self);
}

TEST(a_message_from_the_input_needs_no_memory)
{
    cp_websocket *self = cp_websocket_new(LIMIT);
    fail_allocation(1);
    for (int i = 0; i < 100; i++) {
        cp_slice input = {"\x81\x05Hello", 7};
        cp_message message;
        CHECK_INT(next(self, &input, &message), CP_OK);
    }
    CHECK(!allocation_failed());
    cp_websocket_free(self);
}

TEST(an_error_is_repeated_for_ever)
{
    cp_websocket *self = cp_websocket_new(LIMIT);
    cp_slice bad = {"\x83\x00", 2}, good = {"\x81\x02ok", 4}, nothing = CP_ABSENT_SLICE;
    cp_message message;
    CHECK_INT(next(self, &bad, &message), CP_ERR_PROTOCOL);
    CHECK_INT(next(self, &good, &message), CP_ERR_PROTOCOL);
    CHECK_INT(next(self, &nothing, &message), CP_ERR_PROTOCOL);
    CHECK_INT(cp_websocket_close_code(self), 1002);
    CHECK_INT(good.length, 4);
    cp_websocket_free(self);
}

TEST(no_input_gives_no_message)
{
    cp_websocket *self = cp_websocket_new(LIMIT);
    cp_slice nothing = CP_ABSENT_SLICE;
    cp_message message;
    bool got = true;
    CHECK_INT(cp_websocket_next(self, &nothing, &message, &got), CP_OK);
    CHECK(!got);
    cp_websocket_free(self);
    cp_websocket_free(NULL);
}

TEST(without_memory_the_connection_is_over_and_says_so)
{
    static const char bytes[] = "\x01\x03Hel\x00\x02lo\x80\x01!";
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_message message = {0};
        cp_status status = CP_OK;
        bool got = false;
        fail_allocation(n);
        cp_websocket *self = cp_websocket_new(LIMIT);
        for (size_t i = 0; self && i < sizeof bytes - 1 && status == CP_OK; i++) {
            cp_slice input = {bytes + i, 1};
            status = cp_websocket_next(self, &input, &message, &got);
        }
        failed = allocation_failed();
        if (self && failed) {
            CHECK_INT(status, CP_ERR_NOMEM);
            CHECK_INT(cp_websocket_close_code(self), 1011);
        } else if (self) {
            CHECK(got);
            CHECK(cp_slice_is(message.payload, "Hello!"));
        }
        cp_websocket_free(self);
    }
}
