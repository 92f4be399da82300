#include "shared/coupon.h"

#include <string.h>
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
    if (coupon->archived)
        return COUPON_ARCHIVED;
    return coupon_state_of(coupon->starts_at_us, coupon->ends_at_us, coupon->paused, coupon_remaining(coupon) == 0,
                           now_us);
}

uint32_t coupon_remaining(const struct coupon *coupon)
{
    if (coupon->quantity == QUANTITY_UNLIMITED)
        return QUANTITY_UNLIMITED;
    uint32_t in_force = coupon->issued > coupon->returned ? coupon->issued - coupon->returned : 0;
    return in_force < coupon->quantity ? coupon->quantity - in_force : 0;
}

uint32_t coupon_segments_hash(const char *segments, size_t length)
{
    if (length == 0)
        return 0;
    return (uint32_t)(XXH64(segments, length, 0) % (UINT32_MAX - 1)) + 1;
}

bool quantity_valid(uint32_t quantity)
{
    return (quantity >= 1 && quantity <= QUANTITY_MAX) || quantity == QUANTITY_UNLIMITED;
}

int64_t issue_redeemable_until_us(int64_t redeem_until_us, uint32_t redeem_within_s, int64_t issued_at_us)
{
    return redeem_within_s > 0 ? issued_at_us + (int64_t)redeem_within_s * 1000000 : redeem_until_us;
}

const char *coupon_state_name(enum coupon_state state)
{
    static const char *const names[] = {
        [COUPON_SCHEDULED] = "scheduled", [COUPON_OPEN] = "open",   [COUPON_PAUSED] = "paused",
        [COUPON_SOLD_OUT] = "sold_out",   [COUPON_ENDED] = "ended", [COUPON_ARCHIVED] = "archived",
    };
    CHECK((unsigned)state < sizeof names / sizeof *names);
    return names[state];
}

/* The characters of ids: 1 in both kinds, 2 in user ids only. */
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

/* "." and "..": clients and proxies normalize them out of a path. */
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

bool user_id_is_erased(const char *id, size_t length)
{
    static const char prefix[] = "erased:";
    const size_t prefix_length = sizeof prefix - 1;
    if (length != ERASED_ID_LENGTH || memcmp(id, prefix, prefix_length) != 0)
        return false;
    for (size_t i = prefix_length; i < length; i++) {
        if (!(id[i] >= '0' && id[i] <= '9') && !(id[i] >= 'a' && id[i] <= 'f'))
            return false;
    }
    return true;
}

static bool is_visible(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return length >= 1;
}

bool reference_valid(const char *reference, size_t length)
{
    return length <= REFERENCE_MAX && is_visible(reference, length);
}

bool origin_id_valid(const char *id, size_t length)
{
    return length <= REQUEST_ID_MAX && is_visible(id, length);
}

/* Well-formed UTF-8 without control characters, except for line feeds where they are allowed. */
static bool is_text(const char *text, size_t length, bool lines)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t sequence = utf8_sequence(s + i, length - i);
        bool control = s[i] < 0x20 || s[i] == 0x7f || (s[i] == 0xc2 && i + 1 < length && s[i + 1] < 0xa0);
        if (sequence == 0 || (control && !(lines && s[i] == '\n')))
            return false;
        i += sequence;
    }
    return true;
}

bool title_valid(const char *title, size_t length)
{
    return length >= 1 && length <= TITLE_MAX && is_text(title, length, false);
}

bool reason_valid(const char *reason, size_t length)
{
    return length <= REASON_MAX && is_text(reason, length, false);
}

/* --- texts of a coupon --- */

static const struct text {
    size_t offset;
    size_t max;
} texts[] = {
#define X(id, member, max) [COUPON_TEXT_##id] = {offsetof(struct coupon, member), max},
    COUPON_TEXT_TABLE(X)
#undef X
};

const char *coupon_text(const struct coupon *coupon, enum coupon_text text)
{
    return (const char *)coupon + texts[text].offset;
}

size_t coupon_text_max(enum coupon_text text)
{
    return texts[text].max;
}

void coupon_text_set(struct coupon *coupon, enum coupon_text text, const char *bytes, size_t length)
{
    CHECK(length <= texts[text].max);
    char *out = (char *)coupon + texts[text].offset;
    memcpy(out, bytes, length);
    out[length] = '\0';
}

bool coupon_text_valid(enum coupon_text text, const char *bytes, size_t length)
{
    if (text == COUPON_TEXT_TITLE)
        return title_valid(bytes, length);
    return length <= texts[text].max && is_text(bytes, length, text == COUPON_TEXT_DESCRIPTION);
}

