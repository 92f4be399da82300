#include "gateway/link/clock_offset.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t middle(const struct clock_offset_bounds *bounds)
{
    return bounds->least_us + (bounds->most_us - bounds->least_us) / 2;
}

static void tighten(struct clock_offset_bounds *bounds, const struct clock_offset_bounds *by)
{
    bounds->least_us = most(bounds->least_us, by->least_us);
    bounds->most_us = least(bounds->most_us, by->most_us);
}

static void note(struct link_clock_offset *offset, const struct clock_offset_bounds *bounds)
{
    if (offset->recent.since_us == 0 || bounds->since_us - offset->recent.since_us >= CLOCK_OFFSET_KEPT_US) {
        offset->former = offset->recent;
        offset->recent = *bounds;
    } else {
        tighten(&offset->recent, bounds);
    }
}

/* The middle of all bounds; of this turn's own when they contradict each other, because a clock was changed. */
static int64_t estimate(struct link_clock_offset *offset, const struct clock_offset_bounds *own)
{
    struct clock_offset_bounds all = *own;
    note(offset, own);
    tighten(&all, &offset->recent);
    if (offset->former.since_us != 0 && own->since_us - offset->former.since_us < 2 * CLOCK_OFFSET_KEPT_US)
        tighten(&all, &offset->former);
    if (all.least_us <= all.most_us)
        return middle(&all);
    *offset = (struct link_clock_offset){.recent = *own};
    return middle(own);
}

void link_clock_offset_place(struct link_clock_offset *offset, struct link_turn *turn)
{
    turn->received_us = most(turn->received_us, turn->sent_us);
    const struct clock_offset_bounds own = {turn->received_us, turn->sent_us - turn->began_us,
                                            turn->received_us - turn->synced_us};
    int64_t ahead_us = estimate(offset, &own);
    int64_t *times[] = {&turn->began_us, &turn->decided_us, &turn->synced_us};
    int64_t from_us = turn->sent_us;
    for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
        *times[i] = least(most(*times[i] + ahead_us, from_us), turn->received_us);
        from_us = *times[i];
    }
}
