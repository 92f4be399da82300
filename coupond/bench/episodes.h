/*
 * Slow answers, gathered: those whose waits overlap are one episode, since what held one up held up the others. Pure;
 * the caller lets one thread in at a time, answers come in the order of their times. Keeps the episodes with the
 * slowest answers when there are more than fit.
 */
#ifndef COUPOND_BENCH_EPISODES_H
#define COUPOND_BENCH_EPISODES_H

#include <stdint.h>

#define BENCH_EPISODES_MAX 4096u

/* Times as clock_mono_us() has them. */
struct bench_episode {
    int64_t from_us;  /* when the earliest of its answers was due to be asked for */
    int64_t until_us; /* when the last of them came */
    uint64_t slowest_us;
    uint64_t answers;
    uint64_t stalled_us; /* of it, how long the machine stood still; see bench/stalls.h */
};

struct bench_episodes {
    uint64_t limit_us; /* answers that took longer are slow; 0: none are */
    uint64_t answers;
    uint64_t seen; /* episodes, those that were not kept included */
    uint64_t count;
    struct bench_episode list[BENCH_EPISODES_MAX];
    uint64_t last; /* where in the list the latest is */
};

void bench_episodes_init(struct bench_episodes *episodes, uint64_t limit_us);
/* An answer that was due at `due_us` and came at `now_us`, which is not before the last answer's. */
void bench_episodes_add(struct bench_episodes *episodes, int64_t due_us, int64_t now_us);
/* Puts the episodes with the slowest answers first. Nothing may be added afterwards. */
void bench_episodes_sort(struct bench_episodes *episodes);
/*
 * The longest wait that is left when from each episode's slowest answer the time is taken that the machine stood still
 * in that episode, in µs; 0 without episodes.
 */
uint64_t bench_episodes_beyond_stalls(const struct bench_episodes *episodes);

#endif
