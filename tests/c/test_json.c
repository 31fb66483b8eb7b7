#include "core/json.h"

#include <locale.h>

#include "json_trials.h"
#include "test.h"

#define BYTES(literal) ((cp_slice){literal, sizeof literal - 1})
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static cp_status parse(cp_slice text, cp_json **out)
{
    char *exact = exact_copy(text);
    cp_status scanned = cp_json_scan((cp_slice){exact, text.length}, CP_JSON_FRAME_LIMITS);
    cp_status parsed = cp_json_parse((cp_slice){exact, text.length}, CP_JSON_FRAME_LIMITS, out);
    free(exact);
    CHECK_INT(parsed, scanned);
    CHECK((parsed == CP_OK) == (*out != NULL));
    return parsed;
}

static cp_json *document(const char *text)
{
    cp_json *root;
    CHECK_INT(parse(cp_slice_of(text), &root), CP_OK);
    return root;
}

/* ---- the scan */

typedef struct sample {
    cp_slice text;
    cp_status status;
} sample;

static void check_samples(const sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cp_json *root;
        cp_status status = parse(samples[i].text, &root);
        if (status != samples[i].status)
            fail_test(__FILE__, __LINE__, "%d for sample %zu: %.60s", status, i,
                      samples[i].text.data);
        cp_json_free(root);
    }
}

TEST(what_is_no_json_is_malformed)
{
    const sample samples[] = {
        {BYTES(""), CP_ERR_MALFORMED},
        {BYTES(" \t\r\n"), CP_ERR_MALFORMED},
        {BYTES("\xEF\xBB\xBF{}"), CP_ERR_MALFORMED}, /* a byte order mark */
        {BYTES("{} x"), CP_ERR_MALFORMED},
        {BYTES("{}{}"), CP_ERR_MALFORMED},
        {BYTES("[1,]"), CP_ERR_MALFORMED},
        {BYTES("[,1]"), CP_ERR_MALFORMED},
        {BYTES("[1 2]"), CP_ERR_MALFORMED},
        {BYTES("[1}"), CP_ERR_MALFORMED},
        {BYTES("["), CP_ERR_MALFORMED},
        {BYTES("[1"), CP_ERR_MALFORMED},
        {BYTES("]"), CP_ERR_MALFORMED},
        {BYTES("{\"a\":1,}"), CP_ERR_MALFORMED},
        {BYTES("{\"a\" 1}"), CP_ERR_MALFORMED},
        {BYTES("{\"a\":}"), CP_ERR_MALFORMED},
        {BYTES("{\"a\"}"), CP_ERR_MALFORMED},
        {BYTES("{a:1}"), CP_ERR_MALFORMED},
        {BYTES("{1:1}"), CP_ERR_MALFORMED},
        {BYTES("{"), CP_ERR_MALFORMED},
        {BYTES("{'a':1}"), CP_ERR_MALFORMED},
        {BYTES("/* no */ 1"), CP_ERR_MALFORMED},
        {BYTES("1 // no"), CP_ERR_MALFORMED},
        {BYTES("nul"), CP_ERR_MALFORMED},
        {BYTES("nulL"), CP_ERR_MALFORMED},
        {BYTES("truefalse"), CP_ERR_MALFORMED},
        {BYTES("NaN"), CP_ERR_MALFORMED},
        {BYTES("Infinity"), CP_ERR_MALFORMED},
        {BYTES("\v1"), CP_ERR_MALFORMED},
    };
    check_samples(samples, LENGTH(samples));
}

