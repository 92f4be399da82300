/*
 * simulate [--seed N] [--runs N] [--jobs N] [--verbose]: runs seeds in separate processes, reports progress, and ends
 * with a count of every event. For a failing seed it prints the command that replays it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/error.h"
#include "shared/telemetry/log.h"
#include "sim_run.h"

#define JOBS_MAX           16
#define RUNS_A_PROCESS     200 /* memory leaked by killed processes is freed with them */
#define SECONDS_A_RUN      120
#define REPEATED_EVERY     50   /* one seed in so many runs twice and must behave the same */
#define RUNS_FOR_ALL_KINDS 1000 /* this many runs must have seen every kind of fault */

/* What a process reports to its parent. */
struct job {
    uint64_t seed; /* being run */
    uint64_t done;
    uint64_t counts[SIM_FAULT_COUNT];
    uint64_t runs_with[SIM_FAULT_COUNT];
    char failure[512];
};

struct settings {
    uint64_t seed;
    uint64_t runs;
    unsigned jobs;
    bool verbose;
    bool replay; /* a single seed was requested */
};

/* A killed process leaks its memory here on purpose. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:detect_stack_use_after_return=0";
}

/* --- one process --- */

static void note(struct job *job, const struct sim *sim)
{
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        job->counts[i] += sim->counts[i];
        job->runs_with[i] += sim->counts[i] > 0;
    }
    job->done++;
}

static bool run_seed(struct job *job, uint64_t seed, bool twice, bool verbose)
{
    static struct sim sim, again;
    job->seed = seed;
    alarm(SECONDS_A_RUN);
    bool kept = sim_run(&sim, seed, verbose);
    if (!kept)
        snprintf(job->failure, sizeof job->failure, "%s", sim.failure);
    if (kept && twice && (!sim_run(&again, seed, false) || again.trace != sim.trace)) {
        snprintf(job->failure, sizeof job->failure, "the same seed did not give the same run");
        kept = false;
    }
    if (verbose)
        printf("trace %016" PRIx64 "\n", sim.trace);
    note(job, &sim);
    return kept;
}

static _Noreturn void run_seeds(struct job *job, const struct settings *settings, uint64_t first, uint64_t step)
{
    log_set_level(settings->verbose ? LOG_LEVEL_WARN : (enum log_level)(LOG_LEVEL_ERROR + 1));
    uint64_t done = 0;
    for (uint64_t i = first; i < settings->runs && done < RUNS_A_PROCESS; i += step, done++) {
        if (!run_seed(job, settings->seed + i, settings->replay || i % REPEATED_EVERY == 0, settings->verbose))
            exit(1);
    }
    fflush(stdout);
    _exit(0);
}

/* --- all of them --- */

static struct job *jobs;
static struct settings settings;
static uint64_t next_run[JOBS_MAX]; /* per job */
static pid_t processes[JOBS_MAX];

static void start_job(unsigned i)
{
    if (next_run[i] >= settings.runs) {
        processes[i] = 0;
        return;
    }
    fflush(stdout);
    processes[i] = fork();
    CHECK(processes[i] >= 0);
    if (processes[i] == 0)
        run_seeds(&jobs[i], &settings, next_run[i], settings.jobs);
    next_run[i] += (uint64_t)settings.jobs * RUNS_A_PROCESS;
}

static uint64_t all_done(void)
{
    uint64_t done = 0;
    for (unsigned i = 0; i < settings.jobs; i++)
        done += jobs[i].done;
    return done;
}

static void tell_failure(const struct job *job, int status)
{
    printf("\nseed %" PRIu64 " breaks a promise\n", job->seed);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("  it does not end\n");
    else if (WIFSIGNALED(status))
        printf("  the program ended with signal %d\n", WTERMSIG(status));
    else
        printf("  %s\n", job->failure[0] != '\0' ? job->failure : "a sanitizer ended it");
    printf("  replay: ./dev simulate --seed %" PRIu64 " --verbose\n", job->seed);
}

/* Waits for a process to end. True when it succeeded and its job goes on. */
static bool reap(void)
{
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended <= 0)
        return true;
    for (unsigned i = 0; i < settings.jobs; i++) {
        if (processes[i] != ended)
            continue;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            tell_failure(&jobs[i], status);
            return false;
        }
        start_job(i);
    }
    return true;
}

static bool any_running(void)
{
    bool any = false;
    for (unsigned i = 0; i < settings.jobs; i++)
        any |= processes[i] > 0;
    return any;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void end_all(void)
{
    for (unsigned i = 0; i < settings.jobs; i++) {
        if (processes[i] > 0)
            kill(processes[i], SIGKILL);
    }
}

static bool run_all(void)
{
    double began = seconds_now(), told = began;
    for (unsigned i = 0; i < settings.jobs; i++) {
        next_run[i] = i;
        start_job(i);
    }
    while (any_running()) {
        if (!reap()) {
            end_all();
            return false;
        }
        usleep(2000);
        if (seconds_now() - told >= 2) {
            told = seconds_now();
            printf("%" PRIu64 " of %" PRIu64 " runs, %.0f s, every promise kept so far\n", all_done(), settings.runs,
                   told - began);
            fflush(stdout);
        }
    }
    printf("%" PRIu64 " runs from seed %" PRIu64 " in %.1f s\n", all_done(), settings.seed, seconds_now() - began);
    return true;
}

/* True when every kind of fault happened, as far as this many runs must see it. */
static bool summarize(void)
{
    bool all = true;
    printf("\n%12s %8s  fault\n", "times", "runs");
    for (unsigned f = 0; f < SIM_FAULT_COUNT; f++) {
        uint64_t times = 0, runs = 0;
        for (unsigned i = 0; i < settings.jobs; i++) {
            times += jobs[i].counts[f];
            runs += jobs[i].runs_with[f];
        }
        printf("%12" PRIu64 " %8" PRIu64 "  %s\n", times, runs, sim_fault_name((enum sim_fault)f));
        all &= times > 0;
    }
    if (all || settings.runs < RUNS_FOR_ALL_KINDS)
        return true;
    printf("\na kind of fault never happened: the runs prove nothing about it\n");
    return false;
}

/* --- settings --- */

static uint64_t number(const char *text)
{
    errno = 0;
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        fprintf(stderr, "simulate: %s is not a number\n", text);
        exit(2);
    }
    return value;
}

static void read_settings(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    bool seeded = false, counted = false;
    settings = (struct settings){.runs = 1000, .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            settings.seed = number(optarg);
            seeded = true;
            break;
        case 'r':
            settings.runs = number(optarg);
            counted = true;
            break;
        case 'j':
            settings.jobs = (unsigned)number(optarg);
            break;
        case 'v':
            settings.verbose = true;
            break;
        default:
            fprintf(stderr, "usage: simulate [--seed N] [--runs N] [--jobs N] [--verbose]\n");
            exit(2);
        }
    }
    settings.replay = seeded && !counted;
    if (settings.replay)
        settings.runs = 1;
    if (!seeded)
        CHECK(getrandom(&settings.seed, 4, 0) == 4);
    settings.jobs = settings.jobs < 1 ? 1 : settings.jobs > JOBS_MAX ? JOBS_MAX : settings.jobs;
}

int main(int argc, char **argv)
{
    read_settings(argc, argv);
    jobs = mmap(NULL, sizeof *jobs * JOBS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(jobs != MAP_FAILED);
    bool kept = run_all();
    if (kept)
        kept = settings.replay || summarize();
    printf("%s\n", kept ? "every promise kept" : "FAILED");
    return kept ? 0 : 1;
}
