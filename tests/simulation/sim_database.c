#include "sim_database.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/store/backend.h"
#include "shared/store/erased.h"
#include "shared/store/judge.h"
#include "shared/store/order.h"
#include "sim_database_rows.h"
#include "sim_issuer_state.h"

struct sim_database {
    struct sim_rows rows;
    struct sim_rows second; /* of a persister configured with another database */
    struct sim_rows backup;
    struct store_progress ever[SIM_PARTITIONS_MAX]; /* everything ever committed, independent of losses */
};

/* A connection. */
struct connection {
    struct store base;
    struct sim *sim;
    bool second;
    struct store_order order;
};

static struct sim_rows *rows_of(const struct connection *connection)
{
    struct sim_database *database = connection->sim->database;
    return connection->second ? &database->second : &database->rows;
}

static void make_id(struct sim *sim, struct sim_rows *rows)
{
    for (size_t i = 0; i < sizeof rows->id; i++)
        rows->id[i] = (uint8_t)(1 + sim_random_below(&sim->random, 255));
}

struct sim_database *sim_database_create(struct sim *sim)
{
    struct sim_database *database = calloc(1, sizeof *database);
    CHECK(database != NULL);
    make_id(sim, &database->rows);
    make_id(sim, &database->second);
    return database;
}

void sim_database_destroy(struct sim_database **database)
{
    if (*database == NULL)
        return;
    sim_rows_clear(&(*database)->rows);
    sim_rows_clear(&(*database)->backup);
    sim_rows_clear(&(*database)->second);
    free(*database);
    *database = NULL;
}

bool sim_database_refuses_user(const struct sim *sim, const char *user_id, size_t length)
{
    return sim->plan.reject_rows > 0 && length > 0 && user_id[length - 1] == '3';
}

bool sim_database_refuses_coupon(const struct sim *sim, const char *id)
{
    return sim->plan.reject_rows > 0 && id[strlen(id) - 1] == '2';
}

bool sim_database_refuses_change(const struct sim *sim, uint32_t sequence)
{
    return sim->plan.reject_rows > 0 && sequence % 8 == 3;
}

/* --- a transaction --- */

static enum store_result judge_journal(struct connection *connection, const struct store_batch *batch,
                                       struct error *error)
{
    struct sim_rows *rows = rows_of(connection);
    struct sim_journal_row *row = &rows->journals[batch->partition];
    struct store_journal there = {
        .partition = batch->partition, .partitions = batch->partitions, .last_seq = row->progress.last_seq};
    memcpy(there.journal_id, row->journal_id, sizeof there.journal_id);
    memcpy(connection->base.id, rows->id, sizeof rows->id);
    memcpy(connection->base.fingerprint_key, batch->fingerprint_key, sizeof batch->fingerprint_key);
    enum store_result result = store_id_judge(&connection->base, batch, error);
    if (result == STORE_OK && row->known) {
        struct store_journals journals = {.batch = batch, .result = STORE_OK};
        store_journals_judge(&journals, &there, &row->progress, error);
        result = journals.result;
    }
    if (result == STORE_OK)
        result = store_behind_judge(&connection->base, batch, &row->progress, error);
    if (result != STORE_OK || batch->scope == STORE_PART)
        return result;
    row->known = true;
    memcpy(row->journal_id, batch->journal_id, sizeof row->journal_id);
    store_progress_add(&row->progress, batch->first_seq, batch->last_seq);
    return STORE_OK;
}

/* A policy with the hashes of its texts, and the same as a row whose texts are these hashes. */
static struct store_coupon hashed(const struct store_coupon *coupon, struct model_policy *policy)
{
    *policy = (struct model_policy){
        .paused = coupon->paused,
        .archived = coupon->archived,
        .number = coupon->number,
        .quantity = coupon->quantity,
        .per_user_limit = coupon->per_user_limit,
        .redeem_within_s = coupon->redeem_within_s,
        .starts_at_us = coupon->starts_at_us,
        .ends_at_us = coupon->ends_at_us,
        .redeem_until_us = coupon->redeem_until_us,
        .created_at_us = coupon->created_at_us,
        .updated_at_us = coupon->updated_at_us,
        .journal_seq = coupon->journal_seq,
    };
    struct store_coupon row = *coupon;
    strcpy(policy->id, coupon->id);
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        policy->texts[i] = model_text(coupon->texts[i], coupon->text_lengths[i]);
        row.texts[i] = (const char *)&policy->texts[i];
        row.text_lengths[i] = sizeof policy->texts[i];
    }
    return row;
}

static struct store_coupon row_of(const struct model_policy *policy)
{
    struct store_coupon row = {
        .paused = policy->paused,
        .archived = policy->archived,
        .number = policy->number,
        .quantity = policy->quantity,
        .per_user_limit = policy->per_user_limit,
        .redeem_within_s = policy->redeem_within_s,
        .starts_at_us = policy->starts_at_us,
        .ends_at_us = policy->ends_at_us,
        .redeem_until_us = policy->redeem_until_us,
        .created_at_us = policy->created_at_us,
        .updated_at_us = policy->updated_at_us,
        .journal_seq = policy->journal_seq,
    };
    strcpy(row.id, policy->id);
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        row.texts[i] = (const char *)&policy->texts[i];
        row.text_lengths[i] = sizeof policy->texts[i];
    }
    return row;
}

