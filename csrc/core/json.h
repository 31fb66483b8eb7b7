#ifndef CP_CORE_JSON_H
#define CP_CORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/slice.h"
#include "core/status.h"

/* The one face of the JSON engine.  Text passes a strict scan first (size, UTF-8, grammar,
 * no NUL in any form, depth, count of values), because the engine accepts far more than
 * JSON and spends 64 bytes and more on every value.  Names are compared with case, and an
 * object that repeats a name it is asked for is treated as not having it. */
typedef struct cp_json cp_json; /* one value of a parsed document; lent by its document */

typedef struct cp_json_limits {
    size_t bytes;
    unsigned depth; /* of arrays and objects in each other */
    size_t values;  /* of any type, at any depth */
} cp_json_limits;

#define CP_JSON_FRAME_LIMITS ((cp_json_limits){256 * 1024, 32, 16 * 1024})
#define CP_JSON_BODY_LIMITS ((cp_json_limits){4 * 1024 * 1024, 32, 256 * 1024})

/* ---- reading */

/* CP_ERR_MALFORMED, CP_ERR_ENCODING (NUL and half surrogate pairs too), CP_ERR_TOO_LARGE
 * (numbers of more than 60 digits too) or CP_ERR_TOO_DEEP. */
cp_status cp_json_scan(cp_slice text, cp_json_limits limits);
/* Scans, then parses; `text` need not end with NUL.  CP_ERR_NOMEM besides. */
cp_status cp_json_parse(cp_slice text, cp_json_limits limits, cp_json **out); /* caller frees */
void cp_json_free(cp_json *document);
void cp_json_wipe(cp_json *document); /* overwrites its strings: some are tokens; frees it */

const cp_json *cp_json_member(const cp_json *object, const char *name); /* NULL: none, or twice */
const cp_json *cp_json_first(const cp_json *container);                 /* NULL: empty */
const cp_json *cp_json_next(const cp_json *item);
const char *cp_json_name(const cp_json *item); /* of an object's member */

typedef enum cp_json_type {
    CP_JSON_NULL,
    CP_JSON_FALSE,
    CP_JSON_TRUE,
    CP_JSON_NUMBER,
    CP_JSON_STRING,
    CP_JSON_ARRAY,
    CP_JSON_OBJECT,
} cp_json_type;

cp_json_type cp_json_type_of(const cp_json *value); /* NULL counts as CP_JSON_NULL */
cp_slice cp_json_text(const cp_json *value);        /* absent unless it is a string */
double cp_json_number(const cp_json *value);        /* 0 unless it is a number */

/* A whole number of 0 … 2^53, also when it comes as digits in a string; else CP_ABSENT. */
int64_t cp_json_count(const cp_json *value);
bool cp_json_is_true(const cp_json *value); /* true, a number that is not 0, or "1"/"true" */

/* ---- writing */

void cp_json_print(const cp_json *value, cp_buffer *out); /* compact */
void cp_json_put_text(cp_buffer *out, cp_slice text);     /* quoted and escaped */
/* `"name":"text",` – nothing at all when the text is absent. */
void cp_json_put_member(cp_buffer *out, const char *name, cp_slice text);

#endif
