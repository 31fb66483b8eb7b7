#include "core/user.h"

#include "test.h"

static cp_json *root; /* of the test that runs */
static bool trimmed;

static cp_status read_with(cp_status (*reader)(const cp_json *, cp_presence *), const char *text,
                           cp_presence *out)
{
    CHECK_INT(cp_json_parse(cp_slice_of(text), CP_JSON_BODY_LIMITS, &root), CP_OK);
    cp_status status = reader(root, out);
    cp_json_free(root); /* nothing of it may be left in the user */
    return status;
}

static cp_status read_pushed(const cp_json *user, cp_presence *out)
{
    return cp_presence_read_pushed(user, out, &trimmed);
}

static cp_presence read_user(const char *text)
{
    cp_presence presence;
    CHECK_INT(read_with(cp_presence_read, text, &presence), CP_OK);
    return presence;
}

static void check_text_of(const cp_presence *presence, cp_user_text which, const char *expected)
{
    cp_slice text = cp_user_text_of(presence->user, which);
    if (!(expected ? cp_slice_is(text, expected) : text.data == NULL))
        fail_test(__FILE__, __LINE__, "text %d is \"%.*s\", not \"%s\"", which, (int)text.length,
                  text.data ? text.data : "(absent)", expected ? expected : "(absent)");
}

static const char whole[] =
    "{\"uid\":\"bob\",\"name\":\"Bob B\",\"avatar\":\"https://example.invalid/bob.png\","
    "\"link\":\"https://example.invalid/\",\"role\":\"teacher\",\"statusMessage\":\"\","
    "\"tags\":[\"vip\"],\"metadata\":{\"team\":{\"id\":9007199254740991}},"
    "\"status\":\"available\",\"lastActiveAt\":1795481765,\"deactivatedAt\":0,"
    "\"createdAt\":1700000000,\"updatedAt\":1700000100123,\"blockedByMe\":true,"
    "\"hasBlockedMe\":false,\"conversationId\":\"ignored\"}";

/* ---- from the server */

TEST(every_field_of_a_rest_user_is_read)
{
    cp_presence bob = read_user(whole);
    check_text_of(&bob, CP_USER_UID, "bob");
    check_text_of(&bob, CP_USER_NAME, "Bob B");
    check_text_of(&bob, CP_USER_AVATAR, "https://example.invalid/bob.png");
    check_text_of(&bob, CP_USER_LINK, "https://example.invalid/");
    check_text_of(&bob, CP_USER_ROLE, "teacher");
    check_text_of(&bob, CP_USER_STATUS_MESSAGE, "");
    check_text_of(&bob, CP_USER_TAGS, "[\"vip\"]");
    check_text_of(&bob, CP_USER_METADATA, "{\"team\":{\"id\":9007199254740991}}");
    CHECK_INT(cp_user_number_of(bob.user, CP_USER_DEACTIVATED_AT), 0);
    CHECK_INT(cp_user_number_of(bob.user, CP_USER_CREATED_AT), 1700000000);
    CHECK_INT(cp_user_number_of(bob.user, CP_USER_UPDATED_AT), 1700000100);
    CHECK(cp_user_blocked_by_me(bob.user) && !cp_user_has_blocked_me(bob.user));
    CHECK_INT(bob.status, CP_ONLINE);
    CHECK_INT(bob.last_active_at, 1795481765);
    CHECK_INT(bob.at, CP_ABSENT);
    cp_presence_destroy(&bob);
    CHECK(bob.user == NULL);
}

TEST(a_user_needs_nothing_but_a_uid)
{
    cp_presence bob = read_user("{\"uid\":\"bob\"}");
    check_text_of(&bob, CP_USER_UID, "bob");
    for (cp_user_text which = CP_USER_NAME; which < CP_USER_TEXTS; which++)
        check_text_of(&bob, which, NULL);
    for (int which = 0; which < CP_USER_NUMBERS; which++)
        CHECK_INT(cp_user_number_of(bob.user, (cp_user_number)which), CP_ABSENT);
    CHECK_INT(bob.status, CP_OFFLINE);
    CHECK_INT(bob.last_active_at, CP_ABSENT);
    cp_presence_destroy(&bob);
}

TEST(a_bare_string_is_a_uid_and_a_number_becomes_digits)
{
    cp_presence presence = read_user("\"n12-user-is-a-string\"");
    check_text_of(&presence, CP_USER_UID, "n12-user-is-a-string");
    cp_presence_destroy(&presence);
    presence = read_user("{\"uid\":42,\"name\":\"n03 numeric uid\"}");
    check_text_of(&presence, CP_USER_UID, "42");
    cp_presence_destroy(&presence);
    presence = read_user("{\"uid\":9007199254740991}");
    check_text_of(&presence, CP_USER_UID, "9007199254740991");
    cp_presence_destroy(&presence);
}

