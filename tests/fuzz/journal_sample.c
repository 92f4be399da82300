#include "journal_sample.h"

#include <stdio.h>
#include <string.h>

#include "journal_input.h"
#include "shared/error.h"
#include "shared/options/options.h"

struct journal_config journal_sample_config(void)
{
    return (struct journal_config){.dir = JOURNAL_INPUT_DIR,
                                   .partitions = 1,
                                   .segment_bytes = 2u << 20,
                                   .sync_interval_ms = SYNC_ALWAYS,
                                   .worker_by_hand = true};
}

static int take_nothing(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    (void)arg, (void)batch, (void)progress, (void)error;
    return 0;
}

struct journal *journal_sample_open(void)
{
    struct journal_config config = journal_sample_config();
    struct journal *journal;
    CHECK(journal_open(&config, &journal, NULL) == 0);
    struct journal_recovery recovery;
    CHECK(journal_replay(journal, take_nothing, NULL, &recovery, NULL) == 0);
    return journal;
}

static struct coupon coupon_of(const char *id, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = {
        .title = "A \"coffee\" \xed\x95\x9c",
        .quantity = quantity,
        .per_user_limit = limit,
        .starts_at_us = TIME_NONE,
        .ends_at_us = TIME_NONE,
        .redeem_until_us = TIME_NONE,
        .created_at_us = 5,
        .number = (uint32_t)(id[0] - '@'), /* in a journal's sample no two coupons begin alike */
    };
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    return coupon;
}

void journal_sample_coupon(struct journal *journal, int64_t time_us, const char *id, uint32_t quantity, uint32_t limit)
{
    struct coupon coupon = coupon_of(id, quantity, limit);
    CHECK(journal_reserve(journal, journal_bytes_max(0, 0, 1)));
    coupon.updated_at_us = time_us;
    journal_begin(journal, time_us);
    journal_append_coupon(journal, &coupon, NULL);
    journal_commit(journal);
}

void journal_sample_issues(struct journal *journal, int64_t time_us, const char *id, uint32_t first, uint32_t count)
{
    CHECK(journal_reserve(journal, journal_bytes_max(count, 0, 0)));
    journal_begin(journal, time_us);
    for (uint32_t i = first; i < first + count; i++) {
        char user[16];
        int length = snprintf(user, sizeof user, "u%u", i);
        journal_append_issue(journal, id, strlen(id), user, (size_t)length, i, 1);
    }
    journal_commit(journal);
}

void journal_sample_write(struct journal *journal)
{
    journal_sample_coupon(journal, 10, "A", 5, 2);
    journal_sample_issues(journal, 20, "A", 1, 3);
    journal_reserve(journal, journal_bytes_max(1, 0, 0));
    journal_begin(journal, 25);
    journal_append_issue(journal, "A", 1, "u2", 2, 4, 2);
    journal_commit(journal);
    journal_sample_coupon(journal, 30, "A", 4, 1);
    journal_sample_coupon(journal, 30, "B.b-b_B", 4000000000u, 1000);
    journal_sample_issues(journal, 40, "B.b-b_B", 1, 9);
}

static void write_issue(struct journal *journal, const char *id, const char *user, uint32_t sequence, uint16_t nth)
{
    CHECK(journal_reserve(journal, journal_bytes_max(1, 0, 0)));
    journal_begin(journal, 100);
    journal_append_issue(journal, id, strlen(id), user, strlen(user), sequence, nth);
    journal_commit(journal);
}

/* A coupon "W" with a window, and an issue of it at the time 100. */
static void write_windowed(struct journal *journal, int64_t starts_at_us, int64_t ends_at_us, bool paused)
{
    struct coupon coupon = coupon_of("W", 5, 1);
    coupon.starts_at_us = starts_at_us;
    coupon.ends_at_us = ends_at_us;
    coupon.paused = paused;
    coupon.updated_at_us = 90;
    CHECK(journal_reserve(journal, journal_bytes_max(0, 0, 1)));
    journal_begin(journal, 90);
    journal_append_coupon(journal, &coupon, NULL);
    journal_commit(journal);
    write_issue(journal, "W", "u1", 1, 1);
}

void journal_sample_break(struct journal *journal, enum journal_sample_fault fault)
{
    if (fault == JOURNAL_SAMPLE_OVER_LIMIT || fault == JOURNAL_SAMPLE_OVER_QUANTITY) {
        journal_sample_coupon(journal, 90, "L", 2, fault == JOURNAL_SAMPLE_OVER_LIMIT ? 1 : 9);
        write_issue(journal, "L", "u1", 1, 1);
        write_issue(journal, "L", "u1", 2, 2);
        write_issue(journal, "L", "u2", 3, 1);
    } else if (fault == JOURNAL_SAMPLE_OUT_OF_SEQUENCE) {
        write_issue(journal, "B.b-b_B", "u77", 11, 1);
    } else if (fault == JOURNAL_SAMPLE_COUNTED_WRONG) {
        write_issue(journal, "B.b-b_B", "u77", 10, 2);
    } else if (fault == JOURNAL_SAMPLE_UNKNOWN_COUPON) {
        write_issue(journal, "nowhere", "u1", 1, 1);
    } else if (fault == JOURNAL_SAMPLE_LOWERED) {
        journal_sample_coupon(journal, 90, "B.b-b_B", 8, 1);
    } else if (fault == JOURNAL_SAMPLE_PAUSED) {
        write_windowed(journal, TIME_NONE, TIME_NONE, true);
    } else if (fault == JOURNAL_SAMPLE_TOO_EARLY) {
        write_windowed(journal, 101, TIME_NONE, false);
    } else {
        write_windowed(journal, 1, 100, false);
    }
}
