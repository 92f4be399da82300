/* API keys: the file, the keys, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/identity/api_keys.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* --- helpers --- */

static struct error error;

static struct api_keys *parse(const char *text)
{
    error.text[0] = '\0';
    return api_keys_parse((struct span){text, strlen(text)}, &error);
}

static int count_of(const char *text)
{
    struct api_keys *keys = parse(text);
    int count = keys == NULL ? -1 : (int)api_keys_count(keys);
    api_keys_destroy(&keys);
    return count;
}

/* --- tests --- */

static void a_key_is_known_by_its_hash_alone(void **state)
{
    (void)state;
    char key[API_KEY_LENGTH + 1], other[API_KEY_LENGTH + 1], hash[API_KEY_HASH_LENGTH + 1], text[512];
    api_key_create(key);
    api_key_create(other);
    assert_string_not_equal(key, other);
    assert_int_equal(strlen(key), API_KEY_LENGTH);
    api_key_hash((struct span){key, API_KEY_LENGTH}, hash);
    snprintf(text, sizeof text, "# shops\n\nshop service %s\r\n\tseller-7\tseller  " HASH, hash);
    struct api_keys *keys = parse(text);
    assert_non_null(keys);
    assert_int_equal(api_keys_count(keys), 2);
    struct principal principal;
    assert_true(api_keys_find(keys, (struct span){key, API_KEY_LENGTH}, &principal));
    assert_int_equal(principal.roles, ROLE_SERVICE);
    assert_int_equal(principal.id_length, 8);
    assert_memory_equal(principal.id, "key:shop", 8);
    assert_false(api_keys_find(keys, (struct span){other, API_KEY_LENGTH}, &principal));
    assert_false(api_keys_find(keys, (struct span){key, API_KEY_LENGTH - 1}, &principal));
    assert_false(api_keys_find(keys, (struct span){hash, API_KEY_HASH_LENGTH}, &principal)); /* it is no key */
    key[20] ^= 1;
    assert_false(api_keys_find(keys, (struct span){key, API_KEY_LENGTH}, &principal));
    api_keys_destroy(&keys);
}

static void a_file_may_be_empty(void **state)
{
    (void)state;
    assert_int_equal(count_of(""), 0);
    assert_int_equal(count_of("\n  \n# nothing\n#"), 0);
}

static void malformed_rows_are_refused_with_their_line(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "shop",
        "shop service",
        "shop owner " HASH,
        "shop service,admin " HASH,
        "shop service 0123",
        "shop service " HASH "0",
        "shop service " HASH " more",
        "sh/op service " HASH,
        "admin admin " HASH, /* the id of gateway/admin_token */
        "first service " HASH,
        "shop service g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa service " HASH,
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, "# keys\nfirst service " HASH "\n%s\n", rows[i]);
        assert_int_equal(count_of(text), -1);
        assert_non_null(strstr(error.text, "line 3"));
    }
    static const char nul[] = "shop service " HASH "\0\n";
    assert_null(api_keys_parse((struct span){nul, sizeof nul - 1}, &error));
}

static void the_number_of_keys_and_bytes_is_bounded(void **state)
{
    (void)state;
    static char text[2 * API_KEYS_BYTES_MAX];
    for (int count = API_KEYS_MAX; count <= API_KEYS_MAX + 1; count++) {
        size_t length = 0;
        for (int i = 0; i < count; i++)
            length += (size_t)snprintf(text + length, sizeof text - length, "k%d user " HASH "\n", i);
        assert_int_equal(count_of(text), count <= API_KEYS_MAX ? count : -1);
    }
    snprintf(text, sizeof text, "shop service " HASH "\n%*s", API_KEYS_BYTES_MAX, "");
    assert_int_equal(count_of(text), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_known_by_its_hash_alone),
        cmocka_unit_test(a_file_may_be_empty),
        cmocka_unit_test(malformed_rows_are_refused_with_their_line),
        cmocka_unit_test(the_number_of_keys_and_bytes_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
