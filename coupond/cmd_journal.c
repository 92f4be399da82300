/*
 * `coupond journal dump|check DIR`: prints the records of a journal, or checks its bytes, while its issuer runs or at
 * rest. DIR is issuer/journal_dir or the folder of one partition.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/journal_print.h"
#include "issuer/snapshot/load.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "shared/journal/reader.h"

enum status { SOUND = 0, DAMAGED = 1, NOT_READ = 2 };

/* The result of reading one partition. */
struct tally {
    const char *dir;
    struct journal_meta meta;
    uint64_t batches, issues, coupons, changes, last_seq, bytes;
    unsigned snapshots;
    int64_t last_time_us;
    enum journal_read end; /* why reading ended */
    struct error error;    /* unless `end` is JOURNAL_READ_END */
};

struct request {
    bool dump; /* false: check */
    bool json;
    const char *dir;
};

static const struct help_option journal_options[] = {
    {"--json", NULL, "one JSON object per line"},
    HELP_HELP,
    HELP_END,
};

const struct help help_journal = {
    .name = "journal",
    .summary = "prints or checks a journal: journal dump|check DIR",
    .words = "dump|check DIR",
    .about = "dump prints one line per record; check reads every byte, including snapshots and notes, and summarizes "
             "what it found. DIR is the journal's folder (issuer/journal_dir) or one partition's below it; its issuer "
             "may be running.",
    .options = journal_options,
    .exit_status = "0 sound (an unfinished write at the very end is sound: the next start cuts it), 1 damaged, "
                   "2 could not check",
};

static int refuse(const char *text)
{
    fprintf(stderr, "coupond journal: %s\n", text);
    return NOT_READ;
}

/* --- reading --- */

static uint64_t *counter_of(struct tally *tally, enum journal_record_type type)
{
    switch (type) {
    case JOURNAL_ISSUE:
        return &tally->issues;
    case JOURNAL_COUPON:
        return &tally->coupons;
    default:
        return &tally->changes;
    }
}

static void take_batch(const struct request *request, struct tally *tally, const void *batch,
                       const struct journal_batch_header *header)
{
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, batch);
    struct journal_record record;
    while (journal_batch_reader_next(&reader, &record)) {
        *counter_of(tally, record.type) += 1;
        tally->last_seq = record.seq;
        if (request->dump && request->json)
            journal_print_json(stdout, tally->meta.partition, &record);
        else if (request->dump)
            journal_print_text(stdout, tally->meta.partition, &record);
    }
    tally->batches++;
    tally->last_time_us = header->time_us;
}

/* Known damage is the result even when something else cannot be read. */
static void note_fault(struct tally *tally, enum journal_read fault, const struct error *error)
{
    if (tally->end == JOURNAL_READ_DAMAGED)
        return;
    tally->end = fault;
    tally->error = *error;
}

/* Ignores a snapshot that a running issuer has removed meanwhile. */
static void check_snapshot(struct tally *tally, uint64_t from_seq)
{
    struct snapshot_header header;
    struct error error;
    char path[JOURNAL_PATH_MAX];
    struct ledger *ledger = ledger_create(tally->meta.fingerprint_key);
    enum snapshot_loaded loaded =
        snapshot_load(tally->dir, from_seq, &tally->meta, ledger, &header, NULL, NULL, &error);
    ledger_destroy(&ledger);
    snapshot_path(tally->dir, from_seq, path);
    tally->snapshots += loaded == SNAPSHOT_LOADED;
    if (loaded != SNAPSHOT_LOADED && access(path, F_OK) == 0)
        note_fault(tally, loaded == SNAPSHOT_DAMAGED ? JOURNAL_READ_DAMAGED : JOURNAL_READ_FAILED, &error);
}

static void check_snapshots(struct tally *tally)
{
    uint64_t *from_seqs;
    size_t count;
    struct error error;
    if (snapshot_list(tally->dir, &from_seqs, &count, &error) != 0) {
        note_fault(tally, JOURNAL_READ_FAILED, &error);
        return;
    }
    for (size_t i = 0; i < count; i++)
        check_snapshot(tally, from_seqs[i]);
    free(from_seqs);
}

