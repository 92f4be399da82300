/*
 * Verdicts on the figures of a rehearsal, and what is read of metrics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>

#include "coupond/rehearse/members.h"
#include "coupond/rehearse/verdict.h"

/* --- helpers --- */

static struct rehearse_measure measure;

static void measure_sound(void)
{
    measure = (struct rehearse_measure){.requests = 1000, .answered = 1000, .sold_out_us = -1};
    measure.outcomes[BENCH_ISSUED] = 1000;
    bench_histogram_init(&measure.latency);
    bench_histogram_init(&measure.delay);
    for (int i = 0; i < 1000; i++)
        bench_histogram_add(&measure.latency, 1000);
}

static void wait_for_all(uint64_t us)
{
    bench_histogram_init(&measure.latency);
    for (int i = 0; i < 1000; i++)
        bench_histogram_add(&measure.latency, us);
}

static const struct rehearse_row *row_of(const struct rehearse_verdict *verdict, const char *name)
{
    for (unsigned i = 0; i < verdict->count; i++) {
        if (strcmp(verdict->rows[i].name, name) == 0)
            return &verdict->rows[i];
    }
    return NULL;
}

static enum rehearse_grade grade(const char *name)
{
    struct rehearse_verdict verdict = rehearse_judge(&measure);
    const struct rehearse_row *row = row_of(&verdict, name);
    assert_non_null(row);
    assert_true((row->advice[0] == '\0') == (row->grade == REHEARSE_GOOD));
    assert_true(verdict.grade >= row->grade);
    return row->grade;
}

/* --- tests --- */

static void sound_figures_are_good(void **state)
{
    (void)state;
    measure_sound();
    struct rehearse_verdict verdict = rehearse_judge(&measure);
    assert_int_equal(verdict.grade, REHEARSE_GOOD);
    assert_null(row_of(&verdict, "disk"));
    assert_null(row_of(&verdict, "memory"));
    assert_string_equal(rehearse_grade_name(verdict.grade), "good");
}

static void requests_without_an_answer_are_tight_up_to_one_in_a_hundred(void **state)
{
    (void)state;
    measure_sound();
    measure.outcomes[BENCH_SOLD_OUT] = 500; /* an answer like any other */
    assert_int_equal(grade("answers"), REHEARSE_GOOD);
    measure.outcomes[BENCH_TIMED_OUT] = 1;
    assert_int_equal(grade("answers"), REHEARSE_TIGHT);
    measure.outcomes[BENCH_OVERLOADED] = 9;
    assert_int_equal(grade("answers"), REHEARSE_TIGHT);
    measure.outcomes[BENCH_UNSENT] = 1;
    assert_int_equal(grade("answers"), REHEARSE_NOT_ENOUGH);
    assert_int_equal(rehearse_unanswered(&measure), 11);
}

static void waits_are_judged_by_the_slowest_of_a_hundred(void **state)
{
    (void)state;
    measure_sound();
    wait_for_all(1000000);
    assert_int_equal(grade("wait"), REHEARSE_GOOD);
    wait_for_all(1100000);
    assert_int_equal(grade("wait"), REHEARSE_TIGHT);
    wait_for_all(3100000);
    assert_int_equal(grade("wait"), REHEARSE_NOT_ENOUGH);
    struct rehearse_verdict verdict = rehearse_judge(&measure);
    assert_null(strstr(row_of(&verdict, "wait")->advice, "--connections"));
    measure.delay = measure.latency;
    verdict = rehearse_judge(&measure);
    assert_non_null(strstr(row_of(&verdict, "wait")->advice, "--connections"));
}

static void the_disk_is_judged_if_its_figures_are_known(void **state)
{
    (void)state;
    measure_sound();
    measure.synced = true;
    measure.sync_p99_us = 5000;
    assert_int_equal(grade("disk"), REHEARSE_GOOD);
    measure.sync_p99_us = 5001;
    assert_int_equal(grade("disk"), REHEARSE_TIGHT);
    measure.sync_p99_us = 20001;
    assert_int_equal(grade("disk"), REHEARSE_NOT_ENOUGH);
}

static void the_fullest_process_counts(void **state)
{
    (void)state;
    measure_sound();
    measure.members_count = 2;
    measure.members[0] = (struct rehearse_member){.role = "gateway", .memory_after = 10, .memory_limit = 100};
    measure.members[1] = (struct rehearse_member){.role = "issuer", .memory_after = 81, .memory_limit = 100};
    assert_int_equal(grade("memory"), REHEARSE_TIGHT);
    measure.members[1].memory_after = 96;
    assert_int_equal(grade("memory"), REHEARSE_NOT_ENOUGH);
    struct rehearse_verdict verdict = rehearse_judge(&measure);
    assert_non_null(strstr(row_of(&verdict, "memory")->reason, "issuer"));
}

static void a_broken_promise_is_never_enough(void **state)
{
    (void)state;
    measure_sound();
    measure.faults = 1;
    assert_int_equal(grade("promises"), REHEARSE_NOT_ENOUGH);
}

static struct members_sample sample_of(const char *text)
{
    struct members_sample sample;
    members_sample_read(&sample, text, strlen(text));
    return sample;
}

static void metrics_tell_role_memory_and_sync_times(void **state)
{
    (void)state;
    const char *name = "coupond_issuer_journal_sync_seconds_bucket";
    char text[512];
    snprintf(
        text, sizeof text,
        "process_resident_memory_bytes 4096\n%s{partition=\"0\",le=\"0.001\"} 2\n%s{partition=\"0\",le=\"0.01\"} 2\n"
        "%s{partition=\"1\",le=\"0.001\"} 1\n%s{partition=\"1\",le=\"0.01\"} 1\n",
        name, name, name, name);
    struct members_sample before = sample_of(text);
    assert_string_equal(before.role, "issuer");
    assert_true(before.memory == 4096);
    assert_int_equal(before.buckets, 2);
    snprintf(text, sizeof text, "%s{le=\"0.001\"} 12\n%s{le=\"0.01\"} 13\n", name, name);
    struct members_sample after = sample_of(text);
    assert_true(members_sync_us(&before, &after, 0.5) == 1000);
    assert_true(members_sync_us(&before, &after, 0.99) == 10000);
    assert_true(members_sync_us(&after, &after, 0.99) == 0);
}

static void other_texts_tell_nothing(void **state)
{
    (void)state;
    assert_string_equal(sample_of("").role, "");
    assert_string_equal(sample_of("<html>").role, "");
    assert_string_equal(sample_of("process_resident_memory_bytes NaN\nup 1\n").role, "");
    assert_string_equal(sample_of("coupond_gateway_connections 1\ncoupond_issuer_coupons 1\n").role, "dev");
    assert_int_equal(sample_of("coupond_issuer_journal_sync_seconds_bucket{le=\"x\"} 2\n").buckets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_figures_are_good),
        cmocka_unit_test(requests_without_an_answer_are_tight_up_to_one_in_a_hundred),
        cmocka_unit_test(waits_are_judged_by_the_slowest_of_a_hundred),
        cmocka_unit_test(the_disk_is_judged_if_its_figures_are_known),
        cmocka_unit_test(the_fullest_process_counts),
        cmocka_unit_test(a_broken_promise_is_never_enough),
        cmocka_unit_test(metrics_tell_role_memory_and_sync_times),
        cmocka_unit_test(other_texts_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
