"""The issuer's clock is stepped."""

import time

from faults import PROOF_SECONDS, Unproved, proof
from harm.common import hold, metric_or

NEAR = 2.5  # seconds by which a probe may be off
HOUR, DAY = 3600, 86_400


def away(random):
    """How far a clock is set: seconds, minutes, hours, a day; ahead or behind."""
    return random.choice([-1, 1]) * random.choice([5, 90, HOUR, DAY]) * random.uniform(1, 1.5)


def probe_near(world, offset):
    """The issuer goes by a time this far from ours."""
    proof(lambda: abs(world.clock_probe() - offset) < NEAR, f"the issuer's time is not {offset:+.1f} s from ours")


def suspect(member):
    return metric_or(member, "coupond_issuer_clock_suspect", -1)


def for_a_moment(world, random, member):
    """A step that is taken back before it has lasted: the issuer's time goes on as if nothing had been."""
    stood, step = world.clock.offset, away(random)
    began = time.monotonic()
    world.step_clock(stood + step)
    try:
        proof(lambda: suspect(member) == 1, "the issuer does not see the step")
        during = world.clock_probe()
        hold(random, (0, 1, 2))
    finally:
        world.step_clock(stood)
    lasted = time.monotonic() - began
    proof(lambda: suspect(member) == 0, "the clock is right again, but not trusted")
    probe_near(world, stood)
    return f"{step:+.0f} s for {lasted:.1f} s; meanwhile the issuer's time moved by {during - stood:+.1f} s"


def for_good(world, random, member):
    """A step that lasts: believed when it has."""
    stood, offset = world.clock.offset, random.choice([0, 0, away(random)])
    if abs(offset - stood) < 1:
        offset = stood + away(random)
    began = time.monotonic()
    world.step_clock(offset)
    proof(lambda: suspect(member) == 1, "the issuer does not see the step")
    proof(lambda: suspect(member) == 0, "the issuer does not believe the step", seconds=PROOF_SECONDS + 10)
    lasted = time.monotonic() - began
    probe_near(world, offset)
    return f"{offset - stood:+.0f} s, believed after {lasted:.1f} s"


def wrong_at_start(world, random, member):
    """A life with a wrong clock between two with a right one: its times are in the journal, and rule no window afterwards."""
    stood, step = world.clock.offset, away(random)
    member.stop()
    world.step_clock(stood + step)
    world.restart(member)
    try:
        probe_near(world, stood + step)
        hold(random, (0, 1, 3))
    finally:
        member.kill() if random.random() < 0.5 else member.stop()
        world.step_clock(stood)
        world.restart(member)
    probe_near(world, stood)
    ahead = metric_or(member, "coupond_issuer_clock_journal_ahead_seconds", 0)
    if step > 60 and ahead <= 0:
        raise Unproved("the journal's future times are not told")
    return f"a life with a clock {step:+.0f} s off; afterwards the journal is {ahead:.0f} s ahead"
