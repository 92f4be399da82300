/* Checks the options of identity: sources of keys, and the claims of tokens. */
#include <string.h>
#include <strings.h>

#include "shared/options/options.h"
#include "shared/options/rows.h"

static bool names_key_source(const struct options *options)
{
    return options->gateway_jwk_set_file[0] != '\0' || options->gateway_jwk_set_url[0] != '\0' ||
           options->gateway_api_keys_file[0] != '\0' || options->gateway_admin_token[0] != '\0';
}

/* Encrypted, or on this machine; without user and password, which logs would show. */
static bool is_trustworthy_url(const char *url)
{
    static const char *const beginnings[] = {"https://", "http://127.0.0.1", "http://localhost", "http://[::1]"};
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && rest == NULL; i++) {
        size_t length = strlen(beginnings[i]);
        if (strncasecmp(url, beginnings[i], length) == 0)
            rest = url + length;
    }
    if (rest == NULL || strchr(url, '@') != NULL || strpbrk(url, " \t\\") != NULL)
        return false;
    bool encrypted = strncasecmp(url, "https:", 6) == 0;
    return encrypted ? *rest != '\0' && *rest != '/' : *rest == '\0' || *rest == ':' || *rest == '/';
}

static int check_key_url(const struct options *options, struct error *error)
{
    const char *url = options->gateway_jwk_set_url;
    if (url[0] == '\0')
        return options->gateway_jwk_set_ca[0] == '\0'
                   ? 0
                   : error_set(error, "gateway/jwk_set_ca is set, but gateway/jwk_set_url is not");
    if (options->gateway_jwk_set_file[0] != '\0')
        return error_set(error, "gateway/jwk_set_file and gateway/jwk_set_url are both set; set one of them");
    if (!is_trustworthy_url(url))
        return error_set(error, "gateway/jwk_set_url: expected https://HOST/PATH, or http:// to 127.0.0.1, [::1] or "
                                "localhost, without a user and a password");
    return 0;
}

static int check_claims(const struct options *options, struct error *error)
{
    const char *const claims[] = {options->gateway_token_user_claim, options->gateway_token_roles_claim,
                                  options->gateway_token_segments_claim};
    if (strcmp(claims[0], claims[1]) == 0 || strcmp(claims[0], claims[2]) == 0 || strcmp(claims[1], claims[2]) == 0)
        return error_set(error, "gateway/token_user_claim, token_roles_claim and token_segments_claim must differ");
    return 0;
}

/* A copied address may have a user, a password or a token in it, which logs would show. */
static int check_texts(const struct options *options, struct error *error)
{
    const struct {
        const char *option, *value;
    } rows[] = {{"token_issuer", options->gateway_token_issuer},
                {"token_audience", options->gateway_token_audience},
                {"token_user_claim", options->gateway_token_user_claim},
                {"token_roles_claim", options->gateway_token_roles_claim},
                {"token_segments_claim", options->gateway_token_segments_claim}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strpbrk(rows[i].value, "@?#") != NULL)
            return error_set(error, "gateway/%s: expected a name, or a URL without user, password and query",
                             rows[i].option);
    }
    return 0;
}

int option_check_identity(const struct options *options, struct error *error)
{
    bool on = strcmp(options->gateway_identity, "on") == 0;
    if (on && !names_key_source(options))
        return error_set(error,
                         "gateway/identity is on, but no key could verify anybody; set gateway/jwk_set_file, "
                         "gateway/jwk_set_url, gateway/api_keys_file or gateway/admin_token (coupond token makes "
                         "keys and tokens for tests)");
    if (!on && (options->gateway_jwk_set_file[0] != '\0' || options->gateway_jwk_set_url[0] != '\0' ||
                options->gateway_api_keys_file[0] != '\0'))
        return error_set(error,
                         "keys are set for tokens or API keys, but gateway/identity is off, so that nobody would "
                         "be asked for them; set gateway/identity to on");
    if (check_key_url(options, error) != 0 || check_claims(options, error) != 0)
        return -1;
    return check_texts(options, error);
}
