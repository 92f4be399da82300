#include "issuer/rebuild/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/store/letter.h"
#include "shared/telemetry/log.h"

#define REPORT_US     INT64_C(2000000)
#define LOST_ROWS_MAX 1000 /* per transaction */

void rebuild_rows_init(struct rebuild_rows *rows, uint16_t partitions, bool accept_gaps)
{
    *rows = (struct rebuild_rows){.partitions = partitions, .accept_gaps = accept_gaps};
    rows->events = calloc(REBUILD_EVENTS_MAX, sizeof *rows->events);
    CHECK(rows->events != NULL);
    rows->next_report_us = clock_mono_us() + REPORT_US;
}

void rebuild_rows_begin(struct rebuild_rows *rows, struct journal_meta *metas)
{
    for (uint16_t i = 0; i < rows->partitions; i++) {
        const struct store_journal *stored = &rows->parts[i].stored;
        if (store_key_is_known(stored->fingerprint_key))
            memcpy(metas[i].fingerprint_key, stored->fingerprint_key, sizeof metas[i].fingerprint_key);
        if (store_key_is_known(stored->code_key))
            memcpy(metas[i].code_key, stored->code_key, sizeof metas[i].code_key);
        metas[i].checksum = journal_checksum(&metas[i], sizeof metas[i]);
        rows->parts[i].ledger = ledger_create(metas[i].fingerprint_key);
    }
}

void rebuild_rows_deinit(struct rebuild_rows *rows)
{
    for (uint16_t i = 0; i < rows->partitions; i++)
        ledger_destroy(&rows->parts[i].ledger);
    free(rows->events);
    free(rows->gaps);
    free(rows->letters);
    rebuild_revocations_deinit(&rows->revocations);
}

/* Keeps the first fault. */
static int wrong(struct rebuild_rows *rows, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct rebuild_rows *rows, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!rows->wrong)
        vsnprintf(rows->error.text, sizeof rows->error.text, format, arguments);
    va_end(arguments);
    rows->wrong = true;
    return -1;
}

static void raise_seq(struct rebuild_part *part, uint64_t seq)
{
    if (seq > part->last_seq)
        part->last_seq = seq;
}

static void raise_time(struct rebuild_part *part, int64_t time_us)
{
    if (time_us > part->last_time_us)
        part->last_time_us = time_us;
}

int rebuild_rows_journal(struct rebuild_rows *rows, const struct store_journal *stored)
{
    if (stored->partitions != rows->partitions)
        return wrong(rows, "the store was filled with %u partitions, issuer/partitions is %u", stored->partitions,
                     rows->partitions);
    if (stored->partition >= rows->partitions)
        return wrong(rows, "the store names a partition %u of %u", stored->partition, rows->partitions);
    rows->parts[stored->partition].stored = *stored;
    raise_seq(&rows->parts[stored->partition], stored->last_seq);
    raise_seq(&rows->parts[stored->partition], stored->newest_seq); /* records that left no row have numbers, too */
    return 0;
}

/* --- what the reader of journals and snapshots will ask --- */

static bool is_readable_coupon(const struct coupon *coupon)
{
    unsigned char bytes[JOURNAL_RECORD_BYTES_MAX];
    if (coupon->id[0] == '\0' || coupon->title[0] == '\0')
        return false;
    size_t length = journal_encode_coupon(bytes, coupon, NULL);
    struct journal_record record;
    return journal_decode_record(bytes, length, &record) == length;
}

static bool is_readable_issue(const struct store_issue *issue)
{
    return coupon_id_valid(issue->coupon_id, issue->coupon_id_length) &&
           user_id_valid(issue->user_id, issue->user_id_length) && issue->sequence >= 1 && issue->nth >= 1;
}

static bool is_readable_change(const struct store_change *change)
{
    unsigned char bytes[JOURNAL_RECORD_BYTES_MAX];
    if (!coupon_id_valid(change->coupon_id, change->coupon_id_length) || change->sequence == 0)
        return false;
    struct journal_record record = store_change_record(change), again;
    size_t length = journal_encode_change(bytes, &record);
    return journal_decode_record(bytes, length, &again) == length;
}

/* --- coupons --- */

/* NULL when the coupon's partition keeps its journal. */
static struct rebuild_part *part_of(struct rebuild_rows *rows, const char *coupon_id, size_t length)
{
    struct rebuild_part *part = &rows->parts[coupon_partition(coupon_id, length, rows->partitions)];
    return part->kept ? NULL : part;
}

