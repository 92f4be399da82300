#include "gateway/policy/fetch.h"

#include <stdlib.h>

#include "gateway/policy/cache.h"
#include "shared/error.h"

#define TAG_BIT 0x80000000u /* set in the lower half of a fetch's tag, where an exchange's tag has its slot number */

void policy_fetches_deinit(struct policy_fetches *fetches)
{
    for (size_t i = 0; i < POLICY_FETCHES; i++)
        free(fetches->places[i].waiters);
    *fetches = (struct policy_fetches){0};
}

struct policy_fetch *policy_fetch_place(struct policy_fetches *fetches, struct span id)
{
    return &fetches->places[(policy_hash(id) >> 16) % POLICY_FETCHES];
}

void policy_fetch_begin(struct policy_fetch *fetch, struct span id, uint16_t partition)
{
    CHECK(fetch->stage == FETCH_IDLE && id.length <= COUPON_ID_MAX);
    fetch->generation++;
    fetch->partition = partition;
    fetch->id_length = (uint8_t)id.length;
    memcpy(fetch->id, id.at, id.length);
    fetch->waiters_count = 0;
}

bool policy_fetch_serves(const struct policy_fetch *fetch, struct span id, int64_t changed_us)
{
    return fetch->stage != FETCH_IDLE && span_equals(policy_fetch_id(fetch), id) && fetch->asked_us > changed_us;
}

void policy_fetch_wait(struct policy_fetch *fetch, uint64_t tag)
{
    if (fetch->waiters_count == fetch->waiters_capacity) {
        fetch->waiters_capacity = fetch->waiters_capacity == 0 ? 16 : fetch->waiters_capacity * 2;
        fetch->waiters = realloc(fetch->waiters, fetch->waiters_capacity * sizeof *fetch->waiters);
        CHECK(fetch->waiters != NULL);
    }
    fetch->waiters[fetch->waiters_count++] = tag;
}

void policy_fetch_end(struct policy_fetch *fetch)
{
    fetch->stage = FETCH_IDLE;
    fetch->waiters_count = 0;
}

struct span policy_fetch_id(const struct policy_fetch *fetch)
{
    return (struct span){fetch->id, fetch->id_length};
}

uint64_t policy_fetch_tag(const struct policy_fetches *fetches, const struct policy_fetch *fetch)
{
    return (uint64_t)fetch->generation << 32 | TAG_BIT | (uint32_t)(fetch - fetches->places);
}

bool policy_fetch_is_tag(uint64_t tag)
{
    return (tag & TAG_BIT) != 0;
}

struct policy_fetch *policy_fetch_find(struct policy_fetches *fetches, uint64_t tag)
{
    uint32_t index = (uint32_t)tag & ~TAG_BIT;
    struct policy_fetch *fetch = index < POLICY_FETCHES ? &fetches->places[index] : NULL;
    if (!policy_fetch_is_tag(tag) || fetch == NULL || fetch->stage == FETCH_IDLE ||
        fetch->generation != (uint32_t)(tag >> 32))
        return NULL;
    return fetch;
}
