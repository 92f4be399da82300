#include "gateway/reading/page.h"

#include <string.h>

#include "gateway/reading/cursor.h"
#include "gateway/reading/history.h"
#include "gateway/reading/rows.h"
#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/code.h"
#include "shared/coupon.h"

/* A page while it is being read. */
struct filling {
    const struct reading_question *question;
    struct reading_page *page;
    uint64_t rows_max;
    struct store_issue_key last;
    uint64_t last_version;
    const struct reading_cluster *cluster;
    int64_t now_us;
    int64_t as_of_us[PARTITIONS_MAX]; /* TIME_NONE: unknown */
    bool keyed[PARTITIONS_MAX];
    uint8_t code_keys[PARTITIONS_MAX][16];
};

static void take_key(struct store_issue_key *key, const struct store_issue *issue)
{
    key->issued_at_us = issue->issued_at_us;
    key->sequence = issue->sequence;
    key->coupon_id_length = issue->coupon_id_length;
    memcpy(key->coupon_id, issue->coupon_id, issue->coupon_id_length);
}

static uint64_t code_of(const struct filling *filling, const struct store_issue_view *view)
{
    uint16_t partitions = filling->cluster->partitions;
    uint16_t partition = coupon_partition(view->issue.coupon_id, view->issue.coupon_id_length, partitions);
    if (!filling->keyed[partition] || view->number == 0 || view->number > code_coupons_max(partitions))
        return ISSUE_CODE_UNKNOWN;
    return code_make(filling->code_keys[partition], partition, partitions, view->number, view->issue.sequence);
}

static void take_one(struct reading_page *page, const struct store_issue_view *view, uint64_t code, int64_t now_us)
{
    struct reading_row row;
    reading_row_of(view, code, now_us, &row);
    page->one = (struct reading_one){.found = true, .issue = row.issue, .details = row.details};
    page->one.user_id_length = view->issue.user_id_length;
    memcpy(page->one.user_id, view->issue.user_id, view->issue.user_id_length);
}

static bool take_row(void *arg, const struct store_issue_view *view)
{
    struct filling *filling = arg;
    struct reading_page *page = filling->page;
    page->more = page->rows == filling->rows_max;
    if (page->more)
        return false;
    uint64_t code = code_of(filling, view);
    if (filling->question->scope == READING_ISSUE)
        take_one(page, view, code, filling->now_us);
    else
        reading_rows_append(&page->text, filling->question, view, code, filling->now_us);
    take_key(&filling->last, &view->issue);
    page->rows++;
    return true;
}

static bool take_change(void *arg, const struct store_history_row *history)
{
    struct filling *filling = arg;
    struct reading_page *page = filling->page;
    page->more = page->rows == filling->rows_max;
    if (page->more)
        return false;
    reading_history_append(&page->text, history);
    filling->last_version = history->journal_seq;
    page->rows++;
    return true;
}

static uint64_t rows_of_page(const struct reading_question *question)
{
    bool bounded = question->limit > 0 && question->limit < READING_STREAM_ROWS;
    return bounded ? question->limit : READING_STREAM_ROWS;
}

/* Asks for one more than fits, to see whether others follow. */
static enum store_result read_rows(struct store *store, struct filling *filling, struct error *error)
{
    const struct reading_question *question = filling->question;
    const struct store_issue_query query = {
        .id = question->id,
        .id_length = question->id_length,
        .after = question->continues ? &question->after : NULL,
        .limit = filling->rows_max + 1,
    };
    const struct store_issue one = {
        .coupon_id = question->id, .coupon_id_length = question->id_length, .sequence = question->after.sequence};
    const struct store_history_query changes = {
        .coupon_id = question->id,
        .coupon_id_length = question->id_length,
        .before = question->continues ? question->before : UINT64_MAX,
        .limit = filling->rows_max + 1,
    };
    if (question->scope == READING_HISTORY)
        return store_read_history(store, &changes, take_change, filling, error);
    if (question->scope == READING_ISSUE)
        return store_read_issue(store, &one, take_row, filling, error);
    if (question->scope == READING_USER)
        return store_read_user_issues(store, &query, take_row, filling, error);
    if (question->scope == READING_COUPON)
        return store_read_coupon_issues(store, &query, take_row, filling, error);
    return store_read_all_issues(store, &query, take_row, filling, error);
}

static bool is_of_coupon(const struct reading_question *question)
{
    return question->scope == READING_COUPON || question->scope == READING_HISTORY;
}

/* Whether the coupon is there, and whose it is. */
static enum store_result find_coupon(struct store *store, const struct filling *filling, struct error *error)
{
    const struct reading_question *question = filling->question;
    struct store_coupon_owner owner;
    enum store_result result = store_find_owner(store, question->id, question->id_length, &owner, error);
    bool own =
        owner.owner_length == question->owner_length && memcmp(owner.owner, question->owner, owner.owner_length) == 0;
    filling->page->found = owner.found;
    filling->page->foreign = owner.found && question->owner_length > 0 && !own;
    return result;
}

