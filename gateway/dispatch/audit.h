/*
 * The log's line about each change: what was done to which coupon, by whom, with which request. The same stands in the
 * journal and in the store.
 */
#ifndef COUPOND_DISPATCH_AUDIT_H
#define COUPOND_DISPATCH_AUDIT_H

#include <stdbool.h>

#include "gateway/api/call.h"
#include "gateway/connection/exchange.h"

/* True for a call that gets a request id if its client has sent none: it may change something besides issuing, or
 * starts something that the log names. A redemption gets one only if it is known who asks, so that it costs nothing
 * while identity is off. */
bool audit_concerns(const struct api_call *call);
/* Logs a verdict that is a change, redemptions at level debug; ignores others. `sequence` is of the issue; 0: it is not
 * about one. */
void audit_log(const struct exchange *exchange, enum verdict verdict, uint32_t sequence);

#endif
