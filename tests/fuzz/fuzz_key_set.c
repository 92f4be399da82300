/*
 * Files of keys: JWK sets and, if the first byte is odd, API keys. What is refused has a reason; what is accepted has
 * keys that keep the rules, and none of them accepts a signature of zeros.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/identity/api_keys.h"
#include "gateway/identity/key_set.h"
#include "gateway/identity/verifier.h"
#include "shared/coupon.h"

void fuzz_begin(void)
{
}

void fuzz_seeds(void)
{
    static const char *const texts[] = {
        " {\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"alg\":\"HS256\",\"k\":"
        "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}",
        " {\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"key_ops\":[\"verify\"],"
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        " {\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"
        "wWJcyQoTbji9k0l8W26mPddxHm"
        "fHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63k"
        "paSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK"
        "-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}]}",
        "!# keys\nshop service 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzz_seed(texts[i], strlen(texts[i]));
}

static void check_key(const struct key_set *set, unsigned index, enum key_set_origin origin)
{
    static const char zeros[KEY_RSA_MAX / 8];
    const struct key *key = key_set_at(set, index);
    struct verifier verifier = {0};
    CHECK(key->algorithm < KEY_ALGORITHM_COUNT && key->id_length <= KEY_ID_MAX);
    CHECK((key->public_key == NULL) == (key->algorithm == KEY_HS256));
    CHECK(key->algorithm != KEY_HS256 || (key->secret_length >= KEY_SECRET_MIN && origin == KEY_SET_FILE));
    CHECK(key->id_length == 0 || key_set_find(set, (struct span){key->id, key->id_length}) == (int)index);
    CHECK(key_set_find_only(set, key->algorithm) != KEY_SET_NONE);
    for (size_t length = 0; length <= sizeof zeros; length = length * 2 + 32)
        CHECK(!verifier_check(&verifier, key, SPAN_LITERAL("message"), (struct span){zeros, length}));
    verifier_deinit(&verifier);
}

static void check_set(struct span text, enum key_set_origin origin)
{
    struct error error = {""};
    struct key_set *set = key_set_parse(text, origin, &error);
    CHECK((set == NULL) == (error.text[0] != '\0'));
    if (set == NULL)
        return;
    CHECK(key_set_count(set) >= 1 && key_set_count(set) <= KEY_SET_KEYS_MAX);
    for (unsigned i = 0; i < key_set_count(set); i++)
        check_key(set, i, origin);
    key_set_destroy(&set);
}

static void check_api_keys(struct span text)
{
    struct error error = {""};
    struct principal principal;
    char unknown[API_KEY_LENGTH + 1];
    struct api_keys *keys = api_keys_parse(text, &error);
    CHECK((keys == NULL) == (error.text[0] != '\0'));
    if (keys == NULL)
        return;
    api_key_create(unknown);
    CHECK(api_keys_count(keys) <= API_KEYS_MAX);
    CHECK(!api_keys_find(keys, (struct span){unknown, API_KEY_LENGTH}, &principal));
    api_keys_destroy(&keys);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    char *copy = fuzz_copy(data + 1, size - 1);
    struct span text = {copy, size - 1};
    if (data[0] % 2 == 1) {
        check_api_keys(text);
    } else {
        check_set(text, KEY_SET_FILE);
        check_set(text, KEY_SET_URL);
    }
    free(copy);
}
