#include "coupond/token/options.h"

#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "gateway/identity/grant.h"
#include "shared/coupon.h"

#define EXPIRES_S_MAX INT64_C(3153600000) /* a hundred years */
#define COUNT_DIGITS  9                   /* "-" and up to 8 digits after a user */

const struct help_option token_help_options[] = {
    {"--new-keys", "FILE", "creates FILE with a new key as a JWK set, for --keys and gateway/jwk_set_file"},
    {"--alg", "ALGORITHM", "of the new key: HS256, RS256, ES256 or EdDSA; ES256 if it is missing"},
    {"--keys", "FILE", "signs with a key of this JWK set"},
    {"--kid", "ID", "kid of the new key (otherwise random), or of the key to sign with (otherwise the first)"},
    {"--public", NULL, "prints the public parts of the keys of --keys as a JWK set"},
    {"--user", "USER", "sub of the token; with --count the beginning of all users, otherwise \"user\""},
    {"--role", "ROLES", "its roles, separated by commas: user, seller, service, viewer, admin; user if it is missing"},
    {"--segment", "NAMES", "the segments that the user is in, separated by commas"},
    {"--expires", "TIME", "how long the token is valid, such as 90s, 15m, 1h or 30d; 1h if it is missing"},
    {"--issuer", "TEXT", "its iss"},
    {"--audience", "TEXT", "its aud"},
    {"--count", "N", "prints N tokens, one per line, of USER-0, USER-1 and so on, for load tests"},
    HELP_HELP,
    HELP_END,
};

/* A number and a unit: s, m, h or d. */
static int read_expires(const char *text, int64_t *seconds, struct error *error)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t number = 0;
    size_t digits = span_decimal((struct span){text, strlen(text)}, (uint64_t)EXPIRES_S_MAX, &number);
    for (size_t i = 0; i < sizeof units / sizeof *units && digits > 0; i++) {
        if (text[digits] != units[i].unit || text[digits + 1] != '\0' ||
            (int64_t)number > EXPIRES_S_MAX / units[i].seconds)
            continue;
        *seconds = (int64_t)number * units[i].seconds;
        return 0;
    }
    return error_set(error, "--expires: %s is no time such as 90s, 15m, 1h or 30d, up to 100 years", text);
}

static int read_count(const char *text, uint32_t *count, struct error *error)
{
    uint64_t number = 0;
    size_t length = strlen(text);
    if (span_decimal((struct span){text, length}, TOKEN_COUNT_MAX, &number) != length || number == 0)
        return error_set(error, "--count: %s is not a number from 1 to %d", text, TOKEN_COUNT_MAX);
    *count = (uint32_t)number;
    return 0;
}

/* -1 unless all names are roles. */
static int check_roles(const char *roles, struct error *error)
{
    while (roles != NULL) {
        size_t length = strcspn(roles, ",");
        if (grant_role_find((struct span){roles, length}) == 0)
            return error_set(error, "--role: %.*s is none of user, seller, service, viewer, admin", (int)length, roles);
        roles = roles[length] == ',' ? roles + length + 1 : NULL;
    }
    return 0;
}

static int read_algorithm(const char *name, enum key_algorithm *algorithm, struct error *error)
{
    *algorithm = name == NULL ? KEY_ES256 : key_algorithm_find((struct span){name, strlen(name)});
    return *algorithm != KEY_ALGORITHM_COUNT
               ? 0
               : error_set(error, "--alg: %s is none of HS256, RS256, ES256, EdDSA", name);
}

/* What --keys is for. */
static int check_signing(struct token_options *options, struct error *error)
{
    if (options->print_public)
        return 0;
    if (options->count > 0 && options->user == NULL)
        options->user = "user";
    if (options->user == NULL)
        return error_set(error, "name the user whose token to sign: --user USER; or --public");
    size_t room = options->count > 0 ? COUNT_DIGITS : 0;
    if (!user_id_valid(options->user, strlen(options->user)) || strlen(options->user) + room > USER_ID_MAX)
        return error_set(error, "--user: expected 1 to %zu of A-Z a-z 0-9 - _ . : @", (size_t)USER_ID_MAX - room);
    return check_roles(options->roles, error);
}

static int check(struct token_options *options, struct error *error)
{
    const char *path = options->new_keys != NULL ? options->new_keys : options->keys;
    if ((options->new_keys == NULL) == (options->keys == NULL))
        return error_set(error, "name either the file of a new key, --new-keys FILE, or that of the key to sign with, "
                                "--keys FILE");
    if (options->id != NULL && strlen(options->id) > KEY_ID_MAX)
        return error_set(error, "--kid: expected 1 to %d bytes", KEY_ID_MAX);
    if (arguments_check_path(options->new_keys != NULL ? "--new-keys" : "--keys", path, error) != 0)
        return -1;
    return options->keys != NULL ? check_signing(options, error) : 0;
}

int token_options_parse(struct token_options *options, int argc, char **argv, struct error *error)
{
    struct arguments arguments;
    const char *algorithm = NULL, *expires = NULL, *count = NULL;
    *options = (struct token_options){0};
    const struct argument own[] = {
        {"--new-keys", &options->new_keys, NULL, NULL},
        {"--alg", &algorithm, NULL, NULL},
        {"--keys", &options->keys, NULL, NULL},
        {"--kid", &options->id, NULL, NULL},
        {"--public", NULL, &options->print_public, NULL},
        {"--user", &options->user, NULL, NULL},
        {"--role", &options->roles, NULL, NULL},
        {"--segment", &options->segments, NULL, NULL},
        {"--expires", &expires, NULL, NULL},
        {"--issuer", &options->issuer, NULL, NULL},
        {"--audience", &options->audience, NULL, NULL},
        {"--count", &count, NULL, NULL},
        {NULL, NULL, NULL, NULL},
    };
    if (arguments_parse(&arguments, argc, argv, own, 0, error) != 0)
        return -1;
    options->help = arguments.help;
    if (options->help)
        return 0;
    if (read_algorithm(algorithm, &options->algorithm, error) != 0 ||
        read_expires(expires == NULL ? "1h" : expires, &options->expires_s, error) != 0 ||
        (count != NULL && read_count(count, &options->count, error) != 0))
        return -1;
    if (algorithm != NULL && options->new_keys == NULL)
        return error_set(error, "--alg is for --new-keys; a key has its algorithm");
    return check(options, error);
}
