/* A journal in a folder of its own, and what tests do to it. */
#ifndef COUPOND_JOURNAL_FIXTURE_H
#define COUPOND_JOURNAL_FIXTURE_H

#include <stdint.h>
#include <sys/types.h>

#include "shared/journal/journal.h"

extern char journal_fixture_dir[64];

/* cmocka's setup and teardown: makes and removes the folder. */
int journal_fixture_setup(void **state);
int journal_fixture_teardown(void **state);

/* A journal_replay_fn: counts into the uint64_t at `arg` and checks that the records come in sequence. */
int journal_fixture_count(void *arg, const void *batch, const struct journal_progress *progress, struct error *error);

/* Opens and replays with segments of 2 MiB; `records` counts what was replayed. */
int journal_fixture_try_open(struct journal **journal, int64_t sync, uint64_t *records,
                             struct journal_recovery *recovery, struct error *error);
/* The same under SYNC_ALWAYS, with so many records expected. */
struct journal *journal_fixture_open(uint64_t expected_records);
/* An empty one without a thread: journal_work() syncs it, at once the first time and then every `sync_ms`. */
struct journal *journal_fixture_open_by_hand(int64_t sync_ms);
/* Writes a batch of `count` issues. */
void journal_fixture_append(struct journal *journal, unsigned count);
void journal_fixture_append_at(struct journal *journal, unsigned count, int64_t time_us);
/* Ends as kill -9 does: nothing is sealed. */
void journal_fixture_crash(struct journal *journal);

/* Flips bits of one byte of a segment. */
void journal_fixture_flip(uint64_t segment, off_t offset, unsigned char bits);
/* The offset in its segment at which the next batch would be written. */
off_t journal_fixture_end(void);

void journal_fixture_assert_refused(const char *part_of_the_reason);
/* The journal starts with its tail cut, so many records left, and goes on. */
void journal_fixture_assert_cut(uint64_t records_left);

#endif
