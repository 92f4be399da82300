#include "issuer/recovery/late_details.h"

#include "shared/journal/reader.h"

static void add_batch(const void *batch, uint64_t acked_seq, uint64_t until_seq, struct details *details)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    journal_batch_reader_init(&reader, batch);
    while (journal_batch_reader_next(&reader, &record)) {
        if (record.type == JOURNAL_CHANGE && record.seq > acked_seq && record.seq <= until_seq)
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

int late_details_read(const char *dir, uint64_t acked_seq, uint64_t until_seq, struct details *details,
                      struct error *error)
{
    struct journal_reader *reader;
    if (acked_seq >= until_seq)
        return 0;
    if (open_at(dir, acked_seq + 1, &reader, error) != 0)
        return -1;
    enum journal_read read = JOURNAL_READ_BATCH;
    struct journal_batch_header header = {.first_seq = 0};
    const void *batch;
    while (header.first_seq + header.count <= until_seq &&
           (read = journal_reader_next(reader, &batch, &header, error)) == JOURNAL_READ_BATCH)
        add_batch(batch, acked_seq, until_seq, details);
    journal_reader_close(&reader);
    return read == JOURNAL_READ_BATCH || read == JOURNAL_READ_END ? 0 : -1;
}