/* The code point of a valid sequence. */
static unsigned code_point(const unsigned char *s, size_t size)
{
    unsigned point = size == 1 ? s[0] : s[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (s[i] & 0x3fu);
    return point;
}

struct range {
    unsigned first, last;
};

static bool is_in(unsigned point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    }
    return false;
}

/*
 * Characters that end lines, change direction or are invisible: two titles could look equal without being so. These are
 * Unicode's Default_Ignorable_Code_Points (version 15), except for tags and those of is_selector(), plus noncharacters,
 * line ends and annotations.
 */
static bool misleads(unsigned point)
{
    static const struct range ranges[] = {
        {0x00ad, 0x00ad},   /* soft hyphen */
        {0x034f, 0x034f},   /* combining grapheme joiner */
        {0x061c, 0x061c},   /* a direction mark */
        {0x115f, 0x1160},   /* Hangul fillers */
        {0x17b4, 0x17b5},   /* invisible Khmer vowels */
        {0x180e, 0x180e},   /* Mongolian vowel separator */
        {0x200b, 0x200b},   /* zero width space */
        {0x200e, 0x200f},   /* direction marks */
        {0x2028, 0x202e},   /* line and paragraph separators, embedded directions */
        {0x2060, 0x206f},   /* invisible joiners and operators, isolated directions, deprecated controls */
        {0x3164, 0x3164},   /* the old Hangul filler */
        {0xfdd0, 0xfdef},   /* noncharacters */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xffa0, 0xffa0},   /* halfwidth Hangul filler */
        {0xfff0, 0xfffb},   /* unassigned and invisible; annotations */
        {0x1bca0, 0x1bca3}, /* shorthand controls */
        {0x1d173, 0x1d17a}, /* musical controls */
        {0xe0000, 0xe001f}, /* language tags */
        {0xe0080, 0xe00ff}, /* unassigned and invisible */
        {0xe01f0, 0xe0fff}, /* likewise */
    };
    bool noncharacter = (point & 0xfffe) == 0xfffe; /* the last two of each plane */
    return noncharacter || is_in(point, ranges, sizeof ranges / sizeof *ranges);
}

/* Selects the shape of adjacent characters, in emoji and in many scripts, and is invisible by itself. */
static bool is_selector(unsigned point)
{
    static const struct range ranges[] = {
        {0x180b, 0x180d},   /* Mongolian variation selectors */
        {0x180f, 0x180f},   /* the fourth one */
        {0x200c, 0x200d},   /* zero width non-joiner and joiner */
        {0xfe00, 0xfe0f},   /* variation selectors */
        {0xe0100, 0xe01ef}, /* variation selectors supplement */
    };
    return is_in(point, ranges, sizeof ranges / sizeof *ranges);
}

/* Unicode's White_Space, except controls and line ends, and the blank Braille pattern. */
static bool is_blank(unsigned point)
{
    static const struct range ranges[] = {
        {0x0020, 0x0020}, {0x00a0, 0x00a0}, {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x202f, 0x202f}, {0x205f, 0x205f}, {0x2800, 0x2800}, {0x3000, 0x3000},
    };
    return is_in(point, ranges, sizeof ranges / sizeof *ranges);
}

/* Tags after a black flag turn it into the flag of a region, such as Scotland: up to six, and a terminator. */
enum { FLAG_BLACK = 0x1f3f4, FLAG_TAGS_MAX = 7 };

static bool is_tag(unsigned point)
{
    return point >= 0xe0020 && point <= 0xe007f;
}

/* The number of tags that may still follow. */
static unsigned tags_left_behind(unsigned point, unsigned left)
{
    if (point == FLAG_BLACK)
        return FLAG_TAGS_MAX;
    return is_tag(point) && left > 0 ? left - 1 : 0;
}

bool title_settable(const char *title, size_t length)
{
    const unsigned char *s = (const unsigned char *)title;
    size_t size = 1;
    unsigned tags_left = 0;
    bool seen = false;
    if (!title_valid(title, length))
        return false;
    for (size_t i = 0; i < length; i += size) {
        size = utf8_sequence(s + i, length - i);
        unsigned point = code_point(s + i, size);
        if (misleads(point) || (is_tag(point) && tags_left == 0))
            return false;
        tags_left = tags_left_behind(point, tags_left);
        seen |= !is_blank(point) && !is_selector(point);
    }
    return seen;
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
