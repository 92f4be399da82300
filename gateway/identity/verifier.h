/*
 * Checks signatures with one key. Contexts of OpenSSL are prepared once and used again. Owned by one thread; the key is
 * shared.
 */
#ifndef COUPOND_IDENTITY_VERIFIER_H
#define COUPOND_IDENTITY_VERIFIER_H

#include <stdbool.h>

#include "gateway/identity/key.h"

/* All zeros: not prepared yet, which the first check does. */
struct verifier {
    EVP_MAC_CTX *mac;      /* HS256 */
    EVP_PKEY_CTX *context; /* RS256, ES256 */
    EVP_MD_CTX *message;   /* EdDSA */
    EVP_MD *digest;        /* SHA-256 */
};

/* `key` must be the same in every call. */
bool verifier_check(struct verifier *verifier, const struct key *key, struct span message, struct span signature);
void verifier_deinit(struct verifier *verifier);

#endif
