#include "core/utf8.h"

#include <stdint.h>

typedef const unsigned char *bytes;

static bool is_ascii(uint64_t eight)
{
    return !(eight & UINT64_C(0x8080808080808080));
}

static size_t ascii_length(bytes at, bytes end)
{
    bytes start = at;
    for (uint64_t four[4]; end - at >= (ptrdiff_t)sizeof four; at += sizeof four) {
        memcpy(four, at, sizeof four);
        if (!is_ascii(four[0] | four[1] | four[2] | four[3]))
            break;
    }
    for (uint64_t eight; end - at >= (ptrdiff_t)sizeof eight; at += sizeof eight) {
        memcpy(&eight, at, sizeof eight);
        if (!is_ascii(eight))
            break;
    }
    while (at < end && *at < 0x80)
        at++;
    return (size_t)(at - start);
}

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
    return low <= byte && byte <= high;
}

/* RFC 3629's table: whatever is overlong, a surrogate or too large shows in the second
 * byte. */
size_t cp_utf8_length(const char *first, const char *past)
{
    bytes at = (bytes)first, end = (bytes)past;
    unsigned char low = 0x80, high = 0xBF;
    size_t length;

    if (in_range(at[0], 0xC2, 0xDF))
        length = 2;
    else if (in_range(at[0], 0xE0, 0xEF))
        length = 3;
    else if (in_range(at[0], 0xF0, 0xF4))
        length = 4;
    else
        return 0;

    if (at[0] == 0xE0)
        low = 0xA0;
    else if (at[0] == 0xED)
        high = 0x9F;
    else if (at[0] == 0xF0)
        low = 0x90;
    else if (at[0] == 0xF4)
        high = 0x8F;

    if ((size_t)(end - at) < length || !in_range(at[1], low, high))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!in_range(at[i], 0x80, 0xBF))
            return 0;
    return length;
}

bool cp_utf8_is_valid(cp_slice text)
{
    if (text.length == 0)
        return true;
    bytes at = (bytes)text.data, end = at + text.length;
    while ((at += ascii_length(at, end)) < end) {
        size_t length = cp_utf8_length((const char *)at, (const char *)end);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

/* Back from a cut to where the character began that it would split. */
static size_t before_character(cp_slice text, size_t cut)
{
    size_t start = cut;
    while (start > 0 && in_range((unsigned char)text.data[start], 0x80, 0xBF))
        start--;
    return (unsigned char)text.data[start] >= 0xC0 ? start : cut;
}

void cp_utf8_copy(char *out, size_t size, cp_slice text)
{
    size_t length = text.length;
    if (length >= size)
        length = before_character(text, size - 1);
    if (length > 0)
        memcpy(out, text.data, length);
    out[length] = '\0';
}
