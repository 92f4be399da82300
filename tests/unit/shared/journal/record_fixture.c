#include "tests/unit/shared/journal/record_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

unsigned char record_bytes[JOURNAL_RECORD_BYTES_MAX + 16];
size_t record_length;
char record_filler[REASON_MAX + 1];

int record_fixture_setup(void **state)
{
    (void)state;
    memset(record_filler, 'x', sizeof record_filler - 1);
    return 0;
}

size_t record_fixture_decode(size_t available, struct journal_record *record)
{
    static unsigned char *copy;
    free(copy); /* the record before borrowed from it */
    copy = malloc(available + (available == 0));
    memcpy(copy, record_bytes, available);
    return journal_decode_record(copy, available, record);
}

struct journal_record record_fixture_decoded(void)
{
    struct journal_record record = {.seq = 77, .time_us = 5};
    assert_int_equal(record_length % 8, 0);
    assert_int_equal(record_fixture_decode(record_length, &record), record_length);
    assert_int_equal(record.seq, 77);
    return record;
}

void record_fixture_assert_refused(void)
{
    struct journal_record record;
    assert_int_equal(record_fixture_decode(record_length, &record), 0);
}

static void announce(size_t length)
{
    uint16_t announced = (uint16_t)length;
    memcpy(record_bytes, &announced, sizeof announced);
}

void record_fixture_assert_refused_at_every_other_length(void)
{
    struct journal_record record;
    for (size_t available = 0; available < record_length; available++)
        assert_int_equal(record_fixture_decode(available, &record), 0);
    memset(record_bytes + record_length, 0, 8);
    for (size_t length = 0; length <= record_length + 8; length++) {
        announce(length);
        assert_int_equal(record_fixture_decode(record_length + 8, &record), length == record_length ? length : 0);
    }
    announce(record_length);
}

void record_fixture_assert_refuses(size_t offset, const void *value, size_t size)
{
    unsigned char before[16];
    assert_true(size <= sizeof before);
    memcpy(before, record_bytes + offset, size);
    memcpy(record_bytes + offset, value, size);
    record_fixture_assert_refused();
    memcpy(record_bytes + offset, before, size);
    record_fixture_decoded();
}
