/*
 * Metrics: table rows, counted without locks, printed in Prometheus' text format. Each actor owns a block and is the
 * only one that writes to it; a scrape on any thread reads all blocks and adds up those with the same labels.
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
 * A block for one actor, all zeros. `role` chooses the rows that it prints (gateway, issuer, persister: the row's name
 * begins with coupond_<role>_); `partition` becomes a label, or is left out when negative; such a block
 * beside others with a partition prints only the rows that it touched. Blocks live until the process ends.
 */
struct metrics *metrics_create(const char *role, int partition);

/* On the owner's thread. `child` is the index in the row's label set, 0 where it has none. */
void metrics_add(struct metrics *metrics, enum metric metric, unsigned child, uint64_t n);
void metrics_set(struct metrics *metrics, enum metric metric, unsigned child, int64_t value);
/* Histogram rows: counts `value` (µs, rows, bytes: the row's own unit before its scale) into its bucket, `times` times.
 */
void metrics_observe(struct metrics *metrics, enum metric metric, uint64_t value, uint64_t times);
/* COUPON rows: gives child `child` of the quantity and the issued row to a coupon, whose id is at most COUPON_ID_MAX
 * bytes long, with these values; a scrape never shows one coupon's values under another one's id. */
void metrics_set_coupon(struct metrics *metrics, unsigned child, const char *id, uint32_t quantity, uint32_t issued);
/* On any thread: one value, for tests, health checks and logs. */
int64_t metrics_get(const struct metrics *metrics, enum metric metric, unsigned child);

/* On the thread that renders, before it: what /readyz of the same port says, for coupond_ready. */
void metrics_set_ready(bool ready);
/* All blocks and the process basics as Prometheus text. The caller frees the NUL-terminated result; `length` excludes
 * the NUL. */
char *metrics_render(size_t *length);

#endif
