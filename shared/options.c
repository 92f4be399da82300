#include "shared/options.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/options_internal.h"

extern char **environ;

#define ENVIRONMENT_PREFIX      "COUPOND_"
#define ENVIRONMENT_TEST_PREFIX "COUPOND_TEST_" /* the tests' own */

#define DEFAULT_STRING(value) .default_text = (value)
#define DEFAULT_NUMBER(value) .default_number = (value)
#define DEFAULT_BOOL(value)   .default_number = (value)

const struct option_row option_rows[] = {
#define X(section_, name_, kind_, default_, min_, max_, help_)                                                         \
    {.section = #section_,                                                                                             \
     .name = #name_,                                                                                                   \
     .kind = OPTION_KIND_##kind_,                                                                                      \
     DEFAULT_##kind_(default_),                                                                                        \
     .min = (min_),                                                                                                    \
     .max = (max_),                                                                                                    \
     .help = (help_),                                                                                                  \
     .offset = offsetof(struct options, section_##_##name_)},
    OPTION_TABLE(X)
#undef X
};
const unsigned option_rows_count = sizeof(option_rows) / sizeof(option_rows[0]);

int option_find(const char *section, const char *name)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        if (strcmp(option_rows[i].section, section) == 0 && strcmp(option_rows[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int assign_string(const struct option_row *row, char *member, const char *value, struct error *error)
{
    size_t length = strlen(value);
    if (length < (size_t)row->min || length > (size_t)row->max || length >= OPTION_STRING_MAX)
        return error_set(error, "%s/%s: %zu characters are out of bounds, %lld to %lld", row->section, row->name,
                         length, (long long)row->min, (long long)row->max);
    memcpy(member, value, length + 1);
    return 0;
}

/* An integer in decimal with nothing around it. */
static bool parse_number(const char *value, int64_t *number)
{
    char *end;
    if (!isdigit((unsigned char)value[0]) && !(value[0] == '-' && isdigit((unsigned char)value[1])))
        return false;
    errno = 0;
    *number = strtoll(value, &end, 10);
    return errno == 0 && *end == '\0';
}

static int assign_number(const struct option_row *row, int64_t *member, const char *value, struct error *error)
{
    int64_t number;
    if (!parse_number(value, &number))
        return error_set(error, "%s/%s: \"%.64s\" is no whole number, expected %lld to %lld", row->section, row->name,
                         value, (long long)row->min, (long long)row->max);
    if (number < row->min || number > row->max)
        return error_set(error, "%s/%s: %s is out of bounds, %lld to %lld", row->section, row->name, value,
                         (long long)row->min, (long long)row->max);
    *member = number;
    return 0;
}

static int assign_bool(const struct option_row *row, bool *member, const char *value, struct error *error)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return error_set(error, "%s/%s: \"%.64s\" is neither 0 nor 1", row->section, row->name, value);
    *member = value[0] == '1';
    return 0;
}

int option_assign(struct options *options, const struct option_row *row, const char *value, struct error *error)
{
    void *member = (char *)options + row->offset;
    switch (row->kind) {
    case OPTION_KIND_STRING:
        return assign_string(row, member, value, error);
    case OPTION_KIND_NUMBER:
        return assign_number(row, member, value, error);
    case OPTION_KIND_BOOL:
        return assign_bool(row, member, value, error);
    }
    return -1;
}

void options_init(struct options *options)
{
    memset(options, 0, sizeof(*options));
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        char number[24];
        snprintf(number, sizeof(number), "%lld", (long long)row->default_number);
        CHECK(option_assign(options, row, row->default_text != NULL ? row->default_text : number, NULL) == 0);
    }
}

int options_set(struct options *options, const char *assignment, struct error *error)
{
    const char *slash = strchr(assignment, '/');
    const char *equals = strchr(assignment, '=');
    char section[32], name[64];
    if (slash == NULL || equals == NULL || slash > equals)
        return error_set(error, "\"%.100s\" is not of the form section/name=value", assignment);
    snprintf(section, sizeof(section), "%.*s", (int)(slash - assignment), assignment);
    snprintf(name, sizeof(name), "%.*s", (int)(equals - slash - 1), slash + 1);
    int index = option_find(section, name);
    if (index < 0)
        return error_set(error, "%.*s: unknown option; coupond --help-config lists them", (int)(equals - assignment),
                         assignment);
    return option_assign(options, &option_rows[index], equals + 1, error);
}

/* The environment. */

static void variable_name(const struct option_row *row, char *out, size_t size)
{
    snprintf(out, size, ENVIRONMENT_PREFIX "%s_%s", row->section, row->name);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}

static const struct option_row *find_variable(const char *name, size_t length)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        char candidate[128];
        variable_name(&option_rows[i], candidate, sizeof(candidate));
        if (strlen(candidate) == length && memcmp(candidate, name, length) == 0)
            return &option_rows[i];
    }
    return NULL;
}

/* Whether the first word behind the prefix is a section. */
static bool is_of_section(const char *variable)
{
    const char *word = variable + sizeof(ENVIRONMENT_PREFIX) - 1;
    size_t length = strcspn(word, "_=");
    for (unsigned i = 0; i < option_rows_count; i++) {
        const char *section = option_rows[i].section;
        if (word[length] == '_' && strlen(section) == length && strncasecmp(section, word, length) == 0)
            return true;
    }
    return false;
}

/*
 * What Kubernetes and container links put into the environment for a service named coupond-gateway or coupond-store:
 * COUPOND_GATEWAY_SERVICE_HOST, …_SERVICE_PORT, …_SERVICE_PORT_HTTP, …_PORT=tcp://…, …_PORT_8080_TCP,
 * …_PORT_8080_TCP_ADDR. No option's value is like that of …_PORT.
 */
static bool is_of_service(const char *variable, size_t length)
{
    static const char *const words[] = {"_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_UDP", "_SCTP"};
    char name[128];
    snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name) - 1), variable);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(name, words[i]) != NULL)
            return true;
    }
    bool port = length > 5 && memcmp(variable + length - 5, "_PORT", 5) == 0;
    return port && variable[length] == '=' && strstr(variable + length, "://") != NULL;
}

