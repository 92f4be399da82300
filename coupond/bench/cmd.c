/*
 * `coupond bench`: options → coupon → workers → coupon again → verdict. bench/worker.h explains how the load is
 * generated, bench/witness.h what is checked. Exit status: 0 kept, 1 broken, 2 could not run, or could not read the
 * coupon after the run.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coupond/bench/coupon.h"
#include "coupond/bench/report.h"
#include "coupond/bench/worker.h"
#include "coupond/commands.h"
#include "shared/clock.h"

#define SETTLE_MS 3000 /* for gateways to show the last issues; the maximum age of a cached coupon is 1 s by default */
#define REREAD_MS 100

enum { BENCH_KEPT = 0, BENCH_BROKEN = 1, BENCH_NOT_RUN = 2 };

struct bench {
    struct bench_options options;
    struct http_server target;
    struct bench_coupon before;
    struct bench_coupon after;
    struct bench_witness witness;
    struct bench_run run;
    struct bench_worker *workers[BENCH_THREADS_MAX];
    struct bench_report report;
};

/* Eight hex digits that make the user ids of different runs differ. */
static void make_run_id(char out[9])
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)clock_wall_us();
    snprintf(out, 9, "%08" PRIx32, random);
}

static int raise_descriptor_limit(uint64_t connections, struct error *error)
{
    struct rlimit limit;
    rlim_t needed = connections + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return 0;
    if (limit.rlim_max < needed)
        return error_set(error,
                         "--connections %" PRIu64 ": this process may open only %" PRIu64 " files; raise ulimit -n",
                         connections, (uint64_t)limit.rlim_max);
    limit.rlim_cur = needed;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : error_set(error, "cannot raise the limit of open files");
}

/* Runs before the first request. */
static int prepare(struct bench *bench, struct error *error)
{
    struct bench_options *options = &bench->options;
    if (raise_descriptor_limit(options->connections, error) != 0 ||
        http_server_resolve(&bench->target, &options->url, error) != 0)
        return -1;
    if (options->create > 0 && bench_coupon_create(&bench->target, options, error) != 0)
        return -1;
    if (bench_coupon_read(&bench->target, options, &bench->before, error) != 0)
        return -1;
    if (!bench_witness_init(&bench->witness, bench_plan_users_seen(&options->plan),
                            (uint32_t)bench->before.sequence_max, (uint32_t)bench->before.per_user_limit))
        return error_set(error, "not enough memory to record the answers to %" PRIu64 " requests; lower --requests",
                         options->plan.requests);
    return 0;
}

/* How many requests of all operations had this outcome so far. */
static uint64_t count_of(struct bench_run *run, enum bench_outcome outcome)
{
    uint64_t sum = 0;
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++)
        sum += atomic_load_explicit(&run->outcomes[i][outcome], memory_order_relaxed);
    return sum;
}

static uint64_t answered(struct bench_run *run)
{
    uint64_t sum = 0;
    for (enum bench_outcome i = 0; i < BENCH_TIMED_OUT; i++)
        sum += count_of(run, i);
    return sum;
}

static uint64_t failed(struct bench_run *run)
{
    return count_of(run, BENCH_OVERLOADED) + count_of(run, BENCH_ISSUER_UNAVAILABLE) +
           count_of(run, BENCH_STORE_UNAVAILABLE) + count_of(run, BENCH_OUTCOME_UNKNOWN) + count_of(run, BENCH_OTHER) +
           count_of(run, BENCH_TIMED_OUT) + count_of(run, BENCH_CONNECTION_ERROR);
}

static void print_progress(struct bench_run *run, uint64_t last)
{
    char a[BENCH_NUMBER_MAX], b[BENCH_NUMBER_MAX], c[BENCH_NUMBER_MAX], d[BENCH_NUMBER_MAX];
    uint64_t now = answered(run);
    double slowest_us = (double)atomic_exchange(&run->slowest_us, 0);
    fprintf(stderr, "%3.0f s  %11s answered  %9s /s  %11s issued  %9s failed  slowest %8.3f ms\n",
            (double)(clock_mono_us() - run->start_us) / 1e6, bench_number(now, a),
            bench_number((now - last) / run->options->progress_s, b), bench_number(count_of(run, BENCH_ISSUED), c),
            bench_number(failed(run), d), slowest_us / 1000);
}

