#include "issuer/rebuild/rebuild.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/rebuild/folder.h"
#include "issuer/rebuild/rows.h"
#include "shared/telemetry/log.h"

/* --- from the store into ledgers --- */

static bool take_journal(void *arg, const struct store_journal *stored)
{
    struct rebuild_rows *rows = arg;
    return rebuild_rows_journal(rows, stored) == 0;
}

static bool take_coupon(void *arg, const struct coupon *coupon)
{
    return rebuild_rows_coupon(arg, coupon) == 0;
}

static bool take_letter(void *arg, const struct store_dead_letter *letter)
{
    return rebuild_rows_letter(arg, letter) == 0;
}

static bool take_revocation(void *arg, const struct store_change *change)
{
    return rebuild_rows_revocation(arg, change) == 0;
}

static bool take_redemption(void *arg, const struct store_change *change)
{
    return rebuild_rows_redemption(arg, change) == 0;
}

static bool take_quantity(void *arg, const struct coupon *coupon)
{
    return rebuild_rows_quantity(arg, coupon) == 0;
}

static bool take_issue(void *arg, const struct store_issue *issue)
{
    return rebuild_rows_issue(arg, issue) == 0;
}

static enum store_result read_journals(struct store *store, struct rebuild_rows *rows, struct error *error)
{
    enum store_result result = store_read_begin(store, error);
    if (result == STORE_OK)
        result = store_each_journal(store, take_journal, rows, error);
    store_read_end(store);
    return result;
}

static enum store_result read_rows(struct store *store, struct rebuild_rows *rows, struct error *error)
{
    enum store_result result = store_read_begin(store, error);
    if (result == STORE_OK)
        result = store_each_journal(store, take_journal, rows, error);
    if (result == STORE_OK && !rows->wrong)
        result = store_each_coupon(store, take_coupon, rows, error);
    if (result == STORE_OK && !rows->wrong)
        result = store_each_dead_letter(store, NULL, 0, take_letter, rows, error);
    if (result == STORE_OK && !rows->wrong)
        result = store_each_change(store, take_revocation, rows, error);
    if (result == STORE_OK && !rows->wrong)
        result = store_each_issue(store, take_issue, rows, error);
    if (result == STORE_OK && !rows->wrong && rebuild_rows_end_issues(rows) == 0)
        result = store_each_change(store, take_redemption, rows, error);
    if (result == STORE_OK && !rows->wrong)
        result = store_each_coupon(store, take_quantity, rows, error);
    store_read_end(store);
    return result;
}

static int check_each_folder(const struct options *options, const struct rebuild_rows *rows,
                             enum rebuild_folder found[PARTITIONS_MAX], struct error *error)
{
    for (uint16_t i = 0; i < rows->partitions; i++) {
        char dir[JOURNAL_PATH_MAX];
        journal_partition_dir(options->issuer_journal_dir, i, dir);
        int there = rebuild_folder_check(dir, &rows->parts[i].stored, rows->store_id, error);
        if (there < 0)
            return -1;
        found[i] = (enum rebuild_folder)there;
    }
    return 0;
}

/* Partitions with a sound journal keep it, since it has more than the store. A journal that the store has no records of
 * is judged by the others: do they belong to this store? -1 and `error` when all are sound. */
static int check_folders(const struct options *options, struct rebuild_rows *rows, struct error *error)
{
    enum rebuild_folder found[PARTITIONS_MAX];
    uint16_t kept = 0;
    bool foreign = false;
    if (check_each_folder(options, rows, found, error) != 0)
        return -1;
    for (uint16_t i = 0; i < rows->partitions; i++)
        foreign = foreign || found[i] == REBUILD_FOLDER_FOREIGN;
    for (uint16_t i = 0; i < rows->partitions; i++) {
        bool known = rows->parts[i].stored.partitions > 0;
        rows->parts[i].kept = found[i] == REBUILD_FOLDER_SOUND && (known || !foreign);
        kept += rows->parts[i].kept;
    }
    if (kept < rows->partitions)
        return 0;
    return error_set(
        error,
        "the journals in %s are sound and have everything that the store has: there is nothing to rebuild; start "
        "the issuer",
        options->issuer_journal_dir);
}

