/*
 * The clock of an issuer, shared by all its partitions and its stream, so that they always agree: the machine's steady
 * clock (CLOCK_BOOTTIME, which also runs while a machine sleeps) plus an offset that corrected_clock.h maintains.
 * Reading the time reads the steady clock once; now and then one reader compares it with the wall clock, without
 * delaying the others. So no step of the wall clock reaches a decision before it is trusted.
 *
 * Logs when the wall clock steps and when that is over, and maintains the metrics coupond_issuer_clock_….
 */
#ifndef COUPOND_ISSUER_CLOCK_H
#define COUPOND_ISSUER_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct issuer_clock;

struct issuer_clock *issuer_clock_create(int64_t settle_ms);
void issuer_clock_destroy(struct issuer_clock **clock);

/* Any thread: microseconds since 1970, 0 to ISSUER_TIME_US_MAX. Advances with the steady clock; jumps only after a step
 * has lasted, and follows small corrections. */
int64_t issuer_clock_now_us(struct issuer_clock *clock);

/* Any thread, during recovery: notes the latest time in a journal. A time in the future is logged, and shown in the
 * metrics until it has passed. */
void issuer_clock_note_journal(struct issuer_clock *clock, unsigned partition, int64_t latest_us);

/* Any thread: true, with a description in `why`, while something is wrong with the clock. */
bool issuer_clock_describe(struct issuer_clock *clock, char *why, size_t size);

#endif
