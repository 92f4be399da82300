/*
 * Erases users: replaces their ids in the rows of earlier records. Runs under the lock of the journal's row
 * (shared/store/erased.h).
 */
#include "shared/store/mysql/mysql.h"

#include <stdlib.h>
#include <string.h>

#include "shared/store/letter.h"
#include "shared/store/reason.h"

#define SLICE_ROWS        500 /* per UPDATE */
#define LETTERS_PAGE      64
#define ERASURE_ROW_BYTES 640 /* the longest row of an INSERT: texts in hexadecimal digits, and 250 bytes */

/* --- issues --- */

/* Rows of one partition: the user's issues, or rows with the user as their actor. */
struct places {
    uint16_t partition;
    uint16_t partitions;
    struct place {
        char coupon_id[COUPON_ID_MAX + 1];
        uint64_t number; /* sequence of an issue, or journal_seq of a change of the coupon */
    } * list;            /* in the order of the primary key */
    size_t count;
    size_t capacity;
};

static void add_to_list(struct places *places, const struct place *place)
{
    if (places->count == places->capacity) {
        places->capacity = places->capacity > 0 ? 2 * places->capacity : 16;
        places->list = realloc(places->list, places->capacity * sizeof *places->list);
        CHECK(places->list != NULL);
    }
    places->list[places->count++] = *place;
}

static bool take_place(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct places *places = context;
    struct place place = {.number = 0};
    *good = columns[0] && lengths[0] <= COUPON_ID_MAX && columns[1];
    if (!*good || coupon_partition(columns[0], lengths[0], places->partitions) != places->partition)
        return *good;
    memcpy(place.coupon_id, columns[0], lengths[0]);
    place.number = strtoull(columns[1], NULL, 10);
    add_to_list(places, &place);
    return true;
}

/* Where users' ids are in rows of issues. */
static const struct column {
    const char *find;
    const char *erase;
} of_holder = {"SELECT coupon_id, sequence FROM coupon_issue WHERE user_id = ", "UPDATE coupon_issue SET user_id = "},
  of_actor = {"SELECT coupon_id, sequence FROM coupon_issue_state WHERE actor = ",
              "UPDATE coupon_issue_state SET actor = "},
  of_history = {"SELECT coupon_id, journal_seq FROM coupon_history WHERE actor = ",
                "UPDATE coupon_history SET actor = "};

/* The rows of earlier records. */
static enum store_result find_places(struct store_mysql *store, const struct column *column,
                                     const struct store_erasure *erasure, struct places *places, struct error *error)
{
    sql_text_clear(&store->sql);
    store_mysql_add_text(&store->sql, column->find, erasure->user_id, erasure->user_id_length);
    store_mysql_add_number(&store->sql, " AND journal_seq < ", erasure->journal_seq);
    sql_text_add(&store->sql, " ORDER BY 1, 2");
    return store_mysql_each_row(store, "rows of a user", take_place, places, error);
}

static enum store_result erase_slice(struct store_mysql *store, const struct column *column, const char *erased_id,
                                     const struct place *list, size_t count, struct error *error)
{
    struct store_mysql_place place = {NULL, 0};
    sql_text_clear(&store->sql);
    store_mysql_add_text(&store->sql, column->erase, erased_id, ERASED_ID_LENGTH);
    sql_text_add(&store->sql, " WHERE ");
    for (size_t i = 0; i < count; i++)
        store_mysql_add_place(&store->sql, &place, list[i].coupon_id, strlen(list[i].coupon_id),
                              (uint32_t)list[i].number);
    store_mysql_end_places(&store->sql);
    return store_mysql_run_row(store, "erasing a user", error);
}

static enum store_result erase_issues(struct store_mysql *store, const struct column *column,
                                      const struct store_erasure *erasure, const char *erased_id,
                                      const struct store_journal *journal, struct error *error)
{
    struct places places = {.partition = journal->partition, .partitions = journal->partitions};
    enum store_result result = find_places(store, column, erasure, &places, error);
    for (size_t at = 0; at < places.count && result == STORE_OK; at += SLICE_ROWS) {
        size_t left = places.count - at;
        result = erase_slice(store, column, erased_id, places.list + at, left < SLICE_ROWS ? left : SLICE_ROWS, error);
    }
    free(places.list);
    return result;
}

/* --- what the user did --- */

static enum store_result erase_change(struct store_mysql *store, const char *erased_id, const struct place *place,
                                      struct error *error)
{
    sql_text_clear(&store->sql);
    store_mysql_add_text(&store->sql, of_history.erase, erased_id, ERASED_ID_LENGTH);
    store_mysql_add_text(&store->sql, " WHERE coupon_id = ", place->coupon_id, strlen(place->coupon_id));
    store_mysql_add_number(&store->sql, " AND journal_seq = ", place->number);
    return store_mysql_run_row(store, "erasing an actor", error);
}

