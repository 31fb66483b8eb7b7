#include "core/http_date.h"

#include "core/clock.h"

/* Of the only form: 'a' is a letter, '0' a digit, anything else itself. */
static const char FORM[] = "aaa, 00 aaa 0000 00:00:00 GMT";

static bool is_as(char byte, char form)
{
    if (form == 'a')
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (form == '0')
        return byte >= '0' && byte <= '9';
    return byte == form;
}

static bool has_form(cp_slice text)
{
    if (text.length != sizeof FORM - 1)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (!is_as(text.data[i], FORM[i]))
            return false;
    return true;
}

static int number_at(cp_slice text, size_t at, size_t digits)
{
    int value = 0;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text.data[at + i] - '0');
    return value;
}

/* 0 for January; -1: none. */
static int month_at(cp_slice text, size_t at)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (memcmp(text.data + at, names + 3 * (size_t)month, 3) == 0)
            return month;
    return -1;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int month, int year)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && is_leap(year));
}

/* Since 1970. */
static int64_t days_before(int year, int month)
{
    int before = year - 1;
    int64_t days = INT64_C(365) * (year - 1970) + (before / 4 - before / 100 + before / 400) -
                   (1969 / 4 - 1969 / 100 + 1969 / 400);
    for (int earlier = 0; earlier < month; earlier++)
        days += days_in(earlier, year);
    return days;
}

int64_t cp_http_date_read(cp_slice text)
{
    if (!has_form(text))
        return CP_ABSENT;
    int month = month_at(text, 8), year = number_at(text, 12, 4), day = number_at(text, 5, 2);
    int hour = number_at(text, 17, 2), minute = number_at(text, 20, 2);
    int second = number_at(text, 23, 2); /* 60: a leap second */
    if (month < 0 || year < 1970 || day < 1 || day > days_in(month, year) || hour > 23 ||
        minute > 59 || second > 60)
        return CP_ABSENT;
    int64_t hours = (days_before(year, month) + day - 1) * 24 + hour;
    return (hours * 60 + minute) * 60 + second;
}
