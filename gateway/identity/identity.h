/*
 * Who a request comes from: one object per process, and one per gateway thread, which owns a cache of credentials that
 * were valid. Bearer credentials are a token (JWT), an API key, or gateway/admin_token.
 */
#ifndef COUPOND_IDENTITY_H
#define COUPOND_IDENTITY_H

#include "gateway/http/span.h"
#include "gateway/identity/principal.h"
#include "gateway/identity/reason.h"
#include "shared/limits.h"
#include "shared/options/options.h"
#include "shared/telemetry/metrics.h"

struct identity;
struct identity_thread;

#define IDENTITY_NEVER INT64_MAX /* credentials that do not expire */

/* Reads the keys that the options name. -1 and `error` when a file cannot be used; NULL and 0 when identity is off.
 * `options` is borrowed. */
int identity_create(const struct options *options, struct identity **identity, struct error *error);
/* Call after its threads are destroyed. */
void identity_destroy(struct identity **identity);
/* On any thread; `identity` is a struct identity. False until all keys were read once. `why` says which keys cannot be
 * read now; it is empty otherwise. */
bool identity_ready(void *identity, char why[READY_WHY_MAX]);

/* NULL when `identity` is. `metrics` is that of the thread. */
struct identity_thread *identity_thread_create(struct identity *identity, struct metrics *metrics);
void identity_thread_destroy(struct identity_thread **thread);

/*
 * Checks the value of an Authorization header, whose `at` is NULL when it is missing, at `now_s` seconds since 1970. OK
 * fills `principal` and the time at which its credentials expire; otherwise the principal is cleared, and the result is
 * NO_TOKEN or the reason of the refusal.
 */
enum metric_identity identity_check(struct identity_thread *thread, struct span authorization, int64_t now_s,
                                    struct principal *principal, int64_t *expires_at_s);

#endif
