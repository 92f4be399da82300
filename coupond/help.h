/*
 * The words and options of a command as rows, from which its --help, the manual page coupond(1) and the completion for
 * bash are made (coupond/manual). Each command has its own rows, declared in coupond/commands.h. Constant.
 */
#ifndef COUPOND_HELP_H
#define COUPOND_HELP_H

#include <stdio.h>

struct help_option {
    const char *name;  /* with the dashes */
    const char *value; /* a placeholder; bash completes FILE, DIR and section/name=value; NULL: a flag */
    const char *text;
};

struct help {
    const char *name;                  /* of the command */
    const char *summary;               /* its line in coupond --help */
    const char *words;                 /* after the name, such as "dump|check DIR"; NULL: none */
    const char *instead;               /* a second usage; both name their options themselves; NULL: none */
    const char *about;                 /* paragraphs, separated by empty lines */
    const struct help_option *options; /* the last row has no name */
    const char *exit_status;           /* NULL: the usual one */
};

/* Rows that several commands share. */
/* clang-format off */
#define HELP_CONFIG {"--config", "FILE", "file with options, as coupond --help-config prints it"}
#define HELP_SET    {"--set", "section/name=value", "sets one option; may be given again for others"}
#define HELP_JSON   {"--json", NULL, "one JSON object instead of a table"}
#define HELP_CHECK  {"--check-config", NULL, "checks the configuration and exits"}
#define HELP_HELP   {"--help", NULL, "prints this help"}
#define HELP_END    {NULL, NULL, NULL}
/* clang-format on */

/* Prints one line per option, and further lines for a long text. */
void help_print_options(FILE *out, const struct help_option *options);
/* Prints the whole help, for COMMAND --help. */
void help_print(FILE *out, const struct help *help);

#endif
