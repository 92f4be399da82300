/*
 * Erases users: replaces their ids in the rows of earlier records. No other writer is active meanwhile
 * (shared/store/erased.h).
 */
#include "shared/store/sqlite/sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "shared/store/letter.h"
#include "shared/store/reason.h"

#define LETTERS_PAGE 64

struct user {
    const struct store_erasure *erasure;
    const uint8_t *journal_id;
    char erased_id[ERASED_ID_LENGTH + 1];
};

/* --- issues --- */

/* Rows of one partition: the user's issues, or rows with the user as their actor. */
struct places {
    const struct store_journal *journal;
    struct place {
        char coupon_id[COUPON_ID_MAX];
        uint8_t length;
        uint64_t number; /* sequence of an issue, or journal_seq of a change of the coupon */
    } * list;
    size_t count;
    size_t capacity;
};

static bool take_place(sqlite3_stmt *row, void *context, bool *good)
{
    struct places *places = context;
    const char *coupon_id = (const char *)sqlite3_column_text(row, 0);
    size_t length = (size_t)sqlite3_column_bytes(row, 0);
    *good = coupon_id && length <= COUPON_ID_MAX;
    if (!*good || coupon_partition(coupon_id, length, places->journal->partitions) != places->journal->partition)
        return *good;
    if (places->count == places->capacity) {
        places->capacity = places->capacity > 0 ? 2 * places->capacity : 16;
        places->list = realloc(places->list, places->capacity * sizeof *places->list);
        CHECK(places->list != NULL);
    }
    struct place *place = &places->list[places->count++];
    memcpy(place->coupon_id, coupon_id, length);
    place->length = (uint8_t)length;
    place->number = (uint64_t)sqlite3_column_int64(row, 1);
    return true;
}

/* `which` selects rows by the user's id and by the erasure's record. */
static enum store_result find_places(struct store_sqlite *store, enum sqlite_statement which,
                                     const struct store_erasure *erasure, struct places *places, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, which, &result, error);
    if (!select)
        return result;
    store_sqlite_bind_text(select, 1, erasure->user_id, erasure->user_id_length);
    store_sqlite_bind_number(select, 2, erasure->journal_seq);
    return store_sqlite_each_row(store, select, "rows of a user", take_place, places, error);
}

static enum store_result erase_issue(struct store_sqlite *store, const struct user *user, const struct place *place,
                                     struct error *error)
{
    enum store_result result = STORE_OK;
    bool duplicate = false;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_ERASE_ISSUE, &result, error);
    if (!update)
        return result;
    store_sqlite_bind_text(update, 1, place->coupon_id, place->length);
    store_sqlite_bind_number(update, 2, place->number);
    store_sqlite_bind_text(update, 3, user->erased_id, ERASED_ID_LENGTH);
    result = store_sqlite_step_row(store, update, "erasing a user from coupon_issue", &duplicate, error);
    if (result != STORE_OK || !duplicate)
        return result;
    error_set(error, "coupon %.*s: sequence %u cannot be erased, because another issue is %s already",
              (int)place->length, place->coupon_id, (unsigned)place->number, user->erased_id);
    return STORE_REJECTED;
}

static enum store_result erase_issues(struct store_sqlite *store, const struct user *user, struct error *error)
{
    struct places places = {.journal = &store->journal};
    enum store_result result = find_places(store, SQLITE_ISSUES_OF_USER, user->erasure, &places, error);
    for (size_t i = 0; i < places.count && result == STORE_OK; i++)
        result = erase_issue(store, user, &places.list[i], error);
    free(places.list);
    return result;
}

/* --- what the user did --- */

static enum store_result erase_actor_at(struct store_sqlite *store, enum sqlite_statement which,
                                        const struct user *user, const struct place *place, struct error *error)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, which, &result, error);
    if (!update)
        return result;
    store_sqlite_bind_text(update, 1, place->coupon_id, place->length);
    store_sqlite_bind_number(update, 2, place->number);
    store_sqlite_bind_text(update, 3, user->erased_id, ERASED_ID_LENGTH);
    return store_sqlite_step(store, update, "erasing an actor", error);
}

