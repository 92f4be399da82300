/* `coupond issuer`: decides, one journal a partition, until SIGTERM. */
#include <stdlib.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "issuer/issuer.h"

int cmd_issuer(int argc, char **argv)
{
    struct options options;
    struct error error = {""};
    struct issuer *issuer = NULL;
    int status = role_configure("issuer", argc, argv, &options);
    if (status != ROLE_GO_ON)
        return status;
    role_begin(&options);
    if (role_make_folder("issuer/journal_dir", options.issuer_journal_dir, &error) != 0 ||
        issuer_start(&issuer, &options, &error) != 0)
        return role_fail("issuer", &error, EXIT_FAILURE);
    role_wait("issuer");
    issuer_stop(&issuer);
    return role_end("issuer");
}
