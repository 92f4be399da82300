/*
 * Compares the journals with the store before anything is decided: an issuer whose disk was lost, or who was given the
 * wrong folder, would hand out coupons a second time. Main thread, at the start.
 */
#ifndef COUPOND_STORE_CHECK_H
#define COUPOND_STORE_CHECK_H

#include <stddef.h>

#include "shared/error.h"
#include "shared/journal.h"
#include "shared/options.h"
#include "shared/store.h"

/*
 * -1 and `error`, which says what to do, when the store was filled by other journals or knows records that these do not
 * have; or when the process is told to end meanwhile. A store that cannot be asked is no reason to stop journals that
 * have records, or were compared with it before, unless issuer/require_store is set; else it is waited for, for as long
 * as it takes. The journals are replayed.
 */
int store_check_run(const struct options *options, struct journal *const journals[], size_t count, struct error *error);

/* Pure: what the store says of a journal against what the journal is. NULL, or what to do in words for people. */
const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta,
                              uint64_t written_seq);

#endif
