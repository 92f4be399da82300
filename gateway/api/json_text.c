#include "gateway/api/json_text.h"

#include <stdbool.h>
#include <string.h>

struct scanner {
    const char *at;
    const char *end;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char *json_text_skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static void skip_space(struct scanner *scanner)
{
    scanner->at = json_text_skip_space(scanner->at, scanner->end);
}

/* Behind the string that begins here. */
static void skip_string(struct scanner *scanner)
{
    for (scanner->at++; scanner->at < scanner->end && *scanner->at != '"'; scanner->at++) {
        if (*scanner->at == '\\')
            scanner->at++;
    }
    scanner->at = scanner->at < scanner->end ? scanner->at + 1 : scanner->end;
}

/* Behind the value that begins here. */
static void skip_value(struct scanner *scanner)
{
    size_t depth = 0;
    while (scanner->at < scanner->end) {
        char c = *scanner->at;
        if (depth == 0 && (c == ',' || c == '}' || is_space(c)))
            return;
        if (c == '"') {
            skip_string(scanner);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        scanner->at++;
    }
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The next character of a name; those that a name of a member cannot have become 0. */
static char next_character(struct span *text)
{
    char c = text->at[0];
    size_t size = 1;
    if (c == '\\' && text->length >= 6 && text->at[1] == 'u') {
        int code = 0;
        for (int i = 2; i < 6; i++)
            code = code * 16 + hex_of(text->at[i]);
        c = (char)(code > 0 && code < 0x80 ? code : 0);
        size = 6;
    } else if (c == '\\') {
        c = '\0';
        size = text->length < 2 ? 1 : 2;
    }
    text->at += size;
    text->length -= size;
    return c;
}

/* `text` is without its quotes. */
static bool is_named(struct span text, const char *name)
{
    while (text.length > 0 && *name != '\0') {
        if (next_character(&text) != *name++)
            return false;
    }
    return text.length == 0 && *name == '\0';
}

struct member {
    struct span name; /* without its quotes */
    struct span value;
};

/* Begins at the brace or at a comma; false behind the last member, and where the text is no object. */
static bool next_member(struct scanner *scanner, struct member *member)
{
    if (scanner->at >= scanner->end)
        return false;
    scanner->at++;
    skip_space(scanner);
    if (scanner->at >= scanner->end || *scanner->at != '"')
        return false;
    member->name.at = scanner->at + 1;
    skip_string(scanner);
    member->name.length = (size_t)(scanner->at - member->name.at) - 1;
    skip_space(scanner);
    if (scanner->at >= scanner->end)
        return false;
    scanner->at++; /* the colon */
    skip_space(scanner);
    member->value.at = scanner->at;
    skip_value(scanner);
    member->value.length = (size_t)(scanner->at - member->value.at);
    skip_space(scanner);
    return true;
}

static struct scanner scan(struct span object)
{
    struct scanner scanner = {object.at, object.at + object.length};
    skip_space(&scanner);
    return scanner;
}

struct span json_text_member(struct span object, const char *name)
{
    struct scanner scanner = scan(object);
    struct member member;
    while (next_member(&scanner, &member)) {
        if (is_named(member.name, name))
            return member.value;
    }
    return SPAN_NONE;
}

struct span json_text_name_at(struct span object, size_t offset)
{
    struct scanner scanner = scan(object);
    struct member member;
    if (scanner.at >= scanner.end || *scanner.at != '{')
        return SPAN_NONE;
    while (next_member(&scanner, &member)) {
        if (object.at + offset <= member.value.at + member.value.length)
            return object.at + offset >= member.value.at ? member.name : SPAN_NONE;
    }
    return SPAN_NONE;
}

size_t json_text_compact(struct span value, char *out, size_t max)
{
    struct scanner scanner = {value.at, value.at + value.length};
    size_t length = 0;
    while (scanner.at < scanner.end) {
        const char *begin = scanner.at;
        if (is_space(*begin)) {
            scanner.at++;
            continue;
        }
        if (*begin == '"')
            skip_string(&scanner);
        else
            scanner.at++;
        size_t size = (size_t)(scanner.at - begin);
        if (length + size > max)
            return 0;
        memcpy(out + length, begin, size);
        length += size;
    }
    return length;
}
