#include "issuer/store/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/store/history.h"
#include "shared/clock.h"
#include "shared/disk.h"
#include "shared/journal/dir.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"

#define REPORT_US          INT64_C(10000000)
#define PAUSE_MS           200
#define CONNECT_TIMEOUT_MS 1000 /* must not delay a start */
#define IO_TIMEOUT_MS      5000
#define ROWS_MAX           (PARTITIONS_MAX + 1) /* one more reveals a row of a partition that does not exist */

#define REBUILD "`coupond issuer --rebuild-from-store` rebuilds the journals from the store"

/* What a store says about itself. */
struct rows {
    uint8_t store_id[STORE_ID_BYTES]; /* zeros: its persister has not created its tables yet */
    struct store_journal rows[ROWS_MAX];
    size_t count;
};

/* A question asked on a thread that may be abandoned: it owns everything that it needs. */
struct question {
    struct options options;
    struct store *store;
    enum store_result result;
    struct error reason;
    struct error reported; /* the reason logged last */
    struct rows rows;
};

struct store_check {
    const struct options *options;
    struct store_history journals[PARTITIONS_MAX];
    size_t count;
    bool outstanding;
    bool notes_due; /* the disk is full: the outstanding comparison could not be noted */
};

/* Several persisters commit in any order, so records after last_seq may be stored. */
static uint64_t newest_of(const struct store_journal *stored)
{
    return stored->newest_seq > stored->last_seq ? stored->newest_seq : stored->last_seq;
}

const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta, uint64_t written_seq)
{
    bool same = memcmp(stored->journal_id, meta->journal_id, sizeof stored->journal_id) == 0;
    if (stored->partitions != meta->partitions)
        return "the store was filled with another number of partitions: set issuer/partitions to the same";
    if (!same && written_seq == 0)
        return "this journal is empty, but the store holds coupons of another one. Was its disk lost? " REBUILD
               "; to start over, use an empty database";
    if (!same)
        return "the store was filled by another journal: restore the journal that belongs to it, or use the store of "
               "this one";
    if (newest_of(stored) > written_seq)
        return "the store has records that this journal lacks: it is an older copy. Restore the newest, or " REBUILD;
    return NULL;
}

/* --- what a store says --- */

static bool take_row(void *arg, const struct store_journal *stored)
{
    struct rows *rows = arg;
    rows->rows[rows->count++] = *stored;
    return rows->count < ROWS_MAX;
}

/* Asks a connected store once. STORE_OK when it answered, whatever it said. */
static enum store_result read_store(struct store *store, struct rows *rows, struct error *reason)
{
    int64_t version = 0;
    *rows = (struct rows){0};
    enum store_result result = store_schema_version(store, &version, reason);
    if (result != STORE_OK || version == 0)
        return result;
    if (version >= STORE_SCHEMA_VERSION)
        result = store_read_id(store, rows->store_id, reason);
    if (result == STORE_OK)
        result = store_read_begin(store, reason);
    if (result == STORE_OK)
        result = store_each_journal(store, take_row, rows, reason);
    store_read_end(store);
    return result;
}

/* --- is it the store that the journals are to be compared with? --- */

static bool is_named(const struct store_check *check, const struct rows *rows, struct error *reason)
{
    uint8_t named[STORE_ID_BYTES];
    char found[STORE_ID_TEXT_MAX];
    if (check->options->issuer_store_id[0] == '\0' ||
        (store_id_parse(check->options->issuer_store_id, named) && memcmp(named, rows->store_id, sizeof named) == 0))
        return true;
    store_id_format(rows->store_id, found);
    error_set(reason,
              store_id_is_known(rows->store_id) ? "it has the id %s, but issuer/store_id names %s"
                                                : "it has no tables yet (%.0s), but issuer/store_id names %s",
              found, check->options->issuer_store_id);
    return false;
}

/* The history of a journal that filled another store; NULL: none. */
static const struct store_history *find_other(const struct store_check *check, const struct rows *rows)
{
    for (size_t i = 0; i < check->count; i++) {
        if (store_history_is_other(&check->journals[i], rows->store_id))
            return &check->journals[i];
    }
    return NULL;
}

/* An empty store cannot confirm or refute journals that have records: wait until its tables and its id exist. */
static bool has_begun(const struct store_check *check, const struct rows *rows, struct error *reason)
{
    bool new_beginning = true;
    for (size_t i = 0; i < check->count; i++)
        new_beginning = new_beginning && store_history_is_new(&check->journals[i]);
    if (store_id_is_known(rows->store_id) || new_beginning)
        return true;
    error_set(reason, "its persister has not created its tables yet");
    return false;
}

/* In strict mode, an operator has to name another store than the journals' before anything is decided. */
static bool is_agreed(const struct store_check *check, const struct rows *rows, struct error *reason)
{
    const struct store_history *other = find_other(check, rows);
    char found[STORE_ID_TEXT_MAX], filled[STORE_ID_TEXT_MAX];
    if (!check->options->issuer_require_store || check->options->issuer_store_id[0] != '\0' || other == NULL)
        return true;
    store_id_format(rows->store_id, found);
    store_id_format(other->present, filled);
    error_set(
        reason,
        "it has the id %s, but the journal filled the store with the id %s: restore that one, or, if it is lost for "
        "good, set issuer/store_id = %s",
        found, filled, found);
    return false;
}