TEST(numbers_follow_the_grammar)
{
    const sample samples[] = {
        {BYTES("0"), CP_OK},
        {BYTES("-0"), CP_OK},
        {BYTES("-0.0e-00"), CP_OK},
        {BYTES("10.01E+7"), CP_OK},
        {BYTES("1e999"), CP_OK},
        {BYTES("01"), CP_ERR_MALFORMED},
        {BYTES("-01"), CP_ERR_MALFORMED},
        {BYTES("1."), CP_ERR_MALFORMED},
        {BYTES(".5"), CP_ERR_MALFORMED},
        {BYTES("1.e5"), CP_ERR_MALFORMED},
        {BYTES("1e"), CP_ERR_MALFORMED},
        {BYTES("1e+"), CP_ERR_MALFORMED},
        {BYTES("-"), CP_ERR_MALFORMED},
        {BYTES("+1"), CP_ERR_MALFORMED},
        {BYTES("0x10"), CP_ERR_MALFORMED},
        {BYTES("1,5"), CP_ERR_MALFORMED},
        {BYTES("123456789012345678901234567890123456789012345678901234567890"), CP_OK},
        {BYTES("1234567890123456789012345678901234567890123456789012345678901"), CP_ERR_TOO_LARGE},
    };
    check_samples(samples, LENGTH(samples));
}

TEST(strings_are_strict)
{
    const sample samples[] = {
        {BYTES("\"\""), CP_OK},
        {BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u00E4\""), CP_OK},
        {BYTES("\"\x7F\xC3\xA4\xF0\x9F\x98\x80\""), CP_OK},
        {BYTES("\"open"), CP_ERR_MALFORMED},
        {BYTES("\"open\\"), CP_ERR_MALFORMED},
        {BYTES("\"open\\\""), CP_ERR_MALFORMED},
        {BYTES("\"\\x\""), CP_ERR_MALFORMED},
        {BYTES("\"\\u12\""), CP_ERR_MALFORMED},
        {BYTES("\"\\u12"), CP_ERR_MALFORMED},
        {BYTES("\"\\u00g0\""), CP_ERR_MALFORMED},
        {BYTES("\"line\nbreak\""), CP_ERR_MALFORMED},
        {BYTES("\"\x01\""), CP_ERR_MALFORMED},
        {BYTES("\"\x1F\""), CP_ERR_MALFORMED},
        {BYTES("{\"a\tb\":1}"), CP_ERR_MALFORMED},
    };
    check_samples(samples, LENGTH(samples));
}

TEST(nul_and_what_is_no_character_is_an_encoding_error)
{
    const sample samples[] = {
        {BYTES("\"\xFF\xFE\""), CP_ERR_ENCODING},
        {BYTES("\"\xC0\x80\""), CP_ERR_ENCODING},
        {BYTES("\"\xED\xA0\x80\""), CP_ERR_ENCODING},
        {BYTES("{}\0"), CP_ERR_ENCODING},
        {BYTES("\0{}"), CP_ERR_ENCODING},
        {BYTES("\"a\0b\""), CP_ERR_ENCODING},
        {BYTES("\"x\\u0000y\""), CP_ERR_ENCODING},
        {BYTES("{\"uid\\u0000evil\":\"v\",\"uid\":\"good\"}"), CP_ERR_ENCODING},
        {BYTES("\"\\ud83d\\ude00\""), CP_OK},
        {BYTES("\"\\ud800\""), CP_ERR_ENCODING},
        {BYTES("\"\\udc00\""), CP_ERR_ENCODING},
        {BYTES("\"\\ud800x\""), CP_ERR_ENCODING},
        {BYTES("\"\\ud800\\n\""), CP_ERR_ENCODING},
        {BYTES("\"\\ud800\\ud800\""), CP_ERR_ENCODING},
        {BYTES("\"\\ud800\\u0041\""), CP_ERR_ENCODING},
        {BYTES("\"\\ud800\\u"), CP_ERR_ENCODING},
        {BYTES("{\"\\udfff\":1}"), CP_ERR_ENCODING},
    };
    check_samples(samples, LENGTH(samples));
}

static cp_slice nested(char *text, unsigned depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return (cp_slice){text, (size_t)depth * 2};
}

