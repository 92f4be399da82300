/*
 * GET /v1/status: collects what this gateway knows of the cluster and of itself. The store is asked how far it is; the
 * answer does not fail without it. On the gateway thread.
 */
#ifndef COUPOND_DISPATCH_STATUS_H
#define COUPOND_DISPATCH_STATUS_H

#include "gateway/reading/page.h"
#include "gateway/service/service.h"

/* An EXCHANGE_STATUS, whose turn has come. */
void status_ask(struct service *service, struct exchange *exchange);
/* How far the store is; NULL: it could not be read, or not in time. */
void status_on_read(struct service *service, struct exchange *exchange, const struct reading_page *page);

#endif
