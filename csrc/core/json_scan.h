#ifndef CP_CORE_JSON_SCAN_H
#define CP_CORE_JSON_SCAN_H

#include <stdbool.h>

#include "core/slice.h"
#include "core/status.h"

/* Strict JSON, looked at from front to back in one pass that builds nothing: the grammar,
 * no NUL in any form, no half surrogate pairs, bounded depth, count of values and length of
 * numbers.  Each skip leaves `at` behind what it skipped; after an error `at` is anywhere.
 * The text is UTF-8: that is judged before. */
typedef struct cp_json_scanner {
    const char *at;
    const char *end;
    unsigned depth_left; /* of arrays and objects in each other */
    size_t values_left;  /* of any type, at any depth */
    /* In what was skipped since they were cleared something does not stand as
     * cp_json_print() would write it.  For numbers that may be a mistake. */
    bool has_odd_text; /* space, or an escape it does not use */
    bool has_odd_number;
} cp_json_scanner;

/* CP_ERR_MALFORMED, CP_ERR_ENCODING, CP_ERR_TOO_LARGE or CP_ERR_TOO_DEEP. */
cp_status cp_json_skip_value(cp_json_scanner *self); /* with the space before it */
cp_status cp_json_skip_string(cp_json_scanner *self, bool *has_escapes); /* with its quotes */
void cp_json_skip_spaces(cp_json_scanner *self);

/* As a rule there is none. */
static inline void cp_json_skip_space(cp_json_scanner *self)
{
    if (self->at < self->end && (unsigned char)*self->at <= ' ')
        cp_json_skip_spaces(self);
}

static inline bool cp_json_skip_byte(cp_json_scanner *self, char wanted) /* false: it is another */
{
    bool is_there = self->at < self->end && *self->at == wanted;
    self->at += is_there;
    return is_there;
}

#endif
