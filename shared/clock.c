#include "shared/clock.h"

#include <string.h>
#include <time.h>

#include "shared/limits.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (86400 * US_PER_SECOND)

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static int64_t (*wall_instead)(void);
static int64_t (*mono_instead)(void);

void clock_replace(int64_t (*wall_us)(void), int64_t (*mono_us)(void))
{
    wall_instead = wall_us;
    mono_instead = mono_us;
}

int64_t clock_wall_us(void)
{
    return wall_instead != NULL ? wall_instead() : read_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
    return mono_instead != NULL ? mono_instead() : read_us(CLOCK_MONOTONIC);
}

int64_t clock_boot_us(void)
{
    return mono_instead != NULL ? mono_instead() : read_us(CLOCK_BOOTTIME);
}

int64_t monotone_clock_read(struct monotone_clock *clock, int64_t wall_us)
{
    if (wall_us > clock->last_us && wall_us <= ISSUER_TIME_US_MAX)
        clock->last_us = wall_us;
    return clock->last_us;
}

/* Days from 1970-01-01 to a Gregorian date. Years begin in March here, so that the leap day is the last day. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    int64_t march_year = month > 2 ? year : year - 1;
    int64_t march_month = (month + 9) % 12;
    int64_t days = march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400;
    return days + (march_month * 153 + 2) / 5 + day - 1 - 719468;
}

static bool is_leap_year(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Writes `value` in decimal, padded with zeros to `digits`; returns the end. */
static char *put_digits(char *out, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + digits;
}

static char *put_date(char *out, int64_t days)
{
    int64_t year = 1970 + days / 366; /* never later than the result */
    while (days_of_date(year + 1, 1, 1) <= days)
        year++;
    int64_t month = 1;
    while (month < 12 && days_of_date(year, month + 1, 1) <= days)
        month++;
    out = put_digits(out, year, 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    return put_digits(out, days - days_of_date(year, month, 1) + 1, 2);
}

static char *put_time(char *out, int64_t seconds)
{
    out = put_digits(out, seconds / 3600, 2);
    *out++ = ':';
    out = put_digits(out, seconds / 60 % 60, 2);
    *out++ = ':';
    return put_digits(out, seconds % 60, 2);
}

size_t rfc3339_format(int64_t us, char out[RFC3339_MAX])
{
    us = us < 0 ? 0 : us > TIME_US_MAX ? TIME_US_MAX : us;
    char *end = put_date(out, us / US_PER_DAY);
    *end++ = 'T';
    end = put_time(end, us % US_PER_DAY / US_PER_SECOND);
    *end++ = '.';
    end = put_digits(end, us % US_PER_SECOND, 6);
    *end++ = 'Z';
    *end = '\0';
    return (size_t)(end - out);
}

/* The text that is left to parse. */
struct cursor {
    const char *at;
    const char *end;
};

static bool take_digits(struct cursor *cursor, int digits, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return false;
        *value = *value * 10 + (*cursor->at++ - '0');
    }
    return true;
}

/* Takes one character if it is one of `set`; returns it, or 0. */
static char take_one_of(struct cursor *cursor, const char *set)
{
    if (cursor->at == cursor->end || *cursor->at == '\0' || strchr(set, *cursor->at) == NULL)
        return 0;
    return *cursor->at++;
}

static bool take_date(struct cursor *cursor, int64_t *days)
{
    int64_t year, month, day;
    if (!take_digits(cursor, 4, &year) || !take_one_of(cursor, "-"))
        return false;
    if (!take_digits(cursor, 2, &month) || !take_one_of(cursor, "-") || !take_digits(cursor, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_of_date(year, month, day);
    return true;
}

/* Accepts second 60; rfc3339_parse() decides when it is valid. A missing second is 0, and `whole` says that it was
 * given. */
static bool take_time(struct cursor *cursor, int64_t *seconds, bool *leap, bool *whole)
{
    int64_t hour, minute, second = 0;
    if (!take_digits(cursor, 2, &hour) || !take_one_of(cursor, ":") || !take_digits(cursor, 2, &minute))
        return false;
    *whole = take_one_of(cursor, ":") != 0;
    if (*whole && !take_digits(cursor, 2, &second))
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    *leap = second == 60;
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* Digits beyond microseconds are cut. */
static bool take_fraction(struct cursor *cursor, int64_t *us)
{
    *us = 0;
    if (!take_one_of(cursor, "."))
        return true;
    int64_t unit = US_PER_SECOND;
    int digits = 0;
    for (int64_t digit; take_digits(cursor, 1, &digit); digits++) {
        unit /= 10;
        *us += digit * unit;
    }
    return digits >= 1 && digits <= 9;
}

static bool take_offset(struct cursor *cursor, int64_t *seconds)
{
    *seconds = 0;
    if (take_one_of(cursor, "Zz"))
        return true;
    char sign = take_one_of(cursor, "+-");
    int64_t hours, minutes;
    if (!sign || !take_digits(cursor, 2, &hours) || !take_one_of(cursor, ":") || !take_digits(cursor, 2, &minutes))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return hours <= 23 && minutes <= 59;
}

bool rfc3339_parse(const char *text, size_t length, int64_t *us)
{
    struct cursor cursor = {text, text + length};
    int64_t days, seconds, fraction, offset;
    bool leap, whole;
    if (!take_date(&cursor, &days) || !take_one_of(&cursor, "Tt") || !take_time(&cursor, &seconds, &leap, &whole))
        return false;
    fraction = 0;
    if ((whole && !take_fraction(&cursor, &fraction)) || !take_offset(&cursor, &offset) || cursor.at != cursor.end)
        return false;
    int64_t result = days * US_PER_DAY + (seconds - offset) * US_PER_SECOND + fraction;
    if (result < 0 || result > TIME_US_MAX)
        return false;
    /* A leap second is the last of a day in UTC; it counts as the first second of the next day. */
    if (leap && result % US_PER_DAY >= US_PER_SECOND)
        return false;
    *us = result;
    return true;
}
