/*
 * `coupond verify`: checks the promises against journals and store, on a running system or at rest. verify/verify.h
 * describes the checks; this file reads the data in the order acknowledgements, store, journals.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/verify/finish.h"
#include "coupond/verify/report.h"
#include "coupond/verify/verify.h"
#include "issuer/snapshot/load.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/reader.h"

#define PROGRESS_INTERVAL_US INT64_C(2000000)
#define PROGRESS_ROWS        4096 /* rows between two checks of the clock */
#define TRIES_MAX            5

enum { KEPT = 0, BROKEN = 1, COULD_NOT_CHECK = 2 };

struct run {
    struct options options;
    bool json;
    bool summary;
    struct verify verify;
    struct store *store;
    uint16_t partitions;
    struct ledger *snapshots[PARTITIONS_MAX]; /* of journals that no longer begin with record 1 */
    uint8_t store_id[STORE_ID_BYTES];         /* of the store that the journals fill; zeros: unknown */
    bool moved;                               /* segments were removed during the check */
    const char *reading;                      /* for progress: "rows of the store", … */
    uint64_t read;
    int64_t progress_after_us;
};

static const struct help_option verify_options[] = {
    HELP_CONFIG,
    {"--dir", "DIR", "the folder of a `coupond dev` (DIR/journal and DIR/coupond.db), instead of --config"},
    HELP_SET,
    HELP_JSON,
    {"--summary", NULL, "with --json: leaves out the list of coupons, which may be long"},
    HELP_HELP,
    HELP_END,
};

const struct help help_verify = {
    .name = "verify",
    .summary = "checks the promises against journals and store",
    .about = "Checks whether coupond has kept its promises: reads the journals of all partitions and the store, while "
             "the system runs or at rest, and changes nothing. Names each violation with coupon, sequence and user.",
    .options = verify_options,
    .exit_status = "0 kept, 1 broken, 2 could not check",
};

static int refuse(const struct error *error)
{
    fprintf(stderr, "coupond verify: %s\n", error->text);
    return COULD_NOT_CHECK;
}

/* --- progress --- */

static void begin_reading(struct run *run, const char *what)
{
    run->reading = what;
    run->read = 0;
}

static void note_progress(struct run *run)
{
    if (++run->read % PROGRESS_ROWS != 0)
        return;
    int64_t now_us = clock_mono_us();
    if (now_us < run->progress_after_us)
        return;
    char number[THOUSANDS_MAX];
    fprintf(stderr, "coupond verify: read %s %s …\n", thousands(run->read, number), run->reading);
    run->progress_after_us = now_us + PROGRESS_INTERVAL_US;
}

/* --- acknowledgements --- */

/* The first record in the remaining segments; 1 when there is no segment. */
static int first_kept(const char *dir, uint64_t *first_seq, struct error *error)
{
    uint64_t *first_seqs;
    size_t count;
    if (journal_segments_list(dir, &first_seqs, &count, error) != 0)
        return -1;
    *first_seq = count > 0 ? first_seqs[0] : 1;
    free(first_seqs);
    return 0;
}

/* Loads the newest sound snapshot into `ledger`; NULL when all are damaged. -1 when there may be a sound one that
 * cannot be read. */
static int load_snapshot(const char *dir, const struct journal_meta *meta, struct ledger **ledger, struct error *error)
{
    uint64_t *from_seqs;
    size_t count;
    struct error unreadable = {""};
    *ledger = NULL;
    if (snapshot_list(dir, &from_seqs, &count, error) != 0)
        return -1;
    for (; count > 0 && *ledger == NULL; count--) {
        struct snapshot_header header;
        *ledger = ledger_create(meta->fingerprint_key);
        enum snapshot_loaded loaded =
            snapshot_load(dir, from_seqs[count - 1], meta, *ledger, &header, NULL, NULL, error);
        if (loaded != SNAPSHOT_LOADED)
            ledger_destroy(ledger);
        if (loaded == SNAPSHOT_UNREADABLE)
            unreadable = *error;
    }
    free(from_seqs);
    return *ledger == NULL && unreadable.text[0] != '\0' ? error_set(error, "%s", unreadable.text) : 0;
}

/* Loads the snapshot of a journal whose first segments are removed. */
static int find_snapshot(struct run *run, const char *dir, const struct journal_meta *meta, struct error *error)
{
    uint64_t first_seq;
    if (first_kept(dir, &first_seq, error) != 0)
        return -1;
    if (first_seq == 1)
        return 0;
    error_set(error, "%s begins with record %" PRIu64 ", and there is no snapshot", dir, first_seq);
    if (load_snapshot(dir, meta, &run->snapshots[meta->partition], error) != 0)
        return -1;
    if (run->snapshots[meta->partition] != NULL)
        verify_add_snapshot(&run->verify, meta->partition, first_seq, run->snapshots[meta->partition]);
    else
        verify_journal_end(&run->verify, meta->partition, 1, error->text);
    return 0;
}

