/* The whole test harness.  One program per tests/c/test_<noun>.c, with this header in it:
 *
 *     TEST(removed_listener_is_not_called_again)
 *     {
 *         CHECK(cp_listeners_remove(listeners, "a"));
 *         CHECK_INT(calls, 1);
 *         CHECK_TEXT(name, "a");
 *     }
 *
 * A CHECK that fails ends its test (in another thread it only marks it); the next one runs.
 * Arguments choose tests by a part of their name.  To let each allocation fail in turn:
 *
 *     for (unsigned n = 1, failed = 1; failed; n++) {
 *         fail_allocation(n);
 *         status = cp_thing_new(&thing);
 *         failed = allocation_failed();
 *         CHECK_INT(status, failed ? CP_ERR_NOMEM : CP_OK);
 *     }
 *
 * To see whether a secret is left in memory that is given back:
 *
 *     watch_for("SECRET");
 *     cp_thing_free(thing);
 *     CHECK(!secret_was_left());
 */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
} test;

static test *first_test, **last_test = &first_test;
static volatile bool test_is_failing;
static _Thread_local jmp_buf *way_out;

#define TEST(sentence)                                                                             \
    static void sentence(void);                                                                    \
    __attribute__((constructor)) static void add_##sentence(void)                                  \
    {                                                                                              \
        static test self = {#sentence, sentence, NULL};                                            \
        *last_test = &self;                                                                        \
        last_test = &self.next;                                                                    \
    }                                                                                              \
    static void sentence(void)

#define CHECK(condition) ((condition) ? (void)0 : fail_test(__FILE__, __LINE__, "%s", #condition))
#define CHECK_INT(actual, expected) check_int(__FILE__, __LINE__, #actual, actual, expected)
#define CHECK_TEXT(actual, expected) check_text(__FILE__, __LINE__, #actual, actual, expected)

__attribute__((format(printf, 3, 4))) static inline void fail_test(const char *file, int line,
                                                                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%d: failed: ", file, line);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    test_is_failing = true;
    if (way_out)
        longjmp(*way_out, 1);
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
    if (actual && expected ? strcmp(actual, expected) != 0 : actual != expected)
        fail_test(file, line, "%s is \"%s\", not \"%s\"", what, actual ? actual : "(null)",
                  expected ? expected : "(null)");
}

/* Of this thread, and not those inside libraries: the linker's --wrap sends them here. */
static _Thread_local unsigned allocations_left; /* until one fails; 0: none will */
static _Thread_local bool one_failed;

static inline void fail_allocation(unsigned nth_from_now)
{
    allocations_left = nth_from_now;
    one_failed = false;
}

/* Did it come to that?  From now on all succeed. */
static inline bool allocation_failed(void)
{
    allocations_left = 0;
    return one_failed;
}

/* How a forked child ends.  At _exit() valgrind looks for what was not freed, and finds the
 * parent's threads. */
static inline void leave_child(bool good)
{
    const char *program = good ? "true" : "false";

    execlp(program, program, NULL);
    _exit(2);
}

/* Of this thread, too.  While one is watched for, memory is cleared as it is allocated, so
 * that all of it may be looked at. */
static _Thread_local const char *watched_secret;
static _Thread_local bool secret_was_found;

static inline void watch_for(const char *secret)
{
    watched_secret = secret;
    secret_was_found = false;
}

/* The watch is over. */
static inline bool secret_was_left(void)
{
    watched_secret = NULL;
    return secret_was_found;
}

static inline void look_for_secret(const char *block)
{
    size_t length = strlen(watched_secret), size = malloc_usable_size((void *)block);
    for (size_t i = 0; i + length <= size; i++)
        secret_was_found |= memcmp(block + i, watched_secret, length) == 0;
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    if (watched_secret && block)
        look_for_secret(block);
    __real_free(block);
}

#define WRAP(type, name, parameters, make)                                                         \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        bool fails = allocations_left > 0 && --allocations_left == 0;                              \
        one_failed |= fails;                                                                       \
        errno = fails ? ENOMEM : errno;                                                            \
        return fails ? NULL : make;                                                                \
    }
WRAP(void *, calloc, (size_t count, size_t size), __real_calloc(count, size))
WRAP(void *, malloc, (size_t size), watched_secret ? __real_calloc(1, size) : __real_malloc(size))
WRAP(void *, realloc, (void *old, size_t size), __real_realloc(old, size))
WRAP(char *, strdup, (const char *text), __real_strdup(text))
WRAP(char *, strndup, (const char *text, size_t size), __real_strndup(text, size))

static bool passes(const test *self)
{
    jmp_buf here;
    test_is_failing = false;
    way_out = &here;
    if (setjmp(here) == 0)
        self->run();
    way_out = NULL;
    fail_allocation(0);
    if (test_is_failing)
        printf("FAILED %s\n", self->name);
    return !test_is_failing;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* nothing said is lost when a test crashes */
    for (const test *each = first_test; each; each = each->next) {
        bool chosen = argc < 2;
        for (int i = 1; i < argc; i++)
            chosen |= strstr(each->name, argv[i]) != NULL;
        if (chosen)
            passes(each) ? passed++ : failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}

#endif