/* Waits for the workers and prints progress. */
static void watch(struct bench *bench, uint64_t count)
{
    uint64_t last = 0;
    for (uint64_t i = 0; i < count; i++) {
        while (!bench_worker_ended(bench->workers[i], (int64_t)bench->options.progress_s * 1000)) {
            print_progress(&bench->run, last);
            last = answered(&bench->run);
        }
    }
}

static void init_run(struct bench *bench)
{
    struct bench_run *run = &bench->run;
    run->options = &bench->options;
    run->target = &bench->target;
    run->witness = &bench->witness;
    run->slow = &bench->report.slow;
    CHECK(pthread_mutex_init(&run->slow_lock, NULL) == 0);
    bench_episodes_init(run->slow, bench->options.slow_ms * 1000);
}

static int run_workers(struct bench *bench, struct error *error)
{
    struct bench_run *run = &bench->run;
    uint64_t started = 0;
    run->start_us = clock_mono_us() + bench_worker_lead_us(bench->options.connections);
    while (started < bench->options.threads) {
        bench->workers[started] = bench_worker_start(run, started, error);
        if (bench->workers[started] == NULL)
            break;
        started++;
    }
    bool whole = started == bench->options.threads;
    if (!whole)
        atomic_store(&run->abandoned, true);
    watch(bench, started);
    bench->report.seconds = (double)(clock_mono_us() - run->start_us) / 1e6;
    for (uint64_t i = 0; i < started; i++)
        bench_worker_destroy(&bench->workers[i], bench->report.operation_latency, &bench->report.delay);
    return whole ? 0 : -1;
}

/* Relates slow answers to the machine's stalls. */
static void examine_slow(struct bench_report *report)
{
    if (report->stalls == NULL)
        return;
    bench_stalls_stop(report->stalls);
    bench_episodes_sort(&report->slow);
    for (uint64_t i = 0; i < report->slow.count; i++) {
        struct bench_episode *episode = &report->slow.list[i];
        episode->stalled_us = bench_stalls_within(report->stalls, episode->from_us, episode->until_us);
    }
}

static int run_watched(struct bench *bench, struct error *error)
{
    init_run(bench);
    if (bench->options.slow_ms > 0) {
        bench->report.stalls = bench_stalls_start(error);
        if (bench->report.stalls == NULL)
            return -1;
    }
    int status = run_workers(bench, error);
    examine_slow(&bench->report);
    return status;
}

/* Reads the coupon after the run. If the server is gone by then, everything else is still checked. */
static void read_after(struct bench *bench)
{
    struct bench_report *report = &bench->report;
    bench->after = bench->before;
    report->count.unread = bench_coupon_read(&bench->target, &bench->options, &bench->after, &report->unread) != 0;
    report->count.before = bench->before.issued;
    report->count.after = bench->after.issued;
    report->quantity = bench->after.quantity;
    report->count.sequence_max =
        bench->after.sequence_max > bench->before.sequence_max ? bench->after.sequence_max : bench->before.sequence_max;
}

static uint64_t unknown_of(const struct bench_report *report, enum bench_operation operation)
{
    uint64_t sum = 0;
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++)
        sum += bench_outcome_unknown(i) ? report->operation_outcomes[operation][i] : 0;
    return sum;
}

static void collect(struct bench *bench)
{
    struct bench_report *report = &bench->report;
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++) {
        bench_histogram_merge(&report->latency, &report->operation_latency[i]);
        for (enum bench_outcome j = 0; j < BENCH_OUTCOME_COUNT; j++) {
            report->operation_outcomes[i][j] = atomic_load(&bench->run.outcomes[i][j]);
            report->outcomes[j] += report->operation_outcomes[i][j];
        }
    }
}

