#include "sim_database_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

static void *grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count <= *room)
        return array;
    *room = 2 * count;
    array = realloc(array, *room * size);
    CHECK(array != NULL);
    return array;
}

void sim_rows_clear(struct sim_rows *rows)
{
    free(rows->issues);
    free(rows->letters);
    memset(rows, 0, sizeof *rows);
}

void sim_rows_copy(struct sim_rows *to, const struct sim_rows *from)
{
    struct sim_rows copy = *from;
    copy.issues = grow(NULL, from->issues_count, &(size_t){0}, sizeof *copy.issues);
    copy.letters = grow(NULL, from->letters_count, &(size_t){0}, sizeof *copy.letters);
    copy.issues_room = copy.issues_count;
    copy.letters_room = copy.letters_count;
    if (copy.issues_count > 0)
        memcpy(copy.issues, from->issues, copy.issues_count * sizeof *copy.issues);
    if (copy.letters_count > 0)
        memcpy(copy.letters, from->letters, copy.letters_count * sizeof *copy.letters);
    sim_rows_clear(to);
    *to = copy;
}

void sim_rows_begin(const struct sim_rows *rows, struct sim_rows_mark *mark)
{
    memcpy(mark->journals, rows->journals, sizeof mark->journals);
    memcpy(mark->coupons, rows->coupons, rows->coupons_count * sizeof rows->coupons[0]);
    mark->coupons_count = rows->coupons_count;
    mark->issues_count = rows->issues_count;
}

void sim_rows_roll_back(struct sim_rows *rows, const struct sim_rows_mark *mark)
{
    memcpy(rows->journals, mark->journals, sizeof mark->journals);
    memcpy(rows->coupons, mark->coupons, mark->coupons_count * sizeof rows->coupons[0]);
    rows->coupons_count = mark->coupons_count;
    rows->issues_count = mark->issues_count;
}

/* --- coupons --- */

struct coupon *sim_rows_coupon(const struct sim_rows *rows, const char *id, size_t length)
{
    for (size_t i = 0; i < rows->coupons_count; i++) {
        const struct coupon *coupon = &rows->coupons[i];
        if (strlen(coupon->id) == length && memcmp(coupon->id, id, length) == 0)
            return (struct coupon *)coupon;
    }
    return NULL;
}

void sim_rows_add_coupon(struct sim_rows *rows, const struct coupon *coupon)
{
    CHECK(rows->coupons_count < SIM_COUPONS_MAX);
    rows->coupons[rows->coupons_count] = *coupon;
    rows->coupons[rows->coupons_count++].issued = 0;
}

/* --- issues --- */

static struct store_issue issue_of(const struct sim_issue_row *row)
{
    return (struct store_issue){
        .coupon_id = row->coupon_id,
        .user_id = row->user_id,
        .coupon_id_length = (uint8_t)strlen(row->coupon_id),
        .user_id_length = (uint8_t)strlen(row->user_id),
        .nth = row->nth,
        .sequence = row->sequence,
        .issued_at_us = row->issued_at_us,
        .journal_seq = row->journal_seq,
    };
}

bool sim_rows_find_issue(const struct sim_rows *rows, const struct store_issue *issue, struct store_issue *there)
{
    for (size_t i = 0; i < rows->issues_count; i++) {
        *there = issue_of(&rows->issues[i]);
        if (store_issue_compare(issue, there) == 0 || store_issue_same_holder(issue, there))
            return true;
    }
    return false;
}

void sim_rows_add_issue(struct sim_rows *rows, const struct store_issue *issue)
{
    rows->issues = grow(rows->issues, rows->issues_count + 1, &rows->issues_room, sizeof *rows->issues);
    struct sim_issue_row *row = &rows->issues[rows->issues_count++];
    *row = (struct sim_issue_row){.nth = issue->nth,
                                  .sequence = issue->sequence,
                                  .issued_at_us = issue->issued_at_us,
                                  .journal_seq = issue->journal_seq};
    memcpy(row->coupon_id, issue->coupon_id, issue->coupon_id_length);
    memcpy(row->user_id, issue->user_id, issue->user_id_length);
}

size_t sim_rows_count_issue(const struct sim_rows *rows, const char *coupon_id, const char *user_id, uint32_t sequence,
                            uint32_t nth, int64_t issued_at_us, uint64_t journal_seq)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->issues_count; i++) {
        const struct sim_issue_row *row = &rows->issues[i];
        count += row->sequence == sequence && row->journal_seq == journal_seq && row->nth == nth &&
                 row->issued_at_us == issued_at_us && strcmp(row->user_id, user_id) == 0 &&
                 strcmp(row->coupon_id, coupon_id) == 0;
    }
    return count;
}

/* --- dead letters --- */

static bool letter_is(const struct sim_letter_row *row, uint16_t partition, uint64_t first_seq, uint64_t last_seq)
{
    return !row->gone && row->partition == partition && row->journal_seq >= first_seq && row->journal_seq <= last_seq;
}

void sim_rows_remove_letters(struct sim_rows *rows, const struct store_batch *batch)
{
    for (size_t i = 0; i < rows->letters_count; i++)
        rows->letters[i].gone |= letter_is(&rows->letters[i], batch->partition, batch->first_seq, batch->last_seq);
}

void sim_rows_add_letter(struct sim_rows *rows, const struct store_dead_letter *letter)
{
    for (size_t i = 0; i < rows->letters_count; i++)
        rows->letters[i].gone |=
            letter_is(&rows->letters[i], letter->partition, letter->journal_seq, letter->journal_seq);
    rows->letters = grow(rows->letters, rows->letters_count + 1, &rows->letters_room, sizeof *rows->letters);
    struct sim_letter_row *row = &rows->letters[rows->letters_count++];
    *row = (struct sim_letter_row){
        .partition = letter->partition, .journal_seq = letter->journal_seq, .is_coupon = letter->user_id_length == 0};
    memcpy(row->coupon_id, letter->coupon_id, letter->coupon_id_length);
}

void sim_rows_each_dead_coupon(const struct sim_rows *rows, store_dead_coupon_fn each, void *arg)
{
    for (size_t i = 0; i < rows->letters_count; i++) {
        const struct sim_letter_row *row = &rows->letters[i];
        bool stored = sim_rows_coupon(rows, row->coupon_id, strlen(row->coupon_id)) != NULL;
        if (!row->gone && row->is_coupon && !stored && !each(arg, row->coupon_id, "refused"))
            return;
    }
}

size_t sim_rows_count_letters(const struct sim_rows *rows, uint16_t partition, uint64_t journal_seq)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->letters_count; i++)
        count += letter_is(&rows->letters[i], partition, journal_seq, journal_seq);
    return count;
}

size_t sim_rows_issue_letters(const struct sim_rows *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->letters_count; i++)
        count += !rows->letters[i].gone && !rows->letters[i].is_coupon;
    return count;
}
