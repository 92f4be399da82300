/*
 * What `coupond top` takes from one reading of a member's /metrics: the figures of a table, summed over partitions, the
 * verdicts and a few histograms. Pure: text in, values out; values that no counter or gauge can have are left out.
 */
#ifndef COUPOND_TOP_SAMPLE_H
#define COUPOND_TOP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

/* X(id, how values of several partitions and labels become one, name) */
#define TOP_VALUE_TABLE(X)                                                                                             \
    X(CONNECTIONS, SUM, "coupond_gateway_connections")                                                                 \
    X(WAITING, SUM, "coupond_gateway_in_flight")                                                                       \
    X(REFUSED, SUM, "coupond_gateway_connections_refused_total")                                                       \
    X(GATEWAY_DROPPED, SUM, "coupond_gateway_frames_dropped_total")                                                    \
    X(LATE, SUM, "coupond_gateway_replies_late_total")                                                                 \
    X(JOURNAL_BYTES, SUM, "coupond_issuer_journal_written_bytes_total")                                                \
    X(LAG_ROWS, SUM, "coupond_issuer_persist_lag_rows")                                                                \
    X(LAG_SECONDS, MAX, "coupond_issuer_persist_lag_seconds")                                                          \
    X(COUPONS, SUM, "coupond_issuer_coupons")                                                                          \
    X(IN_FLIGHT, SUM, "coupond_issuer_stream_in_flight")                                                               \
    X(RESENT, SUM, "coupond_issuer_stream_resent_total")                                                               \
    X(REWINDS, SUM, "coupond_issuer_store_rewinds_total")                                                              \
    X(MISSING, SUM, "coupond_issuer_store_missing_records")                                                            \
    X(ISSUER_DROPPED, SUM, "coupond_issuer_frames_dropped_total")                                                      \
    X(REPLIES_DROPPED, SUM, "coupond_issuer_replies_dropped_total")                                                    \
    X(SNAPSHOT_FAILURES, SUM, "coupond_issuer_snapshot_failures_total")                                                \
    X(JOURNAL_FULL, MAX, "coupond_issuer_journal_full")                                                                \
    X(ROWS, SUM, "coupond_persister_rows_total")                                                                       \
    X(STORE_ERRORS, SUM, "coupond_persister_store_errors_total")                                                       \
    X(RETRIES, SUM, "coupond_persister_retries_total")                                                                 \
    X(DEAD_LETTERS, SUM, "coupond_persister_dead_letters_total")                                                       \
    X(PERSISTER_DROPPED, SUM, "coupond_persister_frames_dropped_total")                                                \
    X(CPU_SECONDS, SUM, "process_cpu_seconds_total")                                                                   \
    X(MEMORY_BYTES, SUM, "process_resident_memory_bytes")                                                              \
    X(FDS, SUM, "process_open_fds")                                                                                    \
    X(START_SECONDS, MAX, "process_start_time_seconds")

enum top_value {
#define X(id, how, name) TOP_VALUE_##id,
    TOP_VALUE_TABLE(X)
#undef X
        TOP_VALUE_COUNT
};

enum top_histogram {
    TOP_HISTOGRAM_ANSWER,  /* a request from its last byte to its answer, in seconds */
    TOP_HISTOGRAM_MESSAGE, /* requests in one message to the issuer */
    TOP_HISTOGRAM_BATCH,   /* requests decided and synced together */
    TOP_HISTOGRAM_SYNC,    /* in seconds */
    TOP_HISTOGRAM_ROWS,    /* rows of one transaction */
    TOP_HISTOGRAM_WRITE,   /* one transaction, in seconds */
    TOP_HISTOGRAM_COUNT
};

#define TOP_BUCKETS_MAX 40

/* Counts are as the text has them: of everything up to the bound. The last bound is infinite. */
struct top_histogram_sample {
    unsigned buckets;
    double bounds[TOP_BUCKETS_MAX];
    double counts[TOP_BUCKETS_MAX];
    double sum;
    double count;
};

enum top_role { TOP_GATEWAY, TOP_ISSUER, TOP_PERSISTER, TOP_ROLE_COUNT };
extern const char *const top_role_names[TOP_ROLE_COUNT];

#define TOP_VERSION_MAX 16

struct top_sample {
    int64_t taken_us;           /* on the monotone clock */
    bool roles[TOP_ROLE_COUNT]; /* that the process has */
    char version[TOP_VERSION_MAX];
    double values[TOP_VALUE_COUNT]; /* 0 where the text has none */
    double verdicts[VERDICT_COUNT];
    double answers;     /* requests answered over HTTP, those for health and metrics not counted */
    double unavailable; /* of these, with 503 */
    double failed;      /* of these, with another 5xx */
    struct top_histogram_sample histograms[TOP_HISTOGRAM_COUNT];
};

/* Reads a text that was taken at `taken_us`. False when it is not coupond's. */
bool top_sample_read(struct top_sample *sample, int64_t taken_us, const char *text, size_t length);

/* `to` becomes `to` plus what `now` counted more than `before`, or nothing when it has counted less in anything. */
void top_histogram_add_delta(struct top_histogram_sample *to, const struct top_histogram_sample *now,
                             const struct top_histogram_sample *before);
/* The value below which the share `q` of all lies, evenly spread within a bucket; beyond the last finite bound, that
 * bound. NaN when nothing was counted. */
double top_histogram_quantile(const struct top_histogram_sample *histogram, double q);
/* NaN when nothing was counted. */
double top_histogram_mean(const struct top_histogram_sample *histogram);

#endif
