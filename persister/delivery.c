#include "persister/delivery.h"

#include <string.h>

/* Every state may end in DELIVERY_IDLE. */
static void enter(struct delivery *delivery, enum delivery_state state)
{
    static const bool follows[DELIVERY_STATES][DELIVERY_STATES] = {
        [DELIVERY_IDLE] = {[DELIVERY_WHOLE] = true},      [DELIVERY_WHOLE] = {[DELIVERY_COUPONS] = true},
        [DELIVERY_COUPONS] = {[DELIVERY_ORPHANS] = true}, [DELIVERY_ORPHANS] = {[DELIVERY_ROWS] = true},
        [DELIVERY_ROWS] = {[DELIVERY_LETTERS] = true},    [DELIVERY_LETTERS] = {[DELIVERY_COUPONS] = true},
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
    parts_deinit(&delivery->parts);
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

/* --- halving --- */

static const struct store_batch *rows_of(const struct delivery *delivery)
{
    return &delivery->batch.rows;
}

static void push_range(struct delivery *delivery, size_t first, size_t end)
{
    CHECK(delivery->ranges_count < DELIVERY_RANGES_MAX);
    if (first < end)
        delivery->ranges[delivery->ranges_count++] = (struct parts_range){first, end};
}

static struct parts_range *top_range(struct delivery *delivery)
{
    CHECK(delivery->ranges_count > 0);
    return &delivery->ranges[delivery->ranges_count - 1];
}

static void begin_halving(struct delivery *delivery)
{
    parts_begin(&delivery->parts, &delivery->batch);
    enter(delivery, DELIVERY_COUPONS);
    push_range(delivery, 0, parts_coupons(&delivery->batch));
}

/* The current range contains a row that can never be stored: marks it if it is the only one, otherwise pushes both
 * halves. */
static void halve(struct delivery *delivery, const char *reason, int64_t now_us)
{
    struct parts_range range = *top_range(delivery);
    delivery->ranges_count--;
    if (range.end - range.first == 1) {
        parts_mark_dead(&delivery->parts, range.first, &delivery->dead, reason, now_us);
        return;
    }
    size_t middle = range.first + (range.end - range.first) / 2;
    push_range(delivery, middle, range.end);
    push_range(delivery, range.first, middle);
}

/* Reduces the range to its only row that is not dead. */
static void shrink_to_last(struct delivery *delivery)
{
    struct parts_range *range = top_range(delivery);
    size_t row = range->first;
    while (delivery->parts.is_dead[row])
        row++;
    *range = (struct parts_range){row, row + 1};
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
    struct error reason;
    error_set(&reason, "its coupon is a dead letter: %s", why);
    parts_mark_orphans(&delivery->parts, coupon_id, &delivery->dead, reason.text, orphans->now_us);
    return true;
}

/* First writes the coupons that have just become dead letters, so that the store lists all of them. */
static enum store_result find_orphans(struct delivery *delivery, int64_t now_us, struct error *error)
{
    enum store_result result = STORE_OK;
    if (delivery->dead_stored < delivery->dead.count) {
        struct store_batch part = parts_of_letters(&delivery->parts, &delivery->dead);
        result = store_write(delivery->store, &part, error);
        delivery->dead_stored = result == STORE_OK ? delivery->dead.count : 0;
        return result;
    }
    struct orphans orphans = {delivery, now_us};
    size_t known = delivery->dead.count;
    result = store_each_dead_coupon(delivery->store, rows_of(delivery)->journal_id, mark_orphans, &orphans, error);
    if (result != STORE_OK) { /* the next attempt finds the same orphans again */
        dead_truncate(&delivery->dead, known);
        parts_revive(&delivery->parts);
        return result;
    }
    enter(delivery, DELIVERY_ROWS);
    push_range(delivery, parts_coupons(&delivery->batch), parts_count(&delivery->batch));
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
        step->rows = parts_count(&delivery->batch);
        batch_ack(&delivery->batch, store_id(delivery->store), &step->answer);
        step->action = rows_of(delivery)->scope == STORE_FRAME ? DELIVERY_ANSWER : DELIVERY_DROP;
        return STORE_OK;
    }
    if (parts_count(&delivery->batch) == 0)
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
    struct store_batch frame = parts_of_frame(&delivery->parts, &delivery->dead);
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
    const struct parts_range *range = top_range(delivery);
    size_t rows = range->end - range->first;
    struct store_batch part = delivery->state == DELIVERY_COUPONS ? parts_of_coupons(&delivery->parts, range)
                                                                  : parts_of_rows(&delivery->parts, range, &rows);
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
    if (delivery->state == DELIVERY_ROWS && delivery->ranges_count == 0)
        enter(delivery, DELIVERY_LETTERS);
    switch (delivery->state) {
    case DELIVERY_WHOLE:
        return write_whole(delivery, step);
    case DELIVERY_COUPONS:
    case DELIVERY_ROWS:
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
