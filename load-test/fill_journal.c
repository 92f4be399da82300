/*
 * fill_journal DIR ISSUES [shuffled|creating|redeemed]: writes a journal of one coupon, C0001, sold out to as many
 * users, like an issuer under load: 64 issues per batch. Users are in the order of their names, or shuffled. With
 * `creating` each issue has its own coupon, from C0000001, and each batch has 32 creations before their 32 issues. With
 * `redeemed` the redemptions of all issues follow, 64 per batch. Used to measure recovery and stores; see recovery.py
 * and store_pace.py.
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

static bool write_redemptions(struct journal *journal, uint32_t first, uint32_t count)
{
    char user[32], reference[32];
    if (!journal_reserve(journal, journal_bytes_max(0, count, 0)))
        return false;
    int64_t now_us = clock_wall_us();
    journal_begin(journal, now_us);
    for (uint32_t i = first; i < first + count; i++) {
        struct journal_record record = {
            .type = JOURNAL_CHANGE,
            .time_us = now_us,
            .coupon_id = "C0001",
            .coupon_id_length = 5,
            .change = {.kind = JOURNAL_REDEEMED, .sequence = i, .user_id = user, .reference = reference},
        };
        record.change.user_id_length = (size_t)snprintf(user, sizeof user, "u%010" PRIu32, i);
        record.change.reference_length = (size_t)snprintf(reference, sizeof reference, "order-%" PRIu32, i);
        journal_append_change(journal, &record);
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

enum kind { ORDERED, SHUFFLED, CREATING, REDEEMED };
static const char *const kinds[] = {"", "shuffled", "creating", "redeemed"};

static bool write_records(struct journal *journal, uint32_t first, uint32_t count, enum kind kind)
{
    return kind == CREATING ? write_new_coupons(journal, first, count)
                            : write_batch(journal, first, count, kind == SHUFFLED);
}

static bool write_all(struct journal *journal, uint32_t issues, enum kind kind)
{
    uint32_t batch = kind == CREATING ? BATCH_ISSUES / 2 : BATCH_ISSUES;
    bool written = true;
    if (kind != CREATING)
        write_coupon(journal, issues);
    for (uint32_t done = 0; done < issues && written; done += batch)
        written = write_records(journal, done + 1, issues - done < batch ? issues - done : batch, kind);
    for (uint32_t done = 0; kind == REDEEMED && done < issues && written; done += batch)
        written = write_redemptions(journal, done + 1, issues - done < batch ? issues - done : batch);
    return written;
}

/* False for an unknown word. */
static bool read_kind(const char *word, enum kind *kind)
{
    for (unsigned i = SHUFFLED; i <= REDEEMED; i++) {
        if (strcmp(word, kinds[i]) == 0) {
            *kind = (enum kind)i;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    enum kind kind = ORDERED;
    if (argc != 3 && (argc != 4 || !read_kind(argv[3], &kind))) {
        fputs("usage: fill_journal DIR ISSUES [shuffled|creating|redeemed]\n", stderr);
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
    bool written = write_all(journal, (uint32_t)strtoul(argv[2], NULL, 10), kind);
    if (!written)
        fputs("fill_journal: the disk is full\n", stderr);
    journal_close(&journal);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
