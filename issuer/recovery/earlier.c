#include "issuer/recovery/earlier.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/earlier.h"
#include "issuer/store/earlier.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "shared/process/memory.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"
#include "shared/telemetry/pulse.h"

#define REPORT_US INT64_C(2000000)

/* An issue in a segment, which is read from its first record to the last, but added the other way round. */
struct found {
    struct ledger_coupon *coupon;
    struct fingerprint user;
    struct user_issue issue;
};

struct run {
    const struct options *options;
    const struct recovery_earlier_part *part; /* the current one */
    struct recovery_earlier_progress *progress;
    struct store_earlier *store; /* NULL: not opened, or given up */
    uint64_t lacking;            /* of the current part */
    uint64_t contradictions;
    bool stopped;
    bool exhausted;
    struct error reason; /* why the store cannot be read */
    struct found *found;
    size_t count;
    size_t room;
    int64_t report_us;
    struct pulse *pulse;
};

static unsigned partition_of(const struct run *run)
{
    return journal_meta(run->part->journal)->partition;
}

/* Reports progress. False when the process is asked to stop, or would use too much memory. */
static bool goes_on(struct run *run)
{
    int64_t now_us = clock_mono_us();
    pulse_beat(run->pulse);
    memory_check(now_us, MEMORY_CHECK_MS);
    run->stopped = run->stopped || stop_requested();
    run->exhausted = run->exhausted || memory_exhausted();
    if (now_us >= run->report_us) {
        run->report_us = now_us + REPORT_US;
        log_info("issuer",
                 "reading issues that a journal of version 1 forgot partition=%u added=%" PRIu64 " lacking=%" PRIu64,
                 partition_of(run), (uint64_t)run->progress->added, run->lacking);
        notify_status("reading issues that a journal of version 1 forgot: partition %u", partition_of(run));
    }
    return !run->stopped && !run->exhausted;
}

static void add(struct run *run, struct ledger_coupon *coupon, struct fingerprint user, const struct user_issue *issue)
{
    switch (ledger_earlier_add(coupon, user, issue)) {
    case LEDGER_EARLIER_ADDED:
        run->lacking--;
        run->progress->added++;
        break;
    case LEDGER_EARLIER_CONTRADICTS:
        if (run->contradictions++ == 0)
            log_warn("issuer",
                     "ignoring an issue that contradicts the snapshot; `coupond verify` names the differences "
                     "partition=%u coupon=%s sequence=%" PRIu32,
                     partition_of(run), coupon->id, issue->sequence);
        break;
    case LEDGER_EARLIER_KNOWN:
    case LEDGER_EARLIER_APART:
        break;
    }
}

/* --- from segments --- */

static void keep(struct run *run, const struct found *found)
{
    if (run->count == run->room) {
        run->room = run->room == 0 ? 4096 : 2 * run->room;
        run->found = realloc(run->found, run->room * sizeof *run->found);
        CHECK(run->found != NULL);
    }
    run->found[run->count++] = *found;
}

static void keep_issue(struct run *run, const struct journal_record *record)
{
    struct found found = {
        .coupon = ledger_entry(run->part->ledger, record->coupon_id, record->coupon_id_length),
        .issue = {record->issue.sequence, record->issue.nth, record->time_us},
    };
    if (found.coupon == NULL || ledger_earlier_missing(found.coupon) == 0)
        return;
    ledger_user_fingerprint(run->part->ledger, record->issue.user_id, record->issue.user_id_length,
                            (uint8_t *)&found.user);
    if (ledger_earlier_is_wanted(found.coupon, found.user, &found.issue))
        keep(run, &found);
}

static void keep_batch(struct run *run, const void *batch)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        if (record.type == JOURNAL_ISSUE)
            keep_issue(run, &record);
    }
}

/* Reads the batches from record `first` up to, but without, record `end`. -1 and `error` on a fault. */
static int read_batches(struct run *run, struct journal_reader *reader, uint64_t first, uint64_t end,
                        struct error *error)
{
    struct journal_batch_header header;
    const void *batch;
    enum journal_read read = journal_reader_seek(reader, first, error);
    while (read == JOURNAL_READ_BATCH && goes_on(run)) {
        read = journal_reader_next(reader, &batch, &header, error);
        if (read != JOURNAL_READ_BATCH || header.first_seq >= end)
            break;
        keep_batch(run, batch);
    }
    return read == JOURNAL_READ_BATCH || read == JOURNAL_READ_END ? 0 : -1;
}

static int add_segment(struct run *run, uint64_t first, uint64_t end, struct error *error)
{
    struct journal_reader *reader;
    if (journal_reader_open(journal_folder(run->part->journal), &reader, error) != 0)
        return -1;
    run->count = 0;
    int result = read_batches(run, reader, first, end, error);
    journal_reader_close(&reader);
    while (result == 0 && run->count > 0) {
        const struct found *found = &run->found[--run->count];
        add(run, found->coupon, found->user, &found->issue);
    }
    return result;
}

