#include "issuer/rebuild/revocations.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

void rebuild_revocations_deinit(struct rebuild_revocations *revocations)
{
    free(revocations->list);
    *revocations = (struct rebuild_revocations){0};
}

void rebuild_revocations_add(struct rebuild_revocations *revocations, const struct store_change *change)
{
    CHECK(change->state == ISSUE_REVOKED && !revocations->sorted);
    if (revocations->count == revocations->capacity) {
        revocations->capacity = revocations->capacity > 0 ? 2 * revocations->capacity : 64;
        revocations->list = realloc(revocations->list, revocations->capacity * sizeof *revocations->list);
        CHECK(revocations->list != NULL);
    }
    struct rebuild_revocation *added = &revocations->list[revocations->count++];
    *added = (struct rebuild_revocation){
        .restock = change->restock,
        .again = change->again,
        .sequence = change->sequence,
        .time_us = change->changed_at_us,
        .journal_seq = change->journal_seq,
    };
    memcpy(added->coupon_id, change->coupon_id, change->coupon_id_length);
}

static int compare(const void *a, const void *b)
{
    const struct rebuild_revocation *left = a, *right = b;
    int order = strcmp(left->coupon_id, right->coupon_id);
    if (order != 0)
        return order;
    return (left->journal_seq > right->journal_seq) - (left->journal_seq < right->journal_seq);
}

const struct rebuild_revocation *rebuild_revocations_take(struct rebuild_revocations *revocations,
                                                          const char *coupon_id, uint64_t journal_seq)
{
    if (!revocations->sorted && revocations->count > 1)
        qsort(revocations->list, revocations->count, sizeof *revocations->list, compare);
    revocations->sorted = true;
    if (revocations->taken == revocations->count)
        return NULL;
    const struct rebuild_revocation *next = &revocations->list[revocations->taken];
    int order = coupon_id == NULL ? -1 : strcmp(next->coupon_id, coupon_id);
    if (order > 0 || (order == 0 && next->journal_seq >= journal_seq))
        return NULL;
    revocations->taken++;
    return next;
}

struct journal_record rebuild_revocation_record(const struct rebuild_revocation *revocation)
{
    return (struct journal_record){
        .type = JOURNAL_CHANGE,
        .seq = revocation->journal_seq,
        .time_us = revocation->time_us,
        .coupon_id = revocation->coupon_id,
        .coupon_id_length = strlen(revocation->coupon_id),
        .origin = {.actor = "", .request_id = ""},
        .change = {.kind = JOURNAL_REVOKED,
                   .sequence = revocation->sequence,
                   .restock = revocation->restock,
                   .again = revocation->again,
                   .user_id = "",
                   .reference = "",
                   .reason = ""},
    };
}
