#include "core/http_date.h"

#include "core/clock.h"
#include "test.h"

static int64_t read_date(const char *text)
{
    return cp_http_date_read(cp_slice_of(text));
}

TEST(a_date_is_read)
{
    CHECK_INT(read_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    CHECK_INT(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    CHECK_INT(read_date("Tue, 24 Nov 2026 01:56:16 GMT"), 1795485376);
}

TEST(leap_years_are_as_gregory_has_them)
{
    CHECK_INT(read_date("Thu, 29 Feb 2024 23:59:59 GMT"), 1709251199);
    CHECK_INT(read_date("Wed, 01 Mar 2000 00:00:00 GMT"), 951868800);
    CHECK_INT(read_date("Mon, 01 Mar 2100 00:00:00 GMT"), 4107542400);
    CHECK_INT(read_date("Mon, 29 Feb 2100 00:00:00 GMT"), CP_ABSENT);
    CHECK_INT(read_date("Sun, 29 Feb 2026 00:00:00 GMT"), CP_ABSENT);
}

TEST(a_leap_second_is_the_first_of_the_next_minute)
{
    CHECK_INT(read_date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
}

TEST(the_last_date_there_is)
{
    CHECK_INT(read_date("Fri, 31 Dec 9999 23:59:59 GMT"), 253402300799);
}

TEST(what_is_no_date_is_none)
{
    static const char *const nothing[] = {
        "",
        "30",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sunday, 06-Nov-94 08:49:37 GMT", /* obsolete */
        "Sun Nov  6 08:49:37 1994",       /* obsolete */
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
    };
    CHECK_INT(cp_http_date_read(CP_ABSENT_SLICE), CP_ABSENT);
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        CHECK_INT(read_date(nothing[i]), CP_ABSENT);
}

TEST(no_byte_beside_the_form_passes)
{
    char text[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        char was = text[i];
        text[i] = '\x01';
        CHECK_INT(read_date(text), CP_ABSENT);
        text[i] = was;
    }
}
