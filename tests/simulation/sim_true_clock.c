#include "sim_true_clock.h"

#define SAME_US   100000 /* smaller differences count as drift of the same time */
#define DRIFT     1000   /* one part in so many */
#define FOLLOW_US 400000 /* the maximum sum of small steps */

static bool within(int64_t difference_us, int64_t bound_us)
{
    return difference_us >= -bound_us && difference_us <= bound_us;
}

void sim_true_clock_begin(struct sim_true_clock *clock, int64_t wall_us, int64_t steady_us)
{
    *clock = (struct sim_true_clock){wall_us - steady_us, steady_us, wall_us - steady_us};
}

void sim_true_clock_update(struct sim_true_clock *clock, int64_t settle_us, int64_t wall_us, int64_t steady_us)
{
    int64_t offset = wall_us - steady_us;
    if (!within(offset - clock->stands_us, SAME_US + (steady_us - clock->since_us) / DRIFT)) {
        clock->stands_us = offset;
        clock->since_us = steady_us;
    }
    if (steady_us - clock->since_us >= settle_us)
        clock->believed_us = offset;
}

bool sim_true_clock_allows(const struct sim_true_clock *clock, int64_t now_us, int64_t steady_us)
{
    return within(now_us - steady_us - clock->believed_us, FOLLOW_US);
}
