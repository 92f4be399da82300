/*
 * The journal of one partition, written by its issuer: append-only, one write(2) and one checksum per batch, synced by
 * policy. It is both the write-ahead log and the queue to the persisters: journal_reader may read synced batches on
 * other threads and in other processes.
 *
 * Threads: one writer (the partition); internally one worker (prepares the next segment; syncs, unless the policy is
 * SYNC_ALWAYS) and one watch (checks that the files stay in place); journal_*_seq() on any thread. A batch is written
 * into blocks that were allocated and zeroed ahead: journal_reserve(), not a write, finds a full disk, and fdatasync
 * writes no metadata. Batches are written, not stored through a mapping: measured on ext4, fdatasync takes 110 µs after
 * a write of 1 to 14 KiB and 290 µs after storing the same bytes through a shared mapping.
 *
 * A failed write or sync ends the process at once with status 1: the state of the pages is unknown, and nothing of the
 * failed batch was answered. The same happens when the folder, lock or segment is removed or replaced while the journal
 * is open: the watch checks their names three times a second.
 */
#ifndef COUPOND_JOURNAL_H
#define COUPOND_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/config.h"
#include "shared/journal/format.h"

struct journal;

struct journal_recovery {
    uint64_t records;
    uint64_t bytes;
    bool cut;           /* a torn tail was cut */
    char cut_text[768]; /* where and why */
};

struct journal_progress {
    uint64_t bytes_done;
    uint64_t bytes_total;
};

/* Called for each batch, in order. Returns 0 to continue, -1 and `error` to stop. */
typedef int (*journal_replay_fn)(void *arg, const void *batch, const struct journal_progress *progress,
                                 struct error *error);

/* Locks the folder and reads or creates its meta. -1 and `error` when it is in use, unwritable, damaged, of another
 * version or created for another number of partitions. */
int journal_open(const struct journal_config *config, struct journal **journal, struct error *error);
/* Makes journal_replay() start after a snapshot that contains every record up to `seq`, where a batch ends, and proves
 * that the records up to `synced_seq` were synced. */
void journal_replay_after(struct journal *journal, uint64_t seq, uint64_t synced_seq);
/* Reads the whole journal, cuts a torn tail, and prepares the journal for writing. Once, before any write. -1 and
 * `error` on damage. */
int journal_replay(struct journal *journal, journal_replay_fn replay, void *arg, struct journal_recovery *recovery,
                   struct error *error);
/* Syncs, seals, unlocks and frees. Accepts NULL. */
void journal_close(struct journal **journal);
/* Unlocks and frees without touching the files, as the end of the process would. Accepts NULL. */
void journal_abandon(struct journal **journal);

/* With `worker_by_hand`: does the worker's duties now: syncs when due, prepares the next segment when there is none. */
void journal_work(struct journal *journal);

const struct journal_meta *journal_meta(const struct journal *journal);
/* The partition's folder. */
const char *journal_folder(const struct journal *journal);

/* Writer: reserves `bytes` (at most JOURNAL_BATCH_BYTES_MAX) for one batch and switches to the next segment if needed.
 * False while the disk is full; a later call tries again. */
bool journal_reserve(struct journal *journal, size_t bytes);
/*
 * Writer: begins a batch at `time_us`, 0 to ISSUER_TIME_US_MAX, which may be earlier than that of the previous batch.
 */
void journal_begin(struct journal *journal, int64_t time_us);
/* Writer: appends a record to the batch and returns its journal sequence. */
uint64_t journal_append_issue(struct journal *journal, const char *coupon_id, size_t coupon_id_length,
                              const char *user_id, size_t user_id_length, uint32_t sequence, uint16_t nth);
/* The same with its own time: the times of a coupon's issues never decrease, whatever the batch's time is. */
uint64_t journal_append_stamped_issue(struct journal *journal, const struct journal_record *record, int64_t stamp_us);
/* `origin` may be NULL. */
uint64_t journal_append_coupon(struct journal *journal, const struct coupon *coupon,
                               const struct journal_origin *origin);
uint64_t journal_append_change(struct journal *journal, const struct journal_record *record);
uint64_t journal_append_erasure(struct journal *journal, const struct journal_record *record);
uint64_t journal_append_sweep(struct journal *journal, const struct journal_record *record);
uint64_t journal_append_term(struct journal *journal, uint64_t epoch, const char *owner, size_t owner_length);
/*
 * Writer, instead of all the above: takes over a whole batch of another journal of the same identity, which follows the
 * last record of this one; its records, numbers and times stay the same. journal_commit() writes it. `batch` is aligned
 * to 8 and may be any bytes. -1 and `error` when it is damaged, of another journal, or does not follow. *full is true
 * when the disk has no room for it.
 */
int journal_copy_batch(struct journal *journal, const void *batch, size_t available, bool *full, struct error *error);
/*
 * Writer: writes the batch, and with SYNC_ALWAYS syncs it. Does nothing for an empty batch. Returns the bytes written.
 */
size_t journal_commit(struct journal *journal);
/* The same in two steps: with SYNC_ALWAYS, journal_settle() syncs all batches that were written before. */
size_t journal_write(struct journal *journal);
void journal_settle(struct journal *journal);
/* Writer: the bytes of the batch written last, aligned to 8; until the next one begins. */
const void *journal_written_batch(const struct journal *journal, size_t *size);

/* The maximum size in bytes of a batch with so many records; for journal_reserve(). */
size_t journal_bytes_max(size_t issues, size_t changes, size_t coupons);

/* Writer: bytes of the batches written since the journal was opened; the time of the last batch begun or replayed. */
uint64_t journal_bytes(const struct journal *journal);
int64_t journal_last_time_us(const struct journal *journal);

/* Any thread: last record written, last record synced. */
uint64_t journal_written_seq(const struct journal *journal);
uint64_t journal_synced_seq(const struct journal *journal);
/* Any thread: the store has every record up to this one, as far as the stream has heard; it may go back when a store
 * turns out to have lost records. */
void journal_note_acked(struct journal *journal, uint64_t seq);
uint64_t journal_acked_seq(const struct journal *journal);
/* Writer: records after `seq` must not go to persisters yet, although they are synced; at first all may go. */
void journal_limit_stream(struct journal *journal, uint64_t seq);
/* Writer: whether records go to persisters at all. At first they do. */
void journal_set_streams(struct journal *journal, bool streams);
bool journal_streams(const struct journal *journal);
/* Any thread: the last record that may go to persisters. */
uint64_t journal_stream_seq(const struct journal *journal);
/* Any thread: ends the process when a name no longer leads to the journal's file, since its writes would be lost. */
void journal_check_place(struct journal *journal);
/* Any thread: true from the moment a batch does not fit because there is no next segment until there is one. Smaller
 * batches may still fit. */
bool journal_is_full(const struct journal *journal);

#endif