static enum store_result erase_actors(struct store_sqlite *store, const struct user *user, enum sqlite_statement find,
                                      enum sqlite_statement erase, struct error *error)
{
    struct places places = {.journal = &store->journal};
    enum store_result result = find_places(store, find, user->erasure, &places, error);
    for (size_t i = 0; i < places.count && result == STORE_OK; i++)
        result = erase_actor_at(store, erase, user, &places.list[i], error);
    free(places.list);
    return result;
}

/* An administrator may have erased itself, so the record of the erasure is one of them. */
static enum store_result erase_eraser(struct store_sqlite *store, const struct user *user, struct error *error)
{
    char id[JOURNAL_ID_TEXT_MAX];
    enum store_result result = STORE_OK;
    sqlite3_stmt *update = store_sqlite_statement(store, SQLITE_ERASE_ERASURE_ACTOR, &result, error);
    if (!update)
        return result;
    journal_id_format(user->journal_id, id);
    store_sqlite_bind_text(update, 1, id, 32);
    store_sqlite_bind_text(update, 2, user->erasure->user_id, user->erasure->user_id_length);
    store_sqlite_bind_number(update, 3, user->erasure->journal_seq);
    store_sqlite_bind_text(update, 4, user->erased_id, ERASED_ID_LENGTH);
    return store_sqlite_step(store, update, "erasing an actor", error);
}

/* The user's id as the actor of changes, whomever they concern. */
static enum store_result erase_acts(struct store_sqlite *store, const struct user *user, struct error *error)
{
    enum store_result result = erase_actors(store, user, SQLITE_STATES_OF_ACTOR, SQLITE_ERASE_STATE_ACTOR, error);
    if (result == STORE_OK)
        result = erase_actors(store, user, SQLITE_HISTORIES_OF_ACTOR, SQLITE_ERASE_HISTORY_ACTOR, error);
    return result == STORE_OK ? erase_eraser(store, user, error) : result;
}

/* --- dead letters --- */

struct page {
    struct store_letter letters[LETTERS_PAGE];
    size_t count;
};

static bool take_letter(sqlite3_stmt *row, void *context, bool *good)
{
    struct page *page = context;
    struct store_dead_letter letter = {.nth = 0};
    *good = store_sqlite_read_letter(row, &letter);
    if (*good)
        store_letter_copy(&page->letters[page->count++], &letter);
    return *good && page->count < LETTERS_PAGE;
}

/* The user's earlier letters, except for erasures, and letters whose reason names the user. */
static enum store_result find_letters(struct store_sqlite *store, const struct user *user, struct page *page,
                                      struct error *error)
{
    const struct store_erasure *erasure = user->erasure;
    char id[JOURNAL_ID_TEXT_MAX], named[STORE_REASON_USER_MAX];
    enum store_result result = STORE_OK;
    page->count = 0;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_LETTERS_OF_USER, &result, error);
    if (!select)
        return result;
    journal_id_format(user->journal_id, id);
    store_sqlite_bind_text(select, 1, id, 32);
    store_sqlite_bind_number(select, 2, erasure->journal_seq);
    store_sqlite_bind_text(select, 3, erasure->user_id, erasure->user_id_length);
    store_sqlite_bind_text(select, 4, named, store_reason_user(erasure->user_id, erasure->user_id_length, named));
    store_sqlite_bind_number(select, 5, LETTERS_PAGE);
    return store_sqlite_each_row(store, select, "dead_letter", take_letter, page, error);
}

/* A letter that was erased is not found again. */
static enum store_result erase_letters(struct store_sqlite *store, const struct user *user, struct error *error)
{
    struct page *page = malloc(sizeof *page);
    CHECK(page != NULL);
    enum store_result result;
    do {
        result = find_letters(store, user, page, error);
        for (size_t i = 0; i < page->count && result == STORE_OK; i++) {
            store_letter_erase(&page->letters[i], user->erasure);
            result = store_sqlite_write_letter(store, &page->letters[i].letter, error);
        }
    } while (result == STORE_OK && page->count == LETTERS_PAGE);
    free(page);
    return result;
}

/* --- users --- */

