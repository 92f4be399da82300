/*
 * Hides secrets in user input that messages quote: a copied address may contain USER:PASSWORD@ or ?token=…, in whatever
 * option it was put. Pure.
 */
#ifndef COUPOND_MASK_H
#define COUPOND_MASK_H

#include <stdbool.h>

#define MASKED_MAX 512

/* Replaces the part before an @ (except the scheme) and the part after a ? or # in `text` by ***. Keeps up to 255 bytes
 * of each part. */
void mask_secrets(const char *text, char masked[MASKED_MAX]);

/* True for an absolute path, or a relative one that starts with ./ or ../. */
bool is_plain_path(const char *text);
/* True when `text` looks like an address, such as mysql://HOST or USER:PASSWORD@HOST, in place of a name or a path. */
bool is_copied_address(const char *text);

#endif
