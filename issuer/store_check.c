#include "issuer/store_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/journal_dir.h"
#include "shared/log.h"
#include "shared/notify.h"
#include "shared/stop.h"

#define REPORT_US          INT64_C(10000000)
#define PAUSE_MS           200
#define CONNECT_TIMEOUT_MS 1000 /* a start is never held up for long */
#define IO_TIMEOUT_MS      5000
#define ROWS_MAX           (PARTITIONS_MAX + 1) /* more of them, and one is of a partition that there is not */

#define REBUILD "`coupond issuer --rebuild-from-store` builds the journals from the store"

/* What is asked on a thread that may be left behind: it has all that it needs. */
struct question {
    struct options options;
    struct store *store;
    enum store_result result;
    struct error reason;
    struct error reported; /* the reason that was logged last */
    struct store_journal rows[ROWS_MAX];
    size_t rows_count;
};

const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta, uint64_t written_seq)
{
    bool same = memcmp(stored->journal_id, meta->journal_id, sizeof stored->journal_id) == 0;
    if (stored->partitions != meta->partitions)
        return "the store was filled with another number of partitions: set issuer/partitions to that";
    if (!same && written_seq == 0)
        return "this journal is empty, but the store holds coupons of another one. Was its disk lost? " REBUILD
               "; for a new beginning give it an empty database";
    if (!same)
        return "the store was filled by another journal: bring back the one that belongs to it, or use the store of "
               "this one";
    if (stored->last_seq > written_seq)
        return "the store has records that this journal lacks: it is an older copy. Bring back the newest, or " REBUILD;
    return NULL;
}

/* --- asking --- */

static bool take_row(void *arg, const struct store_journal *stored)
{
    struct question *question = arg;
    question->rows[question->rows_count++] = *stored;
    return question->rows_count < ROWS_MAX;
}

/* One look. STORE_OK when it could be asked, whatever it said. */
static enum store_result look(struct question *question)
{
    int64_t version = 0;
    struct store *store = question->store;
    enum store_result result = store_connect(store, &question->reason);
    if (result == STORE_OK)
        result = store_schema_version(store, &version, &question->reason);
    if (result != STORE_OK || version == 0)
        return result;
    result = store_read_begin(store, &question->reason);
    if (result == STORE_OK)
        result = store_each_journal(store, take_row, question, &question->reason);
    store_read_end(store);
    return result;
}

static void ask(void *arg)
{
    struct question *question = arg;
    question->rows_count = 0;
    question->result = look(question);
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

/* At first, when the reason is another one, and now and then. */
static void report(struct question *question, int64_t *report_us)
{
    int64_t now_us = clock_mono_us();
    bool same = strcmp(question->reported.text, question->reason.text) == 0;
    if (same && now_us < *report_us)
        return;
    question->reported = question->reason;
    log_warn("issuer", "waiting for the store, with which the journals are compared before anything is decided: %s",
             question->reason.text);
    notify_status("waiting for the store: %s", store_describe(question->store));
    *report_us = now_us + REPORT_US;
}

/* Asks until the store answers, once where that is enough. False when the process is told to end before. */
static bool ask_patiently(struct question *question, bool wait)
{
    for (int64_t report_us = 0;;) {
        if (!stop_run(ask, release, question))
            return false;
        if (question->result == STORE_OK || !wait)
            return true;
        report(question, &report_us);
        if (!stop_sleep(PAUSE_MS)) {
            release(question);
            return false;
        }
    }
}

/* --- judging --- */

static int judge_row(const struct store_journal *stored, struct journal *const journals[], size_t count,
                     const char *store, struct error *error)
{
    const char *wrong = "the store was filled with more partitions: set issuer/partitions to that";
    uint64_t written_seq = 0;
    if (stored->partition < count) {
        written_seq = journal_written_seq(journals[stored->partition]);
        wrong = store_check_judge(stored, journal_meta(journals[stored->partition]), written_seq);
    }
    if (wrong == NULL)
        return 0;
    return error_set(error, "partition %u beside %s (store has record %" PRIu64 ", journal %" PRIu64 "): %s",
                     stored->partition, store, stored->last_seq, written_seq, wrong);
}

static int judge(const struct question *question, struct journal *const journals[], size_t count, struct error *error)
{
    for (size_t i = 0; i < question->rows_count; i++) {
        if (judge_row(&question->rows[i], journals, count, store_describe(question->store), error) != 0)
            return -1;
    }
    return 0;
}

/* It has no records, and was never compared with a store: the stream makes the file `acked` only after that. */
static bool is_new(const struct journal *journal)
{
    return journal_written_seq(journal) == 0 && !journal_acked_exists(journal_folder(journal));
}

/* A new journal beside a store that is full would give everything out once more. */
static bool must_compare(const struct options *options, struct journal *const journals[], size_t count)
{
    bool any_new = options->issuer_require_store;
    for (size_t i = 0; i < count; i++)
        any_new = any_new || is_new(journals[i]);
    return any_new;
}

int store_check_run(const struct options *options, struct journal *const journals[], size_t count, struct error *error)
{
    if (!options->issuer_check_store)
        return 0;
    struct question *question = create_question(options, error);
    if (question == NULL)
        return -1;
    if (!ask_patiently(question, must_compare(options, journals, count)))
        return error_set(error, "told to end while it waited for the store");
    int verdict = 0;
    if (question->result == STORE_OK)
        verdict = judge(question, journals, count, error);
    else
        log_warn("issuer",
                 "the journals could not be compared with the store, deciding goes on (issuer/require_store = 1 waits "
                 "for it): %s",
                 question->reason.text);
    release(question);
    return verdict;
}
