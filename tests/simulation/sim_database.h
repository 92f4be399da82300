/*
 * The database in memory that all persisters share: a store as shared/store/backend.h wants it. It commits a batch as a
 * whole or not at all, loses connections before and after the commit, refuses some rows for ever, and at times comes
 * back empty or as it was some while ago.
 */
#ifndef COUPOND_SIM_DATABASE_H
#define COUPOND_SIM_DATABASE_H

#include "shared/store/store.h"
#include "sim.h"

struct sim_database *sim_database_create(struct sim *sim);
void sim_database_destroy(struct sim_database **database);

/* A connection, for one persister; to the second database, which nobody wants. */
struct store *sim_database_open(struct sim *sim, bool second);

/* What the issuer finds when it looks into its store. */
const uint8_t *sim_database_id(const struct sim *sim);

/* Perhaps it is saved, restored or emptied now. */
void sim_database_work(struct sim *sim);

/* What nobody can ever store, while the plan says that there is such a thing. */
bool sim_database_refuses_user(const struct sim *sim, const char *user_id, size_t length);

/* True when the records are in it, stored or dead, as it would tell the issuer itself. */
bool sim_database_has(const struct sim *sim, uint16_t partition, uint64_t first_seq, uint64_t last_seq);

/* The last record up to which each was in it at some time, whatever befell it later. */
uint64_t sim_database_ever_seq(const struct sim *sim, uint16_t partition);

/* Compares the rows with the journals: each record there once, as it was issued, and nothing else. */
void sim_database_judge(struct sim *sim);

#endif
