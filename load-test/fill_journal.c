/*
 * fill_journal DIR ISSUES: writes a journal of one coupon, C0001, sold out to as many users, as an issuer under load
 * would have written it: 64 issues a batch. For measuring recovery; see recovery.py.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/journal.h"
#include "shared/options.h"

#define BATCH_ISSUES 64

static int ignore(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    (void)arg, (void)batch, (void)progress;
    return error_set(error, "the folder holds a journal already");
}

static void write_coupon(struct journal *journal, uint32_t quantity)
{
    struct coupon coupon = {
        .id = "C0001", .title = "filled", .quantity = quantity, .per_user_limit = 1, .starts_at_us = TIME_NONE};
    coupon.ends_at_us = TIME_NONE;
    coupon.created_at_us = clock_wall_us();
    CHECK(journal_reserve(journal, journal_bytes_max(0, 1)));
    journal_begin(journal, coupon.created_at_us);
    journal_append_coupon(journal, &coupon);
    journal_commit(journal);
}

static bool write_batch(struct journal *journal, uint32_t first, uint32_t count)
{
    char user[32];
    if (!journal_reserve(journal, journal_bytes_max(count, 0)))
        return false;
    journal_begin(journal, clock_wall_us());
    for (uint32_t i = 0; i < count; i++) {
        int length = snprintf(user, sizeof user, "u%010" PRIu32, first + i);
        journal_append_issue(journal, "C0001", 5, user, (size_t)length, first + i, 1);
    }
    journal_commit(journal);
    return true;
}

static int fill(struct journal *journal, uint32_t issues)
{
    write_coupon(journal, issues);
    for (uint32_t done = 0; done < issues; done += BATCH_ISSUES) {
        uint32_t count = issues - done < BATCH_ISSUES ? issues - done : BATCH_ISSUES;
        if (!write_batch(journal, done + 1, count)) {
            fputs("fill_journal: the disk is full\n", stderr);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct journal *journal;
    struct error error;
    struct journal_recovery recovery;
    if (argc != 3) {
        fputs("usage: fill_journal DIR ISSUES\n", stderr);
        return 2;
    }
    struct journal_config config = {
        .dir = argv[1], .partitions = 1, .segment_bytes = 64u << 20, .sync_interval_ms = SYNC_OS};
    if (journal_open(&journal, &config, &error) != 0 || journal_replay(journal, ignore, NULL, &recovery, &error) != 0) {
        fprintf(stderr, "fill_journal: %s\n", error.text);
        return EXIT_FAILURE;
    }
    int status = fill(journal, (uint32_t)strtoul(argv[2], NULL, 10));
    journal_close(&journal);
    return status;
}
