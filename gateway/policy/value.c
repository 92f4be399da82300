#include "gateway/policy/value.h"

#include <string.h>

#include "shared/error.h"
#include "shared/wire/frame.h"

enum { MAGIC_LENGTH = 8, NUMBER_LENGTH = 20 };

static const char magic[] = "coupond2";

_Static_assert(sizeof magic - 1 + 2 * NUMBER_LENGTH == POLICY_VALUE_ORDER_LENGTH, "order of a policy value");

static void write_number(char *out, uint64_t value)
{
    for (int i = NUMBER_LENGTH - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

static bool read_number(const char *at, uint64_t max, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < NUMBER_LENGTH; i++) {
        uint64_t digit = (uint64_t)(at[i] - '0');
        if (at[i] < '0' || at[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, digit, value))
            return false;
    }
    return *value <= max;
}

size_t policy_value_write(char out[POLICY_VALUE_MAX], const struct coupon *coupon, int64_t issuer_us)
{
    struct frame_coupon wire;
    frame_coupon_write(&wire, coupon);
    size_t length = frame_coupon_bytes(&wire);
    char *at = out;
    memcpy(at, magic, MAGIC_LENGTH);
    write_number(at + MAGIC_LENGTH, coupon->journal_seq);
    write_number(at + MAGIC_LENGTH + NUMBER_LENGTH, issuer_us < 0 ? 0 : (uint64_t)issuer_us);
    memcpy(at + POLICY_VALUE_ORDER_LENGTH, &wire, length);
    return POLICY_VALUE_ORDER_LENGTH + length;
}

static bool past_time_valid(int64_t us)
{
    return us >= 0 && us <= TIME_US_MAX;
}

/* Applies the same checks as for frames. */
static bool read_coupon(struct span bytes, struct frame_coupon *wire, struct coupon *coupon)
{
    memset(wire, 0, sizeof *wire);
    if (bytes.length < offsetof(struct frame_coupon, texts) || bytes.length > sizeof *wire)
        return false;
    memcpy(wire, bytes.at, bytes.length);
    return frame_coupon_lengths_valid(wire) && frame_coupon_bytes(wire) == bytes.length &&
           past_time_valid(wire->created_at_us) && past_time_valid(wire->updated_at_us) && frame_coupon_whole(wire) &&
           frame_coupon_read(wire, coupon);
}

bool policy_value_read(struct span bytes, struct span id, struct coupon *coupon, int64_t *issuer_us)
{
    uint64_t journal_seq = 0;
    uint64_t time_us = 0;
    if (bytes.length < POLICY_VALUE_ORDER_LENGTH || memcmp(bytes.at, magic, MAGIC_LENGTH) != 0)
        return false;
    if (!read_number(bytes.at + MAGIC_LENGTH, UINT64_MAX, &journal_seq) ||
        !read_number(bytes.at + MAGIC_LENGTH + NUMBER_LENGTH, ISSUER_TIME_US_MAX, &time_us))
        return false;
    struct frame_coupon wire;
    struct span rest = {bytes.at + POLICY_VALUE_ORDER_LENGTH, bytes.length - POLICY_VALUE_ORDER_LENGTH};
    if (!read_coupon(rest, &wire, coupon) || wire.journal_seq != journal_seq ||
        !span_equals((struct span){wire.id, wire.id_length}, id))
        return false;
    *issuer_us = (int64_t)time_us;
    return true;
}
