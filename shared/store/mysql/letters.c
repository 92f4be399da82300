/* Dead letters: records that cannot be stored, with the reason. */
#include "shared/store/mysql/mysql.h"

#include <string.h>

static enum store_result delete_letters(struct store_mysql *store, const struct store_batch *batch, struct error *error)
{
    sql_text_clear(&store->sql);
    store_mysql_add_journal_id(&store->sql, "DELETE FROM dead_letter WHERE journal_id = ", batch->journal_id);
    store_mysql_add_number(&store->sql, " AND journal_seq BETWEEN ", batch->first_seq);
    store_mysql_add_number(&store->sql, " AND ", batch->last_seq);
    return store_mysql_run(store, "deleting from dead_letter", error);
}

static void add_optional_number(struct sql_text *sql, uint64_t number)
{
    if (number > 0)
        store_mysql_add_number(sql, ",", number);
    else
        sql_text_add(sql, ",NULL");
}

static void add_letter(struct sql_text *sql, const char *before, const struct store_dead_letter *letter)
{
    store_mysql_add_journal_id(sql, before, letter->journal_id);
    store_mysql_add_number(sql, ",", letter->journal_seq);
    store_mysql_add_number(sql, ",", letter->partition);
    store_mysql_add_text(sql, ",", letter->coupon_id, letter->coupon_id_length);
    add_optional_number(sql, letter->sequence);
    if (letter->user_id_length > 0)
        store_mysql_add_text(sql, ",", letter->user_id, letter->user_id_length);
    else
        sql_text_add(sql, ",NULL");
    add_optional_number(sql, letter->nth);
    store_mysql_add_time(sql, ",", letter->recorded_at_us);
    sql_text_add(sql, ",");
    sql_text_bytes(sql, letter->record, letter->record_length);
    store_mysql_add_text(sql, ",", letter->reason, strlen(letter->reason));
    store_mysql_add_time(sql, ",", letter->dead_at_us);
    sql_text_add(sql, ")");
}

/* Writes as many as fit into one statement, at least one; *taken receives their number. A letter may be longer than an
 * issue's row, so statements end well below the limit. */
static enum store_result insert_letters(struct store_mysql *store, const struct store_dead_letter *letters,
                                        size_t count, size_t *taken, struct error *error)
{
    size_t n = 0;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "REPLACE INTO dead_letter (" STORE_MYSQL_LETTER_COLUMNS ") VALUES ");
    do {
        add_letter(&store->sql, n > 0 ? ",(" : "(", &letters[n]);
        n++;
    } while (n < count && store->sql.length < store->statement_bytes_max / 2);
    *taken = n;
    return store_mysql_run(store, "inserting into dead_letter", error);
}

enum store_result store_mysql_write_letters(struct store_mysql *store, const struct store_batch *batch,
                                            struct error *error)
{
    enum store_result result = batch->scope == STORE_PART ? STORE_OK : delete_letters(store, batch, error);
    for (size_t at = 0, taken = 0; at < batch->dead_count && result == STORE_OK; at += taken)
        result = insert_letters(store, batch->dead + at, batch->dead_count - at, &taken, error);
    return result;
}

enum store_result store_mysql_write_letter(struct store_mysql *store, const struct store_dead_letter *letter,
                                           struct error *error)
{
    size_t taken;
    return insert_letters(store, letter, 1, &taken, error);
}

enum store_result store_mysql_adopt_letters(struct store_mysql *store, const struct store_journal *journal,
                                            struct error *error)
{
    sql_text_clear(&store->sql);
    store_mysql_add_journal_id(&store->sql, "UPDATE IGNORE dead_letter SET journal_id = ", journal->journal_id);
    store_mysql_add_number(&store->sql, " WHERE partition_no = ", journal->partition);
    store_mysql_add_number(&store->sql, " AND journal_seq <= ", journal->last_seq);
    return store_mysql_run(store, "updating dead_letter", error);
}
