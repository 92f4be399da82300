/*
 * `coupond issuer --rebuild-from-store`: rebuilds journals after a disk loss from the content of the store. Each
 * partition gets a journal with a new identity that begins with a snapshot: all coupons, their holders, and the store's
 * last sequence; the store is updated with the new identity. The previous folder is kept next to it.
 *
 * Decisions that were answered but not yet stored are lost. Main thread; no issuer may run.
 */
#ifndef COUPOND_REBUILD_H
#define COUPOND_REBUILD_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/options/options.h"

/*
 * Returns 0; or -1 and `error` when the store cannot be read or has gaps, a journal is in use, or all journals are
 * sound and have everything that the store has. If only some are, those stay unchanged. With `accept_gaps`, sequences
 * missing in the store count as issued to holders named lost:<sequence>, which are also written to the store. Logs
 * progress.
 */
int rebuild_run(const struct options *options, bool accept_gaps, struct error *error);

#endif
