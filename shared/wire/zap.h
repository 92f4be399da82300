/*
 * ZMTP's ZAP (RFC 27): libzmq asks about each peer that has proved a CURVE key to a listening socket. Only the one key
 * derived from the cluster's secret is admitted.
 */
#ifndef COUPOND_ZAP_H
#define COUPOND_ZAP_H

#include <czmq.h>
#include <stdbool.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01" /* of a REP, where libzmq asks */
#define ZAP_DOMAIN   "coupond"

/* On the thread of `questions`: receives and answers one; `accepted` is the admitted key. */
void zap_answer(zsock_t *questions, const unsigned char accepted[32]);

/* Pure: the parts of a request, and its answer. */
struct zap_part {
    const void *data;
    size_t size;
};
/* The number of parts of a CURVE request: version, request id, domain, address, identity, mechanism, key. */
#define ZAP_PARTS 7
/* True when the request names our domain and the accepted key. */
bool zap_admits(const struct zap_part parts[ZAP_PARTS], size_t count, const unsigned char accepted[32]);

#endif
