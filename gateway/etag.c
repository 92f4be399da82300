#include "gateway/etag.h"

enum { DIGITS = 16 };

static char *put_digits(char *out, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < DIGITS; i++)
        *out++ = digits[value >> (60 - 4 * i) & 15];
    return out;
}

void etag_format(char out[ETAG_LENGTH], uint64_t version, uint64_t content)
{
    *out++ = '"';
    out = put_digits(out, version);
    *out++ = '-';
    out = put_digits(out, content);
    *out = '"';
}

static bool read_digits(const char *at, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < DIGITS; i++) {
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

/* The version of a tag of ours without its quotes; 0 for any other. */
static uint64_t version_of(struct span tag)
{
    uint64_t version = 0;
    uint64_t content = 0;

    if (tag.length != ETAG_LENGTH - 2 || tag.at[DIGITS] != '-' || !read_digits(tag.at, &version) ||
        !read_digits(tag.at + DIGITS + 1, &content))
        return 0;
    return version;
}

void if_match_add(struct if_match *condition, struct span line)
{
    const char *at = line.at;
    const char *end = line.at + line.length;

    condition->present = true;
    condition->any |= span_equals(span_trim(line), SPAN_LITERAL("*"));
    while (at < end) {
        const char *open = memchr(at, '"', (size_t)(end - at));
        const char *close = open == NULL ? NULL : memchr(open + 1, '"', (size_t)(end - open - 1));
        if (close == NULL)
            return;
        bool weak = open > line.at && open[-1] == '/';
        uint64_t version = weak ? 0 : version_of((struct span){open + 1, (size_t)(close - open - 1)});
        condition->version = version > condition->version ? version : condition->version;
        at = close + 1;
    }
}
