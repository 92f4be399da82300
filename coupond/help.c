#include "coupond/help.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define COLUMNS      100
#define LEFT_MAX     30 /* maximum columns of a name with its value; a wider one gets its own line */
#define USAGE_INDENT 15
#define USAGE_MAX    8 /* options in the usage; more are written as [OPTION]… */

/* A line under construction. */
struct line {
    FILE *out;
    size_t indent;
    size_t column;
};

/* Columns of UTF-8 text, one per character. */
static size_t columns_of(const char *text, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

/* Prints a word unbroken, after a space or on the next line. */
static void put_word(struct line *line, const char *word, size_t length)
{
    size_t columns = columns_of(word, length);
    bool first = line->column == line->indent;
    if (!first && line->column + 1 + columns > COLUMNS) {
        fprintf(line->out, "\n%*s", (int)line->indent, "");
        line->column = line->indent;
        first = true;
    }
    fprintf(line->out, "%s%.*s", first ? "" : " ", (int)length, word);
    line->column += columns + !first;
}

/* Prints the words up to the end of the paragraph; returns the rest of the text. */
static const char *put_words(struct line *line, const char *text)
{
    while (*text != '\0' && *text != '\n') {
        size_t length = strcspn(text, " \n");
        put_word(line, text, length);
        text += length + (text[length] == ' ');
    }
    return text;
}

static void put_usage_option(struct line *line, const struct help_option *option)
{
    char text[128];
    const char *again = strcmp(option->name, "--set") == 0 ? "…" : "";
    int length = snprintf(text, sizeof text, "[%s%s%s]%s", option->name, option->value != NULL ? " " : "",
                          option->value != NULL ? option->value : "", again);
    put_word(line, text, (size_t)length);
}

static size_t count_options(const struct help_option *options)
{
    size_t count = 0;
    while (options[count].name != NULL)
        count++;
    return count;
}

/* Begins a line of the usage. */
static struct line begin_usage(FILE *out, const char *begin, const char *name, const char *words)
{
    struct line line = {out, USAGE_INDENT, USAGE_INDENT};
    fprintf(out, "%scoupond ", begin);
    put_words(&line, name);
    if (words != NULL)
        put_words(&line, words);
    return line;
}

static void print_usage(FILE *out, const struct help *help)
{
    struct line line = begin_usage(out, "usage: ", help->name, help->words);
    if (help->instead != NULL) {
        begin_usage(out, "\n       ", help->name, help->instead);
        fputc('\n', out);
        return;
    }
    bool all = count_options(help->options) <= USAGE_MAX;
    for (const struct help_option *option = help->options; all && option->name != NULL; option++) {
        if (strcmp(option->name, "--help") != 0)
            put_usage_option(&line, option);
    }
    if (!all)
        put_words(&line, "[OPTION]…");
    fputc('\n', out);
}

static void print_about(FILE *out, const char *about)
{
    for (bool more = true; more; about += strspn(about, "\n")) {
        struct line line = {out, 0, 0};
        about = put_words(&line, about);
        more = *about != '\0';
        fputs(more ? "\n\n" : "\n", out);
    }
}

/* Columns of the widest name with its value, up to LEFT_MAX. */
static size_t left_columns(const struct help_option *options)
{
    size_t widest = 0;
    for (; options->name != NULL; options++) {
        size_t columns = strlen(options->name) + (options->value != NULL ? 1 + strlen(options->value) : 0);
        if (columns <= LEFT_MAX && columns > widest)
            widest = columns;
    }
    return widest;
}

void help_print_options(FILE *out, const struct help_option *options)
{
    size_t indent = 2 + left_columns(options) + 2;
    for (; options->name != NULL; options++) {
        struct line line = {out, indent, indent};
        int width = fprintf(out, "  %s%s%s", options->name, options->value != NULL ? " " : "",
                            options->value != NULL ? options->value : "");
        if ((size_t)width + 2 > indent)
            fprintf(out, "\n%*s", (int)indent, "");
        else
            fprintf(out, "%*s", (int)indent - width, "");
        put_words(&line, options->text);
        fputc('\n', out);
    }
}

void help_print(FILE *out, const struct help *help)
{
    print_usage(out, help);
    fputc('\n', out);
    print_about(out, help->about);
    fputc('\n', out);
    help_print_options(out, help->options);
    if (help->exit_status == NULL)
        return;
    struct line line = {out, 0, 0};
    fputc('\n', out);
    put_words(&line, "Exit status:");
    put_words(&line, help->exit_status);
    fputs(".\n", out);
}
