#include "shared/wire/frame_json.h"

#include <stdint.h>
#include <string.h>

#include "shared/limits.h"

_Static_assert(METADATA_MAX / 2 <= FRAME_JSON_DEPTH_MAX, "each of them takes two bytes");

/* The text that is left, and the arrays and objects around it: a bit each, set for an object. */
struct reader {
    const char *at;
    const char *end;
    unsigned depth;
    uint8_t objects[FRAME_JSON_DEPTH_MAX / 8];
};

/* --- bytes --- */

/* The next byte; 0 at the end, where no value has one. */
static char peek(const struct reader *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

static bool take(struct reader *reader, char c)
{
    bool found = reader->at < reader->end && *reader->at == c;
    reader->at += found;
    return found;
}

static void skip_space(struct reader *reader)
{
    while (peek(reader) == ' ' || peek(reader) == '\t' || peek(reader) == '\n' || peek(reader) == '\r')
        reader->at++;
}

/* --- values without parts --- */

static bool take_word(struct reader *reader, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static bool take_digits(struct reader *reader)
{
    const char *begin = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at > begin;
}

static bool take_number(struct reader *reader)
{
    take(reader, '-');
    if (!take(reader, '0') && !take_digits(reader))
        return false;
    if (take(reader, '.') && !take_digits(reader))
        return false;
    if (!take(reader, 'e') && !take(reader, 'E'))
        return true;
    if (!take(reader, '+'))
        take(reader, '-');
    return take_digits(reader);
}

/* The four digits of \uXXXX; -1 when they are invalid. */
static int take_hex(struct reader *reader)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    int code = 0;
    for (int i = 0; i < 4; i++) {
        const char *digit = peek(reader) == '\0' ? NULL : strchr(digits, peek(reader));
        if (digit == NULL)
            return -1;
        code = code * 16 + (int)((digit - digits) % 16);
        reader->at++;
    }
    return code;
}

/* Half a surrogate pair is no character, and no text of a coupon has U+0000. */
static bool take_unicode(struct reader *reader)
{
    int code = take_hex(reader);
    if (code < 0xd800 || code > 0xdfff)
        return code > 0;
    if (code > 0xdbff || !take_word(reader, "\\u"))
        return false;
    code = take_hex(reader);
    return code >= 0xdc00 && code <= 0xdfff;
}

static bool take_escape(struct reader *reader)
{
    char c = peek(reader);
    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return false;
    reader->at++;
    return c != 'u' || take_unicode(reader);
}

static bool take_string(struct reader *reader)
{
    if (!take(reader, '"'))
        return false;
    while (!take(reader, '"')) {
        if ((unsigned char)peek(reader) < 0x20)
            return false;
        if (*reader->at++ == '\\' && !take_escape(reader))
            return false;
    }
    return true;
}

static bool take_scalar(struct reader *reader)
{
    switch (peek(reader)) {
    case '"':
        return take_string(reader);
    case 't':
        return take_word(reader, "true");
    case 'f':
        return take_word(reader, "false");
    case 'n':
        return take_word(reader, "null");
    default:
        return take_number(reader);
    }
}

/* --- arrays and objects --- */

static bool in_object(const struct reader *reader)
{
    unsigned top = reader->depth - 1;
    return (reader->objects[top / 8] >> top % 8 & 1) != 0;
}

static bool push(struct reader *reader, bool object)
{
    if (reader->depth == FRAME_JSON_DEPTH_MAX)
        return false;
    uint8_t bit = (uint8_t)(1u << reader->depth % 8);
    uint8_t *byte = &reader->objects[reader->depth++ / 8];
    *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
    return true;
}

/* Up to the next value: behind the colon of a member's name. */
static bool take_name(struct reader *reader)
{
    skip_space(reader);
    if (!in_object(reader))
        return true;
    if (!take_string(reader))
        return false;
    skip_space(reader);
    return take(reader, ':');
}

/* Takes every end that is here, and the comma behind it. False when neither a value nor the end of the text follows. */
static bool take_ends(struct reader *reader)
{
    while (reader->depth > 0) {
        skip_space(reader);
        if (take(reader, ','))
            return take_name(reader);
        if (!take(reader, in_object(reader) ? '}' : ']'))
            return false;
        reader->depth--;
    }
    return true;
}

/* A value, or the beginning of one, with all ends behind it. */
static bool take_value(struct reader *reader)
{
    skip_space(reader);
    bool object = peek(reader) == '{';
    if (!object && peek(reader) != '[')
        return take_scalar(reader) && take_ends(reader);
    reader->at++;
    if (!push(reader, object))
        return false;
    skip_space(reader);
    return peek(reader) == (object ? '}' : ']') ? take_ends(reader) : take_name(reader);
}

bool frame_json_valid(const char *text, size_t length, char open)
{
    struct reader reader = {.at = text, .end = text + length};
    if (length == 0 || text[0] != open)
        return false;
    do {
        if (!take_value(&reader))
            return false;
    } while (reader.depth > 0);
    skip_space(&reader);
    return reader.at == reader.end;
}
