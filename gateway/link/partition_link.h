/*
 * The link to whoever decides a partition: the issuer, or with cluster/members the owner among the members. Owned and
 * used by one gateway thread. Never blocks.
 *
 * Without members it is the link to the issuer (link/issuer_link.h) and nothing else; with members it is
 * link/members_link.h.
 */
#ifndef COUPOND_PARTITION_LINK_H
#define COUPOND_PARTITION_LINK_H

#include "gateway/link/members_link.h"

struct partition_link;

/* Connects. NULL and `error` when an endpoint is invalid. Events and metrics are borrowed. */
struct partition_link *partition_link_create(const struct partition_link_config *config, struct error *error);
void partition_link_destroy(struct partition_link **link);

/* The number of its issuer_links, numbered from 0, and their descriptors (issuer_link_fd). */
unsigned partition_link_wires(const struct partition_link *link);
int partition_link_fd(const struct partition_link *link, unsigned wire);
int partition_link_monitor_fd(const struct partition_link *link, unsigned wire);
/* Call when the descriptor is readable. */
void partition_link_wake(struct partition_link *link, unsigned wire);
/* Reads the monitor. True when the connection to a single issuer was lost; replies received before that have been
 * delivered. What the loss of a member means is settled here. */
bool partition_link_check_monitor(struct partition_link *link, unsigned wire, int64_t now_ms);

/* True while somebody decides the partition and answers. */
bool partition_link_up(const struct partition_link *link, int64_t now_ms);
/* True while requests may be added: it is up, or they may wait. */
bool partition_link_takes(const struct partition_link *link, int64_t now_ms);
/* True while nobody decides it and a handshake fails, because the two sides do not have the same secret. */
bool partition_link_refused(const struct partition_link *link);
/* Requests that wait for an owner. */
uint32_t partition_link_held(const struct partition_link *link);

/* As the functions of issuer_link.h; call only while the link takes requests. */
struct frame_issue_request *partition_link_add_issue(struct partition_link *link, int64_t asked_us, int64_t until_us);
struct frame_change_request *partition_link_add_change(struct partition_link *link, int64_t asked_us, int64_t until_us);
struct frame_coupon_request *partition_link_add_coupon(struct partition_link *link, int64_t asked_us, int64_t until_us);
struct frame_verification_request *partition_link_add_verification(struct partition_link *link, int64_t asked_us,
                                                                   int64_t until_us);

/* As the functions of issuer_link.h. Times in microseconds are of clock_mono_us(). */
void partition_link_ask_times(struct partition_link *link);
bool partition_link_turn(struct partition_link *link, struct link_turn *turn);
void partition_link_hurry(struct partition_link *link, int64_t now_ms);
bool partition_link_flush(struct partition_link *link, int64_t now_us);
bool partition_link_receive(struct partition_link *link, int64_t now_ms);
/* Sends pings that are due, and reports requests that have waited too long. Call before requests are answered because
 * of their deadline: what was never sent is then known to be undecided. */
void partition_link_tick(struct partition_link *link, int64_t now_ms, int64_t now_us);
bool partition_link_begin_sleep(struct partition_link *link);
void partition_link_end_sleep(struct partition_link *link);

#endif
