/*
 * The database in memory that all persisters share: a store as in shared/store/backend.h. It commits a batch as a whole
 * or not at all, loses connections before and after the commit, rejects some rows for ever, and sometimes comes back
 * empty or in an earlier state.
 */
#ifndef COUPOND_SIM_DATABASE_H
#define COUPOND_SIM_DATABASE_H

#include "shared/store/store.h"
#include "sim.h"

struct sim_database *sim_database_create(struct sim *sim);
void sim_database_destroy(struct sim_database **database);

/* A connection for one persister; `second`: to the wrong database. */
struct store *sim_database_open(struct sim *sim, bool second);

/* The id that the issuer finds when it looks into its store. */
const uint8_t *sim_database_id(const struct sim *sim);

/* May save, restore or empty it now. */
void sim_database_work(struct sim *sim);

/* True for a user whose issues can never be stored, while the plan has such users. */
bool sim_database_refuses_user(const struct sim *sim, const char *user_id, size_t length);

/* The same for coupons, and for changes of the issue with that sequence of any coupon. */
bool sim_database_refuses_coupon(const struct sim *sim, const char *id);
bool sim_database_refuses_change(const struct sim *sim, uint32_t sequence);

struct sim_rows;
const struct sim_rows *sim_database_rows(const struct sim *sim);

/* True when the records are in it, stored or dead, as it would tell the issuer itself. */
bool sim_database_has(const struct sim *sim, uint16_t partition, uint64_t first_seq, uint64_t last_seq);

/* The last record up to which all records were stored at some time, independent of later losses. */
uint64_t sim_database_ever_seq(const struct sim *sim, uint16_t partition);

/* Compares the rows with the journals: each issue exactly once, as issued, with its last state; users who were erased
 * are; and nothing else. */
void sim_database_judge(struct sim *sim);

#endif
