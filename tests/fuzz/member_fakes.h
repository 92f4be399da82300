/*
 * What surrounds one member in its fuzz target: the store that has the row, and the links to the others. Both replace
 * issuer/member/arbiter.h and links.h, without threads and sockets. Every message that the member sends is checked.
 */
#ifndef COUPOND_FUZZ_MEMBER_FAKES_H
#define COUPOND_FUZZ_MEMBER_FAKES_H

#include <stdbool.h>
#include <stdint.h>

#include "issuer/member/links.h"
#include "issuer/member/row.h"
#include "shared/journal/journal.h"

enum fake_store_mode {
    FAKE_STORE_ANSWERS,
    FAKE_STORE_LOSES_QUESTIONS, /* nothing is written, and the outcome is unknown */
    FAKE_STORE_LOSES_ANSWERS,   /* it is written, and the outcome is unknown */
    FAKE_STORE_IS_OUTDATED,     /* reads give the row before the last change */
    FAKE_STORE_HANGS,           /* no answer until the mode changes */
    FAKE_STORE_MODES
};

/* Of the last APPEND to a member. */
struct fake_sent {
    uint64_t last_seq;
    uint64_t turn;
};

struct fakes {
    uint8_t self;
    enum fake_store_mode mode;
    struct member_row row; /* in the store */
    struct member_row row_before;
    uint8_t own_standby;     /* in the last row that this member has written with itself as the owner */
    uint64_t muted_epoch;    /* the member has tried to end this one, so it must not confirm it any more */
    uint64_t confirmed_seq;  /* the highest that the member has ever confirmed */
    uint64_t confirmed_turn; /* in the last confirmation */
    uint64_t confirmed_incarnation;
    uint8_t gone; /* a member whose machine refuses the next connection; MEMBER_NONE: nobody */
    struct fake_sent sent[MEMBERS_MAX];
    struct journal *journal; /* of the member; borrowed */
};

extern struct fakes fakes;

/* Somebody else changes the row. */
void fakes_change_row(const struct member_row *row);

#endif
