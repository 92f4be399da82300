/* `coupond verify` as a whole, over real journals of two partitions and an SQLite store. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "coupond/commands.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"
#include "shared/store/store.h"

#define ISSUES  30u
#define TIME_US INT64_C(1763691900000000)

/* --- fixture --- */

struct fixture {
    char dir[64];
    char output[32768];
    int status;
    struct options options;
    struct error error;
};

static void make_journal_id(const struct journal *journal, struct store_batch *batch)
{
    const struct journal_meta *meta = journal_meta(journal);
    batch->partition = meta->partition;
    batch->partitions = meta->partitions;
    memcpy(batch->journal_id, meta->journal_id, sizeof batch->journal_id);
}

/* Picks one coupon in each partition: "c0" and "c1", or the following letters. */
static void choose_coupon(uint16_t partition, char id[COUPON_ID_MAX + 1])
{
    for (int i = 0; i < 100; i++) {
        snprintf(id, COUPON_ID_MAX + 1, "c%d", i);
        if (coupon_partition(id, strlen(id), 2) == partition)
            return;
    }
    fail_msg("no coupon for partition %u", partition);
}

/* Writes a coupon and its issues to user-1, user-2, … to journals and stores; the last ten issues are neither
 * acknowledged nor stored. */
static void fill_partition(struct fixture *fixture, struct store *store, uint16_t partition)
{
    char dir[JOURNAL_PATH_MAX];
    struct journal *journal = NULL;
    struct store_issue issues[ISSUES];
    char users[ISSUES][24];
    struct coupon coupon = {.title = "A coffee",
                            .quantity = 100,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .created_at_us = TIME_US,
                            .updated_at_us = TIME_US};
    choose_coupon(partition, coupon.id);
    journal_partition_dir(fixture->options.issuer_journal_dir, partition, dir);
    struct journal_config config = {.dir = dir,
                                    .partition = partition,
                                    .partitions = 2,
                                    .segment_bytes = 2u << 20,
                                    .sync_interval_ms = SYNC_ALWAYS};
    struct journal_recovery recovery;
    if (journal_open(&config, &journal, &fixture->error) != 0 ||
        journal_replay(journal, NULL, NULL, &recovery, &fixture->error) != 0)
        fail_msg("%s", fixture->error.text);
    assert_true(journal_reserve(journal, journal_bytes_max(0, 0, 1)));
    journal_begin(journal, TIME_US);
    coupon.journal_seq = journal_append_coupon(journal, &coupon, NULL);
    journal_commit(journal);
    for (uint32_t i = 0; i < ISSUES; i++) {
        snprintf(users[i], sizeof users[i], "user-%u", i + 1);
        assert_true(journal_reserve(journal, journal_bytes_max(1, 0, 0)));
        journal_begin(journal, TIME_US + i);
        uint64_t seq =
            journal_append_issue(journal, coupon.id, strlen(coupon.id), users[i], strlen(users[i]), i + 1, 1);
        journal_commit(journal);
        issues[i] = (struct store_issue){.coupon_id = coupon.id,
                                         .coupon_id_length = (uint8_t)strlen(coupon.id),
                                         .user_id = users[i],
                                         .user_id_length = (uint8_t)strlen(users[i]),
                                         .nth = 1,
                                         .sequence = i + 1,
                                         .issued_at_us = TIME_US + i,
                                         .journal_seq = seq};
    }
    const struct store_coupon row = store_coupon_borrow(&coupon);
    struct store_batch batch = {.coupons = &row,
                                .coupons_count = 1,
                                .issues = issues,
                                .issues_count = ISSUES - 10,
                                .first_seq = 1,
                                .last_seq = ISSUES - 9};
    make_journal_id(journal, &batch);
    assert_int_equal(store_write(store, &batch, &fixture->error), STORE_OK);
    int acked = journal_acked_open(dir, &fixture->error);
    assert_int_equal(journal_acked_write(acked, batch.journal_id, (uint8_t[16]){0}, ISSUES - 9), 0);
    close(acked);
    journal_close(&journal);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct options *options = &fixture->options;
    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/coupond-verify-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    options_init(options);
    snprintf(options->issuer_journal_dir, sizeof options->issuer_journal_dir, "%s/journal", fixture->dir);
    snprintf(options->store_path, sizeof options->store_path, "%s/coupond.db", fixture->dir);
    struct store *store = store_create(options, &fixture->error);
    assert_int_equal(store_migrate(store, &fixture->error), STORE_OK);
    fill_partition(fixture, store, 0);
    fill_partition(fixture, store, 1);
    store_destroy(&store);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->dir);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

