#include "coupond/token/signing_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/identity/base64url.h"

enum { MEMBER_MAX = KEY_RSA_MAX / 8, ED25519_BYTES = 32, ECDSA_BYTES = 32 };

struct signing_key {
    enum key_algorithm algorithm;
    char id[KEY_ID_MAX + 1];
    EVP_PKEY *pair; /* NULL for HS256 */
    unsigned char secret[KEY_SECRET_MAX];
    size_t secret_length;
};

/* A member of a JWK and what OpenSSL calls it. */
struct number {
    const char *member;
    const char *param;
    bool is_private;
};

static const struct number rsa_numbers[] = {
    {"n", OSSL_PKEY_PARAM_RSA_N, false},         {"e", OSSL_PKEY_PARAM_RSA_E, false},
    {"d", OSSL_PKEY_PARAM_RSA_D, true},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1, true},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2, true},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, true},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, true}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true},
};
static const struct number ec_numbers[] = {
    {"x", OSSL_PKEY_PARAM_EC_PUB_X, false},
    {"y", OSSL_PKEY_PARAM_EC_PUB_Y, false},
    {"d", OSSL_PKEY_PARAM_PRIV_KEY, true},
};
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* --- create --- */

static EVP_PKEY *generate(enum key_algorithm algorithm)
{
    if (algorithm == KEY_RS256)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)KEY_RSA_MIN);
    return algorithm == KEY_ES256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                  : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static struct signing_key *blank(enum key_algorithm algorithm, const char *id)
{
    struct signing_key *key = calloc(1, sizeof *key);
    CHECK(key != NULL && sodium_init() >= 0 && strlen(id) < sizeof key->id);
    key->algorithm = algorithm;
    snprintf(key->id, sizeof key->id, "%s", id);
    return key;
}

struct signing_key *signing_key_create(enum key_algorithm algorithm, const char *id)
{
    struct signing_key *key = blank(algorithm, id);
    if (algorithm == KEY_HS256) {
        key->secret_length = KEY_SECRET_MIN;
        randombytes_buf(key->secret, key->secret_length);
    } else {
        key->pair = generate(algorithm);
        CHECK(key->pair != NULL);
    }
    return key;
}

void signing_key_destroy(struct signing_key **key)
{
    struct signing_key *self = *key;
    if (self == NULL)
        return;
    EVP_PKEY_free(self->pair);
    sodium_memzero(self, sizeof *self);
    free(self);
    *key = NULL;
}

enum key_algorithm signing_key_algorithm(const struct signing_key *key)
{
    return key->algorithm;
}

const char *signing_key_id(const struct signing_key *key)
{
    return key->id;
}

/* --- write --- */

