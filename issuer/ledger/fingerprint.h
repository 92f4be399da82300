/*
 * The values of user sets: who holds an issue, and which.
 */
#ifndef COUPOND_FINGERPRINT_H
#define COUPOND_FINGERPRINT_H

#include <stdint.h>

/* SipHash-128 of a user id under the journal's key: nobody can construct collisions, and random ones are negligible. */
struct fingerprint {
    uint64_t high;
    uint64_t low;
};

/* A user's latest issue of the coupon. */
struct user_issue {
    uint32_t sequence;
    uint16_t nth; /* the user's number of issues, at most 4095 */
    int64_t issued_at_us;
};

#define USER_SLOT_BYTES 28u /* of both together, in tables and in snapshots */

#endif
