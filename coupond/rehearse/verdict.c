#include "coupond/rehearse/verdict.h"

#include <stdio.h>

#include "coupond/bench/report.h"

#define WAIT_GOOD_US    1000000u /* of the slowest of a hundred users */
#define WAIT_TIGHT_US   3000000u
#define LOST_TIGHT      0.01 /* share of requests without an answer */
#define SYNC_GOOD_US    5000u
#define SYNC_TIGHT_US   20000u
#define MEMORY_GOOD     0.8 /* of the limit */
#define MEMORY_TIGHT    0.95
#define WAITING_IN_LINE 0.5 /* of the wait: the crowd had too few connections */

const char *rehearse_grade_name(enum rehearse_grade grade)
{
    static const char *const names[] = {"good", "tight", "not_enough"};
    return names[grade];
}

static struct rehearse_row *add(struct rehearse_verdict *verdict, const char *name, enum rehearse_grade grade,
                                const char *advice)
{
    struct rehearse_row *row = &verdict->rows[verdict->count++];
    *row = (struct rehearse_row){.name = name, .grade = grade, .advice = grade == REHEARSE_GOOD ? "" : advice};
    verdict->grade = grade > verdict->grade ? grade : verdict->grade;
    return row;
}

static enum rehearse_grade grade_of(double value, double good, double tight)
{
    return value <= good ? REHEARSE_GOOD : value <= tight ? REHEARSE_TIGHT : REHEARSE_NOT_ENOUGH;
}

uint64_t rehearse_unanswered(const struct rehearse_measure *measure)
{
    static const enum bench_outcome lost[] = {BENCH_UNAUTHORIZED,      BENCH_OVERLOADED,       BENCH_ISSUER_UNAVAILABLE,
                                              BENCH_STORE_UNAVAILABLE, BENCH_OUTCOME_UNKNOWN,  BENCH_OTHER,
                                              BENCH_TIMED_OUT,         BENCH_CONNECTION_ERROR, BENCH_UNSENT};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        sum += measure->outcomes[lost[i]];
    return sum;
}

static void judge_answers(struct rehearse_verdict *verdict, const struct rehearse_measure *measure)
{
    char lost[BENCH_NUMBER_MAX], all[BENCH_NUMBER_MAX];
    uint64_t unanswered = rehearse_unanswered(measure);
    double share = measure->requests > 0 ? (double)unanswered / (double)measure->requests : 1;
    struct rehearse_row *row =
        add(verdict, "answers", grade_of(share, 0, LOST_TIGHT),
            "See the outcomes. Time-outs and 503: add gateways, or cores to the issuer; connection errors: raise "
            "gateway/connections_max and ulimit -n.");
    snprintf(row->reason, sizeof row->reason, "%s of %s requests got no final answer", bench_number(unanswered, lost),
             bench_number(measure->requests, all));
}

static void judge_wait(struct rehearse_verdict *verdict, const struct rehearse_measure *measure)
{
    uint64_t p99_us = bench_histogram_percentile(&measure->latency, 99);
    uint64_t delay_us = bench_histogram_percentile(&measure->delay, 99);
    bool in_line = (double)delay_us > WAITING_IN_LINE * (double)p99_us;
    struct rehearse_row *row = add(
        verdict, "wait", grade_of((double)p99_us, WAIT_GOOD_US, WAIT_TIGHT_US),
        in_line ? "Most of it is the wait for a free connection: rehearse with more --connections. If that does not "
                  "help, add gateways."
                : "Add gateways; if the issuer's core is the limit, spread coupons over partitions.");
    snprintf(row->reason, sizeof row->reason, "99 of 100 answers came within %.3f s", (double)p99_us / 1e6);
}

static void judge_disk(struct rehearse_verdict *verdict, const struct rehearse_measure *measure)
{
    if (!measure->synced)
        return;
    struct rehearse_row *row = add(verdict, "disk", grade_of((double)measure->sync_p99_us, SYNC_GOOD_US, SYNC_TIGHT_US),
                                   "Give the journal a faster disk, one with a write cache that survives power loss.");
    snprintf(row->reason, sizeof row->reason, "99 of 100 syncs of the journal took at most %.1f ms",
             (double)measure->sync_p99_us / 1e3);
}

static void judge_memory(struct rehearse_verdict *verdict, const struct rehearse_measure *measure)
{
    double worst = -1;
    const struct rehearse_member *of = NULL;
    for (unsigned i = 0; i < measure->members_count; i++) {
        const struct rehearse_member *member = &measure->members[i];
        if (member->memory_limit > 0 && (double)member->memory_after / (double)member->memory_limit > worst) {
            worst = (double)member->memory_after / (double)member->memory_limit;
            of = member;
        }
    }
    if (of == NULL)
        return;
    struct rehearse_row *row = add(verdict, "memory", grade_of(worst, MEMORY_GOOD, MEMORY_TIGHT),
                                   "Raise the memory limit of this process, or of its container.");
    snprintf(row->reason, sizeof row->reason, "the %s at %.60s uses %.0f %% of its memory limit", of->role, of->address,
             worst * 100);
}

static void judge_promises(struct rehearse_verdict *verdict, const struct rehearse_measure *measure)
{
    char number[BENCH_NUMBER_MAX];
    struct rehearse_row *row = add(verdict, "promises", measure->faults == 0 ? REHEARSE_GOOD : REHEARSE_NOT_ENOUGH,
                                   "Run coupond verify, and report it.");
    snprintf(row->reason, sizeof row->reason, "%s answers break a promise", bench_number(measure->faults, number));
}

struct rehearse_verdict rehearse_judge(const struct rehearse_measure *measure)
{
    struct rehearse_verdict verdict = {.grade = REHEARSE_GOOD};
    judge_answers(&verdict, measure);
    judge_wait(&verdict, measure);
    judge_disk(&verdict, measure);
    judge_memory(&verdict, measure);
    judge_promises(&verdict, measure);
    return verdict;
}
