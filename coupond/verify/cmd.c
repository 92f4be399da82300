/*
 * `coupond verify`: checks the promises over journals and store, on a running system or at rest. What is checked stands
 * in verify/verify.h; here is what is read, and in which order: acknowledgements, store, journals.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/verify/report.h"
#include "coupond/verify/verify.h"
#include "issuer/snapshot/load.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/reader.h"

#define PROGRESS_INTERVAL_US INT64_C(2000000)
#define PROGRESS_ROWS        4096 /* looked at between two looks at the clock */
#define TRIES_MAX            5

enum { KEPT = 0, BROKEN = 1, COULD_NOT_LOOK = 2 };

struct look {
    struct options options;
    struct verify verify;
    struct store *store;
    uint16_t partitions;
    struct ledger *snapshots[PARTITIONS_MAX]; /* of journals that no longer begin with record 1 */
    uint8_t store_id[STORE_ID_BYTES];         /* of the store that the journals fill; zeros: they do not say */
    bool moved;                               /* segments were removed while we looked */
    const char *reading;                      /* for the progress: "rows of the store", … */
    uint64_t read;
    int64_t progress_after_us;
};

static const struct help_option verify_options[] = {
    HELP_CONFIG,
    {"--dir", "DIR", "the folder of a `coupond dev` (DIR/journal and DIR/coupond.db), in the place of --config"},
    HELP_SET,
    HELP_JSON,
    HELP_HELP,
    HELP_END,
};

const struct help help_verify = {
    .name = "verify",
    .summary = "checks the promises over journals and store",
    .about = "Checks that coupond has kept its promises: reads the journals of all partitions and the store, while the "
             "system runs or at rest, and changes nothing. Names what is broken: coupon, sequence, user.",
    .options = verify_options,
    .exit_status = "0 kept, 1 broken, 2 could not look",
};

static int refuse(const struct error *error)
{
    fprintf(stderr, "coupond verify: %s\n", error->text);
    return COULD_NOT_LOOK;
}

/* Progress */

static void begin_reading(struct look *look, const char *what)
{
    look->reading = what;
    look->read = 0;
}

static void note_progress(struct look *look)
{
    if (++look->read % PROGRESS_ROWS != 0)
        return;
    int64_t now_us = clock_mono_us();
    if (now_us < look->progress_after_us)
        return;
    char number[THOUSANDS_MAX];
    fprintf(stderr, "coupond verify: read %s %s …\n", thousands(look->read, number), look->reading);
    look->progress_after_us = now_us + PROGRESS_INTERVAL_US;
}

/* Acknowledgements */

/* The first record that is still in a segment; 1 when there is no segment. */
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

/* The newest sound one; NULL when there is none. */
static struct ledger *load_snapshot(const char *dir, const struct journal_meta *meta, struct error *error)
{
    uint64_t *from_seqs;
    size_t count;
    struct ledger *ledger = NULL;
    if (snapshot_list(dir, &from_seqs, &count, error) != 0)
        return NULL;
    for (; count > 0 && ledger == NULL; count--) {
        struct snapshot_header header;
        ledger = ledger_create(meta->fingerprint_key);
        if (snapshot_load(dir, from_seqs[count - 1], meta, ledger, &header, NULL, NULL, error) != 0)
            ledger_destroy(&ledger);
    }
    free(from_seqs);
    return ledger;
}

/* Of a journal whose first segments are removed, a snapshot tells what was in them. */
static int find_snapshot(struct look *look, const char *dir, const struct journal_meta *meta, struct error *error)
{
    uint64_t first_seq;
    if (first_kept(dir, &first_seq, error) != 0)
        return -1;
    if (first_seq == 1)
        return 0;
    error_set(error, "%s begins with record %" PRIu64 ", and there is no snapshot", dir, first_seq);
    look->snapshots[meta->partition] = load_snapshot(dir, meta, error);
    if (look->snapshots[meta->partition] != NULL)
        verify_add_snapshot(&look->verify, meta->partition, first_seq, look->snapshots[meta->partition]);
    else
        verify_journal_end(&look->verify, meta->partition, 1, error->text);
    return 0;
}