static void write_bytes(json_t *jwk, const char *member, const unsigned char *bytes, size_t length)
{
    char text[sodium_base64_ENCODED_LEN(MEMBER_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    sodium_bin2base64(text, sizeof text, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    CHECK(json_object_set_new(jwk, member, json_string(text)) == 0);
    sodium_memzero(text, sizeof text);
}

/* `length` is that of the result; 0: as short as possible. */
static void write_number(json_t *jwk, const EVP_PKEY *pair, const struct number *number, size_t length)
{
    unsigned char bytes[MEMBER_MAX];
    BIGNUM *value = NULL;
    CHECK(EVP_PKEY_get_bn_param(pair, number->param, &value) == 1);
    if (length == 0)
        length = (size_t)BN_num_bytes(value);
    CHECK(length <= sizeof bytes && BN_bn2binpad(value, bytes, (int)length) >= 0);
    write_bytes(jwk, number->member, bytes, length);
    BN_clear_free(value);
    sodium_memzero(bytes, sizeof bytes);
}

static void write_numbers(json_t *jwk, const EVP_PKEY *pair, const struct number *numbers, size_t count, size_t length,
                          bool with_private)
{
    for (size_t i = 0; i < count; i++) {
        if (with_private || !numbers[i].is_private)
            write_number(jwk, pair, &numbers[i], length);
    }
}

static void write_ed25519(json_t *jwk, const EVP_PKEY *pair, bool with_private)
{
    unsigned char bytes[ED25519_BYTES];
    size_t length = sizeof bytes;
    CHECK(EVP_PKEY_get_raw_public_key(pair, bytes, &length) == 1 && length == sizeof bytes);
    write_bytes(jwk, "x", bytes, length);
    if (with_private) {
        CHECK(EVP_PKEY_get_raw_private_key(pair, bytes, &length) == 1 && length == sizeof bytes);
        write_bytes(jwk, "d", bytes, length);
    }
    sodium_memzero(bytes, sizeof bytes);
}

json_t *signing_key_write(const struct signing_key *key, bool with_private)
{
    static const char *const types[] = {
        [KEY_HS256] = "oct", [KEY_RS256] = "RSA", [KEY_ES256] = "EC", [KEY_EDDSA] = "OKP"};
    if (key->algorithm == KEY_HS256 && !with_private)
        return NULL;
    json_t *jwk = json_pack("{s:s, s:s, s:s, s:s}", "kty", types[key->algorithm], "kid", key->id, "use", "sig", "alg",
                            key_algorithm_name(key->algorithm));
    CHECK(jwk != NULL);
    if (key->algorithm == KEY_HS256) {
        write_bytes(jwk, "k", key->secret, key->secret_length);
    } else if (key->algorithm == KEY_RS256) {
        write_numbers(jwk, key->pair, rsa_numbers, COUNT_OF(rsa_numbers), 0, with_private);
    } else {
        CHECK(json_object_set_new(jwk, "crv", json_string(key->algorithm == KEY_ES256 ? "P-256" : "Ed25519")) == 0);
        if (key->algorithm == KEY_ES256)
            write_numbers(jwk, key->pair, ec_numbers, COUNT_OF(ec_numbers), ECDSA_BYTES, with_private);
        else
            write_ed25519(jwk, key->pair, with_private);
    }
    return jwk;
}

/* --- read --- */

static bool read_bytes(const json_t *jwk, const char *member, unsigned char *out, size_t size, size_t *length)
{
    const json_t *value = json_object_get(jwk, member);
    return json_is_string(value) &&
           base64url_decode(json_string_value(value), json_string_length(value), out, size, length) && *length > 0;
}

static EVP_PKEY *pair_of(const char *type, OSSL_PARAM_BLD *members)
{
    EVP_PKEY *pair = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(members);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    CHECK(params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1);
    if (EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, params) != 1)
        pair = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    ERR_clear_error();
    return pair;
}

static EVP_PKEY *read_rsa(const json_t *jwk)
{
    BIGNUM *values[COUNT_OF(rsa_numbers)] = {NULL};
    OSSL_PARAM_BLD *members = OSSL_PARAM_BLD_new();
    bool whole = members != NULL;
    for (size_t i = 0; i < COUNT_OF(rsa_numbers) && whole; i++) {
        unsigned char bytes[MEMBER_MAX];
        size_t length = 0;
        whole = read_bytes(jwk, rsa_numbers[i].member, bytes, sizeof bytes, &length);
        if (whole)
            values[i] = BN_bin2bn(bytes, (int)length, NULL);
        whole = whole && OSSL_PARAM_BLD_push_BN(members, rsa_numbers[i].param, values[i]) == 1;
        sodium_memzero(bytes, sizeof bytes);
    }
    EVP_PKEY *pair = whole ? pair_of("RSA", members) : NULL;
    OSSL_PARAM_BLD_free(members);
    for (size_t i = 0; i < COUNT_OF(rsa_numbers); i++)
        BN_clear_free(values[i]);
    return pair;
}

static EVP_PKEY *read_ec(const json_t *jwk)
{
    unsigned char point[1 + 2 * ECDSA_BYTES] = {4 /* not compressed */}, d[ECDSA_BYTES];
    size_t x = 0, y = 0, length = 0;
    if (!read_bytes(jwk, "x", point + 1, ECDSA_BYTES, &x) || !read_bytes(jwk, "y", point + 33, ECDSA_BYTES, &y) ||
        !read_bytes(jwk, "d", d, sizeof d, &length) || x != ECDSA_BYTES || y != ECDSA_BYTES)
        return NULL;
    OSSL_PARAM_BLD *members = OSSL_PARAM_BLD_new();
    BIGNUM *number = BN_bin2bn(d, (int)length, NULL);
    CHECK(members != NULL && number != NULL);
    CHECK(OSSL_PARAM_BLD_push_utf8_string(members, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
          OSSL_PARAM_BLD_push_octet_string(members, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1 &&
          OSSL_PARAM_BLD_push_BN(members, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
    EVP_PKEY *pair = pair_of("EC", members);
    OSSL_PARAM_BLD_free(members);
    BN_clear_free(number);
    sodium_memzero(d, sizeof d);
    return pair;
}

static EVP_PKEY *read_ed25519(const json_t *jwk)
{
    unsigned char d[ED25519_BYTES];
    size_t length = 0;
    if (!read_bytes(jwk, "d", d, sizeof d, &length) || length != sizeof d)
        return NULL;
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, d, sizeof d);
    sodium_memzero(d, sizeof d);
    return pair;
}

static bool read_private(struct signing_key *key, const json_t *jwk)
{
    if (key->algorithm == KEY_HS256)
        return read_bytes(jwk, "k", key->secret, sizeof key->secret, &key->secret_length);
    key->pair = key->algorithm == KEY_RS256   ? read_rsa(jwk)
                : key->algorithm == KEY_ES256 ? read_ec(jwk)
                                              : read_ed25519(jwk);
    return key->pair != NULL;
}

struct signing_key *signing_key_read(const json_t *jwk, struct error *error)
{
    struct key verifying; /* checks algorithm, kid and public part as a gateway does */
    enum key_reading reading = key_read(&verifying, jwk, error);
    if (reading == KEY_SKIPPED)
        error_set(error, "is of no algorithm that tokens use (HS256, RS256, ES256, EdDSA)");
    if (reading != KEY_READ)
        return NULL;
    char id[KEY_ID_MAX + 1] = "";
    memcpy(id, verifying.id, verifying.id_length);
    struct signing_key *key = blank(verifying.algorithm, id);
    key_deinit(&verifying);
    if (!read_private(key, jwk)) {
        error_set(error, "has no private part, or one that is malformed");
        signing_key_destroy(&key);
    }
    return key;
}

/* --- sign --- */

static size_t sign_hs256(const struct signing_key *key, struct span message, unsigned char *signature)
{
    size_t length = 0;
    CHECK(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key->secret, key->secret_length,
                    (const unsigned char *)message.at, message.length, signature, SIGNATURE_BYTES_MAX,
                    &length) != NULL);
    return length;
}

/* From OpenSSL's DER to r and s (RFC 7518 §3.4). */
static size_t join(const unsigned char *der, size_t length, unsigned char *signature)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    CHECK(pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, ECDSA_BYTES) == ECDSA_BYTES &&
          BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + ECDSA_BYTES, ECDSA_BYTES) == ECDSA_BYTES);
    ECDSA_SIG_free(pair);
    return 2 * ECDSA_BYTES;
}

size_t signing_key_sign(const struct signing_key *key, struct span message,
                        unsigned char signature[SIGNATURE_BYTES_MAX])
{
    unsigned char der[SIGNATURE_BYTES_MAX];
    size_t length = sizeof der;
    if (key->algorithm == KEY_HS256)
        return sign_hs256(key, message, signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *digest = key->algorithm == KEY_EDDSA ? NULL : "SHA256";
    CHECK(context != NULL && EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key->pair, NULL) == 1);
    CHECK(EVP_DigestSign(context, der, &length, (const unsigned char *)message.at, message.length) == 1);
    EVP_MD_CTX_free(context);
    if (key->algorithm == KEY_ES256)
        return join(der, length, signature);
    memcpy(signature, der, length);
    return length;
}
