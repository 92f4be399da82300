"""`load-test/run.sh`: reads the options, runs one turn for each number of gateways, and writes the results."""

import argparse
import datetime
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import rush

from bench import machine
from deploy.local.process import LocalError
from deploy.local.system import System

from . import REPOSITORY, chart, turn
from .locusts import LocustError

SCENARIOS = ("countdown", "retry-storm", "soak", "duplicates", "many-coupons", "impostors", "life")


def counts(words):
    values = [int(word) for word in words.split(",")]
    if not all(0 < value <= 16 for value in values):
        raise ValueError(words)
    return values


def parse_arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description=rush.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", choices=SCENARIOS, default="countdown")
    parser.add_argument("--gateways", type=counts, default=[1, 2, 4], metavar="N,…")
    parser.add_argument("--seconds", type=int, default=20, help="duration of each turn, with the whole crowd present")
    parser.add_argument("--countdown", type=int, default=5,
                        help="seconds before that, during which the crowd arrives")
    parser.add_argument("--users", type=int, default=200, help="number of concurrent users")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1),
                        help="Locust worker processes")
    parser.add_argument("--coupon-quantity", type=int, default=0,
                        help="quantity of each coupon; 0: that of the scenario")
    parser.add_argument("--rate", type=int, default=500, help="visitors per second of the scenarios soak and life")
    parser.add_argument("--database", choices=("mariadb", "sqlite"), default="mariadb")
    parser.add_argument("--no-redis", action="store_true")
    parser.add_argument("--dir", default="/var/tmp", help="folder for journal and database, on a real disk, not tmpfs")
    parser.add_argument("--out", default=os.path.join(REPOSITORY, "load-test/results"), help="folder for the results")
    parser.add_argument("--add-to", type=Path, metavar="FOLDER",
                        help="results of an earlier run, to which these turns are added")
    options = parser.parse_args()
    if min(options.seconds, options.countdown, options.users, options.workers) < 1:
        parser.error("--seconds, --countdown, --users and --workers must be at least 1")
    return options


def find_program():
    """The program named by the environment, as in the tests; otherwise a build of this tree."""
    candidates = [os.environ.get("COUPOND_TEST_BINARY")]
    candidates += [os.path.join(REPOSITORY, "build", preset, "coupond", "coupond") for preset in ("release", "dev")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise LocustError("coupond is not built; run ./dev build, or set COUPOND_TEST_BINARY to the program")


def begin(options, directory):
    """The description of a run, before its turns."""
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine.describe(directory), "scenario": options.scenario, "users": options.users,
            "workers": options.workers, "seconds": options.seconds, "coupon_quantity": options.coupon_quantity,
            "turns": []}


def run(options, directory, folder):
    found = begin(options, directory)
    before = json.loads((folder / "scaling.json").read_text(encoding="utf-8")) if options.add_to else found
    joined(before, found)

    def make_system(gateways):
        return System(directory, program=find_program(), gateways=gateways, persisters=1, database=options.database,
                      redis=not options.no_redis, monitoring=False, ports="free",
                      options=turn.identity_options(options.scenario, folder))

    for gateways in options.gateways:
        print(f"{gateways} gateway{'' if gateways == 1 else 's'}: {options.scenario} …", file=sys.stderr, flush=True)
        found["turns"].append(turn.run(options, gateways, folder, make_system, found["machine"]["cores"]))
        print_turn(found["turns"][-1])
    return joined(before, found)


def print_turn(one):
    promises = one["promises"]
    print(f"{one['gateways']:>3} gateways {one['rate']:>9,.0f} answers/s   p50 {one['p50_ms']:,.0f} ms, p99 "
          f"{one['p99_ms']:,.0f} ms   {promises.get('issued', 0):,} issued, {promises.get('told', 0):,} received, "
          f"{one['requests']:,} requests, {one['failures']:,} failed")
    print("    cores: "
          + ", ".join(f"{group} {cores:.2f}" for group, cores in one["cores_by"].items() if cores >= 0.005)
          + f"; bottleneck: {one['limit']}")
    for words in one["wrong"]:
        print(f"    {words}")
    print("    promises " + ("BROKEN, or could not be checked" if one["wrong"] else "kept"), flush=True)


def new_folder(parent):
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H%M%SZ")
    folder = Path(parent) / f"load-{stamp}"
    folder.mkdir(parents=True)
    return folder


def joined(before, found):
    """The turns of an earlier run and of this one, which replace those with the same number of gateways. Both runs must
    have the same options."""
    for name in ("machine", "scenario", "users", "workers", "seconds", "coupon_quantity"):
        if before[name] != found[name]:
            raise LocustError(f"--add-to: {name} was {before[name]} there, but is {found[name]} here")
    now = {one["gateways"] for one in found["turns"]}
    turns = [one for one in before["turns"] if one["gateways"] not in now] + found["turns"]
    return {**found, "turns": sorted(turns, key=lambda one: one["gateways"])}


def write_files(folder, found):
    (folder / "scaling.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / "scaling.svg").write_text(chart.draw(found), encoding="utf-8")
    print(f"written to {os.path.relpath(folder)}: scaling.svg, scaling.json, and a report (HTML, CSV) for each number "
          "of gateways")


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = options.add_to or new_folder(options.out)
    directory = tempfile.mkdtemp(prefix="coupond-load-", dir=options.dir)
    try:
        found = run(options, directory, folder)
    except (LocustError, LocalError, OSError) as error:
        print(f"run.sh: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    write_files(folder, found)
    return 1 if any(one["wrong"] for one in found["turns"]) else 0


if __name__ == "__main__":
    sys.exit(main())