/* --- journals --- */

static bool take_journal(void *arg, const struct store_journal *journal)
{
    static const uint8_t none[16];
    struct filling *filling = arg;
    uint16_t partition = journal->partition;
    if (partition >= filling->cluster->partitions)
        return true;
    filling->keyed[partition] = memcmp(journal->code_key, none, sizeof none) != 0;
    memcpy(filling->code_keys[partition], journal->code_key, sizeof journal->code_key);
    filling->page->stored_seqs[partition] = journal->last_seq;
    if (filling->cluster->horizon != NULL)
        filling->as_of_us[partition] = reading_horizon_find(filling->cluster->horizon, partition, journal->last_seq);
    return true;
}

/* The earliest of the partitions that the question is about. */
static int64_t as_of(const struct filling *filling)
{
    const struct reading_question *question = filling->question;
    uint16_t partitions = filling->cluster->partitions;
    if (is_of_coupon(question))
        return filling->as_of_us[coupon_partition(question->id, question->id_length, partitions)];
    int64_t earliest_us = filling->as_of_us[0];
    for (uint16_t i = 1; i < partitions; i++)
        earliest_us = filling->as_of_us[i] < earliest_us ? filling->as_of_us[i] : earliest_us;
    return earliest_us;
}

static enum store_result read_journals(struct store *store, struct filling *filling, struct error *error)
{
    struct reading_horizon *horizon = filling->cluster->horizon;
    for (uint16_t i = 0; i < filling->cluster->partitions; i++) /* a partition without records has no row */
        filling->as_of_us[i] = horizon != NULL ? reading_horizon_find(horizon, i, 0) : TIME_NONE;
    enum store_result result = store_each_journal(store, take_journal, filling, error);
    filling->page->as_of_us = as_of(filling);
    return result;
}

static enum store_result read_parts(struct store *store, struct filling *filling, struct error *error)
{
    const struct reading_question *question = filling->question;
    struct reading_page *page = filling->page;
    enum store_result result = read_journals(store, filling, error);
    if (filling->question->scope == READING_PROGRESS)
        return result;
    page->found = true;
    if (result == STORE_OK && question->owner_length > 0)
        result = find_coupon(store, filling, error);
    if (result == STORE_OK && page->found && !page->foreign)
        result = read_rows(store, filling, error);
    if (result == STORE_OK && is_of_coupon(question) && page->rows == 0) /* one with rows exists */
        result = find_coupon(store, filling, error);
    return result;
}

/* False when a limited question has all its rows. */
static bool advance(struct reading_question *question, const struct filling *filling)
{
    uint32_t rows = (uint32_t)filling->page->rows;
    question->begun = true;
    if (rows == 0)
        return true;
    question->continues = true;
    question->after = filling->last;
    question->before = filling->last_version;
    if (question->limit == 0)
        return true;
    question->limit -= rows;
    return question->limit > 0;
}

/* Makes a JSON page of its rows. */
static void wrap(struct filling *filling)
{
    struct reading_page *page = filling->page;
    enum reading_scope scope = filling->question->scope;
    char cursor[READING_CURSOR_MAX];
    struct span next = SPAN_NONE;
    if (page->more && scope == READING_HISTORY)
        next = (struct span){cursor, decimal_format(cursor, filling->last_version)};
    else if (page->more)
        next = (struct span){cursor, reading_cursor_format(scope, &filling->last, cursor)};
    reading_rows_wrap(&page->text, scope == READING_HISTORY ? "changes" : "issues", page->as_of_us, next);
}

enum store_result reading_page_read(struct store *store, const struct reading_cluster *cluster,
                                    struct reading_question *question, struct reading_page *page, struct error *error)
{
    struct filling filling = {.question = question,
                              .page = page,
                              .rows_max = rows_of_page(question),
                              .cluster = cluster,
                              .now_us = clock_wall_us()};
    *page = (struct reading_page){.text = page->text};
    page->text.length = 0;
    if (!question->begun)
        reading_rows_begin(&page->text, question->format);
    enum store_result result = store_read_begin(store, error);
    if (result != STORE_OK)
        return result;
    result = read_parts(store, &filling, error);
    store_read_end(store);
    if (result != STORE_OK)
        return result;
    if (question->scope == READING_ISSUE || question->scope == READING_PROGRESS)
        return STORE_OK;
    if (question->format == READING_JSON)
        wrap(&filling);
    page->more &= advance(question, &filling);
    return STORE_OK;
}

void reading_page_deinit(struct reading_page *page)
{
    buffer_deinit(&page->text);
}
