/*
 * The start of an issuer from a folder with snapshots, segments and so on. With any bytes it is refused with a message,
 * or gives a ledger that keeps the promises; then the issuer continues, and its next start finds the same ledger and
 * what was added.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/recovery/recovery.h"
#include "issuer/snapshot/file.h"
#include "issuer/snapshot/snapshot.h"
#include "journal_input.h"
#include "journal_sample.h"
#include "memory_disk.h"
#include "shared/journal/journal.h"
#include "shared/journal/state.h"

#define IMAGE_MAX (1u << 20)

void fuzz_begin(void)
{
    memory_disk_use();
}

/* --- seeds --- */

static void snapshot_now(const struct journal *journal, const struct ledger *ledger)
{
    CHECK(snapshot_write(JOURNAL_INPUT_DIR, journal_meta(journal), ledger, journal_written_seq(journal),
                         journal_last_time_us(journal), NULL) == 0);
}

/* Recovers what has been written so far. */
static struct journal *reopen(struct journal *journal, struct ledger **ledger)
{
    struct journal_config config = journal_sample_config();
    journal_abandon(&journal);
    ledger_destroy(ledger);
    CHECK(journal_open(&config, &journal, NULL) == 0);
    struct recovery_result result;
    CHECK(recovery_run_alone(journal, ledger, NULL, &result, NULL, NULL) == 0);
    return journal;
}

void fuzz_seeds(void)
{
    struct ledger *ledger = NULL;
    memory_disk_clear();
    struct journal_meta meta;
    journal_input_meta(&meta);
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    struct journal *journal = journal_sample_open();
    journal_sample_write(journal);
    journal = reopen(journal, &ledger);
    snapshot_now(journal, ledger);
    journal_input_seed(JOURNAL_FIX_ALL);
    journal_sample_issues(journal, 60, "B.b-b_B", 10, 3);
    journal = reopen(journal, &ledger);
    snapshot_now(journal, ledger);
    journal_sample_issues(journal, 70, "B.b-b_B", 13, 20);
    journal_abandon(&journal);
    journal_input_seed(JOURNAL_FIX_ALL);
    journal_input_seed(JOURNAL_FIX_SUMS);
    journal_input_seed(0);
    ledger_destroy(&ledger);
    memory_disk_clear();
}

/* --- a ledger as bytes --- */

static size_t encode(unsigned char *out, const struct ledger *ledger, const uint8_t journal_id[16])
{
    struct ledger_cursor cursor = {0};
    struct ledger_piece piece;
    size_t size = 0;
    while (ledger_cursor_next(ledger, &cursor, &piece) && size + snapshot_piece_bytes(&piece) <= IMAGE_MAX)
        size += snapshot_encode(out + size, &piece, journal_id);
    return size;
}

static void check_same(const struct ledger *a, const struct ledger *b)
{
    static unsigned char first[IMAGE_MAX], second[IMAGE_MAX];
    struct journal_meta meta;
    journal_input_meta(&meta);
    size_t first_size = encode(first, a, meta.journal_id), second_size = encode(second, b, meta.journal_id);
    CHECK(first_size == second_size);
    CHECK(memcmp(first, second, first_size) == 0);
}

/* --- what must hold --- */

static void check_promises(const struct ledger *ledger)
{
    const struct ledger_coupon *coupons[COUPON_LIST_MAX];
    size_t count = ledger_list(ledger, "", COUPON_LIST_MAX, coupons);
    CHECK(ledger_check(ledger) == NULL);
    for (size_t i = 0; i < count; i++) {
        CHECK(ledger_coupon_in_force(coupons[i]) <= coupons[i]->quantity);
        CHECK(i == 0 || strcmp(coupons[i - 1]->id, coupons[i]->id) < 0);
    }
}

/* Another segment takes long to create and is not part of this test. */
static bool has_room(const struct journal *journal)
{
    return journal->offset + journal_bytes_max(0, 0, 1) <= journal->segment_size;
}

static struct journal *recover(struct ledger **ledger, struct error *error)
{
    struct journal_config config = journal_sample_config();
    *ledger = NULL;
    struct journal *journal;
    if (journal_open(&config, &journal, error) != 0)
        return NULL;
    struct recovery_result result;
    if (recovery_run_alone(journal, ledger, NULL, &result, NULL, error) == 0)
        return journal;
    CHECK(*ledger == NULL);
    journal_abandon(&journal);
    return NULL;
}

/* The next start must find what this one has. */
static void check_next_start(struct ledger *ledger)
{
    struct ledger *next;
    struct error error = {""};
    struct journal *journal = recover(&next, &error);
    CHECK(journal != NULL);
    check_same(ledger, next);
    ledger_destroy(&next);
    journal_abandon(&journal);
}

static void go_on(struct journal *journal, struct ledger *ledger)
{
    struct coupon policy = {.title = "t",
                            .quantity = 1,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .id = "behind-all"};
    struct coupon result;
    int64_t now_us = journal_last_time_us(journal) > 0 ? journal_last_time_us(journal) : 0;
    if (ledger_decide_create(ledger, &policy, now_us, &result) != VERDICT_COUPON_CREATED)
        return;
    CHECK(journal_reserve(journal, journal_bytes_max(0, 0, 1)));
    journal_begin(journal, now_us);
    result.journal_seq = journal_append_coupon(journal, &result, NULL);
    journal_commit(journal);
    ledger_apply_coupon(ledger, &result);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct error error = {""};
    memory_disk_clear();
    journal_input_write(data, size, true);
    struct ledger *ledger;
    struct journal *journal = recover(&ledger, &error);
    CHECK((journal == NULL) == (error.text[0] != '\0'));
    if (journal != NULL) {
        check_promises(ledger);
        if (has_room(journal))
            go_on(journal, ledger);
        journal_abandon(&journal);
        check_next_start(ledger);
        ledger_destroy(&ledger);
    }
    memory_disk_clear();
}
