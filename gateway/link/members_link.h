/*
 * The links to the members of a cluster, of one partition: requests go to the owner. Owned and used by one gateway
 * thread. Never blocks. There is a link to each member (issuer_link.h). All of them are pinged; their pongs tell the
 * owner (link/owner.h), and what follows:
 *
 *   added ──► waiting ──owner is known──► sent to it ──► reply, handed out; only from the member that was asked
 *                │                          │
 *                │                          ├─ returned or unsent ──► waiting
 *                │                          ├─ the member is lost or deposed: what may be decided twice ──► waiting;
 *                │                          │  the rest waits for its reply
 *                └─ no owner for too long   └─ the member has restarted: the rest is reported as unknown
 *                   ──► reported as unsent, unless a member that was left may have decided it
 */
#ifndef COUPOND_MEMBERS_LINK_H
#define COUPOND_MEMBERS_LINK_H

#include "gateway/link/issuer_link.h"
#include "gateway/link/request.h"
#include "shared/members.h"

/* Called on the owner's thread, from within the link's functions. */
struct partition_link_events {
    struct issuer_link_events issuer; /* the partition and `arg` of the others are as in these */
    /* With members: whether somebody still waits for the reply to this request. */
    bool (*waits)(void *arg, uint16_t partition, uint64_t tag);
    /* With members: this request has been decided by now or never will be, but its reply is lost. */
    void (*on_unknown)(void *arg, uint16_t partition, uint64_t tag);
};

struct partition_link_config {
    const char *base;              /* endpoint of partition 0; with members, without their hosts */
    const struct members *members; /* count 0: a single issuer */
    uint16_t partition;
    uint16_t partitions;
    int64_t hold_us; /* how long requests wait while no member decides; 0: none does */
    const struct partition_link_events *events;
    struct metrics *metrics;
};

struct members_link;

/* Connects to all members. NULL and `error` when an endpoint is invalid. Events and metrics are borrowed. */
struct members_link *members_link_create(const struct partition_link_config *config, struct error *error);
void members_link_destroy(struct members_link **link);

/* The link to a member, for its descriptors and its state. */
struct issuer_link *members_link_issuer(const struct members_link *link, unsigned member);
unsigned members_link_count(const struct members_link *link);
/* The link to the owner; NULL when none is known. */
struct issuer_link *members_link_owner(const struct members_link *link);
/* While a reply is handed out: the link that it came from. NULL before the first one. */
struct issuer_link *members_link_speaker(const struct members_link *link);
/* True while requests may be added although no owner is known. */
bool members_link_holds(const struct members_link *link);
/* Requests that wait for an owner. */
uint32_t members_link_waiting(const struct members_link *link);

/* A blank record, which the caller fills in before the next call. Times as in issuer_link_add_issue(). */
void *members_link_add(struct members_link *link, enum link_kind kind, int64_t asked_us, int64_t until_us);
/* The next frames shall tell the times of their turn. */
void members_link_ask_times(struct members_link *link);
/* Sends what waits to the owner. True when something was sent. */
bool members_link_flush(struct members_link *link, int64_t now_us);
/* The connection to a member was lost. */
void members_link_lose(struct members_link *link, unsigned member);
/* Sends pings that are due, and reports requests that have waited too long. */
void members_link_tick(struct members_link *link, int64_t now_ms, int64_t now_us);

#endif
