/*
 * A journal's folder: meta, acked, segments. With any bytes, reading ends; the records read are consecutive,
 * well-formed and print as JSON; a ledger accepts exactly those that keep the promises; and where the journal is sound,
 * recovery agrees with the reader, and records appended afterwards are read back.
 */
#include "fuzz.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/journal_print.h"
#include "issuer/ledger/ledger.h"
#include "issuer/recovery/recovery.h"
#include "journal_input.h"
#include "journal_sample.h"
#include "memory_disk.h"
#include "shared/journal/reader.h"
#include "shared/member_name.h"
#include "simple_ledger.h"

enum { LOCKED_BY_OTHERS = 1 << 4, RECOVER = 1 << 5 };

#define SEEKS_MAX  16
#define PRINTS_MAX 4

void fuzz_begin(void)
{
    memory_disk_use();
}

/* --- seeds --- */

static void add_acked(uint64_t seq)
{
    struct journal_meta meta;
    struct journal_acked acked = {.version = JOURNAL_ACKED_VERSION, .seq = seq};
    journal_input_meta(&meta);
    memcpy(acked.magic, JOURNAL_ACKED_MAGIC, sizeof acked.magic);
    memcpy(acked.journal_id, meta.journal_id, sizeof acked.journal_id);
    acked.checksum = journal_checksum(&acked, sizeof acked);
    memory_disk_put(JOURNAL_INPUT_DIR "/acked", &acked, sizeof acked);
}

/* Adds a segment with one batch; its checksums and numbers are repaired together with the input. */
static void add_segment(uint64_t first_seq)
{
    _Alignas(8) unsigned char bytes[512] = {0};
    char path[128];
    struct journal_segment_header segment = {.version = JOURNAL_VERSION};
    struct journal_batch_header batch = {.length = sizeof batch, .count = 1, .synced_seq = first_seq - 1};
    memcpy(segment.magic, JOURNAL_SEGMENT_MAGIC, sizeof segment.magic);
    batch.length += (uint32_t)journal_encode_issue(bytes + sizeof segment + sizeof batch, "A", 1, "later", 5, 5, 1);
    memcpy(bytes, &segment, sizeof segment);
    memcpy(bytes + sizeof segment, &batch, sizeof batch);
    snprintf(path, sizeof path, JOURNAL_INPUT_DIR "/%020llu.segment", (unsigned long long)first_seq);
    memory_disk_put(path, bytes, sizeof bytes);
}

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
    journal_input_seed(JOURNAL_FIX_ALL | RECOVER);
}

void fuzz_seeds(void)
{
    struct journal_meta meta;
    journal_input_meta(&meta);
    memory_disk_clear();
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    struct journal *journal = journal_sample_open();
    journal_sample_write(journal);
    journal_abandon(&journal); /* as after kill -9 */
    journal_input_seed(JOURNAL_FIX_ALL | RECOVER);
    add_acked(6);
    journal_input_seed(JOURNAL_FIX_ALL);
    add_segment(JOURNAL_SAMPLE_RECORDS + 1);
    journal_input_seed(JOURNAL_FIX_ALL | RECOVER);
    memory_disk_clear();
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    journal = journal_sample_open();
    journal_sample_coupon(journal, 10, "A", 9, 1);
    journal_sample_issues(journal, 20, "A", 1, 4);
    journal_close(&journal); /* sealed */
    add_segment(6);
    journal_input_seed(JOURNAL_FIX_ALL | RECOVER);
    journal_input_seed(JOURNAL_FIX_ALL | LOCKED_BY_OTHERS);
    journal_input_seed(JOURNAL_FIX_SUMS | JOURNAL_FIX_HEADERS | RECOVER);
    for (unsigned fault = 0; fault < JOURNAL_SAMPLE_FAULTS; fault++)
        add_broken((enum journal_sample_fault)fault);
    memory_disk_clear();
}

/* --- reading --- */

/* The result of reading a journal. */
struct seen {
    enum journal_read end;
    uint64_t records;
    int64_t last_time_us;
    bool times_fine;     /* no impossible times */
    bool promises_kept;  /* the ledger accepted every record */
    size_t offset;       /* where reading ended */
    size_t segment_size; /* of the last segment read; 0 without one */
    size_t batches;
    uint64_t firsts[SEEKS_MAX]; /* of the first batches */
    size_t printed;
};

