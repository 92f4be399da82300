/*
 * A ledger that is asked and changed by hand, and the journal of what it decided.
 */
#ifndef COUPOND_LEDGER_FIXTURE_H
#define COUPOND_LEDGER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/change.h"
#include "issuer/ledger/ledger.h"

#define START_US INT64_C(1700000000000000)
#define SECOND   INT64_C(1000000)

extern struct ledger *ledger;
extern int64_t now_us;                            /* of the decisions; starts at START_US */
extern uint32_t segments_checked;                 /* with which issues are asked for; starts as unchecked */
extern const struct ledger_owner *owner_required; /* by changes; starts as NULL */

/* cmocka's setup and teardown: an empty ledger, an empty journal. */
int ledger_setup(void **state);
int ledger_teardown(void **state);
/* A ledger with the same key. The caller destroys it. */
struct ledger *another_ledger(void);

/* --- deciding, journalling, applying --- */

struct coupon coupon_of(const char *id, uint32_t quantity, uint32_t limit);
void add(const struct coupon *wanted);
void add_simple(const char *id, uint32_t quantity, uint32_t limit);
enum verdict change_policy(const struct coupon *wanted, unsigned fields);

struct ledger_decision ask(enum issue_op op, const char *coupon, const char *user, uint16_t nth, uint64_t request_key);
struct ledger_decision post(const char *coupon, const char *user);
struct ledger_decision put(const char *coupon, const char *user, uint16_t nth);
struct ledger_decision get(const char *coupon, const char *user);

enum { RESTOCK = 1 << 0, AGAIN = 1 << 1 };
struct ledger_change_decision redeem(const char *coupon, const char *user, const char *reference, uint32_t sequence);
struct ledger_change_decision undo(const char *coupon, const char *user, const char *reference, uint32_t sequence);
struct ledger_change_decision revoke(const char *coupon, const char *user, uint32_t sequence, unsigned flags);

/* Begins the revocation of all issues that the coupon has. */
void sweep(const char *coupon, unsigned flags);
/* One step of the oldest sweep: looks at so many issues. False when there is none. */
bool sweep_step(uint32_t examine);

/* The coupon as the ledger has it. */
struct coupon coupon_now(const char *id);

/* --- the journal --- */

/* Records so far. */
size_t journalled(void);
/* Fills the record of this number, counted from 0. */
void journal_record_at(size_t number, struct journal_record *record);
/* Replays the records from `first` on. NULL, or the reason why one was refused. */
const char *replay_from(struct ledger *into, size_t first);

/* Checks that coupons, counts, states, idempotency keys and every user's issues are equal. */
void assert_same(struct ledger *one, struct ledger *other, const char *const *users, size_t users_count);

#endif
