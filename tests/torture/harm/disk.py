"""The issuer's disk is full, or the preloaded library makes its calls fail."""

import errno
import time

from cluster import wait_until
from faults import PROOF_SECONDS, Unproved, proof
from harm.common import hold, metric_or


def strike(world, member, *rule, status, seconds=PROOF_SECONDS, **more):
    """Activates a rule that ends the issuer, then restarts the issuer."""
    armed = world.preload.add(*rule, **more)
    deadline = time.monotonic() + seconds
    while armed.struck == 0 and time.monotonic() < deadline and not world.ending:
        time.sleep(0.01)
    armed.disarm()
    time.sleep(0.05)  # a call that is intercepted at this moment is counted too
    if armed.struck == 0:
        raise Unproved(f"{rule} intercepted no call")
    ended = member.wait_for_end()
    if ended != status:
        world.fail(f"the issuer ended with {ended} instead of {status} after {rule}:\n{member.log()[-2000:]}")
    world.restart(member)
    return f"{armed.struck} call intercepted, status {ended}"


def slowly(random):
    """Parameters of a rule that makes calls fail late, which reveals code that does not wait for them."""
    return {"skip": random.randrange(20), "delay_ms": random.choice([0, 30, 100])}


def sync_fails(world, random, member):
    return strike(world, member, "sync", "fail", ".segment", error=errno.EIO, status=1, **slowly(random))


def write_fails(world, random, member):
    return strike(world, member, "pwrite", "fail", ".segment", error=random.choice([errno.EIO, errno.ENOSPC]), status=1,
                  **slowly(random))


def write_torn(world, random, member):
    return strike(world, member, "pwrite", "torn", ".segment", status=-9, **slowly(random))


def killed_before_sync(world, random, member):
    return strike(world, member, "sync", "kill_before", ".segment", status=-9, **slowly(random))


def killed_after_sync(world, random, member):
    return strike(world, member, "sync", "kill_after", ".segment", status=-9, **slowly(random))


def killed_preparing(world, random, member):
    """The issuer is killed while it prepares its first new segment."""
    member.kill()
    rule = random.choice([("fallocate", "kill_before"), ("fallocate", "kill_after"), ("pwrite", "torn")])
    armed = world.preload.add(*rule, "next.prepared")
    member.start()
    status = member.wait_for_end()
    armed.disarm()
    world.restart(member)
    if (status, armed.struck) != (-9, 1):
        raise Unproved(f"status {status}, {armed.struck} calls intercepted")
    return "1 call intercepted, status -9"


def survive(world, member, *rule, **more):
    """Activates a rule that the issuer has to survive."""
    armed = world.preload.add(*rule, **more)
    try:
        proof(lambda: armed.struck > 0, f"{rule} intercepted no call")
        hold_until = time.monotonic() + 5
        while armed.struck < more["times"] and time.monotonic() < hold_until:
            time.sleep(0.02)
    finally:
        armed.disarm()
    world.wait_healthy(member)
    return f"{armed.struck} calls intercepted"


def short_writes(world, random, member):
    return survive(world, member, "pwrite", "short", ".segment", times=random.randrange(1, 60))


def slow_syncs(world, random, member):
    return survive(world, member, "sync", "delay", ".segment", times=random.randrange(1, 4),
                   delay_ms=random.choice([100, 600, 1500]))


def acked_unwritable(world, random, _):
    return survive(world, world.cluster.issuer, "pwrite", "fail", "/acked", error=errno.ENOSPC,
                   times=random.randrange(1, 30))


def snapshot_fails(world, random, _):
    """The issuer continues without a snapshot, and writes one as soon as it can."""
    operation, error = random.choice([("pwrite", errno.ENOSPC), ("sync", errno.EIO)])
    armed = world.preload.add(operation, "fail", "next.snapshot", error=error, times=random.randrange(1, 4))
    try:
        with world.traffic.hurry():
            proof(lambda: world.ending or armed.struck > 0, "no snapshot was due", seconds=90)
    finally:
        armed.disarm()
    if not armed.struck:
        raise Unproved("no snapshot was due")
    return f"{armed.struck} calls intercepted"


def killed_in_snapshot(world, random, member):
    """The issuer is killed while it writes, syncs or renames a snapshot."""
    rule = random.choice([("pwrite", "torn", "next.snapshot"), ("sync", "kill_before", "next.snapshot"),
                          ("rename", "kill_before", ".snapshot"), ("rename", "kill_after", ".snapshot")])
    with world.traffic.hurry():
        return strike(world, member, *rule, status=-9, seconds=40)


def disk_full(world, random, _):
    """The disk is full until the issuer refuses new issues."""
    member, known = world.cluster.issuer, world.overloaded()
    world.disk.fill()
    try:
        if world.disk.free_bytes() != 0:
            raise Unproved("the disk has free space")
        with world.reserved(member):  # the next process starts without a prepared segment
            member.stop()
            world.restart(member)
        with world.traffic.hurry():
            proof(lambda: world.ending or metric_or(member, "coupond_issuer_journal_full", 0) > 0,
                  "no segment was filled", seconds=180, pause=0.2)
            proof(lambda: world.overloaded() > known, "no request was refused")
        hold(random)
        refused = world.overloaded() - known
    finally:
        world.disk.free()
    wait_until(lambda: metric_or(member, "coupond_issuer_journal_full", 1) == 0, "the issuer accepts new issues again",
               seconds=120)
    return f"0 bytes free, {refused} requests answered `overloaded`"
