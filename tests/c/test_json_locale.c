/* How numbers are printed where the locale's decimal point is no point.  No machine is sure
 * to have such a locale, so what the C library would do there is done here, around json.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"

static const char *decimal_point; /* the locale's */

static int foreign_snprintf(char *out, size_t size, const char *format, ...)
{
    char plain[64];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(plain, sizeof plain, format, arguments);
    va_end(arguments);
    char *point = strchr(plain, '.');
    if (!point)
        return snprintf(out, size, "%s", plain);
    return snprintf(out, size, "%.*s%s%s", (int)(point - plain), plain, decimal_point, point + 1);
}

static double foreign_strtod(const char *text, char **end)
{
    char plain[64];
    const char *point = strstr(text, decimal_point);

    CHECK(end == NULL);
    if (!point)
        return strtod(text, NULL);
    snprintf(plain, sizeof plain, "%.*s.%s", (int)(point - text), text,
             point + strlen(decimal_point));
    return strtod(plain, NULL);
}

#define snprintf foreign_snprintf
#define strtod foreign_strtod
#include "core/json.c"
#undef snprintf
#undef strtod

TEST(a_foreign_decimal_point_becomes_jsons)
{
    static const char *const points[] = {",", "\xD9\xAB", "."}; /* Arabic's has two bytes */
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        cp_json *root;
        cp_buffer out;

        decimal_point = points[i];
        cp_buffer_init(&out);
        CHECK_INT(cp_json_parse(cp_slice_of("[1.5,-1e-7,0.1,1e300,-2.25e-10,7]"),
                                CP_JSON_BODY_LIMITS, &root),
                  CP_OK);
        cp_json_print(root, &out);
        CHECK_TEXT(out.data, "[1.5,-1e-07,0.1,1e+300,-2.25e-10,7]");
        cp_buffer_destroy(&out);
        cp_json_free(root);
    }
}
