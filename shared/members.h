/*
 * The members of a cluster: issuers that keep copies of each other's journals (cluster/members). Pure values.
 *
 *   NAME=HOST          the member listens on the ports of issuer/requests, issuer/events and issuer/acks
 *   NAME=HOST:+N       on ports N above those, for several members on one machine
 *
 * Separated by commas. Messages name members by a hash, so that lists in another order, or with a member more, agree.
 */
#ifndef COUPOND_MEMBERS_H
#define COUPOND_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/member_name.h"

#define MEMBERS_MAX        9
#define MEMBERS_HOST_MAX   253 /* bytes of a host name */
#define MEMBERS_OFFSET_MAX 60000
#define MEMBER_NONE        UINT8_MAX

struct members {
    uint8_t count; /* 0: a single issuer, without copies */
    struct members_one {
        char name[MEMBER_NAME_MAX + 1];
        char host[MEMBERS_HOST_MAX + 1]; /* an IPv6 address without its brackets */
        uint16_t offset;
        uint64_t hash; /* of the name; never 0 */
    } all[MEMBERS_MAX];
};

/* "" is an empty list. -1 and `error`, which begins with the faulty entry. */
int members_parse(const char *text, struct members *members, struct error *error);
/* The index of a member, or MEMBER_NONE. */
uint8_t members_find(const struct members *members, const char *name);
/* The index of the member whose name has this hash, or MEMBER_NONE, also for 0. */
uint8_t members_find_hash(const struct members *members, uint64_t hash);
/* 0 for MEMBER_NONE. */
uint64_t members_hash(const struct members *members, uint8_t member);

/* The endpoint at which others reach a member: `base`, tcp://HOST:PORT, with the member's host and its port. False when
 * `base` is no such endpoint, the port exceeds 65535, or `out` is too small. */
bool members_endpoint(const struct members *members, uint8_t member, const char *base, char *out, size_t size);
/* The endpoint that it listens on: `base` with its port. False as above. */
bool members_own_endpoint(const struct members *members, uint8_t member, const char *base, char *out, size_t size);

#endif
