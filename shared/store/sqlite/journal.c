/* The table journal: which journal fills the store, and up to which record. */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

struct lookup {
    struct store_sqlite *store;
    struct store_journals journals;
    struct error *error;
};

static bool judge_journal_row(sqlite3_stmt *row, void *context, bool *good)
{
    struct lookup *lookup = context;
    const struct store_batch *batch = lookup->journals.batch;
    struct store_journal there;
    struct store_progress progress;
    *good = store_sqlite_read_journal(row, &there, &progress);
    if (*good && there.partition == batch->partition)
        lookup->store->journal = there;
    if (batch->scope == STORE_LETTER)
        return *good;
    return *good && store_journals_judge(&lookup->journals, &there, &progress, lookup->error);
}

enum store_result store_sqlite_set_journal(struct store_sqlite *store, const struct store_journal *journal,
                                           const struct store_progress *progress, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *replace = store_sqlite_statement(store, SQLITE_SET_JOURNAL, &result, error);
    if (!replace)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    char ahead[STORE_AHEAD_TEXT_MAX];
    journal_id_format(journal->journal_id, id);
    store_sqlite_bind_number(replace, 1, journal->partition);
    store_sqlite_bind_text(replace, 2, id, 32);
    store_sqlite_bind_number(replace, 3, journal->partitions);
    store_sqlite_bind_number(replace, 4, progress->last_seq);
    store_sqlite_bind_text(replace, 5, ahead, store_progress_format(progress, ahead));
    store_sqlite_bind_bytes(replace, 6, journal->fingerprint_key, 16, store_key_is_known(journal->fingerprint_key));
    store_sqlite_bind_bytes(replace, 7, journal->code_key, 16, store_key_is_known(journal->code_key));
    store_sqlite_bind_number(replace, 8, journal->erased_seq);
    return store_sqlite_step(store, replace, "writing journal", error);
}

/* The batch's keys win, if it has some. */
static void take_keys(struct store_journal *journal, const struct store_batch *batch)
{
    if (store_key_is_known(batch->fingerprint_key))
        memcpy(journal->fingerprint_key, batch->fingerprint_key, sizeof journal->fingerprint_key);
    if (store_key_is_known(batch->code_key))
        memcpy(journal->code_key, batch->code_key, sizeof journal->code_key);
}

/* Journals are few and their rows small: the whole table is judged with each batch. */
static enum store_result look_up(struct store_sqlite *store, struct lookup *lookup)
{
    enum store_result result = STORE_OK;
    store->journal = (struct store_journal){.partition = 0};
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_EACH_JOURNAL, &result, lookup->error);
    if (select)
        result = store_sqlite_each_row(store, select, "journal", judge_journal_row, lookup, lookup->error);
    take_keys(&store->journal, lookup->journals.batch);
    memcpy(store->base.fingerprint_key, store->journal.fingerprint_key, sizeof store->base.fingerprint_key);
    return result == STORE_OK ? lookup->journals.result : result;
}

static enum store_result write_progress(struct store_sqlite *store, const struct store_batch *batch,
                                        struct store_progress *progress, struct error *error)
{
    if (batch->scope == STORE_FRAME)
        store_progress_add(progress, batch->first_seq, batch->last_seq);
    store->journal.partition = batch->partition;
    store->journal.partitions = batch->partitions;
    memcpy(store->journal.journal_id, batch->journal_id, sizeof store->journal.journal_id);
    return store_sqlite_set_journal(store, &store->journal, progress, error);
}

enum store_result store_sqlite_judge_journal(struct store_sqlite *store, const struct store_batch *batch,
                                             struct error *error)
{
    struct lookup lookup = {.store = store, .journals = {.batch = batch, .result = STORE_OK}, .error = error};
    if (batch->scope == STORE_LETTER)
        return look_up(store, &lookup);
    enum store_result result = store_sqlite_find_id(store, store->base.id, error);
    if (result == STORE_OK)
        result = store_id_judge(&store->base, batch, error);
    if (result == STORE_OK)
        result = look_up(store, &lookup);
    if (result == STORE_OK)
        result = store_behind_judge(&store->base, batch, &lookup.journals.progress, error);
    if (result != STORE_OK || (lookup.journals.known && batch->scope == STORE_PART))
        return result;
    return write_progress(store, batch, &lookup.journals.progress, error);
}
