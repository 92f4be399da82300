/* Dead letters: what could not be stored, with the reason. */
#include "shared/store/sqlite/sqlite.h"

#include <string.h>

static enum store_result delete_letters(struct store_sqlite *store, const struct store_batch *batch,
                                        struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *statement = store_sqlite_statement(store, SQLITE_DELETE_LETTERS, &result, error);
    if (!statement)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(batch->journal_id, id);
    store_sqlite_bind_text(statement, 1, id, 32);
    store_sqlite_bind_number(statement, 2, batch->first_seq);
    store_sqlite_bind_number(statement, 3, batch->last_seq);
    return store_sqlite_step(store, statement, "deleting from dead_letter", error);
}

enum store_result store_sqlite_write_letter(struct store_sqlite *store, const struct store_dead_letter *letter,
                                            struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_LETTER, &result, error);
    if (!insert)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(letter->journal_id, id);
    store_sqlite_bind_text(insert, 1, id, 32);
    store_sqlite_bind_number(insert, 2, letter->journal_seq);
    store_sqlite_bind_number(insert, 3, letter->partition);
    store_sqlite_bind_text(insert, 4, letter->coupon_id, letter->coupon_id_length);
    store_sqlite_bind_optional(insert, 5, letter->sequence, 0);
    if (letter->user_id_length > 0)
        store_sqlite_bind_text(insert, 6, letter->user_id, letter->user_id_length);
    else
        sqlite3_bind_null(insert, 6);
    store_sqlite_bind_optional(insert, 7, letter->nth, 0);
    store_sqlite_bind_time(insert, 8, letter->recorded_at_us);
    sqlite3_bind_blob(insert, 9, letter->record, letter->record_length, SQLITE_STATIC);
    store_sqlite_bind_text(insert, 10, letter->reason, strlen(letter->reason));
    store_sqlite_bind_time(insert, 11, letter->dead_at_us);
    return store_sqlite_step(store, insert, "inserting into dead_letter", error);
}

enum store_result store_sqlite_write_letters(struct store_sqlite *store, const struct store_batch *batch,
                                             struct error *error)
{
    enum store_result result = batch->scope == STORE_PART ? STORE_OK : delete_letters(store, batch, error);
    for (size_t i = 0; i < batch->dead_count && result == STORE_OK; i++)
        result = store_sqlite_write_letter(store, &batch->dead[i], error);
    return result;
}

enum store_result store_sqlite_adopt_letters(struct store_sqlite *store, const struct store_journal *journal,
                                             struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_ADOPT_LETTERS, &result, error);
    if (!update)
        return result;
    char id[JOURNAL_ID_TEXT_MAX];
    journal_id_format(journal->journal_id, id);
    store_sqlite_bind_text(update, 1, id, 32);
    store_sqlite_bind_number(update, 2, journal->partition);
    store_sqlite_bind_number(update, 3, journal->last_seq);
    return store_sqlite_step(store, update, "updating dead_letter", error);
}
