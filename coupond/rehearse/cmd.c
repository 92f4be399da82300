/*
 * `coupond rehearse`: copy of the coupon → early users → the crowd → report and verdict → archive. Exit status: 0 good
 * or tight, 1 not enough, 2 could not run.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "coupond/commands.h"
#include "coupond/rehearse/copy.h"
#include "coupond/rehearse/crowd.h"
#include "coupond/rehearse/members.h"
#include "coupond/rehearse/options.h"
#include "coupond/rehearse/report.h"
#include "shared/clock.h"
#include "shared/coupon.h"

#define LEAD_US     INT64_C(2500000) /* of the opening, beside what the crowd needs to connect */
#define EARLY_SHARE 100              /* one user of this many asks too early */
#define EARLY_MAX   1000
#define REREAD_MS   100
#define SETTLE_MS   3000 /* for gateways to show the last issues */
#define SPARE_FILES 64

enum { REHEARSE_DONE = 0, REHEARSE_LACKING = 1, REHEARSE_NOT_RUN = 2 };

struct rehearsal {
    struct rehearse_options options;
    struct http_server target;
    struct bench_coupon copy;
    struct bench_witness witness;
    struct rehearse_measure measure;
    struct members_sample before[REHEARSE_MEMBERS_MAX];
};

static _Atomic bool interrupted;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&interrupted, true);
}

static void say(const char *what)
{
    fprintf(stderr, "coupond rehearse: %s\n", what);
}

/* --- before --- */

static void name_copy(struct rehearse_options *options)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)clock_wall_us();
    snprintf(options->bench.coupon, sizeof options->bench.coupon, REHEARSAL_COUPON_PREFIX "%08" PRIx32, random);
}

static int raise_files(uint64_t connections, struct error *error)
{
    struct rlimit limit;
    rlim_t needed = connections + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return 0;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (limit.rlim_cur >= needed && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    return error_set(error, "--connections %" PRIu64 ": this process may open only %" PRIu64 " files; raise ulimit -n",
                     connections, (uint64_t)limit.rlim_max);
}

static int prepare(struct rehearsal *rehearsal, struct error *error)
{
    struct rehearse_options *options = &rehearsal->options;
    if (raise_files(options->bench.connections, error) != 0 ||
        http_server_resolve(&rehearsal->target, &options->bench.url, error) != 0)
        return -1;
    name_copy(options);
    return rehearse_copy_create(&rehearsal->target, options, error);
}

static void read_members_before(struct rehearsal *rehearsal)
{
    for (unsigned i = 0; i < rehearsal->options.members_count; i++) {
        if (!members_fetch(rehearsal->options.members[i], &rehearsal->before[i]))
            fprintf(stderr, "coupond rehearse: http://%s/metrics does not answer; its memory stays unknown\n",
                    rehearsal->options.members[i]);
    }
}

/* --- the crowd --- */

/* Asks before the opening; these users ask again with the others. */
static int run_early(struct rehearsal *rehearsal, struct error *error)
{
    struct bench_options few = rehearsal->options.bench;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    CHECK(crowd != NULL);
    uint64_t count = rehearsal->options.users / EARLY_SHARE + 1;
    few.plan.requests = few.plan.rate = count < EARLY_MAX ? count : EARLY_MAX;
    few.plan.users = few.plan.requests;
    few.connections = few.connections < 8 ? few.connections : 8;
    few.threads = 1;
    few.timeout_ms = 1000;
    few.progress_s = 0;
    *crowd = (struct crowd){.options = &few,
                            .target = &rehearsal->target,
                            .witness = &rehearsal->witness,
                            .start_us = clock_mono_us() + 100000,
                            .interrupted = &interrupted};
    int status = crowd_run(crowd, error);
    rehearsal->measure.early = few.plan.requests;
    rehearsal->measure.early_not_started = crowd->outcomes[BENCH_NOT_STARTED];
    free(crowd);
    return status;
}

static void take_crowd(struct rehearse_measure *measure, const struct crowd *crowd)
{
    measure->seconds = crowd->seconds;
    measure->answered = crowd->answered;
    memcpy(measure->outcomes, crowd->outcomes, sizeof measure->outcomes);
    measure->latency = crowd->latency;
    measure->delay = crowd->delay;
    bool sold_out = measure->quantity > 0 && crowd->outcomes[BENCH_ISSUED] >= measure->quantity;
    measure->sold_out_us = sold_out ? crowd->last_issued_us : -1;
}

static int run_crowd(struct rehearsal *rehearsal, int64_t start_us, struct error *error)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    CHECK(crowd != NULL);
    *crowd = (struct crowd){.options = &rehearsal->options.bench,
                            .target = &rehearsal->target,
                            .witness = &rehearsal->witness,
                            .start_us = start_us,
                            .interrupted = &interrupted};
    int status = crowd_run(crowd, error);
    take_crowd(&rehearsal->measure, crowd);
    free(crowd);
    return status;
}

/* --- after --- */

static void read_members_after(struct rehearsal *rehearsal)
{
    struct rehearse_measure *measure = &rehearsal->measure;
    for (unsigned i = 0; i < rehearsal->options.members_count; i++) {
        struct members_sample after;
        const struct members_sample *before = &rehearsal->before[i];
        if (before->role[0] == '\0' || !members_fetch(rehearsal->options.members[i], &after))
            continue;
        struct rehearse_member *member = &measure->members[measure->members_count++];
        memcpy(member->address, rehearsal->options.members[i], sizeof member->address);
        member->role = after.role;
        member->memory_before = (uint64_t)before->memory;
        member->memory_after = (uint64_t)after.memory;
        member->memory_limit = (uint64_t)after.memory_limit;
        if (after.buckets == 0)
            continue;
        measure->sync_p50_us = (uint64_t)members_sync_us(before, &after, 0.5);
        measure->sync_p99_us = (uint64_t)members_sync_us(before, &after, 0.99);
        measure->synced = measure->sync_p99_us > 0;
    }
}

