/*
 * The checker of `coupond verify`, with a journal of any bytes and the store that it should have filled, or one with a
 * single wrong row. It must report something exactly when something is broken: a promise in the journal, damage, or a
 * row.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "coupond/verify/finish.h"
#include "coupond/verify/verify.h"
#include "journal_input.h"
#include "journal_sample.h"
#include "memory_disk.h"
#include "shared/journal/reader.h"
#include "shared/store/store.h"
#include "simple_ledger.h"

#define ROWS_MAX 512

enum fault {
    NO_FAULT,
    ISSUE_GONE,
    ISSUE_TO_ANOTHER,
    ISSUE_COUNTED_WRONG,
    ISSUE_AT_ANOTHER_TIME,
    ISSUE_OF_ANOTHER_RECORD,
    ISSUE_MADE_UP,
    COUPON_GONE,
    COUPON_CHANGED,
    COUPON_COUNTED_WRONG,
    ACKED_TOO_FAR,
    FAULTS
};

/* The store as the persister would have filled it. */
struct rows {
    struct coupon coupons[ROWS_MAX];
    size_t coupons_count;
    struct store_issue issues[ROWS_MAX];
    size_t issues_count;
    struct store_change changes[ROWS_MAX]; /* the newest of each issue, without texts */
    size_t changes_count;
    char texts[ROWS_MAX * (COUPON_ID_MAX + USER_ID_MAX)]; /* storage for the issues' ids */
    uint64_t last_seq;
};

/* The expected result, determined without the checker. */
struct truth {
    bool sound;
    bool kept; /* every record keeps every promise */
    bool fits; /* the rows fit into the arrays */
    uint64_t next_seq;
    struct error error;
};

static struct rows rows;

void fuzz_begin(void)
{
    memory_disk_use();
}

/* --- seeds: two bytes for the fault, then a journal --- */

static void add_seed(enum fault fault)
{
    static uint8_t seed[32768];
    seed[0] = (uint8_t)fault;
    seed[1] = 1;
    fuzz_seed(seed, 2 + journal_input_read(JOURNAL_FIX_ALL, seed + 2, sizeof seed - 2));
}

/* Adds a journal that breaks a promise by itself. */
static void add_broken(enum journal_sample_fault fault)
{
    struct journal_meta meta;
    journal_input_meta(&meta);
    memory_disk_clear();
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    struct journal *journal = journal_sample_open();
    journal_sample_write(journal);
    journal_sample_break(journal, fault);
    journal_abandon(&journal);
    add_seed(NO_FAULT);
}

void fuzz_seeds(void)
{
    memory_disk_clear();
    struct journal_meta meta;
    journal_input_meta(&meta);
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    struct journal *journal = journal_sample_open();
    journal_sample_write(journal);
    journal_abandon(&journal);
    for (unsigned fault = NO_FAULT; fault < FAULTS; fault++)
        add_seed((enum fault)fault);
    for (unsigned fault = 0; fault < JOURNAL_SAMPLE_FAULTS; fault++)
        add_broken((enum journal_sample_fault)fault);
    memory_disk_clear();
}

/* --- from the journal to rows --- */

static void add_issue(const struct journal_record *record)
{
    struct store_issue *issue = &rows.issues[rows.issues_count];
    char *text = rows.texts + rows.issues_count++ * (COUPON_ID_MAX + USER_ID_MAX);
    *issue = store_issue_of(record);
    memcpy(text, issue->coupon_id, issue->coupon_id_length);
    memcpy(text + COUPON_ID_MAX, issue->user_id, issue->user_id_length);
    issue->coupon_id = text;
    issue->user_id = text + COUPON_ID_MAX;
}

static struct coupon *find_coupon(const char *id, size_t length)
{
    for (size_t i = 0; i < rows.coupons_count; i++) {
        if (strlen(rows.coupons[i].id) == length && memcmp(rows.coupons[i].id, id, length) == 0)
            return &rows.coupons[i];
    }
    return NULL;
}

static void add_coupon(const struct journal_record *record)
{
    struct coupon *there = find_coupon(record->coupon_id, record->coupon_id_length);
    if (there == NULL)
        there = &rows.coupons[rows.coupons_count++];
    journal_record_coupon(record, there);
}