static int take_variable(struct options *options, const char *variable, struct error *error)
{
    const char *equals = strchr(variable, '=');
    size_t length = equals != NULL ? (size_t)(equals - variable) : strlen(variable);
    if (!is_of_section(variable) || is_of_service(variable, length))
        return 0;
    const struct option_row *row = find_variable(variable, length);
    if (row == NULL)
        return error_set(error, "environment variable %.*s: unknown option; coupond --help-config lists them",
                         (int)(length < 128 ? length : 128), variable);
    if (option_assign(options, row, equals != NULL ? equals + 1 : "", error) != 0)
        return error_prefix(error, "environment variable %.*s", (int)length, variable);
    return 0;
}

int options_read_environment(struct options *options, struct error *error)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, ENVIRONMENT_PREFIX, sizeof(ENVIRONMENT_PREFIX) - 1) != 0)
            continue;
        if (strncmp(*variable, ENVIRONMENT_TEST_PREFIX, sizeof(ENVIRONMENT_TEST_PREFIX) - 1) == 0)
            continue;
        if (take_variable(options, *variable, error) != 0)
            return -1;
    }
    return 0;
}

/* Help. */

static void print_bounds(FILE *out, const struct option_row *row)
{
    if (row->kind == OPTION_KIND_STRING)
        fprintf(out, "%lld to %lld characters", (long long)row->min, (long long)row->max);
    else if (row->kind == OPTION_KIND_NUMBER)
        fprintf(out, "%lld to %lld", (long long)row->min, (long long)row->max);
    else
        fputs("0 or 1", out);
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
        print_bounds(out, row);
        if (row->default_text != NULL)
            fprintf(out, ")\n    %s = \"%s\"\n", row->name, row->default_text);
        else
            fprintf(out, ")\n    %s = %lld\n", row->name, (long long)row->default_number);
    }
}

/* A cell of a Markdown table: | needs a backslash. */
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
        print_bounds(out, row);
        fputs(" | ", out);
        print_cell(out, row->help);
        fputs(" |\n", out);
    }
}
