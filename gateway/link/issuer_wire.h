/*
 * Transports frames between a link and its partition: over ZeroMQ (link/issuer_wire_zmq.c) or, on one machine, through
 * shared memory (link/issuer_wire_shm.c). Each wire is owned by its link and used on the link's thread. Never blocks.
 */
#ifndef COUPOND_ISSUER_WIRE_H
#define COUPOND_ISSUER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

/* A received message, borrowed until the next call. */
struct wire_message {
    const void *data;
    size_t size;
    bool one_part; /* valid frames have one part */
};

/* Results of issuer_wire_check(), bits. */
enum wire_news {
    WIRE_MADE = 1 << 0,    /* connected: requests can be sent */
    WIRE_LOST = 1 << 1,    /* disconnected: messages that arrived before can still be received */
    WIRE_REFUSED = 1 << 2, /* since the last connection: the other end does not have our secret */
};

struct issuer_wire;

struct issuer_wire_kind {
    void (*destroy)(struct issuer_wire *wire);
    int (*fd)(const struct issuer_wire *wire);
    int (*monitor_fd)(const struct issuer_wire *wire);
    void (*wake)(struct issuer_wire *wire);
    bool (*send)(struct issuer_wire *wire, const void *data, size_t size);
    bool (*receive)(struct issuer_wire *wire, struct wire_message *message);
    unsigned (*check)(struct issuer_wire *wire);
    void (*tick)(struct issuer_wire *wire, int64_t now_ms);
    bool (*begin_sleep)(struct issuer_wire *wire);
    void (*end_sleep)(struct issuer_wire *wire);
};

/* The first member of every wire. */
struct issuer_wire {
    const struct issuer_wire_kind *kind;
};

/* Both start connecting to `endpoint`, that of one partition, which must outlive the wire. NULL and `error` when it is
 * invalid. */
struct issuer_wire *issuer_wire_zmq_create(const char *endpoint, struct error *error);
struct issuer_wire *issuer_wire_shm_create(const char *endpoint, struct error *error);
/* Creates the wire for the endpoint's scheme. */
struct issuer_wire *issuer_wire_create(const char *endpoint, struct error *error);
void issuer_wire_destroy(struct issuer_wire **wire);

/* Descriptors to watch for reading; either may be -1. The first signals incoming messages: call issuer_wire_wake(). The
 * second signals connection changes: call issuer_wire_check(). */
int issuer_wire_fd(const struct issuer_wire *wire);
int issuer_wire_monitor_fd(const struct issuer_wire *wire);

void issuer_wire_wake(struct issuer_wire *wire);
/* False when the peer is absent or its queue is full: nothing was sent. */
bool issuer_wire_send(struct issuer_wire *wire, const void *data, size_t size);
/* False when there is no message. */
bool issuer_wire_receive(struct issuer_wire *wire, struct wire_message *message);
/* Returns enum wire_news bits. */
unsigned issuer_wire_check(struct issuer_wire *wire);
/* Reconnects when it is time to. */
void issuer_wire_tick(struct issuer_wire *wire, int64_t now_ms);
/* Call before the thread waits; false when a message has already arrived. Call issuer_wire_end_sleep() afterwards,
 * whether the thread waited or not. */
bool issuer_wire_begin_sleep(struct issuer_wire *wire);
void issuer_wire_end_sleep(struct issuer_wire *wire);

#endif
