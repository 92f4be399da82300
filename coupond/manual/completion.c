#include <string.h>

#include "coupond/commands.h"
#include "coupond/manual/manual.h"
#include "shared/options/rows.h"

/* How a placeholder is completed; any other is text. */
static const struct {
    const char *placeholder;
    const char *kind;
} kinds[] = {{"FILE", "file"}, {"DIR", "folder"}, {"section/name=value", "option"}};

static const char *kind_of(const char *placeholder, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].placeholder) == length && memcmp(kinds[i].placeholder, placeholder, length) == 0)
            return kinds[i].kind;
    }
    return "text";
}

/* Prints "dump|check DIR" as "dump|check =folder": choices unchanged, placeholders as their kind. */
static void print_words(FILE *out, const char *words)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (*words >= 'a' && *words <= 'z')
            fprintf(out, "%.*s", (int)length, words);
        else
            fprintf(out, "=%s", kind_of(words, length));
        words += length;
        if (*words == ' ')
            putc(*words++, out);
    }
}

static void print_options(FILE *out, const struct help_option *options)
{
    for (const char *space = ""; options->name != NULL; options++, space = " ") {
        fprintf(out, "%s%s", space, options->name);
        if (options->value != NULL)
            fprintf(out, "=%s", kind_of(options->value, strlen(options->value)));
    }
}

void manual_print_first_words(FILE *out)
{
    for (size_t i = 0; i < commands_count; i++)
        fprintf(out, "    %s\n", commands[i].help->name);
    for (const struct help_option *option = general_options; option->name != NULL; option++)
        fprintf(out, "    %s\n", option->name);
}

void manual_print_command_arms(FILE *out)
{
    for (size_t i = 0; i < commands_count; i++) {
        const struct help *help = commands[i].help;
        fprintf(out, "        %s)\n            words='", help->name);
        if (help->words != NULL)
            print_words(out, help->words);
        fputs("'\n            options='", out);
        print_options(out, help->options);
        fputs("'\n            ;;\n", out);
    }
}

void manual_print_option_names(FILE *out)
{
    for (unsigned i = 0; i < option_rows_count; i++)
        fprintf(out, "    %s/%s\n", option_rows[i].section, option_rows[i].name);
}

static void print_choices(FILE *out, const struct option_row *row)
{
    for (const char *const *choice = row->choices; *choice != NULL; choice++)
        fprintf(out, "%s%s", choice == row->choices ? "" : " ", *choice);
}

void manual_print_option_arms(FILE *out)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        bool file = row->kind == OPTION_KIND_PATH || row->kind == OPTION_KIND_SECRET_FILE;
        if (!file && row->kind != OPTION_KIND_CHOICE && row->kind != OPTION_KIND_FLAG)
            continue;
        fprintf(out, "        %s/%s) %s='", row->section, row->name, file ? "kind" : "choices");
        if (row->kind == OPTION_KIND_CHOICE)
            print_choices(out, row);
        else
            fputs(file ? "file" : "0 1", out);
        fputs("' ;;\n", out);
    }
}
