/*
 * Reads the journal of one partition behind its writer, for the feed: peeks at the next batch as soon as it is written,
 * and takes it once it is synced. Owned by the stream's thread.
 */
#ifndef COUPOND_FEED_READER_H
#define COUPOND_FEED_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/journal/reader.h"

struct feed_reader {
    struct journal *journal; /* borrowed */
    struct journal_reader *reader;
    uint64_t taken_seq; /* the last record taken */
    const void *held;   /* the next batch, once peeked at; NULL: not yet */
    struct journal_batch_header held_header;
    bool starved;  /* the last peek lacked descriptors or memory; retry */
    bool unplaced; /* starved, and not yet positioned after taken_seq */
};

/* The journal has been replayed. 0, or -1 and `error`. */
int feed_reader_open(struct feed_reader *reader, struct journal *journal, const char *dir, struct error *error);
void feed_reader_close(struct feed_reader *reader);

/* Continues after record `seq`, which is synced, or after the previous batch when `seq` is within one; taken_seq says
 * where, once the reader is not starved. 0, or -1 and `error` when no file has it. */
int feed_reader_stand_behind(struct feed_reader *reader, uint64_t seq, struct error *error);

/* Returns the header of the next written batch and holds it; NULL when there is none or the reader is starved. Stops
 * the process when the journal cannot be read. */
const struct journal_batch_header *feed_reader_peek(struct feed_reader *reader);
/* The same, but only for a batch that may go to persisters: it is synced, and of a member's journal also confirmed. */
const struct journal_batch_header *feed_reader_peek_due(struct feed_reader *reader);
/* Marks the held batch as taken. */
void feed_reader_take(struct feed_reader *reader);

/* The number of records that may go to persisters but are not taken. */
uint64_t feed_reader_unread(const struct feed_reader *reader);

/* Stops the process because the journal cannot be read. */
_Noreturn void feed_reader_give_up(const struct feed_reader *reader, const char *reason);

#endif
