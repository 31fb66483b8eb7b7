/* What all fuzzers share.  It takes the place of test.h, so that the stages of tests/c can be
 * played on here too: a CHECK that fails ends the process, and libFuzzer keeps the input.
 *
 * Each fuzz_<noun>.c is one program.  Its first comment says what holds for any input, and at
 * least how many edges of the code a run reaches, so that a fuzzer gone blind is noticed. */
#ifndef FUZZ_H
#define FUZZ_H
#define TEST_H /* in its place */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/user.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- checks */

#define CHECK(condition) ((condition) ? (void)0 : fail_test(__FILE__, __LINE__, "%s", #condition))
#define CHECK_INT(actual, expected) check_int(__FILE__, __LINE__, #actual, actual, expected)
#define CHECK_TEXT(actual, expected) check_text(__FILE__, __LINE__, #actual, actual, expected)

__attribute__((format(printf, 3, 4))) _Noreturn static inline void
fail_test(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: failed: ", file, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

static inline void check_int(const char *file, int line, const char *what, long long actual,
                             long long expected)
{
    if (actual != expected)
        fail_test(file, line, "%s is %lld, not %lld", what, actual, expected);
}

static inline void check_text(const char *file, int line, const char *what, const char *actual,
                              const char *expected)
{
    if (strcmp(actual, expected) != 0)
        fail_test(file, line, "%s is \"%s\", not \"%s\"", what, actual, expected);
}

/* Here no allocation is made to fail. */
#define __real_malloc malloc
#define __real_strdup strdup

/* ---- input */

/* A copy that ends where its memory does; the sanitizer sees a byte read too many, and one
 * that is kept beyond free(). */
static inline char *exact_copy(cp_slice text)
{
    char *copy = malloc(text.length ? text.length : 1);
    memcpy(copy, text.data, text.length);
    return copy;
}

static inline cp_slice slice_of_input(const uint8_t *data, size_t size)
{
    return (cp_slice){size ? (const char *)data : "", size};
}

/* Choices made by the bytes of the input, one after the other; 0 for ever at its end. */
typedef struct choices {
    const uint8_t *at, *end;
} choices;

static inline bool has_choices(const choices *self)
{
    return self->at < self->end;
}

static inline unsigned choose(choices *self, unsigned below)
{
    return has_choices(self) ? *self->at++ % below : 0;
}

/* A run of bytes, and what is left for later; at most 255 at once. */
static inline cp_slice choose_bytes(choices *self)
{
    size_t length = choose(self, 256), left = (size_t)(self->end - self->at);
    cp_slice bytes = slice_of_input(self->at, length < left ? length : left);
    self->at += bytes.length;
    return bytes;
}

/* ---- what a presence must be, whoever it came from */

static inline void check_presence(const cp_presence *self)
{
    cp_slice uid = cp_user_text_of(self->user, CP_USER_UID);

    CHECK(uid.data != NULL && uid.length > 0);
    for (int i = 0; i < CP_USER_TEXTS; i++) {
        cp_slice text = cp_user_text_of(self->user, i);
        if (text.data == NULL)
            continue;
        CHECK(memchr(text.data, '\0', text.length) == NULL);
        CHECK(cp_utf8_is_valid(text));
    }
    for (int i = 0; i < CP_USER_NUMBERS; i++)
        CHECK(cp_user_number_of(self->user, i) >= 0 ||
              cp_user_number_of(self->user, i) == CP_ABSENT);
    CHECK(self->at >= 0 || self->at == CP_ABSENT);
    CHECK(self->last_active_at >= 0 || self->last_active_at == CP_ABSENT);
}

#endif
