#include "gateway/policy/value.h"

#include <string.h>

#include "shared/error.h"
#include "shared/wire/frame.h"

enum { MAGIC_LENGTH = 8, NUMBER_LENGTH = 20 };

static const char magic[] = "coupond1";

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
    struct policy_value_fixed fixed = {
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .created_at_us = coupon->created_at_us,
        .updated_at_us = coupon->updated_at_us,
        .quantity = coupon->quantity,
        .issued = coupon->issued,
        .per_user_limit = coupon->per_user_limit,
        .title_length = (uint16_t)strlen(coupon->title),
        .id_length = (uint8_t)strlen(coupon->id),
        .paused = coupon->paused,
    };
    char *at = out;
    memcpy(at, magic, MAGIC_LENGTH);
    write_number(at + MAGIC_LENGTH, coupon->journal_seq);
    write_number(at + MAGIC_LENGTH + NUMBER_LENGTH, issuer_us < 0 ? 0 : (uint64_t)issuer_us);
    at += POLICY_VALUE_ORDER_LENGTH;
    memcpy(at, &fixed, sizeof fixed);
    at += sizeof fixed;
    memcpy(at, coupon->id, fixed.id_length);
    at += fixed.id_length;
    memcpy(at, coupon->title, fixed.title_length);
    return (size_t)(at - out) + fixed.title_length;
}

static bool past_time_valid(int64_t us)
{
    return us >= 0 && us <= TIME_US_MAX;
}

/* Applies the same checks as for frames. */
static bool read_coupon(const struct policy_value_fixed *fixed, const char *texts, uint64_t journal_seq,
                        struct coupon *coupon)
{
    struct frame_coupon wire = {
        .starts_at_us = fixed->starts_at_us,
        .ends_at_us = fixed->ends_at_us,
        .created_at_us = fixed->created_at_us,
        .updated_at_us = fixed->updated_at_us,
        .journal_seq = journal_seq,
        .quantity = fixed->quantity,
        .issued = fixed->issued,
        .per_user_limit = fixed->per_user_limit,
        .title_length = fixed->title_length,
        .id_length = fixed->id_length,
        .paused = fixed->paused,
    };
    memcpy(wire.id, texts, fixed->id_length);
    memcpy(wire.title, texts + fixed->id_length, fixed->title_length);
    return past_time_valid(wire.created_at_us) && past_time_valid(wire.updated_at_us) && frame_coupon_whole(&wire) &&
           frame_coupon_read(&wire, coupon);
}

bool policy_value_read(struct span bytes, struct span id, struct coupon *coupon, int64_t *issuer_us)
{
    const size_t texts_at = POLICY_VALUE_ORDER_LENGTH + sizeof(struct policy_value_fixed);
    uint64_t journal_seq = 0;
    uint64_t time_us = 0;
    if (bytes.length < texts_at || memcmp(bytes.at, magic, MAGIC_LENGTH) != 0)
        return false;
    if (!read_number(bytes.at + MAGIC_LENGTH, UINT64_MAX, &journal_seq) ||
        !read_number(bytes.at + MAGIC_LENGTH + NUMBER_LENGTH, ISSUER_TIME_US_MAX, &time_us))
        return false;
    struct policy_value_fixed fixed;
    memcpy(&fixed, bytes.at + POLICY_VALUE_ORDER_LENGTH, sizeof fixed);
    if (fixed.id_length > COUPON_ID_MAX || fixed.title_length > TITLE_MAX ||
        bytes.length != texts_at + fixed.id_length + fixed.title_length)
        return false;
    if (!span_equals((struct span){bytes.at + texts_at, fixed.id_length}, id))
        return false;
    *issuer_us = (int64_t)time_us;
    return read_coupon(&fixed, bytes.at + texts_at, journal_seq, coupon);
}
