/*
 * Token buckets by key, in memory of fixed size. Any thread; each bucket is one atomic word, no lock, no allocation.
 *
 * A bucket holds `burst` tokens and gets a new one every `interval_us`. What is kept is its debt, as the time at which
 * it will be full again, so a full bucket needs no memory (the generic cell rate algorithm of ITU-T I.371). Keys are
 * keyed 64-bit hashes, of which a set's index and 24 bits count: two keys whose bits agree share a bucket.
 *
 * A set has eight buckets. A key that comes to a set without a full one takes the place of the fullest, and its debt:
 * so no key gets tokens back by being evicted. In exchange, a key may find fewer tokens than it deserves while more
 * keys than the table holds are short of tokens, and none only while all eight are out of tokens.
 */
#ifndef COUPOND_BUCKET_TABLE_H
#define COUPOND_BUCKET_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_SET 8 /* buckets in a set, one cache line */

/* interval_us * burst at most; bounded by the 40 bits that a time has in a bucket. */
#define BUCKET_CAPACITY_US_MAX ((int64_t)1 << 38)

struct bucket_table;

/* `sets` is a power of two. Never NULL: running out of memory ends the process. */
struct bucket_table *bucket_table_create(uint32_t sets, int64_t interval_us, uint32_t burst);
void bucket_table_destroy(struct bucket_table **table);

/*
 * Takes a token of the key at `now_us` of the monotonic clock. Returns 0, or the microseconds until there is one.
 * *evicted becomes true when another key lost its place. Threads may be apart in time; a clock that goes back gives no
 * tokens.
 */
int64_t bucket_table_take(struct bucket_table *table, uint64_t hash, int64_t now_us, bool *evicted);

/*
 * Call from one thread, a few times a second: empties the full buckets of a part of the table, so that none of them is
 * older than a round. Returns the number of keys that were short of tokens in the last round.
 */
uint32_t bucket_table_sweep(struct bucket_table *table, int64_t now_us);

#endif
