#include "coupond/metrics_text.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 63 /* longer values are skipped */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

static const char *skip_name(const char *at, const char *end)
{
    while (at < end && is_name_character(*at))
        at++;
    return at;
}

/* Returns the position after the closing quote of a text that starts at `at`; NULL when there is none. */
static const char *skip_quoted(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    return at < end ? at + 1 : NULL;
}

/* Finds the brace that ends the labels, ignoring braces in quotes. */
static const char *find_brace(const char *at, const char *end)
{
    while (at != NULL && at < end && *at != '}')
        at = *at == '"' ? skip_quoted(at + 1, end) : at + 1;
    return at != NULL && at < end ? at : NULL;
}

bool metrics_number(const char *text, size_t length, double *value)
{
    char number[NUMBER_MAX + 1];
    char *behind = NULL;
    if (length == 0 || length > NUMBER_MAX)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    *value = strtod(number, &behind);
    return behind == number + length;
}

/* Reads the number up to the next blank or the end; a timestamp may follow. */
static bool read_value(const char *at, const char *end, double *value)
{
    size_t length = 0;
    at = skip_blanks(at, end);
    while (at + length < end && !is_blank(at[length]) && at[length] != '\r')
        length++;
    return metrics_number(at, length, value);
}

static bool read_line(const char *at, const char *end, struct metrics_sample *sample)
{
    at = skip_blanks(at, end);
    const char *behind = skip_name(at, end);
    *sample = (struct metrics_sample){.name = at, .name_length = (size_t)(behind - at), .labels = behind};
    if (behind == at || (*at >= '0' && *at <= '9') || (behind < end && !is_blank(*behind) && *behind != '{'))
        return false;
    behind = skip_blanks(behind, end);
    if (behind < end && *behind == '{') {
        const char *brace = find_brace(behind + 1, end);
        if (brace == NULL)
            return false;
        sample->labels = behind + 1;
        sample->labels_length = (size_t)(brace - sample->labels);
        behind = brace + 1;
    }
    return read_value(behind, end, &sample->value);
}

bool metrics_text_next(struct metrics_text *text, struct metrics_sample *sample)
{
    while (text->at < text->end) {
        const char *line = text->at;
        const char *newline = memchr(line, '\n', (size_t)(text->end - line));
        const char *end = newline != NULL ? newline : text->end;
        text->at = newline != NULL ? newline + 1 : text->end;
        if (read_line(line, end, sample))
            return true;
    }
    return false;
}

bool metrics_sample_is(const struct metrics_sample *sample, const char *name)
{
    return strlen(name) == sample->name_length && memcmp(sample->name, name, sample->name_length) == 0;
}

bool metrics_sample_begins(const struct metrics_sample *sample, const char *prefix)
{
    size_t length = strlen(prefix);
    return length <= sample->name_length && memcmp(sample->name, prefix, length) == 0;
}

/* Undoes \\, \" and \n up to the closing quote. */
static bool copy_unescaped(const char *at, const char *end, char *value, size_t size)
{
    size_t length = 0;
    for (; at < end && *at != '"'; at++) {
        char c = *at;
        if (c == '\\' && at + 1 < end) {
            at++;
            c = *at == 'n' ? '\n' : *at;
        }
        if (c == '\0' || length + 1 >= size)
            return false;
        value[length++] = c;
    }
    value[length] = '\0';
    return at < end;
}

bool metrics_sample_label(const struct metrics_sample *sample, const char *name, char *value, size_t size)
{
    const char *at = sample->labels, *end = sample->labels + sample->labels_length;
    size_t wanted = strlen(name);
    while (at < end) {
        while (at < end && (is_blank(*at) || *at == ','))
            at++;
        const char *key = at;
        at = skip_name(at, end);
        size_t length = (size_t)(at - key);
        if (length == 0 || end - at < 2 || at[0] != '=' || at[1] != '"')
            break;
        const char *text = at + 2;
        at = skip_quoted(text, end);
        if (at == NULL)
            break;
        if (length == wanted && memcmp(key, name, length) == 0 && copy_unescaped(text, at, value, size))
            return true;
    }
    value[0] = '\0';
    return false;
}
