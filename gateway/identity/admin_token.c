#include "gateway/identity/admin_token.h"

#include <sodium.h>

#include "shared/error.h"

static void hash_of(const struct admin_token *admin, struct span token, unsigned char out[32])
{
    CHECK(crypto_generichash(out, 32, (const unsigned char *)token.at, token.length, admin->key, sizeof admin->key) ==
          0);
}

void admin_token_init(struct admin_token *admin, const char *token)
{
    CHECK(sodium_init() >= 0);
    *admin = (struct admin_token){.required = token[0] != '\0'};
    randombytes_buf(admin->key, sizeof admin->key);
    hash_of(admin, (struct span){token, strlen(token)}, admin->hash);
}

enum admin_verdict admin_token_check(const struct admin_token *admin, struct span authorization)
{
    static const char scheme[] = "Bearer ";
    unsigned char hash[32];
    if (!admin->required)
        return ADMIN_ALLOWED;
    if (authorization.at == NULL || authorization.length < sizeof scheme ||
        strncasecmp(authorization.at, scheme, sizeof scheme - 1) != 0)
        return ADMIN_MISSING;
    authorization.at += sizeof scheme - 1;
    authorization.length -= sizeof scheme - 1;
    hash_of(admin, span_trim(authorization), hash);
    return sodium_memcmp(hash, admin->hash, sizeof hash) == 0 ? ADMIN_ALLOWED : ADMIN_WRONG;
}
