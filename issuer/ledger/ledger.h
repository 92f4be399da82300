/*
 * The ledger of one partition: its coupons, their holders, and the decision. Pure: no clock, no I/O, no thread;
 * commands and time come in, verdicts come out. decide never changes anything; apply does, live and in recovery alike.
 * Owned by the partition's thread.
 *
 *   ledger_decide_…(ledger, command, now) → verdict
 *   then, once it is journalled: ledger_apply_…(ledger, event)
 */
#ifndef COUPOND_LEDGER_H
#define COUPOND_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/coupon_order.h"
#include "issuer/ledger/term_list.h"
#include "issuer/ledger/user_set.h"
#include "shared/coupon.h"
#include "shared/journal/format.h"
#include "shared/wire/frame.h"

struct ledger;

/* `key` is the journal's fingerprint key. */
struct ledger *ledger_create(const uint8_t key[16]);
void ledger_destroy(struct ledger **ledger);

/* One issue request. The ids are borrowed; the last two members are internal to the ledger. */
struct ledger_command {
    enum issue_op op;
    uint16_t nth;         /* ISSUE_ENSURE: the issue that must exist; 0: any */
    uint64_t request_key; /* ISSUE_POST: of the idempotency key; 0: none */
    uint32_t segments;    /* those of which the user is in one: their hash, SEGMENTS_UNCHECKED or SEGMENTS_EXEMPT */
    const char *coupon_id;
    size_t coupon_id_length;
    const char *user_id;
    size_t user_id_length;
    struct ledger_coupon *coupon;
    struct fingerprint user;
};

struct ledger_decision {
    enum verdict verdict;
    struct user_issue issue; /* of all verdicts that tell one; NOT_STARTED: issued_at_us is the start */
    uint64_t value;          /* of the issue's state (ledger/issue_list.h) */
};

/* Looks up the coupons, hashes the users and prefetches the memory of the whole batch before its first decision. */
void ledger_prepare(const struct ledger *ledger, struct ledger_command *commands, size_t count);

/*
 * Decides a prepared command at `now_us`. An issue gets that time, or the time of the coupon's previous issue if that
 * is later. A holder is always told so, never sold_out, paused or ended. For others, the first of: revoked (their
 * issues, and they may have no other), ended, paused, not started, not eligible, sold out.
 *
 *   ISSUED          a new issue
 *   ALREADY_ISSUED  the user's latest issue that is not revoked; for ISSUE_ENSURE of an nth issue that exists, that one
 *   REPLAYED        the issue that was asked for with the same idempotency key, one of the user's latest eight
 *   ISSUE_REVOKED   the user's latest issue; none is left, and none is allowed
 *   NOT_ELIGIBLE    the user was not checked against the segments that the coupon has now; with the user's latest
 *                   issue that is not revoked, if there is one, which is the answer to a holder who is in none of them
 *   NOT_ISSUED      for ISSUE_ENSURE of an nth issue: the one before it does not exist
 *   FOUND           for ISSUE_LOOKUP: the user's latest issue, even if it is revoked
 *   OVERLOADED      the answer depends on issues of the user that are not known (ledger/earlier.h)
 */
void ledger_decide_issue(const struct ledger *ledger, struct ledger_command *command, int64_t now_us,
                         struct ledger_decision *decision);
/* Applies the ISSUED decision of `command`. */
void ledger_apply_issue(const struct ledger_command *command, const struct ledger_decision *decision);

/* Who must own a coupon. */
struct ledger_owner {
    const char *id;
    size_t length;
};

/* COUPON_CREATED with the future coupon in `result`, or COUPON_EXISTS. */
enum verdict ledger_decide_create(const struct ledger *ledger, const struct coupon *wanted, int64_t now_us,
                                  struct coupon *result);
/* COUPON_CHANGED with the future coupon in `result`, COUPON_NOT_FOUND, QUANTITY_BELOW_ISSUED, WINDOW_INVALID,
 * LIMIT_LOWERED or REDEMPTION_INVALID.
 * `fields` are enum coupon_field bits. FORBIDDEN without a result, if `owner` is not NULL and does not own it. */
enum verdict ledger_decide_change(const struct ledger *ledger, const struct coupon *wanted, unsigned fields,
                                  const struct ledger_owner *owner, int64_t now_us, struct coupon *result);
/* True when the coupon has this owner. */
bool ledger_is_owned_by(const struct ledger_coupon *coupon, const struct ledger_owner *owner);
/* Applies the result of one of the two above, with its journal sequence. */
void ledger_apply_coupon(struct ledger *ledger, const struct coupon *policy);

/* --- codes --- */

/* The coupon with that number and the state of its issue; NULL when there is no such coupon or issue. */
struct ledger_coupon *ledger_find_issue(const struct ledger *ledger, uint32_t number, uint32_t sequence,
                                        uint64_t *value);
/* The next coupon that has no number because version 1 of the journal wrote it, with a number; false when there is
 * none. Its policy must be journalled and applied before the next call. */
bool ledger_next_unnumbered(const struct ledger *ledger, struct coupon *numbered);

/* --- recovery --- */

/* A journalled issue with the hash of its user. */
struct ledger_event {
    uint64_t seq;
    int64_t time_us;
    struct fingerprint user;
    uint64_t request_key;
    uint32_t sequence;
    uint16_t nth;
    uint8_t coupon_id_length;
    char coupon_id[COUPON_ID_MAX];
};

/* Any thread: reads only the ledger's key. */
void ledger_event_of(const struct ledger *ledger, const struct journal_record *record, struct ledger_event *event);