/* Keeps the newest change of an issue. Its texts stay in the journal, which is read again. */
static void add_change(const struct journal_record *record)
{
    static char texts[ROWS_MAX][COUPON_ID_MAX + REFERENCE_MAX + REASON_MAX + ACTOR_MAX];
    const struct store_change added = store_change_of(record);
    size_t i = 0;
    while (i < rows.changes_count && store_change_compare(&rows.changes[i], &added) != 0)
        i++;
    rows.changes_count += i == rows.changes_count;
    struct store_change *row = &rows.changes[i];
    char *text = texts[i];
    *row = added;
    row->coupon_id = memcpy(text, added.coupon_id, added.coupon_id_length);
    row->reference = memcpy(text + COUPON_ID_MAX, added.reference, added.reference_length);
    row->reason = memcpy(text + COUPON_ID_MAX + REFERENCE_MAX, added.reason, added.reason_length);
    row->actor = memcpy(text + COUPON_ID_MAX + REFERENCE_MAX + REASON_MAX, added.actor, added.actor_length);
}

static void count_changes(void)
{
    for (size_t i = 0; i < rows.changes_count; i++) {
        const struct store_change *change = &rows.changes[i];
        struct coupon *coupon = find_coupon(change->coupon_id, change->coupon_id_length);
        if (coupon == NULL)
            continue;
        coupon->redeemed += change->state == ISSUE_REDEEMED;
        coupon->returned += change->state == ISSUE_REVOKED && change->restock;
    }
}

static int by_coupon_id(const void *a, const void *b)
{
    return strcmp(((const struct coupon *)a)->id, ((const struct coupon *)b)->id);
}

static int by_primary_key(const void *left, const void *right)
{
    const struct store_issue *a = left, *b = right;
    size_t length = a->coupon_id_length < b->coupon_id_length ? a->coupon_id_length : b->coupon_id_length;
    int order = memcmp(a->coupon_id, b->coupon_id, length);
    if (order != 0)
        return order;
    if (a->coupon_id_length != b->coupon_id_length)
        return a->coupon_id_length < b->coupon_id_length ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return a->journal_seq < b->journal_seq ? -1 : a->journal_seq > b->journal_seq;
}

/* Sorts like the store, one row per key, and sets each coupon's last sequence. */
static void finish_rows(void)
{
    size_t kept = 0;
    qsort(rows.coupons, rows.coupons_count, sizeof *rows.coupons, by_coupon_id);
    qsort(rows.issues, rows.issues_count, sizeof *rows.issues, by_primary_key);
    for (size_t i = 0; i < rows.issues_count; i++) {
        struct store_issue *issue = &rows.issues[i];
        struct coupon *coupon = find_coupon(issue->coupon_id, issue->coupon_id_length);
        if (coupon != NULL)
            coupon->issued = issue->sequence;
        const struct store_issue *last = kept > 0 ? &rows.issues[kept - 1] : NULL;
        bool same_key = last != NULL && last->sequence == issue->sequence &&
                        last->coupon_id_length == issue->coupon_id_length &&
                        memcmp(last->coupon_id, issue->coupon_id, issue->coupon_id_length) == 0;
        if (!same_key)
            rows.issues[kept++] = *issue;
    }
    rows.issues_count = kept;
    count_changes();
}

static void take_record(struct truth *truth, struct simple_ledger *simple, const struct journal_record *record)
{
    truth->fits &= rows.issues_count + 1 < ROWS_MAX && rows.coupons_count < ROWS_MAX && rows.changes_count < ROWS_MAX;
    bool without_rows =
        record->type == JOURNAL_ERASURE || record->type == JOURNAL_SWEEP || record->type == JOURNAL_TERM;
    truth->fits &= !without_rows;
    if (!truth->fits)
        return;
    truth->kept = truth->kept && simple_ledger_in_time(simple, record) && simple_ledger_take(simple, record);
    rows.last_seq = record->seq;
    if (record->type == JOURNAL_ISSUE)
        add_issue(record);
    else if (record->type == JOURNAL_CHANGE)
        add_change(record);
    else
        add_coupon(record);
}

/* Passes each record to the truth, or otherwise to the checker. */
static void read_journal(struct truth *truth, struct simple_ledger *simple, struct verify *verify)
{
    struct journal_reader *reader;
    const void *batch;
    CHECK(journal_reader_open(JOURNAL_INPUT_DIR, &reader, NULL) == 0);
    struct journal_batch_header header;
    struct journal_record record;
    enum journal_read read;
    while ((read = journal_reader_next(reader, &batch, &header, &truth->error)) == JOURNAL_READ_BATCH) {
        struct journal_batch_reader records;
        journal_batch_reader_init(&records, batch);
        while (journal_batch_reader_next(&records, &record)) {
            if (verify != NULL)
                verify_journal_record(verify, 0, &record);
            else
                take_record(truth, simple, &record);
        }
    }
    struct journal_position position;
    journal_reader_position(reader, &position);
    truth->next_seq = position.next_seq == 0 ? 1 : position.next_seq;
    truth->sound = read == JOURNAL_READ_END || read == JOURNAL_READ_TORN;
    journal_reader_close(&reader);
}

