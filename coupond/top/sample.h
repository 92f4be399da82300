/*
 * The data that `coupond top` extracts from a member's /metrics: a table of figures, summed over partitions, the
 * verdicts and a few histograms. Pure: takes text, returns values; impossible values are skipped.
 */
#ifndef COUPOND_TOP_SAMPLE_H
#define COUPOND_TOP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/coupon.h"

/* X(id, how to combine the values of partitions and labels, metric, label, its value); label NULL: all labels. A
 * partition omits a KNOWN metric until it has a value; the sum is NaN until all partitions report it. */
/* clang-format off */
#define TOP_VALUE_TABLE(X) \
    X(CONNECTIONS, SUM, "coupond_gateway_connections", NULL, NULL) \
    X(WAITING, SUM, "coupond_gateway_in_flight", NULL, NULL) \
    X(REFUSED, SUM, "coupond_gateway_connections_refused_total", NULL, NULL) \
    X(GATEWAY_DROPPED, SUM, "coupond_gateway_frames_dropped_total", NULL, NULL) \
    X(LATE, SUM, "coupond_gateway_replies_late_total", NULL, NULL) \
    X(OVERLOADED, SUM, "coupond_gateway_unavailable_total", "code", "overloaded") \
    X(NO_ISSUER, SUM, "coupond_gateway_unavailable_total", "code", "issuer_unavailable") \
    X(UNKNOWN, SUM, "coupond_gateway_unavailable_total", "code", "outcome_unknown") \
    X(READS, SUM, "coupond_gateway_policy_reads_total", NULL, NULL) \
    X(READS_ASKED, SUM, "coupond_gateway_policy_reads_total", "source", "issuer") \
    X(REDIS_ERRORS, SUM, "coupond_gateway_redis_errors_total", NULL, NULL) \
    X(CACHE_REFUSALS, SUM, "coupond_gateway_policy_refusals_total", NULL, NULL) \
    X(JOURNAL_BYTES, SUM, "coupond_issuer_journal_written_bytes_total", NULL, NULL) \
    X(LAG_ROWS, SUM_KNOWN, "coupond_issuer_persist_lag_rows", NULL, NULL) \
    X(LAG_SECONDS, MAX_KNOWN, "coupond_issuer_persist_lag_seconds", NULL, NULL) \
    X(COUPONS, SUM, "coupond_issuer_coupons", NULL, NULL) \
    X(IN_FLIGHT, SUM, "coupond_issuer_stream_in_flight", NULL, NULL) \
    X(RESENT, SUM, "coupond_issuer_stream_resent_total", NULL, NULL) \
    X(REWINDS, SUM, "coupond_issuer_store_rewinds_total", NULL, NULL) \
    X(MISSING, SUM, "coupond_issuer_store_missing_records", NULL, NULL) \
    X(ISSUER_DROPPED, SUM, "coupond_issuer_frames_dropped_total", NULL, NULL) \
    X(REPLIES_DROPPED, SUM, "coupond_issuer_replies_dropped_total", NULL, NULL) \
    X(SNAPSHOT_FAILURES, SUM, "coupond_issuer_snapshot_failures_total", NULL, NULL) \
    X(CLOCK_SUSPECT, MAX, "coupond_issuer_clock_suspect", NULL, NULL) \
    X(JOURNAL_FULL, MAX, "coupond_issuer_journal_full", NULL, NULL) \
    X(ROWS, SUM, "coupond_persister_rows_total", NULL, NULL) \
    X(STORE_ERRORS, SUM, "coupond_persister_store_errors_total", NULL, NULL) \
    X(DEAD_LETTERS, SUM, "coupond_persister_dead_letters_total", NULL, NULL) \
    X(PERSISTER_DROPPED, SUM, "coupond_persister_frames_dropped_total", NULL, NULL) \
    X(CPU_SECONDS, SUM, "process_cpu_seconds_total", NULL, NULL) \
    X(MEMORY_BYTES, SUM, "process_resident_memory_bytes", NULL, NULL) \
    X(FDS, SUM, "process_open_fds", NULL, NULL) \
    X(START_SECONDS, MAX, "process_start_time_seconds", NULL, NULL)
/* clang-format on */

enum top_value {
#define X(id, how, name, label, label_value) TOP_VALUE_##id,
    TOP_VALUE_TABLE(X)
#undef X
        TOP_VALUE_COUNT
};

enum top_histogram {
    TOP_HISTOGRAM_ANSWER,  /* from a request's last byte to its answer, in seconds */
    TOP_HISTOGRAM_MESSAGE, /* requests per message to the issuer */
    TOP_HISTOGRAM_BATCH,   /* requests decided and synced together */
    TOP_HISTOGRAM_SYNC,    /* in seconds */
    TOP_HISTOGRAM_TURN,    /* longest wait of a request for its decision, in seconds */
    TOP_HISTOGRAM_ROWS,    /* rows per transaction */
    TOP_HISTOGRAM_WRITE,   /* duration of a transaction, in seconds */
    TOP_HISTOGRAM_COUNT
};

#define TOP_BUCKETS_MAX 40

/* Cumulative counts, as in the text: everything up to the bound. The last bound is infinite. */
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
#define TOP_STOCKS_MAX  64

/* The stock of a coupon from the issuer's metrics, which cover the busiest coupons. */
struct top_stock {
    char id[COUPON_ID_MAX + 1];
    uint64_t quantity; /* QUANTITY_UNLIMITED: none is reported */
    uint64_t issued;
    uint64_t returned;
};

struct top_sample {
    int64_t taken_us;           /* of the monotonic clock */
    bool roles[TOP_ROLE_COUNT]; /* roles of the process */
    char version[TOP_VERSION_MAX];
    double values[TOP_VALUE_COUNT]; /* 0 when missing, NaN when the issuer does not know it yet */
    double verdicts[VERDICT_COUNT];
    double answers;     /* HTTP requests answered, without health and metrics */
    double unavailable; /* of these, 503 */
    double failed;      /* of these, other 5xx */
    struct top_histogram_sample histograms[TOP_HISTOGRAM_COUNT];
    unsigned stocks;
    struct top_stock stock[TOP_STOCKS_MAX];
};

/* Parses a text read at `taken_us`. False when it is not coupond's. */
bool top_sample_read(struct top_sample *sample, int64_t taken_us, const char *text, size_t length);

/* The stock of a coupon; NULL when it is not reported. */
const struct top_stock *top_sample_stock(const struct top_sample *sample, const char *id);

/* Adds the increase from `before` to `now` to `to`; nothing when any count has decreased. */
void top_histogram_add_delta(struct top_histogram_sample *to, const struct top_histogram_sample *now,
                             const struct top_histogram_sample *before);
/* The value at quantile `q`, interpolated within a bucket; beyond the last finite bound, that bound. NaN when the
 * histogram is empty. */
double top_histogram_quantile(const struct top_histogram_sample *histogram, double q);
/* NaN when the histogram is empty. */
double top_histogram_mean(const struct top_histogram_sample *histogram);

#endif