TEST(without_a_usable_uid_there_is_no_user)
{
    static const char *const texts[] = {
        "null",
        "true",
        "[]",
        "[\"bob\"]",
        "\"\"",
        "{}",
        "{\"name\":\"Bob\"}",
        "{\"uid\":\"\"}",
        "{\"uid\":null}",
        "{\"uid\":{}}",
        "{\"uid\":[\"bob\"]}",
        "{\"uid\":-1}",
        "{\"uid\":1.5}",
        "{\"uid\":1e999}",
        "{\"uid\":9007199254740993}", /* a double cannot tell it from its neighbour */
        "{\"UID\":\"bob\"}",
        "{\"uid\":\"bob\",\"uid\":\"eve\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cp_presence presence;
        CHECK_INT(read_with(cp_presence_read, texts[i], &presence), CP_ERR_MALFORMED);
        CHECK(presence.user == NULL);
        cp_presence_destroy(&presence);
    }
}

TEST(fields_of_another_type_are_absent)
{
    cp_presence bob = read_user("{\"uid\":\"bob\",\"name\":7,\"avatar\":{},\"role\":null,"
                                "\"tags\":{},\"metadata\":\"{}\",\"createdAt\":\"soon\","
                                "\"updatedAt\":-5,\"lastActiveAt\":true,\"name\":\"twice\"}");
    for (cp_user_text which = CP_USER_NAME; which < CP_USER_TEXTS; which++)
        check_text_of(&bob, which, NULL);
    CHECK_INT(cp_user_number_of(bob.user, CP_USER_CREATED_AT), CP_ABSENT);
    CHECK_INT(cp_user_number_of(bob.user, CP_USER_UPDATED_AT), CP_ABSENT);
    CHECK_INT(bob.last_active_at, CP_ABSENT);
    cp_presence_destroy(&bob);
}

TEST(a_pushed_user_has_neither_times_nor_status_nor_blocks)
{
    cp_presence bob;
    CHECK_INT(read_with(read_pushed,
                        "{\"uid\":\"bob\",\"name\":\"Bob B\",\"status\":\"available\","
                        "\"lastActiveAt\":5,\"blockedByMe\":true,\"hasBlockedMe\":true}",
                        &bob),
              CP_OK);
    check_text_of(&bob, CP_USER_NAME, "Bob B");
    CHECK(!cp_user_blocked_by_me(bob.user) && !cp_user_has_blocked_me(bob.user));
    CHECK_INT(bob.status, CP_UNKNOWN);
    CHECK_INT(bob.last_active_at, CP_ABSENT);
    CHECK_INT(bob.at, CP_ABSENT);
    cp_presence_destroy(&bob);
}

static cp_presence_status status_of(const char *json)
{
    char text[100];
    snprintf(text, sizeof text, "{\"uid\":\"bob\",\"status\":%s}", json);
    cp_presence bob = read_user(text);
    cp_presence_destroy(&bob);
    return bob.status;
}

TEST(any_status_but_offline_and_nothing_is_online)
{
    CHECK_INT(status_of("\"available\""), CP_ONLINE);
    CHECK_INT(status_of("\"online\""), CP_ONLINE);
    CHECK_INT(status_of("\"busy\""), CP_ONLINE);
    CHECK_INT(status_of("\"Offline\""), CP_ONLINE);
    CHECK_INT(status_of("1"), CP_ONLINE);
    CHECK_INT(status_of("\"offline\""), CP_OFFLINE);
    CHECK_INT(status_of("\"\""), CP_OFFLINE);
    CHECK_INT(status_of("null"), CP_OFFLINE);
    CHECK_INT(status_of("0"), CP_OFFLINE);
    CHECK_INT(cp_presence_status_of(CP_ABSENT_SLICE), CP_OFFLINE);
    CHECK_INT(cp_presence_status_of((cp_slice){"offline, really", 7}), CP_OFFLINE);
}

TEST(milliseconds_become_seconds)
{
    CHECK_INT(cp_seconds_of(1700000000123), 1700000000);
    CHECK_INT(cp_seconds_of(100000000001), 100000000);
    CHECK_INT(cp_seconds_of(100000000000), 100000000000);
    CHECK_INT(cp_seconds_of(0), 0);
    CHECK_INT(cp_seconds_of(CP_ABSENT), CP_ABSENT);
}

/* ---- large profiles */

