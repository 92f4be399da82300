#include "shared/store/erased.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/store/reason.h"

#define PREFIX_LENGTH (ERASED_ID_LENGTH - 32) /* "erased:" */

/* --- ids --- */

void store_fingerprint(const uint8_t key[16], const char *user_id, size_t length, uint8_t fingerprint[16])
{
    _Static_assert(crypto_shorthash_siphashx24_BYTES == 16 && crypto_shorthash_siphashx24_KEYBYTES == 16, "sizes");
    crypto_shorthash_siphashx24(fingerprint, (const unsigned char *)user_id, length, key);
}

void store_erased_id(const uint8_t fingerprint[16], char out[ERASED_ID_LENGTH + 1])
{
    memcpy(out, "erased:", PREFIX_LENGTH);
    journal_id_format(fingerprint, out + PREFIX_LENGTH);
}

bool store_erased_parse(const char *id, size_t length, uint8_t fingerprint[16])
{
    return user_id_is_erased(id, length) && journal_id_parse(id + PREFIX_LENGTH, length - PREFIX_LENGTH, fingerprint);
}

bool store_issue_is_there(const uint8_t key[16], const struct store_issue *wanted, const struct store_issue *there)
{
    if (store_issue_equal(wanted, there))
        return true;
    uint8_t fingerprint[16];
    char id[ERASED_ID_LENGTH + 1];
    if (!user_id_is_erased(there->user_id, there->user_id_length))
        return false;
    store_fingerprint(key, wanted->user_id, wanted->user_id_length, fingerprint);
    store_erased_id(fingerprint, id);
    struct store_issue erased = *wanted;
    erased.user_id = id;
    erased.user_id_length = ERASED_ID_LENGTH;
    return store_issue_equal(&erased, there);
}

/* --- set --- */

void store_erased_deinit(struct store_erased *erased)
{
    free(erased->users);
    *erased = (struct store_erased){0};
}

void store_erased_clear(struct store_erased *erased)
{
    erased->count = 0;
}

void store_erased_add(struct store_erased *erased, const uint8_t fingerprint[16], uint64_t journal_seq)
{
    if (erased->count == erased->capacity) {
        erased->capacity = erased->capacity > 0 ? 2 * erased->capacity : 64;
        erased->users = realloc(erased->users, erased->capacity * sizeof *erased->users);
        CHECK(erased->users != NULL);
    }
    struct store_erased_user *user = &erased->users[erased->count++];
    memcpy(user->fingerprint, fingerprint, sizeof user->fingerprint);
    user->journal_seq = journal_seq;
}

/* By fingerprint, the latest erasure first. */
static int compare_users(const void *a, const void *b)
{
    const struct store_erased_user *left = a, *right = b;
    int order = memcmp(left->fingerprint, right->fingerprint, sizeof left->fingerprint);
    if (order != 0)
        return order;
    return (left->journal_seq < right->journal_seq) - (left->journal_seq > right->journal_seq);
}

void store_erased_sort(struct store_erased *erased)
{
    if (erased->count > 1)
        qsort(erased->users, erased->count, sizeof *erased->users, compare_users);
}

uint64_t store_erased_seq(const struct store_erased *erased, const uint8_t fingerprint[16])
{
    size_t low = 0, high = erased->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(erased->users[middle].fingerprint, fingerprint, 16) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < erased->count && memcmp(erased->users[low].fingerprint, fingerprint, 16) == 0;
    return found ? erased->users[low].journal_seq : 0;
}

/* --- rows of a batch --- */

/* The other user whom the reason of a letter names. Record 0, because the named issue may be of any. */
static bool other_user_of(const struct store_dead_letter *letter, struct store_erasure *row)
{
    size_t length = 0;
    const char *user_id = store_reason_other_user(letter->reason, &length);
    *row = (struct store_erasure){.user_id = user_id, .user_id_length = (uint8_t)length};
    return user_id != NULL;
}

uint64_t store_erased_after(const struct store_batch *batch)
{
    struct store_erasure row;
    for (size_t i = 0; i < batch->dead_count; i++)
        if (other_user_of(&batch->dead[i], &row))
            return 0;
    return batch->first_seq;
}

static bool actor_is(struct store_erasure *row, const char *actor, size_t length, uint64_t journal_seq)
{
    *row = (struct store_erasure){.user_id = actor, .user_id_length = (uint8_t)length, .journal_seq = journal_seq};
    return length > 0;
}

static size_t actors_count(const struct store_batch *batch)
{
    return batch->changes_count + batch->coupons_count + batch->erasures_count;
}

/* The actor of the changes, then of the coupons, then of the erasures. */
static bool actor_at(const struct store_batch *batch, size_t at, struct store_erasure *row)
{
    if (at < batch->changes_count) {
        const struct store_change *change = &batch->changes[at];
        return actor_is(row, change->actor, change->actor_length, change->journal_seq);
    }
    at -= batch->changes_count;
    if (at < batch->coupons_count) {
        const struct store_coupon *coupon = &batch->coupons[at];
        return actor_is(row, coupon->origin.actor, coupon->origin.actor_length, coupon->journal_seq);
    }
    const struct store_erasure *erasure = &batch->erasures[at - batch->coupons_count];
    return actor_is(row, erasure->actor, erasure->actor_length, erasure->journal_seq);
}

/* The user and the record of row `at`: the actors, the issues, then the dead letters, then their reasons. False for a
 * row without a user to erase. */
static bool user_at(const struct store_batch *batch, size_t at, struct store_erasure *row)
{
    if (at < actors_count(batch))
        return actor_at(batch, at, row);
    at -= actors_count(batch);
    if (at >= batch->issues_count + batch->dead_count)
        return other_user_of(&batch->dead[at - batch->issues_count - batch->dead_count], row);
    if (at < batch->issues_count) {
        const struct store_issue *issue = &batch->issues[at];
        *row = (struct store_erasure){
            .user_id = issue->user_id, .user_id_length = issue->user_id_length, .journal_seq = issue->journal_seq};
        return true;
    }
    const struct store_dead_letter *letter = &batch->dead[at - batch->issues_count];
    *row = (struct store_erasure){
        .user_id = letter->user_id, .user_id_length = letter->user_id_length, .journal_seq = letter->journal_seq};
    return letter->user_id_length > 0 && store_letter_type(letter) != JOURNAL_ERASURE;
}

bool store_erased_next(const struct store_erased *erased, const uint8_t key[16], const struct store_batch *batch,
                       size_t *at, struct store_erasure *erasure)
{
    size_t rows = erased->count > 0 ? actors_count(batch) + batch->issues_count + 2 * batch->dead_count : 0;
    while (*at < rows) {
        if (!user_at(batch, (*at)++, erasure))
            continue;
        store_fingerprint(key, erasure->user_id, erasure->user_id_length, erasure->fingerprint);
        uint64_t seq = store_erased_seq(erased, erasure->fingerprint);
        if (seq <= erasure->journal_seq)
            continue;
        erasure->journal_seq = seq;
        return true;
    }
    return false;
}
