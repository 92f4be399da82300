/*
 * The violations that `verify` found, by kind: counts all of them and keeps the first sentences of each kind. Pure.
 */
#ifndef COUPOND_VERIFY_FINDINGS_H
#define COUPOND_VERIFY_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#define FINDING_LINES_MAX  20
#define FINDING_LENGTH_MAX 400

/* id, name in JSON, what it means */
#define FINDING_TABLE(X)                                                                                               \
    X(JOURNAL_DAMAGED, "journal_damaged", "the journal is damaged or incomplete")                                      \
    X(JOURNAL_FOREIGN, "journal_foreign", "journal and store do not belong together")                                  \
    X(STORE_BEHIND, "store_behind", "the store has less of the journal than it acknowledged, like an older copy")      \
    X(COUPON_UNKNOWN, "coupon_unknown", "the journal issues a coupon that it does not have")                           \
    X(COUPON_MISPLACED, "coupon_misplaced", "a coupon is in another partition than its id says")                       \
    X(SEQUENCE_BROKEN, "sequence_broken", "the sequences of a coupon are not 1, 2, 3 … without gaps")                  \
    X(TIME_BACKWARDS, "time_backwards", "the time goes backwards along a coupon's sequences")                          \
    X(ABOVE_QUANTITY, "above_quantity", "a coupon is issued more often than its quantity")                             \
    X(LOWERED_BELOW_ISSUED, "lowered_below_issued", "a quantity is lowered below the number of issues")                \
    X(ABOVE_LIMIT, "above_limit", "a user holds more of a coupon than its limit")                                      \
    X(NTH_BROKEN, "nth_broken", "a user's issues of a coupon are not counted 1, 2, 3 …")                               \
    X(OUT_OF_WINDOW, "out_of_window", "a coupon is issued before its start, after its end or while paused")            \
    X(ROW_MISSING, "row_missing", "an issue that the store acknowledged is not in it")                                 \
    X(ROW_DIFFERS, "row_differs", "an issue in the store differs from the journal's")                                  \
    X(ROW_UNKNOWN, "row_unknown", "the store holds an issue that the journal does not have")                           \
    X(DEAD_LETTER, "dead_letter",                                                                                      \
      "the store refused it permanently; see coupond dead-letter list, and store it with coupond dead-letter retry")   \
    X(SNAPSHOT_DIFFERS, "snapshot_differs", "an issue in the store differs from the journal's snapshot")               \
    X(COUPON_ROW_MISSING, "coupon_row_missing", "a coupon that the store acknowledged is not in it")                   \
    X(COUPON_ROW_DIFFERS, "coupon_row_differs", "a coupon in the store differs from the journal's")                    \
    X(COUPON_ROW_UNKNOWN, "coupon_row_unknown", "the store holds a coupon that the journal does not have")             \
    X(COUNT_DIFFERS, "count_differs",                                                                                  \
      "a coupon's `issued`, `returned` or `redeemed` in the store is not what the rows there say")                     \
    X(NUMBER_BROKEN, "number_broken", "a coupon's number changes, or is that of another")                              \
    X(REDEEMED_TWICE, "redeemed_twice", "an issue is redeemed although it is redeemed already")                        \
    X(CHANGE_UNKNOWN, "change_unknown", "the journal changes an issue that was never made")                            \
    X(CHANGE_BROKEN, "change_broken", "a change of an issue contradicts the changes before it")                        \
    X(STATE_MISSING, "state_missing", "a change that the store acknowledged is not in it")                             \
    X(STATE_DIFFERS, "state_differs", "the state of an issue in the store differs from the journal's")                 \
    X(STATE_UNKNOWN, "state_unknown", "the store holds the state of an issue that the journal does not have")          \
    X(USER_NOT_ERASED, "user_not_erased", "the store still holds the id of a user who was erased")                     \
    X(ERASURE_MISSING, "erasure_missing", "an erasure that the store acknowledged is not in it")

enum finding {
#define X(id, name, meaning) FINDING_##id,
    FINDING_TABLE(X)
#undef X
        FINDING_COUNT
};

const char *finding_name(enum finding finding);
const char *finding_meaning(enum finding finding);

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
