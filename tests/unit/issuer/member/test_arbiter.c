/*
 * The thread that asks the store about a partition's row: one answer for each question, and none that is not certain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>

#include "issuer/member/arbiter.h"
#include "shared/store/ownership.h"
#include "tests/unit/shared/store/store_fixture.h"

#define PARTITION   3
#define PATIENCE_MS 60000
#define ATTEMPTS    100

enum { A, B, C };

static struct members members;

/* --- helpers --- */

static struct arbiter_subject subject_of(const struct store_fixture *fixture)
{
    struct arbiter_subject subject = {&fixture->options, &members, PARTITION, {0}};
    struct error error = {""};
    assert_int_equal(members_parse("a=127.0.0.1,b=127.0.0.1:+1,c=127.0.0.1:+2", &members, &error), 0);
    memset(subject.journal_id, 0x5a, sizeof subject.journal_id);
    return subject;
}

static struct arbiter *start(const struct store_fixture *fixture)
{
    const struct arbiter_subject subject = subject_of(fixture);
    struct error error = {""};
    struct arbiter *arbiter = arbiter_create(&subject, &error);
    if (arbiter == NULL)
        fail_msg("%s", error.text);
    return arbiter;
}

/* Epoch 1, owner A, no standby. */
static struct member_row begin(struct store_fixture *fixture)
{
    const struct arbiter_subject subject = subject_of(fixture);
    struct member_row row;
    uint8_t journal_id[16];
    store_fixture_migrate(fixture);
    if (arbiter_begin(&subject, A, &row, journal_id, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
    return row;
}

static struct member_ask change_of(struct member_row from, struct member_row to)
{
    return (struct member_ask){MEMBER_ASK_CHANGE, from, to};
}

static struct member_ask touch_of(struct member_row row)
{
    return (struct member_ask){MEMBER_ASK_TOUCH, {0}, row};
}

static enum member_outcome take(struct arbiter *arbiter, const struct member_ask *asked, struct member_row *row)
{
    struct pollfd answer = {.fd = arbiter_fd(arbiter), .events = POLLIN};
    struct member_ask ask;
    enum member_outcome outcome;
    assert_int_equal(poll(&answer, 1, PATIENCE_MS), 1);
    assert_true(arbiter_take(arbiter, &ask, &outcome, row));
    assert_int_equal(ask.kind, asked->kind);
    assert_true(member_row_equals(&ask.to, &asked->to));
    return outcome;
}

static enum member_outcome put(struct arbiter *arbiter, struct member_ask ask)
{
    struct member_row row;
    arbiter_ask(arbiter, &ask);
    return take(arbiter, &ask, &row);
}

static enum member_outcome read_row(struct arbiter *arbiter, struct member_row *row)
{
    const struct member_ask ask = {.kind = MEMBER_ASK_READ};
    arbiter_ask(arbiter, &ask);
    return take(arbiter, &ask, row);
}

static void assert_row(struct arbiter *arbiter, struct member_row expected)
{
    struct member_row row;
    assert_int_equal(read_row(arbiter, &row), MEMBER_MATCHED);
    assert_int_equal(row.epoch, expected.epoch);
    assert_int_equal(row.owner, expected.owner);
    assert_int_equal(row.standby, expected.standby);
}

static void assert_unknown(struct arbiter *arbiter)
{
    struct member_row row;
    assert_int_equal(read_row(arbiter, &row), MEMBER_UNKNOWN);
}

/* Writes a row as another program would. */
static void create_row(struct store_fixture *fixture, uint8_t journal, const char *owner, const char *standby)
{
    struct store_ownership row = {.partition = PARTITION, .epoch = 4};
    memset(row.journal_id, journal, sizeof row.journal_id);
    snprintf(row.owner, sizeof row.owner, "%s", owner);
    snprintf(row.standby, sizeof row.standby, "%s", standby);
    store_fixture_migrate(fixture);
    if (store_ownership_create(fixture->store, &row, &fixture->error) != STORE_OK)
        fail_msg("%s", fixture->error.text);
}

/* --- the row --- */

static void the_first_member_makes_the_row_and_others_find_it(void **state)
{
    struct store_fixture *fixture = *state;
    struct arbiter_subject subject = subject_of(fixture);
    struct member_row row = begin(fixture);
    uint8_t journal_id[16] = {0};
    bool found = false;
    assert_true(member_row_equals(&row, &(struct member_row){1, A, MEMBER_NONE}));
    assert_int_equal(arbiter_begin(&subject, B, &row, journal_id, &fixture->error), STORE_OK);
    assert_true(member_row_equals(&row, &(struct member_row){1, A, MEMBER_NONE}));
    memset(journal_id, 0, sizeof journal_id);
    assert_int_equal(arbiter_look(&subject, &row, journal_id, &found, &fixture->error), STORE_OK);
    assert_true(found);
    assert_memory_equal(journal_id, subject.journal_id, sizeof journal_id);
}

static void a_look_creates_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    const struct arbiter_subject subject = subject_of(fixture);
    struct store_ownership names;
    struct member_row row;
    uint8_t journal_id[16];
    bool found = true;
    store_fixture_migrate(fixture);
    assert_int_equal(arbiter_look(&subject, &row, journal_id, &found, &fixture->error), STORE_OK);
    assert_false(found);
    assert_int_equal(store_ownership_read(fixture->store, PARTITION, &names, &found, &fixture->error), STORE_OK);
    assert_false(found);
}

static void a_change_is_made_once_and_then_found(void **state)
{
    struct store_fixture *fixture = *state;
    const struct member_row first = begin(fixture), named = {2, A, B}, late = {2, A, C};
    struct arbiter *arbiter = start(fixture);
    assert_int_equal(put(arbiter, change_of(first, named)), MEMBER_MATCHED);
    assert_int_equal(put(arbiter, change_of(first, named)), MEMBER_OTHER);
    assert_int_equal(put(arbiter, touch_of(named)), MEMBER_MATCHED);
    assert_int_equal(put(arbiter, touch_of(late)), MEMBER_OTHER);
    assert_row(arbiter, named);
    arbiter_destroy(&arbiter);
    assert_null(arbiter);
}

static void of_two_arbiters_exactly_one_makes_the_change(void **state)
{
    struct store_fixture *fixture = *state;
    struct member_row row = begin(fixture), unused;
    struct arbiter *one = start(fixture), *other = start(fixture);
    for (unsigned i = 0; i < 20; i++) {
        const struct member_ask shrinks = change_of(row, (struct member_row){row.epoch + 1, A, MEMBER_NONE}),
                                takes = change_of(row, (struct member_row){row.epoch + 1, B, A});
        arbiter_ask(one, &shrinks);
        arbiter_ask(other, &takes);
        enum member_outcome shrunk = take(one, &shrinks, &unused), taken = take(other, &takes, &unused);
        assert_true((shrunk == MEMBER_MATCHED && taken == MEMBER_OTHER) ||
                    (shrunk == MEMBER_OTHER && taken == MEMBER_MATCHED));
        row = shrunk == MEMBER_MATCHED ? shrinks.to : takes.to;
        assert_row(one, row);
    }
    arbiter_destroy(&other);
    arbiter_destroy(&one);
}

/* --- no certain answer --- */

static void names_that_are_not_in_the_list_are_unknown(void **state)
{
    struct store_fixture *fixture = *state;
    create_row(fixture, 0x5a, "a", "stranger");
    const struct arbiter_subject subject = subject_of(fixture);
    struct arbiter *arbiter = start(fixture);
    struct member_row row;
    uint8_t journal_id[16];
    bool found;
    assert_unknown(arbiter);
    assert_int_equal(put(arbiter, change_of((struct member_row){4, A, B}, (struct member_row){5, B, A})), MEMBER_OTHER);
    assert_int_equal(arbiter_look(&subject, &row, journal_id, &found, &fixture->error), STORE_FOREIGN);
    store_fixture_assert_error(fixture, "stranger");
    arbiter_destroy(&arbiter);
}

static void the_row_of_another_journal_is_unknown_and_stays(void **state)
{
    struct store_fixture *fixture = *state;
    const struct member_row row = {4, A, B};
    struct store_ownership names;
    bool found = false;
    create_row(fixture, 0x77, "a", "b");
    struct arbiter *arbiter = start(fixture);
    assert_unknown(arbiter);
    assert_int_not_equal(put(arbiter, change_of(row, (struct member_row){5, B, A})), MEMBER_MATCHED);
    assert_int_not_equal(put(arbiter, touch_of(row)), MEMBER_MATCHED);
    arbiter_destroy(&arbiter);
    assert_int_equal(store_ownership_read(fixture->store, PARTITION, &names, &found, &fixture->error), STORE_OK);
    assert_true(found && names.epoch == 4 && names.journal_id[0] == 0x77);
}

static void a_row_that_is_missing_is_unknown_until_it_is_there(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_migrate(fixture);
    struct arbiter *arbiter = start(fixture);
    assert_unknown(arbiter); /* not even a table */
    assert_unknown(arbiter);
    const struct member_row row = begin(fixture);
    assert_row(arbiter, row);
    arbiter_destroy(&arbiter);
}

/* --- the thread --- */

static void it_is_busy_from_the_question_until_its_answer_is_taken(void **state)
{
    struct store_fixture *fixture = *state;
    const struct member_row first = begin(fixture);
    struct arbiter *arbiter = start(fixture);
    struct pollfd answer = {.fd = arbiter_fd(arbiter), .events = POLLIN};
    const struct member_ask ask = touch_of(first);
    struct member_ask taken;
    enum member_outcome outcome;
    struct member_row row;
    assert_false(arbiter_is_busy(arbiter));
    assert_false(arbiter_take(arbiter, &taken, &outcome, &row));
    assert_int_equal(poll(&answer, 1, 0), 0);
    arbiter_ask(arbiter, &ask);
    assert_true(arbiter_is_busy(arbiter));
    assert_int_equal(take(arbiter, &ask, &row), MEMBER_MATCHED);
    assert_false(arbiter_is_busy(arbiter));
    assert_false(arbiter_take(arbiter, &taken, &outcome, &row));
    assert_int_equal(poll(&answer, 1, 0), 0);
    arbiter_destroy(&arbiter);
}

static void it_can_be_destroyed_while_it_is_busy(void **state)
{
    struct store_fixture *fixture = *state;
    const struct member_ask ask = touch_of(begin(fixture));
    for (unsigned i = 0; i < 20; i++) {
        struct arbiter *arbiter = start(fixture);
        arbiter_ask(arbiter, &ask);
        arbiter_destroy(&arbiter);
    }
    struct arbiter *never_asked = start(fixture);
    arbiter_destroy(&never_asked);
    arbiter_destroy(&never_asked);
}

static void it_needs_neither_options_nor_members_after_its_creation(void **state)
{
    struct store_fixture *fixture = *state;
    const struct member_row row = begin(fixture);
    struct arbiter *arbiter = start(fixture);
    memset(&members, 0, sizeof members);
    memset(fixture->options.store_type, 0, sizeof fixture->options.store_type);
    assert_row(arbiter, row);
    arbiter_destroy(&arbiter);
}

#define PROMISES(X)                                                                                                    \
    X(the_first_member_makes_the_row_and_others_find_it)                                                               \
    X(a_look_creates_nothing)                                                                                          \
    X(a_change_is_made_once_and_then_found)                                                                            \
    X(of_two_arbiters_exactly_one_makes_the_change)                                                                    \
    X(names_that_are_not_in_the_list_are_unknown)                                                                      \
    X(the_row_of_another_journal_is_unknown_and_stays)                                                                 \
    X(a_row_that_is_missing_is_unknown_until_it_is_there)                                                              \
    X(it_is_busy_from_the_question_until_its_answer_is_taken)                                                          \
    X(it_can_be_destroyed_while_it_is_busy)                                                                            \
    X(it_needs_neither_options_nor_members_after_its_creation)

/* --- a store that goes and comes --- */

/* The open file is no longer the store's: the arbiter has to open the new one. */
static void it_opens_a_file_that_was_replaced(void **state)
{
    struct store_fixture *fixture = *state;
    const struct member_row first = begin(fixture), named = {2, A, B};
    char command[1024];
    struct arbiter *arbiter = start(fixture);
    assert_int_equal(put(arbiter, change_of(first, named)), MEMBER_MATCHED);
    store_destroy(&fixture->store);
    snprintf(command, sizeof command, "rm %s*", fixture->options.store_path);
    assert_int_equal(system(command), 0);
    fixture->store = store_create(&fixture->options, &fixture->error);
    assert_non_null(fixture->store);
    assert_row(arbiter, begin(fixture));
    arbiter_destroy(&arbiter);
}

/* The server accepts connections, but answers nothing, until it goes on. The change may be made late. */
static void a_server_that_stands_still_is_unknown_until_it_goes_on(void **state)
{
    struct store_fixture *fixture = *state;
    if (getenv("COUPOND_TEST_CONTROL") == NULL)
        skip();
    const struct member_row first = begin(fixture), named = {2, A, B};
    struct arbiter *arbiter = start(fixture);
    assert_row(arbiter, first);
    store_fixture_control("pause");
    enum member_outcome changed = put(arbiter, change_of(first, named));
    struct member_row row;
    enum member_outcome read = read_row(arbiter, &row);
    store_fixture_control("resume"); /* before anything can fail */
    assert_int_equal(changed, MEMBER_UNKNOWN);
    assert_int_equal(read, MEMBER_UNKNOWN);
    enum member_outcome again = MEMBER_UNKNOWN;
    for (unsigned i = 0; i < ATTEMPTS && again == MEMBER_UNKNOWN; i++)
        again = put(arbiter, change_of(first, named));
    assert_int_not_equal(again, MEMBER_UNKNOWN);
    assert_int_equal(put(arbiter, touch_of(named)), MEMBER_MATCHED);
    assert_row(arbiter, named);
    arbiter_destroy(&arbiter);
}

#define ON_SQLITE(test) cmocka_unit_test_setup_teardown(test, store_fixture_setup_sqlite, store_fixture_teardown),
#define ON_MYSQL(test)  cmocka_unit_test_setup_teardown(test, store_fixture_setup_mysql, store_fixture_teardown),

int main(void)
{
    const struct CMUnitTest sqlite[] = {PROMISES(ON_SQLITE) ON_SQLITE(it_opens_a_file_that_was_replaced)};
    const struct CMUnitTest mysql[] = {PROMISES(ON_MYSQL)
                                           ON_MYSQL(a_server_that_stands_still_is_unknown_until_it_goes_on)};
    int failures = cmocka_run_group_tests_name("arbiter sqlite", sqlite, NULL, NULL);
    if (store_fixture_has_mysql())
        failures += cmocka_run_group_tests_name("arbiter mysql", mysql, NULL, NULL);
    return failures;
}
