/*
 * Files as editors of other systems write them: a byte order mark, lines that end in CR LF, UTF-16.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/options/options.h"

#define MARK "\xef\xbb\xbf"

/* --- fixture: options at their defaults, and a file --- */

struct fixture {
    struct options options;
    struct error error;
    char path[64];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->path, "/tmp/coupond-encoding-XXXXXX");
    int fd = mkstemp(fixture->path);
    if (fd < 0)
        return -1;
    close(fd);
    options_init(&fixture->options);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static void write_bytes(const struct fixture *fixture, const char *bytes, size_t length)
{
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static int read_text(struct fixture *fixture, const char *text)
{
    write_bytes(fixture, text, strlen(text));
    return options_read_file(&fixture->options, fixture->path, &fixture->error);
}

static void assert_says(const struct fixture *fixture, const char *words)
{
    if (strstr(fixture->error.text, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, fixture->error.text);
}

static void assert_reads(struct fixture *fixture, const char *text)
{
    if (read_text(fixture, text) != 0)
        fail_msg("%s", fixture->error.text);
}

/* --- tests --- */

static void a_file_may_begin_with_a_byte_order_mark(void **state)
{
    struct fixture *fixture = *state;
    assert_reads(fixture, MARK "log\n    level = debug\n");
    assert_string_equal(fixture->options.log_level, "debug");
    assert_reads(fixture, MARK "# a comment\r\nlog\r\n    level = \"warn\"\r\n");
    assert_string_equal(fixture->options.log_level, "warn");
    assert_reads(fixture, "");
    assert_reads(fixture, MARK);
}

static void a_byte_order_mark_elsewhere_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_text(fixture, "# a comment\n" MARK "log\n    level = debug\n"), -1);
    assert_says(fixture, "line 2: ");
    assert_int_equal(read_text(fixture, MARK MARK "log\n"), -1);
    assert_says(fixture, "line 1: ");
}

static void lines_keep_their_numbers_behind_a_mark(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_text(fixture, MARK "log\r\n    level = debug\r\n\r\n    formt = json\r\n"), -1);
    assert_says(fixture, "line 4: log/formt: unknown option; did you mean log/format?");
}

static void lines_may_end_in_cr_lf(void **state)
{
    struct fixture *fixture = *state;
    assert_reads(fixture,
                 "log\r\n    level = debug\r\n  \r\n    # a comment\r\n    format = \"json\" # another\r\n"
                 "gateway\r\n    threads = 2\r\nstore   \r\n    user = somebody\r\n    password = \"s3cret\"\r\n"
                 "    database = shop");
    assert_string_equal(fixture->options.log_level, "debug");
    assert_string_equal(fixture->options.log_format, "json");
    assert_int_equal(fixture->options.gateway_threads, 2);
    assert_string_equal(fixture->options.store_user, "somebody");
    assert_string_equal(fixture->options.store_password, "s3cret");
    assert_string_equal(fixture->options.store_database, "shop");
}

static void utf_16_is_named(void **state)
{
    static const char little[] = "\xff\xfel\0o\0g\0\n\0", big[] = "\xfe\xff\0l\0o\0g\0\n";
    struct fixture *fixture = *state;
    write_bytes(fixture, little, sizeof little - 1);
    assert_int_equal(options_read_file(&fixture->options, fixture->path, &fixture->error), -1);
    assert_says(fixture, "UTF-16; save the file as UTF-8");
    write_bytes(fixture, big, sizeof big - 1);
    assert_int_equal(options_read_file(&fixture->options, fixture->path, &fixture->error), -1);
    assert_says(fixture, "UTF-16; save the file as UTF-8");
}

static void a_secret_does_not_begin_with_a_byte_order_mark(void **state)
{
    struct fixture *fixture = *state;
    char assignment[128], longest[3 + 255 + 2];
    snprintf(assignment, sizeof assignment, "store/password_file=%s", fixture->path);
    write_bytes(fixture, MARK "s3cret\r\n", 3 + 6 + 2);
    assert_int_equal(options_set(&fixture->options, assignment, &fixture->error), 0);
    assert_int_equal(options_complete(&fixture->options, &fixture->error), 0);
    assert_string_equal(fixture->options.store_password, "s3cret");
    memset(longest, 'x', sizeof longest);
    memcpy(longest, MARK, 3);
    memcpy(longest + 3 + 255, "\r\n", 2);
    write_bytes(fixture, longest, sizeof longest);
    options_init(&fixture->options);
    assert_int_equal(options_set(&fixture->options, assignment, &fixture->error), 0);
    assert_int_equal(options_complete(&fixture->options, &fixture->error), 0);
    assert_int_equal(strlen(fixture->options.store_password), 255);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_file_may_begin_with_a_byte_order_mark),
        TEST(a_byte_order_mark_elsewhere_is_refused),
        TEST(lines_keep_their_numbers_behind_a_mark),
        TEST(lines_may_end_in_cr_lf),
        TEST(utf_16_is_named),
        TEST(a_secret_does_not_begin_with_a_byte_order_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