static enum store_result write_coupon(struct connection *connection, const struct store_coupon *coupon,
                                      struct error *error)
{
    bool newer = false;
    struct sim_rows *rows = rows_of(connection);
    struct model_policy policy;
    struct store_coupon wanted = hashed(coupon, &policy);
    if (sim_database_refuses_coupon(connection->sim, coupon->id)) {
        error_set(error, "a trigger refuses the coupon");
        return STORE_REJECTED;
    }
    struct sim_coupon_row *there = sim_rows_coupon(rows, coupon->id, strlen(coupon->id));
    if (there == NULL) {
        sim_rows_add_coupon(rows, &policy);
        return STORE_OK;
    }
    struct store_coupon stored = row_of(&there->policy);
    enum store_result result = store_policy_judge(&wanted, &stored, &newer, error);
    if (result == STORE_OK && newer)
        there->policy = policy;
    return result;
}

static enum store_result write_issue(struct connection *connection, const struct store_issue *issue,
                                     struct error *error)
{
    struct sim_rows *rows = rows_of(connection);
    if (sim_database_refuses_user(connection->sim, issue->user_id, issue->user_id_length)) {
        error_set(error, "a trigger refuses the user");
        return STORE_REJECTED;
    }
    struct sim_coupon_row *coupon = sim_rows_coupon(rows, issue->coupon_id, issue->coupon_id_length);
    if (coupon == NULL)
        return store_coupon_missing(issue, error);
    struct store_issue there;
    if (sim_rows_find_issue(rows, issue, &there))
        return store_issue_is_there(connection->base.fingerprint_key, issue, &there)
                   ? STORE_OK
                   : store_issue_conflict(issue, &there, error);
    sim_rows_add_issue(rows, issue);
    coupon->issued = issue->sequence > coupon->issued ? issue->sequence : coupon->issued;
    return STORE_OK;
}

/* Whether the change can be written; it is not. */
static enum store_result judge_change(struct connection *connection, const struct store_change *change,
                                      struct error *error)
{
    struct sim_rows *rows = rows_of(connection);
    bool newer = false;
    struct store_count count = {0, 0};
    if (sim_database_refuses_change(connection->sim, change->sequence)) {
        error_set(error, "a trigger refuses the change");
        return STORE_REJECTED;
    }
    if (sim_rows_coupon(rows, change->coupon_id, change->coupon_id_length) == NULL)
        return store_changed_coupon_missing(change, error);
    const struct store_change *there =
        sim_rows_state(rows, change->coupon_id, change->coupon_id_length, change->sequence);
    return store_change_judge(change, there, &newer, &count, error);
}

static void write_change(struct connection *connection, const struct store_change *change)
{
    struct sim_rows *rows = rows_of(connection);
    bool newer = false;
    struct store_count count = {0, 0};
    struct error error;
    const struct store_change *there =
        sim_rows_state(rows, change->coupon_id, change->coupon_id_length, change->sequence);
    store_change_judge(change, there, &newer, &count, &error);
    if (!newer)
        return;
    struct sim_coupon_row *coupon = sim_rows_coupon(rows, change->coupon_id, change->coupon_id_length);
    coupon->returned += count.returned;
    coupon->redeemed += count.redeemed;
    sim_rows_set_state(rows, change);
}

/* Everything that may be rejected. */
static enum store_result write_most(struct connection *connection, const struct store_batch *batch, struct error *error)
{
    const struct store_order *order = &connection->order;
    enum store_result result = judge_journal(connection, batch, error);
    if (result == STORE_OK)
        result = store_order_fill(&connection->order, batch, error);
    for (size_t i = 0; i < order->coupons_count && result == STORE_OK; i++)
        result = write_coupon(connection, order->coupons[i], error);
    for (size_t i = 0; i < batch->issues_count && result == STORE_OK; i++)
        result = write_issue(connection, order->rows[i], error);
    for (size_t i = 0; i < order->changes_count && result == STORE_OK; i++)
        result = judge_change(connection, order->changes[i], error);
    return result;
}

/* In the order of the real stores: journal, coupons, issues, changes, dead letters, erasures. */
static enum store_result write_rows(struct connection *connection, const struct store_batch *batch, struct error *error)
{
    struct sim_rows *rows = rows_of(connection);
    enum store_result result = write_most(connection, batch, error);
    if (result != STORE_OK)
        return result;
    for (size_t i = 0; i < connection->order.changes_count; i++)
        write_change(connection, connection->order.changes[i]);
    if (batch->scope != STORE_PART)
        sim_rows_remove_letters(rows, batch);
    for (size_t i = 0; i < batch->dead_count; i++)
        sim_rows_add_letter(rows, &batch->dead[i]);
    for (size_t i = 0; i < batch->erasures_count; i++)
        sim_rows_erase(rows, batch, &batch->erasures[i]);
    sim_rows_erase_written(rows, batch);
    return STORE_OK;
}

