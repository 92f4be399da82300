#!/usr/bin/env python3
"""Measures the duration and memory of an issuer's recovery, and the effect of a snapshot on clients.

Fills a journal of one sold-out coupon (fill_journal), starts the issuer on it, lets it write a snapshot, kills it, and
restarts it. With --under-load N it also loads an issuer with N users, alternately with and without a snapshot being
written. Prints tables, or JSON with --json. Run by `./dev recovery`.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Removed from the environment: coupond refuses unknown variables with its prefix.
BINARY = os.environ.pop("COUPOND_BENCH_BINARY", "build/release/coupond/coupond")
FILL = os.environ.pop("COUPOND_BENCH_FILL", "build/release/load-test/fill_journal")


KINDS = {None: "", "creating": " of as many coupons", "redeemed": " and as many redemptions"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def anonymous_bytes(pid):
    """The current resident anonymous memory."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024


class Issuer:
    """The real program on a folder, with its log in a file."""

    def __init__(self, folder, journal, options):
        self.log = folder / f"issuer-{time.monotonic_ns()}.log"
        sockets = [f"--set=issuer/{name}=ipc://{folder}/{name}" for name in ("requests", "events", "acks")]
        command = [BINARY, "issuer", f"--set=issuer/journal_dir={journal}", "--set=issuer/http=",
                   f"--set=issuer/local_requests=shm://{folder}/local", f"--set=store/path={folder}/none.db", *sockets,
                   *[f"--set={option}" for option in options]]
        self.began = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL)
        self.peak = 0

    def wait_for(self, pattern, seconds):
        """Waits for a line that matches; returns the seconds since the start and the match."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"recovery: the issuer ended: {self.log.read_text()}")
            self.peak = max(self.peak, anonymous_bytes(self.process.pid))
            match = re.search(pattern, self.log.read_text())
            if match:
                return time.monotonic() - self.began, match
            time.sleep(0.02)
        sys.exit(f"recovery: no line matches {pattern!r} within {seconds} s: {self.log.read_text()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def measure(folder, issues, kind):
    journal = folder / "journal"
    journal.mkdir()
    say(f"filling a journal with {issues:,} issues{KINDS[kind]}")
    subprocess.run([FILL, journal / "p00", str(issues), *([kind] if kind else [])], check=True)
    result = {"issues": issues, "journal_bytes": sum(f.stat().st_size for f in (journal / "p00").glob("*.segment"))}
    say("starting without a snapshot")
    issuer = Issuer(folder, journal, ["issuer/snapshot_mb=1", "issuer/snapshot_mb_per_s=0"])
    result["seconds_without"], _ = issuer.wait_for(r"deciding", 600)
    result["anonymous_bytes"] = issuer.peak
    say("writing a snapshot")
    _, match = issuer.wait_for(r"snapshot partition=0 .* bytes=(\d+) seconds=([\d.]+)", 600)
    result["snapshot_bytes"], result["snapshot_seconds"] = int(match.group(1)), float(match.group(2))
    issuer.kill()
    say("starting with the snapshot")
    issuer = Issuer(folder, journal, ["issuer/snapshot_mb=0"])
    result["seconds_with"], _ = issuer.wait_for(r"deciding", 600)
    result["anonymous_bytes_with"] = issuer.peak
    issuer.kill()
    return result


class Gateway:
    """A gateway of the same folder's issuer."""

    def __init__(self, folder, port, options=()):
        self.url = f"http://127.0.0.1:{port}"
        command = [BINARY, "gateway", f"--set=gateway/requests=shm://{folder}/local",
                   f"--set=gateway/http=127.0.0.1:{port}", "--set=gateway/operator_http=",
                   *[f"--set={option}" for option in options]]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def wait_ready(self):
        deadline = time.monotonic() + 30
        while subprocess.run(["curl", "-sf", "-o", "/dev/null", self.url + "/readyz"], check=False).returncode != 0:
            if time.monotonic() > deadline:
                sys.exit("recovery: the gateway does not become ready")
            time.sleep(0.05)

    def end(self):
        self.process.terminate()
        self.process.wait()


