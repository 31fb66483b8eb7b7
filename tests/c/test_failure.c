#include "core/failure.h"

#include "test.h"

#include "core/utf8.h"

TEST(says_what_why_and_nothing_of_an_earlier_failure)
{
    cp_failure failure = {.retry_after = 7, .details = "old"};
    cp_failure_set(&failure, CP_FAILURE_AUTH, "ERR_UID_NOT_FOUND", "No user %s here.", "bob");
    CHECK_INT(failure.kind, CP_FAILURE_AUTH);
    CHECK_TEXT(failure.code, "ERR_UID_NOT_FOUND");
    CHECK_TEXT(failure.message, "No user bob here.");
    CHECK_TEXT(failure.details, "");
    CHECK_INT(failure.retry_after, 0);
}

TEST(may_be_built_from_its_own_texts)
{
    cp_failure failure;
    cp_failure_set(&failure, CP_FAILURE_SERVER, "CODE", "%s", "down");
    cp_failure_set(&failure, CP_FAILURE_CONNECTION_LOST, failure.code, "lost: %s", failure.message);
    CHECK_TEXT(failure.code, "CODE");
    CHECK_TEXT(failure.message, "lost: down");
}

TEST(a_missing_code_is_empty)
{
    cp_failure failure;
    cp_failure_set(&failure, CP_FAILURE_TLS, NULL, "bad certificate");
    CHECK_TEXT(failure.code, "");
}

TEST(long_texts_are_cut_between_characters)
{
    cp_failure failure;
    char text[600];
    for (size_t before = 0; before < 4; before++) {
        memset(text, 'x', before);
        for (size_t at = before; at + 3 < sizeof text; at += 3)
            memcpy(text + at, "\xE2\x82\xAC", 4);
        cp_failure_set(&failure, CP_FAILURE_SERVER, text, "%s", text);
        CHECK(cp_utf8_is_valid(cp_slice_of(failure.code)));
        CHECK(cp_utf8_is_valid(cp_slice_of(failure.message)));
        CHECK(strlen(failure.code) > sizeof failure.code - 4);
        CHECK(strlen(failure.message) > sizeof failure.message - 4);
    }
}

TEST(a_message_that_just_fits_is_whole)
{
    cp_failure failure;
    cp_failure_set(&failure, CP_FAILURE_SERVER, "", "%*s", (int)sizeof failure.message - 1, "x");
    CHECK_INT(strlen(failure.message), sizeof failure.message - 1);
    CHECK_INT(failure.message[sizeof failure.message - 2], 'x');
}

TEST(refusing_an_argument_is_a_sentence)
{
    cp_failure failure;
    CHECK_INT(cp_failure_refuse(&failure, "INVALID_UID", "uid", "is empty"), CP_ERR_ARGUMENT);
    CHECK_INT(failure.kind, CP_FAILURE_CONFIG);
    CHECK_TEXT(failure.code, "INVALID_UID");
    CHECK_TEXT(failure.message, "The uid is empty.");
}

TEST(every_status_has_words)
{
    for (int status = -1000; status <= 0; status++) {
        const char *words = cp_status_text((cp_status)status);
        CHECK(words != NULL && *words);
    }
    CHECK_TEXT(cp_status_text(CP_ERR_NOMEM), "out of memory");
    CHECK_TEXT(cp_status_text((cp_status)7), "unknown status");
}
