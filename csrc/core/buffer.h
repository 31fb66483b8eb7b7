#ifndef CP_CORE_BUFFER_H
#define CP_CORE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>

#include "core/slice.h"
#include "core/status.h"

/* Bytes that grow.  Running out of memory is remembered: appending goes on silently and
 * cp_buffer_status() tells at the end, so that builders read as a list of appends. */
typedef struct cp_buffer {
    char *data; /* NUL-terminated, unless reserve() was filled in part; NULL at first */
    size_t length;
    size_t capacity;
    bool failed;
} cp_buffer;

void cp_buffer_init(cp_buffer *self);
void cp_buffer_destroy(cp_buffer *self);
void cp_buffer_clear(cp_buffer *self); /* keeps the memory, forgets the failure */
void cp_buffer_wipe(cp_buffer *self);  /* as clear, and overwrites: it held a secret */

void cp_buffer_append(cp_buffer *self, cp_slice bytes);
void cp_buffer_append_text(cp_buffer *self, const char *text);
void cp_buffer_append_format(cp_buffer *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `length` more bytes, to be filled by the caller and then added to `length`;
 * NULL when there is no memory.  Growing overwrites what it leaves behind, so wipe() at
 * the end is enough for a secret. */
char *cp_buffer_reserve(cp_buffer *self, size_t length);

cp_status cp_buffer_status(const cp_buffer *self); /* CP_OK or CP_ERR_NOMEM */
cp_slice cp_buffer_slice(const cp_buffer *self);   /* lent until the next append; never absent */

#endif