/* --- helpers --- */

/* Runs the command with standard output and error in a file. */
static void verify_with(struct fixture *fixture, int argc, char **argv)
{
    char path[128];
    snprintf(path, sizeof path, "%s/output", fixture->dir);
    fflush(stdout);
    int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    int file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    fixture->status = cmd_verify(argc, argv);
    fflush(stdout);
    dup2(saved[0], STDOUT_FILENO);
    dup2(saved[1], STDERR_FILENO);
    ssize_t length = pread(file, fixture->output, sizeof fixture->output - 1, 0);
    fixture->output[length > 0 ? length : 0] = '\0';
    close(file);
    close(saved[0]);
    close(saved[1]);
}

static void verify(struct fixture *fixture)
{
    char *argv[] = {"verify", "--dir", fixture->dir, NULL};
    verify_with(fixture, 3, argv);
}

static void assert_says(const struct fixture *fixture, int status, const char *words)
{
    if (fixture->status != status || !strstr(fixture->output, words))
        fail_msg("status %d, wanted %d and \"%s\":\n%s", fixture->status, status, words, fixture->output);
}

static void change_store(struct fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->options.store_path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
}

/* Flips a bit of the first occurrence of `needle` in a partition's first segment. */
static void damage_journal(struct fixture *fixture, uint16_t partition, const char *needle)
{
    static char bytes[2u << 20];
    char dir[JOURNAL_PATH_MAX];
    char path[JOURNAL_PATH_MAX];
    journal_partition_dir(fixture->options.issuer_journal_dir, partition, dir);
    journal_segment_path(dir, 1, path);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    ssize_t length = pread(file, bytes, sizeof bytes, 0);
    char *at = memmem(bytes, (size_t)length, needle, strlen(needle));
    assert_non_null(at);
    *at = (char)(*at ^ 0x20);
    assert_int_equal(pwrite(file, at, 1, at - bytes), 1);
    close(file);
}

/* --- tests --- */

static void kept_promises_exit_0_with_a_table(void **state)
{
    struct fixture *fixture = *state;
    verify(fixture);
    assert_says(fixture, 0, "kept: 2 coupons, 60 issues in the journal, 40 in the store, 20 on the way to it");
}

static void json_contains_the_same(void **state)
{
    struct fixture *fixture = *state;
    char *argv[] = {"verify", "--dir", fixture->dir, "--json", NULL};
    verify_with(fixture, 4, argv);
    assert_says(fixture, 0, "{\"result\":\"kept\",\"issues\":60,\"in_store\":40,\"lag\":20,");
    assert_says(fixture, 0, "\"findings\":[]");
    change_store(fixture, "DELETE FROM coupon_issue WHERE sequence = 7 AND coupon_id = "
                          "(SELECT MIN(coupon_id) FROM coupon_issue)");
    verify_with(fixture, 4, argv);
    assert_says(fixture, 1, "\"result\":\"broken\"");
    assert_says(fixture, 1, "{\"kind\":\"row_missing\",\"count\":1,\"lines\":[\"coupon ");
}

static void a_row_deleted_from_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    change_store(fixture, "DELETE FROM coupon_issue WHERE sequence = 7 AND coupon_id = "
                          "(SELECT MIN(coupon_id) FROM coupon_issue)");
    verify(fixture);
    assert_says(fixture, 1, "sequence 7 is not in the store (user user-7");
}

static void a_row_added_to_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    change_store(fixture, "INSERT INTO coupon_issue SELECT coupon_id, 4000000000, 'mallory', 1, issued_at, 99, NULL "
                          "FROM coupon_issue WHERE sequence = 20 LIMIT 1");
    verify(fixture);
    assert_says(fixture, 1, "sequence 4000000000 is only in the store (user mallory");
}

static void a_row_changed_in_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    change_store(fixture, "UPDATE coupon_issue SET user_id = 'mallory' WHERE sequence = 7 AND coupon_id = "
                          "(SELECT MIN(coupon_id) FROM coupon_issue)");
    verify(fixture);
    assert_says(fixture, 1, "sequence 7: the store has user mallory");
    assert_says(fixture, 1, "the journal has user user-7");
}

