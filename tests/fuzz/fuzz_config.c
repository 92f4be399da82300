/*
 * Configuration: a file, an assignment of --set, and values that depend on each other. Any bytes give an error with a
 * message, or options within their rows' bounds that print and parse back to the same values.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/options/options.h"
#include "shared/options/rows.h"

static int file;
static char file_path[64];

void fuzz_begin(void)
{
    file = memfd_create("config", MFD_CLOEXEC);
    CHECK(file >= 0);
    snprintf(file_path, sizeof file_path, "/proc/self/fd/%d", file);
}

static void write_file(const void *data, size_t size)
{
    CHECK(ftruncate(file, 0) == 0);
    CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
}

/* --- an input: 'f' and a file, 's' and an assignment, 'e' and a variable of the environment --- */

static void add_seed(char source, const char *text)
{
    char seed[512] = {source};
    memcpy(seed + 1, text, strlen(text));
    fuzz_seed(seed, strlen(text) + 1);
}

/* The defaults as printed by --help-config. */
static void add_defaults(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    fputc('f', out);
    options_print_help(out);
    CHECK(fclose(out) == 0);
    fuzz_seed(text, size);
    free(text);
}

void fuzz_seeds(void)
{
    add_defaults();
    add_seed('f', "gateway\n    http = \"127.0.0.1:8080\"\n    threads = 4\n# why\nissuer\n    sync = 20\n");
    add_seed('f', "store\n    type = mysql\n    password_file = \"/dev/null\"\n    tls = verify\n");
    add_seed('f', "gateway\n    http\n        below = 1\n");
    add_seed('s', "issuer/sync=os");
    add_seed('s', "gateway/requests=tcp://[::1]:7100");
    add_seed('s', "issuer/requests=ipc:///tmp/x");
    add_seed('s', "store/port=65536");
    add_seed('e', "GATEWAY_THREADS=64");
    add_seed('e', "STORE_TYPE=mysql");
}

/* --- what must hold --- */

static void check_rows(const struct options *options)
{
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        const char *member = (const char *)options + row->offset;
        int64_t number = 0;
        if (option_is_text(row)) {
            CHECK(memchr(member, '\0', OPTION_STRING_MAX) != NULL);
            number = (int64_t)strlen(member);
        } else if (row->kind != OPTION_KIND_FLAG) {
            memcpy(&number, member, sizeof number);
        }
        CHECK(row->kind == OPTION_KIND_CHOICE || (number >= row->min && number <= row->max));
    }
}

/* Assigning every option again must give the same options. */
static void check_again(const struct options *options)
{
    static struct options again;
    char assignment[OPTION_STRING_MAX + 128];
    options_init(&again);
    for (unsigned i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        const char *member = (const char *)options + row->offset;
        int64_t number = 0;
        if (!option_is_text(row) && row->kind != OPTION_KIND_FLAG)
            memcpy(&number, member, sizeof number);
        if (option_is_text(row))
            snprintf(assignment, sizeof assignment, "%s/%s=%s", row->section, row->name, member);
        else
            snprintf(assignment, sizeof assignment, "%s/%s=%lld", row->section, row->name,
                     row->kind == OPTION_KIND_FLAG ? (long long)*member : (long long)number);
        CHECK(options_set(&again, assignment, NULL) == 0);
        if (option_is_text(row))
            CHECK(strcmp((const char *)&again + row->offset, member) == 0);
        else
            CHECK(memcmp((const char *)&again + row->offset, member, row->kind == OPTION_KIND_FLAG ? 1 : 8) == 0);
    }
}

static void check_error(const struct error *error)
{
    CHECK(memchr(error->text, '\0', sizeof error->text) != NULL);
    CHECK(error->text[0] != '\0');
}

/* A text without NULs, like arguments and variables; NULL when it contains one. The caller frees it. */
static char *text_of(const struct fuzz_input *input, const char *before)
{
    size_t length = strlen(before);
    if (input->left > 0 && memchr(input->at, '\0', input->left) != NULL)
        return NULL;
    char *text = malloc(length + input->left + 1);
    CHECK(text != NULL);
    memcpy(text, before, length);
    if (input->left > 0)
        memcpy(text + length, input->at, input->left);
    text[length + input->left] = '\0';
    return text;
}

static int read_variable(struct options *options, char *variable, struct error *error)
{
    char *equals = strchr(variable, '=');
    if (equals == NULL)
        return error_set(error, "this is no variable");
    *equals = '\0';
    CHECK(setenv(variable, equals + 1, 1) == 0);
    int result = options_read_environment(options, error);
    unsetenv(variable);
    return result;
}

static int read_source(struct options *options, char source, const struct fuzz_input *input, struct error *error)
{
    if (source == 's' || source == 'e') {
        char *text = text_of(input, source == 'e' ? "COUPOND_" : "");
        int result = -1;
        if (text == NULL)
            error_set(error, "a zero");
        else
            result = source == 's' ? options_set(options, text, error) : read_variable(options, text, error);
        free(text);
        return result;
    }
    write_file(input->at, input->left);
    return options_read_file(options, file_path, error);
}

/* Removes file names, since the fuzzer must not read arbitrary files. */
static void forget_files(struct options *options)
{
    options->gateway_admin_token_file[0] = '\0';
    options->store_password_file[0] = '\0';
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static struct options options;
    struct fuzz_input input = {data, size};
    struct error error = {""};
    char source = (char)fuzz_take_byte(&input);
    options_init(&options);
    if (read_source(&options, source, &input, &error) != 0) {
        check_error(&error);
        return;
    }
    check_rows(&options);
    check_again(&options);
    forget_files(&options);
    if (options_complete(&options, &error) != 0) {
        check_error(&error);
        return;
    }
    check_rows(&options);
    CHECK(options_sync_interval_ms(&options) >= SYNC_OS);
    if (options_check_role(&options, "dev", &error) != 0)
        check_error(&error);
}
