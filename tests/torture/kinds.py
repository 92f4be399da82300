"""The kinds of faults, a row each at the end: what it takes in hand, and a function that does the harm, waits until it is shown to have happened,
and makes good again. A function returns what showed it, or raises Unproved.
"""

import collections
import errno
import time

import faults
import hosted
from cluster import metric_sum, wait_until
from faults import PROOF_SECONDS, Unproved, proof, stopped
from network import SILENT

# name; what it takes in hand (a function of world and random, the first is the target); the harm; what the world must not lack
Kind = collections.namedtuple("Kind", "name takes harm needs weight", defaults=((), 1.0))

PAUSES = (0.5, 2.0, 6.5)  # seconds; the longest is longer than every time-out between the roles


def hold(random, pauses=PAUSES):
    time.sleep(random.choice(pauses))  # how long a fault lasts is the fault itself, not a wait for something


# what they take in hand


def issuer(world, _):
    return [world.cluster.issuer]


def gateway(world, random):
    return [random.choice(world.cluster.gateways)]


def persister(world, random):
    return [random.choice(world.cluster.persisters)]


def database(_world, _random):
    return ["database"]


def room(_world, _random):
    return ["room"]


def acks(_world, _random):
    return ["acks"]


def snapshots(_world, _random):
    return ["snapshots"]


# processes


def kill(world, random, member):
    process = member.process
    member.kill()
    time.sleep(random.choice([0, 0, 0.3, 1.5]))
    world.restart(member)
    return f"wait() told {process.returncode}"


def terminate(world, random, member):
    process = member.process
    member.stop()
    time.sleep(random.choice([0, 0, 0.5]))
    world.restart(member)
    return f"it said goodbye with status {process.returncode}"


def freeze(process, random):
    with stopped(process):
        hold(random)


def stop(world, random, member):
    freeze(member.process, random)
    world.wait_healthy(member)
    return "/proc told T, first and last"


# the issuer's disk, by the preloaded library


def strike(world, member, *rule, status, seconds=PROOF_SECONDS, **more):
    """A rule that ends the issuer; then it starts again."""
    armed = world.preload.add(*rule, **more)
    deadline = time.monotonic() + seconds
    while armed.struck == 0 and time.monotonic() < deadline and not world.ending:
        time.sleep(0.01)
    armed.disarm()
    time.sleep(0.05)  # a call that was met in this very moment is counted too
    if armed.struck == 0:
        raise Unproved(f"{rule} met no call")
    ended = member.wait_for_end()
    if ended != status:
        world.fail(f"the issuer ended with {ended} instead of {status} after {rule}:\n{member.log()[-2000:]}")
    world.restart(member)
    return f"{armed.struck} call struck, status {ended}"


def slowly(random):
    """Calls that fail late show who did not wait for them."""
    return {"skip": random.randrange(20), "delay_ms": random.choice([0, 30, 100])}


def sync_fails(world, random, member):
    return strike(world, member, "sync", "fail", ".segment", error=errno.EIO, status=1, **slowly(random))


def write_fails(world, random, member):
    return strike(world, member, "pwrite", "fail", ".segment", error=random.choice([errno.EIO, errno.ENOSPC]), status=1, **slowly(random))


def write_torn(world, random, member):
    return strike(world, member, "pwrite", "torn", ".segment", status=-9, **slowly(random))


def killed_before_sync(world, random, member):
    return strike(world, member, "sync", "kill_before", ".segment", status=-9, **slowly(random))


def killed_after_sync(world, random, member):
    return strike(world, member, "sync", "kill_after", ".segment", status=-9, **slowly(random))


def killed_preparing(world, random, member):
    """A life that ends while it makes its first new segment."""
    member.kill()
    rule = random.choice([("fallocate", "kill_before"), ("fallocate", "kill_after"), ("pwrite", "torn")])
    armed = world.preload.add(*rule, "next.prepared")
    member.start()
    status = member.wait_for_end()
    armed.disarm()
    world.restart(member)
    if (status, armed.struck) != (-9, 1):
        raise Unproved(f"status {status}, {armed.struck} calls struck")
    return "1 call struck, status -9"


def bear(world, member, *rule, **more):
    """A rule that the issuer has to live with."""
    armed = world.preload.add(*rule, **more)
    try:
        proof(lambda: armed.struck > 0, f"{rule} met no call")
        hold_until = time.monotonic() + 5
        while armed.struck < more["times"] and time.monotonic() < hold_until:
            time.sleep(0.02)
    finally:
        armed.disarm()
    world.wait_healthy(member)
    return f"{armed.struck} calls struck"


