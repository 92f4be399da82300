#include "coupond/bench/episodes.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

void bench_episodes_init(struct bench_episodes *episodes, uint64_t limit_us)
{
    memset(episodes, 0, sizeof *episodes);
    episodes->limit_us = limit_us;
}

/* The slot for the next episode: a new one, or that of the mildest. */
static uint64_t place(const struct bench_episodes *episodes)
{
    uint64_t mildest = 0;
    if (episodes->count < BENCH_EPISODES_MAX)
        return episodes->count;
    for (uint64_t i = 1; i < episodes->count; i++)
        if (episodes->list[i].slowest_us < episodes->list[mildest].slowest_us)
            mildest = i;
    return mildest;
}

static struct bench_episode *begin(struct bench_episodes *episodes, int64_t due_us)
{
    episodes->last = place(episodes);
    if (episodes->last == episodes->count)
        episodes->count++;
    episodes->seen++;
    struct bench_episode *episode = &episodes->list[episodes->last];
    *episode = (struct bench_episode){.from_us = due_us};
    return episode;
}

void bench_episodes_add(struct bench_episodes *episodes, int64_t due_us, int64_t now_us)
{
    uint64_t waited_us = (uint64_t)(now_us - due_us);
    CHECK(now_us >= due_us);
    if (episodes->limit_us == 0 || waited_us <= episodes->limit_us)
        return;
    struct bench_episode *episode = &episodes->list[episodes->last];
    if (episodes->seen == 0 || due_us > episode->until_us)
        episode = begin(episodes, due_us);
    if (due_us < episode->from_us)
        episode->from_us = due_us;
    if (now_us > episode->until_us)
        episode->until_us = now_us;
    if (waited_us > episode->slowest_us)
        episode->slowest_us = waited_us;
    episode->answers++;
    episodes->answers++;
}

static int slower(const void *a, const void *b)
{
    const struct bench_episode *left = a, *right = b;
    return (right->slowest_us > left->slowest_us) - (right->slowest_us < left->slowest_us);
}

void bench_episodes_sort(struct bench_episodes *episodes)
{
    qsort(episodes->list, episodes->count, sizeof episodes->list[0], slower);
}

uint64_t bench_episodes_beyond_stalls(const struct bench_episodes *episodes)
{
    uint64_t most = 0;
    for (uint64_t i = 0; i < episodes->count; i++) {
        const struct bench_episode *episode = &episodes->list[i];
        if (episode->slowest_us > episode->stalled_us && episode->slowest_us - episode->stalled_us > most)
            most = episode->slowest_us - episode->stalled_us;
    }
    return most;
}