static enum store_result erase_changes(struct store_mysql *store, const struct store_erasure *erasure,
                                       const char *erased_id, const struct store_journal *journal, struct error *error)
{
    struct places places = {.partition = journal->partition, .partitions = journal->partitions};
    enum store_result result = find_places(store, &of_history, erasure, &places, error);
    for (size_t i = 0; i < places.count && result == STORE_OK; i++)
        result = erase_change(store, erased_id, &places.list[i], error);
    free(places.list);
    return result;
}

/* An administrator may have erased itself, so the record of the erasure is one of them. */
static enum store_result erase_eraser(struct store_mysql *store, const struct store_erasure *erasure,
                                      const char *erased_id, const uint8_t journal_id[16], struct error *error)
{
    sql_text_clear(&store->sql);
    store_mysql_add_text(&store->sql, "UPDATE erasure SET actor = ", erased_id, ERASED_ID_LENGTH);
    store_mysql_add_journal_id(&store->sql, " WHERE journal_id = ", journal_id);
    store_mysql_add_text(&store->sql, " AND actor = ", erasure->user_id, erasure->user_id_length);
    store_mysql_add_number(&store->sql, " AND journal_seq <= ", erasure->journal_seq);
    return store_mysql_run(store, "erasing an actor", error);
}

/* --- dead letters --- */

struct page {
    struct store_letter letters[LETTERS_PAGE];
    size_t count;
};

static bool take_letter(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct page *page = context;
    struct store_dead_letter letter = {.nth = 0};
    *good = store_mysql_read_letter(columns, lengths, &letter);
    if (*good)
        store_letter_copy(&page->letters[page->count++], &letter);
    return *good && page->count < LETTERS_PAGE;
}

/* The user's earlier letters, except for erasures, and letters whose reason names the user. */
static enum store_result find_letters(struct store_mysql *store, const struct store_erasure *erasure,
                                      const uint8_t journal_id[16], struct page *page, struct error *error)
{
    char named[STORE_REASON_USER_MAX];
    size_t length = store_reason_user(erasure->user_id, erasure->user_id_length, named);
    page->count = 0;
    sql_text_clear(&store->sql);
    store_mysql_add_journal_id(
        &store->sql, "SELECT " STORE_MYSQL_LETTER_COLUMNS " FROM dead_letter WHERE journal_id = ", journal_id);
    store_mysql_add_text(&store->sql, " AND ((sequence IS NOT NULL AND user_id = ", erasure->user_id,
                         erasure->user_id_length);
    store_mysql_add_number(&store->sql, " AND journal_seq < ", erasure->journal_seq);
    store_mysql_add_text(&store->sql, ") OR INSTR(reason, ", named, length);
    sql_text_add(&store->sql, ") > 0) ORDER BY journal_seq");
    store_mysql_add_number(&store->sql, " LIMIT ", LETTERS_PAGE);
    return store_mysql_each_row(store, "dead_letter", take_letter, page, error);
}

/* A letter that was erased is not found again. */
static enum store_result erase_letters(struct store_mysql *store, const struct store_erasure *erasure,
                                       const uint8_t journal_id[16], struct error *error)
{
    struct page *page = malloc(sizeof *page);
    CHECK(page != NULL);
    enum store_result result;
    do {
        result = find_letters(store, erasure, journal_id, page, error);
        for (size_t i = 0; i < page->count && result == STORE_OK; i++) {
            store_letter_erase(&page->letters[i], erasure);
            result = store_mysql_write_letter(store, &page->letters[i].letter, error);
        }
    } while (result == STORE_OK && page->count == LETTERS_PAGE);
    free(page);
    return result;
}

/* --- users --- */

static enum store_result erase_user(struct store_mysql *store, const struct store_batch *batch,
                                    const struct store_journal *journal, const struct store_erasure *erasure,
                                    struct error *error)
{
    char erased_id[ERASED_ID_LENGTH + 1];
    store_erased_id(erasure->fingerprint, erased_id);
    enum store_result result = erase_issues(store, &of_holder, erasure, erased_id, journal, error);
    if (result == STORE_OK)
        result = erase_issues(store, &of_actor, erasure, erased_id, journal, error);
    if (result == STORE_OK)
        result = erase_changes(store, erasure, erased_id, journal, error);
    if (result == STORE_OK)
        result = erase_eraser(store, erasure, erased_id, batch->journal_id, error);
    return result == STORE_OK ? erase_letters(store, erasure, batch->journal_id, error) : result;
}