/* Applies journalled issues in order. NULL, or a description of how events[*wrong] contradicts earlier records. */
const char *ledger_replay_issues(struct ledger *ledger, const struct ledger_event *events, size_t count, size_t *wrong);
/* Applies a journalled policy, ignoring its counters. NULL, or a description of the contradiction. */
const char *ledger_replay_policy(struct ledger *ledger, const struct coupon *policy);
/* A journalled change of an issue's state. */
struct ledger_state_event {
    uint64_t seq;
    uint64_t value;  /* of the state after it */
    uint64_t undone; /* JOURNAL_UNDONE: the value before it; otherwise 0 */
    uint32_t sequence;
    uint8_t coupon_id_length;
    char coupon_id[COUPON_ID_MAX];
};
/* Any thread. */
void ledger_state_event_of(const struct ledger *ledger, const struct journal_record *record,
                           struct ledger_state_event *event);
/* NULL, or a description of how the event contradicts earlier records. */
const char *ledger_replay_state(struct ledger *ledger, const struct ledger_state_event *event);
/* Applies a JOURNAL_SWEEP record. In a divided ledger only the first part has sweeps. */
const char *ledger_replay_sweep(struct ledger *ledger, const struct journal_record *record);
/* Applies a JOURNAL_TERM record. */
const char *ledger_replay_term(struct ledger *ledger, const struct journal_record *record);
/* Applies any kind of record. */
const char *ledger_replay(struct ledger *ledger, const struct journal_record *record);

/* The terms of the journal, as far as its records were applied. */
struct term_list *ledger_terms(struct ledger *ledger);
struct term ledger_last_term(const struct ledger *ledger);

/* --- snapshots --- */

/* The position of a walk through the ledger. All zeros: the beginning. */
struct ledger_cursor {
    char after[COUPON_ID_MAX + 1];
    const struct ledger_coupon *coupon; /* its users or maps come next; NULL: a coupon comes next */
    bool users_done;
    uint64_t first; /* of the next table */
    unsigned map;   /* and number: of the next page */
    uint32_t page;
    bool sweep_done;
    struct coupon_order_place place; /* after `after`, valid while there are so many coupons */
    size_t coupons;
};

/* A page of one of a coupon's maps. */
struct ledger_page {
    enum coupon_map map;
    uint32_t number;
    uint32_t count;
    const void *entries; /* count × 8 bytes, little-endian; borrowed */
};

/* A piece of a ledger: a coupon, a table of the users of the last coupon, or a page of its maps. */
struct ledger_piece {
    const struct ledger_coupon *coupon; /* NULL: users or a page */
    struct user_block users;            /* without slots: a page or a sweep */
    struct ledger_page page;            /* without entries: a sweep */
    const struct ledger_sweep *sweep;
};

/* The next piece of a walk, between whose steps records may be applied. It visits every coupon and user that existed
 * when the walk began, in the state at the time of the visit. False at the end. Borrowed until the next apply. */
bool ledger_cursor_next(const struct ledger *ledger, struct ledger_cursor *cursor, struct ledger_piece *piece);

/*
 * Fills an empty ledger with the pieces of a walk. When the walk began, record `until_seq` or an earlier one was the
 * last one applied; it ended at `until_seq`. Up to there, replay may meet records that are already applied. NULL, or a
 * description of the fault.
 */
const char *ledger_load_coupon(struct ledger *ledger, const struct coupon *coupon);
const char *ledger_load_users(struct ledger *ledger, const struct user_block *users);
const char *ledger_load_sweep(struct ledger *ledger, const struct journal_record *record);
const char *ledger_load_page(struct ledger *ledger, const struct ledger_page *page);
const char *ledger_load_end(struct ledger *ledger, uint64_t until_seq);

#define LEDGER_PARTS_MAX 8

/*
 * Divides a ledger into 1 << bits parts, so that as many threads can replay: each part gets every event and policy,
 * checks all sequences, and keeps the users whose fingerprints begin with its number. The ledger itself becomes the
 * first part; `parts` lists all of them.
 */
void ledger_divide(struct ledger *ledger, unsigned bits, struct ledger *parts[]);
/* The reverse: the first part holds everything again, the others are destroyed. */
void ledger_unite(unsigned bits, struct ledger *parts[]);

/*
 * After recovery: checks that the users of every coupon hold exactly its issues. NULL, or a description of the fault.
 */
const char *ledger_check(const struct ledger *ledger);

/* The latest time of any issue; 0: none. */
int64_t ledger_latest_us(const struct ledger *ledger);

/* The user's latest issue of the coupon; false when there is none. */
bool ledger_lookup(const struct ledger *ledger, const char *coupon_id, size_t coupon_id_length, const char *user_id,
                   size_t user_id_length, struct user_issue *issue);

/* The user's fingerprint, as the store has it in the place of an erased id. */
void ledger_user_fingerprint(const struct ledger *ledger, const char *user_id, size_t length, uint8_t out[16]);

/* The coupon's entry, NULL when there is none; it never moves during the ledger's life. */
struct ledger_coupon *ledger_entry(const struct ledger *ledger, const char *id, size_t length);
/* Fills `out` with up to `limit` coupons whose id comes after `after` in byte order ("" for the first). Returns their
 * number. */
size_t ledger_list(const struct ledger *ledger, const char *after, size_t limit, const struct ledger_coupon **out);

size_t ledger_coupons(const struct ledger *ledger);

#endif
