"""Measures the effect of a crowd on other clients: latency and memory of one gateway thread while it holds idle, slow,
short-lived and flooding connections.

Method. A gateway, an issuer (sync = always) and a persister with SQLite run as processes on this machine. `coupond
bench` requests one coupon at a constant rate over 64 keep-alive connections, with latencies from the intended send
time: first alone, then with each crowd, in rounds; figures are medians over the rounds. The crowd is a separate process
(tests/support/slow_crowd.py). CPU is the gateway's CPU time divided by the requests of bench; memory is anonymous
resident memory. Run it on an otherwise idle machine. Clients normally run on other machines; here they share the cores
with the servers, so gateway and issuer get a higher priority (SCHED_RR; not with --equal).

A crowd also affects programs that it is not connected to: its sockets cost kernel time, and its processes share the
cores. To separate this from coupond's part, each crowd is also connected to nginx (one worker, constant answers) while
bench loads coupond.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/support"))
os.environ.setdefault("COUPOND_TEST_BINARY", str(REPOSITORY / "build/release/coupond/coupond"))
from bench import Nginx
from cluster import Cluster, run_coupond
from pressure import anonymous_bytes, connect, cpu_seconds
from slow_crowd import SlowCrowd

PAGE_COUPONS = 200  # the pages of slow readers
FLOODS = 10
ELSEWHERE = 3  # number of scenarios with mostly inactive connections
FLOOD_REQUEST = b"PUT /v1/coupons/FLOOD/issues/same HTTP/1.1\r\nHost: a\r\n\r\n"


class Flood:
    """Connections that send requests endlessly and never read an answer."""

    def __init__(self, address):
        self.connections = [connect(address, window=4096) for _ in range(FLOODS)]
        self.threads = [threading.Thread(target=self._pour, args=(connection,), daemon=True)
                        for connection in self.connections]

    @staticmethod
    def _pour(connection):
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(FLOOD_REQUEST * 1000)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()


def scenarios(arguments, address):
    idle, half = arguments.idle, arguments.slow // 2
    return {
        "alone": contextlib.nullcontext,
        f"{idle:,} idle": lambda: SlowCrowd(address, idle),
        f"{idle:,} idle, {half:,} slow senders, {half:,} slow readers": lambda: SlowCrowd(address, idle, half, half),
        "200 at a time that come, ask and leave": lambda: SlowCrowd(address, passers=200),
        f"{FLOODS} that ask and never read": lambda: Flood(address),
    }


def bench(cluster, arguments):
    gateway = cluster.gateways[0].process.pid
    begun = cpu_seconds(gateway)
    result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--coupon", "A", "--rate", arguments.rate,
                         "--duration", arguments.seconds, "--timeout", 60, "--json")
    if result.returncode != 0:
        sys.exit(f"overload: bench exited with {result.returncode}: {result.stdout}{result.stderr}")
    report = json.loads(result.stdout)
    return {
        "p50": report["latency_us"]["p50"] / 1000,
        "p99": report["latency_us"]["p99"] / 1000,
        "max": report["latency_us"]["max"] / 1000,
        "cpu": (cpu_seconds(gateway) - begun) * 1e6 / (arguments.rate * arguments.seconds),
        "not_issued": sum(count for name, count in report["outcomes"].items() if name != "issued"),
    }


def prepare(cluster):
    cluster.create_coupon("A", 4_000_000_000)
    cluster.create_coupon("FLOOD", 10)
    for number in range(PAGE_COUPONS):
        cluster.create_coupon(f"L{number:03}", 10, title="t" * 500)
    run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--coupon", "A", "--rate", 1000, "--duration", 1)


def go_first(process):
    try:
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        sys.exit("overload: only root, or who has CAP_SYS_NICE, may put processes first; --equal does without")


@contextlib.contextmanager
def nginx_address(directory):
    with Nginx(directory) as nginx:
        with open(Path(nginx.directory) / "page.json", "w", encoding="utf-8") as page:
            page.write("t" * 600 * PAGE_COUPONS)
        yield nginx.url.removeprefix("http://")


def measure(arguments, directory, name, elsewhere):
    """Measures one scenario with new processes, so that memory starts from zero; the crowd connects to
    coupond, or to `elsewhere`."""
    options = {"gateway/connections_max": arguments.idle + arguments.slow + 1000}
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(directory, options=options))
        prepare(cluster)
        if not arguments.equal:
            go_first(cluster.gateways[0].process)
            go_first(cluster.issuer.process)
        door = stack.enter_context(nginx_address(directory)) if elsewhere else cluster.addresses[0]
        gateway = cluster.gateways[0]
        before = anonymous_bytes(gateway)
        stack.enter_context(scenarios(arguments, door)[name]())
        figures = bench(cluster, arguments)
        figures["connections"] = gateway.metrics()["coupond_gateway_connections"] - 1
        figures["mib"] = anonymous_bytes(gateway) / 2**20
        figures["grown"] = anonymous_bytes(gateway) - before
    return figures


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} × {names[0]}" if names else platform.machine()


def table(arguments, results):
    lines = [f"{processor()}, Linux {platform.release()}; {arguments.rate}/s for {arguments.seconds} s, "
             f"{arguments.rounds} rounds; load average before: {arguments.load_before:.1f}", "",
             "| beside | p50 | p99 | max | CPU a request | memory | bytes a connection | not issued |",
             "|---|---|---|---|---|---|---|---|"]
    for name, rounds in results.items():
        median = {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}
        each = f"{median['grown'] / median['connections']:,.0f}" if median["connections"] >= 1000 else "–"
        lines.append(f"| {name} | {median['p50']:.2f} ms | {median['p99']:.2f} ms | {median['max']:.1f} ms | "
                     f"{median['cpu']:.0f} µs | {median['mib']:.1f} MiB | {each} | "
                     f"{sum(figures['not_issued'] for figures in rounds)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--equal", action="store_true", help="give gateway and issuer no priority over their clients")
    parser.add_argument("--crowds", type=int, default=None, metavar="N",
                        help="only the first N rows of the table (all)")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < arguments.idle + arguments.slow + 1200:
        sys.exit(f"overload: the limit of open files is {most}; raise ulimit -n, or reduce --idle")
    arguments.load_before = os.getloadavg()[0]
    names = list(scenarios(arguments, ""))[: arguments.crowds]
    runs = {name: (name, False) for name in names}
    runs.update({f"{name}, at nginx": (name, True) for name in names[1:ELSEWHERE]})
    results = {run: [] for run in runs}
    with tempfile.TemporaryDirectory(prefix="coupond-overload-") as directory:
        for number in range(arguments.rounds):
            for index, (run, (name, elsewhere)) in enumerate(runs.items()):
                results[run].append(measure(arguments, Path(directory) / f"{number}-{index}", name, elsewhere))
                print(f"round {number + 1}: {run}: {results[run][-1]}", file=sys.stderr, flush=True)
    print(table(arguments, results))


if __name__ == "__main__":
    try:
        main()
    except subprocess.SubprocessError as error:
        sys.exit(f"overload: {error}")
