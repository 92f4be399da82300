#include "coupond/commands.h"

const struct command commands[] = {
    {cmd_dev, &help_dev},
    {cmd_gateway, &help_gateway},
    {cmd_issuer, &help_issuer},
    {cmd_persister, &help_persister},
    {cmd_verify, &help_verify},
    {cmd_dead_letter, &help_dead_letter},
    {cmd_export, &help_export},
    {cmd_journal, &help_journal},
    {cmd_top, &help_top},
    {cmd_health, &help_health},
    {cmd_keygen, &help_keygen},
    {cmd_token, &help_token},
    {cmd_permissions, &help_permissions},
    {cmd_bench, &help_bench},
    {cmd_rehearse, &help_rehearse},
};
const size_t commands_count = sizeof commands / sizeof commands[0];

const struct help_option general_options[] = {
    {"--help", NULL, "prints this help; after a command, its help"},
    {"--help-config", NULL, "every option of a configuration, as a file with the defaults"},
    {"--help-config=markdown", NULL, "the same as a table"},
    {"--version", NULL, "prints the version"},
    HELP_END,
};

const struct help_option common_options[] = {HELP_CONFIG, HELP_SET, HELP_CHECK, HELP_HELP, HELP_END};
