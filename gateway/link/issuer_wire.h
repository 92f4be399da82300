/*
 * How frames travel between a link and its partition: over ZeroMQ (link/issuer_wire_zmq.c), or, on one machine, by
 * shared memory (link/issuer_wire_shm.c). One interface; each wire is owned by its link and used on the link's thread.
 * Nothing blocks.
 */
#ifndef COUPOND_ISSUER_WIRE_H
#define COUPOND_ISSUER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

/* What came in, borrowed until the next call. */
struct wire_message {
    const void *data;
    size_t size;
    bool one_part; /* a frame is; nothing else is understood */
};

/* What issuer_wire_check() has found, bits. */
enum wire_news {
    WIRE_MADE = 1 << 0,    /* connected: the partition can be asked */
    WIRE_LOST = 1 << 1,    /* disconnected: what came before can still be received */
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
    bool (*doze)(struct issuer_wire *wire);
    void (*rise)(struct issuer_wire *wire);
};

/* The head of every wire. */
struct issuer_wire {
    const struct issuer_wire_kind *kind;
};

/* Either begins to connect; `endpoint` is one partition's and outlives the wire. NULL and `error` when it makes no
 * sense. */
struct issuer_wire *issuer_wire_zmq_create(const char *endpoint, struct error *error);
struct issuer_wire *issuer_wire_shm_create(const char *endpoint, struct error *error);
/* The one that the endpoint's scheme asks for. */
struct issuer_wire *issuer_wire_create(const char *endpoint, struct error *error);
void issuer_wire_destroy(struct issuer_wire **wire);

/* Descriptors to watch for reading, either may be -1: that something came in, for issuer_wire_wake(), and that the
 * connection changed, for issuer_wire_check(). */
int issuer_wire_fd(const struct issuer_wire *wire);
int issuer_wire_monitor_fd(const struct issuer_wire *wire);

void issuer_wire_wake(struct issuer_wire *wire);
/* False when the other side is not there or has no room: nothing was sent. */
bool issuer_wire_send(struct issuer_wire *wire, const void *data, size_t size);
/* False when there is nothing. */
bool issuer_wire_receive(struct issuer_wire *wire, struct wire_message *message);
/* enum wire_news. */
unsigned issuer_wire_check(struct issuer_wire *wire);
/* Connects again when it is time to. */
void issuer_wire_tick(struct issuer_wire *wire, int64_t now_ms);
/* Before the thread waits: false when something came in already. After it waited, or not: issuer_wire_rise(). */
bool issuer_wire_doze(struct issuer_wire *wire);
void issuer_wire_rise(struct issuer_wire *wire);

#endif
