/*
 * Metrics: table rows, counted without locks, printed in Prometheus' text format. Each actor owns a block, which only
 * it writes; a scrape on any thread reads all blocks and sums those with equal labels.
 */
#ifndef COUPOND_METRICS_H
#define COUPOND_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/telemetry/metrics_table.h"

enum metric {
#define X(id, kind, labels, scale, name, help) METRIC_##id,
    METRIC_TABLE(X)
#undef X
        METRIC_COUNT
};

struct metrics;

/*
 * Creates a block of zeros for one actor. `role` selects the rows that it prints (gateway, issuer, persister: names
 * that begin with coupond_<role>_). `partition` becomes a label unless negative; a block without a partition, beside
 * others that have one, prints only rows that it has written. Blocks live until the process ends.
 */
struct metrics *metrics_create(const char *role, int partition);

/* On the owner's thread. `child` is the index in the row's label set, 0 for a row without labels. */
void metrics_add(struct metrics *metrics, enum metric metric, unsigned child, uint64_t n);
void metrics_set(struct metrics *metrics, enum metric metric, unsigned child, int64_t value);
/* Histogram rows: adds `times` observations of `value` (µs, rows, bytes: the row's unit before scaling). */
void metrics_observe(struct metrics *metrics, enum metric metric, uint64_t value, uint64_t times);
/* The values of a coupon's COUPON rows. */
struct metrics_stock {
    uint32_t quantity; /* QUANTITY_UNLIMITED: the row has no sample */
    uint32_t issued;
    uint32_t returned;
    uint32_t redeemed;
};

/* Assigns child `child` of the COUPON rows to a coupon, whose id is at most COUPON_ID_MAX bytes long, and sets its
 * values. A scrape never shows one coupon's values under another's id. */
void metrics_set_coupon(struct metrics *metrics, unsigned child, const char *id, const struct metrics_stock *stock);
/* Any thread: one value, for tests, health checks and logs. */
int64_t metrics_get(const struct metrics *metrics, enum metric metric, unsigned child);

/* Any thread: one value, summed over all blocks of a role; of a histogram the number of values in a bucket, or behind
 * the last bucket the sum of all values. Not for hot paths: takes the lock that creating a block takes. */
uint64_t metrics_sum(const char *role, enum metric metric, unsigned slot);
#define METRICS_BUCKETS_MAX 20
/* The upper bounds of a histogram's buckets; one more bucket has no bound. */
const uint32_t *metrics_bounds(enum metric metric, unsigned *count);

/* On the rendering thread, before rendering: the state of /readyz on the same port, for coupond_ready. */
void metrics_set_ready(bool ready);
/* All blocks and the process basics as Prometheus text. The caller frees the NUL-terminated result; `length` excludes
 * the NUL. */
char *metrics_render(size_t *length);

#endif
