#include "persister/delivery.h"

#include <stdlib.h>
#include <string.h>

/* Every state may end in DELIVERY_IDLE. */
static void enter(struct delivery *delivery, enum delivery_state state)
{
    static const bool follows[DELIVERY_STATES][DELIVERY_STATES] = {
        [DELIVERY_IDLE] = {[DELIVERY_WHOLE] = true},      [DELIVERY_WHOLE] = {[DELIVERY_COUPONS] = true},
        [DELIVERY_COUPONS] = {[DELIVERY_ORPHANS] = true}, [DELIVERY_ORPHANS] = {[DELIVERY_ISSUES] = true},
        [DELIVERY_ISSUES] = {[DELIVERY_LETTERS] = true},  [DELIVERY_LETTERS] = {[DELIVERY_COUPONS] = true},
    };
    CHECK(state == DELIVERY_IDLE || follows[delivery->state][state]);
    delivery->state = state;
}

void delivery_init(struct delivery *delivery, struct store *store, uint16_t partitions, int64_t retry_min_ms,
                   int64_t retry_max_ms)
{
    *delivery = (struct delivery){.store = store, .partitions = partitions};
    batch_init(&delivery->batch);
    retry_init(&delivery->retry, retry_min_ms, retry_max_ms);
}

void delivery_deinit(struct delivery *delivery)
{
    batch_deinit(&delivery->batch);
    dead_deinit(&delivery->dead);
    free(delivery->is_dead);
    free(delivery->issues);
    free(delivery->coupons);
    free(delivery->is_wanted);
    rows_by_coupon_deinit(&delivery->by_coupon);
    *delivery = (struct delivery){.store = NULL};
}

enum frame_fault delivery_begin(struct delivery *delivery, const void *frame, size_t size)
{
    dead_truncate(&delivery->dead, 0);
    delivery->dead_stored = 0;
    delivery->ranges_count = 0;
    delivery->halved_again = false;
    delivery->schema_seen = false;
    enter(delivery, DELIVERY_IDLE);
    enum frame_fault fault = batch_read(&delivery->batch, frame, size, delivery->partitions);
    if (fault == FRAME_OK)
        enter(delivery, DELIVERY_WHOLE);
    return fault;
}

/* --- rows: the coupons, then the issues --- */

static const struct store_batch *rows_of(const struct delivery *delivery)
{
    return &delivery->batch.rows;
}

static size_t rows_count(const struct delivery *delivery)
{
    return rows_of(delivery)->coupons_count + rows_of(delivery)->issues_count;
}

static void push_range(struct delivery *delivery, size_t first, size_t end)
{
    CHECK(delivery->ranges_count < DELIVERY_RANGES_MAX);
    if (first < end)
        delivery->ranges[delivery->ranges_count++] = (struct delivery_range){first, end};
}

static struct delivery_range *top_range(struct delivery *delivery)
{
    CHECK(delivery->ranges_count > 0);
    return &delivery->ranges[delivery->ranges_count - 1];
}

/* A part of the frame without rows yet; the frame itself never changes. */
static struct store_batch part_of(const struct delivery *delivery, enum store_scope scope)
{
    struct store_batch part = *rows_of(delivery);
    part.scope = scope;
    part.coupons_count = 0;
    part.issues_count = 0;
    return part;
}

static struct store_batch coupons_of(const struct delivery *delivery, const struct delivery_range *range)
{
    struct store_batch part = part_of(delivery, STORE_PART);
    part.coupons += range->first;
    part.coupons_count = range->end - range->first;
    return part;
}

/* Adds the issues of a range that are not dead to the part. */
static void add_issues(struct delivery *delivery, const struct delivery_range *range, struct store_batch *part)
{
    const struct store_batch *rows = rows_of(delivery);
    for (size_t row = range->first; row < range->end; row++)
        if (!delivery->is_dead[row])
            delivery->issues[part->issues_count++] = rows->issues[row - rows->coupons_count];
    part->issues = delivery->issues;
}

