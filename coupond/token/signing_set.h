/*
 * The file of a JWK set with private keys, which only its owner may read.
 */
#ifndef COUPOND_TOKEN_SIGNING_SET_H
#define COUPOND_TOKEN_SIGNING_SET_H

#include "coupond/token/signing_key.h"

/* Creates the file with one key, with mode 0600. -1 and `error`; an existing file is not changed. */
int signing_set_create(const char *path, const struct signing_key *key, struct error *error);
/* The key with this kid, or the first one if `id` is NULL. NULL and `error` when there is none. */
struct signing_key *signing_set_read(const char *path, const char *id, struct error *error);
/* The public parts of all keys as a JWK set, which the caller releases with json_decref(). NULL and `error`. */
json_t *signing_set_public(const char *path, struct error *error);

#endif
