/*
 * A connecting ZeroMQ socket's one connection to the issuer, as its monitor tells of it: made, lost, or refused in the
 * handshake, since the two ends do not have the same secret (cluster/secret_file). libzmq itself says nothing of the
 * last, and after a handshake that this end has given up it does not even try again: a connector does, so that a
 * mistake that is mended at the other end ends at this one, too.
 *
 * On the socket's thread. Over inproc there is no handshake, and nothing is told.
 */
#ifndef COUPOND_CONNECTOR_H
#define COUPOND_CONNECTOR_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

/* What connector_check() has found, bits. */
enum connector_news {
    CONNECTOR_MADE = 1 << 0,
    CONNECTOR_LOST = 1 << 1, /* after it was made: what came before can still be received */
};

struct connector {
    const char *role;     /* for the log */
    const char *endpoint; /* borrowed */
    zsock_t *socket;      /* borrowed */
    zsock_t *monitor;     /* NULL on inproc */
    bool connecting;      /* or connected: until connector_disconnect() */
    bool made;
    bool refused;     /* told once a minute; until it is made */
    bool given_up;    /* by libzmq */
    unsigned hangups; /* in a row */
    int64_t again_ms; /* when to try, once libzmq has given up; 0: not known yet */
};

/* Begins to connect; -1 and errno when the endpoint makes no sense. The socket must have been prepared. */
int connector_open(struct connector *connector, zsock_t *socket, const char *role, const char *endpoint);
/* Before the socket is destroyed; one that was never opened is all zeros. */
void connector_close(struct connector *connector);

/* Ends the connection, or what is in the making, if there is any. What was under way may still be received. */
void connector_disconnect(struct connector *connector);
/* Begins anew after that; -1 and errno. */
int connector_connect(struct connector *connector);

/* The monitor, to poll, or its descriptor (-1: there is none), which tells changes: after a check it is worth waiting
 * for. */
int connector_fd(const struct connector *connector);
/* enum connector_news; logs what refuses us. */
unsigned connector_check(struct connector *connector);
/* Now and then, of a monotone clock: tries again when it is time to, and returns true then. */
bool connector_tick(struct connector *connector, int64_t now_ms);

#endif
