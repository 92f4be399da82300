/* The bytes that an Idempotency-Key may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/api/idempotency_key.h"

static void a_key_has_ascii_characters_from_space_to_tilde(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = {'a', (char)byte, 'b'};
        uint64_t hash = 0;
        assert_int_equal(idempotency_key_read((struct span){text, 3}, &hash), byte >= 0x20 && byte <= 0x7e);
        assert_int_equal(hash != 0, byte >= 0x20 && byte <= 0x7e);
    }
}

static void a_key_has_1_to_255_characters(void **state)
{
    char text[256];
    uint64_t hash = 0;
    (void)state;
    memset(text, 'x', sizeof text);
    assert_false(idempotency_key_read((struct span){text, 0}, &hash));
    assert_true(idempotency_key_read((struct span){text, 1}, &hash));
    assert_true(idempotency_key_read((struct span){text, 255}, &hash));
    assert_false(idempotency_key_read((struct span){text, 256}, &hash));
}

static void keys_are_told_apart_by_their_hash(void **state)
{
    uint64_t first = 0, second = 0, again = 0;
    (void)state;
    assert_true(idempotency_key_read(SPAN_LITERAL("a"), &first));
    assert_true(idempotency_key_read(SPAN_LITERAL("b"), &second));
    assert_true(idempotency_key_read(SPAN_LITERAL("a"), &again));
    assert_true(first == again && first != second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_ascii_characters_from_space_to_tilde),
        cmocka_unit_test(a_key_has_1_to_255_characters),
        cmocka_unit_test(keys_are_told_apart_by_their_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
