/*
 * The operation, the user and the time of each request. Pure and stateless: all follow from the request's number, so a
 * plan of a hundred million requests takes no memory and is the same in every run.
 */
#ifndef COUPOND_BENCH_PLAN_H
#define COUPOND_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coupond/bench/mix.h"
#include "shared/limits.h"

#define BENCH_REQUESTS_MAX UINT64_C(100000000)
#define BENCH_PREFIX_MAX   48u /* leaves room for sixteen digits in a user id */

struct bench_plan {
    uint64_t requests;
    uint64_t rate;                     /* requests per second */
    struct bench_mix mix;              /* operations of the requests */
    double duplicates;                 /* share of requests that repeat an earlier one, 0 to 1 */
    char prefix[BENCH_PREFIX_MAX + 1]; /* prefix of the user ids; may be empty */
    uint64_t first;                    /* number in the id of user 0 */
    uint64_t users;                    /* number of users; later requests start again at user 0 */
};

/*
 * Parses "PREFIX", "FIRST-LAST" or "PREFIX:FIRST-LAST" (the colon is part of the user id) into prefix, first and users;
 * a prefix alone has as many users as there may be requests. False when it is none of these or gives invalid user ids.
 */
bool bench_plan_users(struct bench_plan *plan, const char *text);

enum bench_operation bench_plan_operation(const struct bench_plan *plan, uint64_t number);
/* True when a redemption shall be of an issue that is redeemed already. */
bool bench_plan_repeats(const struct bench_plan *plan, uint64_t number);
/* A random number, the same for each request in every run. */
uint64_t bench_plan_random(uint64_t number);
/* The user of request `number`, from 0 to users - 1. */
uint64_t bench_plan_user(const struct bench_plan *plan, uint64_t number);
/* Formats a user's id and returns its length. */
size_t bench_plan_user_id(const struct bench_plan *plan, uint64_t user, char out[USER_ID_MAX + 1]);
/* The intended send time of request `number`, in µs after the start. */
int64_t bench_plan_due_us(const struct bench_plan *plan, uint64_t number);
/* The size of an array that is indexed by bench_plan_user(). */
uint64_t bench_plan_users_seen(const struct bench_plan *plan);

#endif
