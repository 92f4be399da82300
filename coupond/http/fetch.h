/*
 * Where the server is, and single requests to it, one connection each: creating the coupon and reading its counts
 * before and after a run. Blocking; on any thread.
 */
#ifndef COUPOND_BENCH_FETCH_H
#define COUPOND_BENCH_FETCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "coupond/bench/options.h"
#include "coupond/http/response.h"
#include "shared/error.h"

struct bench_target {
    struct sockaddr_storage address;
    socklen_t address_length;
    char authority[300]; /* HOST:PORT, for the Host header and messages */
};

/* Looks the host up; of several addresses it takes the first that answers. -1 and `error` when it is not known. */
int bench_target_resolve(struct bench_target *target, const struct bench_url *url, struct error *error);

/* Sends one request (`body` may be NULL, `token` empty) and reads its response, within `timeout_ms`. -1, `error` and an
 * errno that tells why. */
int bench_fetch(const struct bench_target *target, const char *method, const char *path, const char *token,
                const char *body, uint64_t timeout_ms, struct bench_response *response, struct error *error);
/* GETs into `response` as bench_response_init_room() left it. */
int bench_fetch_into(const struct bench_target *target, const char *path, uint64_t timeout_ms,
                     struct bench_response *response, struct error *error);

/* What the bench wants to know of its coupon. */
struct bench_coupon {
    uint64_t quantity;
    uint64_t issued;
    uint64_t per_user_limit;
};

/* POST /v1/coupons with options->coupon and options->create. */
int bench_coupon_create(const struct bench_target *target, const struct bench_options *options, struct error *error);
/* GET /v1/coupons/{id}. */
int bench_coupon_read(const struct bench_target *target, const struct bench_options *options,
                      struct bench_coupon *coupon, struct error *error);

#endif
