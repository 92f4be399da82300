#!/usr/bin/env python3
"""Runs the real system under random real faults, records every request of its clients, and checks the whole history.

    ./dev torture [--minutes N] [--seed N] [--store mysql|sqlite] [--rate N] [--between N] [--keep] [--results FILE]

Three gateways, an issuer with two partitions, two persisters and MariaDB run on separate hosts (network namespaces)
with a cluster secret. Meanwhile peers without the secret send false messages to the issuer. kinds.py lists the faults,
checker.py defines the checks. The exit status is 0 if every promise was kept; otherwise the directory with all logs,
the history and the journal is kept. The seed repeats the choice of faults and requests, but not their exact timing.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "support")]

import report
from checker import check
from cluster import wait_until
from devil import Devil
from history import save
from traffic import Traffic
from world import World

QUIET_SECONDS = 120
DRAIN_SECONDS = 180


def parse():
    parser = argparse.ArgumentParser(prog="./dev torture", description=(
        "Runs the real system under random real faults and checks every answer: three gateways, an issuer, two "
        "persisters and the store, and peers without the cluster's secret that send false messages to the issuer. The "
        "exit status is 0 if every promise was kept; otherwise the directory with all logs, the history and the "
        "journal is kept. Network namespaces and a small disk need root, wrong clocks need libfaketime; faults that "
        "cannot be injected are left out, with a message."))
    parser.add_argument("--minutes", type=float, default=5, metavar="N",
                        help="how long faults are injected (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32), metavar="N",
                        help="repeats the choice of faults and requests, but not their exact timing (random)")
    parser.add_argument("--store", choices=("mysql", "sqlite"), default="mysql", help="(%(default)s)")
    parser.add_argument("--rate", type=float, default=800, metavar="N",
                        help="approximate requests per second (%(default)g)")
    parser.add_argument("--between", type=float, default=3, metavar="N",
                        help="mean seconds between two faults (%(default)g)")
    parser.add_argument("--keep", action="store_true", help="keep the directory of a successful run too")
    parser.add_argument("--results", metavar="FILE",
                        help="write the report of a successful run to this file, as Markdown")
    return parser.parse_args()


def run(world, traffic, devil, seconds):
    """Injects the faults, then waits for open requests; world.broken lists the violations."""
    world.traffic = traffic
    traffic.start()
    with report.Progress(world, traffic, devil):
        devil.torment(seconds)
        if world.broken:
            return
        world.wait_all_healthy()
    say("no more faults; waiting for the answers to open requests")
    traffic.finish(QUIET_SECONDS)
    world.broken += traffic.wrong
    for kind, coupon, user in traffic.unanswered:
        world.fail(f"no final answer within {QUIET_SECONDS} s without faults: {kind} {coupon} {user}")
    wait_until(lambda: world.cluster.backlog() == 0,
               lambda: f"the store has all records; {world.cluster.backlog():.0f} are missing", seconds=DRAIN_SECONDS,
               pause=0.1)


def judge(world, traffic):
    """Runs verify, stops all processes, and checks the history."""
    verdict = world.verify()
    if verdict.returncode != 0:
        world.fail(f"verify exited with {verdict.returncode}\n{verdict.stdout}{verdict.stderr}")
    world.stop()
    world.cluster.check_logs()
    events = world.events()
    say(f"checking {len(traffic.ops) + len(world.prober.ops)} requests against {len(events)} records")
    for text in check(traffic.ops + world.prober.ops, events, world.rows(), world.coupons(), world.clock):
        world.fail(text)


def say(text):
    print(f"==> {text}", flush=True)


def main():
    arguments = parse()
    directory = Path(tempfile.mkdtemp(prefix="coupond-torture-"))
    say(f"torture --seed {arguments.seed} --minutes {arguments.minutes:g} --store {arguments.store}, in {directory}")
    choose = random.Random(arguments.seed)
    with World(directory, arguments.store) as world:
        for what, reason in world.missing.items():
            say(f"without {what}: {reason}")
        traffic = Traffic(world.cluster.addresses, random.Random(choose.random()), arguments.rate)
        devil = Devil(world, random.Random(choose.random()), arguments.between)
        began = time.monotonic()
        try:
            run(world, traffic, devil, arguments.minutes * 60)
            if not world.broken:
                judge(world, traffic)
        except Exception:
            world.fail(traceback.format_exc())
        good = not world.broken
        if not good:
            traffic.abandon()
        summary = report.Summary(arguments, world, traffic, devil, time.monotonic() - began)
        report.write(directory, summary)
        if not good:
            save(directory / "history.gz", traffic.ops + world.prober.ops)
            shutil.copytree(world.archive, directory / "journal-kept", dirs_exist_ok=True)
    print(summary.table())
    for text in world.broken:
        print(f"BROKEN: {text}")
    if arguments.results and good:
        Path(arguments.results).write_text(summary.page(), encoding="utf-8")
    if good and not arguments.keep:
        shutil.rmtree(directory)
    say("every promise was kept" if good else f"BROKEN, see {directory}; to repeat: ./dev torture --seed "
        f"{arguments.seed} --minutes {arguments.minutes:g} --store {arguments.store}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
