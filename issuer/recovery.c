#include "issuer/recovery.h"

#include <inttypes.h>

#include "shared/clock.h"
#include "shared/log.h"

#define PROGRESS_INTERVAL_US 2000000

struct recovery {
    struct ledger *ledger;
    unsigned partition;
    uint64_t records;
    int64_t last_time_us;
    int64_t next_report_us;
};

static void report_progress(struct recovery *recovery, const struct journal_progress *progress)
{
    int64_t now = clock_mono_us();
    if (now < recovery->next_report_us)
        return;
    recovery->next_report_us = now + PROGRESS_INTERVAL_US;
    double share = progress->bytes_total > 0 ? 100.0 * (double)progress->bytes_done / (double)progress->bytes_total : 0;
    log_info("issuer", "replaying the journal, %.0f %% partition=%u records=%" PRIu64, share, recovery->partition,
             recovery->records);
}

static int replay_batch(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    struct recovery *recovery = arg;
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        const char *wrong = ledger_replay(recovery->ledger, &record);
        if (wrong != NULL)
            return error_set(error, "the journal of partition %u contradicts itself at record %" PRIu64 ": %s",
                             recovery->partition, record.seq, wrong);
    }
    recovery->records += reader.header.count;
    recovery->last_time_us = reader.header.time_us;
    report_progress(recovery, progress);
    return 0;
}

int recovery_run(struct journal *journal, struct ledger *ledger, int64_t *last_time_us, struct error *error)
{
    struct journal_recovery result;
    int64_t now = clock_mono_us();
    struct recovery recovery = {
        .ledger = ledger,
        .partition = journal_meta(journal)->partition,
        .next_report_us = now + PROGRESS_INTERVAL_US,
    };
    if (journal_replay(journal, replay_batch, &recovery, &result, error) != 0)
        return -1;
    if (result.cut)
        log_warn("issuer", "cut a torn tail, nothing in it was acknowledged: %s partition=%u", result.cut_text,
                 recovery.partition);
    log_info("issuer", "recovered partition=%u coupons=%zu records=%" PRIu64 " seconds=%.3f", recovery.partition,
             ledger_coupons(ledger), result.records, (double)(clock_mono_us() - now) / 1e6);
    *last_time_us = recovery.last_time_us;
    return 0;
}
