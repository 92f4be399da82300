/*
 * coupond: one program, many roles. Finds the command and hands it the rest of the line.
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
#include "shared/options.h"
#include "shared/stop.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"dev", cmd_dev, "everything in one process, with an SQLite store and sample coupons"},
    {"gateway", cmd_gateway, "serves the HTTP API"},
    {"issuer", cmd_issuer, "decides who gets a coupon, and keeps the journal"},
    {"persister", cmd_persister, "writes what was decided to the database"},
    {"verify", cmd_verify, "checks the promises over journals and store"},
    {"dead-letter", cmd_dead_letter, "shows what the database refused for good, or tries it again: list|retry"},
    {"journal", cmd_journal, "prints or checks a journal: journal dump|check DIR"},
    {"top", cmd_top, "a live view of a running system: stock, rates, latency, backlog, members"},
    {"health", cmd_health, "asks a running role whether it is ready: gateway|issuer|persister"},
    {"keygen", cmd_keygen, "makes the secret by which the roles of a cluster know each other"},
    {"bench", cmd_bench, "puts load on a server and checks what it answers"},
};
#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    fputs("usage: coupond COMMAND [OPTION]…\n\nFirst-come-first-served coupons: who asks first is served, exactly "
          "once.\n\n",
          out);
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fputs("\n  COMMAND --help              what a command takes\n"
          "  ROLE --check-config         whether a configuration is right (dev, gateway, issuer, persister)\n"
          "  --help-config               every option, as a configuration file with the defaults\n"
          "  --help-config=markdown      the same as a table\n"
          "  --version\n",
          out);
}

static const char *const general[] = {"--help", "--version", "--help-config"};
#define GENERAL_COUNT (sizeof(general) / sizeof(general[0]))

static bool is_general(const char *word, size_t length)
{
    for (size_t i = 0; i < GENERAL_COUNT; i++) {
        if (strlen(general[i]) == length && memcmp(general[i], word, length) == 0)
            return true;
    }
    return false;
}

/* An option in the place of a command may have its value, or a secret, behind a =, so no more than its name is told. */
static int refuse_word(const char *word)
{
    size_t length = strcspn(word, ARGUMENTS_NAME_ENDS);
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    if (word[length] == '=' && is_general(word, length)) {
        fprintf(stderr, "coupond: %.*s takes no value%s; coupond --help lists what there is\n", (int)length, word,
                strncmp(word, "--help-config", length) == 0 && length > 6 ? " but markdown" : "");
        return EXIT_USAGE;
    }
    nearest_init(&nearest, word, length);
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        nearest_offer(&nearest, commands[i].name);
    for (size_t i = 0; i < GENERAL_COUNT; i++)
        nearest_offer(&nearest, general[i]);
    fprintf(stderr, "coupond: unknown %s %.*s%scoupond --help lists what there is\n",
            word[0] == '-' ? "option" : "command", length < 64 ? (int)length : 64, word,
            nearest_hint_before(&nearest, hint));
    return EXIT_USAGE;
}

/* What stands in the place of a command. */
static int run_general(const char *word, bool more)
{
    static const char *const alone[] = {"--help", "-h", "help", "--version", "--help-config", "--help-config=markdown"};
    for (size_t i = 0; more && i < sizeof alone / sizeof *alone; i++) {
        if (strcmp(word, alone[i]) == 0) {
            fprintf(stderr, "coupond: %s takes nothing behind it; coupond --help lists what there is\n", word);
            return EXIT_USAGE;
        }
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        print_help(stdout);
    else if (strcmp(word, "--version") == 0)
        puts("coupond " COUPOND_VERSION);
    else if (strcmp(word, "--help-config") == 0)
        options_print_help(stdout);
    else if (strcmp(word, "--help-config=markdown") == 0)
        options_print_markdown(stdout);
    else
        return refuse_word(word);
    return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        fputs("coupond: a command is missing\n\n", stderr);
        print_help(stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
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

/* Journals, stores and sockets are for this user, and for its group to read, however generous the caller is. */
static void keep_files_private(void)
{
    umask(umask(0777) | 0027);
}

/* OpenSSL's clean-up at exit() frees what belongs to threads that may be about to end and free it, too. */
static void let_openssl_be_at_exit(void)
{
    CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1);
}

int main(int argc, char **argv)
{
    let_openssl_be_at_exit();
    open_standard_streams();
    keep_files_private();
    int status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "coupond: cannot write to standard output: %s\n", strerror(errno));
        status = status != EXIT_SUCCESS ? status : EXIT_FAILURE;
    }
    if (stop_abandoned())
        _exit(status); /* the thread left behind may be in a library that exit() takes down */
    return status;
}
