/*
 * The role of a member in one partition: who decides, who may take over, and when answers may leave. Pure: messages,
 * answers of the store and times come in; permissions and questions come out. No thread, socket, clock or file of its
 * own. Owned by the partition's thread.
 *
 *                       named in the row                     the owner is silent, or hands over
 *   ┌──────────┐ ─────────────────────────► ┌─────────┐ ──────────────────────────────────────► ┌──────────┐
 *   │ FOLLOWER │                            │ STANDBY │                                         │ CLAIMING │
 *   └──────────┘ ◄───────────────────────── └─────────┘                                         └────┬─────┘
 *     ▲      │       no longer named                                                    row written  │
 *     │      └── the row names this member as owner: after a restart ──► CLAIMING                    ▼
 *     │                                                                                         ┌──────────┐
 *     └──────────────────────────── somebody else has changed the row ───────────────────────── │  OWNER   │
 *                                                                                               └──────────┘
 *
 * The invariant: while the row says (epoch, owner A, standby B), no answer of A leaves before B has confirmed its turn,
 * and B confirms nothing any more before it tries to take over. So B has everything that A ever told anybody, and an A
 * that stood still can tell nothing afterwards. No clock takes part in that argument; times only decide when to try.
 */
#ifndef COUPOND_MEMBER_ROLE_H
#define COUPOND_MEMBER_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/member/change.h"
#include "issuer/member/row.h"

enum member_role_state { MEMBER_FOLLOWER, MEMBER_STANDBY, MEMBER_CLAIMING, MEMBER_OWNER };

/* The end of a journal: the last record, and the epoch in which the owner that wrote it had begun. */
struct member_position {
    uint64_t term;
    uint64_t seq;
};

/* Times in µs. */
struct member_config {
    uint8_t self;
    uint8_t count;
    bool confirms; /* answers wait for the standby; otherwise it only follows (ack = journal) */
    bool alone;    /* without a standby, answer nevertheless (issuer/alone = answer) */
    int64_t heartbeat_us;
    int64_t shrink_us;   /* a standby that is silent for so long is replaced */
    int64_t takeover_us; /* an owner that is silent for so long is succeeded */
};

/* What every member tells every other one at least every heartbeat_us. */
struct member_heartbeat {
    uint64_t seen_epoch;   /* the highest epoch that it knows of */
    struct member_row row; /* the row that it knows, perhaps outdated */
    bool owns;             /* it speaks as the owner in that row */
    uint64_t answered_seq; /* of an owner: every answer depends on records up to this one only */
};

/* Of a member that follows to its owner. */
struct member_confirmation {
    uint64_t epoch; /* of the message that it confirms */
    uint64_t turn;  /* every turn up to this one is on its disk */
    uint64_t seq;   /* every record up to this one is */
};

struct member_peer {
    int64_t heard_us;
    /* while this member is the owner */
    bool matches; /* its journal is the beginning of this one's */
    uint64_t turn;
    uint64_t seq;
};

struct member_role {
    struct member_config config;
    enum member_role_state state;
    struct member_row row; /* the latest that is known */
    struct member_change change;
    bool reading; /* the row is to be read */
    int64_t read_at_us;
    int64_t started_us;
    int64_t owner_heard_us; /* the owner of `row` spoke as such */
    uint64_t seen_epoch;
    uint64_t muted_epoch; /* nothing is confirmed up to this epoch */
    bool complete;        /* its journal has all that was answered up to now, or before it last heard of the owner */
    struct member_position end;
    struct member_peer peers[MEMBERS_MAX];
    /* of an owner */
    uint64_t term;
    uint64_t earlier_seq; /* earlier owners answered nothing that depends on later records */
    uint64_t written_turn, synced_turn;
    uint64_t synced_seq;
    uint64_t confirmed_seq;
    int64_t row_since_us;
    uint8_t courted;      /* is going to be named: answers wait for it already; MEMBER_NONE: nobody */
    uint64_t courted_seq; /* what was answered without it */
    int64_t court_at_us;  /* not before */
    bool leaving;
};

/* `end` is that of its journal; `complete` is false if it has none, or only a copy that was not finished. */
void member_role_init(struct member_role *role, const struct member_config *config, const struct member_position *end,
                      bool complete, int64_t now_us);

/* Call at least every heartbeat_us, and after every other call. */
void member_role_tick(struct member_role *role, int64_t now_us);

/* --- the store --- */

/* The question to put to the store; MEMBER_ASK_NOTHING: none. One at a time: its answer belongs to it. */
void member_role_ask(const struct member_role *role, struct member_ask *ask);
/* `row` is what was read. */
void member_role_on_answer(struct member_role *role, const struct member_ask *ask, enum member_outcome outcome,
                           const struct member_row *row, int64_t now_us);

/* The row is older than what members have seen: the store was restored from an old copy. Nobody claims it. */
bool member_role_is_outdated(const struct member_role *role);

/* --- the others --- */

void member_role_heartbeat(const struct member_role *role, struct member_heartbeat *heartbeat);
void member_role_on_heartbeat(struct member_role *role, uint8_t from, const struct member_heartbeat *heartbeat,
                              int64_t now_us);
/* The process of this member is gone: its silence counts from now on as long enough. */
void member_role_on_gone(struct member_role *role, uint8_t member, int64_t now_us);
/* True when records of this owner are to be taken, and confirmed after they are synced. `heartbeat` is the owner's. */
bool member_role_follows(const struct member_role *role, uint8_t from, const struct member_heartbeat *heartbeat);
/* The journal of this member was appended to and synced. `answered_seq` is the owner's, told to this start of it. */
void member_role_on_followed(struct member_role *role, const struct member_position *end, uint64_t answered_seq);
/* The journal has records that the owner's lacks. They were never answered, but while this member is named in the row,
 * it must not throw its journal aside, because that has everything that was. */
bool member_role_may_discard(const struct member_role *role);
/* The journal was thrown aside. */
void member_role_on_discarded(struct member_role *role);

/* --- an owner --- */

/* True when turns may be decided. The first record of a term is that of its epoch. */
bool member_role_decides(const struct member_role *role);
/* A turn was written, and its answers wait; turns of an owner are numbered from 1. */
void member_role_on_written(struct member_role *role, uint64_t turn);
/* The turns up to this one are synced, with the records up to `end`. */
void member_role_on_synced(struct member_role *role, uint64_t turn, const struct member_position *end);
void member_role_on_confirmation(struct member_role *role, uint8_t from, const struct member_confirmation *confirmation,
                                 int64_t now_us);
/* A member asks for records: its journal ends at `seq`, and is the beginning of this one's if `matches`. */
void member_role_on_joining(struct member_role *role, uint8_t from, uint64_t seq, bool matches, int64_t now_us);
/* The answers of the turns up to this one may leave. */
uint64_t member_role_released_turn(const struct member_role *role);
/* Records up to this one may go to persisters and to followers. */
uint64_t member_role_confirmed_seq(const struct member_role *role);
/* True when this member may get records that are not confirmed. */
bool member_role_sends_all(const struct member_role *role, uint8_t to);
/* Hands over to the standby as soon as everything is answered. */
void member_role_leave(struct member_role *role);

#endif
