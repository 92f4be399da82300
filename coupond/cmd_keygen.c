/* `coupond keygen FILE`: makes the secret by which the roles of one cluster know each other (cluster/secret_file). */
#include <stdio.h>
#include <stdlib.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/role.h"
#include "shared/wire/cluster_keys.h"

static const struct help_option keygen_options[] = {HELP_HELP, HELP_END};

const struct help help_keygen = {
    .name = "keygen",
    .summary = "makes the secret by which the roles of a cluster know each other",
    .words = "FILE",
    .about = "Makes FILE with 32 random bytes as hexadecimal digits: the secret of one cluster. Give a copy to every "
             "role and name it in cluster/secret_file; ZeroMQ's sockets between the roles are then encrypted, and "
             "admit nobody who does not have it. Its owner and its group may read it. A file that is there already is "
             "left as it is.",
    .options = keygen_options,
};

int cmd_keygen(int argc, char **argv)
{
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, NULL, 1, &error) != 0)
        return role_fail("keygen", &error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, &help_keygen);
        return EXIT_SUCCESS;
    }
    if (arguments.positionals_count != 1) {
        error_set(&error, "name the file to make: coupond keygen FILE");
        return role_fail("keygen", &error, EXIT_USAGE);
    }
    const char *path = arguments.positionals[0];
    if (arguments_check_path("FILE", path, &error) != 0)
        return role_fail("keygen", &error, EXIT_USAGE);
    if (cluster_secret_create(path, &error) != 0)
        return role_fail("keygen", &error, EXIT_FAILURE);
    printf("%s is made. Copy it to every machine of the cluster, readable only by the user that coupond runs as, and\n"
           "start issuer, gateways and persisters with cluster/secret_file = \"%s\".\n",
           path, path);
    return EXIT_SUCCESS;
}
