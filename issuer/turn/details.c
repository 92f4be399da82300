#include "issuer/turn/details.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

#define BUCKETS_MIN 64u

struct detail {
    struct detail *below; /* in its bucket */
    struct detail *next;  /* the next one in the order of the journal */
    uint64_t key;
    uint64_t journal_seq;
    int64_t changed_at_us;
    uint8_t flags;
    uint8_t reference_length;
    uint8_t reason_length;
    uint8_t actor_length;
    bool superseded; /* a later change of the same issue is in the bucket */
    char texts[];
};

_Static_assert(sizeof(struct detail) >= DETAILS_BYTES_MAX / DETAILS_COUNT_MAX, "DETAILS_COUNT_MAX of them do not fit");

struct details {
    struct detail **buckets;
    size_t buckets_count; /* a power of two */
    size_t count;
    struct detail *oldest;
    struct detail *newest;
    size_t bytes;
};

struct details *details_create(void)
{
    struct details *details = calloc(1, sizeof *details);
    CHECK(details != NULL);
    details->buckets_count = BUCKETS_MIN;
    details->buckets = calloc(BUCKETS_MIN, sizeof *details->buckets);
    CHECK(details->buckets != NULL);
    return details;
}

void details_destroy(struct details **details)
{
    struct details *self = *details;
    if (self == NULL)
        return;
    details_forget(self, UINT64_MAX);
    free(self->buckets);
    free(self);
    *details = NULL;
}

/* Of an issue; only whoever creates coupons could look for two with the same key. */
static uint64_t key_of(const char *coupon_id, size_t coupon_id_length, uint32_t sequence)
{
    return XXH3_64bits_withSeed(coupon_id, coupon_id_length, sequence);
}

static struct detail **bucket_of(const struct details *details, uint64_t key)
{
    return &details->buckets[key & (details->buckets_count - 1)];
}

/* The link to the detail of that key; it leads to NULL when there is none. */
static struct detail **find(const struct details *details, uint64_t key)
{
    struct detail **link = bucket_of(details, key);
    while (*link != NULL && (*link)->key != key)
        link = &(*link)->below;
    return link;
}

static size_t bytes_of(const struct detail *detail)
{
    return sizeof *detail + detail->reference_length + detail->reason_length + detail->actor_length;
}

static void grow(struct details *details)
{
    struct detail **before = details->buckets;
    size_t count = details->buckets_count;
    details->buckets_count = 2 * count;
    details->buckets = calloc(details->buckets_count, sizeof *details->buckets);
    CHECK(details->buckets != NULL);
    for (size_t i = 0; i < count; i++) {
        for (struct detail *detail = before[i], *below; detail != NULL; detail = below) {
            struct detail **bucket = bucket_of(details, detail->key);
            below = detail->below;
            detail->below = *bucket;
            *bucket = detail;
        }
    }
    free(before);
}

static void drop_oldest(struct details *details)
{
    struct detail *detail = details->oldest;
    CHECK(detail != NULL);
    details->oldest = detail->next;
    if (details->oldest == NULL)
        details->newest = NULL;
    if (!detail->superseded)
        *find(details, detail->key) = detail->below;
    details->bytes -= bytes_of(detail);
    details->count--;
    free(detail);
}

static struct detail *copy_of(const struct journal_record *record)
{
    size_t reference = record->change.reference_length, reason = record->change.reason_length;
    size_t actor = record->origin.actor_length;
    struct detail *detail = calloc(1, sizeof *detail + reference + reason + actor);
    CHECK(detail != NULL);
    detail->journal_seq = record->seq;
    detail->changed_at_us = record->time_us;
    detail->flags =
        (uint8_t)((record->change.restock ? CHANGE_RESTOCK : 0) | (record->change.again ? CHANGE_AGAIN : 0));
    detail->reference_length = (uint8_t)reference;
    detail->reason_length = (uint8_t)reason;
    detail->actor_length = (uint8_t)actor;
    if (reference > 0)
        memcpy(detail->texts, record->change.reference, reference);
    if (reason > 0)
        memcpy(detail->texts + reference, record->change.reason, reason);
    if (actor > 0)
        memcpy(detail->texts + reference + reason, record->origin.actor, actor);
    return detail;
}

void details_add(struct details *details, const struct journal_record *record)
{
    struct detail *detail = copy_of(record);
    detail->key = key_of(record->coupon_id, record->coupon_id_length, record->change.sequence);
    struct detail **link = find(details, detail->key);
    if (*link != NULL) {
        (*link)->superseded = true;
        detail->below = (*link)->below;
    }
    *link = detail;
    if (details->newest != NULL)
        details->newest->next = detail;
    else
        details->oldest = detail;
    details->newest = detail;
    details->bytes += bytes_of(detail);
    if (++details->count > details->buckets_count)
        grow(details);
    while (details->bytes > DETAILS_BYTES_MAX)
        drop_oldest(details);
}

bool details_find(const struct details *details, const char *coupon_id, size_t coupon_id_length, uint32_t sequence,
                  struct frame_details *out)
{
    const struct detail *detail = *find(details, key_of(coupon_id, coupon_id_length, sequence));
    if (detail == NULL)
        return false;
    *out = (struct frame_details){
        .changed_at_us = detail->changed_at_us,
        .flags = detail->flags,
        .reference_length = detail->reference_length,
        .reason_length = detail->reason_length,
        .actor_length = detail->actor_length,
    };
    memcpy(out->reference, detail->texts, detail->reference_length);
    memcpy(out->reason, detail->texts + detail->reference_length, detail->reason_length);
    memcpy(out->actor, detail->texts + detail->reference_length + detail->reason_length, detail->actor_length);
    return true;
}

void details_forget(struct details *details, uint64_t seq)
{
    while (details->oldest != NULL && details->oldest->journal_seq <= seq)
        drop_oldest(details);
}

size_t details_bytes(const struct details *details)
{
    return details->bytes;
}
