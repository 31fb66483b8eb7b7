#ifndef CP_CORE_SLICE_H
#define CP_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes that somebody else owns.  `data` NULL means absent, which is not the same as
 * empty. */
typedef struct cp_slice {
    const char *data;
    size_t length;
} cp_slice;

#define CP_ABSENT_SLICE ((cp_slice){NULL, 0})

static inline cp_slice cp_slice_of(const char *text)
{
    return (cp_slice){text, text ? strlen(text) : 0};
}

static inline bool cp_slice_equal(cp_slice a, cp_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool cp_slice_is(cp_slice a, const char *text)
{
    return a.data != NULL && cp_slice_equal(a, cp_slice_of(text));
}

#endif
