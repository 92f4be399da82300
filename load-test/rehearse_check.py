"""Whether `coupond rehearse` says what the event that follows does: rehearses on a fresh cluster, then holds the event
with the same crowd on another fresh one, several times, and compares rate, time to sell-out and p99.

The crowd of the event is `coupond bench`. Run it on a quiet machine:

    ./dev rehearse-check [--rounds 5] [--users 20000] [--quantity 2000] [--connections 1000] [--json]
"""

import argparse
import contextlib
import datetime
import json
import pathlib
import sqlite3
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

from cluster import Cluster, run_coupond  # noqa: E402

WITHIN = 0.2  # a fifth


def sold_out_s(cluster, coupon):
    """From the first issue to the last, as the store has them."""
    store = sqlite3.connect(cluster.store_path, timeout=60)
    with contextlib.closing(store):
        first, last = store.execute("SELECT MIN(issued_at), MAX(issued_at) FROM coupon_issue WHERE coupon_id = ?",
                                    (coupon,)).fetchone()
    begun, ended = (datetime.datetime.fromisoformat(time) for time in (first, last))
    return (ended - begun).total_seconds()


def crowd(arguments, cluster):
    return ["--url", f"http://{cluster.addresses[0]}", "--connections", arguments.connections, "--json"]


def rehearse(directory, arguments):
    with Cluster(directory) as cluster:
        cluster.create_coupon("noon", arguments.quantity)
        result = run_coupond("rehearse", *crowd(arguments, cluster), "--coupon", "noon", "--users", arguments.users)
        assert result.returncode in (0, 1), result.stderr
        report = json.loads(result.stdout)
        cluster.wait_drained()
        return {"rate": report["answered_rate"], "p99_ms": report["latency_us"]["p99"] / 1e3,
                "sold_out_s": sold_out_s(cluster, report["rehearsal_id"]), "verdict": report["verdict"]}


def ask_early(cluster):
    """A system that has never answered anything is slower at first. Before an event some people try already."""
    cluster.create_coupon("early", 1)
    result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--connections", 8, "--json", "--coupon",
                         "early", "--requests", 1000, "--rate", 1000)
    assert result.returncode == 0, result.stdout + result.stderr


def hold_event(directory, arguments):
    with Cluster(directory) as cluster:
        cluster.create_coupon("noon", arguments.quantity)
        ask_early(cluster)
        result = run_coupond("bench", *crowd(arguments, cluster), "--coupon", "noon", "--requests", arguments.users,
                             "--rate", min(arguments.users, 1_000_000), "--users", f"user-:0-{arguments.users - 1}")
        assert result.returncode == 0, result.stdout + result.stderr
        report = json.loads(result.stdout)
        cluster.wait_drained()
        return {"rate": report["answered_rate"], "p99_ms": report["latency_us"]["p99"] / 1e3,
                "sold_out_s": sold_out_s(cluster, "noon")}


def run_round(arguments):
    with tempfile.TemporaryDirectory(prefix="rehearse-check-") as directory:
        said = rehearse(pathlib.Path(directory) / "rehearsal", arguments)
        came = hold_event(pathlib.Path(directory) / "event", arguments)
    return {"said": said, "came": came,
            "ratios": {name: said[name] / came[name] if came[name] else None for name in came}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--quantity", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rounds = []
    for number in range(arguments.rounds):
        rounds.append(run_round(arguments))
        said, came, ratios = (rounds[-1][name] for name in ("said", "came", "ratios"))
        print(f"round {number + 1}: " + ", ".join(
            f"{name} {said[name]:.3f} said, {came[name]:.3f} came, ratio {ratios[name]:.2f}" for name in came),
            file=sys.stderr)
    medians = {name: statistics.median(one["ratios"][name] for one in rounds) for name in rounds[0]["ratios"]}
    held = all(abs(ratio - 1) <= WITHIN for ratio in medians.values())
    if arguments.json:
        print(json.dumps({"rounds": rounds, "median_ratios": medians, "within_a_fifth": held}, indent=2))
    else:
        for name, ratio in medians.items():
            print(f"{name:12} median of said / came: {ratio:.2f}")
        print("within a fifth" if held else "NOT within a fifth")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
