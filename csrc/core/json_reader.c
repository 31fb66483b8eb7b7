#include "core/json_reader.h"

#include "core/clock.h"
#include "core/digits.h"

#define MOST_DIGITS 15 /* any number of so many is below 2^53 */

cp_json_reader cp_json_reader_of(cp_slice text, unsigned depth, char *room)
{
    /* There are no more values than bytes. */
    return (cp_json_reader){
        .scan = cp_json_scanner_of(text, depth, text.length),
        .room = room,
    };
}

bool cp_json_reader_is_done(cp_json_reader *self)
{
    cp_json_skip_space(&self->scan);
    return !self->gave_up && self->scan.at == self->scan.end;
}

/* So that nothing after it finds anything. */
void cp_json_reader_give_up(cp_json_reader *self)
{
    self->gave_up = true;
    self->scan.at = self->scan.end;
}

static char peek(const cp_json_reader *self)
{
    return self->scan.at < self->scan.end ? *self->scan.at : '\0';
}

/* What lies between the quotes, unless the string is wrong. */
static cp_slice take_string(cp_json_reader *self)
{
    const char *start = self->scan.at;
    if (cp_json_skip_any_string(&self->scan) != CP_OK) {
        cp_json_reader_give_up(self);
        return CP_ABSENT_SLICE;
    }
    return (cp_slice){start + 1, (size_t)(self->scan.at - start) - 2};
}

/* ---- objects */

bool cp_json_reader_enter(cp_json_reader *self)
{
    cp_json_skip_space(&self->scan);
    if (self->scan.depth_left == 0 || !cp_json_skip_byte(&self->scan, '{')) {
        cp_json_reader_give_up(self);
        return false;
    }
    self->scan.depth_left--;
    cp_json_skip_space(&self->scan);
    return peek(self) != '}' || cp_json_reader_leave(self);
}

bool cp_json_reader_leave(cp_json_reader *self)
{
    if (!cp_json_skip_byte(&self->scan, '}'))
        cp_json_reader_give_up(self);
    self->scan.depth_left++;
    return false;
}

cp_slice cp_json_reader_name(cp_json_reader *self)
{
    cp_json_skip_space(&self->scan);
    cp_slice name = take_string(self);
    if (self->scan.has_escapes || !cp_json_skip_mark(&self->scan, ':'))
        cp_json_reader_give_up(self);
    return self->gave_up ? CP_ABSENT_SLICE : name;
}

void cp_json_reader_skip_any(cp_json_reader *self)
{
    if (cp_json_skip_value(&self->scan) != CP_OK)
        cp_json_reader_give_up(self);
}

/* ---- numbers */

/* Digits may be in a string, and nothing may be below 0. */
static int64_t count_of_another_type(cp_json_reader *self)
{
    if (peek(self) == '"' || peek(self) == '-')
        cp_json_reader_give_up(self);
    else
        cp_json_reader_skip(self);
    return CP_ABSENT;
}

int64_t cp_json_reader_count(cp_json_reader *self)
{
    cp_json_skip_space(&self->scan);
    const char *start = self->scan.at, *at = start, *end = self->scan.end;
    uint64_t count = 0; /* which may overflow: then there were too many digits */

    if (end - at >= 8 && cp_eight_digits(at, &count))
        at += 8;
    for (unsigned digit; at < end && (digit = (unsigned)*at - '0') < 10; at++)
        count = count * 10 + digit;
    if (at == start)
        return count_of_another_type(self);
    self->scan.at = at;
    if (at - start > MOST_DIGITS || (*start == '0' && at - start > 1) || peek(self) == '.' ||
        peek(self) == 'e' || peek(self) == 'E')
        cp_json_reader_give_up(self);
    return self->gave_up ? CP_ABSENT : (int64_t)count;
}

/* ---- strings that are not as they stand */

static unsigned unit_at(const char *digits)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++) {
        unsigned digit = (unsigned char)digits[i];
        unit = unit * 16 + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return unit;
}