static void add_erasure(struct sql_text *sql, const char *before, const uint8_t journal_id[16],
                        const struct store_erasure *erasure)
{
    store_mysql_add_journal_id(sql, before, journal_id);
    store_mysql_add_number(sql, ",", erasure->journal_seq);
    sql_text_add(sql, ",");
    sql_text_bytes(sql, erasure->fingerprint, sizeof erasure->fingerprint);
    store_mysql_add_time(sql, ",", erasure->erased_at_us);
    store_mysql_add_text(sql, ",", erasure->actor, erasure->actor_length);
    store_mysql_add_text(sql, ",", erasure->request_id, erasure->request_id_length);
    sql_text_add(sql, ")");
}

/* Inserts as many as fit into one statement, at least one; *taken receives their number. A row that exists stays. */
static enum store_result insert_erasures(struct store_mysql *store, const struct store_batch *batch, size_t at,
                                         size_t *taken, struct error *error)
{
    size_t n = at;
    sql_text_clear(&store->sql);
    sql_text_add(&store->sql, "INSERT INTO erasure (" STORE_MYSQL_ERASURE_COLUMNS ") VALUES ");
    do
        add_erasure(&store->sql, n > at ? ",(" : "(", batch->journal_id, &batch->erasures[n]);
    while (++n < batch->erasures_count && store->sql.length + ERASURE_ROW_BYTES < store->statement_bytes_max);
    sql_text_add(&store->sql, " ON DUPLICATE KEY UPDATE journal_seq = VALUES(journal_seq)");
    *taken = n - at;
    return store_mysql_run_row(store, "inserting into erasure", error);
}

/* Keeps the batch's erasures for rows that are written later. */
static enum store_result keep_erasures(struct store_mysql *store, const struct store_batch *batch, struct error *error)
{
    uint64_t newest = 0;
    enum store_result result = STORE_OK;
    for (size_t at = 0, taken = 0; at < batch->erasures_count && result == STORE_OK; at += taken)
        result = insert_erasures(store, batch, at, &taken, error);
    if (result != STORE_OK)
        return result;
    for (size_t i = 0; i < batch->erasures_count; i++)
        newest = batch->erasures[i].journal_seq > newest ? batch->erasures[i].journal_seq : newest;
    sql_text_clear(&store->sql);
    store_mysql_add_number(&store->sql, "UPDATE journal SET erased_seq = GREATEST(erased_seq, ", newest);
    store_mysql_add_number(&store->sql, ") WHERE partition_no = ", batch->partition);
    return store_mysql_run(store, "updating journal", error);
}

static enum store_result erase_users(struct store_mysql *store, const struct store_batch *batch,
                                     const struct store_journal *journal, struct error *error)
{
    enum store_result result = keep_erasures(store, batch, error);
    for (size_t i = 0; i < batch->erasures_count && result == STORE_OK; i++)
        result = erase_user(store, batch, journal, &batch->erasures[i], error);
    return result;
}

/* --- users who were erased before their rows were written --- */

static bool take_erasure(void *context, char **columns, const unsigned long *lengths, bool *good)
{
    struct store_erasure erasure;
    *good = store_mysql_read_erasure(columns, lengths, &erasure);
    if (*good)
        store_erased_add(context, erasure.fingerprint, erasure.journal_seq);
    return *good;
}

static enum store_result erase_written(struct store_mysql *store, const struct store_batch *batch,
                                       const struct store_journal *journal, struct error *error)
{
    struct store_erasure erasure;
    size_t at = 0;
    store_erased_clear(&store->erased);
    sql_text_clear(&store->sql);
    store_mysql_add_journal_id(
        &store->sql, "SELECT " STORE_MYSQL_ERASURE_COLUMNS " FROM erasure WHERE journal_id = ", batch->journal_id);
    store_mysql_add_number(&store->sql, " AND journal_seq > ", store_erased_after(batch));
    enum store_result result = store_mysql_each_row(store, "erasure", take_erasure, &store->erased, error);
    store_erased_sort(&store->erased);
    while (result == STORE_OK && store_erased_next(&store->erased, store->base.fingerprint_key, batch, &at, &erasure))
        result = erase_user(store, batch, journal, &erasure, error);
    return result;
}

enum store_result store_mysql_erase(struct store_mysql *store, const struct store_batch *batch,
                                    const struct store_journal *journal, struct error *error)
{
    enum store_result result = STORE_OK;
    if (journal->partitions == 0 && batch->erasures_count > 0) {
        error_set(error, "%s: table journal has no row of partition %u", store->base.description, batch->partition);
        return STORE_FAILED;
    }
    if (batch->erasures_count > 0)
        result = erase_users(store, batch, journal, error);
    if (result == STORE_OK && journal->erased_seq > store_erased_after(batch))
        result = erase_written(store, batch, journal, error);
    return result;
}
