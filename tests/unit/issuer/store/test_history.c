/*
 * What a store may have of a journal according to the folder's notes: over changes of stores, restarts and copies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "issuer/store/history.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "tests/unit/shared/journal/journal_fixture.h"

static struct journal *journal;
static struct store_history history;
static struct error error;

/* The id of a store; 0: it has none yet. */
static const uint8_t *id_of(uint8_t number)
{
    static uint8_t id[STORE_ID_BYTES];
    memset(id, number, sizeof id);
    return id;
}

/* Like the stream. */
static void note_acked(uint8_t store, uint64_t seq)
{
    int fd = journal_acked_open(journal_fixture_dir, &error);
    assert_true(fd >= 0);
    assert_int_equal(journal_acked_write(fd, journal_meta(journal)->journal_id, id_of(store), seq), 0);
    close(fd);
}

static void read_again(void)
{
    assert_int_equal(store_history_read(&history, journal, &error), 0);
}

static uint64_t bound(uint8_t store)
{
    return store_history_bound(&history, id_of(store));
}

static void settle(uint8_t store)
{
    assert_int_equal(store_history_settle(&history, id_of(store), &error), 0);
}

static void followed(void)
{
    assert_int_equal(store_history_followed(&history, &error), 0);
}

static int setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    journal = journal_fixture_open(0);
    journal_fixture_append(journal, 10);
    note_acked(1, 10);
    read_again();
    return 0;
}

static int teardown(void **state)
{
    journal_close(&journal);
    return journal_fixture_teardown(state);
}

/* --- tests --- */

static void the_store_that_is_filled_may_have_whatever_is_written(void **state)
{
    (void)state;
    settle(1);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 15);
    read_again();
    assert_int_equal(bound(1), 15);
    assert_false(store_history_is_other(&history, id_of(1)));
    assert_true(store_history_is_other(&history, id_of(2)));
    assert_true(store_history_is_other(&history, id_of(0)));
}

static void while_none_was_asked_no_store_may_have_what_came_later(void **state)
{
    (void)state;
    assert_int_equal(store_history_put_off(&history, &error), 0);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 10);
    assert_int_equal(bound(2), 10);
    read_again();
    assert_true(history.outstanding);
    assert_int_equal(bound(1), 10);
    settle(1);
    assert_int_equal(bound(1), 15);
}

static void a_store_that_was_left_is_bound_until_it_is_filled_again(void **state)
{
    (void)state;
    settle(2);
    note_acked(2, 10);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 10);
    assert_int_equal(bound(2), 15);
    read_again();
    settle(2);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 10);
    assert_int_equal(bound(2), 20);
    settle(1);
    followed();
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 25);
    assert_int_equal(bound(2), 20);
}

/* The stream goes on sending until it follows. */
static void a_store_that_is_left_may_have_what_was_sent_until_the_stream_followed(void **state)
{
    (void)state;
    settle(1);
    settle(2);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 15);
    followed();
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 15);
    note_acked(2, 15);
    read_again();
    assert_int_equal(bound(1), 15);
}

static void a_store_that_was_left_just_before_the_end_is_bound_from_the_next_start_on(void **state)
{
    (void)state;
    settle(1);
    settle(2);
    journal_fixture_append(journal, 5);
    note_acked(2, 15);
    read_again();
    settle(2);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(1), 15);
    read_again();
    assert_int_equal(bound(1), 15);
}

/* The id of that store is also in `acked`, which is not synced. */
static void the_store_that_is_filled_is_known_when_the_power_took_that_back(void **state)
{
    (void)state;
    settle(1);
    settle(2);
    followed();
    journal_fixture_append(journal, 5);
    for (uint8_t acked = 0; acked < 2; acked++) {
        note_acked(acked, 10);
        read_again();
        assert_int_equal(bound(2), 15);
        assert_int_equal(bound(1), 10);
        assert_false(store_history_is_other(&history, id_of(2)));
    }
    note_acked(3, 15); /* one that was never compared */
    read_again();
    assert_int_equal(bound(3), 15);
}

static void a_store_that_became_known_late_is_known_when_the_power_took_that_back(void **state)
{
    (void)state;
    note_acked(0, 0);
    read_again();
    settle(1);
    journal_fixture_append(journal, 5);
    note_acked(0, 0);
    read_again();
    assert_int_equal(bound(1), 15);
}

/* A newer copy of the folder filled it. */
static void a_store_that_nobody_has_heard_of_has_nothing_that_came_after_another_was_left(void **state)
{
    (void)state;
    settle(2);
    note_acked(2, 10);
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(3), 10);
    read_again();
    journal_fixture_append(journal, 5);
    assert_int_equal(bound(3), 10);
    assert_int_equal(bound(2), 20);
}

