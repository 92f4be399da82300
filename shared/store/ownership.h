/*
 * The row of a partition in the store that names the member that decides and the one that may take over
 * (issuer/member/row.h). Its table, issuer_partition, exists only where issuers have members. A change is one statement
 * in one packet, committed by itself: a member that is stopped at any moment holds no lock.
 *
 * Only the primary component of a Galera cluster and the primary of a replication group count. A server that has left
 * its group may take writes nevertheless, so the statement itself checks that; what such a server answers is
 * STORE_RETRY.
 */
#ifndef COUPOND_STORE_OWNERSHIP_H
#define COUPOND_STORE_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/store/rows.h"

struct store;

/* Creates the table and, unless the partition has a row, this one. STORE_FAILED when the user may not. */
enum store_result store_ownership_create(struct store *store, const struct store_ownership *row, struct error *error);
/* Reads the row of a partition; *found is false when there is none, or no
 * table. What a node of a cluster reads may be outdated. */
enum store_result store_ownership_read(struct store *store, uint16_t partition, struct store_ownership *row,
                                       bool *found, struct error *error);
/*
 * Writes `to` if the row is `from`, of the same partition; they may be equal. *matched says whether it was.
 * STORE_RETRY: the outcome is unknown, and the row may still be written later; STORE_FAILED: nothing was written.
 */
enum store_result store_ownership_change(struct store *store, const struct store_ownership *from,
                                         const struct store_ownership *to, bool *matched, struct error *error);

#endif
