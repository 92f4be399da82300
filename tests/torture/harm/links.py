"""Machines and their links."""

import hosted
from cluster import wait_until
from faults import Unproved, proof
from harm.common import hold
from network import SILENT


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
