/*
 * Options from the environment: COUPOND_<SECTION>_<NAME>.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/options/options.h"
#include "shared/options/rows.h"
#include "shared/telemetry/log.h"

extern char **environ;

#define ENVIRONMENT_PREFIX      "COUPOND_"
#define ENVIRONMENT_TEST_PREFIX "COUPOND_TEST_" /* reserved for the tests */

#define VARIABLE_MAX 128

static void variable_name(const struct option_row *row, char out[VARIABLE_MAX])
{
    snprintf(out, VARIABLE_MAX, ENVIRONMENT_PREFIX "%s_%s", row->section, row->name);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}

static const struct option_row *find_variable(const char *name, size_t length)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        char candidate[VARIABLE_MAX];
        variable_name(&option_rows[i], candidate);
        if (strlen(candidate) == length && memcmp(candidate, name, length) == 0)
            return &option_rows[i];
    }
    return NULL;
}

/* True when the first word after the prefix is a section. */
static bool is_of_section(const char *variable)
{
    const char *word = variable + sizeof ENVIRONMENT_PREFIX - 1;
    size_t length = strcspn(word, "_=");
    for (unsigned i = 0; i < option_rows_count; i++) {
        const char *section = option_rows[i].section;
        if (word[length] == '_' && strlen(section) == length && strncasecmp(section, word, length) == 0)
            return true;
    }
    return false;
}

/*
 * Variables that Kubernetes and container links set for a service named coupond-gateway or coupond-store:
 * COUPOND_GATEWAY_SERVICE_HOST, …_SERVICE_PORT, …_SERVICE_PORT_HTTP, …_PORT=tcp://…, …_PORT_8080_TCP,
 * …_PORT_8080_TCP_ADDR. No option takes a value like that of …_PORT.
 */
static bool is_of_service(const char *variable, size_t length)
{
    static const char *const words[] = {"_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_UDP", "_SCTP"};
    char name[VARIABLE_MAX];
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), variable);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(name, words[i]) != NULL)
            return true;
    }
    bool port = length > 5 && memcmp(variable + length - 5, "_PORT", 5) == 0;
    return port && variable[length] == '=' && strstr(variable + length, "://") != NULL;
}

/* Finds the option whose variable was probably meant. */
static void find_nearest(struct nearest *nearest, const char *variable, size_t length)
{
    nearest_init(nearest, variable, length);
    for (unsigned i = 0; i < option_rows_count; i++) {
        char candidate[VARIABLE_MAX];
        variable_name(&option_rows[i], candidate);
        nearest_offer(nearest, candidate);
    }
}

/* A misspelt section makes an option look like a foreign variable, which may really exist; hence only a warning. */
static void warn_of_slip(const char *variable, size_t length)
{
    struct nearest nearest;
    find_nearest(&nearest, variable, length);
    if (nearest_found(&nearest) != NULL)
        log_warn("main", "environment variable %.*s is not an option and has no effect; did you mean %s?", (int)length,
                 variable, nearest_found(&nearest));
}

/* --- for a child --- */

static bool is_option(const char *variable)
{
    const char *equals = strchr(variable, '=');
    return equals != NULL && find_variable(variable, (size_t)(equals - variable)) != NULL;
}

/* A file's secret is known already. Of the gateway only its addresses count, which must differ from all others. */
static bool is_for_child(const struct option_row *row)
{
    if (row->kind == OPTION_KIND_SECRET_FILE)
        return strcmp(row->section, "cluster") == 0;
    return strcmp(row->section, "gateway") != 0 || row->kind == OPTION_KIND_ADDRESS ||
           row->kind == OPTION_KIND_ENDPOINT;
}

static char *format_variable(const struct options *options, const struct option_row *row)
{
    char name[VARIABLE_MAX];
    char *variable = malloc(VARIABLE_MAX + OPTION_STRING_MAX);
    const char *member = (const char *)options + row->offset;
    CHECK(variable != NULL);
    variable_name(row, name);
    if (option_is_text(row))
        snprintf(variable, VARIABLE_MAX + OPTION_STRING_MAX, "%s=%s", name, member);
    else if (row->kind == OPTION_KIND_FLAG)
        snprintf(variable, VARIABLE_MAX + OPTION_STRING_MAX, "%s=%d", name, *(const bool *)member);
    else
        snprintf(variable, VARIABLE_MAX + OPTION_STRING_MAX, "%s=%lld", name, (long long)*(const int64_t *)member);
    return variable;
}

char **options_environment(const struct options *options)
{
    size_t count = 0, used = 0;
    while (environ[count] != NULL)
        count++;
    char **copy = calloc(count + option_rows_count + 1, sizeof *copy);
    CHECK(copy != NULL);
    for (size_t i = 0; i < count; i++) {
        if (!is_option(environ[i])) {
            copy[used] = strdup(environ[i]);
            CHECK(copy[used++] != NULL);
        }
    }
    for (unsigned i = 0; i < option_rows_count; i++) {
        if (is_for_child(&option_rows[i]))
            copy[used++] = format_variable(options, &option_rows[i]);
    }
    return copy;
}

void options_environment_free(char ***environment)
{
    for (char **variable = *environment; *variable != NULL; variable++)
        free(*variable);
    free(*environment);
    *environment = NULL;
}

/* --- reading --- */

static int refuse_variable(const char *variable, size_t length, struct error *error)
{
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    find_nearest(&nearest, variable, length);
    return error_set(error, "environment variable %.*s: unknown option%scoupond --help-config lists all",
                     (int)(length < VARIABLE_MAX ? length : VARIABLE_MAX), variable,
                     nearest_hint_before(&nearest, hint));
}

static int take_variable(struct options *options, const char *variable, struct error *error)
{
    const char *equals = strchr(variable, '=');
    size_t length = equals != NULL ? (size_t)(equals - variable) : strlen(variable);
    if (is_of_service(variable, length))
        return 0;
    if (!is_of_section(variable)) {
        warn_of_slip(variable, length);
        return 0;
    }
    const struct option_row *row = find_variable(variable, length);
    if (row == NULL)
        return refuse_variable(variable, length, error);
    if (option_assign(options, row, equals != NULL ? equals + 1 : "", error) != 0)
        return error_prefix(error, "environment variable %.*s", (int)length, variable);
    return 0;
}

int options_read_environment(struct options *options, struct error *error)
{
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, ENVIRONMENT_PREFIX, sizeof ENVIRONMENT_PREFIX - 1) != 0)
            continue;
        if (strncmp(*variable, ENVIRONMENT_TEST_PREFIX, sizeof ENVIRONMENT_TEST_PREFIX - 1) == 0)
            continue;
        if (take_variable(options, *variable, error) != 0)
            return -1;
    }
    return 0;
}
