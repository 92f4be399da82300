/* JWK sets: which keys are used, skipped and refused; and the keys that coupond token makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "gateway/identity/verifier.h"
#include "tests/unit/gateway/identity/signed_tokens.h"

#define SECRET "\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"" /* 32 bytes */
#define OCT    "\"kty\":\"oct\"," SECRET

/* --- helpers --- */

static struct error error;

static struct key_set *parse_as(const char *text, enum key_set_origin origin)
{
    error.text[0] = '\0';
    return key_set_parse((struct span){text, strlen(text)}, origin, &error);
}

/* The number of usable keys; -1 when the set is refused, which has a reason. */
static int count_of(const char *text)
{
    struct key_set *set = parse_as(text, KEY_SET_FILE);
    int count = set == NULL ? -1 : (int)key_set_count(set);
    assert_int_equal(set == NULL, error.text[0] != '\0');
    key_set_destroy(&set);
    return count;
}

/* The same for one JWK beside a usable key. */
static int count_with(const char *jwk)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"keys\":[{" OCT ",\"kid\":\"usable\"},%s]}", jwk);
    return count_of(text);
}

/* --- tests --- */

static void the_keys_of_each_algorithm_are_read(void **state)
{
    (void)state;
    struct key_set *set = key_set_of_all();
    assert_int_equal(key_set_count(set), KEY_ALGORITHM_COUNT);
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        const char *name = key_algorithm_name((enum key_algorithm)i);
        int index = key_set_find(set, (struct span){name, strlen(name)});
        assert_true(index >= 0);
        assert_int_equal(key_set_at(set, (unsigned)index)->algorithm, i);
        assert_int_equal(key_set_find_only(set, (enum key_algorithm)i), index);
    }
    assert_int_equal(key_set_find(set, SPAN_LITERAL("none")), KEY_SET_NONE);
    assert_int_equal(key_set_find(set, SPAN_LITERAL("")), KEY_SET_NONE);
    key_set_destroy(&set);
}

static void what_is_no_set_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"keys\":{}}",
        "{\"keys\":[]}",
        "{\"keys\":[{" OCT "}]",
        "{\"keys\":[7]}",
        "{\"keys\":[{" OCT "}],\"keys\":[]}",
        "{\"keys\":[{" OCT "," SECRET "}]}",
        "not json",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(count_of(texts[i]), -1);
    assert_int_equal(count_of("{\"keys\":[{" OCT "}]}"), 1);
    assert_int_equal(count_of("{\"keys\":[{" OCT "}],\"more\":1}"), 1);
}

static void the_error_does_not_quote_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"hush-hush\"}]}", "{\"keys\": hush-hush}",
                                        "{\"keys\":[{\"kid\":\"hush-hush\",\"kty\":\"RSA\",\"n\":\"hush-hush\"}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(count_of(texts[i]), -1);
        assert_null(strstr(error.text, "hush"));
    }
}

static void keys_for_other_purposes_are_skipped(void **state)
{
    (void)state;
    static const char *const skipped[] = {
        "{" OCT ",\"use\":\"enc\"}",
        "{" OCT ",\"use\":7}",
        "{" OCT ",\"key_ops\":[\"sign\"]}",
        "{" OCT ",\"key_ops\":[]}",
        "{" OCT ",\"key_ops\":\"verify\"}",
        "{" OCT ",\"alg\":\"HS512\"}",
        "{" OCT ",\"alg\":\"RS256\"}",
        "{" OCT ",\"alg\":null}",
        "{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\",\"use\":\"enc\"}",
        "{\"kty\":\"RSA\",\"alg\":\"PS256\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\"}",
        "{\"kty\":\"EC\"}",
        "{\"kty\":\"OKP\",\"crv\":\"X25519\"}",
        "{\"kty\":\"AKP\"}",
        "{\"kty\":7}",
        "{}",
    };
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
        assert_int_equal(count_with(skipped[i]), 1);
    assert_int_equal(count_with("{" OCT ",\"key_ops\":[\"sign\",\"verify\"]}"), 2);
    assert_int_equal(count_with("{" OCT ",\"use\":\"sig\",\"alg\":\"HS256\"}"), 2);
    assert_int_equal(count_of("{\"keys\":[{" OCT ",\"use\":\"enc\"}]}"), -1); /* none is left */
}

