/*
 * A map from the sequences of a coupon's issues to values of 54 bits, for what only some of the issues have: that they
 * are redeemed, that their user has an earlier one. Pages of 1,024 sequences; a page holds its entries sorted, 8 bytes
 * each, and exists only when it has any: 9 to 12 bytes per entry unless there are very few. Pure, except for memory.
 */
#ifndef COUPOND_SEQUENCE_MAP_H
#define COUPOND_SEQUENCE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_PAGE_BITS    10
#define SEQUENCE_PAGE_ENTRIES (1u << SEQUENCE_PAGE_BITS)
#define SEQUENCE_VALUE_BITS   (64 - SEQUENCE_PAGE_BITS)
#define SEQUENCE_VALUE_MAX    ((UINT64_C(1) << SEQUENCE_VALUE_BITS) - 1)
#define SEQUENCE_PAGES_MAX    (UINT32_MAX / SEQUENCE_PAGE_ENTRIES + 1)

struct sequence_page {
    uint32_t count;
    uint32_t room;
    uint64_t entries[]; /* the highest bits: the sequence within the page; the others: its value; ascending */
};

/* All zeros is an empty map. */
struct sequence_map {
    struct sequence_page **pages; /* NULL: none */
    uint32_t pages_room;
    uint32_t count; /* entries */
};

void sequence_map_deinit(struct sequence_map *map);

/* The value of a sequence, 0 when it has none. */
uint64_t sequence_map_get(const struct sequence_map *map, uint32_t sequence);
/* Sets it; 0 removes it. At most SEQUENCE_VALUE_MAX. */
void sequence_map_set(struct sequence_map *map, uint32_t sequence, uint64_t value);
/* Sets all values of `from` in `map`, and empties `from`. */
void sequence_map_merge(struct sequence_map *map, struct sequence_map *from);

/* Total bytes of memory. */
size_t sequence_map_bytes(const struct sequence_map *map);

/* --- snapshots --- */

/* The first page with entries whose number is at least `*number`, which it then sets; NULL: none. Borrowed until the
 * next change. */
const struct sequence_page *sequence_map_page(const struct sequence_map *map, uint32_t *number);
/* Adds a copy of a page of `count` entries, which need no alignment, to a map without this page. NULL, or a description
 * of the fault. */
const char *sequence_map_load(struct sequence_map *map, uint32_t number, uint32_t count, const void *entries);

#endif
