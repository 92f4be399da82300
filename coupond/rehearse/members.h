/*
 * What the metrics of issuer and gateways say before and after a rehearsal: memory, and how long the disk takes.
 */
#ifndef COUPOND_REHEARSE_MEMBERS_H
#define COUPOND_REHEARSE_MEMBERS_H

#include <stddef.h>

#include "coupond/rehearse/measure.h"

#define MEMBERS_BUCKETS_MAX 64u

/* From one answer of /metrics. */
struct members_sample {
    const char *role; /* "issuer", "gateway", "persister", "dev", or "" when it is no member; a constant */
    double memory;
    double memory_limit;
    unsigned buckets; /* of the time of a sync, cumulative */
    double bounds_s[MEMBERS_BUCKETS_MAX];
    double counts[MEMBERS_BUCKETS_MAX];
};

/* Reads the text, which is untrusted. Pure. */
void members_sample_read(struct members_sample *sample, const char *text, size_t length);
/* The bound that `share` of the syncs between two samples do not exceed, in µs; 0 when there were none. Pure. */
double members_sync_us(const struct members_sample *before, const struct members_sample *after, double share);

/* Fetches /metrics of HOST:PORT; false when it does not answer. Blocking. */
bool members_fetch(const char *address, struct members_sample *sample);

#endif
