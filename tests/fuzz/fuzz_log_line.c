/*
 * Log lines: with any arguments of a message, the line is one line; in JSON it is an object that parses, with correct
 * members of its own and no fields that the message does not have.
 */
#include "fuzz.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shared/telemetry/log_line.h"

static const struct log_head head = {"2026-11-21T02:25:00.000000Z", "warn", "gateway"};

void fuzz_begin(void)
{
}

void fuzz_seeds(void)
{
    static const char *const texts[] = {"plain|A|7",        "a\"b\\|\x1f|x",    "\xed\x95\x9c\xff|=|-",
                                        "k=v level=x|a b|", "\xc2\x9b\n\t|\"|", "%s%n|%d|\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzz_seed(texts[i], strlen(texts[i]));
}

static size_t format_line(char line[LOG_LINE_MAX], enum log_format kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t format_line(char line[LOG_LINE_MAX], enum log_format kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = log_line_write(line, kind, &head, format, arguments);
    va_end(arguments);
    return length;
}

/* Nothing in the line may act as a line break or a terminal command. */
static void check_one_line(const char *line, size_t length)
{
    CHECK(length >= 1 && length <= LOG_LINE_MAX && line[length - 1] == '\n');
    for (size_t i = 0; i + 1 < length; i++)
        CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
}

static void check_text_member(const json_t *object, const char *key, const char *expected)
{
    const char *value = json_string_value(json_object_get(object, key));
    CHECK(value != NULL && strcmp(value, expected) == 0);
}

static void check_json(const char *line, size_t length)
{
    static const char *const keys[] = {"time", "level", "role", "message", "coupon", "number", "word"};
    size_t known = 0;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    CHECK(json_is_object(object));
    check_text_member(object, "time", head.time);
    check_text_member(object, "level", head.level);
    check_text_member(object, "role", head.role);
    CHECK(json_is_string(json_object_get(object, "message")));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        known += json_object_get(object, keys[i]) != NULL;
    CHECK(known == json_object_size(object));
    if (json_object_get(object, "number") != NULL)
        CHECK(json_integer_value(json_object_get(object, "number")) == -12);
    json_decref(object);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    char line[LOG_LINE_MAX];
    char *text = calloc(1, size + 3), *rest = text;
    memcpy(text, data, size);
    const char *said = strsep(&rest, "|"), *coupon = rest != NULL ? strsep(&rest, "|") : "";
    const char *word = rest != NULL ? rest : "";
    for (enum log_format kind = LOG_FORMAT_TEXT; kind <= LOG_FORMAT_JSON; kind++) {
        size_t length =
            format_line(line, kind, "somebody says %s coupon=%s number=%d word=%s", said, coupon, -12, word);
        check_one_line(line, length);
        if (kind == LOG_FORMAT_JSON)
            check_json(line, length);
    }
    free(text);
}
