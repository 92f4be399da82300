/*
 * The commands of the program. Each gets its arguments with its own name as argv[0], prints its output, and returns the
 * exit status: 0 success, 1 failure, 2 invalid arguments; `verify`, `journal check` and `dead-letter`: 0 kept, 1
 * broken, 2 could not check.
 */
#ifndef COUPOND_COMMANDS_H
#define COUPOND_COMMANDS_H

#include <stddef.h>

#include "coupond/help.h"

#define EXIT_USAGE 2

int cmd_dev(int argc, char **argv);
int cmd_gateway(int argc, char **argv);
int cmd_issuer(int argc, char **argv);
int cmd_persister(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_dead_letter(int argc, char **argv);
int cmd_journal(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_permissions(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_rehearse(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_top(int argc, char **argv);

extern const struct help help_dev, help_gateway, help_issuer, help_persister, help_verify, help_dead_letter,
    help_export, help_journal, help_health, help_keygen, help_permissions, help_bench, help_rehearse, help_token,
    help_top;

struct command {
    int (*run)(int argc, char **argv);
    const struct help *help;
};

/* In the order in which they are shown. */
extern const struct command commands[];
extern const size_t commands_count;

/* What may stand in the place of a command. */
extern const struct help_option general_options[];
/* What several commands take, with the same meaning. */
extern const struct help_option common_options[];

#endif
