/*
 * The answer to GET /v1/status: what an operator's page shows of a cluster, as one gateway knows it. Pure.
 */
#ifndef COUPOND_REPLY_STATUS_JSON_H
#define COUPOND_REPLY_STATUS_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/buffer.h"
#include "shared/limits.h"

struct status_partition {
    bool up;
    bool heard; /* has sent a pong */
    uint64_t journal_seq;
    bool stored; /* the store was asked */
    uint64_t stored_seq;
};

/* A number with its name. */
struct status_count {
    const char *name;
    uint64_t count;
};

struct status_bucket {
    uint32_t bound_us; /* unused in the last one, which has no bound */
    uint64_t count;    /* of the values above the bound before */
};

enum { STATUS_BUCKETS_MAX = 24, STATUS_OUTCOMES_MAX = 24 };

struct status {
    const char *version;
    int64_t now_us;
    uint64_t uptime_s;
    bool identity;
    bool dev; /* all roles in one process */
    bool ready;
    const char *detail; /* what is missing; "": nothing */
    unsigned partitions_count;
    struct status_partition partitions[PARTITIONS_MAX];
    /* the store */
    bool available;
    int64_t as_of_us; /* TIME_NONE: unknown */
    /* this process */
    uint64_t connections;
    uint64_t in_flight;
    uint64_t watchers;
    unsigned outcomes_count;
    struct status_count outcomes[STATUS_OUTCOMES_MAX];
    unsigned buckets_count;
    struct status_bucket buckets[STATUS_BUCKETS_MAX];
    uint64_t sum_us;
};

void status_json_append(struct buffer *out, const struct status *status);

#endif
