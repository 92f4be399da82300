#include "coupond/verify/states.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/error.h"

#define PLACES_FIRST 4

void verify_states_deinit(struct verify_states *states)
{
    free(states->places);
    *states = (struct verify_states){0};
}

static struct verify_state *find(const struct verify_states *states, uint32_t sequence)
{
    size_t at = (size_t)XXH3_64bits(&sequence, sizeof sequence) & states->mask;
    while (states->places[at].sequence != 0 && states->places[at].sequence != sequence)
        at = (at + 1) & states->mask;
    return &states->places[at];
}

static void grow(struct verify_states *states)
{
    size_t old_places = states->places ? states->mask + 1 : 0;
    size_t places = old_places ? 2 * old_places : PLACES_FIRST;
    struct verify_states larger = {.mask = places - 1, .count = states->count};
    larger.places = calloc(places, sizeof *larger.places);
    CHECK(larger.places != NULL);
    for (size_t i = 0; i < old_places; i++)
        if (states->places[i].sequence != 0)
            *find(&larger, states->places[i].sequence) = states->places[i];
    free(states->places);
    *states = larger;
}

struct verify_state *verify_states_get(struct verify_states *states, uint32_t sequence)
{
    if (!states->places || (states->count + 1) * 4 > (states->mask + 1) * 3)
        grow(states);
    struct verify_state *state = find(states, sequence);
    if (state->sequence == 0) {
        state->sequence = sequence;
        states->count++;
    }
    return state;
}

void verify_states_add_row(struct verify_states *states, const struct store_change *change)
{
    struct verify_state *state = verify_states_get(states, change->sequence);
    state->stored = change->state;
    state->restock = change->restock;
    state->journal_seq = change->journal_seq;
    state->digest = verify_change_digest(change);
}

const char *verify_state_reach(struct verify_state *state, const struct store_change *change, bool from_start)
{
    enum issue_state before = state->reached, next = change->state;
    uint64_t reference = state->reference;
    state->reached = (uint8_t)next;
    state->reference = XXH3_64bits(change->reference, change->reference_length);
    if (before == ISSUE_NONE && !from_start)
        return NULL;
    if (before == ISSUE_REVOKED)
        return "follows its revocation";
    if (next == ISSUE_ISSUED && before != ISSUE_REDEEMED)
        return "takes back a redemption that was never made";
    if (next == ISSUE_ISSUED && reference != state->reference)
        return "takes back a redemption with another reference";
    if (next != ISSUE_ISSUED && before == ISSUE_REDEEMED)
        return "follows its redemption";
    return NULL;
}

uint64_t verify_change_digest(const struct store_change *change)
{
    struct {
        int64_t changed_at_us;
        uint64_t journal_seq;
        uint32_t sequence;
        uint8_t flags[4];
    } fixed = {.changed_at_us = change->changed_at_us,
               .journal_seq = change->journal_seq,
               .sequence = change->sequence,
               .flags = {change->state, change->restock, change->again, change->reference_length}};
    uint64_t digest = XXH3_64bits(&fixed, sizeof fixed);
    digest = XXH3_64bits_withSeed(change->reference, change->reference_length, digest);
    digest = XXH3_64bits_withSeed(change->reason, change->reason_length, digest);
    return XXH3_64bits_withSeed(change->actor, change->actor_length, digest);
}
