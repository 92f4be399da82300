/*
 * The gateway threads on this machine that are connected to a partition by shared memory (shm_link), in addition to
 * those on its ROUTER. Owned by the partition's thread; nothing blocks, and while frames flow no system call is made.
 */
#ifndef COUPOND_LOCAL_GATEWAYS_H
#define COUPOND_LOCAL_GATEWAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "shared/error.h"
#include "shared/telemetry/metrics.h"

#define LOCAL_GATEWAYS_MAX        256     /* threads; more are refused */
#define LOCAL_GATEWAYS_SILENT_MAX 64      /* without a frame so far; more wait to be accepted */
#define LOCAL_GATEWAYS_SILENT_US  2000000 /* for their first frame; a gateway pings as soon as it is connected */

struct local_gateways;

/* Listens on the UNIX socket `path`; an empty path disables it. `metrics`, borrowed, receives the number of
 * connections. NULL and `error` when it cannot listen. */
struct local_gateways *local_gateways_create(const char *path, uint16_t partition, struct metrics *metrics,
                                             struct error *error);
/* Disconnects all, and removes the socket's file. */
void local_gateways_destroy(struct local_gateways **gateways);

/* Readable when local_gateways_poll() has something to do; -1 when disabled. */
int local_gateways_fd(const struct local_gateways *gateways);
/* Accepts new gateways and removes disconnected ones. */
void local_gateways_poll(struct local_gateways *gateways);
/* Call a few times a second with a monotonic time: disconnects peers that sent no frame in time. */
void local_gateways_tick(struct local_gateways *gateways, int64_t now_us);

/* True when a gateway is connected. */
bool local_gateways_any(const struct local_gateways *gateways);
/* Takes the next frame, round robin: initializes `request` with it and sets `from` to its gateway, valid until the next
 * local_gateways_wake() or _poll(). False when there is none. */
bool local_gateways_take(struct local_gateways *gateways, zmq_msg_t *request, size_t *from);
/* Queues a reply. False when the gateway's queue has no room. */
bool local_gateways_answer(struct local_gateways *gateways, size_t to, const void *data, size_t size);
/* Call after the answers: wakes sleeping gateways, and disconnects those that wrote invalid data. */
void local_gateways_wake(struct local_gateways *gateways);

/* Call before the partition waits: false when a frame has arrived. Call local_gateways_end_sleep() after waiting. */
bool local_gateways_begin_sleep(struct local_gateways *gateways);
void local_gateways_end_sleep(struct local_gateways *gateways);

#endif
