/*
 * The keys of a cluster's roles, derived from their shared secret (cluster/secret_file): one key pair for listening and
 * one for connecting sockets, for ZeroMQ's CURVE. Without the secret, none of the four keys is known, not even the
 * public ones. Pure, except for reading and creating the file.
 *
 * The file holds one line of CLUSTER_SECRET_DIGITS hexadecimal digits: 32 random bytes. Format version 1; the
 * derivation (crypto_kdf with the context "coupond1") is part of it, so that different releases interoperate.
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

/*
 * Reads the file, which errors call `shown`: somebody may have configured the secret itself instead of the path. Sets
 * `exposed` when users other than the owner and group may read it. -1 and an error that names the file when it is
 * missing, of the wrong length or malformed.
 */
int cluster_keys_read(const char *path, const char *shown, struct cluster_keys *keys, bool *exposed,
                      struct error *error);

/* Creates a file with a new secret, readable by its owner and group. Never replaces a file. */
int cluster_secret_create(const char *path, struct error *error);

#endif
