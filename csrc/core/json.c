#include "core/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/json_scan.h"
#include "core/text.h"

#define LARGEST_COUNT 9007199254740992.0 /* 2^53: doubles are whole numbers up to here */

/* ---- reading */

cp_status cp_json_scan(cp_slice text, cp_json_limits limits)
{
    if (text.length > limits.bytes)
        return CP_ERR_TOO_LARGE;
    if (text.length == 0)
        return CP_ERR_MALFORMED;
    if (memchr(text.data, '\0', text.length))
        return CP_ERR_ENCODING;

    cp_json_scanner scan = cp_json_scanner_of(text, limits.depth, limits.values);
    cp_status status = cp_json_skip_value(&scan);
    if (status != CP_OK)
        return status;
    cp_json_skip_space(&scan);
    return scan.at == scan.end ? CP_OK : CP_ERR_MALFORMED;
}

/* cp_json is never defined: it is the engine's value under a name of ours. */
static const cJSON *inside(const cp_json *value)
{
    return (const cJSON *)(const void *)value;
}

static const cp_json *outside(const cJSON *value)
{
    return (const cp_json *)(const void *)value;
}

/* The engine answers NULL for no memory too, which only malloc() can tell us apart: it
 * sets errno.  After the scan little else is left, but a foreign locale may still make the
 * engine trip over a decimal point, and that must not pass for a fatal error. */
cp_status cp_json_parse(cp_slice text, cp_json_limits limits, cp_json **out)
{
    *out = NULL;
    cp_status status = cp_json_scan(text, limits);
    if (status != CP_OK)
        return status;

    char *copy = malloc(text.length + 1);
    if (!copy)
        return CP_ERR_NOMEM;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';

    errno = 0;
    cJSON *document = cJSON_ParseWithLengthOpts(copy, text.length + 1, NULL, true);
    if (!document)
        status = errno == ENOMEM ? CP_ERR_NOMEM : CP_ERR_MALFORMED;
    cp_wipe(copy, text.length); /* tokens are in some */
    free(copy);
    *out = (cp_json *)(void *)document;
    return status;
}

void cp_json_free(cp_json *document)
{
    cJSON_Delete((cJSON *)(void *)document);
}

/* Recursion is bounded: nothing deeper than the limits is parsed. */
static void overwrite(cJSON *value)
{
    if (cJSON_IsString(value))
        cp_wipe(value->valuestring, strlen(value->valuestring));
    for (cJSON *each = value->child; each; each = each->next)
        overwrite(each);
}

void cp_json_wipe(cp_json *document)
{
    if (document)
        overwrite((cJSON *)(void *)document);
    cp_json_free(document);
}

const cp_json *cp_json_member(const cp_json *object, const char *name)
{
    const cp_json *found = NULL;
    if (cp_json_type_of(object) != CP_JSON_OBJECT)
        return NULL;
    for (const cp_json *each = cp_json_first(object); each; each = cp_json_next(each)) {
        if (strcmp(cp_json_name(each), name) != 0)
            continue;
        if (found)
            return NULL;
        found = each;
    }
    return found;
}

const cp_json *cp_json_first(const cp_json *container)
{
    return container ? outside(inside(container)->child) : NULL;
}

const cp_json *cp_json_next(const cp_json *item)
{
    return outside(inside(item)->next);
}

const char *cp_json_name(const cp_json *item)
{
    return inside(item)->string;
}

cp_json_type cp_json_type_of(const cp_json *value)
{
    switch (value ? inside(value)->type & 0xFF : cJSON_NULL) {
    case cJSON_False:
        return CP_JSON_FALSE;
    case cJSON_True:
        return CP_JSON_TRUE;
    case cJSON_Number:
        return CP_JSON_NUMBER;
    case cJSON_String:
        return CP_JSON_STRING;
    case cJSON_Array:
        return CP_JSON_ARRAY;
    case cJSON_Object:
        return CP_JSON_OBJECT;
    default:
        return CP_JSON_NULL;
    }
}

cp_slice cp_json_text(const cp_json *value)
{
    bool is_text = cp_json_type_of(value) == CP_JSON_STRING;
    return is_text ? cp_slice_of(inside(value)->valuestring) : CP_ABSENT_SLICE;
}

double cp_json_number(const cp_json *value)
{
    return cp_json_type_of(value) == CP_JSON_NUMBER ? inside(value)->valuedouble : 0;
}

static int64_t count_of_digits(cp_slice text)
{
    int64_t count = 0;
    if (text.length == 0)
        return CP_ABSENT;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return CP_ABSENT;
        count = count * 10 + (text.data[i] - '0');
        if (count > (int64_t)LARGEST_COUNT)
            return CP_ABSENT;
    }
    return count;
}

