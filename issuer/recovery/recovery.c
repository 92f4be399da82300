#include "issuer/recovery/recovery.h"

#include <inttypes.h>
#include <stdlib.h>

#include "issuer/recovery/late_details.h"
#include "issuer/recovery/replay_queue.h"
#include "issuer/snapshot/load.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "shared/process/memory.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"
#include "shared/telemetry/pulse.h"

#define PROGRESS_INTERVAL_US 2000000
#define STOP_RECORDS         4096 /* between two checks whether to give up */

#define MEMORY_CHECK_RECOVERING_MS 10 /* about ten MiB of users are recovered in that time */

struct recovery {
    struct journal *journal;
    bool alone;
    unsigned partition;
    struct ledger *ledger;
    struct snapshot_header snapshot; /* from_seq 0: none loaded */
    struct replay_queue *queue;
    struct details *details; /* NULL: not wanted */
    uint64_t acked_seq;
    uint64_t records;
    int64_t last_time_us;
    int64_t next_report_us;
    struct recovery_progress *progress;
    bool gives_up;
    struct error why;
    struct pulse *pulse; /* NULL in the simulation; excused, but shows that a long start makes progress */
};

static bool time_to_report(struct recovery *recovery, enum recovery_phase phase, uint64_t done, uint64_t total)
{
    int64_t now = clock_mono_us();
    if (recovery->progress != NULL)
        recovery_progress_note(recovery->progress, phase, done, total);
    if (recovery->pulse != NULL)
        pulse_beat(recovery->pulse);
    if (now < recovery->next_report_us)
        return false;
    recovery->next_report_us = now + PROGRESS_INTERVAL_US;
    return true;
}

static double percent(uint64_t done, uint64_t total)
{
    return total > 0 ? 100.0 * (double)done / (double)total : 0;
}

/* --- the snapshot --- */

/* True when the process is asked to stop, or would be killed for using too much memory. It stays true, even if giving
 * up frees memory. */
static bool must_give_up(struct recovery *recovery)
{
    char text[128];
    if (recovery->gives_up)
        return true;
    memory_check(clock_mono_us(), MEMORY_CHECK_RECOVERING_MS);
    if (stop_requested()) {
        error_set(&recovery->why, "stopped while recovering the journal");
    } else if (memory_exhausted()) {
        memory_describe(text);
        error_set(&recovery->why,
                  "the content of the journal does not fit into memory: %s; raise the limit, nothing is lost", text);
    } else {
        return false;
    }
    recovery->gives_up = true;
    return true;
}

static int give_up(const struct recovery *recovery, struct error *error)
{
    return error_set(error, "%s", recovery->why.text);
}

/* False when the process must give up. */
static bool report_loading(void *arg, uint64_t done, uint64_t total)
{
    struct recovery *recovery = arg;
    if (must_give_up(recovery))
        return false;
    if (!time_to_report(recovery, RECOVERY_SNAPSHOT, done, total))
        return true;
    log_info("issuer", "loading the snapshot, %.0f %% partition=%u", percent(done, total), recovery->partition);
    notify_status("recovering partition %u: snapshot, %.0f %%", recovery->partition, percent(done, total));
    return true;
}

/* Tries one snapshot. False when it is damaged; the ledger is empty again. */
static bool try_snapshot(struct recovery *recovery, uint64_t from_seq)
{
    struct error error = {{0}};
    const struct journal_meta *meta = journal_meta(recovery->journal);
    if (snapshot_load(journal_folder(recovery->journal), from_seq, meta, recovery->ledger, &recovery->snapshot,
                      report_loading, recovery, &error) == 0)
        return true;
    if (!recovery->gives_up)
        log_warn("issuer", "skipped a damaged snapshot: %s partition=%u", error.text, recovery->partition);
    recovery->snapshot = (struct snapshot_header){0};
    ledger_destroy(&recovery->ledger);
    recovery->ledger = ledger_create(meta->fingerprint_key);
    return false;
}

