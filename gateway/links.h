/*
 * The links of one gateway thread to all partitions, driven by its loop: their descriptors are watched, and each turn
 * receives and sends. On that thread.
 */
#ifndef COUPOND_GATEWAY_LINKS_H
#define COUPOND_GATEWAY_LINKS_H

#include <stdbool.h>
#include <uv.h>

#include "gateway/service/service.h"
#include "shared/error.h"

struct links;

/* Connects service->links; borrows both. -1 and `error` when an endpoint is invalid; `links` has to be closed then,
 * too. */
int links_open(uv_loop_t *uv, struct service *service, struct links **links, struct error *error);
/* Call after the loop is closed. Accepts NULL. */
void links_close(struct links **links);

/* Receives frames. True when more may be waiting. */
bool links_receive(struct links *links);
/* Sends the requests of this turn. True when there were any. */
bool links_send(struct links *links);
/* Call before requests are answered because of their deadline. */
void links_tick(struct links *links);
/* Sets gauges and the readiness of the thread with this index. */
void links_report(const struct links *links, unsigned thread);
/* Call before the loop waits; false when a link already has a message. */
bool links_begin_sleep(struct links *links);
/* Call after the loop has waited. */
void links_end_sleep(struct links *links);

#endif
