#include "coupond/verify/coupon.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

#define PLACES_FIRST 64
#define ROWS_FIRST   2 /* most of a million coupons have few issues */

/* --- index --- */

void verify_index_deinit(struct verify_index *index)
{
    for (size_t i = 0; index->places && i <= index->mask; i++) {
        struct verify_coupon *coupon = index->places[i];
        if (!coupon)
            continue;
        verify_users_deinit(&coupon->users);
        verify_states_deinit(&coupon->states);
        free(coupon->sequences);
        free(coupon->digests);
        free(coupon);
    }
    free(index->places);
    *index = (struct verify_index){0};
}

static size_t find(const struct verify_index *index, const char *id, size_t length)
{
    size_t at = (size_t)XXH3_64bits(id, length) & index->mask;
    while (index->places[at] &&
           (strlen(index->places[at]->id) != length || memcmp(index->places[at]->id, id, length) != 0))
        at = (at + 1) & index->mask;
    return at;
}

static void grow(struct verify_index *index)
{
    size_t old_places = index->places ? index->mask + 1 : 0;
    size_t places = old_places ? 2 * old_places : PLACES_FIRST;
    struct verify_index larger = {.mask = places - 1, .count = index->count};
    larger.places = calloc(places, sizeof *larger.places);
    CHECK(larger.places != NULL);
    for (size_t i = 0; i < old_places; i++) {
        struct verify_coupon *coupon = index->places[i];
        if (coupon)
            larger.places[find(&larger, coupon->id, strlen(coupon->id))] = coupon;
    }
    free(index->places);
    *index = larger;
}

struct verify_coupon *verify_index_get(struct verify_index *index, const char *id, size_t length)
{
    CHECK(length <= COUPON_ID_MAX);
    if (!index->places || index->count * 2 > index->mask)
        grow(index);
    size_t at = find(index, id, length);
    if (!index->places[at]) {
        struct verify_coupon *coupon = calloc(1, sizeof *coupon);
        CHECK(coupon != NULL);
        memcpy(coupon->id, id, length);
        coupon->last_issued_at_us = INT64_MIN;
        index->places[at] = coupon;
        index->count++;
    }
    return index->places[at];
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(struct verify_coupon *const *)a)->id, (*(struct verify_coupon *const *)b)->id);
}

struct verify_coupon **verify_index_sorted(const struct verify_index *index)
{
    struct verify_coupon **sorted = calloc(index->count + 1, sizeof *sorted);
    CHECK(sorted != NULL);
    size_t count = 0;
    for (size_t i = 0; index->places && i <= index->mask; i++)
        if (index->places[i])
            sorted[count++] = index->places[i];
    qsort(sorted, count, sizeof *sorted, compare_ids);
    return sorted;
}

/* --- rows --- */

void verify_coupon_add_row(struct verify_coupon *coupon, const struct store_issue *issue)
{
    if (coupon->rows == coupon->rows_capacity) {
        size_t capacity = coupon->rows < ROWS_FIRST ? ROWS_FIRST : coupon->rows + coupon->rows / 2;
        coupon->sequences = realloc(coupon->sequences, capacity * sizeof *coupon->sequences);
        coupon->digests = realloc(coupon->digests, capacity * sizeof *coupon->digests);
        CHECK(coupon->sequences && coupon->digests);
        coupon->rows_capacity = capacity;
    }
    coupon->sequences[coupon->rows] = issue->sequence;
    coupon->digests[coupon->rows] = verify_issue_digest(issue);
    coupon->rows++;
}

/* Without gaps, sequence N is row N - 1; after a gap it is searched for. */
size_t verify_coupon_find_row(const struct verify_coupon *coupon, uint32_t sequence)
{
    size_t guess = (size_t)sequence - 1;
    if (guess < coupon->rows && coupon->sequences[guess] == sequence)
        return guess;
    size_t low = 0;
    size_t high = coupon->rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (coupon->sequences[middle] < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low < coupon->rows && coupon->sequences[low] == sequence ? low : SIZE_MAX;
}

/* --- digests --- */

uint64_t verify_issue_digest(const struct store_issue *issue)
{
    struct {
        int64_t issued_at_us;
        uint64_t journal_seq;
        uint64_t request_key;
        uint32_t sequence;
        uint16_t nth;
        uint16_t user_id_length;
        char user_id[USER_ID_MAX];
    } row = {.issued_at_us = issue->issued_at_us,
             .journal_seq = issue->journal_seq,
             .request_key = issue->request_key,
             .sequence = issue->sequence,
             .nth = issue->nth,
             .user_id_length = issue->user_id_length};
    CHECK(issue->user_id_length <= USER_ID_MAX);
    memcpy(row.user_id, issue->user_id, issue->user_id_length);
    uint64_t digest = XXH3_64bits(&row, offsetof(__typeof__(row), user_id) + issue->user_id_length);
    return digest != 0 ? digest : 1;
}

uint64_t verify_policy_digest(const struct store_coupon *policy)
{
    struct {
        int64_t times_us[5];
        uint64_t journal_seq;
        uint32_t numbers[4];
        uint64_t flags;
    } fixed = {.times_us = {policy->starts_at_us, policy->ends_at_us, policy->redeem_until_us, policy->created_at_us,
                            policy->updated_at_us},
               .journal_seq = policy->journal_seq,
               .numbers = {policy->number, policy->quantity, policy->per_user_limit, policy->redeem_within_s},
               .flags = (uint64_t)policy->paused << 1 | policy->archived};
    uint64_t digest = XXH3_64bits(&fixed, sizeof fixed);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        digest = XXH3_64bits_withSeed(policy->texts[i], policy->text_lengths[i], digest);
    return digest;
}
