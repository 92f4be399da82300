/*
 * Pages of issues for readers: complete, in order, and continued after any issue; for sqlite and, if there is a server,
 * mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/query.h"
#include "tests/unit/shared/store/old_schemas.h"
#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

#define MINUTE_US INT64_C(60000000)
#define NOON_US   INT64_C(1763691900000000)

struct found {
    char text[512]; /* "coupon/sequence/user " of each issue */
    char title[64]; /* of the last one */
    struct store_issue_key last;
    size_t stop_at;
    size_t count;
};

static bool note(void *arg, const struct store_issue_view *view)
{
    struct found *found = arg;
    const struct store_issue *issue = &view->issue;
    size_t length = strlen(found->text);
    snprintf(found->text + length, sizeof found->text - length, "%.*s/%u/%.*s ", (int)issue->coupon_id_length,
             issue->coupon_id, issue->sequence, (int)issue->user_id_length, issue->user_id);
    snprintf(found->title, sizeof found->title, "%.*s", (int)view->title_length,
             view->title != NULL ? view->title : "");
    found->last.issued_at_us = issue->issued_at_us;
    found->last.sequence = issue->sequence;
    found->last.coupon_id_length = issue->coupon_id_length;
    memcpy(found->last.coupon_id, issue->coupon_id, issue->coupon_id_length);
    return ++found->count != found->stop_at;
}

enum list { OF_USER, OF_COUPON, OF_ALL };

static enum store_result read_list(struct store_fixture *fixture, enum list list, const struct store_issue_query *query,
                                   struct found *found)
{
    struct store *store = fixture->store;
    if (list == OF_USER)
        return store_read_user_issues(store, query, note, found, &fixture->error);
    if (list == OF_COUPON)
        return store_read_coupon_issues(store, query, note, found, &fixture->error);
    return store_read_all_issues(store, query, note, found, &fixture->error);
}

static struct found read_page(struct store_fixture *fixture, enum list list, const char *id,
                              const struct store_issue_key *after, size_t limit)
{
    struct found found = {.text = ""};
    const struct store_issue_query query = {id, strlen(id), after, limit};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    if (read_list(fixture, list, &query, &found) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    store_read_end(fixture->store);
    return found;
}

/* Pages of two issues one after the other have the same issues as a single one. */
static void assert_issues(struct store_fixture *fixture, enum list list, const char *id, const char *wanted)
{
    char joined[512] = "";
    struct found page = read_page(fixture, list, id, NULL, 0);
    assert_string_equal(page.text, wanted);
    page = read_page(fixture, list, id, NULL, 2);
    while (page.count > 0) {
        assert_in_range(page.count, 1, 2);
        strcat(joined, page.text);
        page = read_page(fixture, list, id, &page.last, 2);
    }
    assert_string_equal(joined, wanted);
}

/* Three coupons; alice's issues of "b" share one time. */
static void write_issues(struct store_fixture *fixture)
{
    store_fixture_migrate(fixture);
    store_fixture_begin(fixture);
    strcpy(store_fixture_coupon(fixture, "a", 1)->title, "커피 ☕");
    store_fixture_coupon(fixture, "b", 2)->per_user_limit = 3;
    store_fixture_coupon(fixture, "c-3", 3);
    store_fixture_issue(fixture, "a", 1, "alice", 4)->issued_at_us = NOON_US + 2 * MINUTE_US;
    store_fixture_issue(fixture, "a", 2, "bob", 5)->issued_at_us = NOON_US + 2 * MINUTE_US;
    for (uint32_t i = 1; i <= 3; i++) {
        struct store_issue *issue = store_fixture_issue(fixture, "b", i, i == 2 ? "bob" : "alice", 5 + i);
        issue->issued_at_us = NOON_US + MINUTE_US;
        issue->nth = i == 3 ? 2 : 1;
    }
    store_fixture_issue(fixture, "c-3", 1, "alice", 9)->issued_at_us = NOON_US;
    fixture->batch.last_seq = 9;
    store_fixture_assert_written(fixture);
}

/* --- tests --- */

static void a_user_has_all_issues_newest_first(void **state)
{
    struct store_fixture *fixture = *state;
    write_issues(fixture);
    assert_issues(fixture, OF_USER, "alice", "a/1/alice b/3/alice b/1/alice c-3/1/alice ");
    assert_issues(fixture, OF_USER, "bob", "a/2/bob b/2/bob ");
    assert_issues(fixture, OF_USER, "Alice", "");
    assert_issues(fixture, OF_USER, "' OR 1 = 1 --", "");
}

static void an_issue_of_a_user_comes_with_the_coupons_title(void **state)
{
    struct store_fixture *fixture = *state;
    write_issues(fixture);
    assert_string_equal(read_page(fixture, OF_USER, "alice", NULL, 1).title, "커피 ☕");
    store_fixture_sql(fixture, "DELETE FROM coupon WHERE id = 'a'");
    struct found found = read_page(fixture, OF_USER, "alice", NULL, 1);
    assert_string_equal(found.text, "a/1/alice ");
    assert_string_equal(found.title, "");
}

static void a_coupon_has_its_issues_by_sequence(void **state)
{
    struct store_fixture *fixture = *state;
    write_issues(fixture);
    assert_issues(fixture, OF_COUPON, "b", "b/1/alice b/2/bob b/3/alice ");
    assert_issues(fixture, OF_COUPON, "c-3", "c-3/1/alice ");
    assert_issues(fixture, OF_COUPON, "c", "");
}

static void all_issues_are_read_by_coupon_and_sequence(void **state)
{
    struct store_fixture *fixture = *state;
    write_issues(fixture);
    assert_issues(fixture, OF_ALL, "", "a/1/alice a/2/bob b/1/alice b/2/bob b/3/alice c-3/1/alice ");
}

static void a_page_ends_when_its_reader_has_enough(void **state)
{
    struct store_fixture *fixture = *state;
    struct found found = {.stop_at = 2};
    const struct store_issue_query query = {"b", 1, NULL, 0};
    write_issues(fixture);
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_read_coupon_issues(fixture->store, &query, note, &found, &fixture->error), STORE_OK);
    store_read_end(fixture->store);
    assert_string_equal(found.text, "b/1/alice b/2/bob ");
    assert_issues(fixture, OF_COUPON, "c-3", "c-3/1/alice ");
}

