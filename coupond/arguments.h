/*
 * The command line, alike for all commands: --config FILE, --set section/name=value (any number), --check-config,
 * --help, and what a command adds. "--name value" and "--name=value" are the same; "--" ends the options. Main thread
 * only.
 */
#ifndef COUPOND_ARGUMENTS_H
#define COUPOND_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/error.h"
#include "shared/options/options.h"

#define ARGUMENTS_NAME_ENDS "=:/@?# " /* no option's or command's name has one of these, but a secret may */

#define ARGUMENTS_SETS_MAX        256
#define ARGUMENTS_POSITIONALS_MAX 32

/* What a command adds: either `value` (--name VALUE) or `flag` (--name) is not NULL. */
struct argument {
    const char *name; /* with its dashes */
    const char **value;
    bool *flag;
};

/* Borrowed from argv. */
struct arguments {
    const char *config; /* NULL: none */
    const char *sets[ARGUMENTS_SETS_MAX];
    size_t sets_count;
    const char *positionals[ARGUMENTS_POSITIONALS_MAX];
    size_t positionals_count;
    bool check_config;
    bool help;
};

/* Reads argv[1] and on; at most `positionals_max` words without dashes. `own` ends with a row whose name is NULL, or is
 * NULL. -1 and `error` for what is unknown, incomplete or given twice. */
int arguments_parse(struct arguments *arguments, int argc, char **argv, const struct argument *own,
                    size_t positionals_max, struct error *error);

/* -1 and `error` for an address, which may hold a password, in the place of a file's or a folder's path. `what` names
 * the argument. */
int arguments_check_path(const char *what, const char *path, struct error *error);

/* File, environment and --set, in this order, over what `options` holds; options_complete() is the caller's. */
int arguments_apply(const struct arguments *arguments, struct options *options, struct error *error);
/* Defaults, arguments_apply(), options_leave_secrets() for the role, and options_complete() in one. */
int arguments_load(const struct arguments *arguments, const char *role, struct options *options, struct error *error);
/* The same for the folder of a `coupond dev` (DIR/journal and DIR/coupond.db); where `dir` is NULL, arguments_load().
 */
int arguments_load_dir(const struct arguments *arguments, const char *dir, struct options *options,
                       struct error *error);

#endif
