#include "core/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"

#define SMALLEST_CAPACITY 64

void cp_buffer_init(cp_buffer *self)
{
    *self = (cp_buffer){NULL, 0, 0, false};
}

void cp_buffer_destroy(cp_buffer *self)
{
    free(self->data);
    cp_buffer_init(self);
}

void cp_buffer_clear(cp_buffer *self)
{
    self->length = 0;
    self->failed = false;
    if (self->data)
        self->data[0] = '\0';
}

void cp_buffer_wipe(cp_buffer *self)
{
    if (self->data)
        cp_wipe(self->data, self->capacity);
    cp_buffer_clear(self);
}

/* At least twice what there was, so that many small appends stay cheap; 0: impossible. */
static size_t capacity_for(const cp_buffer *self, size_t length)
{
    if (length > SIZE_MAX / 2 - self->length - 1)
        return 0;
    size_t needed = self->length + length + 1;
    size_t doubled = self->capacity ? self->capacity * 2 : SMALLEST_CAPACITY;
    return needed > doubled ? needed : doubled;
}

/* Not realloc(): the old block may hold a secret and must not be left as it is. */
static bool grow(cp_buffer *self, size_t length)
{
    size_t capacity = capacity_for(self, length);
    char *data = capacity ? malloc(capacity) : NULL;
    if (!data)
        return false;
    if (self->data) {
        memcpy(data, self->data, self->length);
        cp_wipe(self->data, self->capacity);
        free(self->data);
    }
    data[self->length] = '\0';
    self->data = data;
    self->capacity = capacity;
    return true;
}

char *cp_buffer_reserve(cp_buffer *self, size_t length)
{
    if (self->failed)
        return NULL;
    bool has_room = self->data && length < self->capacity - self->length;
    if (!has_room && !grow(self, length)) {
        self->failed = true;
        return NULL;
    }
    self->data[self->length + length] = '\0'; /* for whoever fills it all */
    return self->data + self->length;
}

void cp_buffer_append(cp_buffer *self, cp_slice bytes)
{
    if (bytes.length == 0)
        return;
    char *room = cp_buffer_reserve(self, bytes.length);
    if (!room)
        return;
    memcpy(room, bytes.data, bytes.length);
    self->length += bytes.length;
}

void cp_buffer_append_text(cp_buffer *self, const char *text)
{
    cp_buffer_append(self, cp_slice_of(text));
}

void cp_buffer_append_format(cp_buffer *self, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *room = length >= 0 ? cp_buffer_reserve(self, (size_t)length) : NULL;
    if (room) {
        vsnprintf(room, (size_t)length + 1, format, again);
        self->length += (size_t)length;
    } else {
        self->failed = true;
    }
    va_end(again);
    va_end(arguments);
}

cp_status cp_buffer_status(const cp_buffer *self)
{
    return self->failed ? CP_ERR_NOMEM : CP_OK;
}

cp_slice cp_buffer_slice(const cp_buffer *self)
{
    return (cp_slice){self->data ? self->data : "", self->length}; /* empty, never absent */
}
