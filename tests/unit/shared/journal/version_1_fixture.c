#include "tests/unit/shared/journal/version_1_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SEGMENT  "00000000000000000001.segment"
#define SNAPSHOT "00000000000000000049.snapshot"

long version_1_read(const char *dir, const char *name, void *out, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    size_t length = fread(out, 1, size, file);
    fclose(file);
    return (long)length;
}

static void copy(const char *dir, const char *name, size_t size)
{
    static unsigned char bytes[1 << 16];
    char path[512];
    long length = version_1_read(COUPOND_TEST_DATA "/journal_1", name, bytes, sizeof bytes);
    assert_true(length > 0);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, (size_t)length, file), length);
    assert_int_equal(fclose(file), 0);
    if (size > 0)
        assert_int_equal(truncate(path, (off_t)size), 0);
}

void version_1_unpack(const char *dir, bool with_snapshot)
{
    copy(dir, "meta", 0);
    copy(dir, SEGMENT, VERSION_1_SEGMENT_BYTES);
    if (with_snapshot)
        copy(dir, SNAPSHOT, 0);
}
