#include "core/json_scan.h"

#include "core/digits.h"
#include "core/sixteen.h"
#include "core/utf8.h"

#define LONGEST_NUMBER 60 /* the engine has 63 bytes for one */
#define EXACT_DIGITS 15   /* so many survive as a double, and come back as they were */
#define FIXED_ZEROS 3     /* behind "0.": a smaller number is printed with an exponent */

/* ---- bytes, many at a time */

/* Which a string holds as they are.  As numbers with a sign, all bytes beyond ASCII are below
 * ' ' too. */
static uint64_t plain_of(const char *at)
{
    cp_sixteen bytes = cp_sixteen_at(at);
    return cp_sixteen_bits((bytes >= ' ') & ~((bytes == '"') | (bytes == '\\')));
}

__attribute__((always_inline)) static inline uint64_t special_of(const char *block)
{
    return ~(plain_of(block) | plain_of(block + 16) << 16 | plain_of(block + 32) << 32 |
             plain_of(block + 48) << 48);
}

__attribute__((noinline)) static uint64_t special_of_last(const char *block, size_t length)
{
    char filled[CP_JSON_BLOCK] = {0};
    memcpy(filled, block, length);
    return special_of(filled);
}

static void look_at(cp_json_scanner *self, const char *block)
{
    size_t left = (size_t)(self->end - block);
    self->block = block;
    self->special = left < CP_JSON_BLOCK ? special_of_last(block, left) : special_of(block);
}

/* What is left of the block is plain, or this begins elsewhere, maybe before it. */
const char *cp_json_find_special_beyond(cp_json_scanner *self, const char *from)
{
    bool begins_here = (size_t)(from - self->block) < CP_JSON_BLOCK;
    const char *block = begins_here ? self->block + CP_JSON_BLOCK : from;
    for (; look_at(self, block), !self->special; block += CP_JSON_BLOCK)
        ;
    return block + __builtin_ctzll(self->special);
}

cp_json_scanner cp_json_scanner_of(cp_slice text, unsigned depth, size_t values)
{
    cp_json_scanner self = {
        .at = text.data,
        .end = text.data + text.length,
        .depth_left = depth,
        .values_left = values,
    };
    look_at(&self, text.data);
    return self;
}

/* NUL is the end, or one in the text, which is as wrong. */
static char peek(const cp_json_scanner *self)
{
    return self->at < self->end ? *self->at : '\0';
}

__attribute__((noinline)) void cp_json_skip_spaces(cp_json_scanner *self)
{
    while (peek(self) == ' ' || peek(self) == '\n' || peek(self) == '\r' || peek(self) == '\t') {
        self->at++;
        self->has_odd_text = true;
    }
}

static cp_status skip_word(cp_json_scanner *self, const char *word)
{
    for (; *word; word++)
        if (!cp_json_skip_byte(self, *word))
            return CP_ERR_MALFORMED;
    return CP_OK;
}

/* ---- numbers */

static size_t skip_digits(cp_json_scanner *self)
{
    const char *start = self->at;
    uint64_t number;
    while (self->end - self->at >= 8 && cp_eight_digits(self->at, &number))
        self->at += 8;
    while (peek(self) >= '0' && peek(self) <= '9')
        self->at++;
    return (size_t)(self->at - start);
}

static bool skip_exponent(cp_json_scanner *self)
{
    if (!cp_json_skip_byte(self, 'e') && !cp_json_skip_byte(self, 'E'))
        return true;
    self->has_odd_number = true;
    (void)(cp_json_skip_byte(self, '+') || cp_json_skip_byte(self, '-'));
    return skip_digits(self) > 0;
}

/* A fraction that printing leaves as it is. */
static bool is_normal_fraction(const char *digits, size_t length, bool below_one)
{
    size_t zeros = 0;
    while (zeros < length && digits[zeros] == '0')
        zeros++;
    return digits[length - 1] != '0' && (!below_one || zeros <= FIXED_ZEROS);
}

static cp_status skip_number(cp_json_scanner *self)
{
    const char *start = self->at;
    (void)cp_json_skip_byte(self, '-'); /* may be there */
    bool below_one = cp_json_skip_byte(self, '0');
    size_t whole = below_one ? 1 : skip_digits(self), fraction = 0;
    if (whole == 0)
        return CP_ERR_MALFORMED;
    if (cp_json_skip_byte(self, '.')) {
        const char *digits = self->at;
        fraction = skip_digits(self);
        if (fraction == 0)
            return CP_ERR_MALFORMED;
        self->has_odd_number |= !is_normal_fraction(digits, fraction, below_one);
    }
    if (!skip_exponent(self))
        return CP_ERR_MALFORMED;
    self->has_odd_number |= whole + fraction > EXACT_DIGITS;
    return self->at - start <= LONGEST_NUMBER ? CP_OK : CP_ERR_TOO_LARGE;
}

