/* What the claims of a valid token say: user, roles, segments, time, issuer and audience. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gateway/identity/token_fixture.h"

static void users_are_ids_or_integers(void **state)
{
    (void)state;
    static const struct {
        const char *value, *id; /* NULL: refused */
    } users[] = {
        {"\"alice\"", "alice"},
        {"\"A-z_0.9:x@y\"", "A-z_0.9:x@y"},
        {"0", "0"},
        {"9223372036854775807", "9223372036854775807"},
        {"\"\\u0061lice\"", "alice"},
        {"-1", NULL},
        {"9223372036854775808", NULL},
        {"1.0", NULL},
        {"\"\"", NULL},
        {"\"..\"", NULL},
        {"\"a b\"", NULL},
        {"\"a\\u0000b\"", NULL},
        {"\"\xc3\xa9\"", NULL},
        {"\"key:shop\"", NULL},
        {"\"erased:0123\"", NULL},
        {"\"rehearsal:0\"", NULL},
        {"\"rehearsal\"", "rehearsal"},
        {"null", NULL},
        {"[\"alice\"]", NULL},
        {"{}", NULL},
        {"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", NULL},
    };
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"sub\":%s," EXP "}", users[i].value);
        const char *reason = check_claims(payload);
        if (users[i].id == NULL) {
            assert_true(strcmp(reason, "bad_subject") == 0 || strcmp(reason, "malformed") == 0);
        } else {
            assert_string_equal(reason, "ok");
            assert_id(users[i].id);
        }
    }
    assert_string_equal(check_claims("{" EXP "}"), "bad_subject");
}

static void another_claim_may_name_the_user(void **state)
{
    (void)state;
    rules.members.names[CLAIM_USER] = SPAN_LITERAL("member_no");
    assert_string_equal(check_claims("{\"sub\":\"f:1/a b\",\"member_no\":42," EXP "}"), "ok");
    assert_id("42");
}

static void roles_are_a_list_or_words(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int roles; /* 0: bad_role */
    } rows[] = {
        {"\"seller\"", ROLE_SELLER},
        {"\"viewer  seller\"", ROLE_VIEWER | ROLE_SELLER},
        {"[\"user\",\"admin\"]", ROLE_USER | ROLE_ADMIN},
        {"[\"offline_access\",\"service\"]", ROLE_SERVICE},
        {"[\"offline_access\"]", 0},
        {"[]", 0},
        {"\"\"", 0},
        {"\"Admin\"", 0},
        {"\"admin,user\"", 0},
        {"[\"admin\",1]", 0},
        {"[[\"admin\"]]", 0},
        {"true", 0},
        {"null", 0},
        {"4", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"roles\":%s," EXP "}", rows[i].value);
        assert_string_equal(check_claims(payload), rows[i].roles == 0 ? "bad_role" : "ok");
        if (rows[i].roles != 0)
            assert_int_equal(principal.roles, rows[i].roles);
    }
}

static void a_role_counts_among_as_many_names_as_a_token_can_have(void **state)
{
    (void)state;
    char payload[3072] = "{\"sub\":\"a\",\"roles\":[";
    for (int i = 0; i < 700; i++)
        strcat(payload, "\"r\",");
    strcat(payload, "\"seller\"]," EXP "}");
    assert_string_equal(check_claims(payload), "ok");
    assert_int_equal(principal.roles, ROLE_SELLER);
}

static void segments_are_a_list_or_words(void **state)
{
    (void)state;
    assert_string_equal(check_claims("{\"sub\":\"a\",\"segments\":[\"vip\",\"new members\"]," EXP "}"), "ok");
    assert_int_equal(principal.segments_length, 4 + 12);
    assert_memory_equal(principal.segments, "\3vip\13new members", 16);
    assert_string_equal(check_claims("{\"sub\":\"a\",\"segments\":\"vip new\"," EXP "}"), "ok");
    assert_memory_equal(principal.segments, "\3vip\3new", 8);
    assert_string_equal(check_claims("{\"sub\":\"a\",\"segments\":[]," EXP "}"), "ok");
    assert_int_equal(principal.segments_length, 0);
    assert_string_equal(check_claims("{\"sub\":\"a\",\"segments\":[\"\"]," EXP "}"), "bad_segment");
    assert_string_equal(check_claims("{\"sub\":\"a\",\"segments\":7," EXP "}"), "bad_segment");
}

