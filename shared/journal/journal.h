/*
 * The journal of one partition, as its issuer writes it: append-only, one write(2) and one checksum a batch, synced by
 * policy. At once write-ahead log and queue to the persisters: what is synced may be read by journal_reader on other
 * threads and in other processes.
 *
 * Threads: one writer (the partition); inside one worker (prepares the next segment; syncs, unless the policy is
 * SYNC_ALWAYS) and one watch (whether the files stay in their places); journal_*_seq() on any thread. A batch is
 * written into blocks that were allocated and zeroed ahead, so a full disk is found by journal_reserve(), never by a
 * write, and fdatasync has no metadata to carry. Batches are written, not stored through a mapping: measured on ext4,
 * fdatasync takes 110 µs after a write of 1 to 14 KiB and 290 µs after storing the same bytes through a shared mapping.
 *
 * A write or a sync that fails ends the process at once with status 1: afterwards nothing is known about the pages, and
 * nothing of the failed batch was answered. So does a folder, lock or segment that is removed or replaced while the
 * journal is open: the watch looks at their names three times a second.
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
    bool cut;           /* a torn tail was found and cut */
    char cut_text[768]; /* where and why */
};

struct journal_progress {
    uint64_t bytes_done;
    uint64_t bytes_total;
};

/* Called for each batch, in order. Returns 0 to go on, -1 and `error` to stop. */
typedef int (*journal_replay_fn)(void *arg, const void *batch, const struct journal_progress *progress,
                                 struct error *error);

/* Locks the folder and reads or creates its meta. -1 and `error` when it is in use, unwritable, damaged, of another
 * version or made for other partitions. */
int journal_open(struct journal **journal, const struct journal_config *config, struct error *error);
/* A snapshot holds every record up to `seq`, where a batch ends, and proves that those up to `synced_seq` were synced:
 * journal_replay() begins behind it. */
void journal_replay_after(struct journal *journal, uint64_t seq, uint64_t synced_seq);
/* Reads all of it, cuts a torn tail, and makes the journal ready to be written. Once, before any write. -1 and `error`
 * on damage. */
int journal_replay(struct journal *journal, journal_replay_fn replay, void *arg, struct journal_recovery *recovery,
                   struct error *error);
/* Syncs, seals and unlocks. NULL is welcome. */
void journal_close(struct journal **journal);
/* Unlocks and frees, with the files left as they are: what the end of the process would do. NULL is welcome. */
void journal_abandon(struct journal **journal);

/* Under `worker_by_hand`: what the worker would do now; syncs when that is due, prepares the next segment when there is
 * none. */
void journal_work(struct journal *journal);

const struct journal_meta *journal_meta(const struct journal *journal);
/* The partition's folder. */
const char *journal_folder(const struct journal *journal);

/*
 * Writer: makes sure of `bytes` (at most JOURNAL_BATCH_BYTES_MAX) for one batch, going to the next segment where
 * needed. False while the disk is full; a later call tries again.
 */
bool journal_reserve(struct journal *journal, size_t bytes);
/* Writer: begins a batch at `time_us`, 0 to ISSUER_TIME_US_MAX; it may be earlier than that of the batch before. */
void journal_begin(struct journal *journal, int64_t time_us);
/* Writer: appends a record to the batch; returns its journal sequence. */
uint64_t journal_append_issue(struct journal *journal, const char *coupon_id, size_t coupon_id_length,
                              const char *user_id, size_t user_id_length, uint32_t sequence, uint16_t nth);
/* The same at a time of its own: a coupon's issues never go back in time, whatever the batch's time is. */
uint64_t journal_append_stamped_issue(struct journal *journal, const struct journal_record *record, int64_t stamp_us);
uint64_t journal_append_coupon(struct journal *journal, const struct coupon *coupon);
/* Writer: writes the batch, and under SYNC_ALWAYS syncs it. An empty batch is nothing. Returns the bytes written. */
size_t journal_commit(struct journal *journal);

/* The most bytes that a batch of so many records takes; for journal_reserve(). */
size_t journal_bytes_max(size_t issues, size_t coupons);

/* Writer: bytes of the batches written since the journal was opened; the time of the last batch that was begun or
 * replayed. */
uint64_t journal_bytes(const struct journal *journal);
int64_t journal_last_time_us(const struct journal *journal);

/* Any thread: last record written, last record synced. */
uint64_t journal_written_seq(const struct journal *journal);
uint64_t journal_synced_seq(const struct journal *journal);
/* Any thread: ends the process when the journal's files are no longer those that their names lead to: what is written
 * to them would be lost. */
void journal_check_place(struct journal *journal);
/* Any thread: true from when a batch did not fit for want of a next segment until there is one. Smaller batches may fit
 * meanwhile. */
bool journal_is_full(const struct journal *journal);

#endif
