#include "issuer/feed/window.h"

#include <stddef.h>

#include "shared/error.h"

#define RESEND_FACTOR_MAX 10
#define REFUSALS_MAX      8 /* of one batch; then it waits for its timeout */

void window_init(struct window *window, unsigned capacity, int64_t resend_us, uint64_t acked_seq)
{
    CHECK(capacity >= 1 && capacity <= WINDOW_MAX);
    *window = (struct window){.capacity = capacity, .resend_us = resend_us, .acked_seq = acked_seq};
}

void window_restart(struct window *window, uint64_t acked_seq)
{
    window->first = window->count = 0;
    window->acked_seq = acked_seq;
}

static unsigned slot_at(const struct window *window, unsigned position)
{
    return (window->first + position) % window->capacity;
}

bool window_accepts(const struct window *window)
{
    if (window->count == window->capacity)
        return false;
    for (unsigned i = 0; i < window->count; i++) {
        if (window->batches[slot_at(window, i)].barrier)
            return false;
    }
    return true;
}

static uint64_t last_seq(const struct window *window)
{
    return window->count == 0 ? window->acked_seq : window->batches[slot_at(window, window->count - 1)].last_seq;
}

unsigned window_push(struct window *window, uint64_t first_seq, uint64_t last, int64_t time_us, bool barrier)
{
    CHECK(window_accepts(window));
    CHECK(first_seq == last_seq(window) + 1);
    CHECK(last >= first_seq);
    unsigned slot = slot_at(window, window->count++);
    window->batches[slot] = (struct window_batch){
        .state = WINDOW_READY, .first_seq = first_seq, .last_seq = last, .time_us = time_us, .barrier = barrier};
    return slot;
}

int window_due(const struct window *window, int64_t now_us)
{
    for (unsigned i = 0; i < window->count; i++) {
        unsigned slot = slot_at(window, i);
        const struct window_batch *batch = &window->batches[slot];
        if (batch->state == WINDOW_READY || (batch->state == WINDOW_WAITING && now_us >= batch->resend_at_us))
            return (int)slot;
    }
    return -1;
}

/* The wait for earlier batches, which the same persister may have to write first. */
static int64_t waiting_before(const struct window *window, unsigned slot)
{
    int64_t waiting = 0;
    for (unsigned i = 0; i < window->count && slot_at(window, i) != slot; i++)
        waiting += window->batches[slot_at(window, i)].state == WINDOW_WAITING;
    return waiting;
}

void window_sent(struct window *window, unsigned slot, int64_t now_us)
{
    struct window_batch *batch = &window->batches[slot];
    CHECK(batch->state != WINDOW_DONE);
    int64_t factor = batch->sends < 4 ? INT64_C(1) << batch->sends : RESEND_FACTOR_MAX;
    factor = factor > RESEND_FACTOR_MAX ? RESEND_FACTOR_MAX : factor;
    batch->state = WINDOW_WAITING;
    batch->sends++;
    batch->resend_at_us = now_us + window->resend_us * factor * (1 + waiting_before(window, slot));
}

int64_t window_deadline(const struct window *window)
{
    int64_t deadline = INT64_MAX;
    for (unsigned i = 0; i < window->count; i++) {
        const struct window_batch *batch = &window->batches[slot_at(window, i)];
        if (batch->state == WINDOW_WAITING && batch->resend_at_us < deadline)
            deadline = batch->resend_at_us;
    }
    return deadline;
}

/* The batch with these bounds, if it waits for an answer. */
static struct window_batch *find_waiting(struct window *window, uint64_t first_seq, uint64_t last)
{
    for (unsigned i = 0; i < window->count; i++) {
        struct window_batch *batch = &window->batches[slot_at(window, i)];
        if (batch->first_seq == first_seq && batch->last_seq == last && batch->state == WINDOW_WAITING)
            return batch;
    }
    return NULL;
}

bool window_ack(struct window *window, uint64_t first_seq, uint64_t last)
{
    struct window_batch *batch = find_waiting(window, first_seq, last);
    if (batch != NULL)
        batch->state = WINDOW_DONE;
    return batch != NULL;
}

void window_refused(struct window *window, uint64_t first_seq, uint64_t last)
{
    struct window_batch *batch = find_waiting(window, first_seq, last);
    if (batch != NULL && batch->refusals++ < REFUSALS_MAX)
        batch->state = WINDOW_READY;
}

int window_pop(struct window *window)
{
    const struct window_batch *oldest = &window->batches[window->first];
    if (window->count == 0 || oldest->state != WINDOW_DONE)
        return -1;
    unsigned slot = window->first;
    window->acked_seq = oldest->last_seq;
    window->first = slot_at(window, 1);
    window->count--;
    return (int)slot;
}