static enum store_result lose_connection(struct sim *sim, enum sim_fault fault, struct error *error)
{
    sim_count(sim, fault);
    error_set(error, "the connection is lost");
    return STORE_RETRY;
}

/* The database is never ahead of the journal as a power loss would leave it. */
static void judge_commit(struct sim *sim, const struct store_batch *batch)
{
    uint64_t durable = sim_issuer_durable_seq(sim, batch->partition);
    sim_trace(sim, "commit", batch->first_seq, batch->last_seq);
    if (batch->scope == STORE_FRAME)
        store_progress_add(&sim->database->ever[batch->partition], batch->first_seq, batch->last_seq);
    if (batch->last_seq > durable)
        sim_fail(sim, "the database has records up to %" PRIu64 " of partition %u, the disk only %" PRIu64,
                 batch->last_seq, batch->partition, durable);
}

static enum store_result sim_write(struct store *store, const struct store_batch *batch, struct error *error)
{
    struct connection *connection = (struct connection *)store;
    struct sim *sim = connection->sim;
    if (sim_strikes(sim, sim->plan.store_fails))
        return lose_connection(sim, SIM_STORE_AWAY, error);
    struct sim_rows_mark mark;
    sim_rows_begin(rows_of(connection), &mark);
    enum store_result result = write_rows(connection, batch, error);
    if (result != STORE_OK) {
        sim_rows_roll_back(rows_of(connection), &mark);
        if (result == STORE_REJECTED)
            sim_count(sim, SIM_ROW_REJECTED);
        return result;
    }
    if (!connection->second)
        judge_commit(sim, batch);
    return sim_strikes(sim, sim->plan.commit_unknown) ? lose_connection(sim, SIM_COMMIT_UNKNOWN, error) : STORE_OK;
}

/* --- the rest of a store --- */

static void sim_destroy(struct store *store)
{
    store_order_deinit(&((struct connection *)store)->order);
    free(store);
}

static enum store_result sim_no_trouble(struct store *store, struct error *error)
{
    (void)store, (void)error;
    return STORE_OK;
}

static enum store_result sim_each_dead_coupon(struct store *store, const uint8_t journal_id[16],
                                              store_dead_coupon_fn each, void *arg, struct error *error)
{
    (void)journal_id, (void)error;
    sim_rows_each_dead_coupon(rows_of((struct connection *)store), each, arg);
    return STORE_OK;
}

static const struct store_ops operations = {
    .destroy = sim_destroy,
    .connect = sim_no_trouble,
    .migrate = sim_no_trouble,
    .write = sim_write,
    .each_dead_coupon = sim_each_dead_coupon,
};

const struct sim_rows *sim_database_rows(const struct sim *sim)
{
    return &sim->database->rows;
}

const uint8_t *sim_database_id(const struct sim *sim)
{
    return sim->database->rows.id;
}

struct store *sim_database_open(struct sim *sim, bool second)
{
    struct connection *connection = calloc(1, sizeof *connection);
    CHECK(connection != NULL);
    connection->base.ops = &operations;
    strcpy(connection->base.description, "the simulated database");
    connection->sim = sim;
    connection->second = second;
    return &connection->base;
}

bool sim_database_has(const struct sim *sim, uint16_t partition, uint64_t first_seq, uint64_t last_seq)
{
    const struct store_progress *progress = &sim->database->rows.journals[partition].progress;
    bool has = progress->last_seq >= last_seq;
    for (size_t i = 0; i < progress->ahead_count; i++)
        has |= progress->ahead[i].first_seq <= first_seq && progress->ahead[i].last_seq >= last_seq;
    return has;
}

uint64_t sim_database_ever_seq(const struct sim *sim, uint16_t partition)
{
    return sim->database->ever[partition].last_seq;
}

/* --- what befalls it --- */

void sim_database_work(struct sim *sim)
{
    struct sim_database *database = sim->database;
    if (sim_strikes(sim, sim->plan.older_store))
        sim_rows_copy(&database->backup, &database->rows);
    if (sim_strikes(sim, sim->plan.older_store / 2)) {
        sim_count(sim, SIM_STORE_OLDER);
        sim_trace(sim, "store older", 0, 0);
        sim_rows_copy(&database->rows, &database->backup);
        if (!store_id_is_known(database->rows.id)) /* from before stores had ids: it gets one */
            make_id(sim, &database->rows);
    }
    if (sim_strikes(sim, sim->plan.empty_store)) {
        sim_count(sim, SIM_STORE_EMPTIED);
        sim_trace(sim, "store emptied", 0, 0);
        sim_rows_clear(&database->rows);
        make_id(sim, &database->rows);
    }
}
