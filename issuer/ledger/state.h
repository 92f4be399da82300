/*
 * The struct behind a ledger, shared by ledger/ledger.c (deciding, applying) and ledger/replay.c (recovery, snapshots).
 */
#ifndef COUPOND_LEDGER_STATE_H
#define COUPOND_LEDGER_STATE_H

#include <sodium.h>

#include "issuer/ledger/coupon_index.h"
#include "issuer/ledger/fingerprint.h"

_Static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(struct fingerprint), "a fingerprint is one SipHash-128");

struct ledger {
    uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
    struct coupon_index index;
    uint64_t inexact_until;        /* 0: not loaded from a snapshot */
    struct ledger_coupon *loading; /* the coupon whose users are being loaded */
    unsigned part_bits;            /* 0: it keeps all users */
    unsigned part;
};

static inline struct fingerprint ledger_fingerprint(const struct ledger *ledger, const char *user_id, size_t length)
{
    struct fingerprint user;
    crypto_shorthash_siphashx24((unsigned char *)&user, (const unsigned char *)user_id, length, ledger->key);
    return user;
}

#endif
