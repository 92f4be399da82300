#include "tests/unit/issuer/snapshot/snapshot_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/snapshot_format.h"

#define START_US INT64_C(1700000000000000)
#define BATCH    500

struct snapshot_fixture fixture;

static int64_t fixture_mono(void)
{
    return fixture.mono_us;
}

static int64_t fixture_wall(void)
{
    return fixture.now_us;
}

void snapshot_fixture_clock(void)
{
    clock_replace(fixture_wall, fixture_mono);
}

static int start(struct error *error)
{
    struct journal_config config = {
        .dir = journal_fixture_dir, .partitions = 1, .segment_bytes = 2u << 20, .worker_by_hand = true};
    if (journal_open(&config, &fixture.journal, error) != 0 ||
        recovery_run(fixture.journal, &fixture.ledger, NULL, &fixture.recovered, NULL, error) != 0)
        return -1;
    struct snapshot_config snapshots = {
        .bytes_min = 1,
        .step_bytes = fixture.step_bytes,
        .worker_by_hand = true,
        .journal_bytes = fixture.recovered.journal_bytes,
        .last_bytes = fixture.recovered.snapshot_bytes,
    };
    assert_int_equal(snapshot_create(fixture.journal, &snapshots, &fixture.snapshot, error), 0);
    return 0;
}

void snapshot_fixture_assert_starts(void)
{
    struct error error = {{0}};
    if (start(&error) != 0)
        fail_msg("%s", error.text);
}

void snapshot_fixture_stop(void)
{
    snapshot_destroy(&fixture.snapshot);
    ledger_destroy(&fixture.ledger);
    journal_abandon(&fixture.journal);
}

void snapshot_fixture_assert_refused(const char *reason)
{
    struct error error = {{0}};
    assert_int_equal(start(&error), -1);
    if (strstr(error.text, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, reason);
    snapshot_fixture_stop();
}

int snapshot_fixture_setup(void **state)
{
    if (journal_fixture_setup(state) != 0)
        return -1;
    fixture.now_us = START_US;
    fixture.mono_us = 1;
    fixture.step_bytes = 0;
    snapshot_fixture_clock();
    snapshot_fixture_assert_starts();
    return 0;
}

int snapshot_fixture_teardown(void **state)
{
    snapshot_fixture_stop();
    disk = &disk_posix;
    clock_replace(NULL, NULL);
    return journal_fixture_teardown(state);
}

/* --- helpers --- */

void snapshot_fixture_begin(void)
{
    fixture.now_us++;
    assert_true(journal_reserve(fixture.journal, 65536));
    journal_begin(fixture.journal, fixture.now_us);
}

void snapshot_fixture_put_policy(const char *id, uint32_t quantity, uint32_t limit)
{
    const struct ledger_coupon *there = ledger_entry(fixture.ledger, id, strlen(id));
    struct coupon wanted = {.quantity = quantity, .per_user_limit = limit}, result;
    strcpy(wanted.id, id);
    strcpy(wanted.title, id);
    wanted.starts_at_us = wanted.ends_at_us = wanted.redeem_until_us = TIME_NONE;
    snapshot_fixture_begin();
    enum verdict verdict = there == NULL ? ledger_decide_create(fixture.ledger, &wanted, fixture.now_us, &result)
                                         : ledger_decide_change(fixture.ledger, &wanted, COUPON_FIELD_QUANTITY, NULL,
                                                                fixture.now_us, &result);
    assert_true(verdict == VERDICT_COUPON_CREATED || verdict == VERDICT_COUPON_CHANGED);
    result.journal_seq = journal_append_coupon(fixture.journal, &result, NULL);
    ledger_apply_coupon(fixture.ledger, &result);
    journal_commit(fixture.journal);
}

struct ledger_decision snapshot_fixture_ask(const struct ledger *of, const char *coupon, unsigned number,
                                            enum issue_op op)
{
    char user[32];
    struct ledger_command command = {
        .op = op,
        .coupon_id = coupon,
        .coupon_id_length = strlen(coupon),
        .user_id = user,
        .user_id_length = (size_t)snprintf(user, sizeof user, "user-%u", number),
    };
    ledger_prepare(of, &command, 1);
    struct ledger_decision decision;
    ledger_decide_issue(of, &command, fixture.now_us, &decision);
    if (decision.verdict == VERDICT_ISSUED) {
        journal_append_issue(fixture.journal, command.coupon_id, command.coupon_id_length, user, command.user_id_length,
                             decision.issue.sequence, decision.issue.nth);
        ledger_apply_issue(&command, &decision);
    }
    return decision;
}

void snapshot_fixture_issue(const char *coupon, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i % BATCH == 0)
            snapshot_fixture_begin();
        assert_int_equal(snapshot_fixture_ask(fixture.ledger, coupon, first + i, ISSUE_POST).verdict, VERDICT_ISSUED);
        if (i % BATCH == BATCH - 1 || i + 1 == count)
            journal_commit(fixture.journal);
    }
    journal_work(fixture.journal);
}

