/* The writing side of the journal: begins, fills and commits batches. */
#include "shared/journal/journal.h"

#include "groups.h"
#include "scratch.h"
#include "shared/clock.h"
#include "shared/options/options.h"

#define RECORDS_MAX 1000

struct bench {
    struct journal *journal;
    size_t batch;
    size_t batches; /* per run */
    uint32_t sequence;
    char users[RECORDS_MAX][MICRO_USER];
};

static void prepare(void *arg)
{
    struct bench *bench = arg;
    journal_work(bench->journal);
}

static void write_batch(struct bench *bench, int64_t time_us)
{
    CHECK(journal_reserve(bench->journal, journal_bytes_max(bench->batch, 0, 0)));
    journal_begin(bench->journal, time_us);
    for (size_t i = 0; i < bench->batch; i++)
        journal_append_issue(bench->journal, MICRO_COUPON, sizeof MICRO_COUPON - 1, bench->users[i], MICRO_USER,
                             ++bench->sequence, 1);
    journal_commit(bench->journal);
}

static void run(void *arg)
{
    struct bench *bench = arg;
    int64_t time_us = clock_wall_us();
    for (size_t i = 0; i < bench->batches; i++)
        write_batch(bench, time_us);
}

static void measure(struct micro *micro, size_t batch, bool synced)
{
    char folder[SCRATCH_PATH_MAX];
    struct bench bench = {.batch = batch, .batches = synced || batch >= RECORDS_MAX ? 1 : RECORDS_MAX / batch};
    scratch_folder(micro, folder);
    bench.journal = scratch_journal(folder, synced ? SYNC_ALWAYS : SYNC_OS);
    for (uint32_t i = 0; i < RECORDS_MAX; i++)
        scratch_user(bench.users[i], i);
    struct micro_work work = {.clock = synced ? MICRO_WALL : MICRO_CPU,
                              .operations = batch * bench.batches,
                              .operations_max = 4000000,
                              .prepare = prepare,
                              .run = run,
                              .arg = &bench};
    struct micro_result *result =
        micro_measure(micro, &work, "records in batches of %zu%s", batch, synced ? ", each synced" : "");
    result->bytes = (double)journal_bytes(bench.journal) / bench.sequence;
    journal_close(&bench.journal);
    scratch_remove(folder);
}

void micro_journal(struct micro *micro)
{
    static const size_t batches[] = {1, 16, 64, 256, 1000};
    for (int synced = 0; synced < 2; synced++) {
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
            measure(micro, batches[i], synced);
    }
}
