/* The scan before the engine: what it lets pass is within the limits, the engine reads it, and
 * what the engine prints of it passes again; what it refuses is not parsed.
 *
 * Reaches at least 440 edges. */
#include "core/json.h"

#include "fuzz.h"

/* Counted in another way than the scan does: by looking at brackets outside of strings. */
static unsigned depth_of(cp_slice text)
{
    unsigned depth = 0, deepest = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if (quoted && byte == '\\')
            i++;
        else if (byte == '"')
            quoted = !quoted;
        else if (!quoted && (byte == '[' || byte == '{'))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!quoted && (byte == ']' || byte == '}'))
            depth--;
    }
    CHECK_INT(depth, 0);
    return deepest;
}

static size_t count_values(const cp_json *value)
{
    size_t count = 1;
    for (const cp_json *item = cp_json_first(value); item; item = cp_json_next(item))
        count += count_values(item);
    return count;
}

/* Every face of a value, so that the sanitizer sees each. */
static void look_at(const cp_json *value)
{
    cp_slice text = cp_json_text(value);
    int64_t count = cp_json_count(value);

    CHECK((cp_json_type_of(value) == CP_JSON_STRING) == (text.data != NULL));
    CHECK(text.data == NULL || cp_utf8_is_valid(text));
    CHECK(count == CP_ABSENT || (count >= 0 && count <= INT64_C(1) << 53));
    (void)cp_json_is_true(value);
    for (const cp_json *item = cp_json_first(value); item; item = cp_json_next(item)) {
        if (cp_json_type_of(value) == CP_JSON_OBJECT) {
            const cp_json *found = cp_json_member(value, cp_json_name(item));
            CHECK(found == NULL || found == item); /* NULL: there are two of that name */
        }
        look_at(item);
    }
}

static void check_document(cp_slice text, const cp_json *document, cp_json_limits limits)
{
    cp_buffer printed;

    CHECK(text.length <= limits.bytes);
    CHECK(cp_utf8_is_valid(text));
    CHECK(depth_of(text) <= limits.depth);
    CHECK(count_values(document) <= limits.values);
    look_at(document);
    cp_buffer_init(&printed);
    cp_json_print(document, &printed);
    CHECK_INT(cp_json_scan(cp_buffer_slice(&printed), CP_JSON_BODY_LIMITS), CP_OK);
    cp_buffer_destroy(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const cp_json_limits limits = {2048, 8, 64}; /* that inputs can reach */
    char *copy = exact_copy(slice_of_input(data, size));
    cp_slice text = {copy, size};
    cp_json *document;
    cp_status status = cp_json_scan(text, limits);

    CHECK_INT(cp_json_parse(text, limits, &document), status);
    CHECK((status == CP_OK) == (document != NULL));
    if (document)
        check_document(text, document, limits);
    cp_json_free(document);
    free(copy);
    return 0;
}
