/* Log lines as they come out of standard error. */
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
#include "shared/log.h"

/* Fixture: standard error goes to a file in memory. */

static int catcher = -1, saved = -1;

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    catcher = memfd_create("log", MFD_CLOEXEC);
    fcntl(catcher, F_SETFL, O_APPEND); /* as logs are opened; else two writes may hit the same offset */
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

/* What was logged; free() it. */
static char *caught(void)
{
    off_t length = lseek(catcher, 0, SEEK_END);
    char *text = calloc(1, (size_t)length + 1);
    assert_int_equal(pread(catcher, text, (size_t)length, 0), length);
    return text;
}

/* The same behind time and blank. */
static void assert_caught(const char *expected)
{
    char *text = caught();
    int64_t us;
    assert_true(strlen(text) > RFC3339_MAX);
    assert_true(rfc3339_parse(text, RFC3339_MAX - 1, &us));
    assert_string_equal(text + RFC3339_MAX, expected);
    free(text);
}

/* Tests. */

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
        TEST(log_level_names_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
