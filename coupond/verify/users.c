#include "coupond/verify/users.h"

#include <stdbool.h>
#include <stdlib.h>
#include <xxhash.h>

#include "shared/error.h"

#define PLACES_FIRST 4
/* Grows when 7 of 8 slots are used. */
#define IS_FULL(count, places) ((count)*8 >= (places)*7)

struct verify_user {
    uint64_t high;
    uint64_t low_and_count; /* 48 bits of the hash, 16 bits of counter; 0: a free slot */
};
_Static_assert(sizeof(struct verify_user) == 16, "16 bytes a user");

#define COUNT_BITS 16
#define COUNT_MASK UINT64_C(0xffff)

void verify_users_deinit(struct verify_users *users)
{
    free(users->places);
    *users = (struct verify_users){0};
}

static bool is_same(const struct verify_user *place, const struct verify_user *user)
{
    return place->high == user->high && (place->low_and_count | COUNT_MASK) == (user->low_and_count | COUNT_MASK);
}

/* The user's slot, or the free slot where it belongs. */
static struct verify_user *find(const struct verify_users *users, const struct verify_user *user)
{
    size_t at = (size_t)user->high & users->mask;
    while (users->places[at].low_and_count != 0 && !is_same(&users->places[at], user))
        at = (at + 1) & users->mask;
    return &users->places[at];
}

static void grow(struct verify_users *users)
{
    size_t old_places = users->places ? users->mask + 1 : 0;
    size_t places = old_places ? 2 * old_places : PLACES_FIRST;
    struct verify_users larger = {.mask = places - 1, .count = users->count};
    larger.places = calloc(places, sizeof *larger.places);
    CHECK(larger.places != NULL);
    for (size_t i = 0; i < old_places; i++)
        if (users->places[i].low_and_count != 0)
            *find(&larger, &users->places[i]) = users->places[i];
    free(users->places);
    *users = larger;
}

uint16_t verify_users_count(struct verify_users *users, uint64_t seed, const char *user_id, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(user_id, length, seed);
    struct verify_user user = {.high = hash.high64, .low_and_count = hash.low64 << COUNT_BITS};
    if (!users->places || IS_FULL(users->count + 1, users->mask + 1))
        grow(users);
    struct verify_user *place = find(users, &user);
    if (place->low_and_count == 0) {
        *place = user;
        users->count++;
    }
    if ((place->low_and_count & COUNT_MASK) < COUNT_MASK)
        place->low_and_count++;
    return (uint16_t)(place->low_and_count & COUNT_MASK);
}