TEST(nesting_ends_at_the_limit)
{
    char text[200000];
    CHECK_INT(cp_json_scan(nested(text, 32), CP_JSON_FRAME_LIMITS), CP_OK);
    CHECK_INT(cp_json_scan(nested(text, 33), CP_JSON_FRAME_LIMITS), CP_ERR_TOO_DEEP);
    CHECK_INT(cp_json_scan(nested(text, 100000), CP_JSON_FRAME_LIMITS), CP_ERR_TOO_DEEP);
    CHECK_INT(cp_json_scan(cp_slice_of("{\"a\":{\"b\":[[]]}}"), (cp_json_limits){99, 3, 99}),
              CP_ERR_TOO_DEEP);
    CHECK_INT(cp_json_scan(cp_slice_of("[[],[],[[]],{}]"), (cp_json_limits){99, 3, 99}), CP_OK);
}

TEST(size_and_count_end_at_the_limit)
{
    cp_json_limits limits = {7, 32, 4};
    CHECK_INT(cp_json_scan(cp_slice_of("[1,2,3]"), limits), CP_OK);
    CHECK_INT(cp_json_scan(cp_slice_of("[1,2,3] "), limits), CP_ERR_TOO_LARGE);
    limits = (cp_json_limits){100, 32, 4};
    CHECK_INT(cp_json_scan(cp_slice_of("[1,2,3,4]"), limits), CP_ERR_TOO_LARGE);
    CHECK_INT(cp_json_scan(cp_slice_of("{\"a\":[{}],\"b\":1}"), limits), CP_OK);
    CHECK_INT(cp_json_scan(cp_slice_of("{\"a\":[{}],\"b\":1,\"c\":2}"), limits), CP_ERR_TOO_LARGE);
}

TEST(a_frame_of_numbers_costs_no_forty_times_its_size)
{
    static char text[256 * 1024 - 1];
    cp_json *root;
    memset(text, ',', sizeof text);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = '1';
    text[0] = '[';
    text[sizeof text - 1] = ']';
    CHECK_INT(cp_json_parse((cp_slice){text, sizeof text}, CP_JSON_FRAME_LIMITS, &root),
              CP_ERR_TOO_LARGE);
    CHECK(root == NULL);
}

TEST(no_beginning_of_a_document_is_one)
{
    const char *whole = "{\"a\\u00e4\":[1.5e3,true,null,\"\\ud83d\\ude00\",{}],\"b\":-0.1}";
    for (size_t length = 0; length < strlen(whole); length++) {
        cp_json *root;
        CHECK(parse((cp_slice){whole, length}, &root) != CP_OK);
    }
    cp_json_free(document(whole));
}

/* ---- reading */

TEST(members_are_found_by_their_exact_name)
{
    cp_json *root = document("{\"UID\":\"A\",\"uid\":\"b\",\"uidx\":\"c\"}");
    CHECK_TEXT(cp_json_text(cp_json_member(root, "uid")).data, "b");
    CHECK_TEXT(cp_json_text(cp_json_member(root, "UID")).data, "A");
    CHECK(cp_json_member(root, "Uid") == NULL);
    CHECK(cp_json_member(root, "") == NULL);
    cp_json_free(root);
}

TEST(a_name_that_is_there_twice_is_not_there)
{
    cp_json *root = document("{\"uid\":\"a\",\"x\":1,\"u\\u0069d\":\"a\"}");
    CHECK(cp_json_member(root, "uid") == NULL);
    CHECK(cp_json_member(root, "x") != NULL);
    cp_json_free(root);
}

TEST(what_is_no_object_has_no_members)
{
    cp_json *root = document("[{\"a\":1}]");
    CHECK(cp_json_member(root, "a") == NULL);
    CHECK(cp_json_member(NULL, "a") == NULL);
    CHECK(cp_json_member(cp_json_first(root), "a") != NULL);
    cp_json_free(root);
}

