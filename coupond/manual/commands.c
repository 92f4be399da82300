#include <stdbool.h>
#include <string.h>

#include "coupond/commands.h"
#include "coupond/manual/manual.h"
#include "coupond/manual/roff.h"
#include "shared/error.h"

#define USAGE_MAX     128
#define PARAGRAPH_MAX 2048

/* "--name VALUE" */
static void format_option(const struct help_option *option, char usage[USAGE_MAX])
{
    bool valued = option->value != NULL;
    snprintf(usage, USAGE_MAX, "%s%s%s", option->name, valued ? " " : "", valued ? option->value : "");
}

static void print_option(FILE *out, const struct help_option *option)
{
    char usage[USAGE_MAX];
    format_option(option, usage);
    fputs(".TP\n", out);
    roff_print_usage(out, usage);
    fputc('\n', out);
    roff_print_prose(out, option->text);
}

static bool is_common(const struct help_option *option)
{
    const struct help_option *common = common_options;
    while (common->name != NULL && strcmp(common->name, option->name) != 0)
        common++;
    return common->name != NULL;
}

/* Prints each paragraph after its macro. */
static void print_about(FILE *out, const char *about)
{
    while (*about != '\0') {
        char paragraph[PARAGRAPH_MAX];
        size_t length = strcspn(about, "\n");
        CHECK(length < sizeof paragraph);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, about);
        fputs(".PP\n", out);
        roff_print_prose(out, paragraph);
        about += length + strspn(about + length, "\n");
    }
}

static void begin_synopsis(FILE *out, const char *name, const char *words)
{
    fputs(".SY \"coupond ", out);
    roff_print_literal(out, name);
    fputs("\"\n", out);
    if (words == NULL)
        return;
    roff_print_usage(out, words);
    fputc('\n', out);
}

static void print_synopsis(FILE *out, const struct help *help)
{
    begin_synopsis(out, help->name, help->words);
    if (help->instead != NULL)
        begin_synopsis(out, help->name, help->instead);
    for (const struct help_option *option = help->options; option->name != NULL; option++) {
        if (help->instead != NULL || strcmp(option->name, "--help") == 0)
            continue;
        fputs(".OP ", out);
        roff_print_literal(out, option->name);
        fputs(option->value != NULL ? " " : "\n", out);
        if (option->value != NULL)
            fprintf(out, "%s\n", option->value);
    }
    fputs(".YS\n", out);
}

static void print_command(FILE *out, const struct help *help)
{
    fputs(".SS ", out);
    roff_print_literal(out, help->name);
    fputc('\n', out);
    print_synopsis(out, help);
    print_about(out, help->about);
    for (const struct help_option *option = help->options; option->name != NULL; option++) {
        if (!is_common(option))
            print_option(out, option);
    }
    if (help->exit_status == NULL)
        return;
    char paragraph[PARAGRAPH_MAX];
    snprintf(paragraph, sizeof paragraph, "Exit status: %s.", help->exit_status);
    fputs(".PP\n", out);
    roff_print_prose(out, paragraph);
}

void manual_print_commands(FILE *out)
{
    for (size_t i = 0; i < commands_count; i++)
        print_command(out, commands[i].help);
}

static void print_options(FILE *out, const struct help_option *options)
{
    for (; options->name != NULL; options++)
        print_option(out, options);
}

void manual_print_general_options(FILE *out)
{
    print_options(out, general_options);
}

void manual_print_common_options(FILE *out)
{
    print_options(out, common_options);
}
