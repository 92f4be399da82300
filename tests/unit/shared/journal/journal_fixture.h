/*
 * A journal in its own folder, and the steps that tests make with it.
 */
#ifndef COUPOND_JOURNAL_FIXTURE_H
#define COUPOND_JOURNAL_FIXTURE_H

#include <stdint.h>
#include <sys/types.h>

#include "shared/journal/journal.h"

extern char journal_fixture_dir[64];

/* cmocka's setup and teardown: creates and removes the folder. */
int journal_fixture_setup(void **state);
int journal_fixture_teardown(void **state);

/* A journal_replay_fn: counts into the uint64_t at `arg` and checks that the records are in sequence. */
int journal_fixture_count(void *arg, const void *batch, const struct journal_progress *progress, struct error *error);

/* Opens and replays with segments of 2 MiB; `records` receives the number of replayed records. */
int journal_fixture_try_open(int64_t sync, uint64_t *records, struct journal_recovery *recovery,
                             struct journal **journal, struct error *error);
/* The same with SYNC_ALWAYS, expecting this number of records. */
struct journal *journal_fixture_open(uint64_t expected_records);
/* An empty journal without worker threads: journal_work() syncs it, at once the first time and then every `sync_ms`. */
struct journal *journal_fixture_open_by_hand(int64_t sync_ms);
/* Writes a batch of `count` issues. */
void journal_fixture_append(struct journal *journal, unsigned count);
void journal_fixture_append_at(struct journal *journal, unsigned count, int64_t time_us);
/* Ends like kill -9: without a seal. */
void journal_fixture_crash(struct journal *journal);

/* Flips bits of one byte of a segment. */
void journal_fixture_flip(uint64_t segment, off_t offset, unsigned char bits);
/* The offset in its segment at which the next batch would be written. */
off_t journal_fixture_end(void);

void journal_fixture_assert_refused(const char *part_of_the_reason);
/* Checks that the journal starts with its tail cut, keeps this number of records, and goes on. */
void journal_fixture_assert_cut(uint64_t records_left);

#endif
