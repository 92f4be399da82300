/*
 * Log lines as written to standard error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/telemetry/log.h"

/* --- fixture: standard error goes to a file in memory --- */

static int catcher = -1, saved = -1;

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    log_set_format(LOG_FORMAT_TEXT);
    catcher = memfd_create("log", MFD_CLOEXEC);
    fcntl(catcher, F_SETFL, O_APPEND); /* as log files are opened; otherwise two writes may hit the same offset */
    saved = dup(STDERR_FILENO);
    return dup2(catcher, STDERR_FILENO) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(saved, STDERR_FILENO);
    close(saved);
    return close(catcher);
}

/* The logged text; free() it. */
static char *caught(void)
{
    off_t length = lseek(catcher, 0, SEEK_END);
    char *text = calloc(1, (size_t)length + 1);
    assert_int_equal(pread(catcher, text, (size_t)length, 0), length);
    return text;
}

/* The same, after time and blank. */
static void assert_caught(const char *expected)
{
    char *text = caught();
    assert_true(strlen(text) > RFC3339_MAX);
    int64_t us;
    assert_true(rfc3339_parse(text, RFC3339_MAX - 1, &us));
    assert_string_equal(text + RFC3339_MAX, expected);
    free(text);
}

/* --- tests --- */

static void log_writes_time_level_component_and_message(void **state)
{
    (void)state;
    log_info("issuer", "recovered partition=%d records=%u", 0, 1200u);
    assert_caught("info  issuer: recovered partition=0 records=1200\n");
}

static void log_drops_lines_below_its_level(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_WARN);
    log_debug("x", "no");
    log_info("x", "no");
    log_warn("x", "yes");
    assert_caught("warn  x: yes\n");
}

static void log_escapes_control_characters_so_that_nobody_forges_a_line(void **state)
{
    (void)state;
    log_error("x", "a\nb\rc\td\033[31m\x7f\x01 커피 \"\\");
    assert_caught("error x: a\\nb\\rc\\td\\x1b[31m\\x7f\\x01 커피 \"\\\n");
}

static void log_cuts_what_is_too_long_and_still_ends_the_line(void **state)
{
    (void)state;
    char *long_text = malloc(10001);
    memset(long_text, '\n', 10000);
    long_text[10000] = '\0';
    log_info("x", "%s", long_text);
    char *text = caught();
    assert_true(strlen(text) > 1900);
    assert_true(strlen(text) <= 2048);
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    free(text);
    free(long_text);
}

static void log_leaves_errno_alone(void **state)
{
    (void)state;
    dup2(saved, STDERR_FILENO);
    close(STDERR_FILENO); /* the write fails */
    errno = EPERM;
    log_info("x", "y");
    assert_int_equal(errno, EPERM);
    dup2(catcher, STDERR_FILENO);
}

/* Like assert_caught() for machine-readable formats: `expected` starts after the time. */
static void assert_caught_fields(enum log_format format, const char *expected)
{
    const char *begin = format == LOG_FORMAT_JSON ? "{\"time\":\"" : "time=";
    size_t before = strlen(begin) + RFC3339_MAX - 1;
    char *text = caught();
    assert_true(strlen(text) > before);
    assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
    int64_t us;
    assert_true(rfc3339_parse(text + strlen(begin), RFC3339_MAX - 1, &us));
    assert_string_equal(text + before, expected);
    free(text);
}

static void log_writes_the_last_words_as_fields_in_json(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_warn("issuer", "recovered: %s partition=%d seconds=%.3f file=%s user=%.*s", "all of it", 3, 0.25, "a b", 3,
             "0123");
    assert_caught_fields(LOG_FORMAT_JSON,
                         "\",\"level\":\"warn\",\"role\":\"issuer\",\"message\":\"recovered: all of it\","
                         "\"partition\":3,\"seconds\":0.250,\"file\":\"a b\",\"user\":\"012\"}\n");
}

static void log_writes_the_last_words_as_fields_in_logfmt(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_LOGFMT);
    log_warn("issuer", "recovered: %s partition=%d file=%s word=%s sum=%s", "all of it", 3, "a b", "x", "a=b");
    assert_caught_fields(LOG_FORMAT_LOGFMT, " level=warn role=issuer message=\"recovered: all of it\" partition=3 "
                                            "file=\"a b\" word=x sum=\"a=b\"\n");
}

