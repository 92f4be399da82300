"""--grow: issues one coupon to many millions of users at half of coupond's capacity, and finds the slowest answers."""

import functools
import sys

from . import measuring
from .clients import run_growth
from .machine import core_wait_seconds
from .peers import Coupond, Nginx

SHARE = 50  # percent of the measured capacity
LIMIT_US = 50_000  # the slowest acceptable answer
CONTROL_SECONDS = 60  # duration for nginx at the same rate, the lower bound of the same client on this machine
SYNC_BOUNDS = ("0.01", "0.025", "0.05")  # bucket bounds of /metrics, in seconds
SYNCS = "coupond_issuer_journal_sync_seconds"


def capacity(options, directory, connections, store):
    """Requests per second that wrk achieves with a fresh coupond, the median of the rounds."""
    rates = []
    for number in range(options.rounds):
        name, result = measuring.turn_or_again(functools.partial(Coupond, directory, "always", store), connections,
                                               options)
        rates.append(result["rate"])
        print(f"round {number + 1} of {options.rounds}  {connections:>5} connections  "
              f"{name:<32}{result['rate']:>10,.0f} /s",
              file=sys.stderr)
    return measuring.median(rates)


def slow_syncs(metrics):
    """The number of syncs of the journal, and of those that took longer than that many seconds."""
    found = [(name, value) for name, value in metrics if name.startswith(SYNCS)]
    count = sum(value for name, value in found if name.startswith(f"{SYNCS}_count"))
    longer = {bound: count - sum(value for name, value in found if f'le="{bound}"' in name) for bound in SYNC_BOUNDS}
    return {"count": count, "longer_than_s": longer}


def control(options, directory, connections, rate):
    """The same client at the same rate against nginx, for a minute at most."""
    with Nginx(directory) as peer:
        print(f"{peer.name}, {rate:,.0f} /s", file=sys.stderr)
        return run_growth(Coupond.binary, peer.url, connections, min(options.grow, CONTROL_SECONDS * rate), rate)


def core_waits(peer):
    return {name: core_wait_seconds(pid) for name, pid in peer.pids.items()}


def grow(options, directory, connections, store, rate):
    with Coupond(directory, "always", store) as peer:
        print(f"{peer.name}, {rate:,.0f} /s until {options.grow:,} users hold the coupon", file=sys.stderr)
        before = core_waits(peer)
        seen = run_growth(Coupond.binary, peer.url, connections, options.grow, rate)
        waited = {name: measuring.difference(after, before[name]) for name, after in core_waits(peer).items()}
        measuring.settle(peer)
        return {**seen, "peer": peer.name, "core_wait_s": waited, "syncs": slow_syncs(peer.metrics()),
                "holders": peer.issued(), "stored": peer.stored()}


def one_store(options, directory, connections, store):
    most = capacity(options, directory, connections, store)
    rate = max(1, round(most * SHARE / 100))
    seen = grow(options, directory, connections, store, rate)
    return {"users": options.grow, "connections": connections, "store": store, "capacity": most, "share": SHARE, **seen,
            "limit_us": LIMIT_US, "within": is_within(seen, options.grow),
            "control": control(options, directory, connections, rate)}


def is_within(seen, users):
    """Whether every user was issued the coupon and no answer took too long."""
    return seen["holders"] == users == seen["issued"] and seen["max_us"] <= LIMIT_US


def run(options, directory):
    """A result for each store, at the largest number of connections."""
    return [one_store(options, directory, max(options.connections), store) for store in options.stores]


def print_row(name, seen):
    slow = seen["slow"]
    print(f"{name:<34}{seen['sent']:>12,}{seen['answered_rate']:>13,.0f}{seen['p50_us'] / 1000:>9.2f}"
          f"{seen['p99_us'] / 1000:>9.2f}{seen['p99.9_us'] / 1000:>10.2f}{seen['max_us'] / 1000:>12.2f}"
          f"{slow['answers']:>12,}{slow['episodes']:>7,}{slow['beyond_stalls_us'] / 1000:>16.2f}")


def print_stalls(name, stalls):
    times = stalls["times_us"]
    taken = "" if stalls["realtime"] else ", or was used by other programs"
    print(f"meanwhile, {name}: of {stalls['cores']} cores, one stalled for 1 ms or longer{taken} "
          f"{stalls['count']:,} times, {stalls['sum_us'] / 1e6:.2f} s in total: p50 {times['p50'] / 1000:.2f} ms, p99 "
          f"{times['p99'] / 1000:.2f} ms, longest {times['max'] / 1000:.2f} ms")


def print_slowest(seen):
    for one in seen["slow"]["slowest"]:
        print(f"  at {one['at_s']:>8.2f} s, for {one['lasted_us'] / 1000:>8.2f} ms: {one['answers']:>7,} slow answers, "
              f"the slowest {one['slowest_us'] / 1000:>8.2f} ms; a core stalled for "
              f"{one['stalled_us'] / 1000:>7.2f} ms of it")


def print_one(one):
    limit_ms = one["slow"]["limit_us"] / 1000
    print(f"a coupon issued to {one['users']:,} users at {one['share']} % of {one['capacity']:,.0f} /s, "
          f"{one['connections']} connections, {one['seconds']:,.0f} s; latency from the intended send time\n")
    print(f"{'':<34}{'requests':>12}{'answered /s':>13}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}{'slowest ms':>12}"
          f"{f'> {limit_ms:g} ms':>12}{'times':>7}{'without stalls':>16}")
    print_row(one["peer"], one)
    print_row("nginx, at the same rate", one["control"])
    print("\nwithout stalls: the longest wait in ms minus the time during which a core stalled in the same slow "
          "answers")
    print_stalls(one["peer"], one["stalls"])
    print_stalls("nginx", one["control"]["stalls"])
    waited = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in one["core_wait_s"].items() if seconds is not None)
    print(f"runnable without a core, all threads of a process together: {waited or 'unknown'}; the run took "
          f"{one['seconds']:,.0f} s")
    longer = ", ".join(f"{count:,.0f} above {float(bound) * 1000:g} ms"
                       for bound, count in one["syncs"]["longer_than_s"].items())
    print(f"syncs of the journal: {one['syncs']['count']:,.0f}, {longer}")
    print_slowest(one)
    verdict = "within" if one["within"] else "beyond"
    print(f"holders: {one['holders']:,}; target: each of {one['users']:,} answered within {one['limit_us'] / 1000:g} "
          f"ms: {verdict}\n")


def print_table(found):
    for one in found:
        print_one(one)