static enum store_result erase_user(struct store_sqlite *store, const struct store_batch *batch,
                                    const struct store_erasure *erasure, struct error *error)
{
    struct user user = {.erasure = erasure, .journal_id = batch->journal_id};
    store_erased_id(erasure->fingerprint, user.erased_id);
    enum store_result result = erase_issues(store, &user, error);
    if (result == STORE_OK)
        result = erase_acts(store, &user, error);
    return result == STORE_OK ? erase_letters(store, &user, error) : result;
}

/* Keeps the erasure for rows that are written later. */
static enum store_result keep_erasure(struct store_sqlite *store, const struct store_batch *batch,
                                      const struct store_erasure *erasure, struct error *error)
{
    char id[JOURNAL_ID_TEXT_MAX];
    enum store_result result = STORE_OK;
    bool duplicate = false;
    sqlite3_stmt *insert = store_sqlite_statement(store, SQLITE_INSERT_ERASURE, &result, error);
    sqlite3_stmt *raise = insert ? store_sqlite_statement(store, SQLITE_RAISE_ERASED, &result, error) : NULL;
    if (!raise)
        return result;
    journal_id_format(batch->journal_id, id);
    store_sqlite_bind_text(insert, 1, id, 32);
    store_sqlite_bind_number(insert, 2, erasure->journal_seq);
    store_sqlite_bind_bytes(insert, 3, erasure->fingerprint, sizeof erasure->fingerprint, true);
    store_sqlite_bind_time(insert, 4, erasure->erased_at_us);
    store_sqlite_bind_text(insert, 5, erasure->actor, erasure->actor_length);
    store_sqlite_bind_text(insert, 6, erasure->request_id, erasure->request_id_length);
    result = store_sqlite_step_row(store, insert, "inserting into erasure", &duplicate, error);
    if (result != STORE_OK || duplicate)
        return duplicate ? store_sqlite_unknown_key(store, "erasure", "", 0, error) : result;
    store_sqlite_bind_number(raise, 1, batch->partition);
    store_sqlite_bind_number(raise, 2, erasure->journal_seq);
    return store_sqlite_step(store, raise, "updating journal", error);
}

static enum store_result erase_users(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = STORE_OK;
    for (size_t i = 0; i < batch->erasures_count && result == STORE_OK; i++) {
        result = keep_erasure(store, batch, &batch->erasures[i], error);
        if (result == STORE_OK)
            result = erase_user(store, batch, &batch->erasures[i], error);
    }
    return result;
}

/* --- users who were erased before their rows were written --- */

static bool take_erasure(sqlite3_stmt *row, void *context, bool *good)
{
    struct store_erasure erasure;
    *good = store_sqlite_read_erasure(row, &erasure);
    if (*good)
        store_erased_add(context, erasure.fingerprint, erasure.journal_seq);
    return *good;
}

static enum store_result erase_written(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    char id[JOURNAL_ID_TEXT_MAX];
    struct store_erasure erasure;
    size_t at = 0;
    enum store_result result = STORE_OK;
    sqlite3_stmt *select = store_sqlite_statement(store, SQLITE_LATER_ERASURES, &result, error);
    if (!select)
        return result;
    journal_id_format(batch->journal_id, id);
    store_sqlite_bind_text(select, 1, id, 32);
    store_sqlite_bind_number(select, 2, store_erased_after(batch));
    store_erased_clear(&store->erased);
    result = store_sqlite_each_row(store, select, "erasure", take_erasure, &store->erased, error);
    store_erased_sort(&store->erased);
    while (result == STORE_OK && store_erased_next(&store->erased, store->base.fingerprint_key, batch, &at, &erasure))
        result = erase_user(store, batch, &erasure, error);
    return result;
}

enum store_result store_sqlite_erase(struct store_sqlite *store, const struct store_batch *batch, struct error *error)
{
    enum store_result result = STORE_OK;
    if (store->journal.partitions == 0 && batch->erasures_count > 0) {
        error_set(error, "%s: table journal has no row of partition %u", store->base.description, batch->partition);
        return STORE_FAILED;
    }
    if (batch->erasures_count > 0)
        result = erase_users(store, batch, error);
    if (result == STORE_OK && store->journal.erased_seq > store_erased_after(batch))
        result = erase_written(store, batch, error);
    return result;
}