/* Loads the newest sound snapshot. */
static int load_snapshot(struct recovery *recovery, struct error *error)
{
    uint64_t *from_seqs;
    size_t count;
    if (snapshot_list(journal_folder(recovery->journal), &from_seqs, &count, error) != 0)
        return -1;
    while (count > 0 && !must_give_up(recovery) && !try_snapshot(recovery, from_seqs[count - 1]))
        count--;
    free(from_seqs);
    if (recovery->gives_up)
        return give_up(recovery, error);
    if (recovery->snapshot.from_seq > 0)
        journal_replay_after(recovery->journal, recovery->snapshot.from_seq, recovery->snapshot.until_seq);
    if (recovery->snapshot.term > 0)
        term_list_begin(ledger_terms(recovery->ledger), recovery->snapshot.term, recovery->snapshot.term_seq);
    recovery->last_time_us = recovery->snapshot.time_us;
    return 0;
}

/* Removes the skipped snapshots, which would otherwise count among the two that are kept. */
static void remove_passed_over(const struct recovery *recovery)
{
    const char *dir = journal_folder(recovery->journal);
    struct error error;
    uint64_t *from_seqs;
    size_t count;
    if (snapshot_list(dir, &from_seqs, &count, &error) != 0)
        return;
    for (; count > 0 && from_seqs[count - 1] > recovery->snapshot.from_seq; count--) {
        char path[JOURNAL_PATH_MAX];
        snapshot_path(dir, from_seqs[count - 1], path);
        if (disk->unlink(path) == 0)
            log_warn("issuer", "removed a damaged snapshot: %s", path);
    }
    free(from_seqs);
}

/* --- the journal --- */

static void report_replaying(const struct recovery *recovery, double done)
{
    log_info("issuer", "replaying the journal, %.0f %% partition=%u records=%" PRIu64, done, recovery->partition,
             recovery->records);
    notify_status("recovering partition %u: journal, %.0f %%", recovery->partition, done);
}

/* Of changes that are in the snapshot, so that they are not replayed. */
static void read_late_details(const struct recovery *recovery)
{
    struct error error;
    struct late_details wanted = {recovery->acked_seq, recovery->snapshot.from_seq, DETAILS_COUNT_MAX};
    if (recovery->details == NULL ||
        late_details_read(journal_folder(recovery->journal), &wanted, recovery->details, &error) == 0)
        return;
    log_warn("issuer", "the details of some changes are unknown until the store has them: %s partition=%u", error.text,
             recovery->partition);
}

static int replay_batch(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    struct recovery *recovery = arg;
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, batch);
    struct journal_record record;
    while (journal_batch_reader_next(&reader, &record)) {
        if (record.type == JOURNAL_CHANGE && record.seq > recovery->acked_seq && recovery->details != NULL)
            details_add(recovery->details, &record);
        const char *wrong = record.type == JOURNAL_TERM ? ledger_replay_term(recovery->ledger, &record) : NULL;
        if (wrong != NULL)
            return error_set(error, "record %" PRIu64 ": %s", record.seq, wrong);
        if (replay_queue_add(recovery->queue, &record, error) != 0)
            return -1;
    }
    bool checks = recovery->records / STOP_RECORDS != (recovery->records + reader.header.count) / STOP_RECORDS;
    recovery->records += reader.header.count;
    if (checks && must_give_up(recovery))
        return give_up(recovery, error);
    if (reader.header.time_us > recovery->last_time_us)
        recovery->last_time_us = reader.header.time_us;
    if (time_to_report(recovery, RECOVERY_JOURNAL, progress->bytes_done, progress->bytes_total))
        report_replaying(recovery, percent(progress->bytes_done, progress->bytes_total));
    return 0;
}

