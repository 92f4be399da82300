/*
 * Reads a journal batch by batch through a read-only mapping, live beside its issuer or at rest. The issuer's recovery
 * and stream, `journal dump|check` and `verify` all read through this. One thread owns a reader.
 */
#ifndef COUPOND_JOURNAL_READER_H
#define COUPOND_JOURNAL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/format.h"

struct journal_reader;

/* Where a reader stands: just behind the last batch that it returned. */
struct journal_position {
    const char *path;    /* of the segment; "" before the first */
    size_t offset;       /* in it */
    uint64_t next_seq;   /* of the record that comes next */
    uint64_t bytes_read; /* of all segments so far */
};

enum journal_read {
    JOURNAL_READ_BATCH, /* `batch` is the next one; borrowed until the next call */
    JOURNAL_READ_END,   /* nothing more now; a live journal may have more later */
    JOURNAL_READ_TORN,  /* an unfinished write at the very end, of which nothing was acknowledged; `error` says where */
    JOURNAL_READ_DAMAGED, /* bytes that were once synced are no longer what they were; `error` says where */
    JOURNAL_READ_FAILED,  /* the system failed us (open, mmap); `error` says where */
};

/* Opens the journal in the partition's folder `dir` at its first segment; that of the records that are still there. -1
 * and `error` when there is none or its meta is unsound. */
int journal_reader_open(struct journal_reader **reader, const char *dir, struct error *error);
void journal_reader_close(struct journal_reader **reader);

/* The caller itself has the writer's lock: what looks unfinished is torn, nobody is writing it. Every record up to
 * `proven_seq` was synced (0: that is not known). */
void journal_reader_own(struct journal_reader *reader, uint64_t proven_seq);

/* After JOURNAL_READ_FAILED: descriptors or memory were short. The reader stands where it stood, or, after a seek, has
 * to seek again. */
bool journal_reader_is_short(const struct journal_reader *reader);

const struct journal_meta *journal_reader_meta(const struct journal_reader *reader);
void journal_reader_position(const struct journal_reader *reader, struct journal_position *position);

/*
 * The next batch that holds records; seals are passed over. In doubt between TORN and DAMAGED these prove damage: a
 * later segment, a later batch that says it was synced, or an acknowledgement by the store.
 */
enum journal_read journal_reader_next(struct journal_reader *reader, const void **batch,
                                      struct journal_batch_header *header, struct error *error);

/*
 * Goes to the batch that holds record `seq`, or to the end when `seq` is the next to be written: journal_reader_next()
 * returns that batch. Returns what journal_reader_next() would on the way: JOURNAL_READ_BATCH when found,
 * JOURNAL_READ_END at the end, JOURNAL_READ_DAMAGED when no segment reaches back to it.
 */
enum journal_read journal_reader_seek(struct journal_reader *reader, uint64_t seq, struct error *error);

#endif
