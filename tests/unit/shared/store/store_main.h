/*
 * The main function of tests that promise the same of sqlite and, if there is a server, of mysql: PROMISES(X) lists
 * them.
 */
#ifndef COUPOND_TEST_STORE_MAIN_H
#define COUPOND_TEST_STORE_MAIN_H

#include "tests/unit/shared/store/store_fixture.h"

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, store_fixture_setup_sqlite, store_fixture_teardown),
#define ON_MYSQL(test)  cmocka_unit_test_setup_teardown(test, store_fixture_setup_mysql, store_fixture_teardown),

int main(void)
{
    const struct CMUnitTest sqlite[] = {PROMISES(ON_SQLITE)};
    const struct CMUnitTest mysql[] = {PROMISES(ON_MYSQL)};
    const struct CMUnitTest no_mysql[] = {cmocka_unit_test(mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set)};
    int failures = cmocka_run_group_tests_name("store sqlite", sqlite, NULL, NULL);
    failures += store_fixture_has_mysql() ? cmocka_run_group_tests_name("store mysql", mysql, NULL, NULL)
                                          : cmocka_run_group_tests_name("store mysql", no_mysql, NULL, NULL);
    return failures;
}

#endif