static char *profile(const char *field, char open, char close, size_t size)
{
    static char text[64 * 1024];
    int start =
        snprintf(text, sizeof text, "{\"uid\":\"bob\",\"name\":\"Bob B\",\"%s\":%c\"", field, open);
    memset(text + start, 'x', size);
    snprintf(text + start + size, sizeof text - (size_t)start - size, "\"%c}", close);
    return text;
}

TEST(a_large_profile_is_read_whole_and_loses_its_tags_when_it_is_to_be_kept)
{
    cp_presence bob = read_user(profile("tags", '[', ']', CP_USER_PROFILE_LIMIT));
    CHECK(cp_user_text_of(bob.user, CP_USER_TAGS).length > CP_USER_PROFILE_LIMIT);
    CHECK(cp_presence_trim(&bob));
    check_text_of(&bob, CP_USER_TAGS, NULL);
    check_text_of(&bob, CP_USER_NAME, "Bob B");
    cp_presence_destroy(&bob);
}

TEST(a_profile_at_the_limit_is_whole)
{
    size_t others = strlen("bob"
                           "Bob B"
                           "[\"\"]");
    cp_presence bob = read_user(profile("tags", '[', ']', CP_USER_PROFILE_LIMIT - others));
    CHECK(!cp_presence_trim(&bob));
    CHECK(cp_user_text_of(bob.user, CP_USER_TAGS).length > 16000);
    cp_presence_destroy(&bob);
    bob = read_user(profile("tags", '[', ']', CP_USER_PROFILE_LIMIT - others + 1));
    CHECK(cp_presence_trim(&bob));
    cp_presence_destroy(&bob);
}

TEST(a_large_profile_that_is_pushed_is_trimmed_at_once)
{
    cp_presence bob;
    const char *text = profile("tags", '[', ']', CP_USER_PROFILE_LIMIT);
    CHECK_INT(read_with(read_pushed, text, &bob), CP_OK);
    CHECK(trimmed);
    check_text_of(&bob, CP_USER_TAGS, NULL);
    cp_presence_destroy(&bob);
}

TEST(trimming_keeps_everything_else)
{
    cp_presence bob = read_user(profile("tags", '[', ']', CP_USER_PROFILE_LIMIT));
    cp_presence copy = {.user = cp_user_hold(bob.user)};
    fail_allocation(1);
    CHECK(!cp_presence_trim(&bob)); /* no memory for less: the whole one stays */
    CHECK(allocation_failed());
    CHECK(bob.user == copy.user);
    CHECK(cp_presence_trim(&bob));
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        CHECK_INT(cp_user_number_of(bob.user, (cp_user_number)i),
                  cp_user_number_of(copy.user, (cp_user_number)i));
    cp_presence_destroy(&copy);
    cp_presence_destroy(&bob);
}

TEST(a_long_name_is_kept_and_nothing_was_trimmed)
{
    cp_presence bob = read_user(profile("link", ' ', ' ', 40000));
    CHECK(!cp_presence_trim(&bob));
    CHECK_INT(cp_user_text_of(bob.user, CP_USER_LINK).length, 40000);
    check_text_of(&bob, CP_USER_NAME, "Bob B");
    cp_presence_destroy(&bob);
}

/* ---- sharing */

TEST(a_user_lives_until_the_last_holder_lets_go)
{
    cp_presence bob = read_user(whole);
    cp_user *other = cp_user_hold(bob.user);
    CHECK(other == bob.user);
    cp_presence_destroy(&bob);
    CHECK(cp_slice_is(cp_user_text_of(other, CP_USER_NAME), "Bob B"));
    cp_user_release(other);
    cp_user_release(NULL);
}

TEST(users_are_equal_when_every_field_is)
{
    static const char *const others[] = {
        "{\"uid\":\"bobB\",\"name\":\"ob\"}",
        "{\"uid\":\"bob\"}",
        "{\"uid\":\"bob\",\"name\":\"\"}",
        "{\"uid\":\"bob\",\"avatar\":\"Bob\"}",
        "{\"uid\":\"bob\",\"name\":\"bob\"}",
        "{\"uid\":\"bob\",\"name\":\"Bob\",\"createdAt\":0}",
        "{\"uid\":\"bob\",\"name\":\"Bob\",\"blockedByMe\":1}",
        "{\"uid\":\"bob\",\"name\":\"Bob\",\"hasBlockedMe\":1}",
    };
    cp_presence bob = read_user("{\"uid\":\"bob\",\"name\":\"Bob\"}");
    cp_presence again = read_user("{\"name\":\"Bob\",\"uid\":\"bob\",\"status\":\"available\"}");
    CHECK(cp_user_equal(bob.user, bob.user));
    CHECK(cp_user_equal(bob.user, again.user));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cp_presence other = read_user(others[i]);
        CHECK(!cp_user_equal(bob.user, other.user));
        CHECK(!cp_user_equal(other.user, bob.user));
        cp_presence_destroy(&other);
    }
    cp_presence_destroy(&bob);
    cp_presence_destroy(&again);
}