/* 0: the partition is there, or is known as damaged; 1: there is none; -1 and `error`. */
static int find_journal(struct look *look, uint16_t partition, struct error *error)
{
    char dir[JOURNAL_PATH_MAX];
    struct journal_meta meta;
    journal_partition_dir(look->options.issuer_journal_dir, partition, dir);
    int found = journal_meta_read(dir, &meta, error);
    if (found < 0) {
        verify_journal_end(&look->verify, partition, 1, error->text);
        return 0;
    }
    if (found > 0)
        return 1;
    if (meta.partition != partition || meta.partitions == 0 || meta.partitions > PARTITIONS_MAX)
        return error_set(error, "%s: it is the journal of partition %u of %u, which does not belong there", dir,
                         meta.partition, meta.partitions);
    if (look->partitions != 0 && look->partitions != meta.partitions)
        return error_set(error, "%s: it has %u partitions, but the journal of another has %u", dir, meta.partitions,
                         look->partitions);
    look->partitions = meta.partitions;
    uint8_t store_id[STORE_ID_BYTES];
    verify_add_journal(&look->verify, &meta, journal_acked_read(dir, meta.journal_id, store_id));
    if (store_id_is_known(store_id))
        memcpy(look->store_id, store_id, sizeof look->store_id);
    return find_snapshot(look, dir, &meta, error);
}

static int find_journals(struct look *look, struct error *error)
{
    uint64_t found = 0;
    for (uint16_t partition = 0; partition < PARTITIONS_MAX; partition++) {
        int status = find_journal(look, partition, error);
        if (status < 0)
            return -1;
        found |= (uint64_t)(status == 0) << partition;
    }
    if (found == 0)
        return error_set(error, "there is no journal in %s; --config or --dir says where to look",
                         look->options.issuer_journal_dir);
    for (uint16_t partition = 0; partition < look->partitions; partition++)
        if ((found >> partition & 1) == 0)
            verify_journal_end(&look->verify, partition, 1, "its folder is missing; restore it from a backup");
    return 0;
}

/* Store */

static bool take_store_journal(void *arg, const struct store_journal *journal)
{
    struct look *look = arg;
    verify_store_journal(&look->verify, journal);
    return true;
}

static bool take_store_coupon(void *arg, const struct coupon *coupon)
{
    struct look *look = arg;
    note_progress(look);
    verify_store_coupon(&look->verify, coupon);
    return true;
}

static bool take_store_issue(void *arg, const struct store_issue *issue)
{
    struct look *look = arg;
    note_progress(look);
    verify_store_issue(&look->verify, issue);
    return true;
}

static bool take_dead_letter(void *arg, const struct store_dead_letter *letter)
{
    struct look *look = arg;
    note_progress(look);
    verify_store_dead_letter(&look->verify, letter);
    return true;
}

static bool name_store_issue(void *arg, const struct store_issue *issue)
{
    struct look *look = arg;
    note_progress(look);
    verify_name_row(&look->verify, issue);
    return true;
}

/* What the journals say that the store has is said of another one, so rows may well be missing here. */
static void warn_of_another_store(const struct look *look)
{
    uint8_t id[STORE_ID_BYTES];
    char theirs[STORE_ID_TEXT_MAX], ours[STORE_ID_TEXT_MAX];
    struct error error;
    if (!store_id_is_known(look->store_id) || store_read_id(look->store, id, &error) != STORE_OK ||
        memcmp(id, look->store_id, sizeof id) == 0)
        return;
    store_id_format(look->store_id, theirs);
    store_id_format(id, ours);
    fprintf(stderr,
            "coupond verify: the journal last filled another store (id %s) than this one, %s (id %s); is store/… the "
            "issuer's?\n",
            theirs, store_describe(look->store), ours);
}

/* The snapshot stays open: broken rows are named from it at the end. */
static int read_store(struct look *look, struct error *error)
{
    look->store = store_create(&look->options, error);
    if (!look->store)
        return -1;
    begin_reading(look, "rows of the store");
    enum store_result result = store_check_schema(look->store, error);
    if (result == STORE_OK)
        warn_of_another_store(look);
    if (result == STORE_OK)
        result = store_read_begin(look->store, error);
    if (result == STORE_OK)
        result = store_each_journal(look->store, take_store_journal, look, error);
    if (result == STORE_OK)
        result = store_each_coupon(look->store, take_store_coupon, look, error);
    if (result == STORE_OK)
        result = store_each_issue(look->store, take_store_issue, look, error);
    if (result == STORE_OK)
        result = store_each_dead_letter(look->store, NULL, 0, take_dead_letter, look, error);
    return result == STORE_OK ? 0 : -1;
}

/* Journals */

static void take_batch(struct look *look, uint16_t partition, const void *batch)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        note_progress(look);
        verify_journal_record(&look->verify, partition, &record);
    }
}

