#include "issuer/feed/reader.h"

#include <stdlib.h>

#include "shared/disk.h"
#include "shared/telemetry/log.h"

int feed_reader_open(struct feed_reader *reader, struct journal *journal, const char *dir, struct error *error)
{
    *reader = (struct feed_reader){.journal = journal};
    return journal_reader_open(dir, &reader->reader, error);
}

void feed_reader_close(struct feed_reader *reader)
{
    journal_reader_close(&reader->reader);
}

_Noreturn void feed_reader_give_up(const struct feed_reader *reader, const char *reason)
{
    journal_check_place(reader->journal); /* may name the cause and end the process */
    log_error("issuer", "cannot read the journal back, stopping: %s partition=%u", reason,
              journal_meta(reader->journal)->partition);
    disk->stop(1);
    abort();
}

/* True when a read failed for a temporary reason. */
static bool starve(struct feed_reader *reader, enum journal_read read, const char *reason)
{
    bool starved = read == JOURNAL_READ_FAILED && journal_reader_is_short(reader->reader);
    if (starved && !reader->starved)
        log_warn("issuer", "cannot read the journal; records for the store are delayed: %s partition=%u", reason,
                 journal_meta(reader->journal)->partition);
    if (!starved && reader->starved)
        log_info("issuer", "the journal can be read again partition=%u", journal_meta(reader->journal)->partition);
    reader->starved = starved;
    return starved;
}

static int place(struct feed_reader *reader, struct error *error)
{
    struct error reason = {{0}};
    enum journal_read found = journal_reader_seek(reader->reader, reader->taken_seq + 1, &reason);
    if (found == JOURNAL_READ_BATCH)
        found = journal_reader_next(reader->reader, &reader->held, &reader->held_header, &reason);
    reader->unplaced = starve(reader, found, reason.text);
    if (reader->unplaced)
        return 0;
    if (found == JOURNAL_READ_BATCH)
        reader->taken_seq = reader->held_header.first_seq - 1;
    bool placed = found == JOURNAL_READ_BATCH || found == JOURNAL_READ_END;
    return placed ? 0 : error_set(error, "%s", reason.text);
}

/* Acknowledged records are synced, and after a replay all records are. */
int feed_reader_stand_behind(struct feed_reader *reader, uint64_t seq, struct error *error)
{
    reader->held = NULL;
    reader->taken_seq = seq;
    return place(reader, error);
}

static void read_on(struct feed_reader *reader)
{
    struct error error = {{0}};
    enum journal_read read = journal_reader_next(reader->reader, &reader->held, &reader->held_header, &error);
    if (!starve(reader, read, error.text) && read != JOURNAL_READ_BATCH)
        feed_reader_give_up(reader, read == JOURNAL_READ_END ? "it ends too early" : error.text);
}

/* After a replay the journal is known to be valid, so any fault here is fatal. */
const struct journal_batch_header *feed_reader_peek(struct feed_reader *reader)
{
    struct error error = {{0}};
    if (reader->unplaced && place(reader, &error) != 0)
        feed_reader_give_up(reader, error.text);
    if (reader->held == NULL && !reader->unplaced && journal_written_seq(reader->journal) > reader->taken_seq)
        read_on(reader);
    return reader->held != NULL ? &reader->held_header : NULL;
}

const struct journal_batch_header *feed_reader_peek_due(struct feed_reader *reader)
{
    return feed_reader_unread(reader) > 0 ? feed_reader_peek(reader) : NULL;
}

void feed_reader_take(struct feed_reader *reader)
{
    CHECK(reader->held != NULL);
    reader->taken_seq = reader->held_header.first_seq + reader->held_header.count - 1;
    reader->held = NULL;
}

uint64_t feed_reader_unread(const struct feed_reader *reader)
{
    uint64_t until = journal_stream_seq(reader->journal);
    return until > reader->taken_seq ? until - reader->taken_seq : 0;
}
