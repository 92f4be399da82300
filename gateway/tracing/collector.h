/*
 * An OpenTelemetry collector over HTTP, by libcurl. Blocking; used by one thread.
 */
#ifndef COUPOND_COLLECTOR_H
#define COUPOND_COLLECTOR_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/http/buffer.h"

enum collector_verdict {
    COLLECTOR_TAKEN,
    COLLECTOR_LATER,   /* not reachable, or busy: 429, 502, 503, 504 */
    COLLECTOR_REFUSED, /* it does not take these traces */
};

#define COLLECTOR_TEXT_MAX   256
#define COLLECTOR_TIMEOUT_MS 5000

struct collector_answer {
    enum collector_verdict verdict;
    int64_t retry_after_s;         /* COLLECTOR_LATER: 0: it does not say */
    int64_t rejected_spans;        /* COLLECTOR_TAKEN: those that it has not */
    char text[COLLECTOR_TEXT_MAX]; /* what was wrong */
};

struct collector;

/* `ca`: a PEM file with the authorities to trust, or empty: the system's. `header`: a whole field such as
 * "Authorization: Bearer x", or empty. `url` and `header` are checked. A request in
 * progress ends when the monotonic clock reaches *end_us, unless that is 0. Call before other threads start. Never
 * NULL. */
struct collector *collector_create(const char *url, const char *ca, const char *header, const _Atomic int64_t *end_us);
void collector_destroy(struct collector **collector);

/* Posts JSON. Takes at most COLLECTOR_TIMEOUT_MS. */
void collector_post(struct collector *collector, const struct buffer *json, struct collector_answer *answer);

#endif
