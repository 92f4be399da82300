/* `coupond persister`: writes to the store, until SIGTERM. */
#include <stdlib.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "persister/persister.h"

int cmd_persister(int argc, char **argv)
{
    struct options options;
    struct error error = {""};
    struct persister *persister = NULL;
    int status = role_configure("persister", argc, argv, &options);
    if (status != ROLE_GO_ON)
        return status;
    role_begin(&options);
    if (persister_start(&options, &persister, &error) != 0)
        return role_start_failed("persister", &error);
    role_wait("persister", persister_ready, persister);
    persister_stop(&persister);
    return role_end("persister");
}
