#include "gateway/identity/verifier.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

enum {
    SHA256_BYTES = 32,
    ES256_BYTES = 64,  /* r and s (RFC 7518 §3.4) */
    ES256_DER_MAX = 72 /* SEQUENCE of two INTEGERs of up to 33 bytes */
};

static const unsigned char *bytes(struct span span)
{
    return (const unsigned char *)span.at;
}

/* --- preparation --- */

static void prepare_mac(struct verifier *verifier)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    CHECK(mac != NULL);
    verifier->mac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    CHECK(verifier->mac != NULL && EVP_MAC_CTX_set_params(verifier->mac, params) == 1);
}

static void prepare_context(struct verifier *verifier, const struct key *key)
{
    verifier->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    verifier->context = EVP_PKEY_CTX_new_from_pkey(NULL, key->public_key, NULL);
    CHECK(verifier->digest != NULL && verifier->context != NULL && EVP_PKEY_verify_init(verifier->context) == 1);
    if (key->algorithm == KEY_RS256)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(verifier->context, RSA_PKCS1_PADDING) == 1);
    CHECK(EVP_PKEY_CTX_set_signature_md(verifier->context, verifier->digest) == 1);
}

/* --- algorithms --- */

static bool check_mac(struct verifier *verifier, const struct key *key, struct span message, struct span signature)
{
    unsigned char mac[SHA256_BYTES];
    size_t length = 0;
    if (verifier->mac == NULL)
        prepare_mac(verifier);
    /* OpenSSL before 3.0.3 does not begin anew without the key. */
    CHECK(EVP_MAC_init(verifier->mac, key->secret, key->secret_length, NULL) == 1);
    CHECK(EVP_MAC_update(verifier->mac, bytes(message), message.length) == 1);
    CHECK(EVP_MAC_final(verifier->mac, mac, &length, sizeof mac) == 1 && length == sizeof mac);
    return signature.length == sizeof mac && CRYPTO_memcmp(mac, signature.at, sizeof mac) == 0;
}

static bool check_digest(struct verifier *verifier, const struct key *key, struct span message, struct span signature)
{
    unsigned char digest[SHA256_BYTES];
    if (verifier->context == NULL)
        prepare_context(verifier, key);
    CHECK(EVP_Digest(message.at, message.length, digest, NULL, verifier->digest, NULL) == 1);
    return EVP_PKEY_verify(verifier->context, bytes(signature), signature.length, digest, sizeof digest) == 1;
}

/* Appends an INTEGER of 32 bytes: without leading zeros, but not negative. Returns its end. */
static unsigned char *put_integer(unsigned char *at, const unsigned char *number)
{
    size_t length = 32;
    while (length > 1 && number[0] == 0) {
        number++;
        length--;
    }
    size_t zero = number[0] >= 0x80;
    at[0] = 0x02;
    at[1] = (unsigned char)(length + zero);
    at[2] = 0;
    memcpy(at + 2 + zero, number, length);
    return at + 2 + zero + length;
}

static bool check_ecdsa(struct verifier *verifier, const struct key *key, struct span message, struct span signature)
{
    unsigned char der[ES256_DER_MAX];
    if (signature.length != ES256_BYTES)
        return false;
    unsigned char *end = put_integer(put_integer(der + 2, bytes(signature)), bytes(signature) + ES256_BYTES / 2);
    der[0] = 0x30;
    der[1] = (unsigned char)(end - der - 2);
    return check_digest(verifier, key, message, (struct span){(const char *)der, (size_t)(end - der)});
}

static bool check_eddsa(struct verifier *verifier, const struct key *key, struct span message, struct span signature)
{
    if (verifier->message == NULL)
        verifier->message = EVP_MD_CTX_new();
    CHECK(verifier->message != NULL && EVP_MD_CTX_reset(verifier->message) == 1);
    CHECK(EVP_DigestVerifyInit(verifier->message, NULL, NULL, NULL, key->public_key) == 1);
    return EVP_DigestVerify(verifier->message, bytes(signature), signature.length, bytes(message), message.length) == 1;
}

bool verifier_check(struct verifier *verifier, const struct key *key, struct span message, struct span signature)
{
    static bool (*const checks[KEY_ALGORITHM_COUNT])(struct verifier *, const struct key *, struct span,
                                                     struct span) = {
        [KEY_HS256] = check_mac, [KEY_RS256] = check_digest, [KEY_ES256] = check_ecdsa, [KEY_EDDSA] = check_eddsa};
    bool valid = checks[key->algorithm](verifier, key, message, signature);
    if (!valid)
        ERR_clear_error();
    return valid;
}

void verifier_deinit(struct verifier *verifier)
{
    EVP_MAC_CTX_free(verifier->mac);
    EVP_PKEY_CTX_free(verifier->context);
    EVP_MD_CTX_free(verifier->message);
    EVP_MD_free(verifier->digest);
    *verifier = (struct verifier){0};
}