TEST(an_empty_name_is_not_an_absent_one)
{
    cp_presence empty = read_user("{\"uid\":\"bob\",\"name\":\"\"}");
    cp_presence absent = read_user("{\"uid\":\"bob\"}");
    CHECK(!cp_user_equal(empty.user, absent.user));
    cp_presence_destroy(&empty);
    cp_presence_destroy(&absent);
}

/* ---- the layouts */

#define LONG_TEXT (UINT16_MAX + 1)

static cp_user *new_user(const cp_user_fields *fields)
{
    cp_user *user = cp_user_new(fields, NULL);
    CHECK(user != NULL);
    for (int i = 0; i < CP_USER_TEXTS; i++)
        CHECK(cp_slice_equal(cp_user_text_of(user, (cp_user_text)i), fields->text[i]));
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        CHECK_INT(cp_user_number_of(user, (cp_user_number)i), fields->number[i]);
    CHECK(cp_user_blocked_by_me(user) == fields->blocked_by_me);
    CHECK(cp_user_has_blocked_me(user) == fields->has_blocked_me);
    CHECK(cp_user_has(user, fields));
    return user;
}

/* It comes back as it was, and differs from the one before. */
static void check_kept(const cp_user_fields *fields, cp_user **before)
{
    cp_user *user = new_user(fields), *same = new_user(fields);
    CHECK(cp_user_equal(user, same));
    CHECK(!*before || (!cp_user_equal(user, *before) && !cp_user_equal(*before, user)));
    CHECK(!*before || !cp_user_has(*before, fields));
    cp_user_release(same);
    cp_user_release(*before);
    *before = user;
}

TEST(texts_of_any_length_and_numbers_of_any_size_are_kept)
{
    static const size_t length[] = {1, 255, 256, 65535, LONG_TEXT};
    static const int64_t number[] = {0,  UINT32_MAX - 1, UINT32_MAX, INT64_C(1) << 32,
                                     -1, INT64_MAX,      CP_ABSENT};
    char *text = malloc(LONG_TEXT);
    cp_user *before = NULL;
    cp_user_fields fields = {.number = {CP_ABSENT, 7, CP_ABSENT}, .has_blocked_me = true};

    memset(text, 'x', LONG_TEXT);
    for (int i = 0; i < CP_USER_TEXTS; i++)
        fields.text[i] = (cp_slice){text, (size_t)i + 1};
    for (int i = 0; i < CP_USER_TEXTS; i++) {
        cp_slice kept = fields.text[i];
        for (size_t n = 0; n < sizeof length / sizeof *length; n++) {
            fields.text[i] = (cp_slice){text, length[n] + (size_t)(n == 0) * 10};
            check_kept(&fields, &before);
        }
        fields.text[i] = kept;
    }
    for (int i = 0; i < CP_USER_NUMBERS; i++) {
        for (size_t n = 0; n < sizeof number / sizeof *number; n++) {
            fields.number[i] = number[n];
            check_kept(&fields, &before);
        }
    }
    fields.blocked_by_me = true;
    check_kept(&fields, &before);
    fields.has_blocked_me = false;
    check_kept(&fields, &before);
    fields.text[CP_USER_METADATA] = (cp_slice){"", 0};
    check_kept(&fields, &before);
    fields.text[CP_USER_METADATA] = CP_ABSENT_SLICE;
    check_kept(&fields, &before);
    fields.text[CP_USER_NAME].data++;
    text[fields.text[CP_USER_NAME].length] = 'y';
    check_kept(&fields, &before);
    cp_user_release(before);
    free(text);
}

TEST(each_allocation_that_fails_leaves_no_user)
{
    for (unsigned n = 1, failed = 1; failed; n++) {
        cp_presence bob;
        CHECK_INT(cp_json_parse(cp_slice_of(whole), CP_JSON_BODY_LIMITS, &root), CP_OK);
        fail_allocation(n);
        cp_status status = cp_presence_read(root, &bob);
        failed = allocation_failed();
        CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
        CHECK((bob.user == NULL) == (status != CP_OK));
        cp_presence_destroy(&bob);
        cp_json_free(root);
    }
}
