#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/manual/manual.h"
#include "coupond/manual/roff.h"
#include "shared/error.h"
#include "shared/options/rows.h"

static void print_default(FILE *out, const struct option_row *row)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, row->default_number);
    const char *text = row->default_text != NULL ? row->default_text : number;
    if (text[0] == '\0') {
        fputs("; empty by default", out);
        return;
    }
    fputs("; by default ", out);
    roff_print_bold(out, text);
}

static void print_bounds(FILE *out, const struct option_row *row)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    CHECK(memory != NULL);
    option_print_bounds(memory, row);
    CHECK(fclose(memory) == 0);
    fputs("Value: ", out);
    roff_print_literal(out, text);
    free(text);
}

static void print_option(FILE *out, const struct option_row *row)
{
    fputs(".TP\n", out);
    fprintf(out, ".B %s/%s\n", row->section, row->name);
    roff_print_prose(out, row->help);
    fputs(".br\n", out);
    print_bounds(out, row);
    print_default(out, row);
    fputs(".\n", out);
}

void manual_print_options(FILE *out)
{
    const char *section = "";
    for (unsigned i = 0; i < option_rows_count; i++) {
        if (strcmp(section, option_rows[i].section) != 0)
            fprintf(out, ".SS %s\n", option_rows[i].section);
        section = option_rows[i].section;
        print_option(out, &option_rows[i]);
    }
}
