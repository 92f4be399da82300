/*
 * What is known of a traced request: its ids, when it began and ended, and when the issuer worked on it, all on the
 * gateway thread's monotonic clock. A value; pure.
 *
 *   gateway  |───────────────────────────────────────────|          begun_us … ended_us
 *   wait      |────────|                                            sent_us … began_us of a round
 *   decision           |───|                                        … decided_us
 *   sync                   |──────────|                             … synced_us
 *   reply                             |──────────────────|          … ended_us, or until the next round is sent
 *   store                  |──────────────────────────────────|     decided_us … stored_us
 */
#ifndef COUPOND_TRACE_H
#define COUPOND_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http/fields.h"
#include "gateway/tracing/traceparent.h"
#include "shared/limits.h"

#define TRACE_ROUNDS_MAX 4 /* with the issuer; a request with a code needs two */

struct trace_round {
    int64_t sent_us;
    int64_t began_us; /* 0: no reply with times */
    int64_t decided_us;
    int64_t synced_us;
};

enum trace_store {
    TRACE_STORE_NONE,     /* the request changed nothing */
    TRACE_STORE_WAITS,    /* the store does not have journal_seq yet */
    TRACE_STORE_SEEN,     /* it has it at stored_us */
    TRACE_STORE_NOT_SEEN, /* until stored_us it was not known to have it */
};

struct trace {
    char trace_id[TRACE_ID_DIGITS + 1];
    char parent_id[SPAN_ID_DIGITS + 1]; /* the caller's span; empty: none */
    char span_id[SPAN_ID_DIGITS + 1];   /* of the span "gateway" */
    uint64_t seed;                      /* of the other spans' ids */
    char request_id[REQUEST_ID_MAX + 1];
    char coupon_id[COUPON_ID_MAX + 1]; /* empty: none */
    enum method method;
    const char *route;   /* pattern of the path, constant text; NULL: none */
    const char *verdict; /* the issuer's, constant text; NULL: it was not asked */
    int status;          /* of HTTP */
    int64_t begun_us;
    int64_t ended_us;
    int64_t wall_offset_us; /* Unix time minus the monotonic clock */
    unsigned rounds_count;
    struct trace_round rounds[TRACE_ROUNDS_MAX];
    enum trace_store store;
    uint16_t partition;
    uint64_t journal_seq;
    int64_t stored_us;
    struct trace *next; /* links a list of its owner */
};

/* Of a request with this parent, whose ids may be empty: then the trace begins here. The caller frees it. */
struct trace *trace_create(const struct traceparent *parent, enum method method, int64_t now_us);
/* Sets *trace to NULL; accepts NULL. */
void trace_destroy(struct trace **trace);

/* A round with the issuer begins. Rounds beyond TRACE_ROUNDS_MAX are part of the last one's reply. */
void trace_send(struct trace *trace, int64_t now_us);
/* The times of the current round; they are in order, and not before it was sent. */
void trace_reply(struct trace *trace, int64_t began_us, int64_t decided_us, int64_t synced_us);

/* The id of the span `index`, which has neither the id of "gateway" nor, but by chance, of any other. Not zero. */
uint64_t trace_span_id(const struct trace *trace, unsigned index);

#endif
