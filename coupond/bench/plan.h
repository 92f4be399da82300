/*
 * Which user asks in which request, and when. Pure and without state: any thread can tell it of any request by the
 * request's number alone, so a plan of a hundred million requests takes no memory and is the same on every run.
 */
#ifndef COUPOND_BENCH_PLAN_H
#define COUPOND_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/limits.h"

#define BENCH_REQUESTS_MAX UINT64_C(100000000)
#define BENCH_PREFIX_MAX   48u /* leaves room for sixteen digits in a user id */

struct bench_plan {
    uint64_t requests;
    uint64_t rate;                     /* requests a second */
    double duplicates;                 /* share of requests whose user has asked before, 0 to 1 */
    char prefix[BENCH_PREFIX_MAX + 1]; /* of a user id; may be empty */
    uint64_t first;                    /* number behind the prefix of user 0 */
    uint64_t users;                    /* how many there are; request numbers beyond begin again at user 0 */
};

/*
 * Reads "PREFIX", "FIRST-LAST" or "PREFIX:FIRST-LAST" (the colon belongs to the user id) into prefix, first and users;
 * a prefix alone has as many users as there may be requests. False when it is none of these, or would give ids out of
 * the alphabet.
 */
bool bench_plan_users(struct bench_plan *plan, const char *text);

/* The user that request `number` is for, from 0 to users - 1. */
uint64_t bench_plan_user(const struct bench_plan *plan, uint64_t number);
/* Writes the id of a user and returns its length. */
size_t bench_plan_user_id(const struct bench_plan *plan, uint64_t user, char out[USER_ID_MAX + 1]);
/* When request `number` is meant to leave, in µs after the start. */
int64_t bench_plan_due_us(const struct bench_plan *plan, uint64_t number);
/* The size of an array that is indexed by what bench_plan_user() returns. */
uint64_t bench_plan_users_seen(const struct bench_plan *plan);

#endif
