/*
 * coupond: one program, many roles. Finds the command and passes it the remaining arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "shared/error.h"
#include "shared/nearest.h"
#include "shared/options/options.h"
#include "shared/process/child.h"
#include "shared/process/stop.h"

static void print_help(FILE *out)
{
    fputs("usage: coupond COMMAND [OPTION]…\n\nIssues coupons first come, first served: in request order, exactly "
          "once.\n\n",
          out);
    for (size_t i = 0; i < commands_count; i++)
        fprintf(out, "  %-11s %s\n", commands[i].help->name, commands[i].help->summary);
    fputc('\n', out);
    help_print_options(out, general_options);
}

static void print_help_wanted(void)
{
    print_help(stdout);
}

static void print_version(void)
{
    puts("coupond " COUPOND_VERSION);
}

static void print_config(void)
{
    options_print_help(stdout);
}

static void print_config_table(void)
{
    options_print_markdown(stdout);
}

/* Options that replace a command. */
static const struct general {
    const char *name;
    const char *value; /* after the =; NULL: none */
    void (*print)(void);
} generals[] = {
    {"--help", NULL, print_help_wanted},   {"-h", NULL, print_help_wanted},
    {"help", NULL, print_help_wanted},     {"--version", NULL, print_version},
    {"--help-config", NULL, print_config}, {"--help-config", "markdown", print_config_table},
};
#define GENERALS_COUNT (sizeof(generals) / sizeof(generals[0]))

static bool is_named(const struct general *general, const char *word, size_t length)
{
    return strlen(general->name) == length && memcmp(general->name, word, length) == 0;
}

static const struct general *find_general(const char *word)
{
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < GENERALS_COUNT; i++) {
        const char *value = generals[i].value;
        if (is_named(&generals[i], word, length) &&
            (value == NULL ? word[length] == '\0' : word[length] == '=' && strcmp(word + length + 1, value) == 0))
            return &generals[i];
    }
    return NULL;
}

/* Refuses an invalid value of a known option. */
static int refuse_value(const char *word, size_t length)
{
    const char *value = NULL;
    for (size_t i = 0; i < GENERALS_COUNT; i++) {
        if (is_named(&generals[i], word, length) && generals[i].value != NULL)
            value = generals[i].value;
    }
    fprintf(stderr, "coupond: %.*s takes no value%s%s; see coupond --help\n", (int)length, word,
            value != NULL ? " but " : "", value != NULL ? value : "");
    return EXIT_USAGE;
}

/* An option in place of a command may contain a value or secret after the =, so only its name is printed. */
static int refuse_word(const char *word)
{
    size_t length = strcspn(word, ARGUMENTS_NAME_ENDS);
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    if (length == 0) {
        fprintf(stderr, "coupond: the command is %s; see coupond --help\n",
                word[0] == '\0' ? "empty" : "unknown, and not shown because it may be a secret");
        return EXIT_USAGE;
    }
    nearest_init(&nearest, word, length);
    for (size_t i = 0; i < commands_count; i++)
        nearest_offer(&nearest, commands[i].help->name);
    for (size_t i = 0; i < GENERALS_COUNT; i++) {
        if (word[length] == '=' && is_named(&generals[i], word, length))
            return refuse_value(word, length);
        if (strncmp(generals[i].name, "--", 2) == 0)
            nearest_offer(&nearest, generals[i].name);
    }
    fprintf(stderr, "coupond: unknown %s %.*s%ssee coupond --help\n", word[0] == '-' ? "option" : "command",
            length < 64 ? (int)length : 64, word, nearest_hint_before(&nearest, hint));
    return EXIT_USAGE;
}

static int run_general(const char *word, bool more)
{
    const struct general *general = find_general(word);
    if (general == NULL)
        return refuse_word(word);
    if (more) {
        fprintf(stderr, "coupond: %s takes no arguments; see coupond --help\n", word);
        return EXIT_USAGE;
    }
    general->print();
    return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        fputs("coupond: a command is missing\n\n", stderr);
        print_help(stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < commands_count; i++) {
        if (strcmp(argv[1], commands[i].help->name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return run_general(argv[1], argc > 2);
}

/* A closed standard stream would give its number to the first socket or file that is opened. */
static void open_standard_streams(void)
{
    for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR)) {
        if (fd > STDERR_FILENO) {
            close(fd);
            return;
        }
    }
}

/* Journals, stores and sockets are accessible to this user and readable by its group, whatever the caller's umask. */
static void keep_files_private(void)
{
    umask(umask(0777) | 0027);
}

/* OpenSSL's cleanup at exit() frees data that running threads may free as well. */
static void skip_openssl_cleanup(void)
{
    CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1);
}

int main(int argc, char **argv)
{
    skip_openssl_cleanup();
    open_standard_streams();
    keep_files_private();
    child_follow_parent();
    int status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "coupond: cannot write to standard output: %s\n", strerror(errno));
        status = status != EXIT_SUCCESS ? status : EXIT_FAILURE;
    }
    if (stop_abandoned())
        _exit(status); /* an abandoned thread may be inside a library that exit() shuts down */
    return status;
}