/* 0: the partition exists, or is known to be damaged; 1: there is none; -1 and `error`. */
static int find_journal(struct run *run, uint16_t partition, struct error *error)
{
    char dir[JOURNAL_PATH_MAX];
    journal_partition_dir(run->options.issuer_journal_dir, partition, dir);
    struct journal_meta meta;
    switch (journal_meta_read(dir, &meta, error)) {
    case JOURNAL_META_SOUND:
        break;
    case JOURNAL_META_MISSING:
        return 1;
    case JOURNAL_META_UNREADABLE:
        return -1;
    case JOURNAL_META_DAMAGED:
        verify_journal_end(&run->verify, partition, 1, error->text);
        return 0;
    }
    if (meta.partition != partition || meta.partitions == 0 || meta.partitions > PARTITIONS_MAX)
        return error_set(error, "%s: it contains the journal of partition %u of %u, which does not belong there", dir,
                         meta.partition, meta.partitions);
    if (run->partitions != 0 && run->partitions != meta.partitions)
        return error_set(error, "%s: it has %u partitions, but the journal of another has %u", dir, meta.partitions,
                         run->partitions);
    run->partitions = meta.partitions;
    uint8_t store_id[STORE_ID_BYTES];
    verify_add_journal(&run->verify, &meta, journal_acked_read(dir, meta.journal_id, store_id));
    if (store_id_is_known(store_id))
        memcpy(run->store_id, store_id, sizeof run->store_id);
    return find_snapshot(run, dir, &meta, error);
}

static int find_journals(struct run *run, struct error *error)
{
    uint64_t found = 0;
    for (uint16_t partition = 0; partition < PARTITIONS_MAX; partition++) {
        int status = find_journal(run, partition, error);
        if (status < 0)
            return -1;
        found |= (uint64_t)(status == 0) << partition;
    }
    if (found == 0)
        return error_set(error, "there is no journal in %s; name its folder with --config or --dir",
                         run->options.issuer_journal_dir);
    for (uint16_t partition = 0; partition < run->partitions; partition++)
        if ((found >> partition & 1) == 0)
            verify_journal_end(&run->verify, partition, 1, "its folder is missing; restore it from a backup");
    return 0;
}

/* --- store --- */

static bool take_store_journal(void *arg, const struct store_journal *journal)
{
    struct run *run = arg;
    verify_store_journal(&run->verify, journal);
    return true;
}

static bool take_store_coupon(void *arg, const struct coupon *coupon)
{
    struct run *run = arg;
    note_progress(run);
    verify_store_coupon(&run->verify, coupon);
    return true;
}

static bool take_store_erasure(void *arg, const struct store_erasure *erasure)
{
    struct run *run = arg;
    verify_store_erasure(&run->verify, erasure);
    return true;
}

static bool take_store_change(void *arg, const struct store_change *change)
{
    struct run *run = arg;
    note_progress(run);
    verify_store_change(&run->verify, change);
    return true;
}

static bool take_store_issue(void *arg, const struct store_issue *issue)
{
    struct run *run = arg;
    note_progress(run);
    verify_store_issue(&run->verify, issue);
    return true;
}

static bool take_dead_letter(void *arg, const struct store_dead_letter *letter)
{
    struct run *run = arg;
    note_progress(run);
    verify_store_dead_letter(&run->verify, letter);
    return true;
}

static bool name_store_issue(void *arg, const struct store_issue *issue)
{
    struct run *run = arg;
    note_progress(run);
    verify_name_row(&run->verify, issue);
    return true;
}

/* The journals' acknowledgements belong to another store, so rows may legitimately be missing here. */
static void warn_of_another_store(const struct run *run)
{
    uint8_t id[STORE_ID_BYTES];
    char theirs[STORE_ID_TEXT_MAX], ours[STORE_ID_TEXT_MAX];
    struct error error;
    if (!store_id_is_known(run->store_id) || store_read_id(run->store, id, &error) != STORE_OK ||
        memcmp(id, run->store_id, sizeof id) == 0)
        return;
    store_id_format(run->store_id, theirs);
    store_id_format(id, ours);
    fprintf(stderr,
            "coupond verify: the journal last filled another store (id %s) than this one, %s (id %s); is store/… the "
            "issuer's?\n",
            theirs, store_describe(run->store), ours);
}

/* Keeps the store's snapshot open: broken rows are named from it at the end. */
static int read_store(struct run *run, struct error *error)
{
    run->store = store_create(&run->options, error);
    if (!run->store)
        return -1;
    begin_reading(run, "rows of the store");
    enum store_result result = store_check_schema(run->store, error);
    if (result == STORE_OK)
        warn_of_another_store(run);
    if (result == STORE_OK)
        result = store_read_begin(run->store, error);
    if (result == STORE_OK)
        result = store_each_erasure(run->store, take_store_erasure, run, error);
    verify_store_erasures_end(&run->verify);
    if (result == STORE_OK)
        result = store_each_journal(run->store, take_store_journal, run, error);
    if (result == STORE_OK)
        result = store_each_coupon(run->store, take_store_coupon, run, error);
    if (result == STORE_OK)
        result = store_each_change(run->store, take_store_change, run, error);
    if (result == STORE_OK)
        result = store_each_issue(run->store, take_store_issue, run, error);
    if (result == STORE_OK)
        result = store_each_dead_letter(run->store, NULL, 0, take_dead_letter, run, error);
    return result == STORE_OK ? 0 : -1;
}

