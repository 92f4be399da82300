/* The folder of a partition that is rebuilt: what stands there now, and the new one in its place. */
#ifndef COUPOND_REBUILD_FOLDER_H
#define COUPOND_REBUILD_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger.h"
#include "shared/error.h"
#include "shared/journal_dir.h"
#include "shared/store.h"

/* -1 and `error` when the journal there is in use, or is the store's own and has all that the store has. */
int rebuild_folder_check(const char *dir, const struct store_journal *stored, struct error *error);

/* Makes the new journal beside `dir`, puts what stands there to "<dir>.replaced-<time>", and takes its place. -1 and
 * `error`. */
int rebuild_folder_write(const char *dir, const struct journal_meta *meta, const struct ledger *ledger,
                         uint64_t last_seq, int64_t last_time_us, size_t segment_bytes, struct error *error);

#endif
