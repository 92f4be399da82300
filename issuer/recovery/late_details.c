#include "issuer/recovery/late_details.h"

#include "shared/journal/reader.h"

static void add_batch(const void *batch, uint64_t first_seq, uint64_t until_seq, struct details *details)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        if (record.type == JOURNAL_CHANGE && record.seq >= first_seq && record.seq <= until_seq)
            details_add(details, &record);
    }
}

/* At the record, or at the first one that is left if the journal does not reach back that far. */
static int open_at(const char *dir, uint64_t seq, struct journal_reader **reader, struct error *error)
{
    if (journal_reader_open(dir, reader, error) != 0)
        return -1;
    if (journal_reader_seek(*reader, seq, error) == JOURNAL_READ_BATCH)
        return 0;
    journal_reader_close(reader);
    return journal_reader_open(dir, reader, error);
}

static uint64_t first_of(const struct late_details *wanted)
{
    uint64_t missing = wanted->until_seq - wanted->acked_seq;
    return wanted->until_seq - (missing < wanted->records_max ? missing : wanted->records_max) + 1;
}

int late_details_read(const char *dir, const struct late_details *wanted, struct details *details, struct error *error)
{
    struct journal_reader *reader;
    if (wanted->acked_seq >= wanted->until_seq)
        return 0;
    uint64_t first = first_of(wanted);
    if (open_at(dir, first, &reader, error) != 0)
        return -1;
    enum journal_read read = JOURNAL_READ_BATCH;
    struct journal_batch_header header = {.first_seq = 0};
    const void *batch;
    while (header.first_seq + header.count <= wanted->until_seq &&
           (read = journal_reader_next(reader, &batch, &header, error)) == JOURNAL_READ_BATCH)
        add_batch(batch, first, wanted->until_seq, details);
    journal_reader_close(&reader);
    return read == JOURNAL_READ_BATCH || read == JOURNAL_READ_END ? 0 : -1;
}
