/*
 * The issuers that a writer serves, and its sockets to them: one issuer, or every member of a cluster
 * (cluster/members), since any of them may own a partition by now.
 *
 *   in   FRAME_EVENTS               a PULL for each issuer
 *   out  FRAME_ACK and its kin      a PUSH for each issuer, because one PUSH would deal the answers out among them
 *
 * On the writer's thread.
 */
#ifndef COUPOND_PERSISTER_SOURCES_H
#define COUPOND_PERSISTER_SOURCES_H

#include <czmq.h>

#include "persister/batch.h"
#include "shared/error.h"
#include "shared/options/options.h"

struct sources;

/* Connects the sockets; NULL and `error` when an endpoint is invalid. */
struct sources *sources_create(const struct options *options, struct error *error);
/* Accepts NULL and sets *sources to NULL. */
void sources_destroy(struct sources **sources);

/* Stops taking frames from all issuers, whose frames in flight may still arrive. The sockets are kept, since new ones
 * need descriptors. */
void sources_disconnect(struct sources *sources);
/* Connects to them again; true when all attempts have begun. */
bool sources_connect(struct sources *sources);

/* Retries connections that libzmq gave up. True when no issuer is fully connected, and one of them refuses the
 * handshake because the secrets differ. */
bool sources_check(struct sources *sources);

/* Waits for a frame or for `pipe`, whose revents it sets. As zmq_poll(). */
int sources_poll(struct sources *sources, zmq_pollitem_t *pipe, long ms);
/* Receives the first part of a frame into `message`, from the issuers in turn; NULL when there is none. The socket is
 * for the other parts. */
void *sources_receive(struct sources *sources, zmq_msg_t *message);

/*
 * Sends an answer to every issuer that is connected; each knows whether it concerns it. Waits a moment, or until `pipe`
 * is readable, for a single issuer that is away, and for a member that has just come, whose connection for answers is
 * still being made. False when the issuer of the last frame did not get it, and resends the frame.
 */
bool sources_answer(struct sources *sources, const struct batch_ack *answer, zsock_t *pipe);

#endif
