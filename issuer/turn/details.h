/*
 * The details of recent changes: reference, time, reason, actor. The ledger keeps only that an issue is redeemed or
 * revoked; the rest is in the journal and, a moment later, in the store, where gateways read it. Until the store has
 * acknowledged a change, its details are here, so that no answer waits for the database. Pure, except for memory; owned
 * by the partition's thread.
 */
#ifndef COUPOND_TURN_DETAILS_H
#define COUPOND_TURN_DETAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/journal/format.h"
#include "shared/wire/frame.h"

#define DETAILS_BYTES_MAX (64u << 20) /* beyond it the oldest are dropped, whether the store has them or not */
#define DETAILS_COUNT_MAX (DETAILS_BYTES_MAX / 48u) /* no more fit, however short their texts are */

struct details;

struct details *details_create(void);
void details_destroy(struct details **details);

/* Keeps the details of a JOURNAL_CHANGE record. */
void details_add(struct details *details, const struct journal_record *record);
/* Fills `out` with those of the latest change; false when they are not here. */
bool details_find(const struct details *details, const char *coupon_id, size_t coupon_id_length, uint32_t sequence,
                  struct frame_details *out);
/* The store has every record up to `seq`: forgets their details. */
void details_forget(struct details *details, uint64_t seq);

size_t details_bytes(const struct details *details);

#endif
