/* Claims in their usual form are read without jansson, with jansson's result; any other form is left to jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/identity/base64url.h"
#include "gateway/identity/claims_any.h"
#include "gateway/identity/claims_usual.h"
#include "shared/error.h"

/* --- helpers --- */

static struct claim_members members;

static void assert_same(const struct claims *a, const struct claims *b)
{
    for (unsigned i = 0; i < CLAIM_NAMES; i++) {
        const struct claim *one = &a->values[i], *other = &b->values[i];
        assert_int_equal(one->kind, other->kind);
        if (one->kind == CLAIM_TEXT)
            assert_true(span_equals(one->text, other->text));
        if (one->kind == CLAIM_INTEGER)
            assert_int_equal(one->integer, other->integer);
        if (one->kind != CLAIM_LIST)
            continue;
        assert_int_equal(one->count, other->count);
        for (unsigned n = 0; n < one->count; n++)
            assert_true(span_equals(a->texts[one->first + n], b->texts[other->first + n]));
    }
}

/* Whether the usual form is recognized; whatever is recognized must be what jansson reads. */
static bool is_usual(const char *json)
{
    size_t length = strlen(json);
    char *copy = malloc(length + 1); /* AddressSanitizer sees each byte too many */
    CHECK(copy != NULL);
    memcpy(copy, json, length);
    struct span text = {copy, length};
    struct claims usual, any;
    claims_clear(&usual);
    bool recognized = claims_read_usual(&usual, text, &members);
    if (recognized) {
        assert_int_equal(claims_read_any(&any, text, &members), CLAIMS_READ);
        assert_same(&usual, &any);
        claims_deinit(&any);
    }
    free(copy);
    return recognized;
}

/* --- tests --- */

static void usual_forms_are_recognized(void **state)
{
    (void)state;
    static const char *const usual[] = {
        "{\"sub\":\"alice\",\"exp\":1800000000}",
        " { \"sub\" : \"alice\" , \"exp\" : 1800000000 } \n",
        "{\"iss\":\"https://a\",\"sub\":\"1\",\"aud\":[\"a\",\"b\"],\"exp\":1,\"iat\":-0,\"nbf\":-5,\"roles\":[]}",
        "{\"aud\":\"a\",\"segments\":[\"vip\"],\"email_verified\":true,\"x\":null,\"y\":false,\"list\":[\"a\",\"b\"]}",
        "{\"exp\":999999999999999999}",
        "{\"roles\":true,\"segments\":null}",
    };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        assert_true(is_usual(usual[i]));
}

static void every_other_form_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"sub\":\"a\"}x",
        "{\"sub\":\"a\",}",
        "{\"sub\":\"a\\u0062\"}",
        "{\"sub\":\"\xc3\xa9\"}",
        "{\"sub\":\"a\",\"sub\":\"b\"}",
        "{\"exp\":1.5}",
        "{\"exp\":1e3}",
        "{\"exp\":01}",
        "{\"exp\":-}",
        "{\"exp\":+1}",
        "{\"exp\":9223372036854775807}",
        "{\"exp\":nul}",
        "{\"exp\":truex}",
        "{\"aud\":[\"a\",1]}",
        "{\"aud\":[\"a\",]}",
        "{\"aud\":[\"a\"}",
        "{\"x\":{\"y\":1}}",
        "{\"x\":[[]]}",
        "{\"x\"}",
        "{\"x\":}",
        "{x:1}",
        "{\"x\":1 \"y\":2}",
        "{\"x\":\"a\nb\"}",
        "{\"x",
        "{\"x\":\"",
        "{\"x\":\"a\\",
        "{\"x\":[",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(is_usual(others[i]));
}

static void many_members_and_long_lists_are_left_to_jansson(void **state)
{
    (void)state;
    char json[8192] = "{\"m\":1";
    for (int i = 1; i < 30; i++) {
        size_t length = strlen(json);
        snprintf(json + length, sizeof json - length, ",\"m%d\":1", i);
        char whole[sizeof json + 1];
        snprintf(whole, sizeof whole, "%s}", json);
        assert_int_equal(is_usual(whole), i < 24);
    }
    for (int count = CLAIM_LIST_TEXTS_MAX - 3; count < CLAIM_LIST_TEXTS_MAX + 3; count++) {
        snprintf(json, sizeof json, "{\"roles\":[\"r\"");
        for (int i = 1; i < count; i++)
            strcat(json, ",\"r\"");
        strcat(json, "]}");
        assert_int_equal(is_usual(json), count <= CLAIM_LIST_TEXTS_MAX);
        struct claims any;
        assert_int_equal(claims_read_any(&any, (struct span){json, strlen(json)}, &members), CLAIMS_READ);
        assert_int_equal(any.values[CLAIM_ROLES].kind, count <= CLAIM_LIST_TEXTS_MAX ? CLAIM_LIST : CLAIM_OTHER);
        claims_deinit(&any);
    }
}

static void base64url_is_decoded_in_one_way_only(void **state)
{
    (void)state;
    static const struct {
        const char *text, *decoded; /* NULL: refused */
    } rows[] = {
        {"", ""},       {"Zg", "f"},    {"Zm8", "fo"},  {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"},
        {"_-8A", NULL}, {"Z", NULL},    {"Zh", NULL},   {"Zm9", NULL},   {"Zg==", NULL},     {"Zm9v\n", NULL},
        {"Zm 9", NULL}, {"Zm+v", NULL}, {"Zm/v", NULL}, {"Zm.v", NULL},  {"Zm9vY", NULL},    {"\xc3\xa9Zm", NULL},
        {"Zm9[", NULL}, {"Zm9`", NULL}, {"Zm9{", NULL}, {"Zm9@", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[8];
        size_t length = 0;
        bool valid = base64url_decode(rows[i].text, strlen(rows[i].text), out, sizeof out, &length);
        if (i == 6) { /* the two characters that differ from base64 */
            assert_true(valid && length == 3 && memcmp(out, "\xff\xef\x00", 3) == 0);
            continue;
        }
        assert_int_equal(valid, rows[i].decoded != NULL);
        if (valid)
            assert_true(length == strlen(rows[i].decoded) && memcmp(out, rows[i].decoded, length) == 0);
    }
    char out[2];
    size_t length = 0;
    assert_false(base64url_decode("Zm9v", 4, out, sizeof out, &length));
    assert_true(base64url_decode("Zm8", 3, out, sizeof out, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_forms_are_recognized),
        cmocka_unit_test(every_other_form_is_left_to_jansson),
        cmocka_unit_test(many_members_and_long_lists_are_left_to_jansson),
        cmocka_unit_test(base64url_is_decoded_in_one_way_only),
    };
    members = claim_members_of("sub", "roles", "segments");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
