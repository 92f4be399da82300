/* Dropped frames: what is counted and what is logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/telemetry/log.h"
#include "shared/wire/frame_fault.h"

/* --- fixture: standard error goes to a file in memory --- */

static int catcher = -1, saved = -1;
static struct frame_drops drops;

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    log_set_format(LOG_FORMAT_TEXT);
    drops = (struct frame_drops){"issuer", metrics_create("issuer", 7), METRIC_ISSUER_FRAMES_DROPPED, 0};
    catcher = memfd_create("log", MFD_CLOEXEC);
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

/* --- helpers --- */

static size_t lines_with(const char *words)
{
    char text[8192] = "";
    size_t count = 0;
    assert_true(pread(catcher, text, sizeof text - 1, 0) >= 0);
    for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words))
        count++;
    return count;
}

/* --- tests --- */

static void every_frame_is_counted_and_the_first_of_each_fault_is_logged(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        frame_drops_add(&drops, FRAME_FAULT_MAGIC, "partition=%u", 7);
        frame_drops_add(&drops, FRAME_FAULT_OTHER_JOURNAL, "partition=%u", 7);
    }
    assert_int_equal(metrics_get(drops.metrics, drops.metric, METRIC_DROP_MALFORMED), 3);
    assert_int_equal(metrics_get(drops.metrics, drops.metric, METRIC_DROP_MISDIRECTED), 3);
    assert_int_equal(lines_with("warn  issuer: dropped a frame: "), 2);
    assert_int_equal(lines_with("magic number; later ones are counted but not logged partition=7\n"), 1);
    assert_int_equal(lines_with("another journal"), 1);
}

static void faults_whose_label_is_the_same_are_logged_apart(void **state)
{
    (void)state;
    for (int fault = FRAME_OK + 1; fault < FRAME_FAULT_COUNT; fault++) {
        frame_drops_add(&drops, (enum frame_fault)fault, "bytes=%d", fault);
        assert_int_equal(lines_with(frame_fault_text((enum frame_fault)fault)), 1);
    }
    assert_int_equal(lines_with("dropped a frame"), FRAME_FAULT_COUNT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_frame_is_counted_and_the_first_of_each_fault_is_logged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(faults_whose_label_is_the_same_are_logged_apart, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
