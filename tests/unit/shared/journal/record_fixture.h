/*
 * One record of a journal, and the steps that tests make with it.
 */
#ifndef COUPOND_RECORD_FIXTURE_H
#define COUPOND_RECORD_FIXTURE_H

#include <stddef.h>

#include "shared/journal/format.h"

extern unsigned char record_bytes[JOURNAL_RECORD_BYTES_MAX + 16]; /* the record that is tested */
extern size_t record_length;
extern char record_filler[REASON_MAX + 1]; /* a text that every member accepts */

/* cmocka's setup of a group. */
int record_fixture_setup(void **state);

/* Decodes the first `available` bytes, with nothing behind them. The record is valid until the next call. */
size_t record_fixture_decode(size_t available, struct journal_record *record);
/* The record, which must be one: with the sequence 77, and the time 5 unless it has its own. */
struct journal_record record_fixture_decoded(void);
void record_fixture_assert_refused(void);
/* Neither a record cut anywhere nor one that announces another length is one. */
void record_fixture_assert_refused_at_every_other_length(void);
/* Refuses the record with `size` bytes at `offset` replaced by those of `value`, and accepts it without. */
void record_fixture_assert_refuses(size_t offset, const void *value, size_t size);

/* The same for a member of the structure that the record begins with. */
#define RECORD_REFUSES(structure, member, wrong)                                                                       \
    do {                                                                                                               \
        __typeof__(((struct structure *)NULL)->member) value = (wrong);                                                \
        record_fixture_assert_refuses(offsetof(struct structure, member), &value, sizeof value);                       \
    } while (0)

#endif