static void a_store_that_may_have_been_left_is_bound_where_nothing_tells_which_was_filled(void **state)
{
    (void)state;
    static const char *const damages[] = {"", "damaged"};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        assert_int_equal(journal_dir_write(journal_fixture_dir, "acked", damages[i], strlen(damages[i]), &error), 0);
        read_again();
        settle(2);
        journal_fixture_append(journal, 5);
        assert_int_equal(bound(1), 10);
        assert_int_equal(bound(2), 15 + 5 * i);
    }
}

static void a_new_beginning_notes_nothing(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    journal_close(&journal);
    journal_fixture_teardown(state);
    assert_int_equal(journal_fixture_setup(state), 0);
    journal = journal_fixture_open(0);
    read_again();
    assert_true(store_history_is_new(&history));
    settle(0);
    journal_fixture_append(journal, 5);
    settle(1);
    snprintf(path, sizeof path, "%s/former_stores", journal_fixture_dir);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(bound(1), 5);
}

/* Power was lost before the stream's own note of the new store was on disk. */
static void a_store_that_was_left_and_is_the_noted_one_still_is_filled_again(void **state)
{
    (void)state;
    settle(2);
    journal_fixture_append(journal, 5);
    read_again();
    assert_int_equal(bound(1), 10);
    settle(1);
    journal_fixture_append(journal, 5);
    read_again();
    assert_int_equal(bound(1), 20);
}

static void a_store_without_an_id_changes_nothing(void **state)
{
    (void)state;
    settle(0);
    assert_false(store_history_is_other(&history, id_of(1)));
    assert_true(store_history_is_settled(&history, id_of(1)));
    assert_int_equal(history.former.count, 0);
}

static void of_many_stores_the_latest_are_remembered(void **state)
{
    (void)state;
    for (uint8_t store = 2; store <= 12; store++) {
        settle(store);
        followed();
        note_acked(store, 10);
        journal_fixture_append(journal, 1);
    }
    read_again();
    assert_int_equal(history.former.count, JOURNAL_FORMER_STORES);
    assert_int_equal(bound(12), 21);
    assert_int_equal(bound(11), 20);
    assert_int_equal(bound(4), 13);
    assert_int_equal(bound(1), 10); /* like any other */
}

static void notes_of_another_journal_are_nothing_to_go_by(void **state)
{
    (void)state;
    uint8_t other[16] = {1};
    uint64_t seq = 77;
    struct journal_former_stores former;
    settle(2);
    assert_int_equal(store_history_put_off(&history, &error), 0);
    assert_int_equal(journal_uncompared_read(journal_fixture_dir, other, &seq, &error), 0);
    assert_int_equal(seq, 77);
    assert_int_equal(journal_former_read(journal_fixture_dir, other, &former, &error), 0);
    assert_int_equal(former.count, 0);
}

static void damaged_notes_are_refused_and_can_be_forgotten(void **state)
{
    (void)state;
    static const char *const names[] = {"uncompared", "former_stores"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(journal_dir_write(journal_fixture_dir, names[i], "damaged", 7, &error), 0);
        assert_int_equal(store_history_read(&history, journal, &error), -1);
        assert_non_null(strstr(error.text, names[i]));
        assert_non_null(strstr(error.text, "remove the file"));
        history.journal = journal;
        assert_int_equal(store_history_remove_notes(&history, &error), 0);
        read_again();
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_store_that_is_filled_may_have_whatever_is_written),
        TEST(while_none_was_asked_no_store_may_have_what_came_later),
        TEST(a_store_that_was_left_is_bound_until_it_is_filled_again),
        TEST(a_store_that_was_left_and_is_the_noted_one_still_is_filled_again),
        TEST(a_store_that_is_left_may_have_what_was_sent_until_the_stream_followed),
        TEST(a_store_that_was_left_just_before_the_end_is_bound_from_the_next_start_on),
        TEST(the_store_that_is_filled_is_known_when_the_power_took_that_back),
        TEST(a_store_that_became_known_late_is_known_when_the_power_took_that_back),
        TEST(a_store_that_nobody_has_heard_of_has_nothing_that_came_after_another_was_left),
        TEST(a_store_that_may_have_been_left_is_bound_where_nothing_tells_which_was_filled),
        TEST(a_new_beginning_notes_nothing),
        TEST(a_store_without_an_id_changes_nothing),
        TEST(of_many_stores_the_latest_are_remembered),
        TEST(notes_of_another_journal_are_nothing_to_go_by),
        TEST(damaged_notes_are_refused_and_can_be_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
