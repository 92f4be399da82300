/*
 * Reads a journal batch by batch through a read-only mapping, while its issuer writes it or afterwards. The issuer's
 * recovery and stream, `journal dump|check` and `verify` all use it. One thread owns a reader.
 */
#ifndef COUPOND_JOURNAL_READER_H
#define COUPOND_JOURNAL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/format.h"

struct journal_reader;

/* The position of a reader: just after the last batch that it returned. */
struct journal_position {
    const char *path;    /* of the segment; "" before the first */
    size_t offset;       /* in the segment */
    uint64_t next_seq;   /* of the next record */
    uint64_t bytes_read; /* of all segments so far */
};

enum journal_read {
    JOURNAL_READ_BATCH,   /* `batch` is the next one; borrowed until the next call */
    JOURNAL_READ_END,     /* nothing more at present; a live journal may grow */
    JOURNAL_READ_TORN,    /* an unfinished write at the very end, none of it acknowledged; `error` says where */
    JOURNAL_READ_DAMAGED, /* bytes changed after they were synced; `error` says where */
    JOURNAL_READ_FAILED,  /* a system call failed (open, mmap); `error` says where */
};

/* Opens the journal in the partition's folder `dir` at the first segment that still exists. -1 and `error` when there
 * is none or its meta is invalid. */
int journal_reader_open(const char *dir, struct journal_reader **reader, struct error *error);
void journal_reader_close(struct journal_reader **reader);

/* The caller holds the writer's lock, so an unfinished batch is torn, not being written. Every record up to
 * `proven_seq` was synced (0: unknown). */
void journal_reader_own(struct journal_reader *reader, uint64_t proven_seq);

/* After JOURNAL_READ_FAILED: true when descriptors or memory were short. The reader keeps its position; after a failed
 * seek, seek again. */
bool journal_reader_is_short(const struct journal_reader *reader);

const struct journal_meta *journal_reader_meta(const struct journal_reader *reader);
void journal_reader_position(const struct journal_reader *reader, struct journal_position *position);

/* The next batch with records; seals are skipped. The result is DAMAGED instead of TORN if a later segment exists, a
 * later batch says that this one was synced, or the store has acknowledged it. */
enum journal_read journal_reader_next(struct journal_reader *reader, const void **batch,
                                      struct journal_batch_header *header, struct error *error);

/*
 * Seeks to the batch that contains record `seq`, or to the end when `seq` is the next to be written;
 * journal_reader_next() then returns that batch. Returns JOURNAL_READ_BATCH when found, JOURNAL_READ_END at the end,
 * JOURNAL_READ_DAMAGED when no segment reaches back that far, or the fault that journal_reader_next() would return on
 * the way.
 */
enum journal_read journal_reader_seek(struct journal_reader *reader, uint64_t seq, struct error *error);

#endif