/* Adds the wanted coupon records that are not dead to the part. */
static void add_coupons(struct delivery *delivery, struct store_batch *part)
{
    const struct store_batch *rows = rows_of(delivery);
    for (size_t i = 0; i < rows->coupons_count; i++)
        if (delivery->is_wanted[i] && !delivery->is_dead[i])
            delivery->coupons[part->coupons_count++] = rows->coupons[i];
    part->coupons = delivery->coupons;
}

static void want_coupon_of(struct delivery *delivery, const struct store_issue *issue)
{
    size_t first;
    size_t count = rows_by_coupon_coupons(&delivery->by_coupon, issue->coupon_id, issue->coupon_id_length, &first);
    for (size_t i = first; i < first + count; i++)
        delivery->is_wanted[delivery->by_coupon.coupons[i] - rows_of(delivery)->coupons] = true;
}

static void want_coupons(struct delivery *delivery, bool wanted)
{
    if (rows_of(delivery)->coupons_count > 0)
        memset(delivery->is_wanted, wanted, rows_of(delivery)->coupons_count * sizeof *delivery->is_wanted);
}

/* The issues of a range and their coupons, because a store that was restored from a backup meanwhile may lack those. */
static struct store_batch issues_of(struct delivery *delivery, const struct delivery_range *range)
{
    struct store_batch part = part_of(delivery, STORE_PART);
    add_issues(delivery, range, &part);
    want_coupons(delivery, false);
    for (size_t i = 0; i < part.issues_count; i++)
        want_coupon_of(delivery, &part.issues[i]);
    add_coupons(delivery, &part);
    return part;
}

/* The whole frame, with its dead rows as dead letters. */
static struct store_batch living_of(struct delivery *delivery)
{
    const struct store_batch *rows = rows_of(delivery);
    struct delivery_range issues = {rows->coupons_count, rows_count(delivery)};
    struct store_batch frame = part_of(delivery, STORE_FRAME);
    add_issues(delivery, &issues, &frame);
    want_coupons(delivery, true);
    add_coupons(delivery, &frame);
    frame.dead = delivery->dead.letters;
    frame.dead_count = delivery->dead.count;
    return frame;
}

/* --- halving --- */

static void reserve_coupons(struct delivery *delivery)
{
    size_t count = rows_of(delivery)->coupons_count;
    if (count <= delivery->coupons_capacity)
        return;
    delivery->coupons = realloc(delivery->coupons, count * sizeof *delivery->coupons);
    delivery->is_wanted = realloc(delivery->is_wanted, count * sizeof *delivery->is_wanted);
    delivery->coupons_capacity = count;
    CHECK(delivery->coupons && delivery->is_wanted);
}

static void begin_halving(struct delivery *delivery)
{
    reserve_coupons(delivery);
    size_t rows = rows_count(delivery);
    if (rows > delivery->is_dead_capacity) {
        delivery->is_dead = realloc(delivery->is_dead, rows * sizeof *delivery->is_dead);
        delivery->is_dead_capacity = rows;
    }
    if (rows_of(delivery)->issues_count > delivery->issues_capacity) {
        delivery->issues_capacity = rows_of(delivery)->issues_count;
        delivery->issues = realloc(delivery->issues, delivery->issues_capacity * sizeof *delivery->issues);
    }
    CHECK(delivery->is_dead != NULL);
    CHECK(delivery->issues || rows_of(delivery)->issues_count == 0);
    memset(delivery->is_dead, 0, rows * sizeof *delivery->is_dead);
    rows_by_coupon_fill(&delivery->by_coupon, rows_of(delivery));
    enter(delivery, DELIVERY_COUPONS);
    push_range(delivery, 0, rows_of(delivery)->coupons_count);
}

static void mark_dead(struct delivery *delivery, size_t row, const char *reason, int64_t now_us)
{
    const struct store_batch *rows = rows_of(delivery);
    delivery->is_dead[row] = true;
    if (row < rows->coupons_count)
        dead_add_coupon(&delivery->dead, &delivery->batch, &rows->coupons[row], reason, now_us);
    else
        dead_add_issue(&delivery->dead, &delivery->batch, &rows->issues[row - rows->coupons_count], reason, now_us);
}

