/*
 * What an issuer notes in a journal's folder of the stores that it could not compare the journal with, so that a
 * restart knows it, too: two small files, read at the start and written durably when something changes.
 *
 *   uncompared      it decided without having asked any store; it stays until the first comparison
 *   former_stores   the stores that the journal filled before its present one
 */
#ifndef COUPOND_JOURNAL_NOTES_H
#define COUPOND_JOURNAL_NOTES_H

#include "shared/error.h"
#include "shared/journal/format.h"

/*
 * An issuer decided without having compared the journal with its store, first behind record `seq`. Records that came
 * later say nothing of how far the journal was one with the store. Reading: 1 when it is there, 0 when not or of
 * another journal, -1 and `error`. Written and removed durably: 0, or -1 with errno and `error`.
 */
int journal_uncompared_read(const char *dir, const uint8_t journal_id[16], uint64_t *seq, struct error *error);
int journal_uncompared_write(const char *dir, const uint8_t journal_id[16], uint64_t seq, struct error *error);
int journal_uncompared_remove(const char *dir, struct error *error);

/* Of no store when there is no such file, or it is of another journal. 0, or -1 and `error`. */
int journal_former_read(const char *dir, const uint8_t journal_id[16], struct journal_former_stores *stores,
                        struct error *error);
/* Durably; removes the file when there is nothing to note. 0, or -1 with errno and `error`. */
int journal_former_write(const char *dir, const struct journal_former_stores *stores, struct error *error);

#endif
