/*
 * What an issuer records in a journal's folder about stores that it could not compare the journal with, so that a
 * restart knows it: two small files, read at the start and written durably when something changes.
 *
 *   uncompared      it made decisions before asking any store; the file stays until the first comparison
 *   former_stores   the stores that the journal filled before its current one
 */
#ifndef COUPOND_JOURNAL_NOTES_H
#define COUPOND_JOURNAL_NOTES_H

#include "shared/error.h"
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

#endif
