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

/* Takes a tag of ours without its quotes; any other names nothing. */
static void add_tag(struct if_match *condition, struct span tag)
{
    uint64_t version = 0;
    uint64_t content = 0;

    if (tag.length != ETAG_LENGTH - 2 || tag.at[DIGITS] != '-' || !read_digits(tag.at, &version) ||
        !read_digits(tag.at + DIGITS + 1, &content) || version < condition->version)
        return;
    condition->version = version;
    condition->content = content;
}

static void add_line(struct if_match *condition, struct span line, bool takes_weak)
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
        if (!weak || takes_weak)
            add_tag(condition, (struct span){open + 1, (size_t)(close - open - 1)});
        at = close + 1;
    }
}

void if_match_add(struct if_match *condition, struct span line)
{
    add_line(condition, line, false);
}

void if_none_match_add(struct if_match *condition, struct span line)
{
    add_line(condition, line, true);
}

bool if_match_holds(const struct if_match *condition, uint64_t version, uint64_t content)
{
    return !condition->present || condition->any || (condition->version == version && condition->content == content);
}