static void check_notes(struct tally *tally)
{
    struct journal_former_stores former;
    struct error error;
    uint64_t seq;
    int result = journal_uncompared_read(tally->dir, tally->meta.journal_id, &seq, &error);
    if (result >= 0)
        result = journal_former_read(tally->dir, tally->meta.journal_id, &former, &error);
    if (result < 0)
        note_fault(tally, result == JOURNAL_NOTE_DAMAGED ? JOURNAL_READ_DAMAGED : JOURNAL_READ_FAILED, &error);
}

/* True when the issuer has removed the next segment meanwhile: the apparent damage is only a missing file. */
static bool has_moved(const struct tally *tally, uint64_t next_seq)
{
    uint64_t *first_seqs;
    size_t count;
    struct error ignored;
    if (journal_segments_list(tally->dir, &first_seqs, &count, &ignored) != 0)
        return false;
    bool moved = next_seq > 0 && count > 0 && first_seqs[0] > next_seq;
    free(first_seqs);
    return moved;
}

static void read_partition(const struct request *request, struct tally *tally)
{
    const void *batch;
    struct journal_reader *reader;
    struct journal_meta unused;
    bool damaged = journal_meta_read(tally->dir, &unused, &tally->error) == JOURNAL_META_DAMAGED;
    tally->end = damaged ? JOURNAL_READ_DAMAGED : JOURNAL_READ_FAILED;
    if (damaged || journal_reader_open(tally->dir, &reader, &tally->error) != 0)
        return;
    tally->meta = *journal_reader_meta(reader);
    struct journal_batch_header header;
    while ((tally->end = journal_reader_next(reader, &batch, &header, &tally->error)) == JOURNAL_READ_BATCH)
        take_batch(request, tally, batch, &header);
    struct journal_position position;
    journal_reader_position(reader, &position);
    tally->bytes = position.bytes_read;
    journal_reader_close(&reader);
    if (tally->end == JOURNAL_READ_DAMAGED && has_moved(tally, position.next_seq)) {
        tally->end = JOURNAL_READ_FAILED;
        error_set(&tally->error,
                  "its issuer removed segments while they were read, from record %" PRIu64 " on: run this again",
                  position.next_seq);
    }
    if (request->dump || tally->end == JOURNAL_READ_FAILED)
        return;
    check_snapshots(tally);
    check_notes(tally);
}

/* --- output --- */

static const char *end_name(const struct tally *tally)
{
    switch (tally->end) {
    case JOURNAL_READ_END:
    case JOURNAL_READ_BATCH:
        return "sound";
    case JOURNAL_READ_TORN:
        return "torn";
    case JOURNAL_READ_DAMAGED:
        return "damaged";
    case JOURNAL_READ_FAILED:
        return "unreadable";
    }
    return "unreadable";
}

static void print_summary_text(const struct tally *tally)
{
    char time[RFC3339_MAX] = "never";
    if (tally->batches > 0)
        rfc3339_format(tally->last_time_us, time);
    printf("%s: %s, partition %u of %u, %" PRIu64 " records (%" PRIu64 " coupons, %" PRIu64 " issues, %" PRIu64
           " changes) in %" PRIu64 " batches, %" PRIu64 " bytes, last sequence %" PRIu64
           ", last written %s, %u snapshots\n",
           tally->dir, end_name(tally), tally->meta.partition, tally->meta.partitions,
           tally->coupons + tally->issues + tally->changes, tally->coupons, tally->issues, tally->changes,
           tally->batches, tally->bytes, tally->last_seq, time, tally->snapshots);
    if (tally->end == JOURNAL_READ_TORN)
        printf("  an unfinished write at the end, which the next start cuts: %s\n", tally->error.text);
    else if (tally->end != JOURNAL_READ_END)
        printf("  %s\n", tally->error.text);
}

static void print_summary_json(const struct tally *tally)
{
    fputs("{\"dir\":", stdout);
    journal_print_string(stdout, tally->dir, strlen(tally->dir));
    printf(",\"result\":\"%s\",\"partition\":%u,\"partitions\":%u,\"coupons\":%" PRIu64 ",\"issues\":%" PRIu64
           ",\"changes\":%" PRIu64 ",\"batches\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"last_seq\":%" PRIu64
           ",\"snapshots\":%u",
           end_name(tally), tally->meta.partition, tally->meta.partitions, tally->coupons, tally->issues,
           tally->changes, tally->batches, tally->bytes, tally->last_seq, tally->snapshots);
    if (tally->error.text[0] != '\0') {
        fputs(",\"reason\":", stdout);
        journal_print_string(stdout, tally->error.text, strlen(tally->error.text));
    }
    puts("}");
}