/* A running issuer may have removed segments that we had yet to read. */
static int note_move(struct look *look, uint16_t partition, const char *dir, struct error *error)
{
    uint64_t first_seq;
    if (first_kept(dir, &first_seq, error) != 0)
        return -1;
    look->moved = look->moved || first_seq != look->verify.journals[partition].first_seq;
    return 0;
}

static int read_journal(struct look *look, uint16_t partition, struct error *error)
{
    char dir[JOURNAL_PATH_MAX];
    struct journal_reader *reader = NULL;
    struct journal_batch_header header;
    struct journal_position position;
    enum journal_read read;
    const void *batch = NULL;
    journal_partition_dir(look->options.issuer_journal_dir, partition, dir);
    if (look->verify.journals[partition].damaged)
        return 0;
    if (journal_reader_open(&reader, dir, error) != 0)
        return -1;
    while ((read = journal_reader_next(reader, &batch, &header, error)) == JOURNAL_READ_BATCH)
        take_batch(look, partition, batch);
    journal_reader_position(reader, &position);
    if (note_move(look, partition, dir, error) != 0)
        read = JOURNAL_READ_FAILED;
    if (read != JOURNAL_READ_FAILED) /* an unfinished write at the very end is nothing yet: no damage */
        verify_journal_end(&look->verify, partition, position.next_seq,
                           read == JOURNAL_READ_DAMAGED ? error->text : NULL);
    journal_reader_close(&reader);
    return read == JOURNAL_READ_FAILED ? -1 : 0;
}

static int read_journals(struct look *look, struct error *error)
{
    begin_reading(look, "records of the journal");
    for (uint16_t partition = 0; partition < look->partitions; partition++)
        if (look->verify.journals[partition].present && read_journal(look, partition, error) != 0)
            return -1;
    return 0;
}

/* Together */

static int name_rows(struct look *look, struct error *error)
{
    begin_reading(look, "rows of the store again, to name what is broken");
    return store_each_issue(look->store, name_store_issue, look, error) == STORE_OK ? 0 : -1;
}

static int look_at_everything(struct look *look, struct error *error)
{
    look->progress_after_us = clock_mono_us() + PROGRESS_INTERVAL_US;
    if (find_journals(look, error) != 0 || read_store(look, error) != 0 || read_journals(look, error) != 0)
        return -1;
    if (look->moved)
        return 0;
    verify_finish(&look->verify);
    return verify_wants_rows(&look->verify) ? name_rows(look, error) : 0;
}

static int report(const struct look *look, bool json)
{
    if (json)
        verify_report_json(stdout, &look->verify);
    else
        verify_report_text(stdout, &look->verify);
    fflush(stdout);
    return look->verify.findings.count > 0 ? BROKEN : KEPT;
}

static void forget(struct look *look)
{
    if (look->store)
        store_read_end(look->store);
    store_destroy(&look->store);
    verify_deinit(&look->verify);
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        ledger_destroy(&look->snapshots[i]);
}

/* Looks again when a running issuer has removed what was to be read. */
static int look_until_still(struct look *look, bool json)
{
    struct error error = {""};
    for (unsigned tries = 1; tries <= TRIES_MAX; tries++) {
        uint64_t seed;
        randombytes_buf(&seed, sizeof seed);
        verify_init(&look->verify, seed);
        look->moved = false;
        int result = look_at_everything(look, &error);
        int status = result == 0 && !look->moved ? report(look, json) : COULD_NOT_LOOK;
        bool again = look->moved;
        forget(look);
        if (!again)
            return result == 0 ? status : refuse(&error);
        fputs("coupond verify: the issuer removed segments meanwhile, looking again\n", stderr);
    }
    error_set(&error, "the issuer removes segments faster than they can be read");
    return refuse(&error);
}

int cmd_verify(int argc, char **argv)
{
    struct look look = {.partitions = 0};
    bool json = false;
    const char *dir = NULL;
    const struct argument own[] = {{"--dir", &dir, NULL}, {"--json", NULL, &json}, {NULL, NULL, NULL}};
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, own, 0, &error) != 0)
        return refuse(&error);
    if (arguments.help) {
        help_print(stdout, &help_verify);
        return KEPT;
    }
    if (arguments_load_dir(&arguments, dir, &look.options, &error) != 0)
        return refuse(&error);
    if (arguments.check_config) {
        puts("the configuration is right");
        return KEPT;
    }
    return look_until_still(&look, json);
}
