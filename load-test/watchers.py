"""Measures what watchers cost: the latency of issues with and without ten thousand streams of events on the same
gateway thread, the memory of a watcher, and the questions to the issuer.

Method. A gateway, an issuer and a persister with SQLite run as processes on this machine. `coupond bench` requests one
coupon at a constant rate over 64 keep-alive connections, with latencies from the intended send time, in rounds: alone,
then while a crowd in a process of its own (tests/support/event_crowd.py) watches that coupon, so that every interval
has an event for everyone. Figures are medians over the rounds; the ratio is that of each round. Memory is anonymous
resident memory of the gateway: its growth by the first crowd, when all of it is in place or after its round, whichever
is more. Clients normally run on other machines; here they share the cores with the servers, so gateway and issuer get a
higher priority (SCHED_RR; not with --equal).
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/support"))
os.environ.setdefault("COUPOND_TEST_BINARY", str(REPOSITORY / "build/release/coupond/coupond"))
from cluster import Cluster, run_coupond
from event_crowd import EventCrowd
from overload import go_first, processor
from pressure import anonymous_bytes, cpu_seconds

COUPON = "A"


def questions(cluster):
    return sum(value for name, value in cluster.issuer.metrics().items()
               if name.startswith("coupond_issuer_verdicts_total") and 'verdict="found"' in name)


def bench(cluster, arguments):
    gateway = cluster.gateways[0].process.pid
    asked, used, begun = questions(cluster), cpu_seconds(gateway), time.monotonic()
    result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--coupon", COUPON, "--rate",
                         arguments.rate, "--duration", arguments.seconds, "--timeout", 60, "--json")
    if result.returncode != 0:
        sys.exit(f"watchers: bench exited with {result.returncode}: {result.stdout}{result.stderr}")
    took = time.monotonic() - begun
    report = json.loads(result.stdout)
    return {
        **{name: report["latency_us"][name] / 1000 for name in ("p50", "p99", "max")},
        "cpu": (cpu_seconds(gateway) - used) / took,
        "questions": (questions(cluster) - asked) / took,
        "not_issued": sum(count for name, count in report["outcomes"].items() if name != "issued"),
    }


def bench_watched(cluster, arguments, results):
    gateway = cluster.gateways[0]
    before = anonymous_bytes(gateway)
    with EventCrowd(cluster.addresses[0], COUPON, arguments.watchers) as crowd:
        grown = anonymous_bytes(gateway) - before
        events, begun = crowd.state()["events"], time.monotonic()
        figures = bench(cluster, arguments)
        grown = max(grown, anonymous_bytes(gateway) - before)
        results.setdefault("memory", grown / arguments.watchers)
        state = crowd.state()
        figures["events"] = (state["events"] - events) / (time.monotonic() - begun)
        if state["lost"] or state["refused"] or state["open"] != arguments.watchers:
            sys.exit(f"watchers: not all watchers stayed: {state}")
    return figures


def measure(arguments, directory):
    options = {"gateway/connections_max": arguments.watchers + 1000, "gateway/watchers_max": arguments.watchers,
               "issuer/sync": arguments.sync, "issuer/segment_mb": 64}
    results = {"alone": [], "watched": []}
    with Cluster(directory, options=options) as cluster:
        cluster.create_coupon(COUPON, None)
        if not arguments.equal:
            go_first(cluster.gateways[0].process)
            go_first(cluster.issuer.process)
        bench(cluster, arguments)  # warms up
        for number in range(arguments.rounds):
            results["alone"].append(bench(cluster, arguments))
            results["watched"].append(bench_watched(cluster, arguments, results))
            print(f"round {number + 1}: {results['alone'][-1]} {results['watched'][-1]}", file=sys.stderr, flush=True)
    return results


def table(arguments, results):
    lines = [f"{processor()}, Linux {platform.release()}; {arguments.rate} issues/s for {arguments.seconds} s, sync = "
             f"{arguments.sync}, {arguments.rounds} rounds; load average before: {arguments.load_before:.1f}", "",
             "| | p50 | p99 | max | CPU of the gateway | questions/s | events/s | not issued |",
             "|---|---|---|---|---|---|---|---|"]
    names = {"alone": "alone", "watched": f"beside {arguments.watchers:,} watchers"}
    for key, name in names.items():
        rounds = results[key]
        median = {figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]}
        events = f"{median['events']:,.0f}" if "events" in median else "–"
        lines.append(f"| {name} | {median['p50']:.2f} ms | {median['p99']:.2f} ms | {median['max']:.1f} ms | "
                     f"{median['cpu'] * 100:.0f} % | {median['questions']:.1f} | {events} | "
                     f"{sum(one['not_issued'] for one in rounds)} |")
    ratios = sorted(watched["p99"] / alone["p99"] for alone, watched in zip(results["alone"], results["watched"]))
    lines += ["", f"p99 beside watchers relative to alone: {statistics.median(ratios):.2f} (median of the rounds; "
              f"{ratios[0]:.2f} to {ratios[-1]:.2f}); memory of a watcher: {results['memory']:,.0f} bytes"]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sync", default="os", help="issuer/sync (os: a slow disk would hide the rest)")
    parser.add_argument("--equal", action="store_true", help="give gateway and issuer no priority over their clients")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < arguments.watchers + 1200:
        sys.exit(f"watchers: the limit of open files is {most}; raise ulimit -n, or reduce --watchers")
    arguments.load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="coupond-watchers-") as directory:
        print(table(arguments, measure(arguments, Path(directory) / "cluster")))


if __name__ == "__main__":
    main()
