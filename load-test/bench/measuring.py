"""Measures one peer, and runs the rounds of all peers."""

import functools
import statistics
import sys
import time

from .clients import BenchError, run_open_loop
from .machine import cpu_seconds, fdatasync_times, percentile
from .peers import LINKS, Coupond, Nginx, OtherBuild

SHARES = (25, 50, 75)  # percent of the measured capacity, for the open loop
SETTLE_SECONDS = 30


def quotient(after, before, numerator, denominator):
    below = after.get(denominator, 0) - before.get(denominator, 0)
    return (after.get(numerator, 0) - before.get(numerator, 0)) / below if below > 0 else None


def difference(after, before):
    return None if after is None or before is None else after - before


def check_issued(peer, issued, good, result):
    """Every answered issue must exist; further issues were in flight when the client stopped."""
    if issued is not None and issued < good:
        raise BenchError(f"{peer.name}: {good} answers contain issues, but only {issued} exist\n{peer.logs()}")
    if good == 0 or result["socket_errors"]:
        raise BenchError(
            f"{peer.name}: {good} answers were 2xx, {result['socket_errors']} socket errors\n{peer.logs()}"
        )


def settle(peer):
    """Waits until issuing stops, since remaining requests of one client would affect the next measurement."""
    deadline = time.monotonic() + SETTLE_SECONDS
    before, now = None, peer.issued()
    while now != before and time.monotonic() < deadline:
        time.sleep(0.1)
        before, now = now, peer.issued()


def measure(peer, connections, seconds):
    peer.load(connections, 1, "warm")
    settle(peer)
    counters, issued, stored = peer.counters(), peer.issued(), peer.stored()
    cpu = {name: cpu_seconds(pid) for name, pid in peer.pids.items()}
    result = peer.load(connections, seconds, "bench")
    cpu = {name: cpu_seconds(pid) - cpu[name] for name, pid in peer.pids.items()}
    stored, issued, after = difference(peer.stored(), stored), difference(peer.issued(), issued), peer.counters()
    good = result["requests"] - result["not_2xx"]
    if result["not_2xx"]:
        print("\n".join([f"{peer.name}: {result['not_2xx']:,} refusals", *peer.refusals(), peer.logs()]),
              file=sys.stderr)
    check_issued(peer, issued, good, result)
    return {
        "rate": good / result["duration_us"] * 1e6,
        "not_2xx": result["not_2xx"],
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "cpu_us": {name: value / result["requests"] * 1e6 for name, value in cpu.items()},
        "stored_rate": None if stored is None else stored / result["duration_us"] * 1e6,
        "requests_per_sync": quotient(after, counters, "decided", "syncs"),
        "requests_per_message": quotient(after, counters, "sent", "messages"),
        "requests_per_batch": quotient(after, counters, "taken", "batches"),
    }


def bytes_per_batch(peer, connections, rate):
    """The size of the journal's writes at this rate, found by running at it for a second."""
    before = peer.counters()
    run_open_loop(Coupond.binary, peer.url, connections, 1, rate)
    settle(peer)
    return round(quotient(peer.counters(), before, "bytes", "batches") or 1)


def limits(device_p50_us, device_p99_us):
    """The longest acceptable latencies at half of the capacity for an answer that waits for its batch and the
    device."""
    return {"limit_p50_us": 1.5 * device_p50_us + 1000, "limit_p99_us": 3 * device_p99_us + 1000}


def beside_device(peer, connections, seconds, rate):
    """The results of coupond bench, with the device's own sync times for such writes just before and after."""
    size = bytes_per_batch(peer, connections, rate)
    times = fdatasync_times(peer.directory, size=size)
    seen = run_open_loop(Coupond.binary, peer.url, connections, seconds, rate)
    settle(peer)
    times += fdatasync_times(peer.directory, size=size)
    return {**seen, "write_bytes": size, "device_p50_us": percentile(times, 50), "device_p99_us": percentile(times, 99)}


def measure_open_loop(peer, connections, seconds, rate):
    """{share: the results of coupond bench at that share of `rate`}"""
    seen = {}
    for share in SHARES:
        settle(peer)
        if peer.has_journal:
            seen[str(share)] = beside_device(peer, connections, seconds, rate * share / 100)
        else:
            seen[str(share)] = run_open_loop(Coupond.binary, peer.url, connections, seconds, rate * share / 100)
    return seen


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def with_limits(seen):
    """The figures of a share, and whether they are within the limits derived from their device."""
    if "device_p50_us" not in seen:
        return seen
    bounds = limits(seen["device_p50_us"], seen["device_p99_us"])
    return {**seen, **bounds, "p50_within": seen["p50_us"] <= bounds["limit_p50_us"],
            "p99_within": seen["p99_us"] <= bounds["limit_p99_us"]}


