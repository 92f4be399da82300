#include "sim_database_rows.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/store/erased.h"

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
    free(rows->states);
    free(rows->erasures);
    free(rows->letters);
    memset(rows, 0, sizeof *rows);
}

static void *copy_of(const void *array, size_t count, size_t *room, size_t size)
{
    *room = count;
    if (count == 0)
        return NULL;
    void *copy = malloc(count * size);
    CHECK(copy != NULL);
    memcpy(copy, array, count * size);
    return copy;
}

void sim_rows_copy(struct sim_rows *to, const struct sim_rows *from)
{
    struct sim_rows copy = *from;
    copy.issues = copy_of(from->issues, from->issues_count, &copy.issues_room, sizeof *copy.issues);
    copy.states = copy_of(from->states, from->states_count, &copy.states_room, sizeof *copy.states);
    copy.erasures = copy_of(from->erasures, from->erasures_count, &copy.erasures_room, sizeof *copy.erasures);
    copy.letters = copy_of(from->letters, from->letters_count, &copy.letters_room, sizeof *copy.letters);
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

struct sim_coupon_row *sim_rows_coupon(const struct sim_rows *rows, const char *id, size_t length)
{
    for (size_t i = 0; i < rows->coupons_count; i++) {
        const struct sim_coupon_row *row = &rows->coupons[i];
        if (strncmp(row->policy.id, id, length) == 0 && row->policy.id[length] == '\0')
            return (struct sim_coupon_row *)row;
    }
    return NULL;
}

void sim_rows_add_coupon(struct sim_rows *rows, const struct model_policy *policy)
{
    CHECK(rows->coupons_count < SIM_COUPONS_MAX);
    rows->coupons[rows->coupons_count++] = (struct sim_coupon_row){.policy = *policy};
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
        .request_key = row->request_key,
    };
}

bool sim_rows_find_issue(const struct sim_rows *rows, const struct store_issue *issue, struct store_issue *there)
{
    for (size_t i = 0; i < rows->issues_count; i++) {
        const struct sim_issue_row *row = &rows->issues[i];
        if (row->sequence != issue->sequence && row->nth != issue->nth)
            continue;
        *there = issue_of(row);
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
                                  .journal_seq = issue->journal_seq,
                                  .request_key = issue->request_key};
    memcpy(row->coupon_id, issue->coupon_id, issue->coupon_id_length);
    memcpy(row->user_id, issue->user_id, issue->user_id_length);
}

size_t sim_rows_count_issue(const struct sim_rows *rows, const struct model_record *issue, uint64_t journal_seq,
                            const char *stored_id)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->issues_count; i++) {
        const struct sim_issue_row *row = &rows->issues[i];
        count += row->sequence == issue->sequence && row->journal_seq == journal_seq && row->nth == issue->nth &&
                 row->issued_at_us == issue->time_us && row->request_key == issue->request_key &&
                 strcmp(row->user_id, stored_id) == 0 && strcmp(row->coupon_id, issue->coupon_id) == 0;
    }
    return count;
}

/* --- states --- */

/* The row, whose pointers are set again: it may have moved. */
static struct sim_state_row *find_state(const struct sim_rows *rows, const char *coupon_id, size_t length,
                                        uint32_t sequence)
{
    for (size_t i = 0; i < rows->states_count; i++) {
        struct sim_state_row *row = &rows->states[i];
        if (row->change.sequence != sequence || strncmp(row->coupon_id, coupon_id, length) != 0 ||
            row->coupon_id[length] != '\0')
            continue;
        row->change.coupon_id = row->coupon_id;
        row->change.reference = row->reference;
        row->change.reason = row->reason;
        row->change.actor = row->actor;
        return row;
    }
    return NULL;
}

const struct store_change *sim_rows_state(const struct sim_rows *rows, const char *coupon_id, size_t length,
                                          uint32_t sequence)
{
    const struct sim_state_row *row = find_state(rows, coupon_id, length, sequence);
    return row != NULL ? &row->change : NULL;
}

