/*
 * A partition's ledger, journal and snapshots, stepped by hand, in their own folder.
 */
#ifndef COUPOND_SNAPSHOT_FIXTURE_H
#define COUPOND_SNAPSHOT_FIXTURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "issuer/ledger/ledger.h"
#include "issuer/recovery/recovery.h"
#include "issuer/snapshot/snapshot.h"
#include "tests/unit/shared/journal/journal_fixture.h"

struct snapshot_fixture {
    struct journal *journal;
    struct ledger *ledger;
    struct snapshot *snapshot;
    struct recovery_result recovered;
    int64_t now_us;  /* the wall clock; a microsecond passes with every batch */
    int64_t mono_us; /* advanced by tests */
    size_t step_bytes;
};

extern struct snapshot_fixture fixture;

/* cmocka's setup and teardown: an empty journal, open and recovered. */
int snapshot_fixture_setup(void **state);
int snapshot_fixture_teardown(void **state);

/* Installs the fixture's clocks, as setup does. */
void snapshot_fixture_clock(void);

/* Recovers the content of the folder. */
void snapshot_fixture_assert_starts(void);
void snapshot_fixture_assert_refused(const char *reason);
/* Ends like kill -9. */
void snapshot_fixture_stop(void);
/* Stops and starts; checks that the ledger is unchanged for users 0 to `users` - 1. */
void snapshot_fixture_assert_recovers(unsigned users);
void snapshot_fixture_assert_same(const struct ledger *one, const struct ledger *other, unsigned users);

/* Decides, journals and applies, like a turn. A policy is created, or its quantity changed. */
void snapshot_fixture_begin(void);
void snapshot_fixture_put_policy(const char *id, uint32_t quantity, uint32_t limit);
struct ledger_decision snapshot_fixture_ask(const struct ledger *of, const char *coupon, unsigned number,
                                            enum issue_op op);
/* One issue each to users from `first` on. */
void snapshot_fixture_issue(const char *coupon, unsigned first, unsigned count);

/* Steps a snapshot from beginning to end. */
void snapshot_fixture_take_snapshot(void);
/* The store has everything up to `seq`. */
void snapshot_fixture_acknowledge(uint64_t seq);

size_t snapshot_fixture_count_files(const char *suffix);
void snapshot_fixture_flip(const char *path, off_t offset);
void snapshot_fixture_damage_newest(void);

#endif