static void a_coupon_changed_in_the_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    change_store(fixture, "UPDATE coupon SET quantity = 101 WHERE id = (SELECT MIN(id) FROM coupon)");
    verify(fixture);
    assert_says(fixture, 1, "the store's row differs from the journal's record 1");
}

static void a_byte_flipped_in_the_journal_is_named_with_its_file(void **state)
{
    struct fixture *fixture = *state;
    damage_journal(fixture, 1, "user-5");
    verify(fixture);
    assert_says(fixture, 1, "p01/00000000000000000001.segment");
    assert_says(fixture, 1, "partition 1: ");
}

static void a_partition_that_is_missing_is_named(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s/journal/p01", fixture->dir);
    assert_int_equal(system(command), 0);
    verify(fixture);
    assert_says(fixture, 1, "partition 1: its folder is missing");
}

static void damage_in_a_meta_is_named(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/journal/p00/meta", fixture->dir);
    int file = open(path, O_WRONLY);
    assert_int_equal(pwrite(file, "x", 1, 40), 1);
    close(file);
    verify(fixture);
    assert_says(fixture, 1, "p00/meta");
}

static void a_store_filled_by_another_journal_is_named(void **state)
{
    struct fixture *fixture = *state;
    change_store(fixture, "UPDATE journal SET journal_id = '00112233445566778899aabbccddeeff' WHERE partition_no = 0");
    verify(fixture);
    assert_says(fixture, 1, "partition 0: the store was filled by another journal");
}

static void without_a_journal_it_could_not_check(void **state)
{
    struct fixture *fixture = *state;
    char *argv[] = {"verify", "--dir", "/tmp/coupond-no-such-dir", NULL};
    verify_with(fixture, 3, argv);
    assert_says(fixture, 2, "there is no journal in /tmp/coupond-no-such-dir/journal");
}

static void without_a_store_it_could_not_check_and_creates_none(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(unlink(fixture->options.store_path), 0);
    verify(fixture);
    assert_says(fixture, 2, "has no coupond schema");
    assert_int_not_equal(access(fixture->options.store_path, F_OK), 0);
}

static void an_invalid_row_is_reported(void **state)
{
    struct fixture *fixture = *state;
    change_store(fixture, "UPDATE coupon_issue SET issued_at = 'yesterday' WHERE sequence = 7 AND coupon_id = "
                          "(SELECT MIN(coupon_id) FROM coupon_issue)");
    verify(fixture);
    assert_says(fixture, 2, ", 7) of table coupon_issue");
}

static void invalid_arguments_are_reported(void **state)
{
    struct fixture *fixture = *state;
    char *unknown[] = {"verify", "--fast", NULL};
    verify_with(fixture, 2, unknown);
    assert_says(fixture, 2, "--fast");
    char *both[] = {"verify", "--dir", fixture->dir, "--config", "x", NULL};
    verify_with(fixture, 5, both);
    assert_says(fixture, 2, "cannot be combined");
    char *help[] = {"verify", "--help", NULL};
    verify_with(fixture, 2, help);
    assert_says(fixture, 0, "Exit status: 0 kept, 1 broken, 2 could not check.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The environment may name a database server, but these tests use their own folders. */
static void forget_environment(void)
{
    static const char *const names[] = {"TYPE", "HOST", "PORT", "SOCKET", "USER", "PASSWORD", "DATABASE", "TLS"};
    char variable[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(variable, sizeof variable, "COUPOND_STORE_%s", names[i]);
        unsetenv(variable);
    }
}

int main(void)
{
    forget_environment();
    const struct CMUnitTest tests[] = {
        TEST(kept_promises_exit_0_with_a_table),
        TEST(json_contains_the_same),
        TEST(a_row_deleted_from_the_store_is_named),
        TEST(a_row_added_to_the_store_is_named),
        TEST(a_row_changed_in_the_store_is_named),
        TEST(a_coupon_changed_in_the_store_is_named),
        TEST(a_byte_flipped_in_the_journal_is_named_with_its_file),
        TEST(a_partition_that_is_missing_is_named),
        TEST(damage_in_a_meta_is_named),
        TEST(a_store_filled_by_another_journal_is_named),
        TEST(without_a_journal_it_could_not_check),
        TEST(without_a_store_it_could_not_check_and_creates_none),
        TEST(an_invalid_row_is_reported),
        TEST(invalid_arguments_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
