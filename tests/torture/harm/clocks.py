"""Steps of the issuer's clock."""

import time

from faults import PROOF_SECONDS, Unproved, proof
from harm.common import hold, metric_or
from history import code_of
from prober import time_of
from traffic import later

NEAR = 2.5  # tolerance of a probe in seconds
HOUR, DAY = 3600, 86_400


def away(random):
    """A random step: seconds, minutes, hours or a day, ahead or behind."""
    return random.choice([-1, 1]) * random.choice([5, 90, HOUR, DAY]) * random.uniform(1, 1.5)


def probe_near(world, offset):
    """Checks that the issuer's time has this offset from the harness's."""
    proof(lambda: abs(world.prober.clock() - offset) < NEAR, f"the issuer's time is not {offset:+.1f} s off")


def suspect(member):
    return metric_or(member, "coupond_issuer_clock_suspect", -1)


def for_a_moment(world, random, member):
    """A step that is undone before the issuer has to accept it: the issuer's time continues unchanged."""
    stood, step = world.clock.offset, away(random)
    began = time.monotonic()
    world.step_clock(stood + step)
    try:
        proof(lambda: suspect(member) == 1, "the issuer does not detect the step")
        during = world.prober.clock()
        hold(random, (0, 1, 2))
    finally:
        world.step_clock(stood)
    lasted = time.monotonic() - began
    proof(lambda: suspect(member) == 0, "the clock is correct again, but not trusted")
    probe_near(world, stood)
    return f"{step:+.0f} s for {lasted:.1f} s; the issuer's time moved by {during - stood:+.1f} s meanwhile"


def a_day_ahead(world, random, member):
    """A step of a day for a few seconds: a coupon that ends in two hours is still issued, and one that starts in two
    hours is not."""
    stood = world.clock.offset
    ends, begins = windows(world)
    world.step_clock(stood + DAY)
    try:
        proof(lambda: suspect(member) == 1, "the issuer does not detect the step")
        meanwhile = [answer_to(world, coupon, "meanwhile", seconds=1) for coupon in (ends, begins)]
        hold(random, (0, 1))
    finally:
        world.step_clock(stood)
    proof(lambda: suspect(member) == 0, "the clock is correct again, but not trusted")
    after = [answer_to(world, coupon, "after") for coupon in (ends, begins)]
    if meanwhile != after or after != ["201", "not_started"]:
        raise Unproved(f"coupons that end and start in two hours: {meanwhile} during the step, {after} after it")
    return ("during and after the step, a coupon that ends in two hours was issued, and one that starts in two hours "
            "was `not_started`")


def windows(world):
    """Two new coupons: one that ends in two hours, and one that starts then."""
    name = f"window-{len(world.prober.ops)}"
    issuer_time = time_of(world.prober.create(f"{name}-now", quantity=10)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    far = later(issuer_time, 2 * HOUR)
    for side in ("ends", "starts"):
        world.prober.create(f"{name}-{side}", quantity=10, **{f"{side}_at": far})
    return f"{name}-ends", f"{name}-starts"


def answer_to(world, coupon, user, seconds=PROOF_SECONDS):
    op = world.prober.ask("post", coupon, user, seconds=seconds)
    return "nothing" if op is None else code_of(op) or str(op.status)


def for_good(world, random, member):
    """A permanent step: the issuer must accept it after its settling time."""
    stood, offset = world.clock.offset, random.choice([0, 0, away(random)])
    if abs(offset - stood) < 1:
        offset = stood + away(random)
    began = time.monotonic()
    world.step_clock(offset)
    proof(lambda: suspect(member) == 1, "the issuer does not detect the step")
    proof(lambda: suspect(member) == 0, "the issuer does not accept the step", seconds=PROOF_SECONDS + 10)
    lasted = time.monotonic() - began
    probe_near(world, offset)
    return f"{offset - stood:+.0f} s, accepted after {lasted:.1f} s"


def wrong_at_start(world, random, member):
    """The issuer starts with a wrong clock, and later again with a correct one: the wrong times remain in the journal,
    but do not affect windows afterwards."""
    stood, step = world.clock.offset, away(random)
    member.stop()
    world.step_clock(stood + step)
    world.restart(member)
    try:
        probe_near(world, stood + step)
        hold(random, (0, 1, 3))
    finally:
        if random.random() < 0.5:
            member.kill()
        else:
            member.stop()
        world.step_clock(stood)
        world.restart(member)
    probe_near(world, stood)
    ahead = metric_or(member, "coupond_issuer_clock_journal_ahead_seconds", 0)
    if step > 60 and ahead <= 0:
        raise Unproved("the journal's future times are not reported")
    return f"ran with a clock that was {step:+.0f} s off; the journal is {ahead:.0f} s ahead now"