int rebuild_rows_coupon(struct rebuild_rows *rows, const struct coupon *coupon)
{
    if (!is_readable_coupon(coupon))
        return wrong(rows,
                     "coupon %s: its row holds invalid values (id, title, quantity, limit or window): somebody "
                     "changed it, or the database returns it in another character set; repair the row first",
                     coupon->id);
    struct rebuild_part *part = part_of(rows, coupon->id, strlen(coupon->id));
    if (part == NULL)
        return 0;
    struct coupon unbounded = *coupon;
    unbounded.quantity = QUANTITY_UNLIMITED;
    const char *reason = ledger_replay_policy(part->ledger, &unbounded);
    if (reason != NULL)
        return wrong(rows, "coupon %s: %s", coupon->id, reason);
    raise_seq(part, coupon->journal_seq);
    raise_time(part, coupon->updated_at_us);
    return 0;
}

int rebuild_rows_quantity(struct rebuild_rows *rows, const struct coupon *coupon)
{
    struct rebuild_part *part = part_of(rows, coupon->id, strlen(coupon->id));
    const char *reason = part == NULL ? NULL : ledger_replay_policy(part->ledger, coupon);
    return reason == NULL ? 0 : wrong(rows, "coupon %s: %s", coupon->id, reason);
}

/* --- issues --- */

static int apply_events(struct rebuild_rows *rows)
{
    size_t at = 0;
    const char *reason =
        ledger_replay_issues(rows->parts[rows->partition].ledger, rows->events, rows->events_count, &at);
    rows->events_count = 0;
    if (reason == NULL)
        return 0;
    const struct ledger_event *event = &rows->events[at];
    return wrong(rows, "coupon %.*s, sequence %" PRIu32 ": %s", event->coupon_id_length, event->coupon_id,
                 event->sequence, reason);
}

static int add_event(struct rebuild_rows *rows, const struct store_issue *issue)
{
    struct journal_record record = {
        .type = JOURNAL_ISSUE,
        .time_us = issue->issued_at_us,
        .coupon_id = issue->coupon_id,
        .coupon_id_length = issue->coupon_id_length,
        .issue = {.user_id = issue->user_id,
                  .user_id_length = issue->user_id_length,
                  .sequence = issue->sequence,
                  .nth = issue->nth,
                  .request_key = issue->request_key},
    };
    struct ledger_event *event = &rows->events[rows->events_count++];
    ledger_event_of(rows->parts[rows->partition].ledger, &record, event);
    return rows->events_count == REBUILD_EVENTS_MAX ? apply_events(rows) : 0;
}

/* A placeholder holder for a sequence that the store lacks. */
static struct store_issue lost_issue(const struct rebuild_gap *gap, uint32_t sequence, char user_id[32])
{
    int length = snprintf(user_id, 32, "lost:%" PRIu32, sequence);
    return (struct store_issue){
        .coupon_id = gap->coupon_id,
        .coupon_id_length = (uint8_t)strlen(gap->coupon_id),
        .user_id = user_id,
        .user_id_length = (uint8_t)length,
        .nth = 1,
        .sequence = sequence,
        .issued_at_us = gap->time_us,
        .journal_seq = gap->journal_seq,
    };
}

static int bridge_gap(struct rebuild_rows *rows, uint32_t last)
{
    uint32_t first = rows->last_sequence + 1;
    if (!rows->accept_gaps)
        return wrong(rows,
                     "the store is incomplete: coupon %s lacks the sequences %" PRIu32 " to %" PRIu32
                     ". With --accept-gaps they count as issued to holders named lost:<sequence>",
                     rows->coupon_id, first, last);
    struct rebuild_gap gap = {.partition = rows->partition,
                              .first = first,
                              .last = last,
                              .time_us = rows->time_us,
                              .journal_seq = rows->journal_seq};
    memcpy(gap.coupon_id, rows->coupon_id, sizeof gap.coupon_id);
    rows->gaps = realloc(rows->gaps, (rows->gaps_count + 1) * sizeof *rows->gaps);
    CHECK(rows->gaps != NULL);
    rows->gaps[rows->gaps_count++] = gap;
    rows->lost += (uint64_t)last - first + 1;
    for (uint64_t sequence = first; sequence <= last; sequence++) {
        char user_id[32];
        struct store_issue issue = lost_issue(&gap, (uint32_t)sequence, user_id);
        if (add_event(rows, &issue) != 0)
            return -1;
    }
    return 0;
}

/* --- changes --- */

static int apply_change(struct rebuild_rows *rows, const struct journal_record *record)
{
    struct rebuild_part *part = part_of(rows, record->coupon_id, record->coupon_id_length);
    const char *reason = part == NULL ? NULL : ledger_replay(part->ledger, record);
    if (part == NULL || reason == NULL)
        return 0;
    return wrong(rows, "coupon %.*s, the state of sequence %" PRIu32 ": %s", (int)record->coupon_id_length,
                 record->coupon_id, record->change.sequence, reason);
}

