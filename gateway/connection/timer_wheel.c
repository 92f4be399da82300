#include "gateway/connection/timer_wheel.h"

#include <stddef.h>

void timer_wheel_init(struct timer_wheel *wheel, uint64_t tick_ms, uint64_t now_ms)
{
    for (int i = 0; i < TIMER_WHEEL_BUCKETS; i++) {
        wheel->buckets[i].previous = &wheel->buckets[i];
        wheel->buckets[i].next = &wheel->buckets[i];
    }
    wheel->tick_ms = tick_ms;
    wheel->tick = now_ms / tick_ms;
}

static void insert(struct timer_node *bucket, struct timer_node *node)
{
    node->previous = bucket->previous;
    node->next = bucket;
    bucket->previous->next = node;
    bucket->previous = node;
}

void timer_wheel_remove(struct timer_node *node)
{
    if (node->previous == NULL)
        return;
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->previous = NULL;
    node->next = NULL;
}

void timer_wheel_put(struct timer_wheel *wheel, struct timer_node *node, uint64_t due_ms)
{
    uint64_t tick = due_ms / wheel->tick_ms + 1;
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    if (tick >= wheel->tick + TIMER_WHEEL_BUCKETS)
        tick = wheel->tick + TIMER_WHEEL_BUCKETS - 1;
    timer_wheel_remove(node);
    node->due_ms = due_ms;
    insert(&wheel->buckets[tick % TIMER_WHEEL_BUCKETS], node);
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms, unsigned most,
                         void (*fire)(struct timer_node *node, void *arg), void *arg)
{
    uint64_t last = now_ms / wheel->tick_ms;
    if (last > wheel->tick + TIMER_WHEEL_BUCKETS)
        wheel->tick = last - TIMER_WHEEL_BUCKETS; /* after a long stall, one turn of the wheel fires everything */
    while (most > 0) {
        /* No node is added to the bucket of the firing tick, so this loop ends. */
        struct timer_node *bucket = &wheel->buckets[wheel->tick % TIMER_WHEEL_BUCKETS];
        struct timer_node *node = bucket->next;
        if (node != bucket) {
            timer_wheel_remove(node);
            fire(node, arg);
            most--;
        } else if (wheel->tick < last) {
            wheel->tick++;
        } else {
            break;
        }
    }
}