/* ---- strings */

/* The four digits after \u; -1: they are none. */
static int skip_unit(cp_json_scanner *self)
{
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        char digit = peek(self);
        if (digit >= '0' && digit <= '9')
            unit = unit * 16 + (digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            unit = unit * 16 + (digit - 'a') + 10;
        else if (digit >= 'A' && digit <= 'F')
            unit = unit * 16 + (digit - 'A') + 10;
        else
            return -1;
        self->at++;
    }
    return unit;
}

/* NUL would cut a C string short, and half a surrogate pair is no character. */
static cp_status skip_unicode(cp_json_scanner *self)
{
    int unit = skip_unit(self);
    if (unit < 0)
        return CP_ERR_MALFORMED;
    if (unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
        return CP_ERR_ENCODING;
    if (unit < 0xD800 || unit > 0xDBFF)
        return CP_OK;
    if (!cp_json_skip_byte(self, '\\') || !cp_json_skip_byte(self, 'u'))
        return CP_ERR_ENCODING;
    unit = skip_unit(self);
    return unit >= 0xDC00 && unit <= 0xDFFF ? CP_OK : CP_ERR_ENCODING;
}

static cp_status skip_escape(cp_json_scanner *self)
{
    char letter = peek(self);

    self->has_odd_text |= letter != '"' && letter != '\\';
    self->at += letter != '\0';
    switch (letter) {
    case 'u':
        return skip_unicode(self);
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return CP_OK;
    default:
        return CP_ERR_MALFORMED;
    }
}

static cp_status skip_character(cp_json_scanner *self)
{
    size_t length = cp_utf8_length(self->at, self->end);
    self->at += length;
    return length > 0 ? CP_OK : CP_ERR_ENCODING;
}

__attribute__((noinline)) cp_status cp_json_skip_any_string(cp_json_scanner *self)
{
    self->has_escapes = false;
    if (!cp_json_skip_byte(self, '"'))
        return CP_ERR_MALFORMED;
    for (;;) {
        self->at = cp_json_find_special(self, self->at);
        if (cp_json_skip_byte(self, '"'))
            return CP_OK;
        cp_status status = CP_ERR_MALFORMED; /* a control byte, or the end */
        if (cp_json_skip_byte(self, '\\')) {
            self->has_escapes = true;
            status = skip_escape(self);
        } else if (peek(self) & 0x80) {
            status = skip_character(self);
        }
        if (status != CP_OK)
            return status;
    }
}

/* ---- values: a recursive descent, no deeper than the limit */

static cp_status skip_name(cp_json_scanner *self)
{
    cp_status status = cp_json_skip_string(self);
    if (status != CP_OK)
        return status;
    return cp_json_skip_mark(self, ':') ? CP_OK : CP_ERR_MALFORMED;
}

/* What stands between the brackets, and the closing one. */
static cp_status skip_items(cp_json_scanner *self, bool named, char closing)
{
    if (cp_json_skip_mark(self, closing))
        return CP_OK;
    do {
        cp_json_skip_space(self);
        cp_status status = named ? skip_name(self) : CP_OK;
        if (status == CP_OK)
            status = cp_json_skip_value(self);
        if (status != CP_OK)
            return status;
    } while (cp_json_skip_mark(self, ','));
    return cp_json_skip_byte(self, closing) ? CP_OK : CP_ERR_MALFORMED;
}

static cp_status skip_container(cp_json_scanner *self, bool named, char closing)
{
    if (self->depth_left == 0)
        return CP_ERR_TOO_DEEP;
    self->depth_left--;
    self->at++;
    cp_status status = skip_items(self, named, closing);
    self->depth_left++;
    return status;
}

cp_status cp_json_skip_value(cp_json_scanner *self)
{
    if (self->values_left == 0)
        return CP_ERR_TOO_LARGE;
    self->values_left--;
    cp_json_skip_space(self);
    switch (peek(self)) {
    case '{':
        return skip_container(self, true, '}');
    case '[':
        return skip_container(self, false, ']');
    case '"':
        return cp_json_skip_string(self);
    case 't':
        return skip_word(self, "true");
    case 'f':
        return skip_word(self, "false");
    case 'n':
        return skip_word(self, "null");
    default:
        return skip_number(self);
    }
}