static void segments_have_a_limit(void **state)
{
    (void)state;
    char payload[1200], name[300];
    for (unsigned length = 254; length <= 256; length++) {
        memset(name, 'x', length);
        name[length] = '\0';
        snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"segments\":[\"%s\",\"%s\"]," EXP "}", name, name);
        assert_string_equal(check_claims(payload), length <= 255 ? "ok" : "bad_segment");
    }
    name[255] = '\0';
    snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"segments\":[\"%s\",\"%s\",\"x\"]," EXP "}", name, name);
    assert_string_equal(check_claims(payload), "bad_segment");
}

static void times_are_integers_with_leeway(void **state)
{
    (void)state;
    static const struct {
        const char *times, *reason;
    } rows[] = {
        {"\"exp\":1799999971", "ok"},
        {"\"exp\":1799999970", "expired"},
        {"\"exp\":0", "expired"},
        {"\"exp\":253402300799", "ok"},
        {"\"exp\":253402300800", "bad_time"},
        {"\"exp\":1800000600000", "bad_time"}, /* milliseconds */
        {"\"exp\":9223372036854775807", "bad_time"},
        {"\"exp\":-1", "bad_time"},
        {"\"exp\":1800000600.5", "bad_time"},
        {"\"exp\":1.8000006e9", "bad_time"},
        {"\"exp\":\"1800000600\"", "bad_time"},
        {"\"exp\":null", "bad_time"},
        {"\"exp\":true", "bad_time"},
        {"\"exp\":1e400", "malformed"},
        {"\"exp\":99999999999999999999999999", "malformed"},
        {"\"nbf\":1", "no_expiry"},
        {EXP ",\"nbf\":1800000030", "ok"},
        {EXP ",\"nbf\":1800000031", "not_yet_valid"},
        {EXP ",\"nbf\":\"1\"", "bad_time"},
        {EXP ",\"iat\":1800000030", "ok"},
        {EXP ",\"iat\":1800000031", "not_yet_valid"},
        {EXP ",\"iat\":-5", "bad_time"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"sub\":\"a\",%s}", rows[i].times);
        assert_string_equal(check_claims(payload), rows[i].reason);
    }
}

static void issuer_and_audience_are_compared_if_they_are_set(void **state)
{
    (void)state;
    static const struct {
        const char *claims, *reason;
    } rows[] = {
        {"\"iss\":\"https://a\",\"aud\":\"shop\"", "ok"},
        {"\"iss\":\"https://a\",\"aud\":[\"other\",\"shop\"]", "ok"},
        {"\"iss\":\"https://a/\",\"aud\":\"shop\"", "wrong_issuer"},
        {"\"iss\":[\"https://a\"],\"aud\":\"shop\"", "wrong_issuer"},
        {"\"aud\":\"shop\"", "wrong_issuer"},
        {"\"iss\":\"https://a\"", "wrong_audience"},
        {"\"iss\":\"https://a\",\"aud\":\"shop2\"", "wrong_audience"},
        {"\"iss\":\"https://a\",\"aud\":\"other shop\"", "wrong_audience"},
        {"\"iss\":\"https://a\",\"aud\":[]", "wrong_audience"},
        {"\"iss\":\"https://a\",\"aud\":[\"shop\",3]", "wrong_audience"},
        {"\"iss\":\"https://a\",\"aud\":null", "wrong_audience"},
    };
    assert_string_equal(check_claims("{\"sub\":\"a\"," EXP "}"), "ok");
    rules.issuer = SPAN_LITERAL("https://a");
    rules.audience = SPAN_LITERAL("shop");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"sub\":\"a\"," EXP ",%s}", rows[i].claims);
        assert_string_equal(check_claims(payload), rows[i].reason);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_fixture_set_up, token_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_are_ids_or_integers),      TEST(another_claim_may_name_the_user),
        TEST(roles_are_a_list_or_words),      TEST(a_role_counts_among_as_many_names_as_a_token_can_have),
        TEST(segments_are_a_list_or_words),   TEST(segments_have_a_limit),
        TEST(times_are_integers_with_leeway), TEST(issuer_and_audience_are_compared_if_they_are_set),
    };
    return cmocka_run_group_tests(tests, signed_tokens_set_up, signed_tokens_tear_down);
}
