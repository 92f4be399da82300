"""`./dev bench`: reads the options, measures the peers in turn, and writes the results. The package's docstring
explains the method."""

import argparse
import datetime
import os
import re
import resource
import shutil
import signal
import sys
import tempfile

import bench

from . import gateways, grow, machine, measuring, report
from .clients import BenchError
from .others import OTHERS
from .peers import LINKS, STORES, Coupond
from .servers import MariaDB

HERE = os.path.dirname(os.path.abspath(__file__))
USERS_MAX = 100_000_000  # the limit of `coupond bench` in one run
ROOT = os.path.join(HERE, "..", "..")


def find_binary():
    candidates = [os.environ.get("COUPOND_TEST_BINARY")]
    candidates += [os.path.join(ROOT, "build", preset, "coupond", "coupond") for preset in ("release", "dev")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise BenchError("coupond is not built; run ./dev build, or set COUPOND_TEST_BINARY to the program")


def comma_list(read, allowed):
    """An argparse type: words between commas, each converted by `read` and accepted by `allowed`."""
    def parse(words):
        values = [read(word) for word in words.split(",")]
        if not all(allowed(value) for value in values):
            raise ValueError(words)
        return values
    return parse


def make_parser():
    parser = argparse.ArgumentParser(prog="bench.sh", description=bench.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="duration of one measurement")
    parser.add_argument("--connections", type=comma_list(int, lambda count: count > 0), default=[64, 256],
                        metavar="N,…")
    parser.add_argument("--sync", type=comma_list(str, re.compile("always|os|[1-9][0-9]*").fullmatch),
                        metavar="POLICY,…", help="policies of coupond: always, os, or milliseconds; default always,os")
    parser.add_argument("--stores", type=comma_list(str, STORES.__contains__), metavar="STORE,…",
                        help="stores that coupond fills meanwhile: none, sqlite, mariadb; default none")
    parser.add_argument("--links", type=comma_list(str, LINKS.__contains__), default=["memory"], metavar="LINK,…",
                        help="between gateway and issuer: memory, tcp, curve (TCP, encrypted); default memory")
    parser.add_argument("--persister", action="store_true", help="the same as --stores none,sqlite")
    parser.add_argument("--peers", nargs="?", const=list(OTHERS), default=[], type=comma_list(str, OTHERS.__contains__),
                        metavar="NAME,…",
                        help="also measure these, or all; with all of them the default is --sync always,5,os --stores "
                        "none,sqlite,mariadb")
    parser.add_argument("--against", metavar="PROGRAM",
                        help="also measure this other build of coupond, and compare rates and CPU per request")
    parser.add_argument("--open-loop", action="store_true",
                        help="also measure latencies at 25, 50 and 75 %% of each rate")
    parser.add_argument("--gateways", type=comma_list(int, lambda count: 0 < count <= 16), metavar="N,…",
                        help="instead measure the cost of a request with each of these numbers of gateways")
    parser.add_argument("--grow", type=int, metavar="USERS",
                        help="instead measure the slowest answer while a coupon is issued to this many users, such "
                        "as 20000000")
    parser.add_argument("--require", type=float, metavar="RATIO",
                        help="exit with 1 if coupond with sync = always, at the most connections, is below this "
                        "share of nginx's rate")
    parser.add_argument("--dir", default="/var/tmp",
                        help="folder for journals and databases, on a real disk, not tmpfs")
    parser.add_argument("--out", default=os.path.join(HERE, "..", "results"),
                        help="folder for the results as JSON and SVG")
    return parser


def parse_arguments():
    parser = make_parser()
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    all_peers = options.peers == list(OTHERS)
    options.sync = options.sync or (["always", "5", "os"] if all_peers else ["always", "os"])
    options.stores = options.stores or (["none", "sqlite"] if options.persister else list(STORES) if all_peers
                                        else ["none"])
    if options.require is not None and not ("always" in options.sync and "none" in options.stores
                                            and "memory" in options.links):
        parser.error("--require needs a measurement with sync = always, without a store and with shared memory")
    if options.against is not None and not os.access(options.against, os.X_OK):
        parser.error(f"--against {options.against}: not an executable program")
    check_instead(parser, options)
    return options


def is_instead(options):
    return options.gateways is not None or options.grow is not None


def check_instead(parser, options):
    """--gateways and --grow exclude the usual measurements."""
    if not is_instead(options):
        return
    if options.peers or options.open_loop or options.against or options.require is not None:
        parser.error("--gateways and --grow cannot be combined with --peers, --against, --open-loop or --require")
    if options.grow is not None and not 0 < options.grow <= USERS_MAX:
        parser.error(f"--grow must be between 1 and {USERS_MAX}")
    threads = gateways.threads_for(options.gateways or [1])
    if any(connections % threads for connections in options.connections):
        parser.error(f"--gateways: --connections must be a multiple of wrk's {threads} threads")


def prepare(options, directory):
    """Puts temporary files and databases on the disk to be measured, and allows enough descriptors for a thousand
    connections."""
    tempfile.tempdir = directory
    MariaDB.template = os.path.join(directory, "mariadb-template")
    Coupond.binary = find_binary()
    options.against = options.against and os.path.abspath(options.against)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure(options, directory):
    """The results, which are written together with the description of the machine."""
    found = {"results": []}
    if options.gateways is not None:
        found["gateways"] = gateways.run(options, directory)
    if options.grow is not None:
        found["grow"] = grow.run(options, directory)
    if not is_instead(options):
        found |= measuring.run(options, measuring.choose(options, directory, [OTHERS[name] for name in options.peers]))
    return found


def run(options, directory):
    prepare(options, directory)
    times = machine.fdatasync_times(directory)
    found = measure(options, directory)
    times += machine.fdatasync_times(directory)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine.describe(directory),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "fdatasync_us": {"p50": machine.percentile(times, 50), "p99": machine.percentile(times, 99)},
        **found,
    }


def is_enough(options, results):
    if options.require is None:
        return True
    reached = [one["ratio"] for one in results if one["peer"] == Coupond.name_of("always")][-1]
    if reached < options.require:
        print(f"bench: {reached:.2f} of nginx's rate, {options.require:.2f} is required", file=sys.stderr)
    return reached >= options.require


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = tempfile.mkdtemp(prefix="coupond-bench-", dir=options.dir)
    try:
        found = run(options, directory)
    except (BenchError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    report.print_table(found)
    report.write_files(options.out, found)
    return 0 if is_enough(options, found["results"]) else 1


if __name__ == "__main__":
    sys.exit(main())