/* Steps a snapshot from beginning to end. */
void snapshot_fixture_take_snapshot(void)
{
    uint64_t before = journal_written_seq(fixture.journal);
    int guard = 0;
    while (snapshot_step(fixture.snapshot, fixture.ledger) >= 0 && guard++ < 100000)
        snapshot_work(fixture.snapshot);
    fixture.mono_us += 10000000;
    while (snapshot_work(fixture.snapshot))
        ;
    char path[JOURNAL_PATH_MAX];
    snapshot_path(journal_fixture_dir, before, path);
    assert_int_equal(access(path, F_OK), 0);
}

size_t snapshot_fixture_count_files(const char *suffix)
{
    uint64_t *numbers;
    size_t count;
    struct error error;
    assert_int_equal(journal_numbered_list(journal_fixture_dir, suffix, &numbers, &count, &error), 0);
    free(numbers);
    return count;
}

/* Checks that every coupon, and every user up to `users`, is equal in both ledgers. */
void snapshot_fixture_assert_same(const struct ledger *one, const struct ledger *other, unsigned users)
{
    const struct ledger_coupon *coupons[COUPON_LIST_MAX];
    size_t count = ledger_list(one, "", COUPON_LIST_MAX, coupons);
    assert_int_equal(ledger_coupons(one), ledger_coupons(other));
    for (size_t i = 0; i < count; i++) {
        const struct ledger_coupon *there = ledger_entry(other, coupons[i]->id, strlen(coupons[i]->id));
        struct coupon expected, found;
        assert_non_null(there);
        ledger_coupon_read(coupons[i], &expected);
        ledger_coupon_read(there, &found);
        assert_memory_equal(&found, &expected, sizeof found);
        for (unsigned user = 0; user < users; user++) {
            struct ledger_decision a = snapshot_fixture_ask(one, coupons[i]->id, user, ISSUE_LOOKUP);
            struct ledger_decision b = snapshot_fixture_ask(other, coupons[i]->id, user, ISSUE_LOOKUP);
            assert_int_equal(a.verdict, b.verdict);
            assert_memory_equal(&a.issue, &b.issue, sizeof a.issue);
        }
    }
    assert_null(ledger_check(other));
}

/* Ends like kill -9 and starts again; checks that the ledger is unchanged. */
void snapshot_fixture_assert_recovers(unsigned users)
{
    struct ledger *before = fixture.ledger;
    uint64_t seq = journal_written_seq(fixture.journal);
    fixture.ledger = NULL;
    snapshot_fixture_stop();
    snapshot_fixture_assert_starts();
    assert_int_equal(journal_written_seq(fixture.journal), seq);
    snapshot_fixture_assert_same(before, fixture.ledger, users);
    ledger_destroy(&before);
}

void snapshot_fixture_flip(const char *path, off_t offset)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

void snapshot_fixture_damage_newest(void)
{
    uint64_t *numbers;
    size_t count;
    struct error error;
    char path[JOURNAL_PATH_MAX];
    assert_int_equal(snapshot_list(journal_fixture_dir, &numbers, &count, &error), 0);
    assert_true(count > 0);
    snapshot_path(journal_fixture_dir, numbers[count - 1], path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    snapshot_fixture_flip(path, status.st_size / 2);
    free(numbers);
}

void snapshot_fixture_acknowledge(uint64_t seq)
{
    struct error error;
    int fd = journal_acked_open(journal_fixture_dir, &error);
    assert_true(fd >= 0);
    assert_int_equal(journal_acked_write(fd, journal_meta(fixture.journal)->journal_id, (uint8_t[16]){0}, seq), 0);
    close(fd);
}
