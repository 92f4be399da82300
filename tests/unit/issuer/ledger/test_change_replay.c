/*
 * A ledger with redeemed and revoked issues comes back the same: from its journal, from a snapshot that was taken while
 * it changed, and divided among threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "issuer/ledger/issue_list.h"
#include "issuer/ledger/sweep.h"
#include "tests/unit/issuer/ledger/ledger_fixture.h"

#define USERS   300
#define COUPONS 4

/* --- fixture: a ledger in use --- */

static char user_ids[USERS][16];
static const char *users[USERS];
static uint64_t random_state;

static int setup(void **state)
{
    random_state = 1;
    for (unsigned i = 0; i < USERS; i++) {
        snprintf(user_ids[i], sizeof user_ids[i], "user-%u", i);
        users[i] = user_ids[i];
    }
    return ledger_setup(state);
}

/* xorshift64 (Marsaglia 2003). */
static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % bound);
}

static const char *random_coupon(void)
{
    static const char *const ids[COUPONS] = {"B", "D", "F", "H"};
    return ids[random_below(COUPONS)];
}

/* Few users ask often, so that they have many issues. */
static const char *random_user(void)
{
    return users[random_below(random_below(2) ? 10 : USERS)];
}

static void random_policy(void)
{
    static const unsigned fields[] = {COUPON_FIELD_QUANTITY, COUPON_FIELD_PAUSED, COUPON_FIELD_TITLE,
                                      COUPON_FIELD_PER_USER_LIMIT, COUPON_FIELD_ARCHIVED};
    struct coupon coupon = coupon_of(random_coupon(), 1 + random_below(6000), 1 + random_below(40));
    coupon.paused = random_below(8) == 0;
    coupon.archived = random_below(8) == 0;
    if (random_below(20) == 0)
        snprintf(coupon.id, sizeof coupon.id, "%c%u", "ACEGI"[random_below(5)], random_below(10));
    if (ledger_entry(ledger, coupon.id, strlen(coupon.id)) == NULL)
        add(&coupon);
    else
        change_policy(&coupon, fields[random_below(5)]);
}

static void random_change(void)
{
    static const char *const references[] = {"r1", "r2", "r3"};
    const char *coupon = random_coupon(), *user = random_user(), *reference = references[random_below(3)];
    struct ledger_decision has = get(coupon, user);
    uint32_t sequence = random_below(2) ? 0 : has.issue.sequence;
    switch (random_below(3)) {
    case 0:
        redeem(coupon, user, reference, sequence);
        break;
    case 1:
        undo(coupon, user, reference, sequence);
        break;
    default:
        revoke(coupon, user, sequence, random_below(4));
    }
}

/* Sweeps take a while, like those of a coupon with many issues. */
static void random_sweep(void)
{
    const char *coupon = random_coupon();
    const struct ledger_coupon *entry = ledger_entry(ledger, coupon, strlen(coupon));
    if (random_below(20) != 0)
        sweep_step(1 + random_below(20));
    else if (entry->issued > 0 && entry->sweep == NULL)
        sweep(coupon, random_below(4));
}

static void use(unsigned requests)
{
    for (unsigned i = 0; i < requests; i++, now_us += random_below(1000)) {
        if (random_below(100) == 0)
            random_policy();
        else if (random_below(20) == 0)
            random_sweep();
        else if (random_below(2) == 0)
            random_change();
        else
            ask(1 + random_below(2), random_coupon(), random_user(), 0, random_below(2) ? 0 : 1 + random_below(50));
    }
}

static void begin(void)
{
    static const char *const ids[] = {"D", "B", "H", "F"};
    for (unsigned i = 0; i < COUPONS; i++)
        add_simple(ids[i], i == 0 ? QUANTITY_UNLIMITED : 1500 * i, 1 + 12 * i);
}

/* --- helpers: snapshots --- */

