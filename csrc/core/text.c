#include "core/text.h"

#include <stdlib.h>

cp_status cp_text_copy(char **out, const char *from)
{
    return cp_text_copy_slice(out, cp_slice_of(from));
}

cp_status cp_text_copy_slice(char **out, cp_slice from)
{
    *out = NULL;
    if (!from.data)
        return CP_OK;
    if (memchr(from.data, '\0', from.length))
        return CP_ERR_ENCODING;
    char *copy = malloc(from.length + 1);
    if (!copy)
        return CP_ERR_NOMEM;
    memcpy(copy, from.data, from.length);
    copy[from.length] = '\0';
    *out = copy;
    return CP_OK;
}

cp_status cp_texts_copy(char ***out, char *const *from)
{
    *out = NULL;
    if (!from)
        return CP_OK;
    size_t count = 0;
    while (from[count])
        count++;
    char **list = calloc(count + 1, sizeof *list);
    if (!list)
        return CP_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (cp_text_copy(&list[i], from[i]) != CP_OK) {
            cp_texts_free(list);
            return CP_ERR_NOMEM;
        }
    }
    *out = list;
    return CP_OK;
}

void cp_texts_free(char **self)
{
    if (!self)
        return;
    for (char **each = self; *each; each++)
        free(*each);
    free(self);
}

/* Through a pointer that might change, for all the optimiser knows. */
void cp_wipe(void *bytes, size_t length)
{
    void *(*volatile overwrite)(void *, int, size_t) = memset;
    if (length > 0)
        overwrite(bytes, 0, length);
}

void cp_secret_free(char *self)
{
    if (self)
        cp_wipe(self, strlen(self));
    free(self);
}

bool cp_text_is_empty(const char *self)
{
    return !self || self[strspn(self, " \t\r\n\v\f")] == '\0';
}

bool cp_text_is_label(const char *self)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = self ? strlen(self) : 0;
    return length >= 1 && length <= 63 && strspn(self, allowed) == length;
}

bool cp_slice_has_control(cp_slice self)
{
    for (size_t i = 0; i < self.length; i++) {
        unsigned char byte = (unsigned char)self.data[i];
        if (byte < ' ' || byte == 0x7F)
            return true;
    }
    return false;
}

char cp_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

bool cp_text_equal_caseless(const char *a, const char *b)
{
    while (*a && cp_lower(*a) == cp_lower(*b)) {
        a++;
        b++;
    }
    return cp_lower(*a) == cp_lower(*b);
}

bool cp_slice_equal_caseless(cp_slice a, cp_slice b)
{
    size_t same = 0;
    if (a.length != b.length)
        return false;
    while (same < a.length && cp_lower(a.data[same]) == cp_lower(b.data[same]))
        same++;
    return same == a.length;
}
