/*
 * Deadlines of many connections without a timer each: buckets of coarse ticks. A node fires at the earliest in the tick
 * after it is due; one that is due beyond the wheel's turn fires early and is put back by its owner. Pure; used by one
 * thread.
 */
#ifndef COUPOND_TIMER_WHEEL_H
#define COUPOND_TIMER_WHEEL_H

#include <stdint.h>

#define TIMER_WHEEL_BUCKETS 256

struct timer_node {
    struct timer_node *previous; /* NULL: in no bucket */
    struct timer_node *next;
    uint64_t due_ms;
};

struct timer_wheel {
    struct timer_node buckets[TIMER_WHEEL_BUCKETS];
    uint64_t tick_ms;
    uint64_t tick; /* the last one that fired, or fires still */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t tick_ms, uint64_t now_ms);
/* Puts the node, or moves it, to `due_ms`. */
void timer_wheel_put(struct timer_wheel *wheel, struct timer_node *node, uint64_t due_ms);
void timer_wheel_remove(struct timer_node *node);
/* Takes out every node whose tick has passed, `most` at the most, and hands it to `fire`, which may put it back or
 * remove others. What is left fires at the next call. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms, unsigned most,
                         void (*fire)(struct timer_node *node, void *arg), void *arg);

#endif
