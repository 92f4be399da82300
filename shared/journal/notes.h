/*
 * What an issuer records in a journal's folder, so that a restart knows it: about stores that it could not compare the
 * journal with, and that the journal is a copy which is not finished. Small files, read at the start and written
 * durably when something changes.
 *
 *   uncompared      it made decisions before asking any store; the file stays until the first comparison
 *   former_stores   the stores that the journal filled before its current one
 *   copying         it is the copy of another member's journal, and lacks records that were answered; empty
 */
#ifndef COUPOND_JOURNAL_NOTES_H
#define COUPOND_JOURNAL_NOTES_H

#include "shared/error.h"
#include "shared/journal/dir.h"
#include "shared/journal/format.h"

#define JOURNAL_NOTE_DAMAGED (-2) /* unlike -1, which says nothing about the file's bytes */

/*
 * An issuer made decisions before comparing the journal with its store, starting after record `seq`. Later records do
 * not show how far the journal and the store agreed. Reading: 1 when it exists, 0 when it does not or is of another
 * journal, -1 or JOURNAL_NOTE_DAMAGED and `error`. Written and removed durably: 0, or -1 with errno and `error`.
 */
int journal_uncompared_read(const char *dir, const uint8_t journal_id[16], uint64_t *seq, struct error *error);
int journal_uncompared_write(const char *dir, const uint8_t journal_id[16], uint64_t seq, struct error *error);
int journal_uncompared_remove(const char *dir, struct error *error);

/* No stores when the file is missing or of another journal. 0, or -1 or JOURNAL_NOTE_DAMAGED and `error`. */
int journal_former_read(const char *dir, const uint8_t journal_id[16], struct journal_former_stores *stores,
                        struct error *error);
/* Durable; removes the file when there is nothing to record. 0, or -1 with errno and `error`. */
int journal_former_write(const char *dir, const struct journal_former_stores *stores, struct error *error);

/* True when the mark is there. */
bool journal_is_copying(const char *dir);
/* Puts the mark into the folder, and removes it. Durable: 0, or -1 with errno and `error`. */
int journal_copying_begin(const char *dir, struct error *error);
int journal_copying_end(const char *dir, struct error *error);

/*
 * Begins a copy: creates the folder, with the mark, and with the identity of another member's journal. A crash leaves
 * no identity without the mark. The checksum in `meta` does not matter. 0, or -1 and `error`.
 */
int journal_copy_begin(const char *dir, const struct journal_meta *meta, struct error *error);
/* Renames the folder to "<dir>.aside-<UTC time>", durably; `aside` is the new name. 0, or -1 and `error`. */
int journal_set_aside(const char *dir, char aside[JOURNAL_PATH_MAX], struct error *error);

#endif
