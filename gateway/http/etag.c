#include "gateway/http/etag.h"

#include <string.h>
#include <xxhash.h>

enum { VERSION_DIGITS = 16, CONTENT_DIGITS = 16, CHECK_DIGITS = 8, VERSION_DECIMALS = 19 };

/* The parts of a tag that a gateway created. */
struct etag {
    uint64_t version;
    uint64_t content;
    uint64_t check;
};

/* --- writing --- */

static char *put_digits(char *out, uint64_t value, int count)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = count - 1; i >= 0; i--)
        *out++ = digits[value >> (4 * i) & 15];
    return out;
}

static uint64_t check_of(struct span coupon_id, const struct etag *tag)
{
    uint64_t seed = XXH3_64bits(coupon_id.at, coupon_id.length);
    uint64_t parts[2] = {tag->version, tag->content};
    return XXH3_64bits_withSeed(parts, sizeof parts, seed) >> (64 - 4 * CHECK_DIGITS);
}

void etag_format(char out[ETAG_LENGTH], struct span coupon_id, uint64_t version, uint64_t content)
{
    const struct etag tag = {.version = version, .content = content};
    *out++ = '"';
    out = put_digits(out, version, VERSION_DIGITS);
    *out++ = '-';
    out = put_digits(out, content, CONTENT_DIGITS);
    *out++ = '-';
    out = put_digits(out, check_of(coupon_id, &tag), CHECK_DIGITS);
    *out = '"';
}

/* --- reading --- */

static bool read_digits(const char *at, int count, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        char c = at[i];
        if (c >= '0' && c <= '9')
            *value = *value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *value = *value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* `text` includes the quotes. */
static bool read_tag(struct span text, struct etag *tag)
{
    const char *content = text.at + 1 + VERSION_DIGITS + 1;
    const char *check = content + CONTENT_DIGITS + 1;
    return text.length == ETAG_LENGTH && content[-1] == '-' && check[-1] == '-' &&
           read_digits(text.at + 1, VERSION_DIGITS, &tag->version) &&
           read_digits(content, CONTENT_DIGITS, &tag->content) && read_digits(check, CHECK_DIGITS, &tag->check);
}

/* A version as the coupon's JSON has it: decimal, without leading zeros. */
static bool read_version(struct span text, uint64_t *version)
{
    *version = 0;
    if (text.length == 0 || text.length > VERSION_DECIMALS || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *version = *version * 10 + (uint64_t)(text.at[i] - '0');
    }
    return true;
}

/* Takes the next tag of a list, with its quotes, and whether it is weak. False at the end. */
static bool next_tag(struct span *list, struct span *tag, bool *is_weak)
{
    const char *end = list->at + list->length;
    const char *open = list->length == 0 ? NULL : memchr(list->at, '"', list->length);
    const char *close = open == NULL ? NULL : memchr(open + 1, '"', (size_t)(end - open - 1));
    if (close == NULL)
        return false;
    *is_weak = open > list->at && open[-1] == '/';
    *tag = (struct span){open, (size_t)(close + 1 - open)};
    *list = (struct span){close + 1, (size_t)(end - close - 1)};
    return true;
}

/* Takes the next tag that can match in this comparison. */
static bool next_counting_tag(struct span *list, struct span *tag, enum etag_comparison comparison)
{
    bool is_weak = false;
    while (next_tag(list, tag, &is_weak))
        if (!is_weak || comparison == ETAG_WEAK)
            return true;
    return false;
}

void etag_lines_add(struct etag_lines *lines, struct span line)
{
    lines->present = true;
    lines->any |= span_equals(span_trim(line), SPAN_LITERAL("*"));
}

bool etag_list_has(struct span list, const char tag[ETAG_LENGTH], enum etag_comparison comparison)
{
    struct span named = SPAN_NONE;
    while (next_counting_tag(&list, &named, comparison))
        if (span_equals(named, (struct span){tag, ETAG_LENGTH}))
            return true;
    return false;
}

bool etag_passes(const char *if_match, const char tag[ETAG_LENGTH])
{
    return if_match == NULL || etag_list_has((struct span){if_match, strlen(if_match)}, tag, ETAG_STRONG);
}

bool etag_excluded(const char *if_none_match, const char tag[ETAG_LENGTH])
{
    if (if_none_match == NULL)
        return false;
    return strcmp(if_none_match, "*") == 0 ||
           etag_list_has((struct span){if_none_match, strlen(if_none_match)}, tag, ETAG_WEAK);
}

/* 0 when the text, with its quotes, is no tag of this coupon and no version. */
static uint64_t version_of(struct span text, struct span coupon_id)
{
    struct etag tag = {0};
    uint64_t version = 0;
    if (read_tag(text, &tag))
        return tag.check == check_of(coupon_id, &tag) ? tag.version : 0;
    return read_version((struct span){text.at + 1, text.length - 2}, &version) ? version : 0;
}

uint64_t etag_list_version(struct span list, struct span coupon_id, enum etag_comparison comparison)
{
    struct span named = SPAN_NONE;
    uint64_t highest = 0, version = 0;
    if (read_version(span_trim(list), &version))
        return version;
    while (next_counting_tag(&list, &named, comparison)) {
        version = version_of(named, coupon_id);
        highest = version > highest ? version : highest;
    }
    return highest;
}
