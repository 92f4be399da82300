/* `coupond keygen`: creates the shared secret of a cluster's roles (cluster/secret_file), or an API key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/role.h"
#include "gateway/identity/api_keys.h"
#include "gateway/identity/grant.h"
#include "shared/wire/cluster_keys.h"

static const struct help_option keygen_options[] = {
    {"--api-key", "NAME", "prints a new API key, and its row for gateway/api_keys_file"},
    {"--role", "ROLE", "of the API key: user, seller, service, viewer or admin; service if it is missing"},
    HELP_HELP,
    HELP_END,
};

const struct help help_keygen = {
    .name = "keygen",
    .summary = "creates the shared secret of a cluster's roles, or an API key",
    .words = "FILE",
    .instead = "--api-key NAME [--role ROLE]",
    .about = "Creates FILE with 32 random bytes as hexadecimal digits: the secret of one cluster. Give a copy to every "
             "role and name it in cluster/secret_file; the ZeroMQ connections between the roles are then encrypted, "
             "and peers without the secret are refused. Owner and group may read the file. An existing file is not "
             "changed.\n\n"
             "With --api-key, prints a key for a service, which is shown only once, and on the next line the row for "
             "gateway/api_keys_file, which has only its hash. Clients send the key as Authorization: Bearer KEY.",
    .options = keygen_options,
};

static int create_secret(const char *path, struct error *error)
{
    if (cluster_secret_create(path, error) != 0)
        return -1;
    printf("Created %s, readable by its owner and group. Copy it to every machine of the cluster with the same\n"
           "permissions, and start issuer, gateways and persisters with cluster/secret_file = \"%s\".\n",
           path, path);
    return 0;
}

/* The key is on the first line and its row on the second one, so that scripts can read them. */
static void create_api_key(const char *name, const char *role)
{
    char key[API_KEY_LENGTH + 1], hash[API_KEY_HASH_LENGTH + 1];
    api_key_create(key);
    api_key_hash((struct span){key, API_KEY_LENGTH}, hash);
    printf("%s\n%s %s %s\n", key, name, role, hash);
}

static int check_api_key(const char *name, const char *role, struct error *error)
{
    if (!api_key_name_valid((struct span){name, strlen(name)}))
        return error_set(error, "--api-key: expected a name of 1 to %d of A-Z a-z 0-9 - _ . : @, and not admin",
                         API_KEY_NAME_MAX);
    if (grant_role_find((struct span){role, strlen(role)}) == 0)
        return error_set(error, "--role: %s is none of user, seller, service, viewer, admin", role);
    return 0;
}

/* Either a file or an API key is asked for. */
static int check_request(const struct arguments *arguments, const char *name, const char *role, struct error *error)
{
    if (name != NULL && arguments->positionals_count > 0)
        return error_set(error, "give either FILE or --api-key, not both: an API key is printed");
    if (name == NULL && arguments->positionals_count == 0)
        return error_set(error, "FILE is missing: the file to create; or give --api-key NAME");
    if (name == NULL && role != NULL)
        return error_set(error, "--role is for --api-key");
    return name == NULL ? arguments_check_path("FILE", arguments->positionals[0], error) : 0;
}

int cmd_keygen(int argc, char **argv)
{
    struct arguments arguments;
    struct error error = {""};
    const char *name = NULL, *role = NULL;
    const struct argument own[] = {
        {"--api-key", &name, NULL, NULL}, {"--role", &role, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    if (arguments_parse(&arguments, argc, argv, own, 1, &error) != 0)
        return role_fail("keygen", &error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, &help_keygen);
        return EXIT_SUCCESS;
    }
    if (check_request(&arguments, name, role, &error) != 0)
        return role_fail("keygen", &error, EXIT_USAGE);
    if (name == NULL)
        return create_secret(arguments.positionals[0], &error) == 0 ? EXIT_SUCCESS
                                                                    : role_fail("keygen", &error, EXIT_FAILURE);
    role = role == NULL ? "service" : role;
    if (check_api_key(name, role, &error) != 0)
        return role_fail("keygen", &error, EXIT_USAGE);
    create_api_key(name, role);
    return EXIT_SUCCESS;
}
