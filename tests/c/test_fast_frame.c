#include "core/fast_frame.h"

#include "json_trials.h"
#include "same_frame.h"
#include "test.h"

#define ME "PY-me"

/* ---- frames */

/* As the service writes them, every field in it. */
static const char full[] =
    "{\"appId\":\"app\",\"deviceId\":\"WEB-other\",\"type\":\"presence\",\"sender\":\"bob\","
    "\"body\":{\"action\":\"online\",\"timestamp\":1700001111,\"user\":{\"uid\":\"bob\","
    "\"name\":\"Zo\xC3\xAB \\\"Z\\\" M\\u00fcller "
    "\\ud83d\\ude00\",\"avatar\":\"https:\\/\\/x.y\\/b.png\","
    "\"link\":\"l\",\"role\":\"teacher\",\"status\":\"available\",\"statusMessage\":\"at\\nwork\","
    "\"metadata\":{\"a\":[1,-2.5,true,null],\"b\":\"\\u00e9\\t\\/\",\"c\":{}},"
    "\"tags\":[\"vip\",\"\\\\\"],\"lastActiveAt\":1700000999,\"createdAt\":1700000000123,"
    "\"updatedAt\":0,\"deactivatedAt\":null}}}";

/* As PROTOCOL §9.1 has it. */
static const char spaced[] =
    "{\"appId\": \"app\", \"deviceId\": \"WEB-other-device\", \"type\": \"presence\", "
    "\"sender\": \"bob\", \"body\": {\"action\": \"offline\", \"timestamp\": 1700002222, "
    "\"user\": {\"uid\": \"bob\", \"name\": \"Bob B\", "
    "\"avatar\": \"https://example.invalid/bob.png\", \"status\": \"offline\", "
    "\"role\": \"teacher\", \"lastActiveAt\": 1700002222, \"createdAt\": 1700000000, "
    "\"updatedAt\": 1700000100, \"metadata\": {\"a\": [1, \"b c\"]}, \"tags\": [ ]}}}";

static const char *const captures[] = {full, spaced};
#define CAPTURES (sizeof captures / sizeof *captures)

/* ---- reading both ways */

static char room[CP_FAST_FRAME_ROOM];

/* The shortcut takes it: otherwise all that agrees below would prove little. */
static bool is_taken(const char *text)
{
    cp_fast_frame frame;
    char *exact = exact_copy(cp_slice_of(text));
    cp_slice whole = {exact, strlen(text)};
    cp_name_order order = {{0}};
    bool taken = cp_fast_frame_read(whole, cp_slice_of(ME), &order, room, &frame);
    free(exact);
    return taken;
}

static void check_agreement(cp_slice text)
{
    char *exact = exact_copy(text);
    cp_status status;
    bool agree = both_roads_agree((cp_slice){exact, text.length}, cp_slice_of(ME), &status);
    free(exact);
    if (!agree)
        fail_test(__FILE__, __LINE__, "two meanings of %.*s", (int)text.length, text.data);
}

/* With `user` for the members of the user. */
static const char *frame_of(const char *user)
{
    static char text[64 * 1024];
    snprintf(text, sizeof text,
             "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"timestamp\":5,"
             "\"user\":{%s}}}",
             user);
    return text;
}

static void check_user(const char *user, bool taken)
{
    const char *text = frame_of(user);
    check_agreement(cp_slice_of(text));
    if (is_taken(text) != taken)
        fail_test(__FILE__, __LINE__, "%s %.200s", taken ? "not taken:" : "taken:", user);
}

/* ---- tests */

TEST(what_servers_send_is_taken_and_means_the_same)
{
    for (size_t i = 0; i < CAPTURES; i++) {
        CHECK(is_taken(captures[i]));
        check_agreement(cp_slice_of(captures[i]));
    }
}

TEST(what_was_cut_off_or_changed_means_the_same)
{
    for (size_t i = 0; i < CAPTURES; i++) {
        cut_off_everywhere(cp_slice_of(captures[i]), check_agreement);
        changed_everywhere(cp_slice_of(captures[i]), check_agreement);
    }
}