static bool is_ours(const struct store_check *check, const struct rows *rows, struct error *reason)
{
    return is_named(check, rows, reason) && has_begun(check, rows, reason);
}

/* --- asking --- */

static void ask(void *arg)
{
    struct question *question = arg;
    question->result = store_connect(question->store, &question->reason);
    if (question->result == STORE_OK)
        question->result = read_store(question->store, &question->rows, &question->reason);
}

static void release(void *arg)
{
    struct question *question = arg;
    store_destroy(&question->store);
    free(question);
}

static struct question *create_question(const struct options *options, struct error *error)
{
    struct question *question = calloc(1, sizeof *question);
    CHECK(question != NULL);
    question->options = *options;
    if (question->options.store_connect_timeout_ms > CONNECT_TIMEOUT_MS)
        question->options.store_connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (question->options.store_io_timeout_ms > IO_TIMEOUT_MS)
        question->options.store_io_timeout_ms = IO_TIMEOUT_MS;
    question->store = store_create(&question->options, error);
    if (question->store != NULL)
        return question;
    release(question);
    return NULL;
}

/* At first, when the reason changes, and periodically. */
static void report(struct question *question, int64_t *report_us)
{
    int64_t now_us = clock_mono_us();
    bool same = strcmp(question->reported.text, question->reason.text) == 0;
    if (same && now_us < *report_us)
        return;
    question->reported = question->reason;
    log_warn("issuer",
             "waiting for the store, because the journals must be compared with it before anything is decided: %s",
             question->reason.text);
    notify_status("waiting for the store: %s", store_describe(question->store));
    *report_us = now_us + REPORT_US;
}

static bool is_answered(const struct store_check *check, struct question *question)
{
    if (question->result == STORE_OK &&
        !(is_ours(check, &question->rows, &question->reason) && is_agreed(check, &question->rows, &question->reason)))
        question->result = STORE_FAILED;
    return question->result == STORE_OK;
}

/* Asks until the store answers, or only once if that is enough. False when the process is asked to stop first. */
static bool ask_patiently(const struct store_check *check, struct question *question, bool wait)
{
    for (int64_t report_us = 0;;) {
        if (!stop_run(ask, release, question))
            return false;
        if (is_answered(check, question) || !wait)
            return true;
        report(question, &report_us);
        if (!stop_sleep(PAUSE_MS)) {
            release(question);
            return false;
        }
    }
}

/* --- judging --- */

static int judge_row(const struct store_check *check, const struct store_journal *stored,
                     const uint8_t store_id[STORE_ID_BYTES], const char *store, struct error *error)
{
    const char *wrong = "the store was filled with more partitions: set issuer/partitions to the same";
    uint64_t bound = 0;
    if (stored->partition < check->count) {
        const struct store_history *history = &check->journals[stored->partition];
        bound = store_history_bound(history, store_id);
        wrong = store_check_judge(stored, journal_meta(history->journal), bound);
    }
    if (wrong == NULL)
        return 0;
    return error_set(error, "partition %u and %s (store has record %" PRIu64 ", journal %" PRIu64 "): %s",
                     stored->partition, store, newest_of(stored), bound, wrong);
}

static int judge(const struct store_check *check, const struct rows *rows, const char *store, struct error *error)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (judge_row(check, &rows->rows[i], rows->store_id, store, error) != 0)
            return -1;
    }
    return 0;
}

/* --- what is noted in the journals' folders --- */

static int read_notes(struct store_check *check, struct journal *const journals[], size_t count, struct error *error)
{
    check->count = count;
    for (size_t i = 0; i < count; i++) {
        if (store_history_read(&check->journals[i], journals[i], error) != 0)
            return -1;
    }
    return 0;
}

/* A full disk is waited for: there may still be room for records whose comparison would then be missing. */
static int note_outstanding(struct store_check *check, struct error *error)
{
    check->notes_due = false;
    for (size_t i = 0; i < check->count; i++) {
        if (store_history_put_off(&check->journals[i], error) == 0)
            continue;
        if (!disk_is_full(errno) && !disk_is_shortage(errno))
            return -1;
        check->notes_due = true;
    }
    return 0;
}

static int settle(struct store_check *check, const uint8_t store_id[STORE_ID_BYTES], struct error *error)
{
    for (size_t i = 0; i < check->count; i++) {
        if (store_history_settle(&check->journals[i], store_id, error) != 0)
            return -1;
    }
    check->outstanding = false;
    return 0;
}

static int remove_notes(struct store_check *check, struct error *error)
{
    for (size_t i = 0; i < check->count; i++) {
        if (store_history_remove_notes(&check->journals[i], error) != 0)
            return -1;
    }
    return 0;
}