static void copy(char *out, const char *text, size_t length)
{
    if (length > 0)
        memcpy(out, text, length);
}

void sim_rows_set_state(struct sim_rows *rows, const struct store_change *change)
{
    struct sim_state_row *row = find_state(rows, change->coupon_id, change->coupon_id_length, change->sequence);
    if (row == NULL) {
        rows->states = grow(rows->states, rows->states_count + 1, &rows->states_room, sizeof *rows->states);
        row = &rows->states[rows->states_count++];
    }
    *row = (struct sim_state_row){.change = *change};
    copy(row->coupon_id, change->coupon_id, change->coupon_id_length);
    copy(row->reference, change->reference, change->reference_length);
    copy(row->reason, change->reason, change->reason_length);
    copy(row->actor, change->actor, change->actor_length);
}

/* --- erasures --- */

static void erase_user(struct sim_rows *rows, const struct store_batch *batch, const char *user_id, size_t length,
                       const struct sim_erasure_row *erasure)
{
    for (size_t i = 0; i < rows->issues_count; i++) {
        struct sim_issue_row *row = &rows->issues[i];
        uint16_t partition = coupon_partition(row->coupon_id, strlen(row->coupon_id), batch->partitions);
        if (partition == batch->partition && row->journal_seq < erasure->journal_seq &&
            strncmp(row->user_id, user_id, length) == 0 && row->user_id[length] == '\0')
            store_erased_id(erasure->fingerprint, row->user_id);
    }
}

void sim_rows_erase(struct sim_rows *rows, const struct store_batch *batch, const struct store_erasure *erasure)
{
    struct sim_erasure_row row = {.partition = batch->partition, .journal_seq = erasure->journal_seq};
    memcpy(row.fingerprint, erasure->fingerprint, sizeof row.fingerprint);
    if (!sim_rows_has_erasure(rows, row.partition, row.journal_seq)) {
        rows->erasures = grow(rows->erasures, rows->erasures_count + 1, &rows->erasures_room, sizeof row);
        rows->erasures[rows->erasures_count++] = row;
    }
    erase_user(rows, batch, erasure->user_id, erasure->user_id_length, &row);
}

void sim_rows_erase_written(struct sim_rows *rows, const struct store_batch *batch)
{
    for (size_t i = 0; i < rows->erasures_count; i++) {
        const struct sim_erasure_row *erasure = &rows->erasures[i];
        for (size_t k = 0; erasure->partition == batch->partition && k < batch->issues_count; k++) {
            const struct store_issue *issue = &batch->issues[k];
            uint8_t fingerprint[16];
            store_fingerprint(batch->fingerprint_key, issue->user_id, issue->user_id_length, fingerprint);
            if (memcmp(fingerprint, erasure->fingerprint, sizeof fingerprint) == 0)
                erase_user(rows, batch, issue->user_id, issue->user_id_length, erasure);
        }
    }
}

bool sim_rows_has_erasure(const struct sim_rows *rows, uint16_t partition, uint64_t journal_seq)
{
    bool has = false;
    for (size_t i = 0; i < rows->erasures_count; i++)
        has |= rows->erasures[i].partition == partition && rows->erasures[i].journal_seq == journal_seq;
    return has;
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
        .partition = letter->partition, .journal_seq = letter->journal_seq, .type = store_letter_type(letter)};
    memcpy(row->coupon_id, letter->coupon_id, letter->coupon_id_length);
}

void sim_rows_each_dead_coupon(const struct sim_rows *rows, store_dead_coupon_fn each, void *arg)
{
    for (size_t i = 0; i < rows->letters_count; i++) {
        const struct sim_letter_row *row = &rows->letters[i];
        bool stored = sim_rows_coupon(rows, row->coupon_id, strlen(row->coupon_id)) != NULL;
        if (!row->gone && row->type == JOURNAL_COUPON && !stored && !each(arg, row->coupon_id, "refused"))
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
        count += !rows->letters[i].gone && rows->letters[i].type == JOURNAL_ISSUE;
    return count;
}
