/* A worker's thread: when its cycle runs, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "shared/worker.h"

#define FINISH_US INT64_C(20000000)

/* --- fixture --- */

struct cycles {
    sem_t begun; /* posted by each cycle */
    sem_t pass;  /* a cycle waits for it when it holds */
    _Atomic bool holds;
    _Atomic int64_t next_us;
    _Atomic unsigned count;
};

static int64_t run(void *arg)
{
    struct cycles *cycles = arg;
    atomic_fetch_add(&cycles->count, 1);
    sem_post(&cycles->begun);
    if (atomic_load(&cycles->holds))
        sem_wait(&cycles->pass);
    return atomic_load(&cycles->next_us);
}

static void cycles_init(struct cycles *cycles, int64_t next_us)
{
    *cycles = (struct cycles){.next_us = next_us};
    sem_init(&cycles->begun, 0, 0);
    sem_init(&cycles->pass, 0, 0);
}

static void start(struct worker *worker, struct cycles *cycles)
{
    struct error error;
    assert_int_equal(worker_start(worker, run, cycles, &error), 0);
    sem_wait(&cycles->begun);
}

static void *pass_later(void *arg)
{
    struct cycles *cycles = arg;
    const struct timespec while_the_owner_waits = {.tv_nsec = 20000000};
    nanosleep(&while_the_owner_waits, NULL);
    sem_post(&cycles->pass);
    return NULL;
}

/* --- tests --- */

static void a_wake_runs_the_cycle_once_more(void **state)
{
    (void)state;
    struct cycles cycles;
    struct worker worker;
    cycles_init(&cycles, WORKER_UNTIL_WOKEN);
    start(&worker, &cycles);
    worker_wake(&worker);
    sem_wait(&cycles.begun);
    worker_stop(&worker);
    assert_int_equal(cycles.count, 2);
}

static void a_wake_during_a_cycle_is_not_lost(void **state)
{
    (void)state;
    struct cycles cycles;
    struct worker worker;
    cycles_init(&cycles, WORKER_UNTIL_WOKEN);
    cycles.holds = true;
    start(&worker, &cycles);
    worker_wake(&worker);
    worker_wake(&worker);
    cycles.holds = false;
    sem_post(&cycles.pass);
    sem_wait(&cycles.begun);
    worker_stop(&worker);
    assert_int_equal(cycles.count, 2);
}

static void a_cycle_that_is_due_runs_without_a_wake(void **state)
{
    (void)state;
    struct cycles cycles;
    struct worker worker;
    cycles_init(&cycles, 1000);
    start(&worker, &cycles);
    sem_wait(&cycles.begun);
    atomic_store(&cycles.next_us, 0);
    sem_wait(&cycles.begun);
    sem_wait(&cycles.begun);
    worker_stop(&worker);
    assert_true(cycles.count >= 4);
}

static void no_cycle_runs_after_the_stop(void **state)
{
    (void)state;
    struct cycles cycles;
    struct worker worker;
    cycles_init(&cycles, 1);
    start(&worker, &cycles);
    worker_stop(&worker);
    unsigned count = cycles.count;
    worker_stop(&worker);
    assert_int_equal(cycles.count, count);
}

static void a_worker_that_was_never_started_stops_at_once(void **state)
{
    (void)state;
    struct worker worker = {0};
    worker_stop(&worker);
    assert_true(worker_finish(&worker, 0));
}

/* The wake comes while the cycle before it still runs, so the thread sees the wake and the end at once. */
static void a_wake_before_the_end_is_served(void **state)
{
    (void)state;
    struct cycles cycles;
    struct worker worker;
    cycles_init(&cycles, WORKER_UNTIL_WOKEN);
    cycles.holds = true;
    start(&worker, &cycles);
    worker_wake(&worker);
    cycles.holds = false;
    pthread_t passer;
    assert_int_equal(pthread_create(&passer, NULL, pass_later, &cycles), 0);
    assert_true(worker_finish(&worker, FINISH_US));
    pthread_join(passer, NULL);
    assert_int_equal(cycles.count, 2);
}

static void a_worker_whose_cycle_hangs_is_left_behind(void **state)
{
    (void)state;
    static struct cycles cycles;
    static struct worker worker;
    cycles_init(&cycles, WORKER_UNTIL_WOKEN);
    cycles.holds = true;
    start(&worker, &cycles);
    assert_false(worker_finish(&worker, 1000));
    assert_int_equal(cycles.count, 1);
    cycles.holds = false;
    sem_post(&cycles.pass);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_runs_the_cycle_once_more),
        cmocka_unit_test(a_wake_during_a_cycle_is_not_lost),
        cmocka_unit_test(a_cycle_that_is_due_runs_without_a_wake),
        cmocka_unit_test(no_cycle_runs_after_the_stop),
        cmocka_unit_test(a_worker_that_was_never_started_stops_at_once),
        cmocka_unit_test(a_wake_before_the_end_is_served),
        cmocka_unit_test(a_worker_whose_cycle_hangs_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
