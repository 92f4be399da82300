#include "gateway/reading/letters.h"

#include <string.h>
#include <time.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/store/letter.h"

#define WRITE_TRIES   8
#define WRITE_WAIT_MS 50 /* between two tries */

/* --- JSON --- */

static void append(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void append_number(struct buffer *out, const char *name, uint64_t number)
{
    char digits[20];
    append(out, name);
    buffer_append(out, digits, decimal_format(digits, number));
}

/* null when there is none */
static void append_text(struct buffer *out, const char *name, const char *text, size_t length)
{
    append(out, name);
    if (length > 0)
        json_string_append(out, text, length);
    else
        append(out, "null");
}

static void append_time(struct buffer *out, const char *name, int64_t us)
{
    char time[RFC3339_MAX];
    append_text(out, name, time, rfc3339_format(us, time));
}

static void append_sequence(struct buffer *out, uint32_t sequence)
{
    if (sequence > 0)
        append_number(out, ",\"sequence\":", sequence);
    else
        append(out, ",\"sequence\":null");
}

static void append_letter(struct buffer *out, const struct store_dead_letter *letter)
{
    char id[STORE_LETTER_ID_MAX];
    append_text(out, "{\"id\":", id, store_letter_id_format(letter, id));
    append_text(out, ",\"type\":", store_letter_kind(letter), strlen(store_letter_kind(letter)));
    append_number(out, ",\"partition\":", letter->partition);
    append_number(out, ",\"journal_seq\":", letter->journal_seq);
    append_text(out, ",\"coupon_id\":", letter->coupon_id, letter->coupon_id_length);
    append_sequence(out, letter->sequence);
    append_text(out, ",\"user_id\":", letter->user_id, letter->user_id_length);
    append_time(out, ",\"recorded_at\":", letter->recorded_at_us);
    append_time(out, ",\"dead_at\":", letter->dead_at_us);
    append_text(out, ",\"reason\":", letter->reason, strlen(letter->reason));
    append(out, "}");
}

/* --- pages --- */

struct listing {
    struct reading_page *page;
    uint32_t limit;
    char last_id[STORE_LETTER_ID_MAX];
};

static bool take_letter(void *arg, const struct store_dead_letter *letter)
{
    struct listing *listing = arg;
    struct reading_page *page = listing->page;
    page->more = page->rows == listing->limit;
    if (page->more)
        return false;
    if (page->rows++ > 0)
        append(&page->text, ",");
    append_letter(&page->text, letter);
    store_letter_id_format(letter, listing->last_id);
    return true;
}

static struct store_dead_letter key_of(const struct reading_question *question)
{
    struct store_dead_letter key = {.journal_seq = question->letter.journal_seq};
    memcpy(key.journal_id, question->letter.journal_id, sizeof key.journal_id);
    return key;
}

enum store_result reading_letters_read(struct store *store, const struct reading_question *question,
                                       struct reading_page *page, struct error *error)
{
    const struct store_dead_letter after = key_of(question);
    struct listing listing = {.page = page, .limit = question->limit};
    *page = (struct reading_page){.text = page->text, .found = true, .as_of_us = TIME_NONE};
    page->text.length = 0;
    append(&page->text, "{\"dead_letters\":[");
    enum store_result result = store_read_begin(store, error);
    if (result != STORE_OK)
        return result;
    result = store_each_dead_letter(store, question->continues ? &after : NULL, (size_t)question->limit + 1,
                                    take_letter, &listing, error);
    store_read_end(store);
    append(&page->text, "]");
    append_text(&page->text, ",\"next_cursor\":", listing.last_id, page->more ? strlen(listing.last_id) : 0);
    append(&page->text, "}");
    return result;
}

/* --- one letter --- */

struct search {
    const struct store_dead_letter *key;
    struct store_letter *found;
    bool is_found;
};

static bool take_found(void *arg, const struct store_dead_letter *letter)
{
    struct search *search = arg;
    search->is_found = letter->journal_seq == search->key->journal_seq &&
                       memcmp(letter->journal_id, search->key->journal_id, sizeof letter->journal_id) == 0;
    if (search->is_found)
        store_letter_copy(search->found, letter);
    return false;
}

/* The first one behind the number before. */
static enum store_result find(struct store *store, const struct store_dead_letter *key, struct search *search,
                              struct error *error)
{
    struct store_dead_letter before = *key;
    before.journal_seq--;
    enum store_result result = store_read_begin(store, error);
    if (result != STORE_OK)
        return result;
    result = store_each_dead_letter(store, &before, 1, take_found, search, error);
    store_read_end(store);
    return result;
}

static enum store_result write_patiently(struct store *store, const struct store_batch *batch,
                                         const _Atomic bool *dropped, struct error *error)
{
    const struct timespec wait = {.tv_nsec = WRITE_WAIT_MS * 1000000};
    for (int tries = 1;; tries++) {
        enum store_result result = store_write(store, batch, error);
        if (result != STORE_RETRY || tries == WRITE_TRIES || atomic_load_explicit(dropped, memory_order_relaxed))
            return result;
        nanosleep(&wait, NULL);
    }
}

static enum store_result store_letter(struct store *store, const struct store_letter *letter, struct reading_page *page,
                                      const _Atomic bool *dropped, struct error *error)
{
    struct store_letter_rows rows;
    struct error reason = {"it is not a valid journal record"};
    enum store_result result = STORE_REJECTED;
    if (store_letter_rows(&rows, &letter->letter))
        result = write_patiently(store, &rows.batch, dropped, &reason);
    if (result != STORE_OK && result != STORE_REJECTED) {
        *error = reason;
        return result;
    }
    page->letter = result == STORE_OK ? READING_LETTER_STORED : READING_LETTER_REFUSED;
    buffer_append(&page->text, reason.text, strlen(reason.text) + 1);
    return STORE_OK;
}

static enum store_result find_and_store(struct store *store, const struct reading_question *question,
                                        struct reading_page *page, const _Atomic bool *dropped, struct error *error)
{
    struct store_letter letter;
    const struct store_dead_letter key = key_of(question);
    struct search search = {.key = &key, .found = &letter};
    enum store_result result = store_check_schema(store, error);
    if (result == STORE_OK)
        result = find(store, &key, &search, error);
    return result == STORE_OK && search.is_found ? store_letter(store, &letter, page, dropped, error) : result;
}

enum store_result reading_letter_store(const struct options *options, const struct reading_question *question,
                                       struct reading_page *page, const _Atomic bool *dropped, struct error *error)
{
    struct store *store = store_create(options, error);
    *page = (struct reading_page){.text = page->text, .as_of_us = TIME_NONE};
    page->text.length = 0;
    if (store == NULL)
        return STORE_FAILED;
    enum store_result result = find_and_store(store, question, page, dropped, error);
    store_destroy(&store);
    return result;
}