static int add_segments(struct run *run, const uint64_t *firsts, size_t count, struct error *error)
{
    uint64_t end = UINT64_MAX;
    while (count > 0 && run->lacking > 0 && goes_on(run)) {
        if (add_segment(run, firsts[--count], end, error) != 0)
            return -1;
        end = firsts[count];
    }
    return 0;
}

static void add_from_segments(struct run *run)
{
    struct error error;
    uint64_t *firsts;
    size_t count;
    int result = journal_segments_list(journal_folder(run->part->journal), &firsts, &count, &error);
    if (result == 0) {
        result = add_segments(run, firsts, count, &error);
        free(firsts);
    }
    if (result != 0)
        log_warn("issuer", "cannot read the earlier records of the journal: %s partition=%u", error.text,
                 partition_of(run));
}

/* --- from the store --- */

static void add_row(struct run *run, struct ledger_coupon *coupon, const struct store_earlier_row *row)
{
    struct fingerprint user;
    struct user_issue issue = {row->sequence, row->nth, row->issued_at_us};
    ledger_user_fingerprint(run->part->ledger, row->user_id, row->user_id_length, (uint8_t *)&user);
    add(run, coupon, user, &issue);
}

/* False when nothing more can be read from the store. */
static bool read_page(struct run *run, const struct ledger_coupon *coupon, uint32_t before,
                      struct store_earlier_page *page)
{
    const uint8_t *journal_id = journal_meta(run->part->journal)->journal_id;
    switch (store_earlier_read(run->store, journal_id, coupon->id, before, page, &run->reason)) {
    case STORE_EARLIER_READ:
        return goes_on(run);
    case STORE_EARLIER_FAILED:
        store_earlier_destroy(&run->store);
        return false;
    case STORE_EARLIER_STOPPED:
        run->stopped = true;
        break;
    }
    return false;
}

static bool add_coupon(struct run *run, struct ledger_coupon *coupon)
{
    uint32_t before = coupon->issued + 1;
    while (ledger_earlier_missing(coupon) > 0) {
        struct store_earlier_page page;
        if (!read_page(run, coupon, before, &page))
            return false;
        for (size_t i = 0; i < page.count; i++)
            add_row(run, coupon, &page.rows[i]);
        if (page.count < STORE_EARLIER_ROWS)
            break;
        before = page.rows[page.count - 1].sequence;
    }
    return true;
}

static void add_from_store(struct run *run)
{
    struct ledger_coupon *coupon;
    size_t at = 0;
    while (run->store != NULL && (coupon = ledger_earlier_next(run->part->ledger, &at)) != NULL) {
        if (!add_coupon(run, coupon))
            break;
    }
}

static void open_store(struct run *run)
{
    if (run->options->issuer_check_store)
        run->store = store_earlier_create(run->options, &run->reason);
    else
        error_set(&run->reason, "issuer/check_store is 0, so the store is not read");
}

/* --- all --- */

static void report(struct run *run)
{
    static const char *const absent = "the store does not have them";
    if (run->exhausted)
        memory_describe(run->reason.text);
    if (run->lacking == 0)
        log_info("issuer", "the issues that a journal of version 1 forgot are known again partition=%u",
                 partition_of(run));
    else
        log_warn("issuer",
                 "of users with several issues %" PRIu64 " earlier ones are not known, because a journal of version 1 "
                 "kept only the latest; requests about them get 503 until a start can read them from the store: %s "
                 "partition=%u",
                 run->lacking, run->reason.text[0] != '\0' ? run->reason.text : absent, partition_of(run));
}

static void complete(struct run *run, const struct recovery_earlier_part *part)
{
    run->part = part;
    run->lacking = ledger_earlier_missing_all(part->ledger);
    if (run->lacking == 0 || run->stopped)
        return;
    add_from_segments(run);
    if (run->lacking > 0 && goes_on(run))
        add_from_store(run);
    if (!run->stopped)
        report(run);
}

static uint64_t lacking_all(const struct recovery_earlier_part parts[], size_t count)
{
    uint64_t lacking = 0;
    for (size_t i = 0; i < count; i++)
        lacking += ledger_earlier_missing_all(parts[i].ledger);
    return lacking;
}

int recovery_earlier_run(const struct options *options, const struct recovery_earlier_part parts[], size_t count,
                         struct recovery_earlier_progress *progress, struct error *error)
{
    struct run run = {.options = options, .progress = progress, .report_us = clock_mono_us() + REPORT_US};
    progress->lacking = lacking_all(parts, count);
    if (progress->lacking == 0)
        return 0;
    run.pulse = pulse_create("earlier issues", -1);
    pulse_excuse(run.pulse, true);
    open_store(&run);
    for (size_t i = 0; i < count; i++)
        complete(&run, &parts[i]);
    store_earlier_destroy(&run.store);
    pulse_destroy(&run.pulse);
    free(run.found);
    return run.stopped ? error_set(error, "stopped while reading the earlier issues of users") : 0;
}
