#include "gateway/limits/bucket_table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "shared/error.h"

enum { TIME_BITS = 40, TAG_BITS = 64 - TIME_BITS, ROUND_PARTS = 64 };

#define TIME_MASK (((uint64_t)1 << TIME_BITS) - 1)

/* 0: no bucket. Otherwise the tag, then the time in microseconds at which the bucket is full, modulo 2^40. Relaxed: a
 * word says nothing about other memory. */
struct bucket_set {
    _Alignas(BUCKET_SET * sizeof(uint64_t)) _Atomic uint64_t words[BUCKET_SET];
};

struct bucket_table {
    int64_t interval_us;
    int64_t capacity_us;
    uint32_t sets;
    /* owned by the thread that sweeps */
    uint32_t sweep_at;
    uint32_t counted; /* in this round */
    uint32_t tracked; /* in the last round */
    struct bucket_set *table;
};

struct bucket_table *bucket_table_create(uint32_t sets, int64_t interval_us, uint32_t burst)
{
    CHECK(sets > 0 && (sets & (sets - 1)) == 0 && interval_us > 0 && burst > 0);
    CHECK(interval_us <= BUCKET_CAPACITY_US_MAX / burst);
    struct bucket_table *table = calloc(1, sizeof *table);
    CHECK(table != NULL);
    table->interval_us = interval_us;
    table->capacity_us = interval_us * burst;
    table->sets = sets;
    table->table = aligned_alloc(_Alignof(struct bucket_set), sets * sizeof *table->table);
    CHECK(table->table != NULL);
    for (uint32_t set = 0; set < sets; set++) {
        for (unsigned i = 0; i < BUCKET_SET; i++)
            atomic_init(&table->table[set].words[i], 0);
    }
    return table;
}

void bucket_table_destroy(struct bucket_table **table)
{
    if (*table == NULL)
        return;
    free((*table)->table);
    free(*table);
    *table = NULL;
}

/* How long the bucket takes until it is full; 0: it is. A time in the far half of the circle has passed. A clock that
 * went back leaves no more debt than an empty bucket has. */
static int64_t debt_us(const struct bucket_table *table, uint64_t word, int64_t now_us)
{
    uint64_t ahead = (word - (uint64_t)now_us) & TIME_MASK;
    if (word == 0 || ahead > TIME_MASK / 2)
        return 0;
    return (int64_t)ahead < table->capacity_us ? (int64_t)ahead : table->capacity_us;
}

/* 0 would be an empty place. */
static uint64_t tag_of(uint64_t hash)
{
    uint64_t tag = hash >> TIME_BITS;
    return tag == 0 ? 1 : tag;
}

/* The key's bucket, otherwise the fullest of the set. Copies its word. */
static unsigned choose(const struct bucket_table *table, struct bucket_set *set, uint64_t tag, int64_t now_us,
                       uint64_t *word)
{
    int64_t lowest_us = INT64_MAX;
    unsigned chosen = 0;
    for (unsigned i = 0; i < BUCKET_SET; i++) {
        uint64_t found = atomic_load_explicit(&set->words[i], memory_order_relaxed);
        int64_t found_us = debt_us(table, found, now_us);
        bool own = found >> TIME_BITS == tag;
        if (!own && found_us >= lowest_us)
            continue;
        lowest_us = found_us;
        chosen = i;
        *word = found;
        if (own)
            break;
    }
    return chosen;
}

int64_t bucket_table_take(struct bucket_table *table, uint64_t hash, int64_t now_us, bool *evicted)
{
    struct bucket_set *set = &table->table[hash & (table->sets - 1)];
    uint64_t tag = tag_of(hash), before = 0, after = 0;
    int64_t debt = 0;
    unsigned i = 0;
    do {
        i = choose(table, set, tag, now_us, &before);
        debt = debt_us(table, before, now_us);
        if (debt + table->interval_us > table->capacity_us)
            return debt + table->interval_us - table->capacity_us;
        after = tag << TIME_BITS | ((uint64_t)(now_us + debt + table->interval_us) & TIME_MASK);
    } while (!atomic_compare_exchange_weak_explicit(&set->words[i], &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));
    *evicted = debt > 0 && before >> TIME_BITS != tag;
    return 0;
}

static void sweep_set(struct bucket_table *table, struct bucket_set *set, int64_t now_us)
{
    for (unsigned i = 0; i < BUCKET_SET; i++) {
        uint64_t word = atomic_load_explicit(&set->words[i], memory_order_relaxed);
        if (debt_us(table, word, now_us) > 0)
            table->counted++;
        else if (word != 0) /* unless a thread has just used it */
            (void)atomic_compare_exchange_strong_explicit(&set->words[i], &word, 0, memory_order_relaxed,
                                                          memory_order_relaxed);
    }
}

uint32_t bucket_table_sweep(struct bucket_table *table, int64_t now_us)
{
    uint32_t part = table->sets / ROUND_PARTS > 0 ? table->sets / ROUND_PARTS : table->sets;
    for (uint32_t end = table->sweep_at + part; table->sweep_at < end; table->sweep_at++)
        sweep_set(table, &table->table[table->sweep_at], now_us);
    if (table->sweep_at == table->sets) {
        table->tracked = table->counted;
        table->counted = table->sweep_at = 0;
    }
    return table->tracked;
}
