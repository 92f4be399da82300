#include "issuer/ledger/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/ledger/state.h"
#include "shared/error.h"

static void copy(char *out, uint8_t *out_length, const char *text, size_t length)
{
    *out_length = (uint8_t)length;
    if (length > 0)
        memcpy(out, text, length);
}

void ledger_sweep_begin(struct ledger *ledger, const struct journal_record *record)
{
    struct ledger_sweep *sweep = calloc(1, sizeof *sweep);
    CHECK(sweep != NULL);
    sweep->coupon = coupon_index_find(&ledger->index, record->coupon_id, record->coupon_id_length);
    CHECK(sweep->coupon != NULL && sweep->coupon->sweep == NULL);
    sweep->until = record->sweep.until;
    sweep->restock = record->sweep.restock;
    sweep->again = record->sweep.again;
    copy(sweep->reason, &sweep->reason_length, record->sweep.reason, record->sweep.reason_length);
    copy(sweep->actor, &sweep->actor_length, record->origin.actor, record->origin.actor_length);
    copy(sweep->request_id, &sweep->request_id_length, record->origin.request_id, record->origin.request_id_length);
    if (ledger->sweeps == NULL)
        ledger->sweeps = sweep;
    else
        ledger->last_sweep->next = sweep;
    ledger->last_sweep = sweep;
    sweep->coupon->sweep = sweep;
}

void ledger_sweep_end(struct ledger *ledger, struct ledger_coupon *coupon)
{
    struct ledger_sweep **link = &ledger->sweeps, *before = NULL;
    while (*link != coupon->sweep) {
        before = *link;
        link = &before->next;
    }
    *link = coupon->sweep->next;
    if (ledger->last_sweep == coupon->sweep)
        ledger->last_sweep = before;
    free(coupon->sweep);
    coupon->sweep = NULL;
}

struct ledger_sweep *ledger_sweep_first(const struct ledger *ledger)
{
    return ledger->sweeps;
}

uint32_t ledger_sweep_step(struct ledger_sweep *sweep, uint32_t examine, struct ledger_change_decision *decision)
{
    for (; examine > 0 && sweep->examined < sweep->until; examine--) {
        uint32_t sequence = ++sweep->examined;
        if (issue_kind(issue_list_state(sweep->coupon, sequence)) != ISSUE_KIND_ISSUED)
            continue;
        *decision = (struct ledger_change_decision){
            .verdict = VERDICT_REVOKED,
            .coupon = sweep->coupon,
            .issue = {.sequence = sequence},
            .value = issue_value_revoked(sweep->restock, sweep->again),
        };
        return sequence;
    }
    return 0;
}

void ledger_sweep_record(const struct ledger_sweep *sweep, bool ended, struct journal_record *record)
{
    *record = (struct journal_record){
        .type = JOURNAL_SWEEP,
        .coupon_id = sweep->coupon->id,
        .coupon_id_length = strlen(sweep->coupon->id),
        .origin = {sweep->actor, sweep->actor_length, sweep->request_id, sweep->request_id_length},
        .sweep = {.ended = ended,
                  .restock = sweep->restock,
                  .again = sweep->again,
                  .until = sweep->until,
                  .reason = sweep->reason,
                  .reason_length = sweep->reason_length},
    };
}
