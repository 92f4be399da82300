/*
 * How a ZeroMQ socket learns that the machine at its other end has gone without a word: one that lost its power or its
 * network closes no connection, and who only reads would wait for it for ever. TCP's own probes tell, even while the
 * other end takes nothing; ZeroMQ's heartbeats do not go by when a reader's queue is full, and would then cut a
 * connection that is sound.
 */
#ifndef COUPOND_PEER_H
#define COUPOND_PEER_H

#include <czmq.h>
#include <stdbool.h>

/*
 * Before `socket` is bound or connected: a silent peer is found out within about ten seconds, and a connection attempt
 * that meets silence is begun anew after three. `reads_always`: the peer takes what it is sent as long as it lives, so
 * that what is sent and not confirmed for ten seconds is proof as well. No effect over ipc and inproc.
 */
void peer_watch(zsock_t *socket, bool reads_always);

#endif
