/*
 * Compares the journals with the store: an issuer whose disk was lost, or who was given the wrong folder or an old
 * copy, would hand out coupons a second time. At the start, on the main thread, before anything is decided; when the
 * store cannot be asked then, as soon as it answers, on the thread of the store look actor, and before anything is sent
 * to it:
 *
 *   start ──compared──────────────────────────────────────────────────► DONE ──another store is found──► DONE, or
 * FAILED └─the store is away, the journals have records─► OUTSTANDING ──► DONE, or FAILED and the end
 *
 * Meanwhile the journals grow, so each folder notes the record up to which a store may have them
 * (issuer/store/history.h): a restart is compared by that, too. An empty store says nothing of journals that filled
 * another one: it is filled, in case that one is lost, and that one is judged when it comes back.
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
    STORE_CHECK_OUTSTANDING, /* the store could not be asked */
    STORE_CHECK_FAILED,      /* nothing more may be decided: `error` says what to do */
};

struct store_check;

struct store_check *store_check_create(void);
void store_check_destroy(struct store_check **check);

/*
 * STORE_CHECK_FAILED when the store was filled by other journals or knows records that these do not have; or when the
 * process is told to end meanwhile. A store that cannot be asked, or is not the one that issuer/store_id names, is no
 * reason to stop journals that have records, or were compared with it before, unless issuer/require_store is set; else
 * it is waited for, for as long as it takes; so it is while the disk is too full to note that. With
 * issuer/require_store another store than the journals filled has to be named. The journals are replayed; options and
 * journals outlive the check.
 */
enum store_check_result store_check_run(struct store_check *check, const struct options *options,
                                        struct journal *const journals[], size_t count, struct error *error);

/* From here on: any one thread. True until the comparison is made that the start could not make. */
bool store_check_is_outstanding(const struct store_check *check);

/* The stream fills the store that was compared last, and no other any more. */
void store_check_followed(struct store_check *check);

/*
 * Compares with a store that is connected and has this id, unless it is the one that was compared last. Nothing was
 * sent to it in between. STORE_CHECK_OUTSTANDING and `error` when it could not be asked, or that not be noted: it gets
 * nothing yet.
 */
enum store_check_result store_check_again(struct store_check *check, struct store *store,
                                          const uint8_t store_id[STORE_ID_BYTES], struct error *error);

/* Pure: what the store says of a journal against what the journal is. NULL, or what to do in words for people. */
const char *store_check_judge(const struct store_journal *stored, const struct journal_meta *meta,
                              uint64_t written_seq);

#endif
