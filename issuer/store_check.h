/*
 * Compares the journals with the store: an issuer whose disk was lost, or who was given the wrong folder or an old
 * copy, would hand out coupons a second time. At the start, on the main thread, before anything is decided; when the
 * store cannot be asked then, as soon as it answers, on the thread of the store look actor, and before anything is sent
 * to it:
 *
 *   start ──compared──────────────────────────────────────────────────► DONE
 *     └─the store is away, the journals have records─► OUTSTANDING ──► DONE, or FAILED and the end
 *
 * Meanwhile the journals grow, so each folder notes the record up to which the store may have them (the file
 * `uncompared`): a restart is compared by that, too.
 */
#ifndef COUPOND_STORE_CHECK_H
#define COUPOND_STORE_CHECK_H

#include <stddef.h>

#include "shared/error.h"
#include "shared/journal.h"
#include "shared/options.h"
#include "shared/store.h"

enum store_check_result {
    STORE_CHECK_DONE,        /* compared; or issuer/check_store is 0 */
    STORE_CHECK_OUTSTANDING, /* the store could not be asked */
    STORE_CHECK_FAILED,      /* nothing more may be decided: `error` says what to do */
};

struct store_check;

struct store_check *store_check_create(void);
void store_check_destroy(struct store_check **check);

/*
 * STORE_CHECK_FAILED when the store was filled by other journals or knows records that these do not have; or when the
 * process is told to end meanwhile. A store that cannot be asked is no reason to stop journals that have records, or
 * were compared with it before, unless issuer/require_store is set; else it is waited for, for as long as it takes. The
 * journals are replayed.
 */
enum store_check_result store_check_run(struct store_check *check, const struct options *options,
                                        struct journal *const journals[], size_t count, struct error *error);

/* After STORE_CHECK_OUTSTANDING, and while nothing was sent since: compares with a store that is connected. On any one
 * thread; STORE_CHECK_OUTSTANDING and `error` when it could not be asked. */
enum store_check_result store_check_again(const struct store_check *check, struct store *store, struct error *error);

/* Pure: what the store says of a journal against what the journal is. NULL, or what to do in words for people. */
const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta,
                              uint64_t written_seq);

#endif
