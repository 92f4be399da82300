/*
 * Frames of members from the bytes of a fuzz input, repaired on request where a fuzzer cannot guess: names, epochs,
 * positions, checksums.
 */
#ifndef COUPOND_FUZZ_MEMBER_INPUT_H
#define COUPOND_FUZZ_MEMBER_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/member/row.h"
#include "shared/members.h"
#include "shared/wire/frame.h"
#include "shared/wire/frame_member.h"

enum member_input_flag {
    MEMBER_FIX_HEADER = 1 << 0,   /* all but the kind, and the count */
    MEMBER_FIX_MEMBER = 1 << 1,   /* names, epochs near that of the store, identities */
    MEMBER_FIX_ROW = 1 << 2,      /* the row is the store's */
    MEMBER_FIX_OWNER = 1 << 3,    /* the owner speaks */
    MEMBER_FIX_POSITION = 1 << 4, /* at the end of the receiver's journal, or next to it */
    MEMBER_FIX_BATCHES = 1 << 5,  /* numbers, counts and checksums of batches */
    MEMBER_UNALIGNED = 1 << 6,    /* nothing is repaired: the bytes begin at an odd address */
};

/* What a repaired frame refers to. */
struct member_input {
    const struct members *members;
    const uint8_t *journal_id;
    struct member_row row; /* of the store */
    uint64_t incarnation;  /* of the receiver */
    uint64_t end_seq;      /* of its journal */
    uint64_t end_term;
    uint64_t turns; /* that it has written */
};

#define MEMBER_INPUT_INCARNATION 70 /* of all senders; rarely the next number, as after a restart */

/* Repairs the frame of `size` bytes, and returns its size, which may be less. */
size_t member_input_fix(const struct member_input *about, unsigned flags, uint8_t *frame, size_t size);

/* A whole message of `from` about the row of the store, at the end of the receiver's journal. */
struct frame_member member_input_say(const struct member_input *about, uint8_t from);
/* Fills the header of a batch of `length` bytes and `count` records that goes on after record `seq`. */
void member_input_seal(const struct member_input *about, uint8_t *batch, size_t length, uint32_t count, uint64_t seq);

#endif
