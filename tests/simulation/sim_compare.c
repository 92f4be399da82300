/*
 * The checker of a recovered journal: it must contain every answered record, and nothing else.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/journal/dir.h"
#include "shared/journal/reader.h"
#include "shared/options/options.h"
#include "sim_disk.h"
#include "sim_partition.h"

void sim_partition_lose_power(struct sim *sim, struct sim_partition *partition)
{
    uint64_t durable = sim_disk_durable_seq(partition->dir);
    if (sim->plan.sync_interval_ms != SYNC_ALWAYS && durable < partition->answered_count)
        partition->answered_count = (size_t)durable;
}

/* --- reading --- */

struct found {
    struct model_record *records;
    size_t count, room;
    uint64_t first_seq; /* of the segments; earlier records are in snapshots only */
};

static void add_batch(struct found *found, const void *batch)
{
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, batch);
    struct journal_record record;
    while (journal_batch_reader_next(&reader, &record)) {
        if (found->count == found->room) {
            found->room = found->room ? 2 * found->room : 256;
            found->records = realloc(found->records, found->room * sizeof *found->records);
            CHECK(found->records != NULL);
        }
        found->first_seq = found->count == 0 ? record.seq : found->first_seq;
        model_record_read(&record, &found->records[found->count++]);
    }
}

static void read_journal(struct sim *sim, const struct sim_partition *partition, struct found *found)
{
    const void *batch;
    *found = (struct found){.first_seq = 1};
    struct journal_reader *reader;
    struct error error;
    enum journal_read read;
    if (journal_reader_open(partition->dir, &reader, &error) != 0) {
        sim_fail(sim, "the journal cannot be read: %s", error.text);
        return;
    }
    struct journal_batch_header header;
    while ((read = journal_reader_next(reader, &batch, &header, &error)) == JOURNAL_READ_BATCH)
        add_batch(found, batch);
    if (read != JOURNAL_READ_END)
        sim_fail(sim, "the journal cannot be read after a start: %s", error.text);
    journal_reader_close(&reader);
    if (found->count == 0) /* all records are in snapshots */
        found->first_seq = journal_written_seq(partition->journal) + 1;
}

uint64_t sim_partition_first_kept(const struct sim_partition *partition)
{
    uint64_t *segments, first = 1;
    size_t count;
    if (journal_segments_list(partition->dir, &segments, &count, NULL) == 0 && count > 0)
        first = segments[0];
    free(segments);
    return first;
}

/* --- comparing --- */

/* True when the next record of `extra` is the expected one, which is then part of the model. */
static bool match(struct sim_partition *partition, const struct model_record *expected,
                  const struct model_record *extra, size_t count, size_t *matched)
{
    if (*matched == count || !model_record_equal(&extra[*matched], expected) ||
        model_add(&partition->model, expected) != NULL)
        return false;
    ++*matched;
    return true;
}

static bool match_requests(struct sim_partition *partition, const struct model_record *extra, size_t count,
                           size_t *matched)
{
    for (size_t i = 0; i < partition->asked_count; i++) {
        struct model_answer expected;
        if (partition->asked[i].late)
            continue;
        sim_partition_expect(partition, &partition->asked[i], &expected);
        if (expected.journalled && !match(partition, &expected.record, extra, count, matched))
            return false;
    }
    return true;
}

/* Continues with the records of the recovered journal, which may or may not contain the interrupted turn. */
static void compare_with_cut_turn(struct sim *sim, struct sim_partition *partition, const struct model_record *extra,
                                  size_t count)
{
    struct model_record step[MODEL_SWEEP_RECORDS_MAX];
    size_t matched = 0, steps = 0;
    bool all = partition->cut_short && match_requests(partition, extra, count, &matched);
    if (all && partition->sweeping[0] != '\0')
        steps = model_sweep_step(&partition->model, partition->sweeping, sim->plan.sweep_records, partition->asked_us,
                                 step);
    for (size_t i = 0; i < steps && match(partition, &step[i], extra, count, &matched); i++)
        continue;
    if (matched != count)
        sim_fail(sim, "partition %u recovered %zu records that nobody requested, after record %zu", partition->index,
                 count - matched, partition->model.log_count);
}

static void note_lost(struct sim *sim, struct sim_partition *partition, size_t left)
{
    struct model *model = &partition->model;
    size_t lost = model->log_count - left;
    partition->lost = realloc(partition->lost, (partition->lost_count + lost) * sizeof *partition->lost);
    CHECK(partition->lost != NULL);
    memcpy(partition->lost + partition->lost_count, model->log + left, lost * sizeof *partition->lost);
    partition->lost_count += lost;
    sim_count(sim, SIM_LOST_UNSYNCED);
    model_truncate(model, left);
}

/* Checks that the answered records are there, unchanged. */
static void compare_answered(struct sim *sim, struct sim_partition *partition, const struct found *found)
{
    const struct model *model = &partition->model;
    for (size_t i = 0; i < found->count && found->first_seq - 1 + i < model->log_count; i++) {
        if (model_record_equal(&found->records[i], &model->log[found->first_seq - 1 + i]))
            continue;
        sim_fail(sim, "promise 3: record %" PRIu64 " of partition %u differs from the answered one",
                 found->first_seq + i, partition->index);
        return;
    }
}

void sim_partition_compare(struct sim *sim, struct sim_partition *partition)
{
    struct found found;
    read_journal(sim, partition, &found);
    size_t end = (size_t)(found.first_seq - 1) + found.count;
    sim_trace(sim, "records there", partition->index, end);
    if (!sim_failed(sim) && end != journal_written_seq(partition->journal))
        sim_fail(sim, "partition %u reports %" PRIu64 " records, its journal holds %zu", partition->index,
                 journal_written_seq(partition->journal), end);
    if (!sim_failed(sim) && end < partition->answered_count)
        sim_fail(sim, "promise 3: partition %u answered for %zu records and recovered %zu", partition->index,
                 partition->answered_count, end);
    if (!sim_failed(sim) && end < partition->model.log_count)
        note_lost(sim, partition, end);
    if (!sim_failed(sim))
        compare_answered(sim, partition, &found);
    size_t known = partition->model.log_count;
    if (!sim_failed(sim) && end > known && found.first_seq - 1 > known)
        sim_fail(sim, "partition %u removed segments with records that were never answered", partition->index);
    else if (!sim_failed(sim) && end > known)
        compare_with_cut_turn(sim, partition, found.records + (known - (found.first_seq - 1)), end - known);
    free(found.records);
    if (model_sweeps(&partition->model))
        sim_count(sim, SIM_SWEEP_INTERRUPTED);
    model_restart(&partition->model);
    partition->cut_short = false;
    partition->answered_count = partition->model.log_count;
    uint64_t durable = sim_disk_durable_seq(partition->dir);
    if (!sim_failed(sim) && durable < end)
        sim_fail(sim, "partition %u goes on with %zu records, but only %" PRIu64 " are on the disk", partition->index,
                 end, durable);
}