TEST(items_are_walked_in_their_order)
{
    cp_json *root = document("{\"a\":1,\"b\":[],\"a\":3}");
    const cp_json *item = cp_json_first(root);
    CHECK_TEXT(cp_json_name(item), "a");
    item = cp_json_next(item);
    CHECK_TEXT(cp_json_name(item), "b");
    CHECK(cp_json_first(item) == NULL);
    item = cp_json_next(item);
    CHECK_INT(cp_json_count(item), 3);
    CHECK(cp_json_next(item) == NULL);
    CHECK(cp_json_first(NULL) == NULL);
    cp_json_free(root);
}

TEST(every_value_knows_its_type)
{
    static const cp_json_type expected[] = {CP_JSON_NULL,   CP_JSON_FALSE,  CP_JSON_TRUE,
                                            CP_JSON_NUMBER, CP_JSON_STRING, CP_JSON_ARRAY,
                                            CP_JSON_OBJECT};
    cp_json *root = document("[null,false,true,0,\"\",[],{}]");
    const cp_json *item = cp_json_first(root);
    for (size_t i = 0; i < LENGTH(expected); i++, item = cp_json_next(item)) {
        CHECK_INT(cp_json_type_of(item), expected[i]);
        CHECK_INT(cp_json_text(item).data != NULL, expected[i] == CP_JSON_STRING);
    }
    CHECK_INT(cp_json_type_of(NULL), CP_JSON_NULL);
    CHECK(cp_json_text(NULL).data == NULL);
    CHECK(cp_json_number(NULL) == 0);
    cp_json_free(root);
}

TEST(escapes_become_the_characters_they_stand_for)
{
    cp_json *root = document("\"\\u00e4\\ud83d\\ude00\\n\\/\"");
    CHECK_TEXT(cp_json_text(root).data, "\xC3\xA4\xF0\x9F\x98\x80\n/");
    cp_json_free(root);
}

static int64_t count(const char *text)
{
    cp_json *root = document(text);
    int64_t value = cp_json_count(root);
    cp_json_free(root);
    return value;
}

TEST(counts_are_whole_numbers_up_to_two_to_the_53)
{
    CHECK_INT(count("0"), 0);
    CHECK_INT(count("-0"), 0);
    CHECK_INT(count("1700000000123"), 1700000000123);
    CHECK_INT(count("1.7e9"), 1700000000);
    CHECK_INT(count("9007199254740992"), 9007199254740992);
    CHECK_INT(count("9007199254740994"), CP_ABSENT);
    CHECK_INT(count("1e999"), CP_ABSENT);
    CHECK_INT(count("-1e999"), CP_ABSENT);
    CHECK_INT(count("-1"), CP_ABSENT);
    CHECK_INT(count("1.5"), CP_ABSENT);
    CHECK_INT(count("null"), CP_ABSENT);
    CHECK_INT(count("true"), CP_ABSENT);
    CHECK_INT(count("[1]"), CP_ABSENT);
    CHECK_INT(cp_json_count(NULL), CP_ABSENT);
}

TEST(digits_in_a_string_are_a_count)
{
    CHECK_INT(count("\"1700\""), 1700);
    CHECK_INT(count("\"0017\""), 17);
    CHECK_INT(count("\"9007199254740992\""), 9007199254740992);
    CHECK_INT(count("\"9007199254740993\""), CP_ABSENT);
    CHECK_INT(count("\"99999999999999999999999999\""), CP_ABSENT);
    CHECK_INT(count("\"\""), CP_ABSENT);
    CHECK_INT(count("\" 1\""), CP_ABSENT);
    CHECK_INT(count("\"-1\""), CP_ABSENT);
    CHECK_INT(count("\"1e3\""), CP_ABSENT);
}

static bool is_true(const char *text)
{
    cp_json *root = document(text);
    bool value = cp_json_is_true(root);
    cp_json_free(root);
    return value;
}

