/*
 * The state of a turn, shared by its parts: turn/turn.c, and turn/told.c, which fills in what replies tell of the turn
 * as a whole.
 */
#ifndef COUPOND_TURN_STATE_H
#define COUPOND_TURN_STATE_H

#include <zmq.h>

#include "issuer/turn/config.h"
#include "issuer/turn/context.h"
#include "issuer/turn/deadline_clock.h"
#include "shared/wire/frame.h"
#include "shared/wire/frame_fault.h"

struct verification;

/* One frame of a turn, from its receipt to its answer. */
struct exchange {
    zmq_msg_t gateway; /* the ROUTER's identity of the gateway */
    zmq_msg_t request;
    zmq_msg_t reply;
    struct frame_header header;
    void *pong;  /* in the reply to a ping; NULL: no ping */
    void *times; /* in the reply to a frame that asks for them; NULL: it does not */
};

struct turn {
    struct turn_config config;
    struct verification *verification; /* NULL: none */
    struct turn_context context;
    struct deadline_clock deadlines;
    struct exchange exchanges[TURN_FRAMES_MAX];
    size_t exchanges_count;
    struct ledger_command *commands; /* of all issue requests of the turn, in order */
    size_t commands_count;
    size_t change_requests;
    size_t coupon_requests;
    size_t bytes;     /* written to the journal */
    bool timed;       /* some frame asks for the times of this turn */
    uint64_t epoch;   /* of a member; 0: there are none */
    bool rests;       /* another member decides */
    bool sweep_waits; /* the last step of a sweep had no room: not without a frame, such as the next ping */
    struct frame_drops drops;
};

/* After the write: the pongs tell the last record. */
void turn_fill_pongs(struct turn *turn);
/* After the sync: the frames that ask for it are told when the turn decided and synced. */
void turn_fill_times(struct turn *turn, int64_t decided_us);
/* The deadline clock now, for the times of a turn. It does not go back behind the turn's own time. */
int64_t turn_later_us(const struct turn *turn);

#endif
