/*
 * fill_journal DIR ISSUES [shuffled|creating]: writes a journal of one coupon, C0001, sold out to as many users, like
 * an issuer under load: 64 issues per batch. Users are in the order of their names, or shuffled. With `creating` each
 * issue has its own coupon, from C0000001, and each batch has 32 creations before their 32 issues. Used to measure
 * recovery and stores; see recovery.py and store_pace.py.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"

#define BATCH_ISSUES 64

static int ignore(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    (void)arg, (void)batch, (void)progress;
    return error_set(error, "the folder already contains a journal");
}

static struct coupon new_coupon(const char *id, uint32_t quantity)
{
    struct coupon coupon = {.title = "filled", .quantity = quantity, .per_user_limit = 1, .starts_at_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    coupon.ends_at_us = coupon.redeem_until_us = TIME_NONE;
    coupon.created_at_us = clock_wall_us();
    return coupon;
}

static void write_coupon(struct journal *journal, uint32_t quantity)
{
    struct coupon coupon = new_coupon("C0001", quantity);
    CHECK(journal_reserve(journal, journal_bytes_max(0, 0, 1)));
    journal_begin(journal, coupon.created_at_us);
    journal_append_coupon(journal, &coupon, NULL);
    journal_commit(journal);
}

/* Multiplication by an odd factor is a bijection of the 32-bit numbers. */
static uint32_t user_of(uint32_t sequence, bool shuffled)
{
    return shuffled ? sequence * UINT32_C(2654435761) : sequence;
}

static bool write_batch(struct journal *journal, uint32_t first, uint32_t count, bool shuffled)
{
    char user[32];
    if (!journal_reserve(journal, journal_bytes_max(count, 0, 0)))
        return false;
    journal_begin(journal, clock_wall_us());
    for (uint32_t i = 0; i < count; i++) {
        int length = snprintf(user, sizeof user, "u%010" PRIu32, user_of(first + i, shuffled));
        journal_append_issue(journal, "C0001", 5, user, (size_t)length, first + i, 1);
    }
    journal_commit(journal);
    return true;
}

/* Coupons `first` to `first` + `count` - 1, and one issue of each. */
static bool write_new_coupons(struct journal *journal, uint32_t first, uint32_t count)
{
    char id[COUPON_ID_MAX + 1], user[32];
    if (!journal_reserve(journal, journal_bytes_max(count, 0, count)))
        return false;
    journal_begin(journal, clock_wall_us());
    for (uint32_t i = first; i < first + count; i++) {
        snprintf(id, sizeof id, "C%07" PRIu32, i);
        struct coupon coupon = new_coupon(id, 10);
        journal_append_coupon(journal, &coupon, NULL);
    }
    for (uint32_t i = first; i < first + count; i++) {
        int id_length = snprintf(id, sizeof id, "C%07" PRIu32, i);
        int length = snprintf(user, sizeof user, "u%010" PRIu32, i);
        journal_append_issue(journal, id, (size_t)id_length, user, (size_t)length, 1, 1);
    }
    journal_commit(journal);
    return true;
}

enum kind { ORDERED, SHUFFLED, CREATING };

static int fill(struct journal *journal, uint32_t issues, enum kind kind)
{
    uint32_t count = kind == CREATING ? BATCH_ISSUES / 2 : BATCH_ISSUES;
    if (kind != CREATING)
        write_coupon(journal, issues);
    for (uint32_t done = 0; done < issues; done += count) {
        count = issues - done < count ? issues - done : count;
        bool written = kind == CREATING ? write_new_coupons(journal, done + 1, count)
                                        : write_batch(journal, done + 1, count, kind == SHUFFLED);
        if (!written) {
            fputs("fill_journal: the disk is full\n", stderr);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    bool shuffled = argc == 4 && strcmp(argv[3], "shuffled") == 0;
    bool creating = argc == 4 && strcmp(argv[3], "creating") == 0;
    if (argc != 3 && !shuffled && !creating) {
        fputs("usage: fill_journal DIR ISSUES [shuffled|creating]\n", stderr);
        return 2;
    }
    struct journal_config config = {
        .dir = argv[1], .partitions = 1, .segment_bytes = 64u << 20, .sync_interval_ms = SYNC_OS};
    struct journal *journal;
    struct error error;
    struct journal_recovery recovery;
    if (journal_open(&config, &journal, &error) != 0 || journal_replay(journal, ignore, NULL, &recovery, &error) != 0) {
        fprintf(stderr, "fill_journal: %s\n", error.text);
        return EXIT_FAILURE;
    }
    int status = fill(journal, (uint32_t)strtoul(argv[2], NULL, 10),
                      creating   ? CREATING
                      : shuffled ? SHUFFLED
                                 : ORDERED);
    journal_close(&journal);
    return status;
}