/* The current range contains a row that can never be stored: marks it if it is the only one, otherwise pushes both
 * halves. */
static void halve(struct delivery *delivery, const char *reason, int64_t now_us)
{
    struct delivery_range range = *top_range(delivery);
    delivery->ranges_count--;
    if (range.end - range.first == 1) {
        mark_dead(delivery, range.first, reason, now_us);
        return;
    }
    size_t middle = range.first + (range.end - range.first) / 2;
    push_range(delivery, middle, range.end);
    push_range(delivery, range.first, middle);
}

/* Reduces the range to its only row that is not dead. */
static void shrink_to_last(struct delivery *delivery)
{
    struct delivery_range *range = top_range(delivery);
    size_t row = range->first;
    while (delivery->is_dead[row])
        row++;
    *range = (struct delivery_range){row, row + 1};
}

/* --- orphans --- */

struct orphans {
    struct delivery *delivery;
    int64_t now_us;
};

static bool mark_orphans(void *arg, const char *coupon_id, const char *why)
{
    const struct orphans *orphans = arg;
    struct delivery *delivery = orphans->delivery;
    const struct store_batch *rows = rows_of(delivery);
    struct error reason;
    size_t first, count = rows_by_coupon_issues(&delivery->by_coupon, coupon_id, strlen(coupon_id), &first);
    error_set(&reason, "its coupon is a dead letter: %s", why);
    for (size_t i = first; i < first + count; i++) {
        size_t row = rows->coupons_count + (size_t)(delivery->by_coupon.issues[i] - rows->issues);
        if (!delivery->is_dead[row])
            mark_dead(delivery, row, reason.text, orphans->now_us);
    }
    return true;
}

/* First writes the coupons that have just become dead letters, so that the store lists all of them. */
static enum store_result find_orphans(struct delivery *delivery, int64_t now_us, struct error *error)
{
    enum store_result result = STORE_OK;
    if (delivery->dead_stored < delivery->dead.count) {
        struct store_batch part = part_of(delivery, STORE_PART);
        part.dead = delivery->dead.letters;
        part.dead_count = delivery->dead.count;
        result = store_write(delivery->store, &part, error);
        delivery->dead_stored = result == STORE_OK ? delivery->dead.count : 0;
        return result;
    }
    struct orphans orphans = {delivery, now_us};
    size_t known = delivery->dead.count;
    result = store_each_dead_coupon(delivery->store, rows_of(delivery)->journal_id, mark_orphans, &orphans, error);
    if (result != STORE_OK) { /* the next attempt finds the same orphans again */
        dead_truncate(&delivery->dead, known);
        memset(delivery->is_dead + rows_of(delivery)->coupons_count, 0, rows_of(delivery)->issues_count);
        return result;
    }
    enter(delivery, DELIVERY_ISSUES);
    push_range(delivery, rows_of(delivery)->coupons_count, rows_count(delivery));
    return STORE_OK;
}

/* --- attempts --- */

/* Without rows in the statement, the store cannot have rejected a row. */
static enum store_result without_rows(enum store_result result)
{
    return result == STORE_REJECTED ? STORE_FAILED : result;
}

static enum store_result write_whole(struct delivery *delivery, struct delivery_step *step)
{
    enum store_result result = store_write(delivery->store, rows_of(delivery), &step->error);
    if (result == STORE_OK) {
        step->rows = rows_count(delivery);
        batch_ack(&delivery->batch, store_id(delivery->store), &step->answer);
        step->action = step->rows > 0 ? DELIVERY_ANSWER : DELIVERY_DROP;
        return STORE_OK;
    }
    if (rows_count(delivery) == 0)
        return without_rows(result);
    if (result == STORE_REJECTED)
        begin_halving(delivery);
    return result;
}

/*
 * The store rejects rows that it accepted before, so halving begins again: the first time at once, later with the wait
 * of a lasting fault, because it may be the dead letters themselves that are rejected.
 */
static enum store_result halve_again(struct delivery *delivery)
{
    enum store_result result = delivery->halved_again ? STORE_FAILED : STORE_REJECTED;
    delivery->halved_again = true;
    dead_truncate(&delivery->dead, 0);
    delivery->dead_stored = 0;
    begin_halving(delivery);
    return result;
}

