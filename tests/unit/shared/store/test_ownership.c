/*
 * The row that names who decides a partition: changed only by who knows it, whoever else asks at the same time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/ownership.h"
#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static struct store_ownership row_of(uint64_t epoch, const char *owner, const char *standby)
{
    struct store_ownership row = {.partition = 3, .epoch = epoch};
    memset(row.journal_id, 0x5a, sizeof row.journal_id);
    snprintf(row.owner, sizeof row.owner, "%s", owner);
    snprintf(row.standby, sizeof row.standby, "%s", standby);
    return row;
}

static void create(struct store_fixture *fixture, const struct store_ownership *row)
{
    if (store_ownership_create(fixture->store, row, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
}

static void assert_row(struct store_fixture *fixture, const struct store_ownership *row)
{
    struct store_ownership there;
    bool found;
    assert_int_equal(store_ownership_read(fixture->store, row->partition, &there, &found, &fixture->error), STORE_OK);
    assert_true(found);
    assert_memory_equal(there.journal_id, row->journal_id, sizeof row->journal_id);
    assert_int_equal(there.epoch, row->epoch);
    assert_string_equal(there.owner, row->owner);
    assert_string_equal(there.standby, row->standby);
}

static bool change(struct store *store, const struct store_ownership *from, const struct store_ownership *to)
{
    struct error error = {""};
    bool matched;
    if (store_ownership_change(store, from, to, &matched, &error) != STORE_OK)
        fail_msg("%s", error.text);
    return matched;
}

/* --- tests --- */

static void a_row_is_created_once_and_read_as_it_is(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    const struct store_ownership first = row_of(1, "issuer-1", ""), second = row_of(7, "issuer-2", "issuer-3");
    create(fixture, &first);
    create(fixture, &second); /* somebody was faster */
    assert_row(fixture, &first);
    struct store_ownership there;
    bool found = true;
    assert_int_equal(store_ownership_read(fixture->store, 4, &there, &found, &fixture->error), STORE_OK);
    assert_false(found);
}

static void a_change_happens_only_to_the_row_that_its_writer_knows(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    const struct store_ownership first = row_of(1, "issuer-1", ""), named = row_of(2, "issuer-1", "issuer-2"),
                                 taken = row_of(3, "issuer-2", "issuer-1"), late = row_of(2, "issuer-1", "issuer-3");
    create(fixture, &first);
    assert_true(change(fixture->store, &first, &named));
    assert_false(change(fixture->store, &first, &late)); /* delayed */
    assert_row(fixture, &named);
    assert_true(change(fixture->store, &named, &taken));
    assert_false(change(fixture->store, &named, &named));
    assert_row(fixture, &taken);
}

static void each_part_of_the_row_counts(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    const struct store_ownership row = row_of(5, "issuer-1", "issuer-2"), to = row_of(6, "x", "");
    const struct store_ownership others[] = {row_of(4, "issuer-1", "issuer-2"), row_of(5, "issuer-3", "issuer-2"),
                                             row_of(5, "issuer-1", ""), row_of(5, "ISSUER-1", "issuer-2")};
    create(fixture, &row);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(change(fixture->store, &others[i], &to));
    struct store_ownership foreign = row;
    foreign.journal_id[0] = 0;
    assert_false(change(fixture->store, &foreign, &to));
    assert_row(fixture, &row);
}

static void a_touch_matches_although_it_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    const struct store_ownership row = row_of(5, "issuer-1", "");
    create(fixture, &row);
    for (unsigned i = 0; i < 3; i++)
        assert_true(change(fixture->store, &row, &row));
    assert_row(fixture, &row);
}

static void of_two_members_one_wins(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    struct store *other = store_fixture_another(fixture);
    struct store_ownership row = row_of(1, "issuer-1", "issuer-2");
    create(fixture, &row);
    for (unsigned i = 0; i < 20; i++) {
        struct store_ownership shrunk = row_of(row.epoch + 1, "issuer-1", ""),
                               taken = row_of(row.epoch + 1, "issuer-2", "issuer-1");
        bool first = i % 2 == 0;
        assert_true(change(first ? fixture->store : other, &row, first ? &shrunk : &taken));
        assert_false(change(first ? other : fixture->store, &row, first ? &taken : &shrunk));
        row = first ? shrunk : taken;
    }
    assert_row(fixture, &row);
    store_destroy(&other);
}

#define PROMISES(X)                                                                                                    \
    X(a_row_is_created_once_and_read_as_it_is)                                                                         \
    X(a_change_happens_only_to_the_row_that_its_writer_knows)                                                          \
    X(each_part_of_the_row_counts)                                                                                     \
    X(a_touch_matches_although_it_changes_nothing)                                                                     \
    X(of_two_members_one_wins)

#include "tests/unit/shared/store/store_main.h"
