/*
 * API keys: bearer credentials of services, from a file with a row for each.
 *
 *   # name  role     hash
 *   shop    service  b1946ac9…   (64 hexadecimal digits: BLAKE2b-256 of the key)
 *
 * A key is "coupond_" and 32 random bytes in base64url, so that no slow hash is needed. Does not change after it was
 * read, so that threads share it. Pure.
 */
#ifndef COUPOND_IDENTITY_API_KEYS_H
#define COUPOND_IDENTITY_API_KEYS_H

#include <stdbool.h>

#include "gateway/http/span.h"
#include "gateway/identity/principal.h"
#include "shared/error.h"

#define API_KEY_PREFIX      "coupond_"
#define API_KEY_LENGTH      51 /* with the prefix */
#define API_KEY_NAME_MAX    60
#define API_KEY_HASH_LENGTH 64 /* hexadecimal digits */
#define API_KEYS_BYTES_MAX  65536
#define API_KEYS_MAX        256

struct api_keys;

/* NULL and `error`, with the line, when the text is malformed. */
struct api_keys *api_keys_parse(struct span text, struct error *error);
void api_keys_destroy(struct api_keys **keys);

unsigned api_keys_count(const struct api_keys *keys);
/* True for what has the form of an API key, known or not. */
bool api_key_is_like(struct span credentials);
/* Fills `principal`; false for an unknown key. In constant time for all keys of this length. */
bool api_keys_find(const struct api_keys *keys, struct span credentials, struct principal *principal);

/* A new key, and the hash of a key for its row, both NUL-terminated. */
void api_key_create(char key[API_KEY_LENGTH + 1]);
void api_key_hash(struct span key, char hash[API_KEY_HASH_LENGTH + 1]);
/* 1 to 60 of A-Z a-z 0-9 - _ . : @, and not "admin", which is that of gateway/admin_token. */
bool api_key_name_valid(struct span name);

#endif
