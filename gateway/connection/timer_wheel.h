/*
 * Deadlines of many connections in buckets of coarse ticks, instead of one timer each. A node fires at the earliest in
 * the tick after it is due. A node that is due later than one turn of the wheel fires early, and its owner puts it
 * back. Pure; used by one thread.
 */
#ifndef COUPOND_TIMER_WHEEL_H
#define COUPOND_TIMER_WHEEL_H

#include <stdint.h>

#define TIMER_WHEEL_BUCKETS 256

struct timer_node {
    struct timer_node *previous; /* NULL: not in a bucket */
    struct timer_node *next;
    uint64_t due_ms;
};

struct timer_wheel {
    struct timer_node buckets[TIMER_WHEEL_BUCKETS];
    uint64_t tick_ms;
    uint64_t tick; /* the last tick that fired, or the one that is firing */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t tick_ms, uint64_t now_ms);
/* Inserts the node, or moves it, at `due_ms`. */
void timer_wheel_put(struct timer_wheel *wheel, struct timer_node *node, uint64_t due_ms);
void timer_wheel_remove(struct timer_node *node);
/* Removes at most `most` nodes whose tick has passed and passes each to `fire`, which may put it back or remove others.
 * The rest fires with the next call. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms, unsigned most,
                         void (*fire)(struct timer_node *node, void *arg), void *arg);

#endif