int64_t cp_json_count(const cp_json *value)
{
    if (cp_json_type_of(value) != CP_JSON_NUMBER)
        return count_of_digits(cp_json_text(value));
    double number = cp_json_number(value);
    /* The range first: to cast a double that is outside is undefined. */
    if (!(number >= 0 && number <= LARGEST_COUNT) || number != floor(number))
        return CP_ABSENT;
    return (int64_t)number;
}

bool cp_json_is_true(const cp_json *value)
{
    cp_slice text = cp_json_text(value);
    return cp_json_type_of(value) == CP_JSON_TRUE || cp_json_number(value) != 0 ||
           cp_slice_is(text, "1") || cp_slice_is(text, "true");
}

/* ---- writing: our own, because the engine's printer rounds whole numbers near 2^53 */

/* The locale's decimal point, however many bytes it has, becomes the one of JSON. */
static void put_fraction(cp_buffer *out, const char *printed)
{
    static const char numeric[] = "0123456789+-e";
    size_t whole = strspn(printed, numeric);
    size_t point = strcspn(printed + whole, numeric);
    cp_buffer_append(out, (cp_slice){printed, whole});
    if (point > 0)
        cp_buffer_append_text(out, ".");
    cp_buffer_append_text(out, printed + whole + point);
}

static void print_number(double number, cp_buffer *out)
{
    char printed[40];
    if (!isfinite(number)) {
        cp_buffer_append_text(out, "null"); /* 1e999, as JavaScript has it */
        return;
    }
    if (fabs(number) <= LARGEST_COUNT && number == floor(number)) {
        cp_buffer_append_format(out, "%.0f", number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) { /* as few as give the same number back */
        snprintf(printed, sizeof printed, "%.*g", digits, number);
        if (strtod(printed, NULL) == number)
            break;
    }
    put_fraction(out, printed);
}

static void print_items(const cp_json *container, bool named, cp_buffer *out)
{
    const char *comma = "";
    for (const cp_json *each = cp_json_first(container); each; each = cp_json_next(each)) {
        cp_buffer_append_text(out, comma);
        if (named) {
            cp_json_put_text(out, cp_slice_of(cp_json_name(each)));
            cp_buffer_append_text(out, ":");
        }
        cp_json_print(each, out);
        comma = ",";
    }
}

/* Recursive, and no deeper than the scan let the document be. */
void cp_json_print(const cp_json *value, cp_buffer *out)
{
    switch (cp_json_type_of(value)) {
    case CP_JSON_NULL:
        cp_buffer_append_text(out, "null");
        break;
    case CP_JSON_FALSE:
        cp_buffer_append_text(out, "false");
        break;
    case CP_JSON_TRUE:
        cp_buffer_append_text(out, "true");
        break;
    case CP_JSON_NUMBER:
        print_number(cp_json_number(value), out);
        break;
    case CP_JSON_STRING:
        cp_json_put_text(out, cp_json_text(value));
        break;
    case CP_JSON_ARRAY:
        cp_buffer_append_text(out, "[");
        print_items(value, false, out);
        cp_buffer_append_text(out, "]");
        break;
    case CP_JSON_OBJECT:
        cp_buffer_append_text(out, "{");
        print_items(value, true, out);
        cp_buffer_append_text(out, "}");
        break;
    }
}

static bool needs_escape(char byte)
{
    return (unsigned char)byte < 0x20 || byte == '"' || byte == '\\';
}

static void put_escape(cp_buffer *out, char byte)
{
    if (byte == '"')
        cp_buffer_append_text(out, "\\\"");
    else if (byte == '\\')
        cp_buffer_append_text(out, "\\\\");
    else
        cp_buffer_append_format(out, "\\u%04x", (unsigned)(unsigned char)byte);
}

void cp_json_put_text(cp_buffer *out, cp_slice text)
{
    cp_buffer_append_text(out, "\"");
    size_t done = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!needs_escape(text.data[i]))
            continue;
        cp_buffer_append(out, (cp_slice){text.data + done, i - done});
        put_escape(out, text.data[i]);
        done = i + 1;
    }
    if (done < text.length)
        cp_buffer_append(out, (cp_slice){text.data + done, text.length - done});
    cp_buffer_append_text(out, "\"");
}

void cp_json_put_member(cp_buffer *out, const char *name, cp_slice text)
{
    if (!text.data)
        return;
    cp_json_put_text(out, cp_slice_of(name));
    cp_buffer_append_text(out, ":");
    cp_json_put_text(out, text);
    cp_buffer_append_text(out, ",");
}
