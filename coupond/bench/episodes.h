/*
 * Groups slow answers into episodes: answers whose waits overlap belong to one episode, because they probably have one
 * cause. When there are more episodes than fit, keeps those with the slowest answers. Pure; calls must not overlap, and
 * answers arrive in time order.
 */
#ifndef COUPOND_BENCH_EPISODES_H
#define COUPOND_BENCH_EPISODES_H

#include <stdint.h>

#define BENCH_EPISODES_MAX 4096u

/* Times of clock_mono_us(). */
struct bench_episode {
    int64_t from_us;  /* the earliest intended send time of its answers */
    int64_t until_us; /* its last answer */
    uint64_t slowest_us;
    uint64_t answers;
    uint64_t stalled_us; /* time in which the machine stood still; see bench/stalls.h */
};

struct bench_episodes {
    uint64_t limit_us; /* longer answers are slow; 0: none are */
    uint64_t answers;
    uint64_t seen; /* all episodes, including those that were not kept */
    uint64_t count;
    struct bench_episode list[BENCH_EPISODES_MAX];
    uint64_t last; /* index of the latest */
};

void bench_episodes_init(struct bench_episodes *episodes, uint64_t limit_us);
/* Adds an answer with the intended send time `due_us` that arrived at `now_us`; `now_us` never decreases. */
void bench_episodes_add(struct bench_episodes *episodes, int64_t due_us, int64_t now_us);
/* Sorts by the slowest answer, descending. Nothing may be added afterwards. */
void bench_episodes_sort(struct bench_episodes *episodes);
/*
 * The longest wait after subtracting from each episode's slowest answer the time in which the machine stood still, in
 * µs; 0 without episodes.
 */
uint64_t bench_episodes_beyond_stalls(const struct bench_episodes *episodes);

#endif