/* Each byte left out, doubled, and with each of its bits turned. */
TEST(every_mutation_of_every_byte_means_the_same)
{
    const size_t length = strlen(full);
    char text[sizeof full + 1];

    for (size_t at = 0; at < length; at++) {
        memcpy(text, full, at);
        memcpy(text + at, full + at + 1, length - at - 1);
        check_agreement((cp_slice){text, length - 1});
        memcpy(text, full, at + 1);
        memcpy(text + at + 1, full + at, length - at);
        check_agreement((cp_slice){text, length + 1});
    }
    memcpy(text, full, length);
    for (size_t at = 0; at < length; at++) {
        for (int bit = 0; bit < 8; bit++) {
            text[at] = (char)(full[at] ^ 1 << bit);
            check_agreement((cp_slice){text, length});
        }
        text[at] = full[at];
    }
}

TEST(a_repeated_name_counts_as_none_and_is_left_to_the_parser)
{
    check_user("\"uid\":\"a\",\"uid\":\"b\"", false);
    check_user("\"uid\":\"a\",\"name\":\"b\",\"name\":\"c\"", false);
    check_user("\"uid\":\"a\",\"\\u0075id\":\"b\"", false);
    check_user("\"uid\":\"a\",\"tags\":[],\"tags\":1", false);
    check_user("\"uid\":\"a\",\"createdAt\":1,\"createdAt\":2", false);
    check_user("\"uid\":\"a\",\"status\":1,\"status\":2", true); /* nobody asks for it */
    check_user("\"uid\":\"a\",\"metadata\":{\"b\":1,\"b\":2}", true);
}

/* What was learned of one order harms no other, and no mistake is taken for what is expected. */
TEST(frames_in_any_order_mean_the_same)
{
    static const char *const orders[] = {
        full,
        spaced,
        "{\"body\":{\"user\":{\"tags\":[],\"role\":\"r\",\"uid\":\"a\"},\"action\":\"offline\"},"
        "\"type\":\"presence\"}",
        "{\"deviceId\":\"" ME "\",\"body\":{\"timestamp\":12345678,\"action\":\"online\","
        "\"user\":{\"uid\":\"a\",\"status\":\"x\",\"type\":1,\"x\":2,\"name\":\"n\"}},"
        "\"type\":\"presence\"}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":{\"uid\":\"a\",\"uid\":"
        "\"b\"}}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":{\"uid\":\"a\",\"name:"
        "\"b\"}}}",
    };
    const size_t count = sizeof orders / sizeof *orders;

    for (size_t learned = 0; learned < count; learned++) {
        for (size_t told = 0; told < count; told++) {
            cp_frame_reader reader = {.session_id = cp_slice_of(ME)};
            cp_status status;
            CHECK(reader_agrees(&reader, cp_slice_of(orders[learned]), &status));
            CHECK(reader_agrees(&reader, cp_slice_of(orders[told]), &status));
            CHECK(reader_agrees(&reader, cp_slice_of(orders[learned]), &status));
        }
    }
}

TEST(escapes_and_characters_mean_the_same)
{
    check_user("\"uid\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\b\\f\\n\\r\\t\\\"\\\\\\/\"", true);
    check_user(
        "\"uid\":\"a\",\"metadata\":{\"\\u0022\\u005c\\u001f\\b\":\"\\u20ac\\ud83d\\ude00\"}",
        true);
    check_user("\"uid\":\"a\",\"tags\":[\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"]", true);
    check_user("\"uid\":\"\\u0000\"", false);
    check_user("\"uid\":\"\\ud800\"", false);
    check_user("\"uid\":\"\\udc00\\ud800\"", false);
    check_user("\"uid\":\"\\ud800\\u0041\"", false);
    check_user("\"uid\":\"\\u00g0\"", false);
    check_user("\"uid\":\"\\x\"", false);
    check_user("\"uid\":\"\xC0\x80\"", false);
    check_user("\"uid\":\"a\",\"metadata\":{\"a\":\"\xED\xA0\x80\"}", false);
    check_user("\"uid\":\"a\",\"metadata\":{\"a\":\"\x1f\"}", false);
}

TEST(numbers_mean_the_same)
{
    static const char *const plain[] = {
        "0", "1", "-1", "-0", "999999999999999", "0.5", "-12.25", "0.0001", "123456789012.345",
    };
    static const char *const odd[] = {
        "1e5",
        "1E-7",
        "1e999",
        "-1e999",
        "0.0",
        "1.10",
        "0.00001",
        "9007199254740993",
        "123456789012345678901234567890123456789012345678901234567890",
        "1234567890123456789012345678901234567890123456789012345678901",
        "01",
        "1.",
        ".5",
        "+1",
        "--1",
        "1e",
        "0x1",
        "NaN",
        "Infinity",
    };
    char user[200];

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        snprintf(user, sizeof user, "\"uid\":\"a\",\"metadata\":{\"n\":[%s]}", plain[i]);
        check_user(user, true);
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        snprintf(user, sizeof user, "\"uid\":\"a\",\"metadata\":{\"n\":%s}", odd[i]);
        check_user(user, false);
        snprintf(user, sizeof user, "\"uid\":\"a\",\"createdAt\":%s", odd[i]);
        check_user(user, false);
    }
}

TEST(values_of_another_type_mean_the_same)
{
    static const char *const values[] = {"null", "true", "false", "[1,[2]]", "{\"a\":{}}"};
    char user[200];

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(user, sizeof user,
                 "\"uid\":\"a\",\"name\":%s,\"createdAt\":%s,\"tags\":%s,\"metadata\":%s",
                 values[i], values[i], values[i], values[i]);
        check_user(user, true);
        snprintf(user, sizeof user, "\"uid\":%s", values[i]);
        check_user(user, false);
    }
    check_user("\"uid\":\"a\",\"createdAt\":\"17\"", false);
    check_user("\"uid\":42", false);
    check_user("\"uid\":\"\"", false);
    check_user("\"name\":\"a\"", false);
    check_user("\"uid\":\"a\",\"name\":\"\",\"tags\":[],\"metadata\":{}", true);
}