static void check_printed(struct seen *seen, const struct journal_record *record)
{
    char *text = NULL;
    size_t size = 0;
    if (seen->printed++ >= PRINTS_MAX)
        return;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    journal_print_json(out, 0, record);
    CHECK(fclose(out) == 0);
    json_error_t fault;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    CHECK(root != NULL);
    CHECK((uint64_t)json_integer_value(json_object_get(root, "journal_seq")) == record->seq);
    json_decref(root);
    free(text);
}

static void check_record(const struct journal_record *record)
{
    if (record->type == JOURNAL_TERM) {
        CHECK(record->term.epoch >= 1 && member_name_valid(record->term.owner, record->term.owner_length));
        return;
    }
    CHECK(record->type == JOURNAL_ERASURE || coupon_id_valid(record->coupon_id, record->coupon_id_length));
    if (record->type == JOURNAL_CHANGE || record->type == JOURNAL_ERASURE || record->type == JOURNAL_SWEEP)
        return;
    if (record->type == JOURNAL_ISSUE) {
        CHECK(user_id_valid(record->issue.user_id, record->issue.user_id_length));
        CHECK(record->issue.sequence >= 1 && record->issue.nth >= 1);
        return;
    }
    CHECK(record->type == JOURNAL_COUPON);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        CHECK(coupon_text_valid(i, record->coupon.texts[i], record->coupon.text_lengths[i]));
    CHECK(quantity_valid(record->coupon.quantity));
    CHECK(record->coupon.per_user_limit >= 1 && record->coupon.per_user_limit <= PER_USER_LIMIT_MAX);
}

static void raise_time(struct seen *seen, int64_t time_us)
{
    seen->last_time_us = time_us > seen->last_time_us ? time_us : seen->last_time_us;
}

static void take_batch(struct seen *seen, struct ledger *ledger, struct simple_ledger *simple, const void *batch,
                       const struct journal_batch_header *header)
{
    CHECK(header->first_seq == seen->records + 1);
    if (seen->batches < SEEKS_MAX)
        seen->firsts[seen->batches] = header->first_seq;
    seen->batches++;
    seen->times_fine &= header->time_us >= 0 && header->time_us <= ISSUER_TIME_US_MAX;
    raise_time(seen, header->time_us);
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, batch);
    struct journal_record record;
    while (journal_batch_reader_next(&reader, &record)) {
        CHECK(record.seq == ++seen->records);
        CHECK(journal_record_has_time(&record) || record.time_us == header->time_us);
        if (record.type == JOURNAL_ISSUE)
            raise_time(seen, record.time_us);
        check_record(&record);
        if (!seen->times_fine || !seen->promises_kept)
            continue;
        check_printed(seen, &record);
        seen->promises_kept = simple_ledger_take(simple, &record);
        CHECK(seen->promises_kept == (ledger_replay(ledger, &record) == NULL));
    }
}

/* Reads everything into two ledgers. */
static void read_all(struct seen *seen, struct ledger *ledger, struct simple_ledger *simple, bool owned)
{
    struct error error = {""};
    const void *batch;
    *seen = (struct seen){.end = JOURNAL_READ_FAILED, .times_fine = true, .promises_kept = true};
    struct journal_reader *reader;
    if (journal_reader_open(JOURNAL_INPUT_DIR, &reader, &error) != 0) {
        CHECK(error.text[0] != '\0');
        return;
    }
    if (owned)
        journal_reader_own(reader, 0);
    struct journal_batch_header header;
    while ((seen->end = journal_reader_next(reader, &batch, &header, &error)) == JOURNAL_READ_BATCH)
        take_batch(seen, ledger, simple, batch, &header);
    CHECK(seen->end == JOURNAL_READ_END || error.text[0] != '\0');
    CHECK(!owned || seen->end != JOURNAL_READ_FAILED);
    struct journal_position position;
    journal_reader_position(reader, &position);
    seen->offset = position.offset;
    memory_disk_get(position.path, &seen->segment_size);
    journal_reader_close(&reader);
}

static bool is_sound(const struct seen *seen)
{
    return seen->end == JOURNAL_READ_END || seen->end == JOURNAL_READ_TORN;
}

