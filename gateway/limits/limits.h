/*
 * The request limits of a gateway process: a bucket per user and one per client address, shared by its threads. Any
 * thread; no lock, no allocation after the start.
 */
#ifndef COUPOND_GATEWAY_LIMITS_H
#define COUPOND_GATEWAY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/span.h"
#include "shared/net_address.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct limits;

/* NULL when neither limit is on. The options are checked. */
struct limits *limits_create(const struct options *options);
void limits_destroy(struct limits **limits);

/* True when this limit is on. */
bool limits_count(const struct limits *limits, enum metric_limit kind);

/* The address that a request counts for: the peer's, or behind trusted proxies the one that they report; of an IPv6
 * address the first 64 bits, because a client has at least those. `head` is the request's. */
struct net_address limits_client(const struct limits *limits, struct net_address peer, struct span head);

/* Takes a token of the client or of the user with this id, if that limit is on. Returns 0, or the seconds until there
 * is one. *evicted becomes true when another lost its place in the table. */
uint32_t limits_take_address(struct limits *limits, const struct net_address *client, int64_t now_us, bool *evicted);
uint32_t limits_take_user(struct limits *limits, struct span user_id, int64_t now_us, bool *evicted);

/* True when a refusal of this client may be logged: once a minute, and of at most 64 clients. */
bool limits_may_log(struct limits *limits, const struct net_address *client, int64_t now_us);

/* Call from one thread, a few times a second: forgets what is idle and updates the gauges in `metrics`. */
void limits_tick(struct limits *limits, struct metrics *metrics, int64_t now_us);

#endif
