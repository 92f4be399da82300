/*
 * Compares the journals with the store: an issuer with a lost disk, the wrong folder or an old copy would issue coupons
 * a second time. Runs at the start, on the main thread, before anything is decided. If the store cannot be reached
 * then, runs as soon as it answers, on the thread of the store probe actor, before anything is sent to it:
 *
 *   start ──compared─────────────────────────────────────────────────► DONE ──another store found──► DONE or FAILED
 *     └──the store is unreachable, the journals have records──► OUTSTANDING ──► DONE, or FAILED and the end
 *
 * Meanwhile the journals grow, so each folder notes the record up to which a store may have them
 * (issuer/store/history.h), and a restart takes that into account. An empty store cannot refute journals that filled
 * another store: it is filled, in case that one is lost, and the other one is checked when it comes back.
 */
#ifndef COUPOND_STORE_CHECK_H
#define COUPOND_STORE_CHECK_H

#include <stddef.h>

#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/options/options.h"
#include "shared/store/store.h"

enum store_check_result {
    STORE_CHECK_DONE,        /* compared; or issuer/check_store is 0 */
    STORE_CHECK_OUTSTANDING, /* the store could not be reached */
    STORE_CHECK_FAILED,      /* stop deciding: `error` says what to do */
};

struct store_check;

struct store_check *store_check_create(void);
void store_check_destroy(struct store_check **check);

/*
 * STORE_CHECK_FAILED when the store was filled by other journals or has records that these lack, or when the process is
 * asked to stop. A store that cannot be reached, or is not the one that issuer/store_id names, does not stop journals
 * that have records or were compared with it before, unless issuer/require_store is set; otherwise this waits for it
 * without limit, and also while the disk is too full to record that. With issuer/require_store, another store than the
 * one that the journals filled must be named. The journals are replayed; options and journals must outlive the check.
 */
enum store_check_result store_check_run(struct store_check *check, const struct options *options,
                                        struct journal *const journals[], size_t count, struct error *error);

/* From here on: any one thread. True until the comparison that the start could not make is made. */
bool store_check_is_outstanding(const struct store_check *check);

/* The stream now fills the store that was compared last, and no other. */
void store_check_followed(struct store_check *check);

/*
 * Compares with a connected store that has this id, unless it was the last one compared. Nothing was sent to it in
 * between. STORE_CHECK_OUTSTANDING and `error` when it could not be asked, or the result could not be noted: send it
 * nothing yet.
 */
enum store_check_result store_check_again(struct store_check *check, struct store *store,
                                          const uint8_t store_id[STORE_ID_BYTES], struct error *error);

/* Pure: compares the store's progress with a journal. NULL, or advice for the operator. */
const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta,
                              uint64_t written_seq);

#endif
