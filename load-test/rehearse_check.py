"""Whether `coupond rehearse` says what the event that follows does: rehearses on a fresh cluster and holds the event
with the same crowd on another fresh one, several times, each first in every other round. Compares the medians of what
was said and what came. The p99 of an event of one second is made by its 200 slowest answers, and differs much from one
event to the next.

The crowd of the event is `coupond bench`. Run it on a quiet machine:

    ./dev rehearse-check [--rounds 15] [--users 20000] [--rate N] [--quantity 2000] [--connections 1000]
                         [--directory DIR] [--two-events] [--json]
"""

import argparse
import contextlib
import datetime
import json
import pathlib
import random
import sqlite3
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

from cluster import Cluster, run_coupond  # noqa: E402

WITHIN = 0.2  # a fifth
DRAWS = 2000
FLUSH_S = 5  # the kernel writes back what has changed about as often; a crowd meets that at any moment of it


def sold_out_s(cluster, coupon):
    """From the first issue to the last, as the store has them."""
    store = sqlite3.connect(cluster.store_path, timeout=60)
    with contextlib.closing(store):
        first, last = store.execute("SELECT MIN(issued_at), MAX(issued_at) FROM coupon_issue WHERE coupon_id = ?",
                                    (coupon,)).fetchone()
    begun, ended = (datetime.datetime.fromisoformat(time) for time in (first, last))
    return (ended - begun).total_seconds()


def crowd(arguments, cluster):
    return ["--url", f"http://{cluster.addresses[0]}", "--connections", arguments.connections, "--json",
            "--rate", arguments.rate or min(arguments.users, 1_000_000)]


def figures(report, sold_out):
    latency = {f"{name}_ms": report["latency_us"][name] / 1e3 for name in ("p50", "p90", "p99")}
    return {"rate": report["answered_rate"], **latency, "sold_out_s": sold_out}


def ask_early(cluster):
    """A system that has never answered anything is slower at first, but nobody rehearses or holds an event on one."""
    cluster.create_coupon("early", 1)
    result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--connections", 8, "--json", "--coupon",
                         "early", "--requests", 1000, "--rate", 1000)
    assert result.returncode == 0, result.stdout + result.stderr


def rehearse(directory, arguments):
    with Cluster(directory) as cluster:
        cluster.create_coupon("noon", arguments.quantity)
        ask_early(cluster)
        time.sleep(random.uniform(0, FLUSH_S))
        result = run_coupond("rehearse", *crowd(arguments, cluster), "--coupon", "noon", "--users", arguments.users)
        assert result.returncode in (0, 1), result.stderr
        report = json.loads(result.stdout)
        cluster.wait_drained()
        return figures(report, sold_out_s(cluster, report["rehearsal_id"]))


def hold_event(directory, arguments):
    with Cluster(directory) as cluster:
        cluster.create_coupon("noon", arguments.quantity)
        ask_early(cluster)
        time.sleep(random.uniform(0, FLUSH_S))
        result = run_coupond("bench", *crowd(arguments, cluster), "--coupon", "noon", "--requests", arguments.users,
                             "--users", f"user-:0-{arguments.users - 1}")
        assert result.returncode == 0, result.stdout + result.stderr
        report = json.loads(result.stdout)
        cluster.wait_drained()
        return figures(report, sold_out_s(cluster, "noon"))


def run_round(arguments, number):
    takes = {"said": hold_event if arguments.two_events else rehearse, "came": hold_event}
    with tempfile.TemporaryDirectory(prefix="rehearse-check-", dir=arguments.directory) as directory:
        return {name: takes[name](pathlib.Path(directory) / name, arguments)
                for name in (sorted(takes) if number % 2 else sorted(takes, reverse=True))}


def medians_of(rounds):
    return {side: {name: statistics.median(one[side][name] for one in rounds) for name in rounds[0][side]}
            for side in ("said", "came")}


def ratios_of(medians):
    return {name: said / medians["came"][name] for name, said in medians["said"].items()}


def uncertain(rounds):
    """Bootstrap: 9 of 10 ratios lie between these when the rounds themselves are drawn by lot, again and again."""
    drawn = [ratios_of(medians_of(random.choices(rounds, k=len(rounds)))) for _ in range(DRAWS)]
    return {name: statistics.quantiles((ratios[name] for ratios in drawn), n=20)[::18] for name in drawn[0]}


def compare(rounds):
    medians = medians_of(rounds)
    ratios = ratios_of(medians)
    return {**medians, "ratios": ratios, "between": uncertain(rounds),
            "within_a_fifth": all(abs(ratio - 1) <= WITHIN for ratio in ratios.values())}


def show_round(number, one):
    print(f"round {number}: " + ", ".join(f"{name} {said:.3f} said, {one['came'][name]:.3f} came"
                                          for name, said in one["said"].items()), file=sys.stderr)


def show(comparison):
    print("| | said | came | ratio | 9 of 10 between |\n|---|--:|--:|--:|--:|")
    for name, ratio in comparison["ratios"].items():
        low, high = comparison["between"][name]
        print(f"| {name} | {comparison['said'][name]:.3f} | {comparison['came'][name]:.3f} | {ratio:.2f} "
              f"| {low:.2f} to {high:.2f} |")
    print("within a fifth" if comparison["within_a_fifth"] else "NOT within a fifth")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--rate", type=int, help="requests a second; default: all in one")
    parser.add_argument("--quantity", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--directory", help="for journals and stores; /dev/shm leaves the disk out")
    parser.add_argument("--two-events", action="store_true",
                        help="hold the event twice instead: how much one event tells of the next")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rounds = []
    for number in range(1, arguments.rounds + 1):
        rounds.append(run_round(arguments, number))
        show_round(number, rounds[-1])
    comparison = compare(rounds)
    if arguments.json:
        print(json.dumps({"rounds": rounds, **comparison}, indent=2))
    else:
        show(comparison)
    return 0 if comparison["within_a_fifth"] else 1


if __name__ == "__main__":
    sys.exit(main())
