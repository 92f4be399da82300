/*
 * Users who were erased. In place of a user's id the store has "erased:" and the hexadecimal digits of the user's
 * fingerprint: SipHash-128 of the id under the journal's fingerprint key, as the ledger hashes users. Only somebody
 * who has the key and guesses the id can tell whose it was. Pure.
 *
 * An erasure concerns the rows of its partition that come from earlier records, in whichever order the records are
 * written. Four rules keep this right, although persisters commit in any order and records are sent repeatedly:
 *
 *   - The table `erasure` keeps fingerprint and journal_seq of each erasure; `journal.erased_seq` is the newest.
 *   - A transaction that writes issues or erasures ends under the lock of the journal's row (SQLite: of the database).
 *     An erasure replaces the id in all rows that are there by then. An issue is compared with the erasures that are
 *     there by then, and a later one among them replaces its id. One of two transactions comes second and sees the
 *     other's rows.
 *   - The reason of a dead letter may name the user of another issue, which was read before the erasure. Such letters
 *     are compared with all erasures, and erasures look for the id in the reasons of all letters of the journal.
 *   - A row whose user was erased equals the journal's issue if the fingerprint is that of the issue's user.
 *
 * The user's issues after the erasure keep their id.
 */
#ifndef COUPOND_STORE_ERASED_H
#define COUPOND_STORE_ERASED_H

#include "shared/store/rows.h"

void store_fingerprint(const uint8_t key[16], const char *user_id, size_t length, uint8_t fingerprint[16]);
void store_erased_id(const uint8_t fingerprint[16], char out[ERASED_ID_LENGTH + 1]);
/* False when `id` is not the result of store_erased_id(). */
bool store_erased_parse(const char *id, size_t length, uint8_t fingerprint[16]);

/* True when `there` is the row of the journal's issue `wanted`, whose user may have been erased since. */
bool store_issue_is_there(const uint8_t key[16], const struct store_issue *wanted, const struct store_issue *there);

/* Erasures of one journal. All zeros is an empty set. */
struct store_erased {
    struct store_erased_user {
        uint8_t fingerprint[16];
        uint64_t journal_seq;
    } * users;
    size_t count;
    size_t capacity;
};

void store_erased_deinit(struct store_erased *erased);
void store_erased_clear(struct store_erased *erased);
void store_erased_add(struct store_erased *erased, const uint8_t fingerprint[16], uint64_t journal_seq);
/* Call after the last store_erased_add(). */
void store_erased_sort(struct store_erased *erased);
/* The record of the user's latest erasure; 0: none. */
uint64_t store_erased_seq(const struct store_erased *erased, const uint8_t fingerprint[16]);

/* The batch needs the erasures after this record: those after its first, but all of them when the reason of a dead
 * letter names the user of a stored issue, which may be of any earlier record. */
uint64_t store_erased_after(const struct store_batch *batch);
/*
 * Sets *at, which begins at 0, behind the next issue or dead letter of the batch whose user was erased later, or whose
 * reason names an erased user, and describes that erasure in `erasure` with a borrowed id. False when there is none.
 */
bool store_erased_next(const struct store_erased *erased, const uint8_t key[16], const struct store_batch *batch,
                       size_t *at, struct store_erasure *erasure);

#endif
