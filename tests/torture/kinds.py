"""The kinds of faults, one row each: its targets, and the function of harm/ that injects it."""

import collections

from harm import clocks, database as databases, disk, links, processes, strangers as crowd

# takes: a function of world and random that returns what the fault reserves, its target first; harm: the function that
# injects it; needs: the parts of the world that it requires.
Kind = collections.namedtuple("Kind", "name takes harm needs weight", defaults=((), 1.0))


# targets


def issuer(world, _):
    return [world.cluster.issuer]


def gateway(world, random):
    return [random.choice(world.cluster.gateways)]


def relayed_gateway(world, _):
    """The gateway whose bytes can be delayed."""
    return [world.cluster.gateways[-1]]


def relayed_persister(world, _):
    return [world.cluster.persisters[-1]]


def persister(world, random):
    return [random.choice(world.cluster.persisters)]


def database(_world, _random):
    return ["database"]


def room(_world, _random):
    return ["room"]


def acks(_world, _random):
    return ["acks"]


def strangers(_world, _random):
    return ["strangers"]


def snapshots(_world, _random):
    return ["snapshots"]


KINDS = [
    Kind("kill -9 of the issuer", issuer, processes.kill),
    Kind("kill -9 of a gateway", gateway, processes.kill),
    Kind("kill -9 of a persister", persister, processes.kill),
    Kind("SIGTERM and restart of the issuer", issuer, processes.terminate),
    Kind("SIGTERM and restart of a gateway", gateway, processes.terminate),
    Kind("SIGTERM and restart of a persister", persister, processes.terminate),
    Kind("SIGSTOP of the issuer", issuer, processes.stop),
    Kind("SIGSTOP of a gateway", gateway, processes.stop),
    Kind("SIGSTOP of a persister", persister, processes.stop),
    Kind("sync of the journal fails (EIO)", issuer, disk.sync_fails),
    Kind("write of the journal fails (EIO, ENOSPC)", issuer, disk.write_fails),
    Kind("torn write of the journal, then death", issuer, disk.write_torn),
    Kind("death between write and sync", issuer, disk.killed_before_sync),
    Kind("death between sync and answer", issuer, disk.killed_after_sync),
    Kind("death while a segment is prepared", issuer, disk.killed_preparing),
    Kind("death while a snapshot is written", issuer, disk.killed_in_snapshot),
    Kind("a snapshot cannot be written", snapshots, disk.snapshot_fails),
    Kind("short writes of the journal", issuer, disk.short_writes),
    Kind("slow syncs of the journal", issuer, disk.slow_syncs),
    Kind("the file of acknowledgements cannot be written", acks, disk.acked_unwritable),
    Kind("the journal's filesystem is full", room, disk.disk_full, ("disk",)),
    Kind("the issuer's clock is wrong for a moment", issuer, clocks.for_a_moment, ("clock",), 3.0),
    Kind("the issuer's clock is a day ahead for a few seconds", issuer, clocks.a_day_ahead, ("clock",), 2.0),
    Kind("the issuer's clock is set permanently", issuer, clocks.for_good, ("clock",), 2.0),
    Kind("the issuer is started with a wrong clock", issuer, clocks.wrong_at_start, ("clock",), 2.0),
    Kind("link of the issuer cut", issuer, links.cut, ("network",)),
    Kind("link of a gateway cut", gateway, links.cut, ("network",)),
    Kind("link of a persister cut", persister, links.cut, ("network",)),
    Kind("link of the database cut", database, links.cut_database, ("network", "database")),
    Kind("bytes of a gateway delayed", relayed_gateway, links.hold_back_requests, (), 3.0),
    Kind("bytes of a persister delayed", relayed_persister, links.hold_back_acknowledgements, (), 2.0),
    Kind("power loss of the issuer's machine", issuer, links.lose_machine, ("network",)),
    Kind("power loss of a gateway's machine", gateway, links.lose_machine, ("network",)),
    Kind("power loss of a persister's machine", persister, links.lose_machine, ("network",)),
    Kind("kill -9 of the database", database, databases.kill, ("database",)),
    Kind("restart of the database", database, databases.restart, ("database",)),
    Kind("SIGSTOP of the database", database, databases.stop, ("database",)),
    Kind("the database is read-only", database, databases.read_only, ("database",)),
    Kind("tables locked", database, databases.tables_locked, ("database",)),
    Kind("rows locked", database, databases.rows_locked, ("database",)),
    Kind("deadlock in the database", database, databases.deadlock, ("database",)),
    Kind("the database's connections killed", database, databases.connections_killed, ("database",)),
    Kind("connection killed in COMMIT", database, databases.commit_killed, ("database",)),
    Kind("COMMIT succeeds, its answer is lost", database, databases.commit_unheard, ("network", "database")),
    Kind("peers without the secret send false messages", strangers, crowd.hurry, (), 2.0),
]
