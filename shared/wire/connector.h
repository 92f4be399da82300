/*
 * A connecting ZeroMQ socket's one connection to the issuer, as its monitor reports it: established, lost, or refused
 * in the handshake because the two ends do not share a secret (cluster/secret_file). libzmq itself does not report the
 * last, and does not retry after a handshake that this end aborted. A connector retries, so that correcting the other
 * end is enough.
 *
 * On the socket's thread. Over inproc there is no handshake and no event.
 */
#ifndef COUPOND_CONNECTOR_H
#define COUPOND_CONNECTOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

/* Results of connector_check(), bits. */
enum connector_news {
    CONNECTOR_MADE = 1 << 0,
    CONNECTOR_LOST = 1 << 1, /* after it was established: earlier messages can still be received */
};

struct connector {
    const char *role;     /* for the log */
    const char *endpoint; /* borrowed */
    zsock_t *socket;      /* borrowed */
    zsock_t *monitor;     /* NULL on inproc */
    bool connecting;      /* or connected: until connector_disconnect() */
    bool made;
    bool refused;     /* logged once a minute, until the connection is established */
    bool given_up;    /* by libzmq */
    unsigned hangups; /* in a row */
    int64_t again_ms; /* time of the next attempt after libzmq gave up; 0: not set */
};

/* Starts connecting; -1 and errno when the endpoint is invalid. The socket must have been prepared. */
int connector_open(struct connector *connector, zsock_t *socket, const char *role, const char *endpoint);
/* Call before the socket is destroyed; a connector that was never opened is all zeros. */
void connector_close(struct connector *connector);

/* Ends the connection or the attempt, if there is one. Messages in flight may still be received. */
void connector_disconnect(struct connector *connector);
/* Reconnects after that; -1 and errno. */
int connector_connect(struct connector *connector);

/* The monitor, to poll, or its descriptor (-1: none). The descriptor is edge-triggered: check before waiting. */
int connector_fd(const struct connector *connector);
/* Returns enum connector_news bits; logs refusals. */
unsigned connector_check(struct connector *connector);
/* Call periodically with a monotonic time: retries when due, and then returns true. */
bool connector_tick(struct connector *connector, int64_t now_ms);

#endif
