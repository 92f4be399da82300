#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/sql_text.h"

static void assert_sql(struct sql_text *sql, const char *wanted)
{
    assert_int_equal(sql->length, strlen(wanted));
    assert_memory_equal(sql->data, wanted, sql->length);
    sql_text_deinit(sql);
}

static void numbers_are_decimal(void **state)
{
    (void)state;
    struct sql_text sql = {0};
    sql_text_number(&sql, 0);
    sql_text_add(&sql, ",");
    sql_text_number(&sql, UINT64_MAX);
    assert_sql(&sql, "0,18446744073709551615");
}

static void ids_stand_between_quotes_as_they_are(void **state)
{
    (void)state;
    struct sql_text sql = {0};
    sql_text_quoted(&sql, "A-Z a_z.0:9@", 12);
    assert_sql(&sql, "'A-Z a_z.0:9@'");
}

static void whatever_else_is_hexadecimal(void **state)
{
    (void)state;
    struct sql_text sql = {0};
    const char *const hostile[] = {"'", "\\", "\"", "\n", "%", ";"};
    const char *const wanted[] = {"_utf8mb4 x'27'", "_utf8mb4 x'5c'", "_utf8mb4 x'22'",
                                  "_utf8mb4 x'0a'", "_utf8mb4 x'25'", "_utf8mb4 x'3b'"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        sql_text_quoted(&sql, hostile[i], 1);
        assert_sql(&sql, wanted[i]);
    }
    sql_text_quoted(&sql, "\0é", 3);
    assert_sql(&sql, "_utf8mb4 x'00c3a9'");
    sql_text_quoted(&sql, "", 0);
    assert_sql(&sql, "''");
}

static void times_are_datetimes_and_no_time_is_null(void **state)
{
    (void)state;
    struct sql_text sql = {0};
    sql_text_time(&sql, "2026-11-21T02:25:00.000001Z");
    sql_text_add(&sql, ",");
    sql_text_time(&sql, NULL);
    assert_sql(&sql, "'2026-11-21 02:25:00.000001',NULL");
}

static void a_cleared_statement_keeps_its_memory(void **state)
{
    (void)state;
    struct sql_text sql = {0};
    for (int i = 0; i < 1000; i++)
        sql_text_add(&sql, "SELECT 1;");
    size_t capacity = sql.capacity;
    sql_text_clear(&sql);
    sql_text_add(&sql, "x");
    assert_int_equal(sql.capacity, capacity);
    assert_sql(&sql, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(ids_stand_between_quotes_as_they_are),
        cmocka_unit_test(whatever_else_is_hexadecimal),
        cmocka_unit_test(times_are_datetimes_and_no_time_is_null),
        cmocka_unit_test(a_cleared_statement_keeps_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