/* Passes one piece on, as a snapshot's file does. */
static void load(struct ledger *into, const struct ledger_piece *piece)
{
    struct coupon coupon;
    const char *wrong = NULL;
    if (piece->coupon != NULL) {
        ledger_coupon_read(piece->coupon, &coupon);
        wrong = ledger_load_coupon(into, &coupon);
    } else if (piece->sweep != NULL) {
        struct journal_record record;
        ledger_sweep_record(piece->sweep, false, &record);
        wrong = ledger_load_sweep(into, &record);
    } else if (piece->users.slots != NULL) {
        wrong = ledger_load_users(into, &piece->users);
    } else {
        wrong = ledger_load_page(into, &piece->page);
    }
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

/* Walks through the ledger while it is in use: this many requests between two pieces. Returns how many pieces there
 * were. */
static unsigned walk(struct ledger *into, unsigned requests)
{
    struct ledger_cursor cursor = {0};
    struct ledger_piece piece;
    unsigned pieces = 0;
    while (ledger_cursor_next(ledger, &cursor, &piece)) {
        load(into, &piece);
        use(requests);
        pieces++;
    }
    assert_null(ledger_load_end(into, journalled()));
    return pieces;
}

static const char *replay_in_parts(struct ledger *parts[], unsigned count, size_t first)
{
    const char *wrong = NULL;
    for (size_t i = first; wrong == NULL && i < journalled(); i++) {
        struct journal_record record;
        journal_record_at(i, &record);
        for (unsigned part = 0; part < count && wrong == NULL; part++)
            wrong = ledger_replay(parts[part], &record);
    }
    return wrong;
}

/* --- tests --- */

static void a_journal_gives_the_same_ledger_again(void **state)
{
    (void)state;
    begin();
    use(20000);
    struct ledger *again = another_ledger();
    assert_null(replay_from(again, 0));
    assert_same(ledger, again, users, USERS);
    assert_true(ledger_entry(ledger, "D", 1)->redeemed > 100 && ledger_entry(ledger, "D", 1)->returned > 100);
    ledger_destroy(&again);
}

static void a_ledger_at_rest_is_its_snapshot(void **state)
{
    (void)state;
    begin();
    use(10000);
    struct ledger *loaded = another_ledger();
    assert_true(walk(loaded, 0) > 20);
    assert_same(ledger, loaded, users, USERS);
    ledger_destroy(&loaded);
}

static void a_snapshot_taken_while_the_ledger_changes_is_exact_after_replay(void **state)
{
    (void)state;
    begin();
    use(5000);
    for (unsigned requests = 1; requests <= 300; requests = 1 + 2 * requests) {
        size_t from = journalled();
        struct ledger *loaded = another_ledger();
        walk(loaded, requests);
        use(100);
        const char *wrong = replay_from(loaded, from);
        if (wrong != NULL)
            fail_msg("%s", wrong);
        assert_same(ledger, loaded, users, USERS);
        ledger_destroy(&loaded);
    }
}

/* Recovery begins with any snapshot, also one that is older than the walk of a later one. */
static void an_older_snapshot_is_as_good(void **state)
{
    (void)state;
    begin();
    use(3000);
    size_t from = journalled();
    struct ledger *older = another_ledger(), *newer = another_ledger();
    walk(older, 7);
    use(3000);
    size_t later = journalled();
    walk(newer, 7);
    assert_null(replay_from(older, from));
    assert_null(replay_from(newer, later));
    assert_same(ledger, older, users, USERS);
    assert_same(older, newer, users, USERS);
    ledger_destroy(&older);
    ledger_destroy(&newer);
}

static void a_divided_ledger_is_united_to_the_same(void **state)
{
    (void)state;
    begin();
    use(5000);
    for (unsigned bits = 0; bits <= 3; bits++) {
        struct ledger *parts[LEDGER_PARTS_MAX];
        size_t from = journalled();
        struct ledger *loaded = another_ledger();
        walk(loaded, 20);
        use(2000);
        ledger_divide(loaded, bits, parts);
        const char *wrong = replay_in_parts(parts, 1u << bits, from);
        if (wrong != NULL)
            fail_msg("%s", wrong);
        ledger_unite(bits, parts);
        assert_same(ledger, loaded, users, USERS);
        ledger_destroy(&loaded);
    }
}

/* The set of a large coupon is divided by its users, not given to one part. */
static void a_divided_ledger_of_many_users_is_united_to_the_same(void **state)
{
    (void)state;
    struct ledger *parts[LEDGER_PARTS_MAX], *loaded = another_ledger();
    char user[16];
    add_simple("M", QUANTITY_UNLIMITED, 2);
    for (unsigned i = 0; i < 40000; i++) {
        snprintf(user, sizeof user, "user-%u", i % 30000);
        post("M", user);
        if (i % 3 == 0)
            redeem("M", user, "r", 0);
        else if (i % 7 == 0)
            revoke("M", user, 0, i % 4);
    }
    size_t half = journalled() / 2;
    ledger_divide(loaded, 2, parts);
    for (size_t i = 0; i < journalled(); i++) {
        struct journal_record record;
        if (i == half) {
            ledger_unite(2, parts);
            ledger_divide(loaded, 3, parts);
        }
        journal_record_at(i, &record);
        for (unsigned part = 0; part < (i < half ? 4 : 8); part++)
            assert_null(ledger_replay(parts[part], &record));
    }
    ledger_unite(3, parts);
    assert_same(ledger, loaded, users, USERS);
    ledger_destroy(&loaded);
}

/* --- contradictions --- */

/* Replays a change of "C", of which a has the issues 1 and 2. */
static const char *change(enum journal_change_kind kind, const char *coupon, uint32_t sequence, const char *reference)
{
    struct journal_record record = {
        .type = JOURNAL_CHANGE,
        .seq = 100,
        .time_us = now_us,
        .coupon_id = coupon,
        .coupon_id_length = strlen(coupon),
        .change = {.kind = kind,
                   .sequence = sequence,
                   .user_id = "a",
                   .user_id_length = 1,
                   .reference = reference,
                   .reference_length = strlen(reference)},
    };
    return ledger_replay(ledger, &record);
}

static void a_change_that_contradicts_the_records_before_is_refused(void **state)
{
    (void)state;
    add_simple("C", 2, 2);
    post("C", "a");
    post("C", "a");
    assert_non_null(change(JOURNAL_REDEEMED, "D", 1, "r"));
    assert_non_null(change(JOURNAL_REDEEMED, "C", 3, "r"));
    assert_non_null(change(JOURNAL_UNDONE, "C", 1, "r"));
    assert_null(change(JOURNAL_REDEEMED, "C", 1, "r"));
    assert_non_null(change(JOURNAL_REDEEMED, "C", 1, "r"));
    assert_non_null(change(JOURNAL_REVOKED, "C", 1, ""));
    assert_non_null(change(JOURNAL_UNDONE, "C", 1, "s"));
    assert_null(change(JOURNAL_UNDONE, "C", 1, "r"));
    assert_null(change(JOURNAL_REVOKED, "C", 1, ""));
    assert_non_null(change(JOURNAL_REVOKED, "C", 1, ""));
    assert_non_null(change(JOURNAL_REDEEMED, "C", 1, "r"));
    assert_non_null(change(JOURNAL_UNDONE, "C", 1, "r"));
    assert_int_equal(coupon_now("C").redeemed, 0);
}

static const char *issue(const char *user, uint32_t sequence, uint16_t nth)
{
    struct journal_record record = {.type = JOURNAL_ISSUE,
                                    .seq = 100,
                                    .time_us = now_us,
                                    .coupon_id = "C",
                                    .coupon_id_length = 1,
                                    .issue = {.user_id = user, .user_id_length = 1, .sequence = sequence, .nth = nth}};
    return ledger_replay(ledger, &record);
}

static void an_issue_beyond_what_was_returned_and_forgiven_is_refused(void **state)
{
    (void)state;
    add_simple("C", 2, 1);
    post("C", "a");
    post("C", "b");
    assert_non_null(issue("c", 3, 1));
    revoke("C", "a", 0, RESTOCK);
    assert_non_null(issue("a", 3, 2)); /* it still counts for the user's limit */
    assert_null(issue("c", 3, 1));
    assert_non_null(issue("d", 4, 1));
    revoke("C", "b", 0, RESTOCK | AGAIN);
    assert_non_null(issue("b", 4, 3));
    assert_null(issue("b", 4, 2));
}

static void a_coupon_keeps_its_number_and_no_other_gets_it(void **state)
{
    (void)state;
    add_simple("C", 2, 1);
    add_simple("D", 2, 1);
    struct coupon coupon = coupon_of("E", 1, 1);
    coupon.number = 2;
    assert_non_null(ledger_replay_policy(ledger, &coupon));
    coupon = coupon_now("C");
    coupon.number = 3;
    assert_non_null(ledger_replay_policy(ledger, &coupon));
    coupon.number = 2;
    assert_non_null(ledger_replay_policy(ledger, &coupon));
    coupon.number = 1;
    assert_null(ledger_replay_policy(ledger, &coupon));
    coupon.number = 0; /* as version 1 wrote it */
    assert_null(ledger_replay_policy(ledger, &coupon));
    assert_int_equal(coupon_now("C").number, 1);
}

static void coupons_without_a_number_get_the_next_ones(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct coupon coupon = coupon_of("", 1, 1), numbered;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(coupon.id, sizeof coupon.id, "C%06u", i);
        coupon.number = i == 500 ? 7 : 0;
        assert_null(ledger_replay_policy(ledger, &coupon));
    }
    for (uint32_t number = 8; ledger_next_unnumbered(ledger, &numbered); number++) {
        assert_int_equal(numbered.number, number);
        ledger_apply_coupon(ledger, &numbered);
        assert_ptr_equal(ledger_find_issue(ledger, number, 1, &(uint64_t){0}), NULL);
        assert_int_equal(coupon_now(numbered.id).number, number);
    }
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(coupon.id, sizeof coupon.id, "C%06u", i);
        assert_int_not_equal(coupon_now(coupon.id).number, 0);
    }
    assert_false(ledger_next_unnumbered(ledger, &numbered));
    add_simple("next", 1, 1);
    assert_int_equal(coupon_now("next").number, MANY + 7);
}

