#include "issuer/feed_reader.h"

#include <stdlib.h>

#include "shared/disk.h"
#include "shared/log.h"

int feed_reader_open(struct feed_reader *reader, struct journal *journal, const char *dir, struct error *error)
{
    *reader = (struct feed_reader){.journal = journal};
    return journal_reader_open(&reader->reader, dir, error);
}

void feed_reader_close(struct feed_reader *reader)
{
    journal_reader_close(&reader->reader);
}

_Noreturn void feed_reader_give_up(const struct feed_reader *reader, const char *reason)
{
    log_error("issuer", "the journal cannot be read back, stopping: %s partition=%u", reason,
              journal_meta(reader->journal)->partition);
    disk->stop(1);
    abort();
}

/* What is acknowledged is synced, and all is after a replay. */
int feed_reader_stand_behind(struct feed_reader *reader, uint64_t seq, struct error *error)
{
    reader->held = NULL;
    reader->taken_seq = seq;
    enum journal_read found = journal_reader_seek(reader->reader, seq + 1, error);
    if (found == JOURNAL_READ_BATCH)
        found = journal_reader_next(reader->reader, &reader->held, &reader->held_header, error);
    if (found == JOURNAL_READ_BATCH)
        reader->taken_seq = reader->held_header.first_seq - 1;
    return found == JOURNAL_READ_BATCH || found == JOURNAL_READ_END ? 0 : -1;
}

/* The journal is ours and sound: it was replayed. */
const struct journal_batch_header *feed_reader_look(struct feed_reader *reader)
{
    struct error error;
    if (reader->held != NULL)
        return &reader->held_header;
    if (journal_written_seq(reader->journal) <= reader->taken_seq)
        return NULL;
    enum journal_read read = journal_reader_next(reader->reader, &reader->held, &reader->held_header, &error);
    if (read != JOURNAL_READ_BATCH)
        feed_reader_give_up(reader, read == JOURNAL_READ_END ? "it ends too early" : error.text);
    return &reader->held_header;
}

const struct journal_batch_header *feed_reader_look_synced(struct feed_reader *reader)
{
    return feed_reader_unread(reader) > 0 ? feed_reader_look(reader) : NULL;
}

void feed_reader_take(struct feed_reader *reader)
{
    CHECK(reader->held != NULL);
    reader->taken_seq = reader->held_header.first_seq + reader->held_header.count - 1;
    reader->held = NULL;
}

uint64_t feed_reader_unread(const struct feed_reader *reader)
{
    uint64_t synced = journal_synced_seq(reader->journal);
    return synced > reader->taken_seq ? synced - reader->taken_seq : 0;
}
