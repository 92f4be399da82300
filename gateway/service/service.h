/*
 * What answering needs, on one gateway thread: the exchanges, the links to the partitions, what is known of coupons.
 * Owned by that thread; the loop sets it up and drives it.
 */
#ifndef COUPOND_SERVICE_H
#define COUPOND_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/api/api.h"
#include "gateway/connection/connections.h"
#include "gateway/connection/exchange.h"
#include "gateway/http/buffer.h"
#include "gateway/link/issuer_link.h"
#include "gateway/reply/reply.h"
#include "gateway/service/readiness.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct policies;

struct service {
    const struct options *options;
    struct metrics *metrics;
    struct connections *connections;
    struct exchanges exchanges;
    struct issuer_link *links[PARTITIONS_MAX];
    uint16_t partitions; /* how many of them are there */
    struct policies *policies;
    struct readiness *readiness;
    struct api_rules rules;
    struct cors *cors; /* gateway/cors_origins; NULL: none. The rules' too */
    struct reply_clock clock;
    struct buffer scratch; /* bodies in the making */
    int64_t turn_us;       /* 0: not read in this turn */
};

/* Everything but links and policies; all pointers are borrowed. */
void service_init(struct service *service, const struct options *options, struct metrics *metrics,
                  struct connections *connections, struct readiness *readiness);
/* With links and policies gone. */
void service_deinit(struct service *service);

/* Microseconds of the monotone clock, the same for a whole turn. */
int64_t service_now_us(struct service *service);
/* The turn is over. */
void service_end_turn(struct service *service);

/* Until when what is asked of the issuer now waits: it is decided by then or never will be. */
int64_t service_until_us(struct service *service);
/* True while the partition's issuer answers. */
bool service_partition_up(const struct service *service, uint16_t partition);

/* Header lines about the request's origin, for any answer to it; NULL: none. */
const char *service_origin_fields(const struct service *service, const struct http_request *request);

#endif