def summarize_open_loop(rounds):
    shares = [one["open_loop"] for one in rounds if "open_loop" in one]
    summary = {}
    for share in shares[0] if shares else ():
        measured = [one[share] for one in shares]
        summary[share] = with_limits({name: median([one[name] for one in measured])
                                      for name in measured[0] if name != "kept"})
        summary[share]["kept"] = all(one["kept"] for one in measured)
    return summary


def summarize(rounds):
    """The median of every figure over the rounds of one peer at one number of connections."""
    special = ("cpu_us", "open_loop")
    summary = {name: median([one[name] for one in rounds]) for name in rounds[0] if name not in special}
    summary["cpu_us"] = {name: median([one["cpu_us"][name] for one in rounds]) for name in rounds[0]["cpu_us"]}
    summary["rates"] = [round(one["rate"]) for one in rounds]
    summary["not_2xx"] = sum(one["not_2xx"] for one in rounds)
    summary["repeated"] = sum(one["repeated"] for one in rounds)
    if "open_loop" in rounds[0]:
        summary["open_loop"] = summarize_open_loop(rounds)
    return summary


def ratio(rounds, others):
    """The ratio within each round, so that a machine that slows down affects both sides."""
    return median([one["rate"] / other["rate"] for one, other in zip(rounds, others)])


def cpu_ratios(rounds, others):
    """{process: its CPU for a request relative to the other build's}, within each round; `all` is their sum."""
    pairs = [(one["cpu_us"], other["cpu_us"]) for one, other in zip(rounds, others)]
    ratios = {name: median([one[name] / other[name] for one, other in pairs if other[name] > 0])
              for name in pairs[0][0]}
    return {**ratios,
            "all": median([sum(one.values()) / sum(other.values()) for one, other in pairs if sum(other.values()) > 0])}


def compare(rounds, other_name):
    """Each measurement compared with that of the peer whose name is other_name(its name), if there is one."""
    found = []
    for (connections, name), values in rounds.items():
        others = rounds.get((connections, other_name(name)))
        if other_name(name) != name and others:
            found.append({"connections": connections, "peer": name, "rate_ratio": ratio(values, others),
                          "cpu_ratio": cpu_ratios(values, others)})
    return found


def other_build(name):
    return name.replace("coupond", "other build", 1)


def unencrypted(name):
    return name.replace(LINKS["curve"], LINKS["tcp"])


def choose(options, directory, more=()):
    """The constructors of a run's peers, in the order of their turns; `more` are classes."""
    makers = [functools.partial(Nginx, directory)]
    builds = [Coupond, OtherBuild.of(options.against)] if options.against else [Coupond]
    makers += [functools.partial(build, directory, sync, store, link=link)
               for store in options.stores for sync in options.sync for link in options.links for build in builds]
    return makers + [functools.partial(kind, directory) for kind in more]


def one_turn(make, connections, options):
    with make() as peer:
        result = measure(peer, connections, options.seconds)
        if options.open_loop and peer.speaks_api:
            result["open_loop"] = measure_open_loop(peer, connections, options.seconds, result["rate"])
        return peer.name, result


def turn_or_again(make, connections, options):
    """A run takes long, so a failed measurement is reported and repeated once; a second failure ends the run."""
    try:
        name, result = one_turn(make, connections, options)
        return name, {**result, "repeated": 0}
    except BenchError as error:
        print(f"bench: measurement repeated, because of: {error}", file=sys.stderr)
    name, result = one_turn(make, connections, options)
    return name, {**result, "repeated": 1}


def run(options, makers):
    """The results under the names that a report uses, ordered by connections and then by peers, and the comparisons."""
    rounds = {}
    for number in range(options.rounds):
        for connections in options.connections:
            for make in makers:
                name, result = turn_or_again(make, connections, options)
                rounds.setdefault((connections, name), []).append(result)
                print(f"round {number + 1} of {options.rounds}  {connections:>5} connections  {name:<32}"
                      f"{result['rate']:>10,.0f} /s", file=sys.stderr)
    results = []
    for (connections, name), values in rounds.items():
        result = {"connections": connections, "peer": name, **summarize(values)}
        result["ratio"] = ratio(values, rounds[connections, Nginx.name])
        durable = rounds.get((connections, Coupond.name_of("always")))
        result["coupond_ratio"] = ratio(durable, values) if durable else None
        results.append(result)
    return {"results": sorted(results, key=lambda one: one["connections"]), "against": compare(rounds, other_build),
            "encrypted": compare(rounds, unencrypted)}
