#include "shared/coupon.h"

#include <xxhash.h>

#include "shared/error.h"
#include "shared/utf8.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
#define X(id, name) [VERDICT_##id] = name,
        VERDICT_TABLE(X)
#undef X
    };
    return (unsigned)verdict < VERDICT_COUNT ? names[verdict] : "invalid";
}

enum coupon_state coupon_state_of(int64_t starts_at_us, int64_t ends_at_us, bool paused, bool sold_out, int64_t now_us)
{
    if (ends_at_us != TIME_NONE && now_us >= ends_at_us)
        return COUPON_ENDED;
    if (paused)
        return COUPON_PAUSED;
    if (starts_at_us != TIME_NONE && now_us < starts_at_us)
        return COUPON_SCHEDULED;
    return sold_out ? COUPON_SOLD_OUT : COUPON_OPEN;
}

enum coupon_state coupon_state(const struct coupon *coupon, int64_t now_us)
{
    return coupon_state_of(coupon->starts_at_us, coupon->ends_at_us, coupon->paused, coupon->issued >= coupon->quantity,
                           now_us);
}

const char *coupon_state_name(enum coupon_state state)
{
    static const char *const names[] = {
        [COUPON_SCHEDULED] = "scheduled", [COUPON_OPEN] = "open",   [COUPON_PAUSED] = "paused",
        [COUPON_SOLD_OUT] = "sold_out",   [COUPON_ENDED] = "ended",
    };
    CHECK((unsigned)state < sizeof names / sizeof *names);
    return names[state];
}

/* Which characters an id may bear: 1 in both kinds, 2 in a user's alone. */
static const unsigned char alphabet[256] = {
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['0' ... '9'] = 1, ['-'] = 1, ['_'] = 1, ['.'] = 1, [':'] = 2, ['@'] = 2,
};

static bool all_within(const char *id, size_t length, unsigned char kind_max)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char kind = alphabet[(unsigned char)id[i]];
        if (kind == 0 || kind > kind_max)
            return false;
    }
    return true;
}

/* "." and "..": clients and proxies take them out of a path before anybody sees them. */
static bool is_dot_segment(const char *id, size_t length)
{
    return id[0] == '.' && (length == 1 || (length == 2 && id[1] == '.'));
}

bool coupon_id_valid(const char *id, size_t length)
{
    return length >= 1 && length <= COUPON_ID_MAX && all_within(id, length, 1) && !is_dot_segment(id, length);
}

bool user_id_valid(const char *id, size_t length)
{
    return length >= 1 && length <= USER_ID_MAX && all_within(id, length, 2) && !is_dot_segment(id, length);
}

bool title_valid(const char *title, size_t length)
{
    const unsigned char *s = (const unsigned char *)title;
    if (length < 1 || length > TITLE_MAX)
        return false;
    for (size_t i = 0; i < length;) {
        size_t sequence = utf8_sequence(s + i, length - i);
        bool control = s[i] < 0x20 || s[i] == 0x7f || (s[i] == 0xc2 && i + 1 < length && s[i + 1] < 0xa0);
        if (sequence == 0 || control)
            return false;
        i += sequence;
    }
    return true;
}

/* Beyond ASCII and of three bytes at the most, which all of them are. */
static unsigned code_point(const unsigned char *s, size_t size)
{
    if (size == 2)
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    return size == 3 ? (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu) : 0;
}

static bool misleads(unsigned point)
{
    return point == 0x061c || point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb);
}

bool title_settable(const char *title, size_t length)
{
    const unsigned char *s = (const unsigned char *)title;
    size_t size = 1;
    if (!title_valid(title, length))
        return false;
    for (size_t i = 0; i < length; i += size) {
        size = utf8_sequence(s + i, length - i);
        if (misleads(code_point(s + i, size)))
            return false;
    }
    return true;
}

bool window_time_valid(int64_t us)
{
    return us == TIME_NONE || (us >= 0 && us <= TIME_US_MAX);
}

uint16_t coupon_partition(const char *id, size_t length, uint16_t partitions)
{
    CHECK(partitions > 0);
    return (uint16_t)(XXH64(id, length, 0) % partitions);
}