static int replay(struct recovery *recovery, struct journal_recovery *replayed, struct error *error)
{
    struct error contradiction = {{0}};
    read_late_details(recovery);
    replay_queue_begin(recovery->ledger, recovery->alone, &recovery->queue);
    int result = journal_replay(recovery->journal, replay_batch, recovery, replayed, error);
    int applied = replay_queue_end(&recovery->queue, result != 0, &contradiction);
    if (result != 0)
        return -1;
    return applied == 0 ? 0 : error_set(error, "%s", contradiction.text);
}

/* Checks that the recovered ledger is complete and consistent. That of a copy which is not finished is so later. */
static int check(const struct recovery *recovery, struct error *error)
{
    if (journal_is_copying(journal_folder(recovery->journal)))
        return 0;
    uint64_t last = journal_written_seq(recovery->journal);
    if (last < recovery->snapshot.until_seq)
        return error_set(error,
                         "the journal ends with record %" PRIu64 ", but a snapshot contains records up to %" PRIu64,
                         last, recovery->snapshot.until_seq);
    const char *wrong = ledger_check(recovery->ledger);
    return wrong == NULL ? 0 : error_set(error, "%s", wrong);
}

static void report(const struct recovery *recovery, const struct journal_recovery *replayed, int64_t began_us)
{
    if (replayed->cut)
        log_warn("issuer",
                 "truncated an incomplete write at the end of the journal; none of its records was acknowledged: %s "
                 "partition=%u",
                 replayed->cut_text, recovery->partition);
    log_info("issuer", "recovered partition=%u coupons=%zu snapshot=%" PRIu64 " records=%" PRIu64 " seconds=%.3f",
             recovery->partition, ledger_coupons(recovery->ledger), recovery->snapshot.from_seq, replayed->records,
             (double)(clock_mono_us() - began_us) / 1e6);
}

static int run(struct recovery *recovery, struct ledger **ledger, struct recovery_result *result, struct error *error)
{
    int64_t began_us = clock_mono_us();
    recovery->next_report_us = began_us + PROGRESS_INTERVAL_US;
    recovery->partition = journal_meta(recovery->journal)->partition;
    recovery->acked_seq =
        journal_acked_read(journal_folder(recovery->journal), journal_meta(recovery->journal)->journal_id, NULL);
    recovery->ledger = ledger_create(journal_meta(recovery->journal)->fingerprint_key);
    struct journal_recovery replayed;
    if (load_snapshot(recovery, error) != 0 || replay(recovery, &replayed, error) != 0 || check(recovery, error) != 0) {
        ledger_destroy(&recovery->ledger);
        *ledger = NULL;
        return -1;
    }
    remove_passed_over(recovery);
    report(recovery, &replayed, began_us);
    *ledger = recovery->ledger;
    int64_t latest_us = ledger_latest_us(recovery->ledger);
    *result = (struct recovery_result){
        .last_time_us = latest_us > recovery->last_time_us ? latest_us : recovery->last_time_us,
        .journal_bytes = replayed.bytes,
        .records = replayed.records,
        .took_us = clock_mono_us() - began_us,
        .snapshot_bytes = recovery->snapshot.bytes,
    };
    return 0;
}

int recovery_run(struct journal *journal, struct ledger **ledger, struct details *details,
                 struct recovery_result *result, struct recovery_progress *progress, struct error *error)
{
    struct recovery recovery = {
        .journal = journal, .details = details, .progress = progress, .pulse = pulse_create("recovery", -1)};
    pulse_excuse(recovery.pulse, true);
    int status = run(&recovery, ledger, result, error);
    pulse_destroy(&recovery.pulse);
    return status;
}

int recovery_run_alone(struct journal *journal, struct ledger **ledger, struct details *details,
                       struct recovery_result *result, struct recovery_progress *progress, struct error *error)
{
    struct recovery recovery = {.journal = journal, .details = details, .progress = progress, .alone = true};
    return run(&recovery, ledger, result, error);
}
