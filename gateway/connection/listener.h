/*
 * Stops a listening socket without resetting connections. shared/listen.h creates it.
 */
#ifndef COUPOND_LISTENER_H
#define COUPOND_LISTENER_H

/* Drops new connection attempts (SYNs) to a listening socket: the client's system retries a second later. Handshakes in
 * progress still complete. Otherwise closing the socket would reset the connections in its backlog. */
void listener_refuse(int fd);

#endif
