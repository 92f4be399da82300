/* Which member decides a partition, as pongs tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/link/owner.h"

enum { A, B, C };

static void owner_is_who_says_so(void **state)
{
    struct link_owner owner = {.now = MEMBER_NONE};
    (void)state;
    link_owner_note(&owner, A, 3, false);
    assert_int_equal(owner.now, MEMBER_NONE);
    link_owner_note(&owner, B, 3, true);
    assert_int_equal(owner.now, B);
    link_owner_note(&owner, B, 3, false);
    assert_int_equal(owner.now, MEMBER_NONE);
}

static void owner_of_a_higher_epoch_wins(void **state)
{
    struct link_owner owner = {.now = MEMBER_NONE};
    (void)state;
    link_owner_note(&owner, A, 3, true);
    link_owner_note(&owner, B, 4, true);
    assert_int_equal(owner.now, B);
    link_owner_note(&owner, A, 3, true); /* it stood still */
    assert_int_equal(owner.now, B);
    link_owner_forget(&owner, B);
    assert_int_equal(owner.now, MEMBER_NONE);
    link_owner_note(&owner, A, 3, true);
    assert_int_equal(owner.now, MEMBER_NONE);
    link_owner_note(&owner, A, 5, true);
    assert_int_equal(owner.now, A);
}

static void owner_of_an_epoch_that_has_passed_does_not_count(void **state)
{
    struct link_owner owner = {.now = MEMBER_NONE};
    (void)state;
    link_owner_note(&owner, A, 3, true);
    link_owner_note(&owner, C, 4, false); /* somebody has raised it */
    assert_int_equal(owner.now, MEMBER_NONE);
    link_owner_note(&owner, A, 4, true); /* it was A */
    assert_int_equal(owner.now, A);
}

static void owner_stays_while_it_decides(void **state)
{
    struct link_owner owner = {.now = MEMBER_NONE};
    (void)state;
    link_owner_note(&owner, B, 0, true); /* an issuer without members has no epochs */
    assert_int_equal(owner.now, B);
    link_owner_note(&owner, A, 0, true);
    assert_int_equal(owner.now, B);
    link_owner_forget(&owner, A);
    assert_int_equal(owner.now, B);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_is_who_says_so),
        cmocka_unit_test(owner_of_a_higher_epoch_wins),
        cmocka_unit_test(owner_of_an_epoch_that_has_passed_does_not_count),
        cmocka_unit_test(owner_stays_while_it_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
