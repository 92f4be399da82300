"""The rate of coupond beside nginx's, on one machine, with one wrk script.

Method. wrk (one thread, so one core) posts issues, each for a user of its own, over 64 and over 256 keep-alive connections. Peers:
nginx with one worker that answers a constant of like size; coupond as two processes, a gateway of one thread and an issuer
of one partition over ipc, with sync = always and sync = os, no persister (--persister adds one on SQLite). Every measurement starts its
peer afresh with an empty journal, warms up for a second, and is followed by the next peer's, round after round, so
that a machine that slows down does so for all. Figures are medians over the rounds; a ratio is the median of the rounds' ratios. CPU is what /proc/PID/stat gained during the measurement,
divided by the answers that wrk counted. Syncs and messages come from /metrics. The device's own fdatasync is
measured in the same directory before and after, with writes of 8 KiB into a file that was allocated and zeroed, as the journal does.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
from ports import free_port  # noqa: E402

COUPON = "BENCH"
QUANTITY = 1_000_000_000
TICK = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    pass


# what the kernel knows


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def filesystem(path):
    """The type of the file system that holds `path`, as /proc/mounts has it: stat(1) cannot tell ext4 from ext2."""
    path = os.path.realpath(path)
    best, kind = "", "unknown"
    with open("/proc/mounts", encoding="utf-8") as mounts:
        lines = mounts.read().splitlines()
    for line in lines:
        point, name = line.split()[1:3]
        if os.path.commonpath([path, point]) == point and len(point) >= len(best):
            best, kind = point, name
    return kind


def fdatasync_times(directory, count=1000, size=8192):
    """Times in µs of `count` writes of `size` bytes, each followed by fdatasync, into a zeroed file."""
    path = os.path.join(directory, "fdatasync-probe")
    times = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.posix_fallocate(fd, 0, count * size)
        os.pwrite(fd, bytes(count * size), 0)
        os.fsync(fd)
        block = b"\x5a" * size
        for i in range(count):
            started = time.perf_counter_ns()
            os.pwrite(fd, block, i * size)
            os.fdatasync(fd)
            times.append((time.perf_counter_ns() - started) / 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    return times


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


# peers


class Peer:
    """Processes that answer on self.url; self.pids names those whose CPU counts. Use as a context."""

    def __init__(self, directory):
        self.directory = tempfile.mkdtemp(dir=directory)
        self.processes = []
        self.pids = {}

    def spawn(self, name, command):
        log = open(os.path.join(self.directory, f"{name}.log"), "wb")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("COUPOND_")}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory, env=environment)
        log.close()
        self.processes.append((name, process))
        return process

    def wait_for(self, url, wanted=(200, 201)):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for name, process in self.processes:
                if process.poll() is not None:
                    raise BenchError(f"{name} ended with status {process.returncode}:\n{self.log(name)}")
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if answer.status in wanted:
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise BenchError(f"{url} did not become ready within 20 s")

    def log(self, name):
        with open(os.path.join(self.directory, f"{name}.log"), errors="replace") as file:
            return file.read()[-2000:]

    def logs(self):
        return "".join(f"{name}: {self.log(name)}" for name, _ in self.processes)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def counters(self):
        return {}

    def refusals(self):
        """Lines that tell why answers were not 2xx."""
        return []


class Nginx(Peer):
    name = "nginx, a constant"
    program = shutil.which("nginx") or "/usr/sbin/nginx"

    def start(self):
        port = free_port()
        with open(os.path.join(HERE, "nginx.conf.in")) as file:
            config = file.read().replace("@DIR@", self.directory).replace("@PORT@", str(port))
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w") as file:
            file.write(config)
        master = self.spawn("nginx", [self.program, "-e", os.path.join(self.directory, "error.log"), "-c", path])
        self.url = f"http://127.0.0.1:{port}"
        self.wait_for(self.url + "/")
        self.pids = {"nginx": children(master.pid)[0]}


class Coupond(Peer):
    binary = None

    def __init__(self, directory, sync, persister):
        super().__init__(directory)
        self.name = f"coupond, sync = {sync}" + (", persister" if persister else "")
        self.sync = sync
        self.persister = persister

    def role(self, role, **options):
        command = [self.binary, role]
        for name, value in options.items():
            command += ["--set", f"{name.replace('__', '/')}={value}"]
        self.pids[role] = self.spawn(role, command).pid

    def start(self):
        path = self.directory
        gateway, issuer, persister = free_port(), free_port(), free_port()
        common = {
            "issuer__requests": f"ipc://{path}/requests",
            "issuer__events": f"ipc://{path}/events",
            "issuer__acks": f"ipc://{path}/acks",
            "store__path": f"{path}/coupond.db",
            "log__level": "warn",
        }
        self.url = f"http://127.0.0.1:{gateway}"
        self.scrapes = [f"http://127.0.0.1:{issuer}/metrics", f"{self.url}/metrics"]
        self.role("issuer", issuer__journal_dir=f"{path}/journal", issuer__sync=self.sync,
                  issuer__http=f"127.0.0.1:{issuer}", **common)
        self.role("gateway", gateway__http=f"127.0.0.1:{gateway}", gateway__threads=1, **common)
        if self.persister:
            self.role("persister", persister__http=f"127.0.0.1:{persister}", **common)
        self.wait_for(self.url + "/readyz")
        body = json.dumps({"id": COUPON, "title": "bench", "quantity": QUANTITY}).encode()
        request = urllib.request.Request(self.url + "/v1/coupons", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def metrics(self):
        """[(name with labels, value)] of gateway and issuer."""
        for url in self.scrapes:
            with urllib.request.urlopen(url, timeout=10) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith("coupond_"):
                        name, value = line.rsplit(" ", 1)
                        yield name, float(value)

    def counters(self):
        """The sum of every metric over its labels."""
        sums = {}
        for name, value in self.metrics():
            name = name.split("{", 1)[0]
            sums[name] = sums.get(name, 0.0) + value
        return sums

    def refusals(self):
        told = ("coupond_gateway_requests_total{", "coupond_issuer_verdicts_total{")
        return [f"{name} {value:,.0f}" for name, value in self.metrics() if value and name.startswith(told)]


# measuring


def run_wrk(url, connections, seconds, prefix):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", os.path.join(HERE, "issue.lua"), url, "--",
               COUPON, prefix]
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    for line in output.stdout.splitlines():
        if line.startswith("RESULT "):
            return {name: int(value) for name, value in (pair.split("=") for pair in line.split()[1:])}
    raise BenchError(f"wrk failed: {output.stdout}{output.stderr}")


def quotient(after, before, numerator, denominator):
    below = after.get(denominator, 0) - before.get(denominator, 0)
    return (after.get(numerator, 0) - before.get(numerator, 0)) / below if below > 0 else None


def measure(peer, connections, seconds):
    run_wrk(peer.url, connections, 1, "warm")
    counters = peer.counters()
    cpu = {name: cpu_seconds(pid) for name, pid in peer.pids.items()}
    result = run_wrk(peer.url, connections, seconds, "bench")
    cpu = {name: cpu_seconds(pid) - cpu[name] for name, pid in peer.pids.items()}
    after = peer.counters()
    good = result["requests"] - result["not_2xx"]
    if result["not_2xx"]:
        print("\n".join([f"{peer.name}: {result['not_2xx']:,} refusals", *peer.refusals(), peer.logs()]), file=sys.stderr)
    if good == 0 or result["socket_errors"]:
        raise BenchError(f"{peer.name}: {good} answers were 2xx, {result['socket_errors']} socket errors\n{peer.logs()}")
    return {
        "rate": good / result["duration_us"] * 1e6,
        "not_2xx": result["not_2xx"],
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "cpu_us": {name: value / result["requests"] * 1e6 for name, value in cpu.items()},
        "requests_per_sync": quotient(after, counters, "coupond_issuer_verdicts_total",
                                      "coupond_issuer_journal_sync_seconds_count"),
        "requests_per_message": quotient(after, counters, "coupond_gateway_batch_requests_sum",
                                         "coupond_gateway_batch_requests_count"),
        "requests_per_batch": quotient(after, counters, "coupond_issuer_batch_requests_sum",
                                       "coupond_issuer_batch_requests_count"),
    }


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def summarize(rounds):
    """The median of every figure over the rounds of one peer at one number of connections."""
    summary = {name: median([one[name] for one in rounds]) for name in rounds[0] if name != "cpu_us"}
    summary["cpu_us"] = {name: median([one["cpu_us"][name] for one in rounds]) for name in rounds[0]["cpu_us"]}
    summary["rates"] = [round(one["rate"]) for one in rounds]
    summary["not_2xx"] = sum(one["not_2xx"] for one in rounds)
    return summary


def run(options, directory):
    peers = [lambda: Nginx(directory)]
    for persister in [False, True] if options.persister else [False]:
        for sync in ("always", "os"):
            peers.append(lambda sync=sync, persister=persister: Coupond(directory, sync, persister))
    rounds = {}
    for number in range(options.rounds):
        for connections in options.connections:
            for make in peers:
                with make() as peer:
                    result = measure(peer, connections, options.seconds)
                rounds.setdefault((connections, peer.name), []).append(result)
                print(f"round {number + 1} of {options.rounds}  {connections:>5} connections  {peer.name:<32}"
                      f"{result['rate']:>10,.0f} /s", file=sys.stderr)
    results = []
    for (connections, name), values in rounds.items():
        summary = summarize(values)
        results.append({"connections": connections, "peer": name, **summary})
    for result in results:
        # of the same round each: a machine that slows down meanwhile does so for both
        yardstick = rounds[result["connections"], Nginx.name]
        result["ratio"] = median([one / other["rate"] for one, other in zip(result["rates"], yardstick)])
    return sorted(results, key=lambda one: one["connections"])


# printing


def figure(value, form="{:,.1f}"):
    return "" if value is None else form.format(value)


def print_table(report):
    machine = report["machine"]
    print(f"\n{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, journal on {machine['filesystem']}")
    sync = report["fdatasync_us"]
    print(f"fdatasync of 8 KiB on that device: p50 {sync['p50']:,.0f} µs, p99 {sync['p99']:,.0f} µs")
    print(f"wrk with one thread, {report['seconds']} s a measurement, medians of {report['rounds']} rounds\n")
    print(f"{'connections':>11}  {'peer':<30}{'rate /s':>10}{'of nginx':>9}{'p50 ms':>8}{'p99 ms':>8}"
          f"{'per sync':>10}{'per message':>13}  CPU µs a request")
    for one in report["results"]:
        cpu = ", ".join(f"{name} {value:.1f}" for name, value in one["cpu_us"].items())
        print(f"{one['connections']:>11}  {one['peer']:<30}{one['rate']:>10,.0f}{one['ratio']:>9.2f}"
              f"{one['p50_us'] / 1000:>8.2f}{one['p99_us'] / 1000:>8.2f}{figure(one['requests_per_sync']):>10}"
              f"{figure(one['requests_per_message']):>13}  {cpu}")
    print("\nper sync, per message: requests decided by one fdatasync, carried by one message from gateway to issuer")
    for one in report["results"]:
        if one["not_2xx"]:
            print(f"{one['peer']} at {one['connections']} connections: {one['not_2xx']:,} answers were refusals (not 2xx); "
                  "they are not in the rate")


def describe_machine(directory):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "filesystem": filesystem(directory)}


def find_binary():
    root = os.path.join(HERE, "..")
    candidates = [os.environ.get("COUPOND_TEST_BINARY")]
    candidates += [os.path.join(root, "build", preset, "coupond", "coupond") for preset in ("release", "dev")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise BenchError("there is no coupond to measure; build it with ./dev build, or name it in COUPOND_TEST_BINARY")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement")
    parser.add_argument("--connections", type=lambda text: [int(part) for part in text.split(",")], default=[64, 256])
    parser.add_argument("--persister", action="store_true", help="also measure with a persister on SQLite")
    parser.add_argument("--require", type=float, metavar="RATIO",
                        help="exit 1 when coupond with sync = always at the most connections stays below this share of nginx")
    parser.add_argument("--dir", default="/var/tmp", help="where the journal is put; a real disk, not tmpfs")
    parser.add_argument("--out", default=os.path.join(HERE, "results"), help="folder for the JSON results")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds < 1 or min(options.connections) < 1:
        parser.error("--rounds, --seconds and --connections are at least 1")
    return options


def write_report(options, report):
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, f"bench-{report['date'].replace(':', '')}.json")
    with open(path, "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    print(f"written to {os.path.relpath(path)}")


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = tempfile.mkdtemp(prefix="coupond-bench-", dir=options.dir)
    try:
        Coupond.binary = find_binary()
        times = fdatasync_times(directory)
        results = run(options, directory)
        times += fdatasync_times(directory)
        report = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": describe_machine(directory),
            "rounds": options.rounds,
            "seconds": options.seconds,
            "fdatasync_us": {"p50": percentile(times, 50), "p99": percentile(times, 99)},
            "results": results,
        }
    except (BenchError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print_table(report)
    write_report(options, report)
    reached = [one["ratio"] for one in results if one["peer"] == "coupond, sync = always"][-1]
    if options.require is not None and reached < options.require:
        print(f"bench: {reached:.2f} of nginx's rate, {options.require:.2f} is required", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
