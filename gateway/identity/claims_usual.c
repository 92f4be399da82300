#include "gateway/identity/claims_usual.h"

#include <string.h>

enum {
    MEMBERS_MAX = 24,
    DIGITS_MAX = 18, /* of an integer that certainly fits */
};

struct reader {
    const char *at;
    const char *end;
    struct claims *claims;
    const struct claim_members *members;
    unsigned count;
    struct span names[MEMBERS_MAX]; /* of the members so far */
};

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

/* Takes the character after spaces, if it is this one. */
static bool take(struct reader *reader, char c)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool take_text(struct reader *reader, struct span *text)
{
    if (!take(reader, '"'))
        return false;
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at >= 0x20 && *reader->at < 0x7f && *reader->at != '"' &&
           *reader->at != '\\')
        reader->at++;
    *text = (struct span){begin, (size_t)(reader->at - begin)};
    return reader->at < reader->end && *reader->at++ == '"';
}

static bool take_integer(struct reader *reader, struct claim *claim)
{
    uint64_t value = 0;
    bool negative = *reader->at == '-';
    reader->at += negative;
    struct span digits = {reader->at, (size_t)(reader->end - reader->at)};
    size_t length = span_decimal(digits, INT64_MAX, &value);
    if (length == 0 || length > DIGITS_MAX || (length > 1 && digits.at[0] == '0'))
        return false;
    reader->at += length; /* a fraction or an exponent that follows is not what must follow */
    claim->kind = CLAIM_INTEGER;
    claim->integer = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool take_list(struct reader *reader, struct claim *claim)
{
    struct claims *claims = reader->claims;
    claim->kind = CLAIM_LIST;
    claim->first = claims->texts_count;
    if (take(reader, ']'))
        return true;
    do {
        if (claims->texts_count == CLAIM_LIST_TEXTS_MAX || !take_text(reader, &claims->texts[claims->texts_count]))
            return false;
        claims->texts_count++;
        claim->count++;
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool take_word(struct reader *reader, struct claim *claim)
{
    static const struct span words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = words[i].length;
        if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, words[i].at, length) != 0)
            continue;
        reader->at += length;
        claim->kind = CLAIM_OTHER;
        return true;
    }
    return false;
}

static bool take_value(struct reader *reader, struct claim *claim)
{
    skip_space(reader);
    if (reader->at == reader->end)
        return false;
    if (*reader->at == '"') {
        claim->kind = CLAIM_TEXT;
        return take_text(reader, &claim->text);
    }
    if (take(reader, '['))
        return take_list(reader, claim);
    return *reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9') ? take_integer(reader, claim)
                                                                            : take_word(reader, claim);
}

static bool is_new(struct reader *reader, struct span name)
{
    for (unsigned i = 0; i < reader->count; i++) {
        if (span_equals(reader->names[i], name))
            return false;
    }
    if (reader->count == MEMBERS_MAX)
        return false;
    reader->names[reader->count++] = name;
    return true;
}

/* Texts of lists that no claim needs make room again. */
static void keep(struct reader *reader, struct span name, const struct claim *claim)
{
    bool needed = false;
    for (unsigned i = 0; i < CLAIM_NAMES; i++) {
        if (!span_equals(name, reader->members->names[i]))
            continue;
        reader->claims->values[i] = *claim;
        needed = true;
    }
    if (!needed && claim->kind == CLAIM_LIST)
        reader->claims->texts_count = claim->first;
}

bool claims_read_usual(struct claims *claims, struct span json, const struct claim_members *members)
{
    struct reader reader = {.at = json.at, .end = json.at + json.length, .claims = claims, .members = members};
    if (!take(&reader, '{'))
        return false;
    do {
        struct span name;
        struct claim claim = {.kind = CLAIM_ABSENT};
        if (!take_text(&reader, &name) || !is_new(&reader, name) || !take(&reader, ':') || !take_value(&reader, &claim))
            return false;
        keep(&reader, name, &claim);
    } while (take(&reader, ','));
    if (!take(&reader, '}'))
        return false;
    skip_space(&reader);
    return reader.at == reader.end;
}
