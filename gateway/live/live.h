/*
 * The watchers of one gateway thread: GET /v1/coupons/{id}/live. However many watch a coupon, one question per interval
 * goes to Redis or the issuer, and one event is formatted.
 *
 *   request ──► the coupon is found ──► watcher ──peer leaves, or live_end()──► closed
 *                    └──404, 503
 *
 * Owned by that thread.
 */
#ifndef COUPOND_LIVE_H
#define COUPOND_LIVE_H

#include "gateway/connection/exchange.h"
#include "gateway/service/service.h"

#define LIVE_COUPONS_MAX 1024 /* watched by a thread; watchers of others are answered 503 */

struct live;

/* `service` is borrowed, with connections and policies. The loop must run once more after the connections are closed,
 * before live_destroy(). */
struct live *live_create(struct service *service);
/* Accepts NULL; sets *live to NULL. */
void live_destroy(struct live **live);

/* An EXCHANGE_LIVE, whose turn has come: answers it, now or when its coupon is known. */
void live_watch(struct service *service, struct exchange *exchange);

/* Call a few times per interval: takes what has been reported, asks, and begins to send what has changed. */
void live_tick(struct live *live);
/* Ends all streams, a step after another; from now on a watcher gets one event. A second call has no effect. */
void live_end(struct live *live);

#endif
