#include "gateway/link/partition_link.h"

#include <stdlib.h>

#include "shared/telemetry/log.h"

/* Either of the two. */
struct partition_link {
    uint16_t partition;
    struct issuer_link *issuer;
    struct members_link *members;
};

/* --- life --- */

struct partition_link *partition_link_create(const struct partition_link_config *config, struct error *error)
{
    struct partition_link *link = calloc(1, sizeof *link);
    CHECK(link != NULL);
    link->partition = config->partition;
    if (config->members->count > 0)
        link->members = members_link_create(config, error);
    else
        link->issuer = issuer_link_create(config->base, config->partition, config->partitions, &config->events->issuer,
                                          config->metrics, error);
    if (link->members == NULL && link->issuer == NULL)
        partition_link_destroy(&link);
    return link;
}

void partition_link_destroy(struct partition_link **link)
{
    if (*link == NULL)
        return;
    issuer_link_destroy(&(*link)->issuer);
    members_link_destroy(&(*link)->members);
    free(*link);
    *link = NULL;
}

/* --- wires --- */

unsigned partition_link_wires(const struct partition_link *link)
{
    return link->issuer != NULL ? 1 : members_link_count(link->members);
}

static struct issuer_link *issuer_of(const struct partition_link *link, unsigned wire)
{
    return link->issuer != NULL ? link->issuer : members_link_issuer(link->members, wire);
}

int partition_link_fd(const struct partition_link *link, unsigned wire)
{
    return issuer_link_fd(issuer_of(link, wire));
}

int partition_link_monitor_fd(const struct partition_link *link, unsigned wire)
{
    return issuer_link_monitor_fd(issuer_of(link, wire));
}

void partition_link_wake(struct partition_link *link, unsigned wire)
{
    issuer_link_wake(issuer_of(link, wire));
}

bool partition_link_check_monitor(struct partition_link *link, unsigned wire, int64_t now_ms)
{
    bool lost = issuer_link_check_monitor(issuer_of(link, wire), now_ms);
    if (lost && link->issuer != NULL)
        log_warn("gateway", "lost the connection to the issuer partition=%u", link->partition);
    else if (lost)
        members_link_lose(link->members, wire);
    return lost && link->issuer != NULL;
}

/* --- state --- */

/* The link to whoever decides; NULL when no owner is known. */
static struct issuer_link *decider(const struct partition_link *link)
{
    return link->issuer != NULL ? link->issuer : members_link_owner(link->members);
}

bool partition_link_up(const struct partition_link *link, int64_t now_ms)
{
    const struct issuer_link *issuer = decider(link);
    return issuer != NULL && issuer_link_up(issuer, now_ms);
}

bool partition_link_takes(const struct partition_link *link, int64_t now_ms)
{
    return (link->members != NULL && members_link_holds(link->members)) || partition_link_up(link, now_ms);
}

bool partition_link_refused(const struct partition_link *link)
{
    bool refused = false;
    if (link->members != NULL && members_link_owner(link->members) != NULL)
        return false;
    for (unsigned i = 0; i < partition_link_wires(link); i++)
        refused = refused || issuer_link_refused(issuer_of(link, i));
    return refused;
}

uint32_t partition_link_held(const struct partition_link *link)
{
    return link->members == NULL ? 0 : members_link_waiting(link->members);
}

/* --- requests --- */

struct frame_issue_request *partition_link_add_issue(struct partition_link *link, int64_t asked_us, int64_t until_us)
{
    return link->issuer != NULL ? issuer_link_add_issue(link->issuer, asked_us, until_us)
                                : members_link_add(link->members, LINK_ISSUES, asked_us, until_us);
}

struct frame_change_request *partition_link_add_change(struct partition_link *link, int64_t asked_us, int64_t until_us)
{
    return link->issuer != NULL ? issuer_link_add_change(link->issuer, asked_us, until_us)
                                : members_link_add(link->members, LINK_CHANGES, asked_us, until_us);
}

struct frame_coupon_request *partition_link_add_coupon(struct partition_link *link, int64_t asked_us, int64_t until_us)
{
    return link->issuer != NULL ? issuer_link_add_coupon(link->issuer, asked_us, until_us)
                                : members_link_add(link->members, LINK_COUPONS, asked_us, until_us);
}

struct frame_verification_request *partition_link_add_verification(struct partition_link *link, int64_t asked_us,
                                                                   int64_t until_us)
{
    return link->issuer != NULL ? issuer_link_add_verification(link->issuer, asked_us, until_us)
                                : members_link_add(link->members, LINK_VERIFICATIONS, asked_us, until_us);
}

void partition_link_ask_times(struct partition_link *link)
{
    if (link->issuer != NULL)
        issuer_link_ask_times(link->issuer);
    else
        members_link_ask_times(link->members);
}

bool partition_link_turn(struct partition_link *link, struct link_turn *turn)
{
    struct issuer_link *speaker = link->issuer != NULL ? link->issuer : members_link_speaker(link->members);
    return speaker != NULL && issuer_link_turn(speaker, turn);
}

void partition_link_hurry(struct partition_link *link, int64_t now_ms)
{
    for (unsigned i = 0; i < partition_link_wires(link); i++)
        issuer_link_hurry(issuer_of(link, i), now_ms);
}

bool partition_link_flush(struct partition_link *link, int64_t now_us)
{
    return link->issuer != NULL ? issuer_link_flush(link->issuer) : members_link_flush(link->members, now_us);
}

bool partition_link_receive(struct partition_link *link, int64_t now_ms)
{
    bool more = false;
    for (unsigned i = 0; i < partition_link_wires(link); i++)
        more |= issuer_link_receive(issuer_of(link, i), now_ms);
    return more;
}

void partition_link_tick(struct partition_link *link, int64_t now_ms, int64_t now_us)
{
    if (link->issuer != NULL)
        issuer_link_tick(link->issuer, now_ms);
    else
        members_link_tick(link->members, now_ms, now_us);
}

bool partition_link_begin_sleep(struct partition_link *link)
{
    bool may = true;
    for (unsigned i = 0; i < partition_link_wires(link); i++)
        may &= issuer_link_begin_sleep(issuer_of(link, i));
    return may;
}

void partition_link_end_sleep(struct partition_link *link)
{
    for (unsigned i = 0; i < partition_link_wires(link); i++)
        issuer_link_end_sleep(issuer_of(link, i));
}
