/* `coupond keygen FILE`: creates the shared secret of a cluster's roles (cluster/secret_file). */
#include <stdio.h>
#include <stdlib.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/role.h"
#include "shared/wire/cluster_keys.h"

static const struct help_option keygen_options[] = {HELP_HELP, HELP_END};

const struct help help_keygen = {
    .name = "keygen",
    .summary = "creates the shared secret of a cluster's roles",
    .words = "FILE",
    .about = "Creates FILE with 32 random bytes as hexadecimal digits: the secret of one cluster. Give a copy to every "
             "role and name it in cluster/secret_file; the ZeroMQ connections between the roles are then encrypted, "
             "and peers without the secret are refused. Owner and group may read the file. An existing file is not "
             "changed.",
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
        error_set(&error, "name the file to create: coupond keygen FILE");
        return role_fail("keygen", &error, EXIT_USAGE);
    }
    const char *path = arguments.positionals[0];
    if (arguments_check_path("FILE", path, &error) != 0)
        return role_fail("keygen", &error, EXIT_USAGE);
    if (cluster_secret_create(path, &error) != 0)
        return role_fail("keygen", &error, EXIT_FAILURE);
    printf("Created %s, readable by its owner and group. Copy it to every machine of the cluster with the same\n"
           "permissions, and start issuer, gateways and persisters with cluster/secret_file = \"%s\".\n",
           path, path);
    return EXIT_SUCCESS;
}
