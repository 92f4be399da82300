/*
 * The folder of a partition to be rebuilt: checks the existing journal, and replaces it by the new one.
 */
#ifndef COUPOND_REBUILD_FOLDER_H
#define COUPOND_REBUILD_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "issuer/ledger/ledger.h"
#include "shared/error.h"
#include "shared/journal/dir.h"
#include "shared/store/store.h"

enum rebuild_folder {
    REBUILD_FOLDER_SOUND, /* it has everything that the store has, and possibly more */
    REBUILD_FOLDER_LOST,
    REBUILD_FOLDER_FOREIGN, /* another journal than the store's */
};

/* Compares the existing folder with the store of this id; `stored` is all zeros when the store has no record of it. -1
 * and `error` when the folder is in use. */
int rebuild_folder_check(const char *dir, const struct store_journal *stored, const uint8_t store_id[STORE_ID_BYTES],
                         struct error *error);

/* Writes the new journal next to `dir`, reads it back into *ledger, moves the existing folder to
 * "<dir>.replaced-<time>", and takes its place. -1 and `error`. */
int rebuild_folder_write(const char *dir, const struct journal_meta *meta, struct ledger **ledger, uint64_t last_seq,
                         int64_t last_time_us, size_t segment_bytes, struct error *error);

#endif
