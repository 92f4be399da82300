/* Identity as the gateway uses it: credentials of all kinds, the cache, and keys that are read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/identity/api_keys.h"
#include "gateway/identity/identity.h"
#include "shared/clock.h"
#include "tests/unit/gateway/identity/signed_tokens.h"

#define NOW     INT64_C(1800000000)
#define PAYLOAD "{\"sub\":\"alice\",\"exp\":1800000600}"
#define HS      signing_keys[KEY_HS256]
#define ES      signing_keys[KEY_ES256]

/* --- fixture --- */

static char directory[] = "/tmp/identity-XXXXXX";
static char jwk_set_path[64], api_keys_path[64];
static struct options options;
static struct identity *identity;
static struct identity_thread *thread;
static struct metrics *metrics;
static struct principal principal;
static int64_t expires_at_s;

static void write_file(const char *path, const char *text)
{
    char next[80];
    snprintf(next, sizeof next, "%s.next", path);
    FILE *file = fopen(next, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(next, path), 0);
}

static void write_key(const struct signing_key *key)
{
    const struct signing_key *const keys[] = {key, NULL};
    write_file(jwk_set_path, jwk_set_of(keys, true));
}

static int make_folder(void **state)
{
    snprintf(directory, sizeof directory, "/tmp/identity-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(jwk_set_path, sizeof jwk_set_path, "%s/keys.json", directory);
    snprintf(api_keys_path, sizeof api_keys_path, "%s/api_keys", directory);
    return signed_tokens_set_up(state);
}

static int remove_folder(void **state)
{
    rmdir(directory);
    return signed_tokens_tear_down(state);
}

static int start(struct error *error)
{
    if (identity_create(&options, &identity, error) != 0)
        return -1;
    if (metrics == NULL)
        metrics = metrics_create("gateway", -1); /* is never freed */
    thread = identity_thread_create(identity, metrics);
    return 0;
}

static int set_up(void **state)
{
    struct error error = {""};
    (void)state;
    options_init(&options);
    snprintf(options.gateway_identity, sizeof options.gateway_identity, "on");
    snprintf(options.gateway_jwk_set_file, sizeof options.gateway_jwk_set_file, "%s", jwk_set_path);
    write_key(HS);
    return start(&error);
}

static int tear_down(void **state)
{
    (void)state;
    identity_thread_destroy(&thread);
    identity_destroy(&identity);
    unlink(jwk_set_path);
    unlink(api_keys_path);
    return 0;
}

/* --- helpers --- */

static const char *check_at(const char *authorization, int64_t now_s)
{
    struct span span = {authorization, authorization == NULL ? 0 : strlen(authorization)};
    enum metric_identity reason = identity_check(thread, span, now_s, &principal, &expires_at_s);
    if (reason != METRIC_IDENTITY_OK)
        assert_true(principal.roles == 0 && principal.id_length == 0);
    return identity_reason_name(reason);
}

static const char *check_bearer(const char *credentials)
{
    char authorization[4200];
    snprintf(authorization, sizeof authorization, "Bearer %s", credentials);
    return check_at(authorization, NOW);
}

static int64_t cached(void)
{
    return metrics_get(metrics, METRIC_GATEWAY_IDENTITY_CACHED, 0);
}

static void assert_id(const char *id)
{
    assert_int_equal(principal.id_length, strlen(id));
    assert_memory_equal(principal.id, id, strlen(id));
}

/* Waits until the credentials have this result. */
static void wait_for(const char *credentials, const char *result)
{
    int64_t until_us = clock_mono_us() + 10000000;
    while (strcmp(check_bearer(credentials), result) != 0 && clock_mono_us() < until_us)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_string_equal(check_bearer(credentials), result);
}

static void wait_for_why(const char *words, bool ready)
{
    char why[READY_WHY_MAX];
    int64_t until_us = clock_mono_us() + 10000000;
    while (identity_ready(identity, why) != ready || strstr(why, words) == NULL ||
           (words[0] == '\0' && why[0] != '\0')) {
        assert_true(clock_mono_us() < until_us);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

/* --- credentials --- */

static void identity_is_off_unless_an_option_says_on(void **state)
{
    struct identity *none = NULL;
    struct error error;
    (void)state;
    struct options defaults;
    options_init(&defaults);
    assert_int_equal(identity_create(&defaults, &none, &error), 0);
    assert_null(none);
    assert_null(identity_thread_create(none, metrics));
}

static void only_the_bearer_scheme_is_understood(void **state)
{
    (void)state;
    static const char *const none[] = {NULL,        "",           "Bearer",      "Bearer ",
                                       "Bearer   ", "Basic YTpi", "Bearertoken", "token"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(check_at(none[i], NOW), "no_token");
    char lower[512];
    snprintf(lower, sizeof lower, "bearer  %s ", usual_token(HS, PAYLOAD));
    assert_string_equal(check_at(lower, NOW), "ok");
    assert_id("alice");
}

static void a_token_is_checked_once(void **state)
{
    (void)state;
    char token[512];
    snprintf(token, sizeof token, "%s", usual_token(HS, PAYLOAD));
    int64_t before = cached();
    for (int i = 0; i < 3; i++) {
        assert_string_equal(check_bearer(token), "ok");
        assert_id("alice");
        assert_int_equal(expires_at_s, NOW + 600);
        assert_int_equal(cached() - before, i);
    }
    char *last = &token[strlen(token) - 5];
    *last = *last == 'A' ? 'B' : 'A';
    assert_string_equal(check_bearer(token), "bad_signature");
    assert_string_equal(check_bearer(token), "bad_signature");
    assert_int_equal(cached() - before, 2);
}

static void a_token_of_the_cache_expires(void **state)
{
    (void)state;
    char authorization[512];
    snprintf(authorization, sizeof authorization, "Bearer %s", usual_token(HS, PAYLOAD));
    assert_string_equal(check_at(authorization, NOW), "ok");
    assert_string_equal(check_at(authorization, NOW + 629), "ok");
    assert_string_equal(check_at(authorization, NOW + 630), "expired");
}

static void long_credentials_are_refused_unread(void **state)
{
    (void)state;
    static char authorization[8192] = "Bearer ";
    memset(authorization + 7, 'a', 4097);
    assert_string_equal(check_at(authorization, NOW), "oversized");
}

static void the_admin_token_is_an_admins_key(void **state)
{
    struct error error = {""};
    char token[512];
    tear_down(state);
    snprintf(options.gateway_admin_token, sizeof options.gateway_admin_token, "coupond_a.b.c"); /* any form */
    write_key(HS);
    assert_int_equal(start(&error), 0);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(check_bearer("coupond_a.b.c"), "ok");
        assert_id(PRINCIPAL_ADMIN_ID);
        assert_int_equal(principal.roles, ROLE_ADMIN);
        assert_true(expires_at_s == IDENTITY_NEVER);
    }
    assert_string_equal(check_bearer("coupond_a.b.d"), "unknown_api_key");
    assert_string_equal(check_bearer("a.b.c"), "malformed");
    snprintf(token, sizeof token, "%s", usual_token(HS, PAYLOAD));
    assert_string_equal(check_bearer(token), "ok");
    assert_id("alice");
}

/* --- keys that are read again --- */

static void a_replaced_file_takes_effect_and_empties_the_cache(void **state)
{
    (void)state;
    char old[512], new[512];
    snprintf(old, sizeof old, "%s", usual_token(HS, PAYLOAD));
    snprintf(new, sizeof new, "%s", usual_token(ES, PAYLOAD));
    assert_string_equal(check_bearer(old), "ok");
    assert_string_equal(check_bearer(new), "unknown_key");
    write_key(ES);
    wait_for(new, "ok");
    assert_string_equal(check_bearer(old), "unknown_key");
}

static void a_broken_file_keeps_the_keys_from_before(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAA", "{\"keys\":[]}", "no JSON"};
    char old[512], new[512];
    snprintf(old, sizeof old, "%s", usual_token(HS, PAYLOAD));
    snprintf(new, sizeof new, "%s", usual_token(ES, PAYLOAD));
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_file(jwk_set_path, broken[i]);
        wait_for_why("gateway/jwk_set_file cannot be used", true);
        assert_string_equal(check_bearer(old), "ok");
        write_key(HS);
        wait_for_why("", true);
    }
    unlink(jwk_set_path);
    wait_for_why("cannot be opened", true);
    assert_string_equal(check_bearer(old), "ok");
    write_key(ES);
    wait_for(new, "ok");
    wait_for_why("", true);
}

static void a_file_that_cannot_be_used_at_the_start_is_an_error(void **state)
{
    struct error error = {""};
    tear_down(state);
    assert_int_equal(start(&error), -1);
    assert_non_null(strstr(error.text, "gateway/jwk_set_file"));
    write_file(jwk_set_path, "{\"keys\":[]}");
    assert_int_equal(start(&error), -1);
    snprintf(options.gateway_jwk_set_file, sizeof options.gateway_jwk_set_file, "%s", directory);
    assert_int_equal(start(&error), -1);
    assert_non_null(strstr(error.text, "regular file"));
}

static void api_keys_are_read_again_beside_the_keys_of_tokens(void **state)
{
    struct error error = {""};
    char key[API_KEY_LENGTH + 1], hash[API_KEY_HASH_LENGTH + 1], row[256], token[512];
    tear_down(state);
    api_key_create(key);
    api_key_hash((struct span){key, API_KEY_LENGTH}, hash);
    snprintf(options.gateway_api_keys_file, sizeof options.gateway_api_keys_file, "%s", api_keys_path);
    write_key(HS);
    write_file(api_keys_path, "# none yet\n");
    assert_int_equal(start(&error), 0);
    assert_string_equal(check_bearer(key), "unknown_api_key");
    snprintf(row, sizeof row, "shop viewer %s\n", hash);
    write_file(api_keys_path, row);
    wait_for(key, "ok");
    assert_id("key:shop");
    assert_int_equal(principal.roles, ROLE_VIEWER);
    snprintf(token, sizeof token, "%s", usual_token(HS, PAYLOAD));
    assert_string_equal(check_bearer(token), "ok");
    write_file(api_keys_path, "shop viewer\n");
    wait_for_why("gateway/api_keys_file cannot be used", true);
    assert_string_equal(check_bearer(key), "ok");
    write_file(api_keys_path, "");
    wait_for(key, "unknown_api_key");
    assert_string_equal(check_bearer(token), "ok");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(identity_is_off_unless_an_option_says_on),
        TEST(only_the_bearer_scheme_is_understood),
        TEST(a_token_is_checked_once),
        TEST(a_token_of_the_cache_expires),
        TEST(long_credentials_are_refused_unread),
        TEST(the_admin_token_is_an_admins_key),
        TEST(a_replaced_file_takes_effect_and_empties_the_cache),
        TEST(a_broken_file_keeps_the_keys_from_before),
        TEST(a_file_that_cannot_be_used_at_the_start_is_an_error),
        TEST(api_keys_are_read_again_beside_the_keys_of_tokens),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
