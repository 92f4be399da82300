/*
 * Prints the table of options as a configuration file and as Markdown.
 */
#include <string.h>

#include "shared/options/options.h"
#include "shared/options/rows.h"

static void print_choices(FILE *out, const struct option_row *row)
{
    for (const char *const *choice = row->choices; *choice != NULL; choice++) {
        bool last = choice[1] == NULL && row->max == 0;
        fprintf(out, "%s%s", choice == row->choices ? "" : last ? " or " : ", ", *choice);
    }
    if (row->max > 0)
        fprintf(out, " or %lld to %lld", (long long)row->min, (long long)row->max);
}

void option_print_bounds(FILE *out, const struct option_row *row)
{
    static const char *const texts[] = {
        [OPTION_KIND_ADDRESS] = "HOST:PORT", [OPTION_KIND_ENDPOINT] = "endpoint", [OPTION_KIND_URL] = "URL",
        [OPTION_KIND_PATH] = "path",         [OPTION_KIND_SECRET_FILE] = "path",  [OPTION_KIND_SECRET] = "secret",
        [OPTION_KIND_TEXT] = "text",         [OPTION_KIND_FLAG] = "0 or 1",
    };
    const char *unit = option_unit(row);
    if (row->kind == OPTION_KIND_CHOICE)
        print_choices(out, row);
    else if (option_is_number(row))
        fprintf(out, "%lld to %lld%s%s", (long long)row->min, (long long)row->max, unit[0] != '\0' ? " " : "", unit);
    else if (row->kind == OPTION_KIND_FLAG)
        fputs(texts[row->kind], out);
    else
        fprintf(out, "%s%s, at most %lld bytes", texts[row->kind], row->min == 0 ? " or empty" : "",
                (long long)row->max);
}

void options_print_help(FILE *out)
{
    const char *section = "";
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (strcmp(section, row->section) != 0)
            fprintf(out, "%s%s\n", i > 0 ? "\n" : "", row->section);
        section = row->section;
        fprintf(out, "    # %s (", row->help);
        option_print_bounds(out, row);
        if (row->default_text != NULL)
            fprintf(out, ")\n    %s = \"%s\"\n", row->name, row->default_text);
        else
            fprintf(out, ")\n    %s = %lld\n", row->name, (long long)row->default_number);
    }
}

/* A cell of a Markdown table, with | escaped. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
}

void options_print_markdown(FILE *out)
{
    fputs("| option | default | bounds | meaning |\n|---|---|---|---|\n", out);
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        fprintf(out, "| `%s/%s` | ", row->section, row->name);
        if (row->default_text == NULL)
            fprintf(out, "`%lld`", (long long)row->default_number);
        else if (row->default_text[0] != '\0')
            fprintf(out, "`%s`", row->default_text);
        fputs(" | ", out);
        option_print_bounds(out, row);
        fputs(" | ", out);
        print_cell(out, row->help);
        fputs(" |\n", out);
    }
}
