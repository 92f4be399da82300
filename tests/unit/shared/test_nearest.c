/*
 * "Did you mean": what is close, what is not, and the limits of length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/nearest.h"

static const char *nearest_to(const char *word)
{
    static const char *const candidates[] = {"gateway", "issuer", "persister", "verify", "top", "store/type"};
    static struct nearest nearest;
    nearest_init(&nearest, word, strlen(word));
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        nearest_offer(&nearest, candidates[i]);
    return nearest_found(&nearest);
}

static void a_slip_finds_the_word(void **state)
{
    (void)state;
    assert_string_equal(nearest_to("gatewy"), "gateway");        /* one character missing */
    assert_string_equal(nearest_to("isssuer"), "issuer");        /* one too many */
    assert_string_equal(nearest_to("persistor"), "persister");   /* one replaced */
    assert_string_equal(nearest_to("stroe/type"), "store/type"); /* two swapped */
    assert_string_equal(nearest_to("tpo"), "top");
}

static void another_word_finds_nothing(void **state)
{
    (void)state;
    assert_null(nearest_to("serve"));
    assert_null(nearest_to("ab"));
    assert_null(nearest_to(""));
    assert_null(nearest_to("s3cret"));
}

static void a_swap_is_one_edit(void **state)
{
    (void)state;
    assert_string_equal(nearest_to("otp"), "top");
    assert_null(nearest_to("opt"));
}

static void a_long_word_finds_nothing(void **state)
{
    (void)state;
    char word[2 * NEAREST_WORD_MAX], longest[NEAREST_WORD_MAX + 2];
    struct nearest nearest;
    memset(word, 'a', sizeof word);
    memset(longest, 'a', sizeof longest);
    longest[NEAREST_WORD_MAX + 1] = '\0';
    nearest_init(&nearest, word, NEAREST_WORD_MAX + 1);
    nearest_offer(&nearest, longest + 1);
    assert_null(nearest_found(&nearest));
    nearest_init(&nearest, word, NEAREST_WORD_MAX);
    nearest_offer(&nearest, longest);
    assert_null(nearest_found(&nearest));
    nearest_offer(&nearest, longest + 1);
    assert_string_equal(nearest_found(&nearest), longest + 1);
}

static void the_hint_is_empty_or_a_question(void **state)
{
    (void)state;
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    nearest_init(&nearest, "gatewy", 6);
    assert_string_equal(nearest_hint(&nearest, hint), "");
    nearest_offer(&nearest, "gateway");
    assert_string_equal(nearest_hint(&nearest, hint), "; did you mean gateway?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_finds_the_word),
        cmocka_unit_test(another_word_finds_nothing),
        cmocka_unit_test(a_swap_is_one_edit),
        cmocka_unit_test(a_long_word_finds_nothing),
        cmocka_unit_test(the_hint_is_empty_or_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
