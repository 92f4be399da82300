#include "coupond/manual/roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ELLIPSIS "…"
#define COLUMNS  64 /* of a line of prose, not counting escapes */

/* Prints a character of several bytes as its code point; returns its last byte. */
static const char *put_wide(FILE *out, const char *text)
{
    unsigned char first = (unsigned char)*text;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    uint32_t code = first & (0x3fu >> more);
    if (strncmp(text, ELLIPSIS, strlen(ELLIPSIS)) == 0) {
        fputs("...", out);
        return text + strlen(ELLIPSIS) - 1;
    }
    for (; more > 0 && text[1] != '\0'; more--)
        code = code << 6 | ((unsigned char)*++text & 0x3f);
    fprintf(out, "\\[u%04X]", (unsigned)code);
    return text;
}

static const char *put_character(FILE *out, const char *text, bool minus)
{
    if ((unsigned char)*text >= 0x80)
        return put_wide(out, text);
    if (*text == '\\')
        fputs("\\e", out);
    else if (*text == '\'')
        fputs("\\(aq", out);
    else if (*text == '`')
        fputs("\\(ga", out);
    else if (*text == '^')
        fputs("\\(ha", out);
    else if (*text == '~')
        fputs("\\(ti", out);
    else if (*text == '-' && minus)
        fputs("\\-", out);
    else
        putc(*text, out);
    return text;
}

static void put(FILE *out, const char *text, size_t length, bool minus)
{
    const char *end = text + length;
    if (length > 0 && *text == '.')
        fputs("\\&", out);
    for (; text < end; text++)
        text = put_character(out, text, minus);
}

void roff_print_literal(FILE *out, const char *text)
{
    put(out, text, strlen(text), true);
}

static void put_in(FILE *out, const char *font, const char *text, size_t length)
{
    fputs(font, out);
    put(out, text, length, true);
    fputs("\\fR", out);
}

void roff_print_bold(FILE *out, const char *text)
{
    put_in(out, "\\fB", text, strlen(text));
}

/* True when a word of prose is a name or a path. */
static bool is_name(const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr("/_@=<>", word[i]) != NULL || isdigit((unsigned char)word[i]))
            return true;
    }
    return false;
}

static void put_prose_word(FILE *out, const char *word, size_t length)
{
    size_t option = strspn(word, "-") == 2 ? strcspn(word, " :;,.)=\n") : 0;
    if (option > 2)
        put_in(out, "\\fB", word, option < length ? option : length);
    else
        option = 0;
    put(out, word + option, length - option, is_name(word, length));
}

/* Prints a word, or several words in backquotes, and everything up to the next space. */
static const char *put_prose(FILE *out, const char *text, size_t *columns)
{
    const char *begin = text;
    size_t quoted = *text == '`' ? strcspn(text + 1, "`") : 0;
    if (quoted > 0 && text[quoted + 1] == '`') {
        put_in(out, "\\fB", text + 1, quoted);
        text += quoted + 2;
    }
    size_t length = strcspn(text, " ");
    put_prose_word(out, text, length);
    text += length;
    *columns += (size_t)(text - begin);
    return text;
}

void roff_print_prose(FILE *out, const char *text)
{
    for (size_t columns = 0; *text != '\0';) {
        text = put_prose(out, text, &columns);
        bool ends = text[-1] == '.' || columns + strcspn(text + (*text == ' '), " ") > COLUMNS || *text == '\0';
        fputs(ends ? "\n" : " ", out);
        columns = ends ? 0 : columns + 1;
        text += *text == ' ';
    }
}

static bool is_placeholder(const char *word, size_t length)
{
    bool name = memchr(word, '/', length) != NULL || memchr(word, '=', length) != NULL;
    return name || (isupper((unsigned char)word[0]) && (length < 2 || !islower((unsigned char)word[1])));
}

void roff_print_usage(FILE *out, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, " []|" ELLIPSIS);
        if (*text == ' ') {
            fputs("\\~", out);
            text++;
        } else if (length == 0) {
            text = put_character(out, text, false) + 1;
        } else {
            put_in(out, is_placeholder(text, length) ? "\\fI" : "\\fB", text, length);
            text += length;
        }
    }
}
