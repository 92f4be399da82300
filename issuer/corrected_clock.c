#include "issuer/corrected_clock.h"

#include "shared/error.h"
#include "shared/limits.h"

static const bool allowed[CORRECTED_STATES][CORRECTED_STATES] = {
    [CORRECTED_TRUSTED] = {[CORRECTED_AHEAD] = true, [CORRECTED_BEHIND] = true},
    [CORRECTED_AHEAD] = {[CORRECTED_TRUSTED] = true, [CORRECTED_BEHIND] = true, [CORRECTED_AHEAD] = true},
    [CORRECTED_BEHIND] = {[CORRECTED_TRUSTED] = true, [CORRECTED_AHEAD] = true, [CORRECTED_BEHIND] = true},
};

static void enter(struct corrected_clock *clock, enum corrected_state state)
{
    CHECK(allowed[clock->state][state]);
    clock->state = state;
}

static bool usable(int64_t wall_us)
{
    return wall_us > 0 && wall_us <= ISSUER_TIME_US_MAX;
}

static bool within(int64_t difference_us, int64_t bound_us)
{
    return difference_us >= -bound_us && difference_us <= bound_us;
}

static void suspect(struct corrected_clock *clock, int64_t offset_us, int64_t steady_us)
{
    clock->suspect_us = offset_us;
    clock->since_us = steady_us;
    enter(clock, offset_us >= clock->offset_us ? CORRECTED_AHEAD : CORRECTED_BEHIND);
}

void corrected_clock_init(struct corrected_clock *clock, int64_t settle_us, int64_t otherwise_us, int64_t wall_us,
                          int64_t steady_us)
{
    *clock = (struct corrected_clock){
        .state = CORRECTED_TRUSTED,
        .settle_us = settle_us,
        .offset_us = (usable(wall_us) ? wall_us : otherwise_us) - steady_us,
        .allowance_us = CORRECTED_STEP_US_MAX,
        .steady_us = steady_us,
    };
    if (!usable(wall_us))
        suspect(clock, wall_us - steady_us, steady_us);
}

/* The allowance for drift grows with the time between readings; the allowance for small steps does not. */
static void pass_time(struct corrected_clock *clock, int64_t steady_us)
{
    int64_t elapsed = steady_us > clock->steady_us ? steady_us - clock->steady_us : 0;
    int64_t drift = elapsed / CORRECTED_SLEW;
    int64_t bound = drift > CORRECTED_STEP_US_MAX ? drift : CORRECTED_STEP_US_MAX;
    clock->allowance_us += drift;
    clock->allowance_us = clock->allowance_us > bound ? bound : clock->allowance_us;
    clock->steady_us = steady_us;
}

static enum corrected_event on_agreement(struct corrected_clock *clock, int64_t offset_us)
{
    int64_t difference = offset_us - clock->offset_us;
    enum corrected_event event = clock->state == CORRECTED_TRUSTED ? CORRECTED_NOTHING : CORRECTED_RETURNED;
    clock->allowance_us -= difference < 0 ? -difference : difference;
    clock->offset_us = offset_us;
    if (event != CORRECTED_NOTHING)
        enter(clock, CORRECTED_TRUSTED);
    return event;
}

static bool has_settled(const struct corrected_clock *clock, int64_t wall_us, int64_t steady_us)
{
    return usable(wall_us) && steady_us - clock->since_us >= clock->settle_us;
}

static enum corrected_event on_contradiction(struct corrected_clock *clock, int64_t wall_us, int64_t steady_us)
{
    int64_t offset = wall_us - steady_us;
    if (clock->state == CORRECTED_TRUSTED) {
        suspect(clock, offset, steady_us);
        return CORRECTED_STEPPED;
    }
    int64_t drift = (steady_us - clock->since_us) / CORRECTED_SLEW;
    if (!within(offset - clock->suspect_us, CORRECTED_STEP_US_MAX + drift)) {
        suspect(clock, offset, steady_us);
        return CORRECTED_NOTHING;
    }
    if (!has_settled(clock, wall_us, steady_us))
        return CORRECTED_NOTHING;
    clock->offset_us = offset;
    clock->allowance_us = CORRECTED_STEP_US_MAX;
    enter(clock, CORRECTED_TRUSTED);
    return CORRECTED_BELIEVED;
}

enum corrected_event corrected_clock_judge(struct corrected_clock *clock, int64_t wall_us, int64_t steady_us)
{
    pass_time(clock, steady_us);
    int64_t offset = wall_us - steady_us;
    int64_t slack = clock->state == CORRECTED_TRUSTED ? clock->allowance_us : CORRECTED_STEP_US_MAX;
    if (usable(wall_us) && within(offset - clock->offset_us, slack))
        return on_agreement(clock, offset);
    return on_contradiction(clock, wall_us, steady_us);
}

int64_t corrected_clock_at(const struct corrected_clock *clock, int64_t steady_us)
{
    int64_t now_us = steady_us + clock->offset_us;
    return now_us < 0 ? 0 : now_us > ISSUER_TIME_US_MAX ? ISSUER_TIME_US_MAX : now_us;
}

int64_t corrected_clock_error(const struct corrected_clock *clock)
{
    return clock->state == CORRECTED_TRUSTED ? 0 : clock->suspect_us - clock->offset_us;
}
