#include "issuer/ledger/sequence_map.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

#define ROOM_MIN 4u

void sequence_map_deinit(struct sequence_map *map)
{
    for (uint32_t i = 0; i < map->pages_room; i++)
        free(map->pages[i]);
    free(map->pages);
    *map = (struct sequence_map){0};
}

static uint32_t page_of(uint32_t sequence)
{
    return sequence >> SEQUENCE_PAGE_BITS;
}

/* The sequence's entry without its value. */
static uint64_t mark_of(uint32_t sequence)
{
    return (uint64_t)(sequence & (SEQUENCE_PAGE_ENTRIES - 1)) << SEQUENCE_VALUE_BITS;
}

/* The number of entries below `mark`, and thus its place. */
static uint32_t place_of(const struct sequence_page *page, uint64_t mark)
{
    uint32_t low = 0, high = page->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (page->entries[middle] < mark)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct sequence_page *page, uint32_t place, uint64_t mark)
{
    return place < page->count && page->entries[place] >> SEQUENCE_VALUE_BITS == mark >> SEQUENCE_VALUE_BITS;
}

uint64_t sequence_map_get(const struct sequence_map *map, uint32_t sequence)
{
    uint32_t number = page_of(sequence);
    if (number >= map->pages_room || map->pages[number] == NULL)
        return 0;
    const struct sequence_page *page = map->pages[number];
    uint64_t mark = mark_of(sequence);
    uint32_t place = place_of(page, mark);
    return is_at(page, place, mark) ? page->entries[place] & SEQUENCE_VALUE_MAX : 0;
}

/* Makes the directory long enough for the page. */
static void reach(struct sequence_map *map, uint32_t number)
{
    if (number < map->pages_room)
        return;
    uint32_t room = number + number / 2 + 1;
    map->pages = realloc(map->pages, room * sizeof *map->pages);
    CHECK(map->pages != NULL);
    memset(map->pages + map->pages_room, 0, (room - map->pages_room) * sizeof *map->pages);
    map->pages_room = room;
}

static struct sequence_page *resize(struct sequence_page *page, uint32_t room)
{
    uint32_t count = page != NULL ? page->count : 0;
    page = realloc(page, sizeof *page + room * sizeof page->entries[0]);
    CHECK(page != NULL);
    page->count = count;
    page->room = room;
    return page;
}

static void insert(struct sequence_map *map, struct sequence_page **slot, uint32_t place, uint64_t entry)
{
    struct sequence_page *page = *slot;
    if (page == NULL || page->count == page->room) {
        uint32_t room = page == NULL ? ROOM_MIN : page->room + page->room / 4 + 1;
        page = *slot = resize(page, room < SEQUENCE_PAGE_ENTRIES ? room : SEQUENCE_PAGE_ENTRIES);
    }
    memmove(&page->entries[place + 1], &page->entries[place], (page->count - place) * sizeof page->entries[0]);
    page->entries[place] = entry;
    page->count++;
    map->count++;
}

static void erase(struct sequence_map *map, struct sequence_page **slot, uint32_t place)
{
    struct sequence_page *page = *slot;
    page->count--;
    map->count--;
    memmove(&page->entries[place], &page->entries[place + 1], (page->count - place) * sizeof page->entries[0]);
    if (page->count > 0)
        return;
    free(page);
    *slot = NULL;
}

void sequence_map_set(struct sequence_map *map, uint32_t sequence, uint64_t value)
{
    CHECK(value <= SEQUENCE_VALUE_MAX);
    uint32_t number = page_of(sequence);
    if (value == 0 && number >= map->pages_room)
        return;
    reach(map, number);
    struct sequence_page **slot = &map->pages[number];
    uint64_t mark = mark_of(sequence);
    uint32_t place = *slot != NULL ? place_of(*slot, mark) : 0;
    bool there = *slot != NULL && is_at(*slot, place, mark);
    if (there && value != 0)
        (*slot)->entries[place] = mark | value;
    else if (there)
        erase(map, slot, place);
    else if (value != 0)
        insert(map, slot, place, mark | value);
}

void sequence_map_merge(struct sequence_map *map, struct sequence_map *from)
{
    if (map->count == 0) {
        sequence_map_deinit(map);
        *map = *from;
        *from = (struct sequence_map){0};
        return;
    }
    uint32_t number = 0;
    for (const struct sequence_page *page; (page = sequence_map_page(from, &number)) != NULL; number++) {
        for (uint32_t i = 0; i < page->count; i++) {
            uint32_t within = (uint32_t)(page->entries[i] >> SEQUENCE_VALUE_BITS);
            sequence_map_set(map, number << SEQUENCE_PAGE_BITS | within, page->entries[i] & SEQUENCE_VALUE_MAX);
        }
    }
    sequence_map_deinit(from);
}

size_t sequence_map_bytes(const struct sequence_map *map)
{
    size_t bytes = map->pages_room * sizeof *map->pages;
    for (uint32_t i = 0; i < map->pages_room; i++) {
        if (map->pages[i] != NULL)
            bytes += sizeof(struct sequence_page) + map->pages[i]->room * sizeof map->pages[i]->entries[0];
    }
    return bytes;
}

/* --- snapshots --- */

const struct sequence_page *sequence_map_page(const struct sequence_map *map, uint32_t *number)
{
    while (*number < map->pages_room && map->pages[*number] == NULL)
        ++*number;
    return *number < map->pages_room ? map->pages[*number] : NULL;
}

const char *sequence_map_load(struct sequence_map *map, uint32_t number, uint32_t count, const void *entries)
{
    if (count == 0 || count > SEQUENCE_PAGE_ENTRIES || number >= SEQUENCE_PAGES_MAX)
        return "a page of a map has an impossible size or number";
    if (number < map->pages_room && map->pages[number] != NULL)
        return "a page of a map twice";
    uint64_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t entry;
        memcpy(&entry, (const unsigned char *)entries + i * sizeof entry, sizeof entry);
        bool ascends = i == 0 || entry >> SEQUENCE_VALUE_BITS > before >> SEQUENCE_VALUE_BITS;
        if (!ascends || (entry & SEQUENCE_VALUE_MAX) == 0)
            return "the entries of a map's page are out of order";
        before = entry;
    }
    reach(map, number);
    map->pages[number] = resize(NULL, count);
    memcpy(map->pages[number]->entries, entries, count * sizeof map->pages[number]->entries[0]);
    map->pages[number]->count = count;
    map->count += count;
    return NULL;
}
