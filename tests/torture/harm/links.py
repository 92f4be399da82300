"""Faults of hosts and their links."""

import contextlib

import hosted
from cluster import wait_until
from faults import Unproved, proof
from harm.common import Rise, hold
from network import SILENT

HOLDS = (1.5, 3.0, 6.5)  # seconds; a gateway gives up a request after one
ATTEMPTS = 3  # while the issuer is unreachable, only handshakes pass


def reach(world, host):
    """The result of a connection attempt between this host and another."""
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
    return "no carrier, and a connection attempt got no answer"


def cut_database(world, random, _):
    cut_off(world, random, world.hosts["database"])
    return "no carrier, and a connection attempt got no answer"


def hold_back(world, random, member):
    """Delays the bytes to the issuer, sometimes in both directions: they arrive after their receiver has given up."""
    way, seconds = random.choice(["to", "to", "both"]), random.choice(HOLDS)
    held, lasted = world.relays[member.name].hold(way, seconds)
    if held == 0:
        raise Unproved("there were no bytes to delay")
    where = "in both directions" if way == "both" else "to the issuer"
    return f"{held} bytes {where} delayed, the first by {lasted:.1f} s"


def hold_back_requests(world, random, member):
    """Requests of a gateway arrive after it has given up on them: the issuer must refuse them as late."""
    late = Rise(lambda: late_requests(world.cluster.issuer))
    for _ in range(ATTEMPTS):
        shown = hold_back(world, random, member)
        with contextlib.suppress(Unproved):
            refused = proof(late.so_far, "no request was late", seconds=5)
            world.wait_healthy(member)
            return f"{shown}; the issuer refused {refused:.0f} requests as late"
    raise Unproved(f"{shown}, but no request was late")


def late_requests(issuer):
    try:
        return sum(value
                   for name, value in issuer.metrics().items()
                   if name.startswith("coupond_issuer_verdicts_total{") and '"late"' in name)
    except (AssertionError, OSError):
        return None


def hold_back_acknowledgements(world, random, member):
    shown = hold_back(world, random, member)
    world.wait_healthy(member)
    return shown


def lose_machine(world, random, member):
    process = member.process
    hosted.lose_machine(member, lambda: hold(random, (0, 0.5, 3)))
    world.restart(member)
    return f"wait() returned {process.returncode}, after its network had been removed"
