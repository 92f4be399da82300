/*
 * Creates, ticks and destroys a thread's policies. On that thread.
 */
#ifndef COUPOND_POLICY_LIFE_H
#define COUPOND_POLICY_LIFE_H

#include "gateway/policy/policies.h"

/* `board` is borrowed. `subscribes`: this thread receives other gateways' changes for the whole process. */
struct policies *policies_create(struct service *service, struct policy_board *board, bool subscribes);
/* Closes its handles; the loop must run once more before policies_destroy(). */
void policies_end(struct policies *policies);
void policies_destroy(struct policies **policies);

/* Sends the commands that are queued for Redis. */
void policies_flush(struct service *service);
/* Ends fetches that have waited too long. */
void policies_tick(struct service *service);

#endif
