/*
 * Answers of a member that wait for its standby: the frames of turns that were decided, in order. Owned by the
 * partition's thread.
 */
#ifndef COUPOND_HELD_H
#define COUPOND_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

struct held;

struct held *held_create(void);
/* Drops what waits. */
void held_destroy(struct held **held);

/* Takes over both messages, which are empty afterwards, of a turn that is not earlier than the one before. */
void held_add(struct held *held, uint64_t turn, zmq_msg_t *gateway, zmq_msg_t *reply);
/* The oldest answer, if its turn is at most `turn`: borrowed until held_drop_first(). False: none. */
bool held_first(struct held *held, uint64_t turn, zmq_msg_t **gateway, zmq_msg_t **reply);
void held_drop_first(struct held *held);
/* Drops all: their turns were never confirmed, and another member may decide otherwise. Returns how many. */
size_t held_drop_all(struct held *held);
size_t held_count(const struct held *held);
/* Of the answers that wait. */
size_t held_bytes(const struct held *held);

#endif
