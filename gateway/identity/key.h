/*
 * A key that verifies tokens, from a JWK (RFC 7517). The key fixes the algorithm; a token only names it. Of a private
 * key only the public part is kept. Pure.
 */
#ifndef COUPOND_IDENTITY_KEY_H
#define COUPOND_IDENTITY_KEY_H

#include <jansson.h>
#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "shared/error.h"

/* X(id, name in `alg`, kty, crv) */
#define KEY_ALGORITHM_TABLE(X)                                                                                         \
    X(HS256, "HS256", "oct", NULL)                                                                                     \
    X(RS256, "RS256", "RSA", NULL)                                                                                     \
    X(ES256, "ES256", "EC", "P-256")                                                                                   \
    X(EDDSA, "EdDSA", "OKP", "Ed25519")

enum key_algorithm {
#define X(id, name, kty, crv) KEY_##id,
    KEY_ALGORITHM_TABLE(X)
#undef X
        KEY_ALGORITHM_COUNT
};

#define KEY_ID_MAX     128 /* bytes of a kid */
#define KEY_SECRET_MIN 32  /* bytes of an HS256 key (RFC 7518 §3.2) */
#define KEY_SECRET_MAX 512
#define KEY_RSA_MIN    2048 /* bits */
#define KEY_RSA_MAX    8192

struct key {
    enum key_algorithm algorithm;
    size_t id_length; /* 0: it has no kid */
    char id[KEY_ID_MAX];
    EVP_PKEY *public_key; /* NULL for HS256 */
    size_t secret_length; /* of HS256 */
    unsigned char secret[KEY_SECRET_MAX];
};

const char *key_algorithm_name(enum key_algorithm algorithm);
/* KEY_ALGORITHM_COUNT for other names. */
enum key_algorithm key_algorithm_find(struct span name);

enum key_reading {
    KEY_READ,    /* the caller ends it with key_deinit() */
    KEY_SKIPPED, /* not for verifying, or of a type or an algorithm that tokens here do not use */
    KEY_INVALID, /* `error` says why */
};

enum key_reading key_read(struct key *key, const json_t *jwk, struct error *error);
/* Forgets the secret. */
void key_deinit(struct key *key);

#endif
