/*
 * Time: the machine's clocks, the issuer's clock that never runs backwards, and RFC 3339. Pure, except for the
 * functions that read the machine's clocks.
 */
#ifndef COUPOND_CLOCK_H
#define COUPOND_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970, UTC; may step. */
int64_t clock_wall_us(void);
/* Microseconds since an arbitrary start; never steps. For intervals. */
int64_t clock_mono_us(void);

/* As clock_mono_us(), but also counts while the machine sleeps. */
int64_t clock_boot_us(void);

/* Replaces the machine's clocks, for tests and the simulation; NULL restores them. `mono_us` also replaces
 * clock_boot_us(). Only while no other thread runs. */
void clock_replace(int64_t (*wall_us)(void), int64_t (*mono_us)(void));

/* The issuer's clock: follows the wall clock, and stands still while the wall clock is behind the last time it
 * returned. */
struct monotone_clock {
    int64_t last_us;
};

/* Returns `wall_us`, or the last time returned if that is later or `wall_us` is beyond the latest time of a ledger
 * (2112). */
int64_t monotone_clock_read(struct monotone_clock *clock, int64_t wall_us);

#define RFC3339_MAX 28 /* "2026-11-21T02:25:00.000000Z" and a NUL */

/* Writes `us` as RFC 3339 in UTC with microseconds; years 1970 to 9999. Returns the length, 27. */
size_t rfc3339_format(int64_t us, char out[RFC3339_MAX]);

/* Parses an RFC 3339 time of the years 1970 to 9999 (any offset, 0 to 9 fractional digits, T and Z in either case). The
 * seconds may be missing: Java's OffsetDateTime prints full minutes that way. False for anything else. */
bool rfc3339_parse(const char *text, size_t length, int64_t *us);

#endif