static void weak_and_malformed_keys_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "{\"kty\":\"oct\"}",
        "{\"kty\":\"oct\",\"k\":7}",
        "{\"kty\":\"oct\",\"k\":\"\"}",
        "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",  /* 31 bytes */
        "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}", /* unused bits */
        "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}",
        "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"e\":\"AQAB\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}", /* not on the curve */
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
        "{" OCT ",\"kid\":7}",
        "{" OCT ",\"kid\":\"\"}",
        "{" OCT ",\"kid\":\"usable\"}", /* the kid of another key */
        "7",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(count_with(refused[i]), -1);
    assert_non_null(strstr(error.text, "key 2 of 2"));
}

/* The modulus of a new key. */
static void make_modulus(size_t bits, char n[400])
{
    unsigned char bytes[256];
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &number), 1);
    assert_int_equal(BN_num_bits(number), bits);
    int length = BN_bn2bin(number, bytes);
    sodium_bin2base64(n, 400, bytes, (size_t)length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    BN_free(number);
    EVP_PKEY_free(pair);
}

static void rsa_keys_have_2048_bits_or_more(void **state)
{
    (void)state;
    for (size_t bits = 2047; bits <= 2048; bits++) {
        char n[400], jwk[600];
        make_modulus(bits, n);
        snprintf(jwk, sizeof jwk, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", n);
        assert_int_equal(count_with(jwk), bits < 2048 ? -1 : 2);
        snprintf(jwk, sizeof jwk, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQ\"}", n); /* 1 */
        assert_int_equal(count_with(jwk), -1);
        snprintf(jwk, sizeof jwk, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAC\"}", n); /* even */
        assert_int_equal(count_with(jwk), -1);
    }
}

static void the_number_of_keys_and_bytes_is_bounded(void **state)
{
    (void)state;
    static char text[2 * KEY_SET_BYTES_MAX];
    for (int count = KEY_SET_KEYS_MAX; count <= KEY_SET_KEYS_MAX + 1; count++) {
        size_t length = (size_t)snprintf(text, sizeof text, "{\"keys\":[{" OCT "}");
        for (int i = 1; i < count; i++)
            length += (size_t)snprintf(text + length, sizeof text - length, ",{" OCT "}");
        snprintf(text + length, sizeof text - length, "]}");
        assert_int_equal(count_of(text), count <= KEY_SET_KEYS_MAX ? count : -1);
    }
    snprintf(text, sizeof text, "{\"keys\":[{" OCT "}]}%*s", KEY_SET_BYTES_MAX, "");
    assert_int_equal(count_of(text), -1);
}

static void a_published_set_has_no_symmetric_key(void **state)
{
    (void)state;
    struct key_set *set = parse_as("{\"keys\":[{" OCT "}]}", KEY_SET_URL);
    assert_null(set);
    assert_non_null(strstr(error.text, "symmetric"));
}

static void keys_are_written_and_read_again(void **state)
{
    (void)state;
    struct span message = SPAN_LITERAL("message");
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        json_t *jwk = signing_key_write(signing_keys[i], true), *public_jwk = signing_key_write(signing_keys[i], false);
        struct signing_key *again = signing_key_read(jwk, &error);
        struct key verifying;
        unsigned char signature[SIGNATURE_BYTES_MAX];
        struct verifier verifier = {0};
        assert_non_null(again);
        assert_int_equal(public_jwk == NULL, i == KEY_HS256);
        if (public_jwk != NULL)
            assert_null(json_object_get(public_jwk, "d"));
        assert_int_equal(key_read(&verifying, public_jwk != NULL ? public_jwk : jwk, &error), KEY_READ);
        size_t length = signing_key_sign(again, message, signature);
        assert_true(verifier_check(&verifier, &verifying, message, (struct span){(char *)signature, length}));
        signature[length / 2] ^= 1;
        assert_false(verifier_check(&verifier, &verifying, message, (struct span){(char *)signature, length}));
        verifier_deinit(&verifier);
        key_deinit(&verifying);
        signing_key_destroy(&again);
        if (public_jwk != NULL)
            assert_null(signing_key_read(public_jwk, &error)); /* it cannot sign */
        json_decref(public_jwk);
        json_decref(jwk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_each_algorithm_are_read),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(the_error_does_not_quote_the_text),
        cmocka_unit_test(keys_for_other_purposes_are_skipped),
        cmocka_unit_test(weak_and_malformed_keys_are_refused),
        cmocka_unit_test(rsa_keys_have_2048_bits_or_more),
        cmocka_unit_test(the_number_of_keys_and_bytes_is_bounded),
        cmocka_unit_test(a_published_set_has_no_symmetric_key),
        cmocka_unit_test(keys_are_written_and_read_again),
    };
    return cmocka_run_group_tests(tests, signed_tokens_set_up, signed_tokens_tear_down);
}
