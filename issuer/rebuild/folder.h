/* The folder of a partition that is rebuilt: what stands there now, and the new one in its place. */
#ifndef COUPOND_REBUILD_FOLDER_H
#define COUPOND_REBUILD_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/dir.h"
#include "shared/store/store.h"

enum rebuild_folder {
    REBUILD_FOLDER_SOUND, /* it has all that the store has, and may have more */
    REBUILD_FOLDER_LOST,
    REBUILD_FOLDER_FOREIGN, /* another journal than the store's */
};

/* What stands there, beside the store of this id; `stored` is all zero when that has nothing of it. -1 and `error` when
 * it is in use. */
int rebuild_folder_check(const char *dir, const struct store_journal *stored, const uint8_t store_id[STORE_ID_BYTES],
                         struct error *error);

/* Makes the new journal beside `dir`, puts what stands there to "<dir>.replaced-<time>", and takes its place once it
 * was read back, into *ledger. -1 and `error`. */
int rebuild_folder_write(const char *dir, const struct journal_meta *meta, struct ledger **ledger, uint64_t last_seq,
                         int64_t last_time_us, size_t segment_bytes, struct error *error);

#endif
