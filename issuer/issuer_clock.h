/*
 * The clock of an issuer, one for all its partitions and its stream, so that they never disagree: the machine's steady
 * clock (CLOCK_BOOTTIME, which goes on while a machine sleeps) plus an offset that corrected_clock.h has judged. Who
 * asks for the time reads the steady clock once; now and then one of them compares it with the wall clock, and the
 * others do not wait for that. So no step of the wall clock reaches a decision before it is believed.
 *
 * Tells an error when the wall clock steps and when that is over, and the metrics coupond_issuer_clock_….
 */
#ifndef COUPOND_ISSUER_CLOCK_H
#define COUPOND_ISSUER_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct issuer_clock;

struct issuer_clock *issuer_clock_create(int64_t settle_ms);
void issuer_clock_destroy(struct issuer_clock **clock);

/* Any thread: microseconds since 1970, 0 to ISSUER_TIME_US_MAX. Goes at the pace of the steady clock; jumps only where
 * a step has lasted, and follows small corrections. */
int64_t issuer_clock_now_us(struct issuer_clock *clock);

/* Any thread, while it recovers: the latest time that a journal has stamped. Lies it in the future, that is told, and
 * in the metrics until it has passed. */
void issuer_clock_note_journal(struct issuer_clock *clock, unsigned partition, int64_t latest_us);

/* Any thread: fills `why` and returns true while something is wrong with the clock. */
bool issuer_clock_describe(struct issuer_clock *clock, char *why, size_t size);

#endif