/* --- journals --- */

static void take_batch(struct run *run, uint16_t partition, const void *batch)
{
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, batch);
    struct journal_record record;
    while (journal_batch_reader_next(&reader, &record)) {
        note_progress(run);
        verify_journal_record(&run->verify, partition, &record);
    }
}

/* A running issuer may have removed segments before they were read. */
static int note_move(struct run *run, uint16_t partition, const char *dir, struct error *error)
{
    uint64_t first_seq;
    if (first_kept(dir, &first_seq, error) != 0)
        return -1;
    run->moved = run->moved || first_seq != run->verify.journals[partition].first_seq;
    return 0;
}

static int read_journal(struct run *run, uint16_t partition, struct error *error)
{
    char dir[JOURNAL_PATH_MAX];
    struct journal_reader *reader = NULL;
    const void *batch = NULL;
    journal_partition_dir(run->options.issuer_journal_dir, partition, dir);
    if (run->verify.journals[partition].damaged)
        return 0;
    if (journal_reader_open(dir, &reader, error) != 0)
        return -1;
    struct journal_batch_header header;
    enum journal_read read;
    while ((read = journal_reader_next(reader, &batch, &header, error)) == JOURNAL_READ_BATCH)
        take_batch(run, partition, batch);
    struct journal_position position;
    journal_reader_position(reader, &position);
    if (note_move(run, partition, dir, error) != 0)
        read = JOURNAL_READ_FAILED;
    if (read != JOURNAL_READ_FAILED) /* an unfinished write at the very end is not damage */
        verify_journal_end(&run->verify, partition, position.next_seq,
                           read == JOURNAL_READ_DAMAGED ? error->text : NULL);
    journal_reader_close(&reader);
    return read == JOURNAL_READ_FAILED ? -1 : 0;
}

static int read_journals(struct run *run, struct error *error)
{
    begin_reading(run, "records of the journal");
    for (uint16_t partition = 0; partition < run->partitions; partition++)
        if (run->verify.journals[partition].present && read_journal(run, partition, error) != 0)
            return -1;
    return 0;
}

/* --- sequence --- */

static int name_rows(struct run *run, struct error *error)
{
    begin_reading(run, "rows of the store again, to name what is broken");
    return store_each_issue(run->store, name_store_issue, run, error) == STORE_OK ? 0 : -1;
}

static int run_checks(struct run *run, struct error *error)
{
    run->progress_after_us = clock_mono_us() + PROGRESS_INTERVAL_US;
    if (find_journals(run, error) != 0 || read_store(run, error) != 0 || read_journals(run, error) != 0)
        return -1;
    if (run->moved)
        return 0;
    verify_finish(&run->verify);
    return verify_wants_rows(&run->verify) ? name_rows(run, error) : 0;
}

static int report(const struct run *run)
{
    if (run->json)
        verify_report_json(stdout, &run->verify, run->summary);
    else
        verify_report_text(stdout, &run->verify);
    fflush(stdout);
    return run->verify.findings.count > 0 ? BROKEN : KEPT;
}

static void discard(struct run *run)
{
    if (run->store)
        store_read_end(run->store);
    store_destroy(&run->store);
    verify_deinit(&run->verify);
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        ledger_destroy(&run->snapshots[i]);
}

/* Starts again when a running issuer has removed files before they were read. */
static int run_until_stable(struct run *run)
{
    struct error error = {""};
    for (unsigned tries = 1; tries <= TRIES_MAX; tries++) {
        uint64_t seed;
        randombytes_buf(&seed, sizeof seed);
        verify_init(&run->verify, seed);
        run->moved = false;
        int result = run_checks(run, &error);
        int status = result == 0 && !run->moved ? report(run) : COULD_NOT_CHECK;
        bool again = run->moved;
        discard(run);
        if (!again)
            return result == 0 ? status : refuse(&error);
        fputs("coupond verify: the issuer removed segments meanwhile, starting again\n", stderr);
    }
    error_set(&error, "the issuer removes segments faster than they can be read");
    return refuse(&error);
}

int cmd_verify(int argc, char **argv)
{
    struct run run = {.partitions = 0};
    const char *dir = NULL;
    const struct argument own[] = {{.name = "--dir", .value = &dir},
                                   {.name = "--json", .flag = &run.json},
                                   {.name = "--summary", .flag = &run.summary, .requires = "--json"},
                                   {.name = NULL}};
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, own, 0, &error) != 0)
        return refuse(&error);
    if (arguments.help) {
        help_print(stdout, &help_verify);
        return KEPT;
    }
    if (arguments_load_dir(&arguments, dir, &run.options, &error) != 0)
        return refuse(&error);
    if (arguments.check_config) {
        puts("the configuration is valid");
        return KEPT;
    }
    return run_until_stable(&run);
}
