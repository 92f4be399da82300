#include "sim_divided.h"

#include <inttypes.h>
#include <stdlib.h>

#include "issuer/snapshot/load.h"
#include "shared/journal/reader.h"
#include "sim_disk.h"

/* The newest snapshot: recovery has removed any damaged one. 0: there is none. */
static uint64_t load_snapshot(struct sim *sim, const char *dir, struct journal *journal, struct ledger *ledger)
{
    uint64_t *from_seqs, from_seq = 0;
    size_t count;
    struct snapshot_header header;
    struct error error;
    if (snapshot_list(dir, &from_seqs, &count, &error) == 0) {
        from_seq = count > 0 ? from_seqs[count - 1] : 0;
        free(from_seqs);
    }
    if (from_seq > 0 && snapshot_load(dir, from_seq, journal_meta(journal), ledger, &header, NULL, NULL, &error) != 0)
        sim_fail(sim, "a snapshot that was loaded before cannot be loaded: %s", error.text);
    return from_seq;
}

static void replay_batch(struct sim *sim, struct ledger *const parts[], unsigned bits, const void *batch)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (!sim_failed(sim) && journal_batch_reader_next(&reader, &record)) {
        for (unsigned part = 0; part < 1u << bits; part++) {
            const char *wrong = ledger_replay(parts[part], &record);
            if (wrong != NULL)
                sim_fail(sim, "part %u of %u refuses record %" PRIu64 ", which was recovered: %s", part, 1u << bits,
                         record.seq, wrong);
        }
    }
}

/* Everything after the snapshot. The parts begin somewhere in it, as they do when a journal turns out to be long. */
static void replay(struct sim *sim, const char *dir, struct ledger *ledger, uint64_t from_seq)
{
    struct ledger *parts[LEDGER_PARTS_MAX] = {ledger};
    unsigned bits = 0, later = 1 + sim_random_below(&sim->random, 3), alone = sim_random_below(&sim->random, 8);
    struct journal_reader *reader;
    struct journal_batch_header header;
    const void *batch;
    struct error error;
    if (journal_reader_open(dir, &reader, &error) != 0)
        return;
    enum journal_read read = journal_reader_seek(reader, from_seq + 1, &error);
    for (unsigned i = 0; read == JOURNAL_READ_BATCH && !sim_failed(sim); i++) {
        if (i == alone)
            ledger_divide(ledger, bits = later, parts);
        read = journal_reader_next(reader, &batch, &header, &error);
        if (read == JOURNAL_READ_BATCH)
            replay_batch(sim, parts, bits, batch);
    }
    journal_reader_close(&reader);
    ledger_unite(bits, parts);
}

struct ledger *sim_divided_recover(struct sim *sim, const char *dir, struct journal *journal)
{
    struct ledger *ledger = ledger_create(journal_meta(journal)->fingerprint_key);
    uint64_t from_seq = load_snapshot(sim, dir, journal, ledger);
    if (!sim_failed(sim))
        replay(sim, dir, ledger, from_seq);
    const char *wrong = ledger_check(ledger);
    if (wrong != NULL && !sim_failed(sim))
        sim_fail(sim, "a ledger that was recovered in parts contradicts itself: %s", wrong);
    sim_count(sim, SIM_DIVIDED);
    return ledger;
}