static void log_takes_no_field_from_what_is_quoted(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_info("x", "somebody says %s", "level=error \"role\":1");
    assert_caught_fields(LOG_FORMAT_JSON, "\",\"level\":\"info\",\"role\":\"x\",\"message\":\"somebody says "
                                          "level=error \\\"role\\\":1\"}\n");
}

static void log_keeps_the_message_whole_when_a_value_holds_the_separator(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_info("x", "odd a=%s b=%d",
             "1\x1f"
             "2",
             3);
    assert_caught_fields(LOG_FORMAT_JSON,
                         "\",\"level\":\"info\",\"role\":\"x\",\"message\":\"odd a=1\\u001f2 b=3\"}\n");
}

static void log_escapes_for_machines_and_replaces_what_is_no_utf8(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_info("x", "%s", "a\nb\t\"\\\x7f\x01 커피 \xff\xc0\xaf \xed\xa0\x80 \xc2\x9b");
    assert_caught_fields(LOG_FORMAT_JSON,
                         "\",\"level\":\"info\",\"role\":\"x\",\"message\":\"a\\nb\\t\\\"\\\\\\u007f\\u0001 커피 "
                         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \\u009b\"}\n");
}

static void log_leaves_out_fields_that_say_nothing(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_LOGFMT);
    log_info("x", "request coupon=%s trace_id=%s status=%d", "-", "", 200);
    assert_caught_fields(LOG_FORMAT_LOGFMT, " level=info role=x message=\"request\" status=200\n");
}

static void log_takes_for_a_number_only_what_json_does(void **state)
{
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_info("x", "n a=%d b=%03d c=%.0f d=%f e=%d", -1, 7, 2.0, 0.0 / 0.0, 0);
    char *text = caught();
    assert_non_null(strstr(text, "\"a\":-1,\"b\":\"007\",\"c\":2,\"d\":\""));
    assert_non_null(strstr(text, "\"e\":0}"));
    free(text);
}

static void log_cuts_what_is_too_long_for_machines_too(void **state)
{
    (void)state;
    char *long_text = malloc(10001);
    memset(long_text, 1, 10000);
    long_text[10000] = '\0';
    log_set_format(LOG_FORMAT_JSON);
    log_info("x", "%s partition=%d", long_text, 1);
    char *text = caught();
    assert_string_equal(text + strlen(text) - 9, "\\u0001\"}\n");
    assert_null(strstr(text, "partition"));
    free(text);
    free(long_text);
}

static void *log_a_thousand(void *arg)
{
    for (int i = 0; i < 1000; i++)
        log_info("thread", "%s", (const char *)arg);
    return NULL;
}

static void log_keeps_lines_of_several_threads_whole(void **state)
{
    (void)state;
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, log_a_thousand, "aaaaaaaaaaaaaaaaaaaa");
    pthread_create(&threads[1], NULL, log_a_thousand, "bbbbbbbbbbbbbbbbbbbb");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    char *text = caught(), *rest = text;
    int lines = 0;
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n"), lines++) {
        assert_true(strcmp(line + RFC3339_MAX, "info  thread: aaaaaaaaaaaaaaaaaaaa") == 0 ||
                    strcmp(line + RFC3339_MAX, "info  thread: bbbbbbbbbbbbbbbbbbbb") == 0);
    }
    assert_int_equal(lines, 2000);
    free(text);
}

static void log_level_names_are_read(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse("", &level));
    enum log_format format;
    assert_true(log_format_parse("logfmt", &format));
    assert_int_equal(format, LOG_FORMAT_LOGFMT);
    assert_false(log_format_parse("xml", &format));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(log_writes_time_level_component_and_message),
        TEST(log_drops_lines_below_its_level),
        TEST(log_escapes_control_characters_so_that_nobody_forges_a_line),
        TEST(log_cuts_what_is_too_long_and_still_ends_the_line),
        TEST(log_leaves_errno_alone),
        TEST(log_keeps_lines_of_several_threads_whole),
        TEST(log_writes_the_last_words_as_fields_in_json),
        TEST(log_writes_the_last_words_as_fields_in_logfmt),
        TEST(log_takes_no_field_from_what_is_quoted),
        TEST(log_keeps_the_message_whole_when_a_value_holds_the_separator),
        TEST(log_escapes_for_machines_and_replaces_what_is_no_utf8),
        TEST(log_leaves_out_fields_that_say_nothing),
        TEST(log_takes_for_a_number_only_what_json_does),
        TEST(log_cuts_what_is_too_long_for_machines_too),
        TEST(log_level_names_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
