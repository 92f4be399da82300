/* The table journal: which journal fills the store, and up to which record. */
#include "shared/store/mysql/mysql.h"

#include <mysqld_error.h>
#include <string.h>

void store_mysql_add_journal_id(struct sql_text *sql, const char *before, const uint8_t journal_id[16])
{
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(journal_id, id);
    store_mysql_add_text(sql, before, id, 32);
}

void store_mysql_add_secret(struct sql_text *sql, const char *before, const uint8_t key[16])
{
    sql_text_add(sql, before);
    if (store_key_is_known(key))
        sql_text_bytes(sql, key, 16);
    else
        sql_text_add(sql, "NULL");
}

struct lookup {
    struct store_journals journals;
    struct store_journal own; /* the row of the batch's partition; all zeros: none */
    struct store_progress progress;
    struct error *error;
};

static bool judge_row(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct lookup *lookup = context;
    struct store_journal there;
    struct store_progress progress;
    *good = store_mysql_read_journal(columns, lengths, &there, &progress);
    if (*good && there.partition == lookup->journals.batch->partition) {
        lookup->own = there;
        lookup->progress = progress;
    }
    if (lookup->journals.batch->scope == STORE_LETTER)
        return *good;
    return *good && store_journals_judge(&lookup->journals, &there, &progress, lookup->error);
}

static enum store_result look_up(struct store_mysql *store, const char *which, struct lookup *lookup)
{
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "SELECT " STORE_MYSQL_JOURNAL_COLUMNS " FROM journal");
    sql_text_add(&store->sql, which);
    enum store_result result = store_mysql_each_row(store, "journal", judge_row, lookup, lookup->error);
    return result == STORE_OK ? lookup->journals.result : result;
}

static void add_values(struct sql_text *sql, const struct store_journal *journal, uint64_t last_seq)
{
    sql_text_add(sql, " INTO journal (" STORE_MYSQL_JOURNAL_COLUMNS ") VALUES (");
    sql_text_number(sql, journal->partition);
    store_mysql_add_journal_id(sql, ", ", journal->journal_id);
    store_mysql_add_number(sql, ", ", journal->partitions);
    store_mysql_add_number(sql, ", ", last_seq);
    store_mysql_add_secret(sql, ", '', ", journal->fingerprint_key);
    store_mysql_add_secret(sql, ", ", journal->code_key);
    sql_text_add(sql, ", 0)");
}

static enum store_result insert_journal(struct store_mysql *store, const struct store_batch *batch, struct error *error)
{
    struct store_journal journal = {.partition = batch->partition, .partitions = batch->partitions};
    memcpy(journal.journal_id, batch->journal_id, sizeof journal.journal_id);
    memcpy(journal.fingerprint_key, batch->fingerprint_key, sizeof journal.fingerprint_key);
    memcpy(journal.code_key, batch->code_key, sizeof journal.code_key);
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "INSERT");
    add_values(&store->sql, &journal, 0);
    enum store_result result = store_mysql_run(store, "inserting into journal", error);
    /* another writer was faster; the next attempt judges its row */
    return result == STORE_FAILED && store_mysql_is_duplicate(store) ? STORE_RETRY : result;
}

/* The batch's key; failing that, the stored one, which a dead letter needs. */
static void know_key(struct store_mysql *store, const struct store_batch *batch, const struct store_journal *own)
{
    bool known = store_key_is_known(batch->fingerprint_key);
    memcpy(store->base.fingerprint_key, known ? batch->fingerprint_key : own->fingerprint_key,
           sizeof store->base.fingerprint_key);
}

/*
 * Judges the whole table with each batch, since there are few journals and their rows are small. Needs no lock: the
 * records in the store only increase, so those that it had when the frame was sent are still there, unless it is no
 * longer the same store.
 */
enum store_result store_mysql_check_journals(struct store_mysql *store, const struct store_batch *batch,
                                             struct error *error)
{
    struct lookup lookup = {.journals = {.batch = batch, .result = STORE_OK}, .error = error};
    enum store_result result = STORE_OK;
    if (batch->scope != STORE_LETTER)
        result = store_mysql_find_id(store, store->base.id, error);
    if (result == STORE_OK && batch->scope != STORE_LETTER)
        result = store_id_judge(&store->base, batch, error);
    if (result == STORE_OK)
        result = look_up(store, " ORDER BY partition_no", &lookup);
    know_key(store, batch, &lookup.own);
    if (result != STORE_OK || batch->scope == STORE_LETTER)
        return result;
    result = store_behind_judge(&store->base, batch, &lookup.journals.progress, error);
    return result == STORE_OK && !lookup.journals.known ? insert_journal(store, batch, error) : result;
}

enum store_result store_mysql_lock_journal(struct store_mysql *store, const struct store_batch *batch,
                                           struct store_journal *journal, struct store_progress *progress,
                                           struct error *error)
{
    char which[64];
    struct lookup lookup = {.journals = {.batch = batch, .result = STORE_OK}, .error = error};
    snprintf(which, sizeof which, " WHERE partition_no = %u FOR UPDATE", batch->partition);
    enum store_result result = look_up(store, which, &lookup);
    *journal = lookup.own;
    *progress = lookup.progress;
    if (result != STORE_OK || batch->scope == STORE_LETTER || lookup.own.partitions > 0)
        return result;
    error_set(error, "%s: the row of partition %u was removed from table journal meanwhile", store->base.description,
              batch->partition);
    return STORE_RETRY;
}

static void add_new_key(struct sql_text *sql, const char *before, const uint8_t key[16], const uint8_t there[16])
{
    if (store_key_is_known(key) && memcmp(key, there, 16) != 0)
        store_mysql_add_secret(sql, before, key);
}

/* Comes last before the commit, so that writers of the same partition wait for each other only briefly. */
enum store_result store_mysql_raise_journal(struct store_mysql *store, const struct store_batch *batch,
                                            const struct store_journal *journal, struct store_progress *progress,
                                            struct error *error)
{
    char ahead[STORE_AHEAD_TEXT_MAX];
    store_pass_over_gone(batch, progress);
    store_progress_add(progress, batch->first_seq, batch->last_seq);
    size_t length = store_progress_format(progress, ahead);
    sql_text_clear(&store->sql);
    store_mysql_add_number(&store->sql, "UPDATE journal SET last_seq = ", progress->last_seq);
    store_mysql_add_text(&store->sql, ", ahead = ", ahead, length);
    add_new_key(&store->sql, ", fingerprint_key = ", batch->fingerprint_key, journal->fingerprint_key);
    add_new_key(&store->sql, ", code_key = ", batch->code_key, journal->code_key);
    store_mysql_add_number(&store->sql, " WHERE partition_no = ", batch->partition);
    return store_mysql_run(store, "updating journal", error);
}

enum store_result store_mysql_adopt_journal(struct store *base, const struct store_journal *journal,
                                            struct error *error)
{
    struct store_mysql *store = (struct store_mysql *)base;
    enum store_result result = store_mysql_begin(store, error);
    if (result == STORE_OK) {
        sql_text_clear(&store->sql);
        sql_text_add(&store->sql, "REPLACE");
        add_values(&store->sql, journal, journal->last_seq);
        result = store_mysql_run(store, "writing journal", error);
    }
    if (result == STORE_OK)
        result = store_mysql_adopt_letters(store, journal, error);
    return store_mysql_end(store, result, error);
}
