#include "sim_database.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/store/backend.h"
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

static bool refuses_coupon(const struct sim *sim, const char *id)
{
    return sim->plan.reject_rows > 0 && id[strlen(id) - 1] == '2';
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

static enum store_result write_coupon(struct connection *connection, const struct coupon *coupon, struct error *error)
{
    bool newer = false;
    struct sim_rows *rows = rows_of(connection);
    if (refuses_coupon(connection->sim, coupon->id)) {
        error_set(error, "a trigger refuses the coupon");
        return STORE_REJECTED;
    }
    struct coupon *there = sim_rows_coupon(rows, coupon->id, strlen(coupon->id));
    if (there == NULL) {
        sim_rows_add_coupon(rows, coupon);
        return STORE_OK;
    }
    enum store_result result = store_policy_judge(coupon, there, &newer, error);
    if (result != STORE_OK || !newer)
        return result;
    uint32_t issued = there->issued;
    *there = *coupon;
    there->issued = issued;
    return STORE_OK;
}

static enum store_result write_issue(struct connection *connection, const struct store_issue *issue,
                                     struct error *error)
{
    struct sim_rows *rows = rows_of(connection);
    if (sim_database_refuses_user(connection->sim, issue->user_id, issue->user_id_length)) {
        error_set(error, "a trigger refuses the user");
        return STORE_REJECTED;
    }
    struct coupon *coupon = sim_rows_coupon(rows, issue->coupon_id, issue->coupon_id_length);
    if (coupon == NULL)
        return store_coupon_missing(issue, error);
    struct store_issue there;
    if (sim_rows_find_issue(rows, issue, &there))
        return store_issue_equal(issue, &there) ? STORE_OK : store_issue_conflict(issue, &there, error);
    sim_rows_add_issue(rows, issue);
    coupon->issued = issue->sequence > coupon->issued ? issue->sequence : coupon->issued;
    return STORE_OK;
}

/* In the order of the real stores: journal, coupons, issues, dead letters. */
static enum store_result write_rows(struct connection *connection, const struct store_batch *batch, struct error *error)
{
    struct sim_rows *rows = rows_of(connection);
    enum store_result result = judge_journal(connection, batch, error);
    if (result == STORE_OK)
        result = store_order_fill(&connection->order, batch, error);
    for (size_t i = 0; i < connection->order.coupons_count && result == STORE_OK; i++)
        result = write_coupon(connection, connection->order.coupons[i], error);
    for (size_t i = 0; i < batch->issues_count && result == STORE_OK; i++)
        result = write_issue(connection, connection->order.rows[i], error);
    if (result != STORE_OK)
        return result;
    if (batch->scope != STORE_PART)
        sim_rows_remove_letters(rows, batch);
    for (size_t i = 0; i < batch->dead_count; i++)
        sim_rows_add_letter(rows, &batch->dead[i]);
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

/* --- judging the end --- */

/* True when a record of the coupon before `seq` was lost for good, and reported: until the coupon's next change its
 * issues cannot be stored. */
static bool coupon_is_gone(const struct sim *sim, uint16_t partition, uint64_t seq, const char *coupon_id)
{
    const struct model *model = sim_issuer_model(sim, partition);
    bool gone = false;
    for (uint64_t i = 0; i < seq; i++)
        gone |= model->log[i].is_coupon && strcmp(model->log[i].coupon_id, coupon_id) == 0 &&
                sim_issuer_is_gone(sim, partition, i + 1);
    return gone;
}

static bool may_be_dead(const struct sim *sim, uint16_t partition, uint64_t seq, const struct model_record *record)
{
    return coupon_is_gone(sim, partition, seq, record->coupon_id) || refuses_coupon(sim, record->coupon_id) ||
           sim_database_refuses_user(sim, record->user_id, strlen(record->user_id));
}

static void judge_issue(struct sim *sim, uint16_t partition, uint64_t seq, const struct model_record *record)
{
    const struct sim_rows *rows = &sim->database->rows;
    size_t there = sim_rows_count_issue(rows, record->coupon_id, record->user_id, record->sequence, record->nth,
                                        record->time_us, seq);
    size_t dead = sim_rows_count_letters(rows, partition, seq);
    bool may_lack = sim_issuer_is_gone(sim, partition, seq);
    /* One persister found the coupon rejected, and finishes its frame after another that found it accepted. */
    bool may_be_both = there == 1 && dead == 1 && coupon_is_gone(sim, partition, seq, record->coupon_id);
    if (there + dead != 1 && !(there + dead == 0 && may_lack) && !may_be_both)
        sim_fail(sim,
                 "promise 3: sequence %u of %s to %s (record %" PRIu64 ") is %zu times in the database and %zu "
                 "times a dead letter",
                 record->sequence, record->coupon_id, record->user_id, seq, there, dead);
    else if (dead > 0 && !may_be_dead(sim, partition, seq, record))
        sim_fail(sim, "record %" PRIu64 " is a dead letter, but the database would take it", seq);
}

static void judge_coupon(struct sim *sim, uint16_t partition, const struct model_coupon *coupon)
{
    const struct sim_rows *rows = &sim->database->rows;
    const struct coupon *there = sim_rows_coupon(rows, coupon->policy.id, strlen(coupon->policy.id));
    if (sim_issuer_is_gone(sim, partition, coupon->policy.journal_seq))
        return;
    if (refuses_coupon(sim, coupon->policy.id) &&
        (there != NULL || sim_rows_count_letters(rows, partition, coupon->policy.journal_seq) != 1))
        sim_fail(sim, "coupon %s is rejected, but it is not a dead letter", coupon->policy.id);
    else if (refuses_coupon(sim, coupon->policy.id))
        return;
    else if (there == NULL)
        sim_fail(sim, "promise 3: coupon %s is not in the database", coupon->policy.id);
    else if (there->journal_seq != coupon->policy.journal_seq || there->quantity != coupon->policy.quantity ||
             there->paused != coupon->policy.paused || strcmp(there->title, coupon->policy.title) != 0 ||
             there->updated_at_us != coupon->policy.updated_at_us || there->issued > coupon->policy.issued)
        sim_fail(sim, "coupon %s has another policy in the database, of record %" PRIu64 " instead of %" PRIu64,
                 coupon->policy.id, there->journal_seq, coupon->policy.journal_seq);
}

void sim_database_judge(struct sim *sim)
{
    size_t records = 0;
    bool all = true;
    for (uint16_t p = 0; p < sim->plan.partitions; p++) {
        const struct model *model = sim_issuer_model(sim, p);
        for (size_t i = 0; i < model->log_count && !sim_failed(sim); i++) {
            all &= !sim_issuer_is_gone(sim, p, i + 1);
            records += !model->log[i].is_coupon;
            if (!model->log[i].is_coupon)
                judge_issue(sim, p, i + 1, &model->log[i]);
        }
        for (size_t i = 0; i < model->coupons_count && !sim_failed(sim); i++)
            judge_coupon(sim, p, &model->coupons[i]);
    }
    size_t rows = sim->database->rows.issues_count + sim_rows_issue_letters(&sim->database->rows);
    if (!sim_failed(sim) && all && rows != records)
        sim_fail(sim, "the database has %zu issues, the journals %zu", rows, records);
}
