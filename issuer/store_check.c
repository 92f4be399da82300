#include "issuer/store_check.h"

#include <inttypes.h>
#include <stdio.h>
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

struct rows {
    struct store_journal rows[ROWS_MAX];
    size_t count;
};

/* What is asked on a thread that may be left behind: it has all that it needs. */
struct question {
    struct options options;
    struct store *store;
    enum store_result result;
    struct error reason;
    struct error reported; /* the reason that was logged last */
    struct rows rows;
};

struct checked {
    struct journal_meta meta;
    char dir[JOURNAL_PATH_MAX];
    uint64_t sure_seq; /* the store may have the journal's records up to this one; later ones were never sent to it */
};

struct store_check {
    struct checked journals[PARTITIONS_MAX];
    size_t count;
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
    struct rows *rows = arg;
    rows->rows[rows->count++] = *stored;
    return rows->count < ROWS_MAX;
}

/* One look into a store that is connected. STORE_OK when it could be asked, whatever it said. */
static enum store_result look(struct store *store, struct rows *rows, struct error *reason)
{
    int64_t version = 0;
    rows->count = 0;
    enum store_result result = store_schema_version(store, &version, reason);
    if (result != STORE_OK || version == 0)
        return result;
    result = store_read_begin(store, reason);
    if (result == STORE_OK)
        result = store_each_journal(store, take_row, rows, reason);
    store_read_end(store);
    return result;
}

static void ask(void *arg)
{
    struct question *question = arg;
    question->result = store_connect(question->store, &question->reason);
    if (question->result == STORE_OK)
        question->result = look(question->store, &question->rows, &question->reason);
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

static int judge_row(const struct store_check *check, const struct store_journal *stored, const char *store,
                     struct error *error)
{
    const char *wrong = "the store was filled with more partitions: set issuer/partitions to that";
    uint64_t sure_seq = 0;
    if (stored->partition < check->count) {
        sure_seq = check->journals[stored->partition].sure_seq;
        wrong = store_check_judge(stored, &check->journals[stored->partition].meta, sure_seq);
    }
    if (wrong == NULL)
        return 0;
    return error_set(error, "partition %u beside %s (store has record %" PRIu64 ", journal %" PRIu64 "): %s",
                     stored->partition, store, stored->last_seq, sure_seq, wrong);
}

static int judge(const struct store_check *check, const struct rows *rows, const char *store, struct error *error)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (judge_row(check, &rows->rows[i], store, error) != 0)
            return -1;
    }
    return 0;
}

/* --- what is noted in the journals' folders --- */

static int read_note(struct checked *checked, const struct journal *journal, struct error *error)
{
    uint64_t written = journal_written_seq(journal), noted = written;
    checked->meta = *journal_meta(journal);
    snprintf(checked->dir, sizeof checked->dir, "%s", journal_folder(journal));
    if (journal_uncompared_read(checked->dir, checked->meta.journal_id, &noted, error) < 0)
        return -1;
    /* A coupond that knows no such note may have sent more. */
    uint64_t acked = journal_acked_read(checked->dir, checked->meta.journal_id, NULL);
    checked->sure_seq = noted < acked ? acked : noted;
    checked->sure_seq = checked->sure_seq < written ? checked->sure_seq : written;
    return 0;
}

static int read_notes(struct store_check *check, struct journal *const journals[], size_t count, struct error *error)
{
    check->count = count;
    for (size_t i = 0; i < count; i++) {
        if (read_note(&check->journals[i], journals[i], error) != 0)
            return -1;
    }
    return 0;
}

static int write_notes(const struct store_check *check, struct error *error)
{
    for (size_t i = 0; i < check->count; i++) {
        const struct checked *checked = &check->journals[i];
        if (journal_uncompared_write(checked->dir, checked->meta.journal_id, checked->sure_seq, error) != 0)
            return -1;
    }
    return 0;
}

static int remove_notes(const struct store_check *check, struct error *error)
{
    for (size_t i = 0; i < check->count; i++) {
        if (journal_uncompared_remove(check->journals[i].dir, error) != 0)
            return -1;
    }
    return 0;
}

/* --- at the start --- */

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

static enum store_check_result put_off(const struct store_check *check, const struct question *question,
                                       struct error *error)
{
    if (write_notes(check, error) != 0)
        return STORE_CHECK_FAILED;
    log_warn("issuer",
             "the journals could not be compared with the store, deciding goes on and nothing is sent to it until they "
             "are (issuer/require_store = 1 waits for it): %s",
             question->reason.text);
    return STORE_CHECK_OUTSTANDING;
}

static enum store_check_result compare(const struct store_check *check, const struct question *question,
                                       struct error *error)
{
    if (question->result != STORE_OK)
        return put_off(check, question, error);
    if (judge(check, &question->rows, store_describe(question->store), error) != 0 || remove_notes(check, error) != 0)
        return STORE_CHECK_FAILED;
    return STORE_CHECK_DONE;
}

enum store_check_result store_check_run(struct store_check *check, const struct options *options,
                                        struct journal *const journals[], size_t count, struct error *error)
{
    if (read_notes(check, journals, count, error) != 0)
        return STORE_CHECK_FAILED;
    if (!options->issuer_check_store) /* what is sent now makes the notes meaningless */
        return remove_notes(check, error) == 0 ? STORE_CHECK_DONE : STORE_CHECK_FAILED;
    struct question *question = create_question(options, error);
    if (question == NULL)
        return STORE_CHECK_FAILED;
    if (!ask_patiently(question, must_compare(options, journals, count))) {
        error_set(error, "told to end while it waited for the store");
        return STORE_CHECK_FAILED;
    }
    enum store_check_result result = compare(check, question, error);
    release(question);
    return result;
}

struct store_check *store_check_create(void)
{
    struct store_check *check = calloc(1, sizeof *check);
    CHECK(check != NULL);
    return check;
}

void store_check_destroy(struct store_check **check)
{
    if (!stop_abandoned()) /* else a look may still use it */
        free(*check);
    *check = NULL;
}

/* --- later --- */

enum store_check_result store_check_again(const struct store_check *check, struct store *store, struct error *error)
{
    struct rows rows;
    if (look(store, &rows, error) != STORE_OK)
        return STORE_CHECK_OUTSTANDING;
    if (judge(check, &rows, store_describe(store), error) != 0)
        return STORE_CHECK_FAILED;
    return remove_notes(check, error) == 0 ? STORE_CHECK_DONE : STORE_CHECK_OUTSTANDING;
}
