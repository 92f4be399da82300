"""Faults of the database."""

import faults
from cluster import wait_until
from faults import proof
from harm.common import hold, metric_or
from harm.processes import freeze


def answers(world):
    wait_until(world.database.answers, "the database answers", seconds=60)


def kill(world, random, _):
    process = world.database.process
    world.database.kill()
    hold(random, (0, 1, 4))
    world.database.start()
    return f"wait() returned {process.returncode}"


def restart(world, random, _):
    process = world.database.process
    world.database.stop()
    hold(random, (0, 1, 4))
    world.database.start()
    return f"exited with status {process.returncode}"


def stop(world, random, _):
    freeze(world.database.process, random)
    answers(world)
    return "/proc showed state T, at the start and at the end"


def errors(world):
    """The number of store errors that the persisters have counted since their last start."""
    return sum(metric_or(member, "coupond_persister_store_errors_total", 0) for member in world.cluster.persisters)


def refused(world, known):
    return proof(lambda: errors(world) > known and errors(world), "no persister counted an error")


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
    """Sometimes longer than the lock wait timeout, so that the persister's transaction is refused."""
    with faults.rows_locked(world.database, random.choice(["coupon", "journal"])) as seen:
        hold(random)
    return seen[0]


def deadlock(world, _random, _):
    known = errors(world)
    count = faults.deadlock(world.database)
    refused(world, known)
    return f"the server counted {count} deadlocks"


def connections_killed(world, _random, _):
    return f"{faults.kill_connections(world.database)} connections closed"


def commit_killed(world, _random, _):
    return f"killed in COMMIT: {faults.kill_in_commit(world.database)}"


def commit_unheard(world, _random, _):
    """The commit succeeds but its answer never arrives: the link is cut before the answer is sent, and restored when
    the persister has timed out."""
    host, known = world.hosts["database"], errors(world)
    try:
        with faults.commits_held(world.database) as (_, waiting):
            host.cut()
        refused(world, known)
    finally:
        host.mend()
    wait_until(host.has_carrier, "the link is up again", seconds=20)
    return f"{len(waiting)} answers to COMMIT sent into a link without carrier"
