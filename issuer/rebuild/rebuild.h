/*
 * `coupond issuer --rebuild-from-store`: journals for a disk that was lost, from what the store holds. Each partition
 * gets a journal of a new identity that begins with a snapshot: all coupons, who holds them, and the sequence that the
 * store had last; the store is told of the new identity. What stood in the folder is kept beside it.
 *
 * What had been answered and not yet been stored is lost with the disk. Main thread; no issuer may run.
 */
#ifndef COUPOND_REBUILD_H
#define COUPOND_REBUILD_H

#include <stdbool.h>

#include "shared/error.h"
#include "shared/options/options.h"

/*
 * 0; or -1 and `error`: the store cannot be read, it is not whole, a journal is in use, or all of them are sound and
 * have all that the store has; where only some are, those stay as they are. With `accept_gaps` sequences that the store
 * lacks count as issued, to holders named lost:<sequence>, who are written to the store as well. Progress goes to the
 * log.
 */
int rebuild_run(const struct options *options, bool accept_gaps, struct error *error);

#endif