/* Dumped records go to standard output, so messages go to standard error. */
static void report(const struct request *request, const struct tally *tally)
{
    if (request->dump && tally->end != JOURNAL_READ_END)
        fprintf(stderr, "coupond journal: %s: %s\n", end_name(tally), tally->error.text);
    else if (!request->dump && request->json)
        print_summary_json(tally);
    else if (!request->dump)
        print_summary_text(tally);
}

static enum status status_of(const struct tally *tally)
{
    if (tally->end == JOURNAL_READ_DAMAGED)
        return DAMAGED;
    return tally->end == JOURNAL_READ_FAILED ? NOT_READ : SOUND;
}

static enum status worse(enum status a, enum status b)
{
    return a > b ? a : b;
}

/* Reads one partition and reports on it; copies its metadata to `meta`. */
static enum status read_one(const struct request *request, const char *dir, struct journal_meta *meta)
{
    struct tally tally = {.dir = dir};
    read_partition(request, &tally);
    report(request, &tally);
    *meta = tally.meta;
    return status_of(&tally);
}

/* --- search --- */

/* True when the folder has a metadata file, valid or not. */
static bool has_journal(const char *dir)
{
    struct journal_meta meta;
    struct error error;
    return journal_meta_read(dir, &meta, &error) != 1;
}

static enum status report_missing(const struct request *request, uint16_t partition, uint16_t partitions)
{
    struct tally tally = {.end = JOURNAL_READ_DAMAGED, .meta = {.partition = partition, .partitions = partitions}};
    char dir[JOURNAL_PATH_MAX];
    journal_partition_dir(request->dir, partition, dir);
    tally.dir = dir;
    error_set(&tally.error, "%s is missing: the journal has %u partitions; restore it from a backup", dir, partitions);
    report(request, &tally);
    return DAMAGED;
}

static enum status read_all(const struct request *request)
{
    enum status status = SOUND;
    uint64_t seen = 0;
    uint16_t partitions = 0;
    for (uint16_t partition = 0; partition < PARTITIONS_MAX; partition++) {
        char dir[JOURNAL_PATH_MAX];
        struct journal_meta meta;
        journal_partition_dir(request->dir, partition, dir);
        if (!has_journal(dir))
            continue;
        seen |= UINT64_C(1) << partition;
        status = worse(status, read_one(request, dir, &meta));
        partitions = meta.partitions > partitions ? meta.partitions : partitions;
    }
    if (seen == 0) {
        fprintf(stderr, "coupond journal: there is no journal in %s; expected a journal or its folders p00, p01 …\n",
                request->dir);
        return NOT_READ;
    }
    for (uint16_t partition = 0; partition < partitions && partition < PARTITIONS_MAX; partition++) {
        if ((seen >> partition & 1) == 0)
            status = worse(status, report_missing(request, partition, partitions));
    }
    return status;
}

static int parse_request(struct request *request, const struct arguments *arguments)
{
    if (arguments->config != NULL || arguments->sets_count > 0 || arguments->check_config)
        return refuse("--config, --set and --check-config are not supported here; name the folder");
    if (arguments->positionals_count != 2)
        return refuse("expected: coupond journal dump|check DIR");
    const char *action = arguments->positionals[0];
    request->dump = strcmp(action, "dump") == 0;
    if (!request->dump && strcmp(action, "check") != 0)
        return refuse("expected dump or check; see coupond journal --help");
    struct error error = {""};
    request->dir = arguments->positionals[1];
    if (arguments_check_path("DIR", request->dir, &error) != 0)
        return refuse(error.text);
    if (strlen(request->dir) >= JOURNAL_PATH_MAX - 64)
        return refuse("the path is too long");
    return SOUND;
}

int cmd_journal(int argc, char **argv)
{
    struct request request = {.json = false};
    const struct argument own[] = {{.name = "--json", .flag = &request.json}, {.name = NULL}};
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, own, 2, &error) != 0)
        return refuse(error.text);
    if (arguments.help) {
        help_print(stdout, &help_journal);
        return SOUND;
    }
    if (parse_request(&request, &arguments) != SOUND)
        return NOT_READ;
    struct journal_meta meta;
    return (int)(has_journal(request.dir) ? read_one(&request, request.dir, &meta) : read_all(&request));
}