/* --- faults --- */

static bool spoil_issue(enum fault fault, size_t which)
{
    if (rows.issues_count == 0)
        return false;
    struct store_issue *issue = &rows.issues[which % rows.issues_count];
    char *user = rows.texts + (issue->user_id - rows.texts);
    if (fault == ISSUE_GONE)
        memmove(issue, issue + 1, (size_t)(rows.issues + --rows.issues_count - issue) * sizeof *issue);
    else if (fault == ISSUE_TO_ANOTHER)
        user[0] = user[0] == 'x' ? 'y' : 'x';
    else if (fault == ISSUE_COUNTED_WRONG)
        issue->nth++;
    else if (fault == ISSUE_AT_ANOTHER_TIME)
        issue->issued_at_us++;
    else
        issue->journal_seq++;
    return true;
}

/* Adds an issue after the last sequence of the last coupon. */
static bool make_up_issue(void)
{
    if (rows.issues_count == 0)
        return false;
    struct store_issue *issue = &rows.issues[rows.issues_count++];
    *issue = issue[-1];
    issue->sequence++;
    return issue->sequence != 0;
}

static bool spoil_coupon(enum fault fault, size_t which)
{
    if (rows.coupons_count == 0)
        return false;
    struct coupon *coupon = &rows.coupons[which % rows.coupons_count];
    if (fault == COUPON_GONE)
        memmove(coupon, coupon + 1, (size_t)(rows.coupons + --rows.coupons_count - coupon) * sizeof *coupon);
    else if (fault == COUPON_CHANGED)
        coupon->per_user_limit ^= 1;
    else
        coupon->issued++;
    return true;
}

/* True when the rows are now wrong and were not before. */
static bool spoil(enum fault fault, size_t which)
{
    if (fault >= ISSUE_GONE && fault <= ISSUE_OF_ANOTHER_RECORD)
        return spoil_issue(fault, which);
    if (fault == ISSUE_MADE_UP)
        return make_up_issue();
    if (fault >= COUPON_GONE && fault <= COUPON_COUNTED_WRONG)
        return spoil_coupon(fault, which);
    rows.last_seq += fault == ACKED_TOO_FAR;
    return fault == ACKED_TOO_FAR;
}

/* --- checking --- */

static void tell_store(struct verify *verify, const struct journal_meta *meta)
{
    struct store_journal journal = {.partition = 0, .partitions = 1, .last_seq = rows.last_seq};
    memcpy(journal.journal_id, meta->journal_id, sizeof journal.journal_id);
    verify_store_journal(verify, &journal);
    for (size_t i = 0; i < rows.coupons_count; i++)
        verify_store_coupon(verify, &rows.coupons[i]);
    for (size_t i = 0; i < rows.changes_count; i++)
        verify_store_change(verify, &rows.changes[i]);
    for (size_t i = 0; i < rows.issues_count; i++)
        verify_store_issue(verify, &rows.issues[i]);
}

static bool finds_something(struct truth *truth)
{
    static struct verify verify;
    struct journal_meta meta;
    journal_input_meta(&meta);
    verify_init(&verify, 1);
    verify_add_journal(&verify, &meta, rows.last_seq);
    tell_store(&verify, &meta);
    read_journal(truth, NULL, &verify);
    verify_journal_end(&verify, 0, truth->next_seq, truth->sound ? NULL : truth->error.text);
    verify_finish(&verify);
    for (size_t i = 0; verify_wants_rows(&verify) && i < rows.issues_count; i++)
        verify_name_row(&verify, &rows.issues[i]);
    bool found = verify.findings.count > 0;
    verify_deinit(&verify);
    return found;
}

/* Includes a valid meta file, so that there is a journal to check. */
static void write_journal(const struct fuzz_input *input)
{
    journal_input_write(input->at, input->left, false);
    struct journal_meta meta;
    journal_input_meta(&meta);
    CHECK(memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    enum fault fault = (enum fault)(fuzz_take_byte(&input) % FAULTS);
    size_t which = fuzz_take_byte(&input);
    struct truth truth = {.kept = true, .fits = true};
    struct simple_ledger *simple = simple_ledger_create();
    rows.coupons_count = rows.issues_count = rows.changes_count = 0;
    rows.last_seq = 0;
    memory_disk_clear();
    write_journal(&input);
    read_journal(&truth, simple, NULL);
    if (truth.fits) {
        finish_rows();
        bool spoilt = spoil(fault, which);
        CHECK(finds_something(&truth) == (spoilt || !truth.kept || !truth.sound));
    }
    simple_ledger_destroy(&simple);
    memory_disk_clear();
}
