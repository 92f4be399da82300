#include "shared/telemetry/log_line.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shared/utf8.h"

#define FIELDS_MAX    16
#define FORMAT_MAX    512
#define TEXT_LINE_MAX 2048           /* of a line in text */
#define SEPARATOR     '\x1f'         /* between message and fields while they are formatted */
#define REPLACEMENT   "\xef\xbf\xbd" /* U+FFFD */
#define ESCAPED_MAX   6              /* the most bytes that one byte becomes */

struct field {
    const char *key; /* in the format */
    size_t key_length;
    bool is_text;
    char *value; /* in the formatted message */
};

struct line {
    char *out;
    size_t size;
    size_t length;
};

/* --- writing --- */

static void put(struct line *line, const char *bytes, size_t length)
{
    if (length > line->size - line->length)
        return;
    memcpy(line->out + line->length, bytes, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escape(struct line *line, unsigned code)
{
    char escape[8];
    const char *names = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (const char *name = names; *name != '\0'; name += 2) {
        if ((unsigned char)*name == code) {
            put(line, (char[2]){'\\', name[1]}, 2);
            return;
        }
    }
    snprintf(escape, sizeof escape, "\\u%04x", code & 0xffffu);
    put_text(line, escape);
}

/* Escapes as in JSON, which logfmt readers also understand. */
static void put_quoted(struct line *line, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text);
    put(line, "\"", 1);
    while (left > 0) {
        size_t sequence = utf8_sequence(s, left);
        bool c1 = sequence == 2 && s[0] == 0xc2 && s[1] < 0xa0;
        if (sequence == 0)
            put_text(line, REPLACEMENT);
        else if (c1)
            put_escape(line, s[1]);
        else if (sequence == 1 && (s[0] < ' ' || s[0] == 0x7f || s[0] == '"' || s[0] == '\\'))
            put_escape(line, s[0]);
        else
            put(line, (const char *)s, sequence);
        sequence += sequence == 0;
        s += sequence;
        left -= sequence;
    }
    put(line, "\"", 1);
}

/* True for a logfmt value that needs no quotes. */
static bool is_bare(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\' || *text == '=')
            return false;
    }
    return true;
}

/* True for a JSON number: -12, 0.25; not 012, 1. or nan. */
static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-');
    size_t whole = strspn(digits, "0123456789");
    const char *rest = digits + whole;
    if (whole == 0 || (whole > 1 && digits[0] == '0'))
        return false;
    if (*rest == '.') {
        size_t decimals = strspn(rest + 1, "0123456789");
        if (decimals == 0)
            return false;
        rest += 1 + decimals;
    }
    return *rest == '\0';
}

/* --- finding the fields --- */

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Takes the last word of `format`, which ends at `end`, as a field; false when it is not one. */
static bool last_field(const char *format, const char *end, struct field *field)
{
    const char *begin = end;
    while (begin > format && begin[-1] != ' ')
        begin--;
    size_t key_length = 0;
    while (begin + key_length < end && is_key_byte(begin[key_length]))
        key_length++;
    const char *value = begin + key_length + 1;
    if (key_length == 0 || value >= end || value[-1] != '=')
        return false;
    field->key = begin;
    field->key_length = key_length;
    field->is_text = value[0] != '%' || end[-1] == 's';
    return true;
}

/* Fills `fields` from last to first; returns their number and sets *message to the length of the format before them. */
static size_t find_fields(const char *format, struct field fields[FIELDS_MAX], size_t *message)
{
    const char *end = format + strlen(format);
    size_t count = 0;
    while (count < FIELDS_MAX && last_field(format, end, &fields[count])) {
        end = fields[count++].key;
        while (end > format && end[-1] == ' ')
            end--;
    }
    *message = (size_t)(end - format);
    return count;
}

/* Copies the format with each field's key replaced by a separator. False when it does not fit. */
static bool mark_fields(const char *format, const struct field *fields, size_t count, size_t message,
                        char out[FORMAT_MAX])
{
    const char *end = format + strlen(format);
    if ((size_t)(end - format) >= FORMAT_MAX)
        return false;
    struct line line = {.out = out, .size = FORMAT_MAX - 1};
    put(&line, format, message);
    for (size_t i = count; i-- > 0;) {
        const char *value = fields[i].key + fields[i].key_length + 1;
        const char *value_end = i > 0 ? fields[i - 1].key : end;
        while (value_end > value && value_end[-1] == ' ')
            value_end--;
        put(&line, (char[1]){SEPARATOR}, 1);
        put(&line, value, (size_t)(value_end - value));
    }
    out[line.length] = '\0';
    return true;
}