static void pieces_in_disorder_are_not_loaded(void **state)
{
    (void)state;
    const uint64_t redeemed = issue_value(ISSUE_KIND_REDEEMED, 5), impossible = issue_value(2, 0);
    struct ledger_page page = {.map = COUPON_MAP_STATES, .number = 0, .count = 1, .entries = &redeemed};
    struct coupon coupon = coupon_of("C", 1, 1);
    coupon.number = 1;
    assert_non_null(ledger_load_page(ledger, &page)); /* of no coupon */
    assert_null(ledger_load_coupon(ledger, &coupon));
    page.map = COUPON_MAPS;
    assert_non_null(ledger_load_page(ledger, &page));
    page.map = COUPON_MAP_STATES;
    assert_null(ledger_load_page(ledger, &page));
    assert_non_null(ledger_load_page(ledger, &page)); /* twice */
    page.number = 1;
    page.entries = &impossible;
    assert_non_null(ledger_load_page(ledger, &page));
    strcpy(coupon.id, "D");
    assert_non_null(ledger_load_coupon(ledger, &coupon)); /* the same number */
    coupon.number = 2;
    assert_null(ledger_load_coupon(ledger, &coupon));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, ledger_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_gives_the_same_ledger_again),
        TEST(a_ledger_at_rest_is_its_snapshot),
        TEST(a_snapshot_taken_while_the_ledger_changes_is_exact_after_replay),
        TEST(an_older_snapshot_is_as_good),
        TEST(a_divided_ledger_is_united_to_the_same),
        TEST(a_divided_ledger_of_many_users_is_united_to_the_same),
        TEST(a_change_that_contradicts_the_records_before_is_refused),
        TEST(an_issue_beyond_what_was_returned_and_forgiven_is_refused),
        TEST(a_coupon_keeps_its_number_and_no_other_gets_it),
        TEST(coupons_without_a_number_get_the_next_ones),
        TEST(pieces_in_disorder_are_not_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