def open_loop(gateway, rate, seconds):
    """Latencies in milliseconds from the intended send time, measured by `coupond bench`."""
    command = [BINARY, "bench", "--url", gateway.url, "--create", "4000000000", "--rate", str(rate), "--duration",
               str(seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def closed_loop(gateway, seconds):
    """Answers per second to wrk with 256 connections and a new user in every request."""
    subprocess.run(["curl", "-sf", "-o", "/dev/null", "-X", "POST", gateway.url + "/v1/coupons", "-H",
                    "content-type: application/json", "-d",
                    json.dumps({"id": "WRK", "title": "wrk", "quantity": 4_000_000_000})], check=False)
    script = pathlib.Path(__file__).with_name("issue.lua")
    command = ["wrk", "-t1", "-c256", f"-d{seconds}s", "-s", str(script), gateway.url, "--", "WRK",
               f"s{time.monotonic_ns()}"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def load_once(folder, journal, snapshot, arguments):
    """Starts once, loads once, and returns the measurements."""
    issuer = Issuer(folder, journal, ["issuer/snapshot_mb=" + ("1" if snapshot else "0")])
    gateway = Gateway(folder, arguments.port)
    try:
        issuer.wait_for(r"deciding", 600)
        gateway.wait_ready()
        result = {"snapshot": snapshot, "rate": closed_loop(gateway, arguments.seconds)}
        latency = open_loop(gateway, arguments.rate, arguments.seconds)["latency_us"]
        result.update({name: value / 1000 for name, value in latency.items()})
        written = re.findall(r"snapshot partition=0 .* seconds=([\d.]+)", issuer.log.read_text())
        result["overlapped"] = not snapshot or not written or float(written[0]) >= 2 * arguments.seconds
    finally:
        gateway.end()
        issuer.kill()
    for path in journal.glob("p00/*.snapshot"):
        path.unlink()
    return result


def measure_under_load(folder, arguments):
    journal = folder / "journal"
    journal.mkdir()
    say(f"filling a journal with {arguments.under_load:,} issues")
    subprocess.run([FILL, journal / "p00", str(arguments.under_load)], check=True)
    runs = []
    for number in range(arguments.rounds):
        # In reverse order every other time, so that a drift affects both equally.
        for snapshot in ((False, True), (True, False))[number % 2]:
            say(f"round {number + 1} of {arguments.rounds}, {'with' if snapshot else 'without'} a snapshot in progress")
            runs.append(load_once(folder, journal, snapshot, arguments))
            say(f"  {runs[-1]}")
    return runs


def median(runs, snapshot, key):
    values = sorted(run[key] for run in runs if run["snapshot"] == snapshot)
    return values[len(values) // 2]


def print_under_load(runs, arguments):
    print(f"\nWith {arguments.under_load:,} users in the ledger, medians of {arguments.rounds} alternating rounds:\n")
    print("| | without a snapshot | while one is written |\n|:--|--:|--:|")
    print(f"| answers/s, 256 connections | {median(runs, False, 'rate'):,.0f} | {median(runs, True, 'rate'):,.0f} |")
    for key in ("p50", "p99", "max"):
        print(f"| {key} at {arguments.rate:,}/s | {median(runs, False, key):.2f} ms | "
              f"{median(runs, True, key):.2f} ms |")
    if not all(run["overlapped"] for run in runs):
        print("\nA snapshot ended before its load: use more users or fewer seconds.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--issues", type=int, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--coupons", type=int, nargs="+",
                        help="instead of --issues: this many coupons, each with one issue")
    parser.add_argument("--redeemed", action="store_true", help="every issue is redeemed")
    parser.add_argument("--dir", help="folder for the journal (default: a temporary folder)")
    parser.add_argument("--under-load", type=int, metavar="USERS",
                        help="measure load during a snapshot of this many users")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="duration of each of the two loads of a round")
    parser.add_argument("--rate", type=int, default=20000,
                        help="requests per second of the load that measures latencies")
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.under_load:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="coupond-recovery-", dir=arguments.dir))
        try:
            runs = measure_under_load(folder, arguments)
        finally:
            shutil.rmtree(folder)
        if arguments.json:
            print(json.dumps(runs, indent=2))
        else:
            print_under_load(runs, arguments)
        return
    results = []
    for issues in arguments.coupons or arguments.issues:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="coupond-recovery-", dir=arguments.dir))
        try:
            kind = "creating" if arguments.coupons else "redeemed" if arguments.redeemed else None
            results.append(measure(folder, issues, kind))
        finally:
            shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print("| issues | journal | without snapshot | snapshot | with snapshot | anonymous memory | bytes an issue |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for r in results:
        print(f"| {r['issues']:,} | {r['journal_bytes'] / 2**20:,.0f} MiB | {r['seconds_without']:.1f} s "
              f"| {r['snapshot_bytes'] / 2**20:,.0f} MiB | {r['seconds_with']:.1f} s "
              f"| {max(r['anonymous_bytes'], r['anonymous_bytes_with']) / 1e9:.2f} GB "
              f"| {r['anonymous_bytes_with'] / r['issues']:.1f} |")


if __name__ == "__main__":
    main()