static void count_redemptions(struct bench *bench)
{
    struct bench_report *report = &bench->report;
    struct bench_redemptions *count = &report->count.redemptions;
    report->count.mixed = bench_mix_is_mixed(&bench->options.plan.mix);
    count->before = bench->before.redeemed;
    count->redeemed = report->operation_outcomes[BENCH_OPERATION_REDEEM][BENCH_DONE];
    count->redeemed_unknown = unknown_of(report, BENCH_OPERATION_REDEEM);
    count->undone = report->operation_outcomes[BENCH_OPERATION_UNDO][BENCH_DONE];
    count->undone_unknown = unknown_of(report, BENCH_OPERATION_UNDO);
}

static bool counts_agree(const struct bench_judgement *judgement)
{
    return judgement->faults[BENCH_PROMISE_COUNTED] == 0 && judgement->faults[BENCH_PROMISE_REDEEMED_COUNTED] == 0;
}

/* A gateway may answer with a coupon that another client has read before; counts that stay wrong are wrong. */
static void judge_counts(struct bench *bench)
{
    struct bench_report *report = &bench->report;
    int64_t until_us = clock_mono_us() + SETTLE_MS * 1000;
    for (;;) {
        read_after(bench);
        report->count.redemptions.after = bench->after.redeemed;
        report->judgement = bench_witness_judge(&bench->witness, &report->count);
        if (report->count.unread || counts_agree(&report->judgement) || clock_mono_us() >= until_us)
            return;
        usleep(REREAD_MS * 1000);
    }
}

/* Runs after the last answer. */
static void judge(struct bench *bench)
{
    struct bench_report *report = &bench->report;
    collect(bench);
    report->options = &bench->options;
    report->start_us = bench->run.start_us;
    report->sent = atomic_load(&bench->run.sent);
    report->answered = answered(&bench->run);
    report->connects = atomic_load(&bench->run.connects);
    report->count.alone = bench->options.create > 0;
    report->count.unknown = unknown_of(report, BENCH_OPERATION_ISSUE);
    report->count.issued = report->outcomes[BENCH_ISSUED];
    count_redemptions(bench);
    judge_counts(bench);
}

static int conclude(const struct bench_report *report, struct error *error)
{
    if (report->count.unread) {
        error_set(error, "the coupon cannot be read after the run: %s", report->unread.text);
        return BENCH_NOT_RUN;
    }
    if (report->answered == report->outcomes[BENCH_OTHER]) {
        error_set(error, "no valid answer was received; is --url the address of a coupond?");
        return BENCH_NOT_RUN;
    }
    if (!report->judgement.kept)
        return BENCH_BROKEN;
    if (report->outcomes[BENCH_UNAUTHORIZED] > 0) {
        error_set(error,
                  "%" PRIu64 " requests were refused without the right admin token, and checked nothing; give it in "
                  "COUPOND_GATEWAY_ADMIN_TOKEN",
                  report->outcomes[BENCH_UNAUTHORIZED]);
        return BENCH_NOT_RUN;
    }
    return BENCH_KEPT;
}

static int run_bench(struct bench *bench, struct error *error)
{
    if (prepare(bench, error) != 0 || run_watched(bench, error) != 0)
        return BENCH_NOT_RUN;
    judge(bench);
    if (bench->options.json)
        bench_report_print_json(&bench->report, stdout);
    else
        bench_report_print(&bench->report, stdout);
    return conclude(&bench->report, error);
}

int cmd_bench(int argc, char **argv)
{
    struct error error = {""};
    char run_id[9];
    struct bench *bench = calloc(1, sizeof *bench);
    CHECK(bench != NULL);
    make_run_id(run_id);
    signal(SIGPIPE, SIG_IGN);
    int status = BENCH_NOT_RUN;
    if (bench_options_read(&bench->options, argc, argv, run_id, &error) == 0) {
        if (bench->options.help) {
            help_print(stdout, &help_bench);
            status = BENCH_KEPT;
        } else {
            status = run_bench(bench, &error);
        }
    }
    if (error.text[0] != '\0')
        fprintf(stderr, "coupond bench: %s\n", error.text);
    bench_stalls_destroy(&bench->report.stalls);
    bench_witness_deinit(&bench->witness);
    free(bench);
    return status;
}
