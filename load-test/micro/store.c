/* The store: transactions of new issues, and of issues that are already stored, as a persister writes them. */
#include "shared/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "scratch.h"
#include "shared/clock.h"
#include "shared/error.h"

#define ROWS_MAX 4096u

struct bench {
    struct store *store;
    struct error error;
    uint32_t rows; /* per transaction */
    uint32_t sequence;
    bool again; /* the rows are already stored */
    uint8_t journal_id[16];
    char coupon_id[COUPON_ID_MAX + 1]; /* new in each run of the program, since the database may have earlier ones */
    struct store_issue issues[ROWS_MAX];
    char users[ROWS_MAX][MICRO_USER];
};

_Noreturn static void fail(const struct bench *bench)
{
    fprintf(stderr, "micro: store: %s\n", bench->error.text);
    exit(EXIT_FAILURE);
}

static void need(struct bench *bench, enum store_result result)
{
    if (result != STORE_OK)
        fail(bench);
}

static struct store_batch batch_of(const struct bench *bench)
{
    struct store_batch batch = {.scope = STORE_FRAME, .partitions = 1};
    memcpy(batch.journal_id, bench->journal_id, sizeof batch.journal_id);
    return batch;
}

/* Journal sequences: the coupon has 1, an issue its sequence + 1. */
static void write_coupon(struct bench *bench)
{
    struct coupon coupon = scratch_coupon();
    memcpy(coupon.id, bench->coupon_id, sizeof coupon.id);
    coupon.journal_seq = 1;
    struct store_coupon row = store_coupon_borrow(&coupon);
    struct store_batch batch = batch_of(bench);
    batch.first_seq = batch.last_seq = 1;
    batch.coupons = &row;
    batch.coupons_count = 1;
    need(bench, store_write(bench->store, &batch, &bench->error));
}

static void prepare(void *arg)
{
    struct bench *bench = arg;
    if (bench->again && bench->issues[0].sequence != 0)
        return;
    for (uint32_t i = 0; i < bench->rows; i++) {
        uint32_t sequence = ++bench->sequence;
        scratch_user(bench->users[i], sequence);
        bench->issues[i] = (struct store_issue){.coupon_id = bench->coupon_id,
                                                .user_id = bench->users[i],
                                                .coupon_id_length = (uint8_t)strlen(bench->coupon_id),
                                                .user_id_length = MICRO_USER,
                                                .nth = 1,
                                                .sequence = sequence,
                                                .issued_at_us = clock_wall_us(),
                                                .journal_seq = sequence + 1};
    }
}

static void run(void *arg)
{
    struct bench *bench = arg;
    struct store_batch batch = batch_of(bench);
    batch.issues = bench->issues;
    batch.issues_count = bench->rows;
    batch.first_seq = bench->issues[0].journal_seq;
    batch.last_seq = batch.first_seq + bench->rows - 1;
    need(bench, store_write(bench->store, &batch, &bench->error));
}

static void measure_all(struct micro *micro, struct bench *bench, const char *type)
{
    static const uint32_t sizes[] = {64, 1000, ROWS_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bench->rows = sizes[i];
        struct micro_work work = {
            .clock = MICRO_WALL, .operations = bench->rows, .prepare = prepare, .run = run, .arg = bench};
        bench->again = false;
        micro_measure(micro, &work, "%s, new issues in transactions of %u", type, sizes[i]);
        bench->again = true;
        micro_measure(micro, &work, "%s, known issues in transactions of %u", type, sizes[i]);
    }
}

static void measure(struct micro *micro, const struct options *options, const char *type)
{
    struct bench *bench = calloc(1, sizeof *bench);
    CHECK(bench != NULL);
    uint64_t random = (uint64_t)clock_wall_us();
    for (size_t i = 0; i < sizeof bench->journal_id; i++)
        bench->journal_id[i] = (uint8_t)scratch_random(&random);
    snprintf(bench->coupon_id, sizeof bench->coupon_id, "C%llu", (unsigned long long)clock_wall_us());
    bench->store = store_create(options, &bench->error);
    if (bench->store == NULL)
        fail(bench);
    need(bench, store_connect(bench->store, &bench->error));
    need(bench, store_migrate(bench->store, &bench->error));
    struct store_journal journal = {.partitions = 1};
    memcpy(journal.journal_id, bench->journal_id, sizeof journal.journal_id);
    need(bench, store_adopt_journal(bench->store, &journal, &bench->error));
    write_coupon(bench);
    measure_all(micro, bench, type);
    store_destroy(&bench->store);
    free(bench);
}

void micro_store(struct micro *micro)
{
    char folder[SCRATCH_PATH_MAX];
    struct error error = {""};
    scratch_folder(micro, folder);
    struct options options;
    options_init(&options);
    CHECK(snprintf(options.store_path, sizeof options.store_path, "%s/micro.db", folder) < OPTION_STRING_MAX);
    measure(micro, &options, "SQLite");
    scratch_remove(folder);
    if (!micro->settings.mysql)
        return;
    options_init(&options);
    if (options_read_environment(&options, &error) != 0 || options_complete(&options, &error) != 0) {
        fprintf(stderr, "micro: %s\n", error.text);
        exit(EXIT_FAILURE);
    }
    measure(micro, &options, options.store_type);
}