TEST(flags_come_in_several_spellings)
{
    CHECK(is_true("true") && is_true("1") && is_true("\"1\"") && is_true("\"true\""));
    CHECK(!is_true("false") && !is_true("0") && !is_true("\"0\"") && !is_true("\"false\""));
    CHECK(!is_true("null") && !is_true("\"\"") && !is_true("[true]") && !cp_json_is_true(NULL));
}

/* ---- writing */

static void check_printed(const char *text, const char *expected)
{
    cp_buffer out;
    cp_json *root = document(text);
    cp_buffer_init(&out);
    cp_json_print(root, &out);
    CHECK_TEXT(out.data, expected);
    cp_buffer_destroy(&out);
    cp_json_free(root);
}

TEST(what_is_printed_is_what_was_read)
{
    check_printed(" { \"a\" : [ 1 , true , false , null , { } , [ ] ] , \"b\" : \"\" } ",
                  "{\"a\":[1,true,false,null,{},[]],\"b\":\"\"}");
    check_printed("\"\\u00e4\\u0001\\\"\\\\\\/\\n\"", "\"\xC3\xA4\\u0001\\\"\\\\/\\u000a\"");
    check_printed("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");
    check_printed("{\"\\\"\":1}", "{\"\\\"\":1}");
}

TEST(numbers_keep_their_value)
{
    check_printed("9007199254740991", "9007199254740991");
    check_printed("-9007199254740991", "-9007199254740991");
    check_printed("1e15", "1000000000000000");
    check_printed("0.1", "0.1");
    check_printed("-2.50", "-2.5");
    check_printed("0.30000000000000004", "0.30000000000000004");
    check_printed("1e300", "1e+300");
    check_printed("5e-324", "4.94065645841247e-324");
    check_printed("1e999", "null");
}

TEST(a_foreign_decimal_point_is_not_printed)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        cp_buffer out;
        cp_json *root = document("[1.5,-1e-7]"); /* in our own locale */
        cp_buffer_init(&out);
        (void)setlocale(LC_NUMERIC, names[i]); /* may be missing; then there is little to see */
        cp_json_print(root, &out);
        (void)setlocale(LC_NUMERIC, "C");
        CHECK_TEXT(out.data, "[1.5,-1e-07]");
        cp_buffer_destroy(&out);
        cp_json_free(root);
    }
}

TEST(written_members_are_quoted_and_absent_ones_are_not_there)
{
    cp_buffer out;
    cp_buffer_init(&out);
    cp_json_put_member(&out, "a\"b", cp_slice_of("tab\there"));
    cp_json_put_member(&out, "gone", CP_ABSENT_SLICE);
    cp_json_put_member(&out, "empty", cp_slice_of(""));
    CHECK_TEXT(out.data, "\"a\\\"b\":\"tab\\u0009here\",\"empty\":\"\",");
    cp_buffer_clear(&out);
    cp_json_put_text(&out, BYTES("a\0b\x7F"));
    CHECK_TEXT(out.data, "\"a\\u0000b\x7F\"");
    cp_buffer_destroy(&out);
}

/* ---- no memory */

TEST(each_allocation_that_fails_is_no_memory)
{
    const char *text = "{\"a\":[1.5,\"x\",{\"y\":[]}],\"b\":\"\\u00e4\",\"n\":1e999,"
                       "\"long\":\"so that the buffer has to grow while this is printed\"}";
    count_the_engine();
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_buffer out;
        cp_json *root;
        cp_buffer_init(&out);
        fail_allocation(n);
        cp_status status = cp_json_parse(cp_slice_of(text), CP_JSON_FRAME_LIMITS, &root);
        CHECK((root == NULL) == (status != CP_OK));
        if (status == CP_OK) {
            cp_json_print(root, &out);
            status = cp_buffer_status(&out);
        }
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        cp_buffer_destroy(&out);
        cp_json_free(root);
    }
    leave_the_engine_alone();
}
