/*
 * What libzmq tells of a listening socket's handshakes (zmq_socket_monitor), at all doors of the process: its CURVE
 * fails a peer that has another secret, or none, before it asks anybody (ZAP), so that only a monitor hears of it.
 *
 *   refused      the peer has another secret, or this end or the peer has none
 *   unfinished   the peer was gone, or silent for two seconds, before it had shown which secret it has: port scans and
 *                TCP health checks, and one in a few tries of a peer without the secret, which may hang up first
 *
 * A door's monitor is a socket that is used under one lock: on the thread that opens the door, then on the one that
 * reads the news (shared/wire/guard.h), at last on the one that closes it.
 */
#ifndef COUPOND_DOOR_WATCH_H
#define COUPOND_DOOR_WATCH_H

#include <czmq.h>
#include <stdint.h>
#include <sys/socket.h>

struct door_watch; /* one door's */

struct door_watch_counts {
    uint64_t refused;
    uint64_t unfinished;
};

/* On the socket's thread, before it is bound; `endpoint` names the door in the log. */
struct door_watch *door_watch_open(zsock_t *socket, const char *endpoint);
/* On the same thread, when it is bound: from now on what libzmq tells is news. Returns the descriptor that the socket
 * listens on, -1: nothing was told. */
int door_watch_begin(struct door_watch *watch);
/* On the socket's thread, before the socket is destroyed. What was not read yet is counted. */
void door_watch_close(struct door_watch **watch);

/* On ZeroMQ's thread: who was accepted at a door, for the log; `address` may be NULL. */
void door_watch_note_peer(int fd, const struct sockaddr *address);
/* On the thread that answers ZAP: whom it refuses. */
void door_watch_note_refused(const char *address);

/* On any thread: a descriptor to poll, which can be read while there are news. */
int door_watch_fd(void);
/* On any thread: reads the news, and logs refusals, once a minute and door. Never waits. */
void door_watch_read(void);
/* On any thread: all doors, since the start. */
struct door_watch_counts door_watch_counts(void);

#endif
