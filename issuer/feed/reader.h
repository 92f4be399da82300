/*
 * Reads behind the journal of one partition, for the feed: the next batch is looked at as soon as it is written, and
 * taken once it is synced. Owned by the stream's thread.
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
    uint64_t taken_seq; /* the last record that was taken */
    const void *held;   /* the batch behind it, once somebody has looked; NULL: nobody has */
    struct journal_batch_header held_header;
    bool starved;  /* descriptors or memory were short at the last look: another one tries again */
    bool unplaced; /* starved, and behind taken_seq only by intention */
};

/* The journal is replayed. 0, or -1 and `error`. */
int feed_reader_open(struct feed_reader *reader, struct journal *journal, const char *dir, struct error *error);
void feed_reader_close(struct feed_reader *reader);

/* Goes on behind record `seq`, which is synced, or behind the batch before when that is in the middle of one; taken_seq
 * says where, once the reader is not starved. 0, or -1 and `error` when no file has it. */
int feed_reader_stand_behind(struct feed_reader *reader, uint64_t seq, struct error *error);

/* The next batch, if it is written: its header, and held; NULL when there is none, or the reader is starved. Stops the
 * process when the journal cannot be read back. */
const struct journal_batch_header *feed_reader_look(struct feed_reader *reader);
/* The same, if it is synced, too. */
const struct journal_batch_header *feed_reader_look_synced(struct feed_reader *reader);
/* The held batch is done with. */
void feed_reader_take(struct feed_reader *reader);

/* Records that are synced and not taken. */
uint64_t feed_reader_unread(const struct feed_reader *reader);

/* The journal cannot be read back: stops the process. */
_Noreturn void feed_reader_give_up(const struct feed_reader *reader, const char *reason);

#endif
