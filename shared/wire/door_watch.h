/*
 * Monitors the handshakes of listening sockets (zmq_socket_monitor), at all doors of the process. libzmq's CURVE
 * rejects a peer with another secret, or none, before it asks the ZAP handler, so only a monitor sees it.
 *
 *   refused      the peer has another secret, or one of the two ends has none
 *   unfinished   the peer disconnected, or was silent for two seconds, before it showed its secret: port scans, TCP
 *                health checks, and occasionally a peer without the secret, which may disconnect first
 *
 * A door's monitor is a socket used under one lock: on the thread that opens the door, then on the one that reads the
 * events (shared/wire/guard.h), finally on the one that closes it.
 */
#ifndef COUPOND_DOOR_WATCH_H
#define COUPOND_DOOR_WATCH_H

#include <czmq.h>
#include <stdint.h>
#include <sys/socket.h>

struct door_watch; /* one per door */

struct door_watch_counts {
    uint64_t refused;
    uint64_t unfinished;
};

/* On the socket's thread, before it is bound; `endpoint` names the door in the log. */
struct door_watch *door_watch_open(zsock_t *socket, const char *endpoint);
/* On the same thread, once it is bound: starts reporting events. Returns the descriptor on which the socket listens, or
 * -1 when libzmq reported none. */
int door_watch_begin(struct door_watch *watch);
/* On the socket's thread, before the socket is destroyed. Counts the events that were not read yet. */
void door_watch_close(struct door_watch **watch);

/* On ZeroMQ's thread: the address of a peer that was accepted at a door, for the log; `address` may be NULL. */
void door_watch_note_peer(int fd, const struct sockaddr *address);
/* On the thread that answers ZAP: the address of a peer that it refuses. */
void door_watch_note_refused(const char *address);

/* Any thread: a descriptor to poll, readable while there are events. */
int door_watch_fd(void);
/* Any thread: reads the events and logs refusals, at most once a minute per door. Never blocks. */
void door_watch_read(void);
/* Any thread: the counts of all doors since the start. */
struct door_watch_counts door_watch_counts(void);

#endif
