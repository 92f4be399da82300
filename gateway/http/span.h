/*
 * A borrowed byte range, not NUL-terminated. Pure; values only.
 */
#ifndef COUPOND_SPAN_H
#define COUPOND_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *at;
    size_t length;
};

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})
#define SPAN_NONE          ((struct span){NULL, 0})

static inline bool span_equals(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

/* Compares ASCII letters case-insensitively. */
static inline bool span_equals_nocase(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || strncasecmp(a.at, b.at, a.length) == 0);
}

/* Reads the decimal digits at the beginning. Returns their number; 0 when there are none, or their value is above
 * `max`. */
static inline size_t span_decimal(struct span s, uint64_t max, uint64_t *value)
{
    size_t digits = 0;
    *value = 0;
    for (; digits < s.length && s.at[digits] >= '0' && s.at[digits] <= '9'; digits++) {
        uint64_t digit = (uint64_t)(s.at[digits] - '0');
        if (digit > max || *value > (max - digit) / 10)
            return 0;
        *value = *value * 10 + digit;
    }
    return digits;
}

/* Removes spaces at both ends. Tabs stay, as in nginx, and make a message invalid where they affect its framing. */
static inline struct span span_trim(struct span s)
{
    while (s.length > 0 && s.at[0] == ' ') {
        s.at++;
        s.length--;
    }
    while (s.length > 0 && s.at[s.length - 1] == ' ')
        s.length--;
    return s;
}

#endif
