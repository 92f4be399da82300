/*
 * What members tell each other (issuer/member/): FRAME_MEMBER_… of shared/wire/frame.h. Every such frame begins with
 * struct frame_member; the header's incarnation is the sender's. Little-endian, fixed layout; pure.
 */
#ifndef COUPOND_FRAME_MEMBER_H
#define COUPOND_FRAME_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Members are named by a hash of their names (shared/members.h); 0: nobody. */
struct frame_member {
    uint8_t journal_id[16];  /* zeros: the sender has no journal yet */
    uint64_t to_incarnation; /* of the receiver that it is meant for; 0: any */
    uint64_t from;
    uint64_t seen_epoch; /* the highest epoch that the sender knows of */
    /* the row that the sender knows; epoch 0: none */
    uint64_t epoch;
    uint64_t owner;
    uint64_t standby;
    /* of an owner */
    uint64_t answered_seq; /* every answer depends on records up to this one only */
    uint64_t acked_seq;    /* the store has every record up to this one */
    uint64_t term;         /* the epoch in which it began to decide */
    uint64_t turn;         /* APPEND: the journal contains this turn afterwards; CONFIRM: what is synced has it */
    /* a point in a journal: after a record, which belongs to that term */
    uint64_t seq;      /* JOIN, DIVERGED: where the follower's journal ends; APPEND: after it come the batches; CONFIRM:
                           what is synced */
    uint64_t seq_term; /* not in CONFIRM */
    uint64_t confirmed; /* CONFIRM: the epoch that is confirmed */
    uint8_t owns;       /* it speaks as the owner in that row */
    uint8_t reserved[7];
};
_Static_assert(sizeof(struct frame_member) == 128, "member layout");

/* FRAME_MEMBER_IDENTITY: struct frame_member, then this: what a member without a journal needs to begin a copy. */
struct frame_identity {
    uint8_t fingerprint_key[16];
    uint8_t code_key[16];
    int64_t created_at_us;
    uint64_t first_seq; /* the first record that the owner's files still have */
};
_Static_assert(sizeof(struct frame_identity) == 48, "identity layout");

/* FRAME_MEMBER_FETCH: struct frame_member, then this: asks for a piece of a snapshot's file. */
struct frame_fetch {
    uint64_t from_seq; /* of the snapshot; 0: the newest one */
    uint64_t offset;
};
_Static_assert(sizeof(struct frame_fetch) == 16, "fetch layout");

#define FRAME_PIECE_MAX (256u << 10)

/* FRAME_MEMBER_PIECE: struct frame_member, then this, then the bytes from `offset` on: FRAME_PIECE_MAX, or up to the
 * end. */
struct frame_piece {
    uint64_t from_seq;
    uint64_t offset;
    uint64_t size; /* of the whole file; 0: the owner has no such snapshot, ask for the newest one */
};
_Static_assert(sizeof(struct frame_piece) == 24, "piece layout");

/* True for times and flags within bounds, a sender, and epochs that fit together. */
bool frame_member_whole(const struct frame_member *member);

#endif
