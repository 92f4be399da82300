/* Tokens: form, header and signature; every way in which one is refused, with its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gateway/identity/token_fixture.h"

/* --- what is accepted --- */

static void a_token_of_each_algorithm_names_its_user(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        for (int again = 0; again < 3; again++) { /* contexts of OpenSSL are used again */
            assert_string_equal(check(usual_token(signing_keys[i], "{\"sub\":\"alice\"," EXP "}")), "ok");
            assert_id("alice");
            assert_int_equal(principal.roles, ROLE_USER);
            assert_int_equal(principal.segments_length, 0);
            assert_int_equal(expires_at_s, NOW + 600);
        }
    }
}

static void a_token_without_kid_needs_the_only_key_of_its_algorithm(void **state)
{
    (void)state;
    assert_string_equal(check(token_of(HS, "{\"alg\":\"HS256\"}", "{\"sub\":\"a\"," EXP "}")), "ok");
    struct signing_key *second = signing_key_create(KEY_HS256, "second");
    const struct signing_key *const both[] = {HS, second, NULL};
    struct error error;
    const char *text = jwk_set_of(both, true);
    key_set_destroy(&keys);
    token_checker_deinit(checker);
    keys = key_set_parse((struct span){text, strlen(text)}, KEY_SET_FILE, &error);
    assert_non_null(keys);
    assert_string_equal(check(token_of(HS, "{\"alg\":\"HS256\"}", "{\"sub\":\"a\"," EXP "}")), "unknown_key");
    assert_string_equal(check(token_of(second, "{\"alg\":\"HS256\",\"kid\":\"second\"}", "{\"sub\":\"a\"," EXP "}")),
                        "ok");
    assert_string_equal(check(token_of(HS, "{\"alg\":\"HS256\",\"kid\":\"second\"}", "{\"sub\":\"a\"," EXP "}")),
                        "bad_signature");
    signing_key_destroy(&second);
}

static void types_of_access_tokens_are_accepted_and_others_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *type, *reason;
    } types[] = {{"JWT", "ok"},         {"jwt", "ok"},
                 {"at+jwt", "ok"},      {"application/at+JWT", "ok"},
                 {"", "wrong_type"},    {"logout+jwt", "wrong_type"},
                 {"JWE", "wrong_type"}, {"application/", "wrong_type"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char head[128];
        snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"typ\":\"%s\"}", types[i].type);
        assert_string_equal(check(token_of(HS, head, "{\"sub\":\"a\"," EXP "}")), types[i].reason);
    }
}

/* --- keys and signatures --- */

static void the_key_fixes_the_algorithm(void **state)
{
    (void)state;
    static const char payload[] = "{\"sub\":\"a\"," EXP "}";
    static const struct {
        const char *head, *reason;
    } heads[] = {
        {"{\"alg\":\"none\"}", "wrong_algorithm"},
        {"{\"alg\":\"none\",\"kid\":\"HS256\"}", "wrong_algorithm"},
        {"{\"alg\":\"NONE\"}", "wrong_algorithm"},
        {"{\"alg\":\"\"}", "wrong_algorithm"},
        {"{\"alg\":\"hs256\",\"kid\":\"HS256\"}", "wrong_algorithm"},
        {"{\"alg\":\"HS384\",\"kid\":\"HS256\"}", "wrong_algorithm"},
        {"{\"alg\":\"RS256\",\"kid\":\"HS256\"}", "wrong_algorithm"},
        {"{\"alg\":\"HS256\",\"kid\":\"RS256\"}", "wrong_algorithm"},
        {"{\"alg\":\"HS256\",\"kid\":\"ES256\"}", "wrong_algorithm"},
        {"{\"alg\":\"HS256\",\"kid\":\"EdDSA\"}", "wrong_algorithm"},
        {"{\"alg\":\"HS256\",\"kid\":\"other\"}", "unknown_key"},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", "unknown_key"},
        {"{\"alg\":\"HS256\",\"kid\":7}", "malformed"},
        {"{\"alg\":\"HS256\",\"kid\":null}", "malformed"},
        {"{\"alg\":[\"HS256\"]}", "malformed"},
        {"{\"alg\":\"HS256\",\"typ\":1}", "malformed"},
        {"{}", "malformed"},
        {"[]", "malformed"},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", "critical_header"},
        {"{\"alg\":\"HS256\",\"crit\":[]}", "critical_header"},
        {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", "critical_header"},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", "duplicate_claim"},
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"kty\":\"RSA\"}}", "duplicate_claim"},
        {"{\"alg\":\"HS256\"} x", "malformed"},
        {"", "malformed"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        assert_string_equal(check(token_of(HS, heads[i].head, payload)), heads[i].reason);
    key_set_destroy(&keys);
    assert_string_equal(check(usual_token(HS, payload)), "unknown_key");
}

static void a_head_is_kept_only_with_a_valid_signature(void **state)
{
    (void)state;
    struct signing_key *forger = signing_key_create(KEY_HS256, "HS256");
    for (int i = 0; i < TOKEN_HEADS; i++) {
        char head[64];
        snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"n\":%d}", i);
        assert_string_equal(check(token_of(forger, head, "{\"sub\":\"a\"," EXP "}")), "bad_signature");
    }
    assert_int_equal(checker->heads[0].length, 0);
    assert_string_equal(check(usual_token(HS, "{\"sub\":\"a\"," EXP "}")), "ok");
    assert_int_not_equal(checker->heads[0].length, 0);
    signing_key_destroy(&forger);
}

