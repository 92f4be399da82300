/*
 * The context for answering on one gateway thread: exchanges, links to the partitions, cached coupons. Owned by that
 * thread; the loop creates and drives it.
 */
#ifndef COUPOND_SERVICE_H
#define COUPOND_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/api/api.h"
#include "gateway/connection/connections.h"
#include "gateway/connection/exchange.h"
#include "gateway/http/buffer.h"
#include "gateway/link/partition_link.h"
#include "gateway/reply/reply.h"
#include "gateway/service/readiness.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct limits;
struct live;
struct eligibility;
struct policies;
struct readers;
struct rehearsal;
struct reading_port;
struct trace_port;

/* The last pong of a partition. */
struct service_pong {
    bool heard;
    uint64_t journal_seq;
};

struct service {
    const struct options *options;
    struct metrics *metrics;
    struct connections *connections;
    struct exchanges exchanges;
    struct partition_link *links[PARTITIONS_MAX];
    uint16_t partitions; /* number of partitions */
    struct service_pong pongs[PARTITIONS_MAX];
    struct policies *policies;
    struct live *live;
    struct limits *limits;             /* shared by all threads; NULL: none is on */
    struct eligibility *eligibility;   /* NULL: identity is off, and segments do not matter */
    struct rehearsal *rehearsal;       /* shared by all threads; NULL: turned off */
    struct readers *readers;           /* shared by all threads; NULL: the store is not read */
    struct reading_port *reading_port; /* this thread's */
    struct trace_port *traces;         /* this thread's; NULL: no request is traced */
    struct readiness *readiness;
    struct api_rules rules;
    struct cors *cors; /* gateway/cors_origins; NULL: none. Also used by the rules */
    struct reply_clock clock;
    struct buffer scratch; /* for bodies under construction */
    int64_t turn_us;       /* 0: not read in this turn */
};

/* Initializes everything except links and policies; all pointers are borrowed. `identity` may be NULL: it is off. */
void service_init(struct service *service, const struct options *options, struct metrics *metrics,
                  struct connections *connections, struct readiness *readiness, struct identity *identity);
/* Call after links and policies are destroyed. */
void service_deinit(struct service *service);

/* Microseconds of the monotonic clock; constant during a turn. */
int64_t service_now_us(struct service *service);
/* Call at the end of a turn. */
void service_end_turn(struct service *service);

/* The local deadline of a request sent to the issuer now: it has been decided by then or never will be. */
int64_t service_until_us(struct service *service);
/* True while the partition answers. */
bool service_partition_up(const struct service *service, uint16_t partition);
/* True while requests to the partition may be added: it answers, or they may wait for an owner. */
bool service_may_ask(const struct service *service, uint16_t partition);

/* The partitions, one bit each; and whether requests to all of them may be added. */
uint64_t service_all_partitions(const struct service *service);
bool service_may_ask_all(const struct service *service);

/* CORS header lines for any answer to this request; NULL: none. */
const char *service_origin_fields(const struct service *service, const struct http_request *request);

#endif