def short_writes(world, random, member):
    return bear(world, member, "pwrite", "short", ".segment", times=random.randrange(1, 60))


def slow_syncs(world, random, member):
    return bear(world, member, "sync", "delay", ".segment", times=random.randrange(1, 4), delay_ms=random.choice([100, 600, 1500]))


def acked_unwritable(world, random, _):
    return bear(world, world.cluster.issuer, "pwrite", "fail", "/acked", error=errno.ENOSPC, times=random.randrange(1, 30))


def snapshot_fails(world, random, _):
    """The issuer goes on without a snapshot, and makes one when it can."""
    operation, error = random.choice([("pwrite", errno.ENOSPC), ("sync", errno.EIO)])
    armed = world.preload.add(operation, "fail", "next.snapshot", error=error, times=random.randrange(1, 4))
    try:
        with world.traffic.hurry():
            proof(lambda: world.ending or armed.struck > 0, "no snapshot was due", seconds=90)
    finally:
        armed.disarm()
    if not armed.struck:
        raise Unproved("no snapshot was due")
    return f"{armed.struck} calls struck"


def killed_in_snapshot(world, random, member):
    """A life that ends while it writes, syncs or names a snapshot."""
    rule = random.choice([("pwrite", "torn", "next.snapshot"), ("sync", "kill_before", "next.snapshot"),
                          ("rename", "kill_before", ".snapshot"), ("rename", "kill_after", ".snapshot")])
    with world.traffic.hurry():
        return strike(world, member, *rule, status=-9, seconds=40)


def disk_full(world, random, _):
    """A full filesystem, held until new issues are refused for it."""
    member, known = world.cluster.issuer, world.overloaded()
    world.disk.fill()
    try:
        if world.disk.free_bytes() != 0:
            raise Unproved("there is room left")
        with world.in_hand(member):  # the next life begins without a prepared segment
            member.stop()
            world.restart(member)
        with world.traffic.hurry():
            proof(lambda: world.ending or metric_or(member, "coupond_issuer_journal_full", 0) > 0,
                  "no segment came to its end", seconds=180, pause=0.2)
            proof(lambda: world.overloaded() > known, "nothing was refused")
        hold(random)
        refused = world.overloaded() - known
    finally:
        world.disk.free()
    wait_until(lambda: metric_or(member, "coupond_issuer_journal_full", 1) == 0, "the issuer takes new issues again", seconds=120)
    return f"0 bytes free, {refused} requests heard overloaded"


def metric_or(member, name, other):
    """A metric's sum, or `other` while the member cannot be asked."""
    try:
        return metric_sum(member.metrics(), name)
    except (AssertionError, OSError):
        return other


# the issuer's clock

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


def clock_for_a_moment(world, random, member):
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


def clock_for_good(world, random, member):
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


def clock_wrong_at_start(world, random, member):
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


# machines and links


def reach(world, host):
    """What a connection meets between this host and another."""
    other = world.hosts["database" if host.name != "database" else "issuer"]
    return host.reach(other, 3306 if other.name == "database" else 7100)


def cut_off(world, random, host):
    host.cut()
    try:
        if host.has_carrier():
            raise Unproved("the link has a carrier")
        proof(lambda: reach(world, host) == SILENT, "packets still pass")
        hold(random)
    finally:
        host.mend()
    wait_until(host.has_carrier, "the link is up again", seconds=20)


def cut(world, random, member):
    cut_off(world, random, member.host)
    world.wait_healthy(member)
    return "no carrier, and a connection met silence"


def cut_database(world, random, _):
    cut_off(world, random, world.hosts["database"])
    return "no carrier, and a connection met silence"


def lose_machine(world, random, member):
    process = member.process
    hosted.lose_machine(member, lambda: hold(random, (0, 0.5, 3)))
    world.restart(member)
    return f"wait() told {process.returncode}, and its network was gone before"


# the database


def database_answers(world):
    wait_until(world.database.answers, "the database answers", seconds=60)


def database_kill(world, random, _):
    process = world.database.process
    world.database.kill()
    hold(random, (0, 1, 4))
    world.database.start()
    return f"wait() told {process.returncode}"


def database_restart(world, random, _):
    process = world.database.process
    world.database.stop()
    hold(random, (0, 1, 4))
    world.database.start()
    return f"it said goodbye with status {process.returncode}"


def database_stop(world, random, _):
    freeze(world.database.process, random)
    database_answers(world)
    return "/proc told T, first and last"


def errors(world):
    """Faults of the store that the persisters have counted, in the lives that they have now."""
    return sum(metric_or(member, "coupond_persister_store_errors_total", 0) for member in world.cluster.persisters)


