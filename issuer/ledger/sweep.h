/*
 * A sweep: the revocation of all issues of a coupon that are not redeemed. It is decided at once, and then carried out
 * in steps beside other requests; each step's revocations are journalled like any other. What is left to do follows
 * from the states of the issues, so a sweep goes on after a restart. Pure; owned by the ledger.
 */
#ifndef COUPOND_LEDGER_SWEEP_H
#define COUPOND_LEDGER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/ledger/change.h"
#include "issuer/ledger/ledger.h"

struct ledger_sweep {
    struct ledger_coupon *coupon;
    struct ledger_sweep *next; /* of the ledger's sweeps */
    uint32_t examined;         /* issues, from 1 on */
    uint32_t until;
    bool restock;
    bool again;
    uint8_t reason_length;
    uint8_t actor_length;
    uint8_t request_id_length;
    char reason[REASON_MAX];
    char actor[ACTOR_MAX];
    char request_id[REQUEST_ID_MAX];
};

/* Begins the sweep of a JOURNAL_SWEEP record, of a coupon that exists and has none. */
void ledger_sweep_begin(struct ledger *ledger, const struct journal_record *record);
/* Ends it and frees it. */
void ledger_sweep_end(struct ledger *ledger, struct ledger_coupon *coupon);
/* The oldest sweep; NULL: none. */
struct ledger_sweep *ledger_sweep_first(const struct ledger *ledger);

/* Looks at up to `examine` issues for one to revoke. Returns its sequence, and the change that revokes it; 0 when there
 * was none among them. ledger_apply_change() applies the change. */
uint32_t ledger_sweep_step(struct ledger_sweep *sweep, uint32_t examine, struct ledger_change_decision *decision);
/* The JOURNAL_SWEEP record of a sweep; borrows its texts. */
void ledger_sweep_record(const struct ledger_sweep *sweep, bool ended, struct journal_record *record);

#endif
