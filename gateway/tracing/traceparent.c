#include "gateway/tracing/traceparent.h"

#include <string.h>

enum {
    TRACEPARENT_LENGTH = 55, /* 00-<32 hex>-<16 hex>-<2 hex> */
    TRACE_ID_AT = 3,
    SPAN_ID_AT = 36,
    FLAGS_AT = 53,
};

static bool is_hex(const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
    }
    return true;
}

static bool is_zero(const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (at[i] != '0')
            return false;
    }
    return true;
}

/* Version 00 ends after the flags; a later version may continue after a dash; ff is invalid. */
static bool has_form(struct span value)
{
    const char *at = value.at;
    if (value.length < TRACEPARENT_LENGTH || !is_hex(at, 2) || memcmp(at, "ff", 2) == 0)
        return false;
    if (value.length > TRACEPARENT_LENGTH && (memcmp(at, "00", 2) == 0 || at[TRACEPARENT_LENGTH] != '-'))
        return false;
    return at[TRACE_ID_AT - 1] == '-' && at[SPAN_ID_AT - 1] == '-' && at[FLAGS_AT - 1] == '-' &&
           is_hex(at + FLAGS_AT, 2);
}

static bool take_id(const char *at, size_t length, char *out)
{
    if (!is_hex(at, length) || is_zero(at, length))
        return false;
    memcpy(out, at, length);
    out[length] = '\0';
    return true;
}

/* Of a hexadecimal digit. */
static bool has_lowest_bit(char digit)
{
    return strchr("13579bdf", digit) != NULL;
}

bool traceparent_read(struct span value, struct traceparent *parent)
{
    if (has_form(value) && take_id(value.at + TRACE_ID_AT, TRACE_ID_DIGITS, parent->trace_id) &&
        take_id(value.at + SPAN_ID_AT, SPAN_ID_DIGITS, parent->span_id)) {
        parent->sampled = has_lowest_bit(value.at[FLAGS_AT + 1]);
        return true;
    }
    *parent = (struct traceparent){0};
    return false;
}