static void one_issue_is_found_or_not(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_issue which = {.coupon_id = "b", .coupon_id_length = 1, .sequence = 2};
    struct found found = {.text = ""};
    struct store_coupon_owner owner;
    write_issues(fixture);
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_read_issue(fixture->store, &which, note, &found, &fixture->error), STORE_OK);
    which.sequence = 4;
    assert_int_equal(store_read_issue(fixture->store, &which, note, &found, &fixture->error), STORE_OK);
    assert_string_equal(found.text, "b/2/bob ");
    assert_int_equal(store_find_owner(fixture->store, "c-3", 3, &owner, &fixture->error), STORE_OK);
    assert_true(owner.found);
    assert_int_equal(store_find_owner(fixture->store, "c", 1, &owner, &fixture->error), STORE_OK);
    assert_false(owner.found);
    store_read_end(fixture->store);
}

static bool note_earlier(void *arg, const struct store_issue *issue)
{
    struct found *found = arg;
    size_t length = strlen(found->text);
    snprintf(found->text + length, sizeof found->text - length, "%u/%u/%.*s ", issue->sequence, issue->nth,
             (int)issue->user_id_length, issue->user_id);
    return true;
}

static void assert_earlier(struct store_fixture *fixture, const uint8_t journal_id[16], const char *coupon,
                           uint32_t before, size_t limit, const char *wanted)
{
    struct found found = {.text = ""};
    const struct store_earlier_query query = {journal_id, coupon, strlen(coupon), before, limit};
    assert_int_equal(store_read_begin(fixture->store, &fixture->error), STORE_OK);
    if (store_read_earlier_issues(fixture->store, &query, note_earlier, &found, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    store_read_end(fixture->store);
    assert_string_equal(found.text, wanted);
}

static void the_issues_before_a_sequence_are_read_latest_first(void **state)
{
    struct store_fixture *fixture = *state;
    write_issues(fixture);
    const uint8_t *journal_id = fixture->batch.journal_id;
    assert_earlier(fixture, journal_id, "b", UINT32_MAX, 9, "3/2/alice 2/1/bob 1/1/alice ");
    assert_earlier(fixture, journal_id, "b", UINT32_MAX, 2, "3/2/alice 2/1/bob ");
    assert_earlier(fixture, journal_id, "b", 2, 2, "1/1/alice ");
    assert_earlier(fixture, journal_id, "b", 1, 2, "");
    assert_earlier(fixture, journal_id, "c", UINT32_MAX, 9, "");
    assert_earlier(fixture, (const uint8_t *)"another journal ", "b", UINT32_MAX, 9, "");
}

/* The issuer may start before its persister. */
static void issues_are_read_before_the_store_is_migrated(void **state)
{
    struct store_fixture *fixture = *state;
    old_schema_create(fixture, 3);
    store_fixture_begin(fixture);
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
    assert_earlier(fixture, fixture->batch.journal_id, "c", UINT32_MAX, 9, "2/1/bert 1/1/anna ");
}

static void a_store_that_only_reads_reads_and_writes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    write_issues(fixture);
    store_only_read(fixture->store);
    assert_int_equal(store_connect(fixture->store, &fixture->error), STORE_OK);
    assert_int_equal(store_check_schema(fixture->store, &fixture->error), STORE_OK);
    assert_issues(fixture, OF_COUPON, "c-3", "c-3/1/alice ");
}

static void mysql_is_not_tested_because_COUPOND_TEST_MYSQL_is_not_set(void **state)
{
    (void)state;
    skip();
}

#define PROMISES(X)                                                                                                    \
    X(a_user_has_all_issues_newest_first)                                                                              \
    X(an_issue_of_a_user_comes_with_the_coupons_title)                                                                 \
    X(a_coupon_has_its_issues_by_sequence)                                                                             \
    X(all_issues_are_read_by_coupon_and_sequence)                                                                      \
    X(a_page_ends_when_its_reader_has_enough)                                                                          \
    X(the_issues_before_a_sequence_are_read_latest_first)                                                              \
    X(issues_are_read_before_the_store_is_migrated)                                                                    \
    X(one_issue_is_found_or_not)                                                                                       \
    X(a_store_that_only_reads_reads_and_writes_nothing)

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
