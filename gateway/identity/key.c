#include "gateway/identity/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <string.h>

#include "gateway/identity/base64url.h"

static const struct algorithm_row {
    const char *name;
    const char *type;
    const char *curve; /* NULL: the type has none */
} algorithms[KEY_ALGORITHM_COUNT] = {
#define X(id, name, kty, crv) [KEY_##id] = {name, kty, crv},
    KEY_ALGORITHM_TABLE(X)
#undef X
};

const char *key_algorithm_name(enum key_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

enum key_algorithm key_algorithm_find(struct span name)
{
    unsigned i = 0;
    while (i < KEY_ALGORITHM_COUNT && !span_equals(name, (struct span){algorithms[i].name, strlen(algorithms[i].name)}))
        i++;
    return (enum key_algorithm)i;
}

/* --- members --- */

/* NULL when the member is missing or no string. */
static const char *text_of(const json_t *jwk, const char *name)
{
    return json_string_value(json_object_get(jwk, name));
}

static bool decode_member(const json_t *jwk, const char *name, unsigned char *out, size_t size, size_t *length)
{
    const json_t *value = json_object_get(jwk, name);
    return json_is_string(value) &&
           base64url_decode(json_string_value(value), json_string_length(value), out, size, length) && *length > 0;
}

static bool lists_verify(const json_t *operations)
{
    size_t i;
    const json_t *value;
    json_array_foreach(operations, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), "verify") == 0)
            return true;
    }
    return false;
}

/* `use` and `key_ops`, if they are there. */
static bool is_for_signatures(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    if (use != NULL && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
        return false;
    return operations == NULL || lists_verify(operations);
}

/* The algorithm that type and curve allow, if `alg` does not name another. */
static enum key_algorithm algorithm_of(const json_t *jwk)
{
    const char *type = text_of(jwk, "kty"), *curve = text_of(jwk, "crv");
    const json_t *named = json_object_get(jwk, "alg");
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT && type != NULL; i++) {
        const struct algorithm_row *row = &algorithms[i];
        if (strcmp(type, row->type) != 0 || (row->curve != NULL && (curve == NULL || strcmp(curve, row->curve) != 0)))
            continue;
        bool fits = named == NULL || (json_is_string(named) && strcmp(json_string_value(named), row->name) == 0);
        return fits ? (enum key_algorithm)i : KEY_ALGORITHM_COUNT;
    }
    return KEY_ALGORITHM_COUNT;
}

static int read_id(struct key *key, const json_t *jwk, struct error *error)
{
    const json_t *id = json_object_get(jwk, "kid");
    if (id == NULL)
        return 0;
    if (!json_is_string(id) || json_string_length(id) == 0 || json_string_length(id) > KEY_ID_MAX)
        return error_set(error, "kid must be a string of 1 to %d bytes", KEY_ID_MAX);
    key->id_length = json_string_length(id);
    memcpy(key->id, json_string_value(id), key->id_length);
    return 0;
}

/* --- types --- */

static EVP_PKEY *public_key_of(const char *type, OSSL_PARAM_BLD *members)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(members);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    CHECK(params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1);
    if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    context = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context == NULL || EVP_PKEY_public_check(context) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}

static int read_oct(struct key *key, const json_t *jwk, struct error *error)
{
    if (!decode_member(jwk, "k", key->secret, sizeof key->secret, &key->secret_length) ||
        key->secret_length < KEY_SECRET_MIN)
        return error_set(error, "k must be %d to %d bytes in base64url", KEY_SECRET_MIN, KEY_SECRET_MAX);
    return 0;
}

static int read_rsa(struct key *key, const json_t *jwk, struct error *error)
{
    unsigned char n[KEY_RSA_MAX / 8], e[8];
    size_t n_length = 0, e_length = 0;
    if (!decode_member(jwk, "n", n, sizeof n, &n_length) || !decode_member(jwk, "e", e, sizeof e, &e_length))
        return error_set(error, "n and e must be numbers of up to %d and 64 bits in base64url", KEY_RSA_MAX);
    OSSL_PARAM_BLD *members = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, (int)n_length, NULL), *exponent = BN_bin2bn(e, (int)e_length, NULL);
    CHECK(members != NULL && modulus != NULL && exponent != NULL);
    CHECK(OSSL_PARAM_BLD_push_BN(members, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
          OSSL_PARAM_BLD_push_BN(members, OSSL_PKEY_PARAM_RSA_E, exponent) == 1);
    bool sound =
        BN_num_bits(modulus) >= KEY_RSA_MIN && BN_is_odd(modulus) && BN_is_odd(exponent) && BN_num_bits(exponent) >= 2;
    key->public_key = sound ? public_key_of("RSA", members) : NULL;
    OSSL_PARAM_BLD_free(members);
    BN_free(modulus);
    BN_free(exponent);
    if (key->public_key == NULL)
        return error_set(error, "an RSA key needs an odd modulus of %d to %d bits and an odd exponent from 3",
                         KEY_RSA_MIN, KEY_RSA_MAX);
    return 0;
}

static int read_ec(struct key *key, const json_t *jwk, struct error *error)
{
    unsigned char point[65] = {4 /* not compressed */};
    size_t x = 0, y = 0;
    if (!decode_member(jwk, "x", point + 1, 32, &x) || !decode_member(jwk, "y", point + 33, 32, &y) || x != 32 ||
        y != 32)
        return error_set(error, "x and y must be 32 bytes each in base64url");
    OSSL_PARAM_BLD *members = OSSL_PARAM_BLD_new();
    CHECK(members != NULL);
    CHECK(OSSL_PARAM_BLD_push_utf8_string(members, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
          OSSL_PARAM_BLD_push_octet_string(members, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1);
    key->public_key = public_key_of("EC", members);
    OSSL_PARAM_BLD_free(members);
    return key->public_key != NULL ? 0 : error_set(error, "x and y are no point of P-256");
}

static int read_okp(struct key *key, const json_t *jwk, struct error *error)
{
    unsigned char x[32];
    size_t length = 0;
    if (!decode_member(jwk, "x", x, sizeof x, &length) || length != sizeof x)
        return error_set(error, "x must be 32 bytes in base64url");
    key->public_key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x, sizeof x);
    ERR_clear_error();
    return key->public_key != NULL ? 0 : error_set(error, "x is no Ed25519 key");
}

enum key_reading key_read(struct key *key, const json_t *jwk, struct error *error)
{
    static int (*const readers[KEY_ALGORITHM_COUNT])(struct key *, const json_t *, struct error *) = {
        [KEY_HS256] = read_oct, [KEY_RS256] = read_rsa, [KEY_ES256] = read_ec, [KEY_EDDSA] = read_okp};
    memset(key, 0, sizeof *key);
    if (!json_is_object(jwk)) {
        error_set(error, "must be a JSON object");
        return KEY_INVALID;
    }
    key->algorithm = algorithm_of(jwk);
    if (key->algorithm == KEY_ALGORITHM_COUNT || !is_for_signatures(jwk))
        return KEY_SKIPPED;
    if (read_id(key, jwk, error) == 0 && readers[key->algorithm](key, jwk, error) == 0)
        return KEY_READ;
    key_deinit(key);
    return KEY_INVALID;
}

void key_deinit(struct key *key)
{
    EVP_PKEY_free(key->public_key);
    key->public_key = NULL;
    sodium_memzero(key->secret, sizeof key->secret);
}
