/*
 * simulate_members [--seed N] [--runs N] [--verbose]: runs one seed after another until one breaks a promise. With
 * --seed alone, only that one. Exit status: 0 every promise kept, 1 broken, 2 wrong arguments.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "shared/error.h"
#include "tests/simulation/members/world.h"

#define STEPS       6000
#define QUIET_STEPS 6000

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_KILLED] = "member killed",
    [FAULT_POWER_LOST] = "power of a member lost",
    [FAULT_TAIL_LOST] = "unsynced records lost with it",
    [FAULT_DISK_LOST] = "member lost with its disk",
    [FAULT_PAUSED] = "member stood still",
    [FAULT_LINK_CUT] = "link cut in one direction",
    [FAULT_MESSAGE_LOST] = "message lost",
    [FAULT_HANDED_OVER] = "owner handed over",
    [FAULT_TAKEN_OVER] = "standby took over",
    [FAULT_RECLAIMED] = "owner claimed its row after a restart",
    [FAULT_NAMED] = "standby named",
    [FAULT_SHRUNK] = "standby given up",
    [FAULT_REPLACED] = "standby replaced",
    [FAULT_FENCED] = "owner found the row changed",
    [FAULT_DISCARDED] = "journal thrown aside because of records that were never answered",
    [FAULT_STORE_AWAY] = "store unreachable",
    [FAULT_UNKNOWN_MADE] = "change made, its answer lost",
    [FAULT_UNKNOWN_LATER] = "change made after its answer was given up",
    [FAULT_UNKNOWN_NEVER] = "change never made, its answer lost",
    [FAULT_STALE_READ] = "outdated row read",
    [FAULT_STORE_RESTORED] = "store restored from an old copy",
};

void world_fail(struct world *world, const char *format, ...)
{
    va_list arguments;
    if (world->failure[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
}

void world_count(struct world *world, enum fault fault)
{
    world->counts[fault]++;
}

bool world_strikes(struct world *world, uint32_t per_mille)
{
    return !world->quiet && per_mille > 0 && sim_random_chance(&world->random, per_mille);
}

void world_trace(const struct world *world, const struct node *node, const char *what, uint64_t a, uint64_t b)
{
    if (world->verbose)
        printf("%10" PRId64 " %c %-10s %" PRIu64 " %" PRIu64 "\n", world->now_us,
               node == NULL ? '-' : 'A' + node->index, what, a, b);
}

/* --- a run --- */

static uint32_t sometimes(struct sim_random *random, uint32_t most)
{
    return sim_random_chance(random, 500) ? 1 + sim_random_below(random, most) : 0;
}

static void make_plan(struct plan *plan, struct sim_random *random)
{
    *plan = (struct plan){
        .nodes = (uint8_t)(2 + sim_random_below(random, NODES_MAX - 1)),
        .alone = sim_random_chance(random, 400),
        .kill = sometimes(random, 6),
        .lose_power = sometimes(random, 1000),
        .lose_disk = sometimes(random, 400),
        .pause = sometimes(random, 6),
        .cut = sometimes(random, 10),
        .lose = sometimes(random, 100),
        .leave = sometimes(random, 4),
        .store_away = sometimes(random, 400),
        .unknown = sometimes(random, 500),
        .stale = sometimes(random, 500),
        .delay_us_max = sim_random_chance(random, 500) ? 500 : 20000,
        .quantity = (int)(sim_random_chance(random, 300) ? 10 + sim_random_below(random, 100)
                                                         : 500 + sim_random_below(random, 1500)),
    };
}

/* Whoever was restarted can ask the others, which remember the latest row. */
static void plan_restores(struct plan *plan, struct sim_random *random)
{
    plan->restore = 1 + sim_random_below(random, 3);
    plan->kill = 1 + sim_random_below(random, 6);
    plan->alone = sim_random_chance(random, 700);
    plan->pause = plan->cut = plan->lose = plan->lose_disk = 0;
    plan->store_away = plan->unknown = plan->stale = 0;
    plan->delay_us_max = 500;
}

/* The same members own the partition again and again, while messages of their earlier terms are still on the way. */
static void plan_handovers(struct plan *plan, struct sim_random *random)
{
    plan->nodes = 2;
    plan->leave = 10 + sim_random_below(random, 40);
    plan->delay_us_max = 20000;
}

static bool all_up(const struct world *world)
{
    for (uint8_t i = 0; i < world->plan.nodes; i++) {
        if (!world->nodes[i].up || world->nodes[i].role.row.epoch < world->epoch)
            return false;
    }
    return true;
}

static void strike(struct world *world)
{
    struct node *node = &world->nodes[sim_random_below(&world->random, world->plan.nodes)];
    bool forgets = world->plan.restore > 0 && !all_up(world);
    if (!forgets && world_strikes(world, world->plan.restore))
        store_restore(world);
    if (node->up && !forgets && world_strikes(world, world->plan.kill)) {
        bool disk = world_strikes(world, world->plan.lose_disk) && node_may_lose_disk(world, node);
        node_stop(world, node, disk || world_strikes(world, world->plan.lose_power), disk);
    }
    if (node->up && world_strikes(world, world->plan.pause)) {
        world_count(world, FAULT_PAUSED);
        node->still_until_us = world->now_us + sim_random_between(&world->random, 5000, 300000);
        world_trace(world, node, "still", (uint64_t)node->still_until_us, 0);
    }
    if (node->up && node->role.state == MEMBER_OWNER && world_strikes(world, world->plan.leave))
        member_role_leave(&node->role);
    if (world_strikes(world, world->plan.cut)) {
        uint32_t from = sim_random_below(&world->random, world->plan.nodes);
        uint32_t to = sim_random_below(&world->random, world->plan.nodes);
        world_count(world, FAULT_LINK_CUT);
        world->cut_until_us[from][to] = world->now_us + sim_random_between(&world->random, 1000, 300000);
    }
}

