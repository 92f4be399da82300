/*
 * What somebody gave, for messages: an address that was copied whole holds secrets, USER:PASSWORD@ and ?token=… among
 * them, wherever it was put. Pure.
 */
#ifndef COUPOND_MASK_H
#define COUPOND_MASK_H

#include <stdbool.h>

#define MASKED_MAX 512

/* `text` with *** for what stands before an @, but for its scheme, and for what follows a ? or a #. Up to 255 bytes of
 * each part are kept. */
void mask_secrets(const char *text, char masked[MASKED_MAX]);

/* Whether `text` is an absolute path, or a relative one that says so. */
bool is_plain_path(const char *text);
/* Whether `text` looks like an address, such as mysql://HOST or USER:PASSWORD@HOST, where a name or a path belongs. */
bool is_copied_address(const char *text);

#endif
