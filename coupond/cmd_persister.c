/* `coupond persister`: writes to the store, until SIGTERM. */
#include <stdlib.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "persister/persister.h"

static const struct help_option persister_options[] = {HELP_CONFIG, HELP_SET, HELP_CHECK, HELP_HELP, HELP_END};

const struct help help_persister = {
    .name = "persister",
    .summary = "writes what was decided to the database",
    .about = ROLE_ABOUT("Writes to the store"),
    .options = persister_options,
};

int cmd_persister(int argc, char **argv)
{
    struct options options;
    struct error error = {""};
    struct persister *persister = NULL;
    int status = role_configure(&help_persister, argc, argv, NULL, &options);
    if (status != ROLE_GO_ON)
        return status;
    role_begin(&options);
    if (persister_start(&options, &persister, &error) != 0)
        return role_start_failed("persister", &error);
    role_wait("persister", persister_ready, persister);
    persister_stop(&persister);
    return role_end("persister");
}
