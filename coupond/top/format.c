#include "coupond/top/format.h"

#include <math.h>
#include <stdio.h>

#define DAY_S 86400

static const char *unknown(char out[TOP_TEXT_MAX])
{
    snprintf(out, TOP_TEXT_MAX, "-");
    return out;
}

/* Formats three significant digits and the unit. */
static const char *three_digits(double value, const char *unit, char out[TOP_TEXT_MAX])
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(out, TOP_TEXT_MAX, "%.*f%s", decimals, value, unit);
    return out;
}

/* Divides by `step` until at most three digits remain or the units are used up; returns the number of divisions. */
static unsigned scale(double *value, double step, unsigned units)
{
    unsigned unit = 0;
    while (*value >= 999.5 && unit + 1 < units) {
        *value /= step;
        unit++;
    }
    return unit;
}

const char *top_count(double value, char out[TOP_TEXT_MAX])
{
    static const char *const units[] = {"M", "G", "T"};
    if (isnan(value) || value < 0)
        return unknown(out);
    if (value < 9.95 && fabs(value - round(value)) >= 0.05)
        snprintf(out, TOP_TEXT_MAX, "%.1f", value);
    else if (value < 999.5)
        snprintf(out, TOP_TEXT_MAX, "%.0f", value);
    else if (value < 999999.5)
        snprintf(out, TOP_TEXT_MAX, "%ld,%03ld", lround(value) / 1000, lround(value) % 1000);
    else if (value >= 999.5e12)
        snprintf(out, TOP_TEXT_MAX, ">999T");
    else {
        value /= 1e6;
        unsigned unit = scale(&value, 1000, 3);
        return three_digits(value, units[unit], out);
    }
    return out;
}

const char *top_time(double seconds, char out[TOP_TEXT_MAX])
{
    if (isnan(seconds) || seconds < 0)
        return unknown(out);
    if (seconds < 0.5e-6)
        snprintf(out, TOP_TEXT_MAX, "0 s");
    else if (seconds < 0.9995e-3)
        snprintf(out, TOP_TEXT_MAX, "%.0f µs", seconds * 1e6);
    else if (seconds < 0.9995)
        return three_digits(seconds * 1e3, " ms", out);
    else if (seconds < 999.5)
        return three_digits(seconds, " s", out);
    else
        snprintf(out, TOP_TEXT_MAX, ">999 s");
    return out;
}

const char *top_span(double seconds, char out[TOP_TEXT_MAX])
{
    if (isnan(seconds) || seconds < 0)
        return unknown(out);
    if (seconds >= 1000.0 * DAY_S) {
        snprintf(out, TOP_TEXT_MAX, ">999 d");
        return out;
    }
    long s = lround(seconds);
    if (s < 60)
        snprintf(out, TOP_TEXT_MAX, "%ld s", s);
    else if (s < 3600)
        snprintf(out, TOP_TEXT_MAX, "%ld m %02ld s", s / 60, s % 60);
    else if (s < DAY_S)
        snprintf(out, TOP_TEXT_MAX, "%ld h %02ld m", s / 3600, s / 60 % 60);
    else
        snprintf(out, TOP_TEXT_MAX, "%ld d %02ld h", s / DAY_S, s / 3600 % 24);
    return out;
}

const char *top_bytes(double bytes, char out[TOP_TEXT_MAX])
{
    static const char *const units[] = {" KiB", " MiB", " GiB", " TiB"};
    if (isnan(bytes) || bytes < 0)
        return unknown(out);
    if (bytes < 1023.5) {
        snprintf(out, TOP_TEXT_MAX, "%.0f B", bytes);
        return out;
    }
    bytes /= 1024;
    unsigned unit = scale(&bytes, 1024, 4);
    if (bytes >= 999.5) {
        snprintf(out, TOP_TEXT_MAX, ">999 TiB");
        return out;
    }
    return three_digits(bytes, units[unit], out);
}

const char *top_percent(double share, char out[TOP_TEXT_MAX])
{
    if (isnan(share) || share < 0)
        return unknown(out);
    if (share >= 99.995)
        snprintf(out, TOP_TEXT_MAX, ">9999%%");
    else
        snprintf(out, TOP_TEXT_MAX, "%.0f %%", share * 100);
    return out;
}
