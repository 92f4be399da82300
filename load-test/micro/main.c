/*
 * micro [NAME…] [--json] [--mysql] [--users N] [--ms N] [--rounds N] [--dir DIR] [--coupond FILE]: measures the cost of
 * one operation of each module. Without names it measures all groups.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/http/head.h"
#include "gateway/reply/reply.h"
#include "groups.h"
#include "report.h"

static const struct group {
    const char *name;
    void (*measure)(struct micro *micro);
    const char *help;
} groups[] = {
    {"ledger", micro_ledger, "decide and apply, by batch; a set in the cache, and one of --users"},
    {"turn", micro_turn, "frames in, decisions and a journal batch, frames out, without sockets"},
    {"journal", micro_journal, "append and commit, with and without a sync; bytes per record"},
    {"frames", micro_frames, "requests and replies: written, checked, read"},
    {"http", micro_http, "request heads parsed, replies written"},
    {"identity", micro_identity, "tokens of each algorithm and API keys, new and in the cache"},
    {"store", micro_store, "transactions of issues into SQLite, with --mysql also into the server of COUPOND_STORE_*"},
    {"issuer", micro_issuer, "a real issuer over ZeroMQ, sync = always"},
};
#define GROUPS (sizeof groups / sizeof *groups)

struct arguments {
    struct micro_settings settings;
    bool json;
    bool wanted[GROUPS];
    bool any;
};

static int usage(void)
{
    fputs("usage: micro [NAME…] [--json] [--mysql] [--users N] [--ms N] [--rounds N] [--dir DIR] [--coupond FILE]\n\n",
          stderr);
    for (size_t i = 0; i < GROUPS; i++)
        fprintf(stderr, "  %-8s %s\n", groups[i].name, groups[i].help);
    return 2;
}

static bool take_name(struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < GROUPS; i++) {
        if (strcmp(groups[i].name, name) == 0)
            return arguments->wanted[i] = arguments->any = true;
    }
    return false;
}

static bool take_number(const char *text, uint32_t max, uint32_t *value)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *value = (uint32_t)number;
    return end != text && *end == '\0' && number >= 1 && number <= max;
}

static bool take_option(struct micro_settings *settings, const char *name, const char *value)
{
    uint32_t number;
    if (strcmp(name, "--dir") == 0)
        settings->directory = value;
    else if (strcmp(name, "--coupond") == 0)
        settings->coupond = value;
    else if (strcmp(name, "--users") == 0)
        return take_number(value, 1000000000, &settings->users);
    else if (strcmp(name, "--ms") == 0 && take_number(value, 600000, &number))
        settings->round_ms = number;
    else if (strcmp(name, "--rounds") == 0)
        return take_number(value, MICRO_ROUNDS_MAX, &settings->rounds);
    else
        return false;
    return true;
}

static bool parse(struct arguments *arguments, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            arguments->json = true;
        else if (strcmp(argv[i], "--mysql") == 0)
            arguments->settings.mysql = true;
        else if (argv[i][0] != '-' && take_name(arguments, argv[i]))
            continue;
        else if (i + 1 == argc || !take_option(&arguments->settings, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.settings = {.round_ms = 100,
                                               .rounds = 7,
                                               .users = 20000000,
                                               .directory = "build",
                                               .coupond = "build/release/coupond/coupond"}};
    if (!parse(&arguments, argc, argv))
        return usage();
    struct micro micro = {.settings = arguments.settings};
    reply_init();
    http_head_init();
    for (size_t i = 0; i < GROUPS; i++) {
        micro.group = groups[i].name;
        if (!arguments.any || arguments.wanted[i])
            groups[i].measure(&micro);
    }
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    (arguments.json ? report_json : report_table)(stdout, &micro);
    free(micro.results);
    return EXIT_SUCCESS;
}