static uint64_t unknown_of(const struct rehearse_measure *measure)
{
    uint64_t sum = 0;
    for (enum bench_outcome i = 0; i < BENCH_OUTCOME_COUNT; i++)
        sum += bench_outcome_unknown(i) ? measure->outcomes[i] : 0;
    return sum;
}

/* The coupon's count is shown with the age of a gateway's cache. */
static int check_promises(struct rehearsal *rehearsal, struct error *error)
{
    struct rehearse_measure *measure = &rehearsal->measure;
    struct bench_count count = {.issued = measure->outcomes[BENCH_ISSUED],
                                .unknown = unknown_of(measure),
                                .alone = true,
                                .sequence_max = rehearsal->copy.sequence_max};
    int64_t until_us = clock_mono_us() + SETTLE_MS * 1000;
    for (;;) {
        struct bench_coupon now;
        if (bench_coupon_read(&rehearsal->target, &rehearsal->options.bench, &now, error) != 0)
            return -1;
        count.after = now.issued;
        struct bench_judgement judgement = bench_witness_judge(&rehearsal->witness, &count);
        measure->faults = 0;
        for (enum bench_promise i = 0; i < BENCH_PROMISE_COUNT; i++)
            measure->faults += judgement.faults[i];
        if (measure->faults == 0 || clock_mono_us() >= until_us)
            return 0;
        const struct timespec wait = {.tv_nsec = REREAD_MS * 1000000};
        nanosleep(&wait, NULL);
    }
}

/* --- sequence --- */

static void fill_measure(struct rehearsal *rehearsal)
{
    const struct rehearse_options *options = &rehearsal->options;
    struct rehearse_measure *measure = &rehearsal->measure;
    strcpy(measure->coupon_id, options->coupon);
    strcpy(measure->copy_id, options->bench.coupon);
    measure->quantity = rehearsal->copy.quantity;
    measure->users = options->users;
    measure->requests = options->bench.plan.requests;
    measure->connections = options->bench.connections;
    measure->timeout_ms = options->bench.timeout_ms;
}

static int run_with_copy(struct rehearsal *rehearsal, struct error *error)
{
    struct rehearse_options *options = &rehearsal->options;
    int64_t start_us = 0;
    if (bench_coupon_read(&rehearsal->target, &options->bench, &rehearsal->copy, error) != 0)
        return -1;
    if (!bench_witness_init(&rehearsal->witness, bench_plan_users_seen(&options->bench.plan),
                            (uint32_t)rehearsal->copy.sequence_max, (uint32_t)rehearsal->copy.per_user_limit))
        return error_set(error, "not enough memory to record the answers; lower --users");
    fill_measure(rehearsal);
    read_members_before(rehearsal);
    say("the copy opens in a few seconds");
    if (rehearse_copy_open(&rehearsal->target, options, LEAD_US + bench_worker_lead_us(options->bench.connections),
                           &start_us, error) != 0 ||
        run_early(rehearsal, error) != 0 || run_crowd(rehearsal, start_us, error) != 0)
        return -1;
    read_members_after(rehearsal);
    return check_promises(rehearsal, error);
}

static int report(const struct rehearsal *rehearsal)
{
    struct rehearse_verdict verdict = rehearse_judge(&rehearsal->measure);
    if (rehearsal->options.json)
        rehearse_report_print_json(&rehearsal->measure, &verdict, stdout);
    else
        rehearse_report_print(&rehearsal->measure, &verdict, stdout);
    return verdict.grade == REHEARSE_NOT_ENOUGH ? REHEARSE_LACKING : REHEARSE_DONE;
}

static int run(struct rehearsal *rehearsal, struct error *error)
{
    struct error left = {""};
    if (prepare(rehearsal, error) != 0)
        return REHEARSE_NOT_RUN;
    int status = run_with_copy(rehearsal, error);
    if (rehearse_copy_archive(&rehearsal->target, &rehearsal->options, &left) != 0)
        fprintf(stderr, "coupond rehearse: archive the coupon %s yourself: %s\n", rehearsal->options.bench.coupon,
                left.text);
    return status == 0 ? report(rehearsal) : REHEARSE_NOT_RUN;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    signal(SIGPIPE, SIG_IGN);
    CHECK(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0);
}

int cmd_rehearse(int argc, char **argv)
{
    struct error error = {""};
    struct rehearsal *rehearsal = calloc(1, sizeof *rehearsal);
    CHECK(rehearsal != NULL);
    int status = REHEARSE_NOT_RUN;
    if (rehearse_options_read(&rehearsal->options, argc, argv, &error) == 0) {
        if (rehearsal->options.help) {
            help_print(stdout, &help_rehearse);
            status = REHEARSE_DONE;
        } else {
            catch_signals();
            status = run(rehearsal, &error);
        }
    }
    if (error.text[0] != '\0')
        fprintf(stderr, "coupond rehearse: %s\n", error.text);
    bench_witness_deinit(&rehearsal->witness);
    free(rehearsal);
    return status;
}
