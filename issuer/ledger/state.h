/*
 * The struct behind a ledger, shared by ledger/ledger.c (deciding, applying) and ledger/replay.c (recovery, snapshots).
 */
#ifndef COUPOND_LEDGER_STATE_H
#define COUPOND_LEDGER_STATE_H

#include <sodium.h>

#include "issuer/ledger/coupon_index.h"
#include "issuer/ledger/fingerprint.h"
#include "issuer/ledger/issue_list.h"
#include "issuer/ledger/term_list.h"
#include "shared/store/erased.h"

_Static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(struct fingerprint), "a fingerprint is one SipHash-128");

struct ledger {
    uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
    struct coupon_index index;
    uint64_t inexact_until;        /* 0: not loaded from a snapshot */
    struct ledger_coupon *loading; /* the coupon whose users are being loaded */
    unsigned part_bits;            /* 0: it keeps all users */
    unsigned part;
    uint32_t last_number;        /* of a coupon */
    struct ledger_sweep *sweeps; /* in the order of their records */
    struct ledger_sweep *last_sweep;
    size_t unnumbered;       /* coupons that version 1 of the journal left without a number */
    size_t first_unnumbered; /* the place of the first of them, or an earlier one */
    struct term_list terms;
};

static inline struct fingerprint ledger_fingerprint(const struct ledger *ledger, const char *user_id, size_t length)
{
    struct fingerprint user;
    if (length == ERASED_ID_LENGTH && store_erased_parse(user_id, length, (uint8_t *)&user))
        return user; /* what is left of the id of a user who was erased */
    crypto_shorthash_siphashx24((unsigned char *)&user, (const unsigned char *)user_id, length, ledger->key);
    return user;
}

/* Takes over the number of an entry that was added or has just got one: the highest number, and how many have none. */
void ledger_note_number(struct ledger *ledger, struct ledger_coupon *entry, bool is_new);

/* An idempotency key as the ledger keeps it. */
static inline uint64_t ledger_request_value(uint64_t request_key)
{
    uint64_t value = request_key & SEQUENCE_VALUE_MAX;
    return value != 0 ? value : 1;
}

/* A reference as the ledger keeps it: ISSUE_HASH_BITS of a keyed hash, so that two of a user's references are told
 * apart but for one case in 2^51. */
static inline uint64_t ledger_reference_hash(const struct ledger *ledger, const char *reference, size_t length)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)reference, length, ledger->key);
    return issue_hash(hash);
}

#endif