static void a_public_key_is_no_secret_for_hs256(void **state)
{
    (void)state;
    /* The classic forgery: the public modulus, as text and as bytes, as the secret of HMAC. */
    const struct signing_key *const rsa[] = {signing_keys[KEY_RS256], NULL};
    const char *set = jwk_set_of(rsa, false);
    struct error error;
    key_set_destroy(&keys);
    keys = key_set_parse((struct span){set, strlen(set)}, KEY_SET_URL, &error);
    assert_non_null(keys);
    json_t *root = json_loads(set, 0, NULL), *jwk = json_array_get(json_object_get(root, "keys"), 0);
    json_t *forged = json_pack("{s:s, s:s, s:O}", "kty", "oct", "kid", "RS256", "k", json_object_get(jwk, "n"));
    struct signing_key *forger = signing_key_read(forged, &error);
    assert_non_null(forger);
    assert_string_equal(check(usual_token(forger, "{\"sub\":\"a\",\"roles\":\"admin\"," EXP "}")), "wrong_algorithm");
    assert_string_equal(check(token_of(forger, "{\"alg\":\"HS256\"}", "{\"sub\":\"a\"," EXP "}")), "wrong_algorithm");
    assert_string_equal(check(token_of(forger, "{\"alg\":\"RS256\",\"kid\":\"RS256\"}", "{\"sub\":\"a\"," EXP "}")),
                        "bad_signature");
    signing_key_destroy(&forger);
    json_decref(forged);
    json_decref(root);
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        char token[2048];
        snprintf(token, sizeof token, "%s", usual_token(signing_keys[i], "{\"sub\":\"alice\"," EXP "}"));
        size_t step = i == KEY_HS256 ? 1 : 7;
        for (size_t at = 0; at < strlen(token); at += step) {
            char before = token[at];
            token[at] = before == 'A' ? 'B' : 'A';
            if (strcmp(check(token), "ok") == 0)
                fail_msg("%s: byte %zu of %s", key_algorithm_name((enum key_algorithm)i), at, token);
            token[at] = before;
        }
        assert_string_equal(check(token), "ok");
    }
}

static void signatures_of_other_lengths_are_wrong(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        char token[2048];
        snprintf(token, sizeof token, "%s", usual_token(signing_keys[i], "{\"sub\":\"alice\"," EXP "}"));
        char *dot = strrchr(token, '.');
        size_t length = strlen(token);
        token[length - 4] = '\0';
        assert_string_not_equal(check(token), "ok");
        dot[1] = '\0';
        assert_string_equal(check(token), "bad_signature");
        memset(dot + 1, 'A', 1400);
        dot[1401] = '\0';
        assert_string_not_equal(check(token), "ok");
        memset(dot + 1, 'A', 86); /* r and s of 0 */
        dot[87] = '\0';
        assert_string_equal(check(token), "bad_signature");
    }
}

