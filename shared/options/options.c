#include "shared/options/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shared/options/rows.h"

#define DEFAULT_TEXT(value)        .default_text = (value)
#define DEFAULT_CHOICE(value)      DEFAULT_TEXT(value)
#define DEFAULT_ADDRESS(value)     DEFAULT_TEXT(value)
#define DEFAULT_ENDPOINT(value)    DEFAULT_TEXT(value)
#define DEFAULT_URL(value)         DEFAULT_TEXT(value)
#define DEFAULT_PATH(value)        DEFAULT_TEXT(value)
#define DEFAULT_SECRET(value)      DEFAULT_TEXT(value)
#define DEFAULT_SECRET_FILE(value) DEFAULT_TEXT(value)
#define DEFAULT_NUMBER(value)      .default_number = (value)
#define DEFAULT_DURATION(value)    DEFAULT_NUMBER(value)
#define DEFAULT_SIZE(value)        DEFAULT_NUMBER(value)
#define DEFAULT_FLAG(value)        DEFAULT_NUMBER(value)

/* clang-format off */
#define BETWEEN(min_, max_)        .min = (min_), .max = (max_)
#define LENGTH(min_, max_)         BETWEEN(min_, max_)
#define ONE_OF(...)                .choices = (const char *const[]){__VA_ARGS__, NULL}
#define ONE_OF_OR(min_, max_, ...) BETWEEN(min_, max_), ONE_OF(__VA_ARGS__)
/* clang-format on */

const struct option_row option_rows[] = {
#define X(section_, name_, kind_, default_, bounds_, help_)                                                            \
    {.section = #section_,                                                                                             \
     .name = #name_,                                                                                                   \
     .kind = OPTION_KIND_##kind_,                                                                                      \
     DEFAULT_##kind_(default_),                                                                                        \
     bounds_,                                                                                                          \
     .help = (help_),                                                                                                  \
     .offset = offsetof(struct options, section_##_##name_)},
    OPTION_TABLE(X)
#undef X
};
const unsigned option_rows_count = sizeof option_rows / sizeof option_rows[0];

/* --- names --- */

int option_find(const char *section, const char *name)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        if (strcmp(option_rows[i].section, section) == 0 && strcmp(option_rows[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

bool option_section_exists(const char *section)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        if (strcmp(option_rows[i].section, section) == 0)
            return true;
    }
    return false;
}

void option_offer_names(struct nearest *nearest)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        char name[NEAREST_WORD_MAX + 1];
        snprintf(name, sizeof name, "%s/%s", option_rows[i].section, option_rows[i].name);
        nearest_offer(nearest, name);
    }
}

/* --- values --- */

void options_init(struct options *options)
{
    memset(options, 0, sizeof *options);
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)row->default_number);
        CHECK(option_assign(options, row, row->default_text != NULL ? row->default_text : number, NULL) == 0);
    }
}

/* The error quotes only a name that looks like one: anything else may be a secret. */
static int refuse_name(const char *name, size_t length, struct error *error)
{
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    nearest_init(&nearest, name, length);
    option_offer_names(&nearest);
    return error_set(error, "%.*s: unknown option%scoupond --help-config lists all", (int)length, name,
                     nearest_hint_before(&nearest, hint));
}

int options_set(struct options *options, const char *assignment, struct error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    char section[32], name[64];
    size_t of_section = strspn(assignment, letters);
    size_t of_name = assignment[of_section] == '/' ? strspn(assignment + of_section + 1, letters) : 0;
    size_t length = of_section + 1 + of_name;
    if (of_section == 0 || of_name == 0 || of_section >= sizeof section || of_name >= sizeof name)
        return error_set(error, "this is not of the form section/name=value, as in log/level=debug");
    snprintf(section, sizeof section, "%.*s", (int)of_section, assignment);
    snprintf(name, sizeof name, "%.*s", (int)of_name, assignment + of_section + 1);
    int index = option_find(section, name);
    if (assignment[length] != '=')
        return index >= 0
                   ? error_set(error, "%s/%s: a value is missing; write %s/%s=VALUE", section, name, section, name)
                   : error_set(error, "this is not of the form section/name=value, as in log/level=debug");
    if (index < 0)
        return refuse_name(assignment, length, error);
    return option_assign(options, &option_rows[index], assignment + length + 1, error);
}
