/*
 * The violations that `verify` found, by kind: counts all of them and keeps the first sentences of each kind. Pure.
 */
#ifndef COUPOND_VERIFY_FINDINGS_H
#define COUPOND_VERIFY_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#define FINDING_LINES_MAX  20
#define FINDING_LENGTH_MAX 400

/* id, name in JSON, the promise that it breaks, what it means */
/* clang-format off */
#define FINDING_TABLE(X) \
    X(JOURNAL_DAMAGED, "journal_damaged", ISSUED_MEANS_ISSUED, "the journal is damaged or incomplete") \
    X(JOURNAL_FOREIGN, "journal_foreign", STORE_LIKE_JOURNAL, "journal and store do not belong together") \
    X(STORE_BEHIND, "store_behind", ISSUED_MEANS_ISSUED, "the store has less of the journal than it acknowledged, like an older copy") \
    X(COUPON_UNKNOWN, "coupon_unknown", FIRST_COME_FIRST_SERVED, "the journal issues a coupon that it does not have") \
    X(COUPON_MISPLACED, "coupon_misplaced", FIRST_COME_FIRST_SERVED, "a coupon is in another partition than its id says") \
    X(SEQUENCE_BROKEN, "sequence_broken", FIRST_COME_FIRST_SERVED, "the sequences of a coupon are not 1, 2, 3 … without gaps") \
    X(TIME_BACKWARDS, "time_backwards", FIRST_COME_FIRST_SERVED, "the time goes backwards along a coupon's sequences") \
    X(ABOVE_QUANTITY, "above_quantity", NEVER_TOO_MANY, "a coupon is issued more often than its quantity") \
    X(LOWERED_BELOW_ISSUED, "lowered_below_issued", NEVER_TOO_MANY, "a quantity is lowered below the number of issues") \
    X(ABOVE_LIMIT, "above_limit", NEVER_TWICE, "a user holds more of a coupon than its limit") \
    X(NTH_BROKEN, "nth_broken", NEVER_TWICE, "a user's issues of a coupon are not counted 1, 2, 3 …") \
    X(OUT_OF_WINDOW, "out_of_window", ONLY_IN_ITS_WINDOW, "a coupon is issued before its start, after its end or while paused") \
    X(ROW_MISSING, "row_missing", ISSUED_MEANS_ISSUED, "an issue that the store acknowledged is not in it") \
    X(ROW_DIFFERS, "row_differs", STORE_LIKE_JOURNAL, "an issue in the store differs from the journal's") \
    X(ROW_UNKNOWN, "row_unknown", STORE_LIKE_JOURNAL, "the store holds an issue that the journal does not have") \
    X(DEAD_LETTER, "dead_letter", ISSUED_MEANS_ISSUED, "the store refused it permanently; see coupond dead-letter list, and store it with coupond dead-letter retry") \
    X(SNAPSHOT_DIFFERS, "snapshot_differs", STORE_LIKE_JOURNAL, "an issue in the store differs from the journal's snapshot") \
    X(COUPON_ROW_MISSING, "coupon_row_missing", ISSUED_MEANS_ISSUED, "a coupon that the store acknowledged is not in it") \
    X(COUPON_ROW_DIFFERS, "coupon_row_differs", STORE_LIKE_JOURNAL, "a coupon in the store differs from the journal's") \
    X(COUPON_ROW_UNKNOWN, "coupon_row_unknown", STORE_LIKE_JOURNAL, "the store holds a coupon that the journal does not have") \
    X(COUNT_DIFFERS, "count_differs", STORE_LIKE_JOURNAL, "a coupon's `issued`, `returned` or `redeemed` in the store is not what the rows there say") \
    X(NUMBER_BROKEN, "number_broken", FIRST_COME_FIRST_SERVED, "a coupon's number changes, or is that of another") \
    X(REDEEMED_TWICE, "redeemed_twice", NEVER_TWICE, "an issue is redeemed although it is redeemed already") \
    X(CHANGE_UNKNOWN, "change_unknown", NEVER_TWICE, "the journal changes an issue that was never made") \
    X(CHANGE_BROKEN, "change_broken", NEVER_TWICE, "a change of an issue contradicts the changes before it") \
    X(STATE_MISSING, "state_missing", ISSUED_MEANS_ISSUED, "a change that the store acknowledged is not in it") \
    X(STATE_DIFFERS, "state_differs", STORE_LIKE_JOURNAL, "the state of an issue in the store differs from the journal's") \
    X(STATE_UNKNOWN, "state_unknown", STORE_LIKE_JOURNAL, "the store holds the state of an issue that the journal does not have") \
    X(USER_NOT_ERASED, "user_not_erased", ERASED_MEANS_ERASED, "the store still holds the id of a user who was erased") \
    X(ERASURE_MISSING, "erasure_missing", ERASED_MEANS_ERASED, "an erasure that the store acknowledged is not in it")
/* clang-format on */

/* The promises that the violations break: id, name in JSON */
#define PROMISE_TABLE(X)                                                                                               \
    X(NEVER_TOO_MANY, "never_too_many")           /* issues in force never exceed the quantity */                      \
    X(NEVER_TWICE, "never_twice")                 /* no user has more than the limit; one redemption an issue */       \
    X(ISSUED_MEANS_ISSUED, "issued_means_issued") /* what was acknowledged is in journal and store */                  \
    X(FIRST_COME_FIRST_SERVED, "first_come_first_served") /* sequences without gaps, in the order of time */           \
    X(ONLY_IN_ITS_WINDOW, "only_in_its_window")           /* nothing is issued too early, too late or while paused */  \
    X(STORE_LIKE_JOURNAL, "store_like_journal")           /* the store has what the journal says, and nothing else */  \
    X(ERASED_MEANS_ERASED, "erased_means_erased")         /* no id of an erased user is left in the store */

enum promise {
#define X(id, name) PROMISE_##id,
    PROMISE_TABLE(X)
#undef X
        PROMISE_COUNT
};

enum finding {
#define X(id, name, promise, meaning) FINDING_##id,
    FINDING_TABLE(X)
#undef X
        FINDING_COUNT
};

const char *finding_name(enum finding finding);
const char *finding_meaning(enum finding finding);
enum promise finding_promise(enum finding finding);
const char *promise_name(enum promise promise);

struct findings_of_kind {
    char (*lines)[FINDING_LENGTH_MAX]; /* up to FINDING_LINES_MAX */
    uint64_t count;
};

/* All zeros: nothing found. */
struct findings {
    struct findings_of_kind kinds[FINDING_COUNT];
    uint64_t count;
};

void findings_deinit(struct findings *findings);
/* Counts a violation, and keeps its sentence while there is room; unprintable characters become question marks. */
void findings_add(struct findings *findings, enum finding kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The number of sentences kept of a kind. */
size_t findings_lines(const struct findings *findings, enum finding kind);

#endif