static int read_store(const struct options *options, struct store *store, struct rebuild_rows *rows,
                      struct journal_meta *metas, struct error *error)
{
    log_info("issuer", "reading the store: %s", store_describe(store));
    if (store_connect(store, error) != STORE_OK || store_check_schema(store, error) != STORE_OK ||
        store_read_id(store, rows->store_id, error) != STORE_OK || read_journals(store, rows, error) != STORE_OK)
        return -1;
    if (rows->wrong)
        return rebuild_rows_end(rows, error);
    rebuild_rows_begin(rows, metas);
    if (check_folders(options, rows, error) != 0 || read_rows(store, rows, error) != STORE_OK)
        return -1;
    return rebuild_rows_end(rows, error);
}

/* --- sequences that the store lacks --- */

static int write_lost(struct store *store, const struct rebuild_rows *rows, struct error *error)
{
    for (size_t i = 0; i < rows->gaps_count; i++) {
        if (rebuild_gap_write(store, rows, &rows->gaps[i], error) != 0)
            return -1;
    }
    return 0;
}

/* --- the journals --- */

static int adopt(struct store *store, const struct rebuild_rows *rows, const struct journal_meta *metas,
                 struct error *error)
{
    for (uint16_t i = 0; i < rows->partitions; i++) {
        struct store_journal journal = {
            .partition = i, .partitions = rows->partitions, .last_seq = rows->parts[i].last_seq};
        memcpy(journal.journal_id, metas[i].journal_id, sizeof journal.journal_id);
        memcpy(journal.fingerprint_key, metas[i].fingerprint_key, sizeof journal.fingerprint_key);
        memcpy(journal.code_key, metas[i].code_key, sizeof journal.code_key);
        if (!rows->parts[i].kept && rows->parts[i].last_seq > 0 &&
            store_adopt_journal(store, &journal, error) != STORE_OK)
            return error_prefix(error, "the journals are rebuilt, but the store could not be updated: run this again");
    }
    return 0;
}

static int write_folders(const struct options *options, struct rebuild_rows *rows, const struct journal_meta *metas,
                         struct error *error)
{
    for (uint16_t i = 0; i < rows->partitions; i++) {
        char dir[JOURNAL_PATH_MAX];
        struct rebuild_part *part = &rows->parts[i];
        journal_partition_dir(options->issuer_journal_dir, i, dir);
        if (part->kept) {
            log_info("issuer", "keeping the journal %s: it is sound and has everything that the store has", dir);
            continue;
        }
        if (rebuild_folder_write(dir, &metas[i], &part->ledger, part->last_seq, part->last_time_us,
                                 (size_t)options->issuer_segment_mb << 20, error) != 0)
            return -1;
        log_info("issuer", "rebuilt the journal %s coupons=%zu last_sequence=%" PRIu64, dir,
                 ledger_coupons(part->ledger), part->last_seq);
    }
    return 0;
}

static int rebuild(const struct options *options, struct store *store, struct rebuild_rows *rows,
                   struct journal_meta *metas, struct error *error)
{
    if (read_store(options, store, rows, metas, error) != 0 || write_lost(store, rows, error) != 0 ||
        write_folders(options, rows, metas, error) != 0 || adopt(store, rows, metas, error) != 0)
        return -1;
    log_info("issuer", "issues that had not reached the store are lost; the last value of "
                       "coupond_issuer_persist_lag_rows before the loss says how many there can be");
    log_info("issuer", "the journals are rebuilt issues=%" PRIu64 " lost_sequences=%" PRIu64, rows->issues, rows->lost);
    return 0;
}

int rebuild_run(const struct options *options, bool accept_gaps, struct error *error)
{
    struct journal_meta metas[PARTITIONS_MAX];
    uint16_t partitions = (uint16_t)options->issuer_partitions;
    struct store *store = store_create(options, error);
    if (store == NULL)
        return -1;
    struct rebuild_rows rows;
    for (uint16_t i = 0; i < partitions; i++) {
        if (journal_meta_make(i, partitions, &metas[i], error) != 0) {
            store_destroy(&store);
            return -1;
        }
    }
    rebuild_rows_init(&rows, partitions, accept_gaps);
    int result = rebuild(options, store, &rows, metas, error);
    rebuild_rows_deinit(&rows);
    store_destroy(&store);
    return result;
}
