/*
 * Time: the two clocks of the machine, the issuer's clock that never runs backwards, and RFC 3339.
 * Pure but for the two readers.
 */
#ifndef COUPOND_CLOCK_H
#define COUPOND_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970, UTC; may step. */
int64_t clock_wall_us(void);
/* Microseconds since some start; never steps. For intervals. */
int64_t clock_mono_us(void);

/* The same, and it goes on while the machine sleeps. */
int64_t clock_boot_us(void);

/* Puts other clocks in the place of the machine's, for tests and the simulation; NULL brings back the machine's. The
 * one for intervals is also that of clock_boot_us(). Only while no other thread runs. */
void clock_replace(int64_t (*wall_us)(void), int64_t (*mono_us)(void));

/* The issuer's clock: follows the wall clock, and stands still while that is behind what was already handed out. */
struct monotone_clock {
    int64_t last_us;
};

/* `wall_us`, or the last time handed out when that is later, or when `wall_us` is beyond what a ledger keeps (2112). */
int64_t monotone_clock_read(struct monotone_clock *clock, int64_t wall_us);

#define RFC3339_MAX 28 /* "2026-11-21T02:25:00.000000Z" and a NUL */

/* Writes `us` as RFC 3339 in UTC with microseconds; years 1970 to 9999. Returns the length, 27. */
size_t rfc3339_format(int64_t us, char out[RFC3339_MAX]);

/* Reads any RFC 3339 time (offsets, 0 to 9 digits of a second; T and Z in either case) of the years 1970 to 9999, and
 * one without seconds, as Java's OffsetDateTime prints full minutes. False when it is none. */
bool rfc3339_parse(const char *text, size_t length, int64_t *us);

#endif
