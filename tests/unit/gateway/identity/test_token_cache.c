/* The cache of valid credentials, with simulated times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/identity/token_cache.h"

#define NOW INT64_C(1800000000)

/* --- fixture --- */

static struct token_cache *cache;
static struct principal found;
static int64_t expires_at_s;

static int set_up(void **state)
{
    (void)state;
    cache = token_cache_create(TOKEN_CACHE_WAYS); /* one set */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    token_cache_destroy(&cache);
    return 0;
}

/* --- helpers --- */

static struct token_hash hash_of(const char *token)
{
    return token_cache_hash(cache, (struct span){token, strlen(token)});
}

static void put(const char *token, const char *id, uint64_t generation, const char *segments)
{
    struct principal principal;
    principal_set(&principal, id, strlen(id), ROLE_USER | ROLE_SELLER);
    principal.segments_length = (uint16_t)strlen(segments);
    memcpy(principal.segments, segments, strlen(segments));
    token_cache_put(cache, hash_of(token), generation, NOW + 630, &principal, NOW + 600);
}

static bool find(const char *token, uint64_t generation, int64_t now_s)
{
    memset(&found, 0xa5, sizeof found);
    return token_cache_find(cache, hash_of(token), generation, now_s, &found, &expires_at_s);
}

/* --- tests --- */

static void a_principal_is_found_whole(void **state)
{
    (void)state;
    put("token", "alice", 1, "\3vip\3new");
    assert_true(find("token", 1, NOW));
    assert_int_equal(found.roles, ROLE_USER | ROLE_SELLER);
    assert_memory_equal(found.id, "alice", 5);
    assert_int_equal(found.id_length, 5);
    assert_int_equal(found.segments_length, 8);
    assert_memory_equal(found.segments, "\3vip\3new", 8);
    assert_int_equal(expires_at_s, NOW + 600);
    assert_false(find("token2", 1, NOW));
    assert_false(find("toke", 1, NOW));
    assert_false(find("", 1, NOW));
}

static void an_entry_holds_until_its_time(void **state)
{
    (void)state;
    put("token", "alice", 1, "");
    assert_true(find("token", 1, NOW + 629));
    assert_false(find("token", 1, NOW + 630));
}

static void an_entry_does_not_survive_a_change_of_the_keys(void **state)
{
    (void)state;
    put("token", "alice", 1, "");
    assert_false(find("token", 2, NOW));
    put("token", "bob", 2, "\1x");
    assert_true(find("token", 2, NOW));
    assert_memory_equal(found.id, "bob", 3);
    assert_false(find("token", 1, NOW));
}

static void the_least_recently_used_entry_is_replaced(void **state)
{
    (void)state;
    char name[16];
    for (unsigned i = 0; i < TOKEN_CACHE_WAYS; i++) {
        snprintf(name, sizeof name, "t%u", i);
        put(name, name, 1, "\1x");
    }
    assert_true(find("t0", 1, NOW));
    put("more", "more", 1, "");
    assert_true(find("t0", 1, NOW));
    assert_false(find("t1", 1, NOW));
    assert_true(find("t2", 1, NOW));
    assert_true(find("more", 1, NOW));
}

static void hashes_depend_on_a_random_key(void **state)
{
    (void)state;
    struct token_cache *other = token_cache_create(TOKEN_CACHE_WAYS);
    struct token_hash one = hash_of("token"), two = token_cache_hash(other, SPAN_LITERAL("token"));
    assert_memory_not_equal(&one, &two, sizeof one);
    token_cache_destroy(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_principal_is_found_whole),
        TEST(an_entry_holds_until_its_time),
        TEST(an_entry_does_not_survive_a_change_of_the_keys),
        TEST(the_least_recently_used_entry_is_replaced),
        TEST(hashes_depend_on_a_random_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