/* --- form --- */

static void three_parts_in_strict_base64url_are_needed(void **state)
{
    (void)state;
    static const char *const tokens[] = {
        "",      ".",         "..",          "...",          "a.b",         "a.b.c.d",   "e30.",
        "e30..", ".e30.AAAA", "e30=.e30.AA", "e30.e30.AAA+", "e30 .e30.AA", "e3.e30.AA", "x"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        assert_string_equal(check(tokens[i]), "malformed");
    char token[512], bad[600];
    snprintf(token, sizeof token, "%s", usual_token(HS, "{\"sub\":\"alice\"," EXP "}"));
    size_t length = strlen(token);
    snprintf(bad, sizeof bad, "%s=", token);
    assert_string_equal(check(bad), "malformed");
    snprintf(bad, sizeof bad, "%s.", token);
    assert_string_equal(check(bad), "malformed");
    /* 32 bytes are 43 characters, whose last one has two unused bits */
    snprintf(bad, sizeof bad, "%s", token);
    bad[length - 1] = (char)(bad[length - 1] + 1);
    assert_string_equal(check(bad), "malformed");
}

static void a_payload_that_is_no_object_is_malformed(void **state)
{
    (void)state;
    static const char *const payloads[] = {"",
                                           "[]",
                                           "7",
                                           "\"a\"",
                                           "{",
                                           "{\"sub\":\"a\"," EXP "}}",
                                           "{\"sub\":\"a\"," EXP ",}",
                                           "{'sub':'a'}",
                                           "\xef\xbb\xbf{}",
                                           "{\"sub\":\"\xff\"," EXP "}"};
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        assert_string_equal(check_claims(payloads[i]), "malformed");
    static const char nul[] = "{\"sub\":\"a\"," EXP "}\0";
    assert_string_equal(
        check(token_of_bytes(HS, SPAN_LITERAL("{\"alg\":\"HS256\"}"), (struct span){nul, sizeof nul - 1})),
        "malformed");
}

static void members_that_stand_twice_are_refused(void **state)
{
    (void)state;
    assert_string_equal(check_claims("{\"sub\":\"a\",\"sub\":\"b\"," EXP "}"), "duplicate_claim");
    assert_string_equal(check_claims("{\"sub\":\"a\"," EXP "," EXP "}"), "duplicate_claim");
    assert_string_equal(check_claims("{\"sub\":\"a\",\"x\":1,\"x\":1," EXP "}"), "duplicate_claim");
    assert_string_equal(check_claims("{\"sub\":\"a\",\"s\\u0075b\":\"b\"," EXP "}"), "duplicate_claim");
    assert_string_equal(check_claims("{\"sub\":\"a\",\"x\":{\"y\":1,\"y\":2}," EXP "}"), "duplicate_claim");
}

static void the_size_of_a_token_is_bounded(void **state)
{
    (void)state;
    char payload[4096], filler[3000];
    for (size_t length = 2000; length < sizeof filler; length += 50) {
        memset(filler, 'x', length);
        filler[length] = '\0';
        snprintf(payload, sizeof payload, "{\"sub\":\"a\"," EXP ",\"x\":\"%s\"}", filler);
        const char *token = usual_token(HS, payload);
        assert_string_equal(check(token), strlen(token) <= TOKEN_BYTES_MAX ? "ok" : "oversized");
    }
}

static void deep_nesting_is_bounded(void **state)
{
    (void)state;
    char payload[3100] = "{\"sub\":\"a\"," EXP ",\"x\":";
    size_t length = strlen(payload);
    memset(payload + length, '[', 2900);
    payload[length + 2900] = '\0';
    assert_string_equal(check_claims(payload), "malformed");
    memset(payload + length, '[', 1400);
    memset(payload + length + 1400, ']', 1400);
    payload[length + 2800] = '}';
    payload[length + 2801] = '\0';
    assert_string_equal(check_claims(payload), "ok");
}

/* --- examples of the standards --- */

static const char *check_example(const char *jwk, const char *token, int64_t now_s)
{
    char set[2048];
    struct error error = {""};
    snprintf(set, sizeof set, "{\"keys\":[%s]}", jwk);
    key_set_destroy(&keys);
    token_checker_deinit(checker);
    keys = key_set_parse((struct span){set, strlen(set)}, KEY_SET_FILE, &error);
    assert_non_null(keys);
    rules.members.names[CLAIM_USER] = SPAN_LITERAL("iss"); /* the examples have no sub */
    return identity_reason_name(
        token_check(checker, keys, &rules, (struct span){token, strlen(token)}, now_s, &principal, &expires_at_s));
}

#define EXAMPLE_CLAIMS "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define EXAMPLE_EXP    INT64_C(1300819380)

static void the_examples_of_rfc_7515_are_accepted(void **state)
{
    (void)state;
    /* A.1 */
    static const char hs_key[] = "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
                                 "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}";
    static const char hs_token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." EXAMPLE_CLAIMS ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    /* A.2 */
    static const char rs_key[] =
        "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"
        "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"
        "bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_"
        "I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}";
    static const char rs_token[] =
        "eyJhbGciOiJSUzI1NiJ9." EXAMPLE_CLAIMS
        ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
        "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO-"
        "-xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_I"
        "oypGlUPQGe77Rw";
    /* A.3 */
    static const char es_key[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
    static const char es_token[] = "eyJhbGciOiJFUzI1NiJ9." EXAMPLE_CLAIMS
                                   ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
                                   "Kg6NU1Q";
    assert_string_equal(check_example(hs_key, hs_token, EXAMPLE_EXP - 1), "ok");
    assert_id("joe");
    assert_string_equal(check_example(rs_key, rs_token, EXAMPLE_EXP - 1), "ok");
    assert_string_equal(check_example(es_key, es_token, EXAMPLE_EXP - 1), "ok");
    assert_string_equal(check_example(es_key, es_token, EXAMPLE_EXP + 60), "expired");
}

static void the_key_of_rfc_8037_signs_as_its_example_says(void **state)
{
    (void)state;
    /* A.4: the payload is no JSON, so the signature is right and the claims are not */
    static const char key[] =
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
    static const char token[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-"
                                "09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    char wrong[sizeof token];
    memcpy(wrong, token, sizeof token);
    wrong[30] = wrong[30] == 'A' ? 'B' : 'A';
    assert_string_equal(check_example(key, token, EXAMPLE_EXP), "malformed");
    assert_string_equal(check_example(key, wrong, EXAMPLE_EXP), "bad_signature");
}

/* --- heads that are kept --- */

static void a_head_that_was_seen_before_does_not_change_the_result(void **state)
{
    (void)state;
    char head[300];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 12; i++) {
            snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"n\":%d}", i);
            assert_string_equal(check(token_of(HS, head, "{\"sub\":\"a\"," EXP "}")), "ok");
            snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"kid\":\"no\",\"n\":%d}", i);
            assert_string_equal(check(token_of(HS, head, "{\"sub\":\"a\"," EXP "}")), "unknown_key");
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_fixture_set_up, token_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_of_each_algorithm_names_its_user),
        TEST(a_token_without_kid_needs_the_only_key_of_its_algorithm),
        TEST(types_of_access_tokens_are_accepted_and_others_are_not),
        TEST(the_key_fixes_the_algorithm),
        TEST(a_head_is_kept_only_with_a_valid_signature),
        TEST(a_public_key_is_no_secret_for_hs256),
        TEST(every_changed_byte_is_noticed),
        TEST(signatures_of_other_lengths_are_wrong),
        TEST(three_parts_in_strict_base64url_are_needed),
        TEST(a_payload_that_is_no_object_is_malformed),
        TEST(members_that_stand_twice_are_refused),
        TEST(the_size_of_a_token_is_bounded),
        TEST(deep_nesting_is_bounded),
        TEST(the_examples_of_rfc_7515_are_accepted),
        TEST(the_key_of_rfc_8037_signs_as_its_example_says),
        TEST(a_head_that_was_seen_before_does_not_change_the_result),
    };
    return cmocka_run_group_tests(tests, signed_tokens_set_up, signed_tokens_tear_down);
}
