/* What every reader of JSON is put through: text that ends where its memory does, that was cut
 * off or changed on the way, and an engine that runs out of memory. */
#ifndef JSON_TRIALS_H
#define JSON_TRIALS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/slice.h"

/* The sanitizer sees a byte read too many, and one that is kept beyond free(). */
static inline char *exact_copy(cp_slice text)
{
    char *copy = malloc(text.length ? text.length : 1);
    memcpy(copy, text.data, text.length);
    return copy;
}

/* `read` gets every beginning of `text`, the empty one too. */
static inline void cut_off_everywhere(cp_slice text, void (*read)(cp_slice broken))
{
    for (size_t length = 0; length < text.length; length++)
        read((cp_slice){text.data, length});
}

/* `read` gets `text` with each byte changed to each of those that mean something in JSON. */
static inline void changed_everywhere(cp_slice text, void (*read)(cp_slice broken))
{
    char *changed = exact_copy(text);
    for (size_t at = 0; at < text.length; at++) {
        for (const char *byte = "\"{}[]:,\\u0\x80 "; *byte; byte++) {
            changed[at] = *byte;
            read((cp_slice){changed, text.length});
        }
        changed[at] = text.data[at];
    }
    free(changed);
}

static inline void *malloc_of_engine(size_t size)
{
    void *memory = malloc(size); /* fails when the harness wants it to */
    if (!memory)
        errno = ENOMEM; /* as the real one */
    return memory;
}

/* From now on fail_allocation() counts the engine's, too: it allocates through its hooks, which
 * only tests may set. */
static inline void count_the_engine(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){malloc_of_engine, free});
}

static inline void leave_the_engine_alone(void)
{
    cJSON_InitHooks(NULL);
}

#endif
