/*
 * A user who was erased does not stand as the actor of earlier changes either, whomever they concern and in whichever
 * order records are written; for sqlite and, if there is a server, mysql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/store/erased.h"
#include "tests/unit/shared/store/store_fixture.h"

/* --- helpers --- */

static void begin_frame(struct store_fixture *fixture, uint64_t first, uint64_t last)
{
    store_fixture_begin(fixture);
    store_fixture_add_keys(fixture);
    fixture->batch.first_seq = first;
    fixture->batch.last_seq = last;
}

static void write_coupon(struct store_fixture *fixture, const char *actor, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    store_fixture_coupon(fixture, "c", seq);
    store_fixture_borrow(fixture);
    fixture->rows[0].origin = (struct journal_origin){actor, strlen(actor), "r", 1};
    assert_int_equal(store_write(fixture->store, &fixture->batch, &fixture->error), STORE_OK);
}

static void write_issue(struct store_fixture *fixture, uint32_t sequence, const char *user_id, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    store_fixture_issue(fixture, "c", sequence, user_id, seq);
    store_fixture_assert_written(fixture);
}

static void write_change(struct store_fixture *fixture, uint32_t sequence, const char *actor, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    struct store_change *change = store_fixture_change(fixture, "c", sequence, ISSUE_REDEEMED, seq);
    change->actor = actor;
    change->actor_length = (uint8_t)strlen(actor);
    store_fixture_assert_written(fixture);
}

static void write_erasure(struct store_fixture *fixture, const char *user_id, const char *actor, uint64_t seq)
{
    begin_frame(fixture, seq, seq);
    struct store_erasure *erasure = store_fixture_erasure(fixture, user_id, seq);
    erasure->actor = actor;
    erasure->actor_length = (uint8_t)strlen(actor);
    store_fixture_assert_written(fixture);
}

static int64_t count_of(struct store_fixture *fixture, const char *table, const char *actor)
{
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s WHERE actor = '%s'", table, actor);
    return store_fixture_number(fixture, sql);
}

static int64_t hidden(struct store_fixture *fixture, const char *table, const char *actor)
{
    char id[ERASED_ID_LENGTH + 1];
    uint8_t fingerprint[16];
    store_fixture_add_keys(fixture);
    store_fingerprint(fixture->batch.fingerprint_key, actor, strlen(actor), fingerprint);
    store_erased_id(fingerprint, id);
    return count_of(fixture, table, id);
}

/* How often the actor stands in the tables by name, and as a fingerprint. */
static void assert_acts(struct store_fixture *fixture, const char *actor, int64_t named, int64_t erased)
{
    static const char *const tables[] = {"coupon_issue_state", "coupon_history", "erasure"};
    int64_t names = 0, fingerprints = 0;
    for (size_t i = 0; i < 3; i++) {
        names += count_of(fixture, tables[i], actor);
        fingerprints += hidden(fixture, tables[i], actor);
    }
    assert_int_equal(names, named);
    assert_int_equal(fingerprints, erased);
}

/* --- tests --- */

static void an_erased_user_is_no_longer_named_as_an_actor(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "anna", 1);
    write_coupon(fixture, "bob", 2);
    write_issue(fixture, 1, "anna", 3);
    write_issue(fixture, 2, "carl", 4);
    write_change(fixture, 1, "anna", 5);
    write_change(fixture, 2, "anna", 6);
    write_erasure(fixture, "dora", "anna", 7);
    assert_acts(fixture, "anna", 4, 0);
    write_erasure(fixture, "anna", "bob", 8);
    assert_acts(fixture, "anna", 0, 4);
    assert_acts(fixture, "bob", 2, 0);
}

static void somebody_who_erases_itself_is_not_named_by_the_erasure(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "anna", 1);
    write_erasure(fixture, "anna", "anna", 2);
    assert_acts(fixture, "anna", 0, 2);
}

static void what_the_user_does_after_the_erasure_keeps_the_name(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "anna", 1);
    write_erasure(fixture, "anna", "bob", 2);
    write_coupon(fixture, "anna", 3);
    assert_acts(fixture, "anna", 1, 1);
    write_erasure(fixture, "anna", "bob", 4);
    assert_acts(fixture, "anna", 0, 2);
}

static void changes_that_come_after_a_later_erasure_are_erased_too(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "bob", 1);
    write_issue(fixture, 1, "carl", 2);
    write_erasure(fixture, "anna", "bob", 9);
    write_coupon(fixture, "anna", 3);
    write_change(fixture, 1, "anna", 4);
    write_erasure(fixture, "dora", "anna", 5);
    assert_acts(fixture, "anna", 0, 3);
}

static void a_change_that_is_resent_after_the_erasure_stays_erased(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "anna", 1);
    write_issue(fixture, 1, "carl", 2);
    write_change(fixture, 1, "anna", 3);
    write_erasure(fixture, "anna", "bob", 4);
    write_coupon(fixture, "anna", 1);
    write_change(fixture, 1, "anna", 3);
    assert_acts(fixture, "anna", 0, 2);
}

static void a_state_with_another_actor_is_still_a_contradiction(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "bob", 1);
    write_issue(fixture, 1, "carl", 2);
    write_change(fixture, 1, "bob", 3);
    begin_frame(fixture, 3, 3);
    struct store_change *change = store_fixture_change(fixture, "c", 1, ISSUE_REDEEMED, 3);
    change->actor = "eve";
    change->actor_length = 3;
    assert_int_equal(store_fixture_write(fixture), STORE_REJECTED);
}

static void an_erasure_leaves_the_acts_in_other_partitions_alone(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    write_coupon(fixture, "anna", 1);
    store_fixture_sql(fixture, "UPDATE journal SET partitions = 2 WHERE partition_no = 0");
    uint16_t theirs = coupon_partition("c", 1, 2);
    begin_frame(fixture, 2, 2);
    fixture->batch.partitions = 2;
    fixture->batch.partition = (uint16_t)(1 - theirs);
    if (fixture->batch.partition != 0)
        memset(fixture->batch.journal_id, 0x5b, sizeof fixture->batch.journal_id);
    if (fixture->batch.partition != 0)
        fixture->batch.first_seq = 1;
    store_fixture_erasure(fixture, "anna", 2);
    store_fixture_assert_written(fixture);
    assert_acts(fixture, "anna", 1, 0);
}

#define PROMISES(X)                                                                                                    \
    X(an_erased_user_is_no_longer_named_as_an_actor)                                                                   \
    X(somebody_who_erases_itself_is_not_named_by_the_erasure)                                                          \
    X(what_the_user_does_after_the_erasure_keeps_the_name)                                                             \
    X(changes_that_come_after_a_later_erasure_are_erased_too)                                                          \
    X(a_change_that_is_resent_after_the_erasure_stays_erased)                                                          \
    X(a_state_with_another_actor_is_still_a_contradiction)                                                             \
    X(an_erasure_leaves_the_acts_in_other_partitions_alone)

#include "tests/unit/shared/store/store_main.h"
