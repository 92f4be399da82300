/*
 * Internal to the store: the columns of an issue as readers get it, in the order in which both databases select them.
 */
#ifndef COUPOND_STORE_VIEW_COLUMNS_H
#define COUPOND_STORE_VIEW_COLUMNS_H

#define STORE_VIEW_SELECT                                                                                              \
    "SELECT issue.coupon_id, issue.sequence, issue.user_id, issue.nth, issue.issued_at, issue.journal_seq, "           \
    "issue.request_key, title, benefit, number, redeem_until, redeem_within_s, state, reference, reason, restock, "    \
    "again, changed.actor, changed_at FROM coupon_issue AS issue LEFT JOIN coupon ON coupon.id = issue.coupon_id "     \
    "LEFT JOIN coupon_issue_state AS changed ON changed.coupon_id = issue.coupon_id AND "                              \
    "changed.sequence = issue.sequence"

/* The columns come first; these follow. */
enum store_view_column {
    STORE_VIEW_TITLE = 7,
    STORE_VIEW_BENEFIT,
    STORE_VIEW_NUMBER,
    STORE_VIEW_REDEEM_UNTIL,
    STORE_VIEW_REDEEM_WITHIN,
    STORE_VIEW_STATE,
    STORE_VIEW_REFERENCE,
    STORE_VIEW_REASON,
    STORE_VIEW_RESTOCK,
    STORE_VIEW_AGAIN,
    STORE_VIEW_ACTOR,
    STORE_VIEW_CHANGED_AT,
};

#endif
