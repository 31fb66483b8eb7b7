#ifndef CP_CORE_JSON_SCAN_H
#define CP_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/status.h"

/* Strict JSON, looked at from front to back in one pass that builds nothing: the grammar,
 * UTF-8, no NUL in any form, no half surrogate pairs, bounded depth, count of values and
 * length of numbers.  Each skip leaves `at` behind what it skipped; after an error `at` is
 * anywhere. */
#define CP_JSON_BLOCK 64

typedef struct cp_json_scanner {
    const char *at;
    const char *end;
    /* So many bytes are looked at together: a bit for each that a string cannot hold as it is,
     * and for what would be behind the end. */
    const char *block;
    uint64_t special;
    unsigned depth_left; /* of arrays and objects in each other */
    size_t values_left;  /* of any type, at any depth */
    bool has_escapes;    /* the string that was skipped last */
    /* In what was skipped since they were cleared something does not stand as
     * cp_json_print() would write it.  For numbers that may be a mistake. */
    bool has_odd_text; /* space, or an escape it does not use */
    bool has_odd_number;
} cp_json_scanner;

cp_json_scanner cp_json_scanner_of(cp_slice text, unsigned depth, size_t values);

/* CP_ERR_MALFORMED, CP_ERR_ENCODING, CP_ERR_TOO_LARGE or CP_ERR_TOO_DEEP. */
cp_status cp_json_skip_value(cp_json_scanner *self); /* with the space before it */
__attribute__((cold)) void cp_json_skip_spaces(cp_json_scanner *self);

/* As a rule there is none. */
static inline void cp_json_skip_space(cp_json_scanner *self)
{
    if (self->at < self->end && (unsigned char)*self->at <= ' ')
        cp_json_skip_spaces(self);
}

static inline bool cp_json_skip_byte(cp_json_scanner *self, char wanted) /* false: it is another */
{
    if (self->at >= self->end || *self->at != wanted)
        return false;
    self->at++;
    return true;
}

/* With the space before it, which as a rule is not there. */
static inline bool cp_json_skip_mark(cp_json_scanner *self, char wanted)
{
    if (cp_json_skip_byte(self, wanted))
        return true;
    cp_json_skip_space(self);
    return cp_json_skip_byte(self, wanted);
}

/* The first byte from there on that a string cannot hold as it is; the end, if there is none. */
const char *cp_json_find_special_beyond(cp_json_scanner *self, const char *from);
static inline const char *cp_json_find_special(cp_json_scanner *self, const char *from)
{
    size_t offset = (size_t)(from - self->block);
    uint64_t special = offset < CP_JSON_BLOCK ? self->special >> offset : 0;
    return special ? from + __builtin_ctzll(special) : cp_json_find_special_beyond(self, from);
}

/* How long the string is that is next, without its quotes, when it is plain, as most are;
 * else -1. */
static inline ptrdiff_t cp_json_plain_length(cp_json_scanner *self)
{
    if (self->at >= self->end || *self->at != '"')
        return -1;
    const char *text = self->at + 1, *special = cp_json_find_special(self, text);
    return special < self->end && *special == '"' ? special - text : -1;
}

cp_status cp_json_skip_any_string(cp_json_scanner *self);

/* With its quotes. */
static inline cp_status cp_json_skip_string(cp_json_scanner *self)
{
    ptrdiff_t length = cp_json_plain_length(self);
    if (length < 0)
        return cp_json_skip_any_string(self);
    self->at += length + 2;
    self->has_escapes = false;
    return CP_OK;
}

#endif