/* Each of the first batches must be found by any of its records; uses the first. */
static void check_seeks(const struct seen *seen)
{
    struct journal_reader *reader;
    struct journal_batch_header header;
    const void *batch;
    for (size_t i = 0; i < seen->batches && i < SEEKS_MAX; i++) {
        CHECK(journal_reader_open(JOURNAL_INPUT_DIR, &reader, NULL) == 0);
        journal_reader_own(reader, 0);
        CHECK(journal_reader_seek(reader, seen->firsts[i], NULL) == JOURNAL_READ_BATCH);
        CHECK(journal_reader_next(reader, &batch, &header, NULL) == JOURNAL_READ_BATCH);
        CHECK(header.first_seq == seen->firsts[i]);
        journal_reader_close(&reader);
    }
}

/* --- recovery --- */

/* Appends to the recovered journal and reads all of it again. */
static void check_goes_on(struct journal **journal, const struct seen *seen)
{
    struct ledger *ledger = ledger_create(journal_meta(*journal)->fingerprint_key);
    struct simple_ledger *simple = simple_ledger_create();
    journal_sample_coupon(*journal, seen->last_time_us, "behind", 1, 1);
    CHECK(journal_written_seq(*journal) == seen->records + 1);
    journal_close(journal);
    struct seen after;
    read_all(&after, ledger, simple, true);
    CHECK(after.end == JOURNAL_READ_END && after.records == seen->records + 1);
    simple_ledger_destroy(&simple);
    ledger_destroy(&ledger);
}

/* True when the next batch starts another segment, which takes long to create. */
static bool needs_another_segment(const struct seen *seen)
{
    return seen->offset + journal_bytes_max(0, 0, 1) > seen->segment_size;
}

/* True for a segment without room for its first batch: no writer creates one, nor can continue after it. */
static bool segment_is_useless(const struct seen *seen)
{
    return seen->segment_size > 0 &&
           sizeof(struct journal_segment_header) + journal_bytes_max(0, 0, 1) > seen->segment_size;
}

static void check_recovery(const struct seen *seen, const struct simple_ledger *simple, bool patient)
{
    struct journal_config config = journal_sample_config();
    struct journal *journal;
    struct error error = {""};
    struct ledger *ledger = NULL;
    if (journal_open(&config, &journal, &error) != 0) {
        CHECK(error.text[0] != '\0');
        return;
    }
    struct recovery_result result;
    bool recovered = recovery_run_alone(journal, &ledger, NULL, &result, NULL, &error) == 0;
    CHECK(recovered == (is_sound(seen) && seen->times_fine && seen->promises_kept));
    CHECK(recovered || error.text[0] != '\0');
    if (recovered) {
        CHECK(result.last_time_us == seen->last_time_us);
        simple_ledger_compare(simple, ledger);
        if (!segment_is_useless(seen) && (patient || !needs_another_segment(seen)))
            check_goes_on(&journal, seen);
    }
    journal_close(&journal);
    ledger_destroy(&ledger);
}

/* --- one input --- */

void fuzz_one(const uint8_t *data, size_t size)
{
    unsigned flags = size > 0 ? data[0] : 0;
    memory_disk_clear();
    journal_input_write(data, size, false);
    struct journal_meta meta;
    journal_input_meta(&meta);
    struct ledger *ledger = ledger_create(meta.fingerprint_key);
    struct simple_ledger *simple = simple_ledger_create();
    memory_disk_set_locked((flags & LOCKED_BY_OTHERS) != 0);
    struct seen seen;
    read_all(&seen, ledger, simple, (flags & LOCKED_BY_OTHERS) == 0);
    memory_disk_set_locked(false);
    if (seen.promises_kept)
        simple_ledger_compare(simple, ledger);
    if (is_sound(&seen) && (flags & LOCKED_BY_OTHERS) == 0)
        check_seeks(&seen);
    bool patient = size % 8 == 0;
    if ((flags & RECOVER) != 0 && (flags & LOCKED_BY_OTHERS) == 0 && (patient || seen.segment_size > 0))
        check_recovery(&seen, simple, patient);
    simple_ledger_destroy(&simple);
    ledger_destroy(&ledger);
    memory_disk_clear();
}