TEST(other_frames_mean_the_same)
{
    static const char *const frames[] = {
        "{\"action\":\"pong\",\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":{"
        "\"uid\":\"a\"}}}",
        "{\"type\":\"presence\",\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":{"
        "\"uid\":\"a\"}}}",
        "{\"type\":\"auth\",\"body\":{\"action\":\"online\",\"user\":{\"uid\":\"a\"}}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"away\",\"user\":{\"uid\":\"a\"}}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":\"a\"}}",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"user\":{\"uid\":\"a\"}}}x",
        "{\"type\":\"presence\",\"body\":{\"action\":\"online\",\"timestamp\":\"7\",\"user\":{"
        "\"uid\":\"a\"}}}",
        "{\"type\":\"presence\",\"body\":[]}",
        "[]",
        "\"presence\"",
        "null",
        "",
        " ",
        "{",
        "{}",
    };
    static const char echo[] = "{\"type\":\"presence\",\"deviceId\":\"" ME
                               "\",\"body\":{\"user\":{\"uid\":\"a\"},\"action\":\"available\"}}";

    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        check_agreement(cp_slice_of(frames[i]));
        CHECK(!is_taken(frames[i]));
    }
    check_agreement(cp_slice_of(echo));
    CHECK(is_taken(echo));
}

static void put(char **at, const char *text, size_t times)
{
    for (; times > 0; times--)
        *at += sprintf(*at, "%s", text);
}

TEST(depth_means_the_same)
{
    for (size_t depth = 25; depth <= 34; depth++) {
        char user[300], *at = user;
        put(&at, "\"uid\":\"a\",\"tags\":", 1);
        put(&at, "[", depth);
        put(&at, "]", depth);
        check_user(user, depth <= 32 - 3);
    }
}

TEST(length_means_the_same)
{
    for (size_t length = 5000; length < 40000; length += 97) {
        static char user[50000];
        char *at = user;
        put(&at, "\"uid\":\"a\",\"metadata\":{\"b\":\"", 1);
        put(&at, "\\n", length / 2);
        put(&at, "\"}", 1);
        check_user(user, strlen(frame_of(user)) <= CP_FAST_FRAME_MOST);
    }
}

TEST(no_memory_is_told)
{
    cp_frame_reader reader = {.session_id = cp_slice_of(ME)};
    cp_frame frame;

    fail_allocation(1);
    CHECK_INT(cp_frame_read(&reader, cp_slice_of(full), &frame), CP_ERR_NOMEM);
    CHECK(allocation_failed() && frame.presence.user == NULL);
}