/* Applies the revocations of coupons before `coupon_id`, and those of that coupon before `journal_seq`. */
static int apply_revocations(struct rebuild_rows *rows, const char *coupon_id, uint64_t journal_seq)
{
    const struct rebuild_revocation *revocation;
    while ((revocation = rebuild_revocations_take(&rows->revocations, coupon_id, journal_seq)) != NULL) {
        struct journal_record record = rebuild_revocation_record(revocation);
        if (apply_events(rows) != 0 || apply_change(rows, &record) != 0)
            return -1;
    }
    return 0;
}

int rebuild_rows_revocation(struct rebuild_rows *rows, const struct store_change *change)
{
    if (!is_readable_change(change))
        return wrong(rows, "coupon %.*s, sequence %" PRIu32 ": its state holds invalid values; repair the row first",
                     change->coupon_id_length, change->coupon_id, change->sequence);
    struct rebuild_part *part = part_of(rows, change->coupon_id, change->coupon_id_length);
    if (part == NULL)
        return 0;
    raise_seq(part, change->journal_seq);
    raise_time(part, change->changed_at_us);
    if (change->state == ISSUE_REVOKED)
        rebuild_revocations_add(&rows->revocations, change);
    return 0;
}

int rebuild_rows_redemption(struct rebuild_rows *rows, const struct store_change *change)
{
    struct journal_record record = store_change_record(change);
    return change->state == ISSUE_REDEEMED ? apply_change(rows, &record) : 0;
}

/* --- issues by coupon --- */

static int enter_coupon(struct rebuild_rows *rows, const struct store_issue *issue)
{
    char coupon_id[COUPON_ID_MAX + 1] = "";
    memcpy(coupon_id, issue->coupon_id, issue->coupon_id_length);
    if (apply_events(rows) != 0 || apply_revocations(rows, coupon_id, 0) != 0)
        return -1;
    memcpy(rows->coupon_id, issue->coupon_id, issue->coupon_id_length);
    rows->coupon_id[issue->coupon_id_length] = '\0';
    rows->partition = coupon_partition(issue->coupon_id, issue->coupon_id_length, rows->partitions);
    rows->last_sequence = 0;
    if (rows->parts[rows->partition].kept)
        return 0;
    const struct ledger_coupon *coupon =
        ledger_entry(rows->parts[rows->partition].ledger, issue->coupon_id, issue->coupon_id_length);
    if (coupon == NULL)
        return wrong(rows, "coupon %s has issues in the store, but no coupon row", rows->coupon_id);
    rows->time_us = coupon->created_at_us;
    rows->journal_seq = issue->journal_seq;
    return 0;
}

static void report(struct rebuild_rows *rows)
{
    int64_t now = clock_mono_us();
    if (now < rows->next_report_us)
        return;
    rows->next_report_us = now + REPORT_US;
    log_info("issuer", "reading the store issues=%" PRIu64, rows->issues);
}

static int take_issue(struct rebuild_rows *rows, const struct store_issue *issue)
{
    if (!is_readable_issue(issue))
        return wrong(rows, "coupon %.*s, sequence %" PRIu32 ": the row holds invalid values; repair it first",
                     issue->coupon_id_length, issue->coupon_id, issue->sequence);
    bool same = strlen(rows->coupon_id) == issue->coupon_id_length &&
                memcmp(rows->coupon_id, issue->coupon_id, issue->coupon_id_length) == 0;
    if (!same && enter_coupon(rows, issue) != 0)
        return -1;
    if (rows->parts[rows->partition].kept)
        return 0;
    if (issue->sequence > rows->last_sequence + 1 && bridge_gap(rows, issue->sequence - 1) != 0)
        return -1;
    if (rows->last_sequence > 0 && issue->issued_at_us < rows->time_us)
        return wrong(rows, "coupon %s: sequence %" PRIu32 " was issued earlier than the one before it", rows->coupon_id,
                     issue->sequence);
    rows->last_sequence = issue->sequence;
    rows->time_us = issue->issued_at_us;
    rows->journal_seq = issue->journal_seq;
    raise_seq(&rows->parts[rows->partition], issue->journal_seq);
    raise_time(&rows->parts[rows->partition], issue->issued_at_us);
    rows->issues++;
    if (rows->issues % 65536 == 0)
        report(rows);
    if (apply_revocations(rows, rows->coupon_id, issue->journal_seq) != 0)
        return -1;
    return add_event(rows, issue);
}

/* --- dead letters: their issues have holders, although they are not rows --- */

/* Only the record of the letter has it. */
static uint64_t request_key_of(const struct store_dead_letter *letter)
{
    struct store_letter_rows rows;
    return store_letter_rows(&rows, letter) ? rows.issue.request_key : 0;
}