def refused(world, known):
    return proof(lambda: errors(world) > known and errors(world), "no persister met it")


def read_only(world, random, _):
    known = errors(world)
    with faults.read_only(world.database):
        count = refused(world, known) - known
        hold(random, (0.5, 3))
    return f"the persisters counted {count:.0f} refused transactions"


def tables_locked(world, random, _):
    with faults.tables_locked(world.database, random.choice(["coupon", "coupon_issue", "journal"])) as seen:
        hold(random)
    return f"a persister: {seen[0]}"


def rows_locked(world, random, _):
    """Longer than the lock wait at times: the persister's transaction is refused then."""
    with faults.rows_locked(world.database, random.choice(["coupon", "journal"])) as seen:
        hold(random)
    return seen[0]


def deadlock(world, _random, _):
    known = errors(world)
    count = faults.deadlock(world.database)
    refused(world, known)
    return f"the server counted {count} deadlocks"


def connections_killed(world, _random, _):
    return f"{faults.kill_connections(world.database)} connections are gone"


def commit_killed(world, _random, _):
    return f"killed in COMMIT: {faults.kill_in_commit(world.database)}"


def commit_unheard(world, _random, _):
    """The commit succeeds, but its answer never arrives: the link is cut before, and mended when the persister has given up."""
    host, known = world.hosts["database"], errors(world)
    try:
        with faults.commits_held(world.database) as (_, waiting):
            host.cut()
        refused(world, known)
    finally:
        host.mend()
    wait_until(host.has_carrier, "the link is up again", seconds=20)
    return f"{len(waiting)} answers to COMMIT went into a link without carrier"


KINDS = [
    Kind("kill -9 of the issuer", issuer, kill),
    Kind("kill -9 of a gateway", gateway, kill),
    Kind("kill -9 of a persister", persister, kill),
    Kind("SIGTERM and restart of the issuer", issuer, terminate),
    Kind("SIGTERM and restart of a gateway", gateway, terminate),
    Kind("SIGTERM and restart of a persister", persister, terminate),
    Kind("SIGSTOP of the issuer", issuer, stop),
    Kind("SIGSTOP of a gateway", gateway, stop),
    Kind("SIGSTOP of a persister", persister, stop),
    Kind("sync of the journal fails (EIO)", issuer, sync_fails),
    Kind("write of the journal fails (EIO, ENOSPC)", issuer, write_fails),
    Kind("torn write of the journal, and death", issuer, write_torn),
    Kind("death between write and sync", issuer, killed_before_sync),
    Kind("death between sync and answer", issuer, killed_after_sync),
    Kind("death while a segment is prepared", issuer, killed_preparing),
    Kind("death while a snapshot is written", issuer, killed_in_snapshot),
    Kind("a snapshot cannot be written", snapshots, snapshot_fails),
    Kind("short writes of the journal", issuer, short_writes),
    Kind("slow syncs of the journal", issuer, slow_syncs),
    Kind("the file of acknowledgements cannot be written", acks, acked_unwritable),
    Kind("the journal's filesystem is full", room, disk_full, ("disk",)),
    Kind("the issuer's clock is wrong for a moment", issuer, clock_for_a_moment, ("clock",), 3.0),
    Kind("the issuer's clock is set, for good", issuer, clock_for_good, ("clock",), 2.0),
    Kind("a life of the issuer with a wrong clock", issuer, clock_wrong_at_start, ("clock",), 2.0),
    Kind("link of the issuer cut", issuer, cut, ("network",)),
    Kind("link of a gateway cut", gateway, cut, ("network",)),
    Kind("link of a persister cut", persister, cut, ("network",)),
    Kind("link of the database cut", database, cut_database, ("network", "database")),
    Kind("power loss of the issuer's machine", issuer, lose_machine, ("network",)),
    Kind("power loss of a gateway's machine", gateway, lose_machine, ("network",)),
    Kind("power loss of a persister's machine", persister, lose_machine, ("network",)),
    Kind("kill -9 of the database", database, database_kill, ("database",)),
    Kind("restart of the database", database, database_restart, ("database",)),
    Kind("SIGSTOP of the database", database, database_stop, ("database",)),
    Kind("the database is read-only", database, read_only, ("database",)),
    Kind("tables locked", database, tables_locked, ("database",)),
    Kind("rows locked", database, rows_locked, ("database",)),
    Kind("deadlock in the database", database, deadlock, ("database",)),
    Kind("the database's connections killed", database, connections_killed, ("database",)),
    Kind("connection killed in COMMIT", database, commit_killed, ("database",)),
    Kind("COMMIT done, its answer lost", database, commit_unheard, ("network", "database")),
]