/* Clients ask any member; those that do not decide pass nothing on. */
static void ask(struct world *world)
{
    if (!sim_random_chance(&world->random, 400))
        return;
    uint8_t to = sim_random_chance(&world->random, 700) ? store_row(world)->owner
                                                        : (uint8_t)sim_random_below(&world->random, world->plan.nodes);
    struct node *node = &world->nodes[to];
    if (!node->up || !member_role_decides(&node->role) || node->waiting_count == ASKED_MAX ||
        node->journal.count + ASKED_MAX + 64 > RECORDS_MAX)
        return;
    node->waiting[node->waiting_count++] = (struct request){.user = (int)sim_random_below(&world->random, USERS_MAX),
                                                            .lookup = sim_random_chance(&world->random, 400),
                                                            .began = world->order};
}

static void step(struct world *world)
{
    world->now_us += sim_random_between(&world->random, 0, 600);
    strike(world);
    store_happen(world);
    for (unsigned i = 0; i < 2; i++) {
        struct node *node = &world->nodes[sim_random_below(&world->random, world->plan.nodes)];
        if (!node->up && (world->quiet || world->now_us >= node->start_at_us))
            node_start(world, node);
        if (node->up && (world->quiet || world->now_us >= node->still_until_us))
            node_work(world, node);
    }
    ask(world);
}

static void begin(struct world *world, uint64_t seed, bool verbose)
{
    memset(world, 0, sizeof *world);
    world->seed = seed;
    world->verbose = verbose;
    world->now_us = 1000000;
    sim_random_init(&world->random, seed);
    make_plan(&world->plan, &world->random);
    if (sim_random_chance(&world->random, 150))
        plan_restores(&world->plan, &world->random);
    else if (sim_random_chance(&world->random, 100))
        plan_handovers(&world->plan, &world->random);
    world->rows[0] = (struct member_row){0, MEMBER_NONE, MEMBER_NONE};
    world->epoch = 1;
    world->rows[1] = (struct member_row){1, 0, MEMBER_NONE};
    for (uint8_t i = 0; i < world->plan.nodes; i++)
        world->nodes[i] = (struct node){.index = i, .complete = i == 0};
}

static bool run(struct world *world, uint64_t seed, bool verbose)
{
    begin(world, seed, verbose);
    for (unsigned i = 0; i < STEPS && world->failure[0] == '\0'; i++)
        step(world);
    world->quiet = true;
    store_repair(world);
    memset(world->cut_until_us, 0, sizeof world->cut_until_us);
    for (unsigned i = 0; i < QUIET_STEPS && world->failure[0] == '\0'; i++)
        step(world);
    if (world->failure[0] == '\0')
        judge_end(world);
    return world->failure[0] == '\0';
}

static void summarize(uint64_t seed, uint64_t runs, uint64_t answers, const uint64_t counts[FAULT_COUNT])
{
    printf("%" PRIu64 " runs from seed %" PRIu64 ", %" PRIu64 " answers\n\n%12s  fault\n", runs, seed, answers,
           "times");
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        printf("%12" PRIu64 "  %s\n", counts[i], fault_names[i]);
}

static int64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void print_progress(uint64_t done, uint64_t runs)
{
    static int64_t told;
    if (told == 0)
        told = seconds_now();
    if (seconds_now() - told < 2)
        return;
    told = seconds_now();
    printf("%" PRIu64 " of %" PRIu64 " runs, every promise kept so far\n", done, runs);
    fflush(stdout);
}

static bool run_all(uint64_t first, uint64_t runs, bool verbose)
{
    static struct world world;
    uint64_t counts[FAULT_COUNT] = {0}, answers = 0;
    for (uint64_t i = 0; i < runs; i++) {
        print_progress(i, runs);
        if (!run(&world, first + i, verbose)) {
            printf("seed %" PRIu64 " breaks a promise\n  %s\n", first + i, world.failure);
            return false;
        }
        answers += world.answers;
        for (unsigned j = 0; j < FAULT_COUNT; j++)
            counts[j] += world.counts[j];
    }
    summarize(first, runs, answers, counts);
    return true;
}

/* --- settings --- */

static uint64_t number(const char *text)
{
    errno = 0;
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0')
        return value;
    fprintf(stderr, "simulate_members: %s is not a number\n", text);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    uint64_t seed = 0, runs = 0;
    bool verbose = false;
    CHECK(getrandom(&seed, 4, 0) == 4);
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            seed = number(optarg);
            runs = runs == 0 ? 1 : runs;
            break;
        case 'r':
            runs = number(optarg);
            break;
        case 'v':
            verbose = true;
            break;
        default:
            fprintf(stderr, "usage: simulate_members [--seed N] [--runs N] [--verbose]\n");
            exit(2);
        }
    }
    bool kept = run_all(seed, runs == 0 ? 1000 : runs, verbose);
    printf("%s\n", kept ? "every promise kept" : "FAILED");
    return kept ? 0 : 1;
}