int rebuild_rows_letter(struct rebuild_rows *rows, const struct store_dead_letter *letter)
{
    enum journal_record_type type = store_letter_type(letter);
    if (type == JOURNAL_COUPON)
        return wrong(rows, "the coupon %.*s is a dead letter itself: store it by `coupond dead-letter retry` first",
                     letter->coupon_id_length, letter->coupon_id);
    if (type != JOURNAL_ISSUE)
        return wrong(rows,
                     "%s is a dead letter (partition %u, journal_seq %" PRIu64
                     "): store it by `coupond dead-letter retry` first",
                     type == JOURNAL_CHANGE ? "a change of an issue" : "the erasure of a user", letter->partition,
                     letter->journal_seq);
    rows->letters = realloc(rows->letters, (rows->letters_count + 1) * sizeof *rows->letters);
    CHECK(rows->letters != NULL);
    struct rebuild_letter *kept = &rows->letters[rows->letters_count++];
    memcpy(kept->coupon_id, letter->coupon_id, letter->coupon_id_length);
    memcpy(kept->user_id, letter->user_id, letter->user_id_length);
    kept->issue = (struct store_issue){
        .coupon_id_length = letter->coupon_id_length,
        .user_id_length = letter->user_id_length,
        .nth = letter->nth,
        .sequence = letter->sequence,
        .issued_at_us = letter->recorded_at_us,
        .request_key = request_key_of(letter),
        .journal_seq = letter->journal_seq,
    };
    return 0;
}

static int compare_letters(const void *a, const void *b)
{
    const struct rebuild_letter *left = a, *right = b;
    struct store_issue left_issue = left->issue, right_issue = right->issue;
    left_issue.coupon_id = left->coupon_id; /* sorting moves the letters */
    right_issue.coupon_id = right->coupon_id;
    return store_issue_compare(&left_issue, &right_issue);
}

/* From now on the array does not move. */
static void point_to_ids(struct rebuild_rows *rows)
{
    for (size_t i = 0; i < rows->letters_count; i++) {
        rows->letters[i].issue.coupon_id = rows->letters[i].coupon_id;
        rows->letters[i].issue.user_id = rows->letters[i].user_id;
    }
}

static void sort_letters(struct rebuild_rows *rows)
{
    if (rows->letters_count > 0)
        qsort(rows->letters, rows->letters_count, sizeof *rows->letters, compare_letters);
    point_to_ids(rows);
    rows->letters_sorted = true;
}

/* Takes the letters before `row`, or all remaining ones when it is NULL. Skips letters whose row is also stored. */
static int take_letters(struct rebuild_rows *rows, const struct store_issue *row)
{
    if (!rows->letters_sorted)
        sort_letters(rows);
    for (; rows->letters_taken < rows->letters_count; rows->letters_taken++) {
        const struct store_issue *issue = &rows->letters[rows->letters_taken].issue;
        int order = row == NULL ? -1 : store_issue_compare(issue, row);
        if (order > 0)
            break;
        if (order < 0 && take_issue(rows, issue) != 0)
            return -1;
    }
    return 0;
}

int rebuild_rows_issue(struct rebuild_rows *rows, const struct store_issue *issue)
{
    return take_letters(rows, issue) != 0 ? -1 : take_issue(rows, issue);
}

int rebuild_rows_end_issues(struct rebuild_rows *rows)
{
    if (rows->wrong || take_letters(rows, NULL) != 0 || apply_events(rows) != 0)
        return -1;
    return apply_revocations(rows, NULL, 0);
}

int rebuild_rows_end(struct rebuild_rows *rows, struct error *error)
{
    for (uint16_t i = 0; i < rows->partitions && !rows->wrong; i++) {
        const char *reason = ledger_check(rows->parts[i].ledger);
        if (reason != NULL)
            wrong(rows, "partition %u: %s", i, reason);
    }
    return rows->wrong ? error_set(error, "%s", rows->error.text) : 0;
}

int rebuild_gap_write(struct store *store, const struct rebuild_rows *rows, const struct rebuild_gap *gap,
                      struct error *error)
{
    struct store_issue issues[LOST_ROWS_MAX];
    char user_ids[LOST_ROWS_MAX][32];
    for (uint64_t first = gap->first; first <= gap->last; first += LOST_ROWS_MAX) {
        size_t count = 0;
        for (uint64_t sequence = first; sequence <= gap->last && count < LOST_ROWS_MAX; sequence++, count++)
            issues[count] = lost_issue(gap, (uint32_t)sequence, user_ids[count]);
        const struct store_journal *stored = &rows->parts[gap->partition].stored;
        struct store_batch batch = {.scope = STORE_PART,
                                    .partition = gap->partition,
                                    .partitions = rows->partitions,
                                    .last_seq = stored->last_seq,
                                    .issues = issues,
                                    .issues_count = count};
        memcpy(batch.journal_id, stored->journal_id, sizeof batch.journal_id);
        if (store_write(store, &batch, error) != STORE_OK)
            return -1;
    }
    return 0;
}