static enum store_result write_letters(struct delivery *delivery, struct delivery_step *step)
{
    struct store_batch frame = living_of(delivery);
    enum store_result result = store_write(delivery->store, &frame, &step->error);
    if (result == STORE_REJECTED)
        return halve_again(delivery);
    if (result == STORE_OK) {
        step->dead = frame.dead;
        step->dead_count = frame.dead_count;
        batch_ack(&delivery->batch, store_id(delivery->store), &step->answer);
        step->action = DELIVERY_ANSWER;
    }
    return result;
}

static enum store_result write_part(struct delivery *delivery, int64_t now_us, struct delivery_step *step)
{
    const struct delivery_range *range = top_range(delivery);
    bool coupons = delivery->state == DELIVERY_COUPONS;
    struct store_batch part = coupons ? coupons_of(delivery, range) : issues_of(delivery, range);
    size_t rows = coupons ? part.coupons_count : part.issues_count;
    enum store_result result = rows > 0 ? store_write(delivery->store, &part, &step->error) : STORE_OK;
    if (result == STORE_OK) {
        step->rows = rows;
        delivery->ranges_count--;
    } else if (result == STORE_REJECTED) {
        if (rows == 1)
            shrink_to_last(delivery);
        halve(delivery, step->error.text, now_us);
    }
    return result;
}

static enum store_result attempt(struct delivery *delivery, int64_t now_us, struct delivery_step *step)
{
    if (delivery->state == DELIVERY_COUPONS && delivery->ranges_count == 0)
        enter(delivery, DELIVERY_ORPHANS);
    if (delivery->state == DELIVERY_ISSUES && delivery->ranges_count == 0)
        enter(delivery, DELIVERY_LETTERS);
    switch (delivery->state) {
    case DELIVERY_WHOLE:
        return write_whole(delivery, step);
    case DELIVERY_COUPONS:
    case DELIVERY_ISSUES:
        return write_part(delivery, now_us, step);
    case DELIVERY_ORPHANS:
        return without_rows(find_orphans(delivery, now_us, &step->error));
    case DELIVERY_LETTERS:
        return write_letters(delivery, step);
    default:
        CHECK(!"a frame is being delivered");
        return STORE_FAILED;
    }
}

/* --- faults --- */

/*
 * The cause of a lasting fault may be a database that was dropped with its schema. Creates the schema again; the next
 * attempt, which is made soon, then finds that the store is behind.
 */
static int64_t wait_after_failure(struct delivery *delivery, uint32_t random)
{
    struct error error;
    bool migrated = store_migrate(delivery->store, &error) == STORE_OK;
    if (!migrated || delivery->schema_seen)
        return retry_longest_ms(&delivery->retry);
    delivery->schema_seen = true;
    return retry_next_ms(&delivery->retry, random);
}

void delivery_work(struct delivery *delivery, int64_t now_us, uint32_t random, struct delivery_step *step)
{
    *step = (struct delivery_step){.action = DELIVERY_AGAIN};
    step->result = attempt(delivery, now_us, step);
    switch (step->result) {
    case STORE_OK:
        retry_reset(&delivery->retry);
        break;
    case STORE_RETRY:
        step->wait_ms = retry_next_ms(&delivery->retry, random);
        break;
    case STORE_FAILED:
        step->wait_ms = wait_after_failure(delivery, random);
        break;
    case STORE_FOREIGN:
        step->action = DELIVERY_DROP;
        break;
    case STORE_BEHIND:
        batch_behind(&delivery->batch, store_id(delivery->store), store_behind_seq(delivery->store), &step->answer);
        step->action = DELIVERY_ANSWER;
        break;
    case STORE_OTHER:
        batch_refused(&delivery->batch, store_id(delivery->store), &step->answer);
        step->action = DELIVERY_ANSWER;
        break;
    case STORE_REJECTED:
        break;
    }
    if (step->action != DELIVERY_AGAIN)
        enter(delivery, DELIVERY_IDLE);
}