/* Splits the formatted text at its separators. False when their number differs, because an argument contains one. */
static bool cut_values(char *text, struct field *fields, size_t count)
{
    size_t found = 0;
    for (const char *c = text; *c != '\0'; c++)
        found += *c == SEPARATOR;
    if (found != count)
        return false;
    for (size_t i = count; i-- > 0;) {
        text = strchr(text, SEPARATOR);
        *text++ = '\0';
        fields[i].value = text;
    }
    return true;
}

static size_t format_fields(char text[LOG_MESSAGE_MAX], struct field fields[FIELDS_MAX], const char *format,
                            va_list arguments) __attribute__((format(printf, 3, 0)));

/* Formats into `text` and locates the fields' values; returns the number of fields. */
static size_t format_fields(char text[LOG_MESSAGE_MAX], struct field fields[FIELDS_MAX], const char *format,
                            va_list arguments)
{
    char marked[FORMAT_MAX];
    va_list again;
    va_copy(again, arguments);
    size_t message;
    size_t count = find_fields(format, fields, &message);
    bool found = mark_fields(format, fields, count, message, marked);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the caller's format without keys, with the same conversions */
    found = found && vsnprintf(text, LOG_MESSAGE_MAX, marked, arguments) < LOG_MESSAGE_MAX;
#pragma GCC diagnostic pop
    found = found && cut_values(text, fields, count);
    if (!found)
        vsnprintf(text, LOG_MESSAGE_MAX, format, again);
    va_end(again);
    return found ? count : 0;
}

/* --- the formats --- */

static bool says_nothing(const struct field *field)
{
    return field->value[0] == '\0' || strcmp(field->value, "-") == 0;
}

static void put_json_member(struct line *line, const char *key, size_t key_length, const char *value, bool quoted)
{
    put_text(line, line->length == 0 ? "{\"" : ",\"");
    put(line, key, key_length);
    put_text(line, "\":");
    if (quoted)
        put_quoted(line, value);
    else
        put_text(line, value);
}

static void put_logfmt_pair(struct line *line, const char *key, size_t key_length, const char *value, bool quoted)
{
    if (line->length > 0)
        put(line, " ", 1);
    put(line, key, key_length);
    put(line, "=", 1);
    if (quoted)
        put_quoted(line, value);
    else
        put_text(line, value);
}

static void write_fields(struct line *line, bool json, const struct log_head *head, const char *format,
                         va_list arguments) __attribute__((format(printf, 4, 0)));

static void write_fields(struct line *line, bool json, const struct log_head *head, const char *format,
                         va_list arguments)
{
    char text[LOG_MESSAGE_MAX];
    struct field fields[FIELDS_MAX];
    size_t count = format_fields(text, fields, format, arguments);
    void (*put_pair)(struct line *, const char *, size_t, const char *, bool) =
        json ? put_json_member : put_logfmt_pair;
    put_pair(line, "time", 4, head->time, json);
    put_pair(line, "level", 5, head->level, json);
    put_pair(line, "role", 4, head->role, json);
    put_pair(line, "message", 7, text, true);
    for (size_t i = count; i-- > 0;) {
        const struct field *field = &fields[i];
        bool quoted = json ? field->is_text || !is_number(field->value) : !is_bare(field->value);
        if (!says_nothing(field))
            put_pair(line, field->key, field->key_length, field->value, quoted);
    }
    if (json)
        put(line, "}", 1);
}

static void write_text(struct line *line, const struct log_head *head, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Writes control characters as \n, \t, \r or \xNN, as long as whole characters fit. */
static void write_text(struct line *line, const struct log_head *head, const char *format, va_list arguments)
{
    char text[LOG_MESSAGE_MAX], escape[8];
    vsnprintf(text, sizeof text, format, arguments);
    int length = snprintf(line->out, line->size, "%s %-5s %.64s: ", head->time, head->level, head->role);
    line->length = (size_t)length;
    for (const char *c = text; *c != '\0' && line->length + ESCAPED_MAX < TEXT_LINE_MAX; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte >= ' ' && byte != 0x7f) {
            put(line, c, 1);
            continue;
        }
        snprintf(escape, sizeof escape, "\\x%02x", byte);
        put_text(line, byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : escape);
    }
}

size_t log_line_write(char out[LOG_LINE_MAX], enum log_format kind, const struct log_head *head, const char *format,
                      va_list arguments)
{
    struct line line = {.out = out, .size = LOG_LINE_MAX - 1};
    if (kind == LOG_FORMAT_TEXT)
        write_text(&line, head, format, arguments);
    else
        write_fields(&line, kind == LOG_FORMAT_JSON, head, format, arguments);
    out[line.length++] = '\n';
    return line.length;
}

size_t log_line_quote(char *out, size_t size, const char *text)
{
    struct line line = {.out = out, .size = size};
    put_quoted(&line, text);
    return line.length;
}
