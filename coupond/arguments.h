/*
 * The command line, parsed alike for all commands: --config FILE, --set section/name=value (repeatable),
 * --check-config, --help, and options of the command. "--name value" and "--name=value" are equivalent; "--" ends the
 * options. Main thread only.
 */
#ifndef COUPOND_ARGUMENTS_H
#define COUPOND_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/error.h"
#include "shared/options/options.h"

#define ARGUMENTS_NAME_ENDS "=:/@?# " /* no option or command contains one of these, but a secret may */

#define ARGUMENTS_SETS_MAX        256
#define ARGUMENTS_POSITIONALS_MAX 32

/* An option of a command: either `value` (--name VALUE) or `flag` (--name) is not NULL. */
struct argument {
    const char *name; /* includes the dashes */
    const char **value;
    bool *flag;
    const char *requires; /* a flag that must be given, too; NULL: none */
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

/* Parses argv[1] onwards; accepts at most `positionals_max` words without dashes. `own` ends with a row whose name is
 * NULL, or is NULL. -1 and `error` for unknown, incomplete and repeated options, for empty values and words, and for
 * a flag without the one that it requires. */
int arguments_parse(struct arguments *arguments, int argc, char **argv, const struct argument *own,
                    size_t positionals_max, struct error *error);

/* -1 and `error` when a path looks like a URL, which may contain a password. `what` names the argument. */
int arguments_check_path(const char *what, const char *path, struct error *error);

/* Applies file, environment and --set, in this order, to `options`. The caller calls options_complete(). */
int arguments_apply(const struct arguments *arguments, struct options *options, struct error *error);
/* Defaults, arguments_apply(), options_leave_secrets() for the role, and options_complete(). */
int arguments_load(const struct arguments *arguments, const char *role, struct options *options, struct error *error);
/* The same for the folder of a `coupond dev` (DIR/journal and DIR/coupond.db); arguments_load() when `dir` is NULL. */
int arguments_load_dir(const struct arguments *arguments, const char *dir, struct options *options,
                       struct error *error);

#endif
