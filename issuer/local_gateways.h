/*
 * The gateway threads of this machine that are joined to a partition by shared memory (shm_link), beside those that
 * come by its ROUTER. Owned by the partition's thread; nothing blocks, and while frames flow nothing enters the kernel.
 */
#ifndef COUPOND_LOCAL_GATEWAYS_H
#define COUPOND_LOCAL_GATEWAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "shared/error.h"
#include "shared/telemetry/metrics.h"

#define LOCAL_GATEWAYS_MAX        256     /* threads; more are turned away */
#define LOCAL_GATEWAYS_SILENT_MAX 64      /* that have not sent a frame yet; more wait at the door */
#define LOCAL_GATEWAYS_SILENT_US  2000000 /* for their first frame; a gateway pings as soon as it has joined */

struct local_gateways;

/* Listens at `path`, which is a UNIX socket's; an empty one: nobody will come. `metrics`, borrowed, is told how many
 * are joined. NULL and `error` when it cannot. */
struct local_gateways *local_gateways_create(const char *path, uint16_t partition, struct metrics *metrics,
                                             struct error *error);
/* Parts from all, and removes the socket's file. */
void local_gateways_destroy(struct local_gateways **gateways);

/* Readable when local_gateways_attend() has something to do; -1 when nobody can come. */
int local_gateways_fd(const struct local_gateways *gateways);
/* Accepts who comes, forgets who has gone. */
void local_gateways_attend(struct local_gateways *gateways);
/* A few times a second, at a monotone time: parts from those who joined and said nothing. */
void local_gateways_tend(struct local_gateways *gateways, int64_t now_us);

/* True when a gateway is joined. */
bool local_gateways_any(const struct local_gateways *gateways);
/* The next frame of any gateway, each in its turn: `request` is initialised and holds it, `from` says whose it is until
 * the next local_gateways_wake() or _attend(). False when there is none. */
bool local_gateways_take(struct local_gateways *gateways, zmq_msg_t *request, size_t *from);
/* Queues a reply. False when the gateway does not take any. */
bool local_gateways_answer(struct local_gateways *gateways, size_t to, const void *data, size_t size);
/* After the answers: wakes those of the gateways that sleep, and parts from those whose memory makes no sense. */
void local_gateways_wake(struct local_gateways *gateways);

/* Before the partition waits: false when a frame is there already. After it waited: local_gateways_rise(). */
bool local_gateways_doze(struct local_gateways *gateways);
void local_gateways_rise(struct local_gateways *gateways);

#endif
