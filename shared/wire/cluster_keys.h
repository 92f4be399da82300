/*
 * The keys of a cluster's roles, derived from the one secret that all of them share (cluster/secret_file): a key pair
 * of those who listen and one of those who connect, for ZeroMQ's CURVE. Who does not have the secret has none of the
 * four, the public ones included. Pure but for reading and making the file.
 *
 * The file holds one line of CLUSTER_SECRET_DIGITS hexadecimal digits: 32 random bytes. Format version 1; the
 * derivation (crypto_kdf with the context "coupond1") is part of it, so that roles of different releases understand
 * each other.
 */
#ifndef COUPOND_CLUSTER_KEYS_H
#define COUPOND_CLUSTER_KEYS_H

#include <stdbool.h>

#include "shared/error.h"

#define CLUSTER_KEY_BYTES     32
#define CLUSTER_SECRET_DIGITS 64

struct cluster_key_pair {
    unsigned char public_key[CLUSTER_KEY_BYTES];
    unsigned char secret_key[CLUSTER_KEY_BYTES];
};

struct cluster_keys {
    struct cluster_key_pair listener;  /* of the issuer's sockets */
    struct cluster_key_pair connector; /* of the gateways' and the persisters' sockets */
};

/* Reads the file, which errors name as `shown`: somebody may have put the secret itself in the place of the path.
 * `exposed` tells that users other than its owner and its group may read it. -1 and an error that names the file when
 * it is missing, too short, too long or something else. */
int cluster_keys_read(const char *path, const char *shown, struct cluster_keys *keys, bool *exposed,
                      struct error *error);

/* Makes a file with a new secret that its owner and its group may read. Never replaces a file. */
int cluster_secret_create(const char *path, struct error *error);

#endif