/* --- at the start --- */

/* It has no records and was never compared with a store: the stream creates the file `acked` only after that. */
static bool is_new(const struct journal *journal)
{
    return journal_written_seq(journal) == 0 && !journal_acked_exists(journal_folder(journal));
}

/* A new journal next to a filled store would issue everything a second time. */
static bool must_compare(const struct options *options, struct journal *const journals[], size_t count)
{
    bool any_new = options->issuer_require_store;
    for (size_t i = 0; i < count; i++)
        any_new = any_new || is_new(journals[i]);
    return any_new;
}

static enum store_check_result put_off(struct store_check *check, const char *reason, struct error *error)
{
    check->outstanding = true;
    if (note_outstanding(check, error) != 0)
        return STORE_CHECK_FAILED;
    if (check->notes_due)
        return STORE_CHECK_OUTSTANDING;
    log_warn(
        "issuer",
        "the journals could not be compared with the store; the issuer decides, but sends nothing to it until they "
        "are compared (issuer/require_store = 1 waits for it): %s",
        reason);
    return STORE_CHECK_OUTSTANDING;
}

static enum store_check_result compare(struct store_check *check, const struct question *question, struct error *error)
{
    struct error reason;
    if (question->result != STORE_OK)
        return put_off(check, question->reason.text, error);
    if (judge(check, &question->rows, store_describe(question->store), error) != 0)
        return STORE_CHECK_FAILED;
    return settle(check, question->rows.store_id, &reason) == 0 ? STORE_CHECK_DONE : put_off(check, reason.text, error);
}

/* Waits until the comparison is made or can be noted. False when the process is asked to stop first. */
static bool wait_for_room_or_store(struct question *question, int64_t *report_us)
{
    error_set(&question->reason,
              "the disk is too full to record that the journals were not compared: free space, or start the store");
    report(question, report_us);
    return stop_sleep(PAUSE_MS);
}

static enum store_check_result ask_and_compare(struct store_check *check, struct question *question, bool wait,
                                               struct error *error)
{
    enum store_check_result result = STORE_CHECK_FAILED;
    bool goes_on = true;
    for (int64_t report_us = 0; goes_on;) {
        if (!ask_patiently(check, question, wait)) {
            error_set(error, "stopped while waiting for the store");
            return STORE_CHECK_FAILED;
        }
        result = compare(check, question, error);
        if (result != STORE_CHECK_OUTSTANDING || !check->notes_due)
            break;
        goes_on = wait_for_room_or_store(question, &report_us);
    }
    release(question);
    if (!goes_on)
        error_set(error, "stopped while waiting for the store");
    return goes_on ? result : STORE_CHECK_FAILED;
}

enum store_check_result store_check_run(struct store_check *check, const struct options *options,
                                        struct journal *const journals[], size_t count, struct error *error)
{
    check->options = options;
    if (read_notes(check, journals, count, error) != 0)
        return STORE_CHECK_FAILED;
    if (!options->issuer_check_store) /* records sent without the check make the notes meaningless */
        return remove_notes(check, error) == 0 ? STORE_CHECK_DONE : STORE_CHECK_FAILED;
    struct question *question = create_question(options, error);
    if (question == NULL)
        return STORE_CHECK_FAILED;
    return ask_and_compare(check, question, must_compare(options, journals, count), error);
}

struct store_check *store_check_create(void)
{
    struct store_check *check = calloc(1, sizeof *check);
    CHECK(check != NULL);
    return check;
}

void store_check_destroy(struct store_check **check)
{
    if (!stop_abandoned()) /* an abandoned probe may still use it */
        free(*check);
    *check = NULL;
}

/* --- later --- */

bool store_check_is_outstanding(const struct store_check *check)
{
    return check->outstanding;
}

void store_check_followed(struct store_check *check)
{
    struct error error;
    for (size_t i = 0; i < check->count; i++) {
        if (store_history_followed(&check->journals[i], &error) != 0) /* a restart tries again */
            log_warn("issuer", "cannot record which records the previous store may contain: %s", error.text);
    }
}

static bool is_settled(const struct store_check *check, const uint8_t store_id[STORE_ID_BYTES])
{
    bool settled = true;
    for (size_t i = 0; i < check->count; i++)
        settled = settled && store_history_is_settled(&check->journals[i], store_id);
    return settled;
}

enum store_check_result store_check_again(struct store_check *check, struct store *store,
                                          const uint8_t store_id[STORE_ID_BYTES], struct error *error)
{
    if (is_settled(check, store_id))
        return STORE_CHECK_DONE; /* as before */
    struct rows rows;
    if (read_store(store, &rows, error) != STORE_OK || !is_ours(check, &rows, error))
        return STORE_CHECK_OUTSTANDING;
    if (judge(check, &rows, store_describe(store), error) != 0)
        return STORE_CHECK_FAILED;
    return settle(check, rows.store_id, error) == 0 ? STORE_CHECK_DONE : STORE_CHECK_OUTSTANDING;
}
