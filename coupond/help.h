/*
 * What a command takes, as rows: its --help, the manual page coupond(1) and the completion of a shell come from them
 * (coupond/manual). Each command has its own, which coupond/commands.h declares. Constant.
 */
#ifndef COUPOND_HELP_H
#define COUPOND_HELP_H

#include <stdio.h>

struct help_option {
    const char *name;  /* with its dashes */
    const char *value; /* a placeholder: FILE, DIR and section/name=value are completed; NULL: a flag */
    const char *text;
};

struct help {
    const char *name;                  /* of the command */
    const char *summary;               /* its line in coupond --help */
    const char *words;                 /* behind the name, as in "dump|check DIR"; NULL: none */
    const char *about;                 /* paragraphs, with an empty line between two */
    const struct help_option *options; /* ends with a row without a name */
    const char *exit_status;           /* NULL: that of all commands */
};

/* Rows that several commands have. */
/* clang-format off */
#define HELP_CONFIG {"--config", "FILE", "file with options, as coupond --help-config prints it"}
#define HELP_SET    {"--set", "section/name=value", "sets one option; may be given again for others"}
#define HELP_JSON   {"--json", NULL, "one JSON object instead of a table"}
#define HELP_CHECK  {"--check-config", NULL, "reads the options, says whether they are right, and ends"}
#define HELP_HELP   {"--help", NULL, "prints this"}
#define HELP_END    {NULL, NULL, NULL}
/* clang-format on */

/* A line an option, and more where its text is longer. */
void help_print_options(FILE *out, const struct help_option *options);
/* All of it, as COMMAND --help prints it. */
void help_print(FILE *out, const struct help *help);

#endif