static unsigned take_unicode(const char **at)
{
    unsigned unit = unit_at(*at);
    *at += 4;
    if (unit < 0xD800 || unit > 0xDBFF)
        return unit;
    unsigned low = unit_at(*at + 2);
    *at += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* The character an escape stands for; it was scanned before. */
static unsigned take_escape(const char **at)
{
    char letter = (*at)[1];
    *at += 2;
    switch (letter) {
    case 'u':
        return take_unicode(at);
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return (unsigned char)letter;
    }
}

static char *put_character(char *out, unsigned character)
{
    if (character < 0x80) {
        *out++ = (char)character;
        return out;
    }
    unsigned following = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(lead[following] | character >> 6 * following);
    while (following-- > 0)
        *out++ = (char)(0x80 | (character >> 6 * following & 0x3F));
    return out;
}

static char *copy_plain(char *out, const char **at, const char *end)
{
    const char *backslash = memchr(*at, '\\', (size_t)(end - *at));
    size_t length = (size_t)((backslash ? backslash : end) - *at);
    memcpy(out, *at, length);
    *at += length;
    return out + length;
}

static cp_slice unescape(cp_json_reader *self, cp_slice string)
{
    const char *at = string.data, *end = at + string.length;
    char *start = self->room, *out = start;
    while (at < end) {
        if (*at == '\\')
            out = put_character(out, take_escape(&at));
        else
            out = copy_plain(out, &at, end);
    }
    self->room = out;
    return (cp_slice){start, (size_t)(out - start)};
}

cp_slice cp_json_reader_any_text(cp_json_reader *self)
{
    cp_json_skip_space(&self->scan);
    if (peek(self) != '"') {
        cp_json_reader_skip(self);
        return CP_ABSENT_SLICE;
    }
    cp_slice string = take_string(self);
    return self->scan.has_escapes && !self->gave_up ? unescape(self, string) : string;
}

/* ---- arrays and objects, as they are printed */

static char *put_escaped(char *out, unsigned character)
{
    static const char hex[] = "0123456789abcdef";
    if (character == '"' || character == '\\')
        *out++ = '\\';
    if (character >= ' ')
        return put_character(out, character);
    memcpy(out, "\\u00", 4); /* NOLINT(*not-null-terminated*): amid a text */
    out[4] = hex[character >> 4];
    out[5] = hex[character & 0xF];
    return out + 6;
}

static char *copy_string(char *out, const char **at)
{
    *out++ = *(*at)++;
    while (**at != '"') {
        if (**at == '\\')
            out = put_escaped(out, take_escape(at));
        else
            *out++ = *(*at)++;
    }
    *out++ = *(*at)++;
    return out;
}

/* Without the space between, and with the escapes that we write ourselves. */
static cp_slice rewrite(cp_json_reader *self, cp_slice raw)
{
    const char *at = raw.data, *end = at + raw.length;
    char *start = self->room, *out = start;
    while (at < end) {
        if (*at == '"')
            out = copy_string(out, &at);
        else if ((unsigned char)*at <= ' ')
            at++;
        else
            *out++ = *at++;
    }
    self->room = out;
    return (cp_slice){start, (size_t)(out - start)};
}

cp_slice cp_json_reader_raw(cp_json_reader *self, char opening)
{
    cp_json_skip_space(&self->scan);
    bool is_wanted = peek(self) == opening;
    cp_slice raw = {self->scan.at, 0};

    self->scan.has_odd_text = self->scan.has_odd_number = false;
    cp_json_reader_skip(self);
    if (!is_wanted)
        return CP_ABSENT_SLICE;
    if (self->scan.has_odd_number)
        cp_json_reader_give_up(self); /* printing one takes an engine */
    if (self->gave_up)
        return CP_ABSENT_SLICE;
    raw.length = (size_t)(self->scan.at - raw.data);
    return self->scan.has_odd_text ? rewrite(self, raw) : raw;
}
