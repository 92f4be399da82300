#!/usr/bin/env python3
"""How long an issuer needs to recover, and how much memory that takes: without and with a snapshot.

Fills a journal of one coupon, sold out (fill_journal), starts the issuer on it, lets it write a snapshot, kills it, and
starts it again. Prints a table, or JSON with --json. Run by `./dev recovery`.
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

BINARY = os.environ.get("COUPOND_BENCH_BINARY", "build/release/coupond/coupond")
FILL = os.environ.get("COUPOND_BENCH_FILL", "build/release/load-test/fill_journal")


def say(text):
    print(text, file=sys.stderr, flush=True)


def anonymous_bytes(pid):
    """Resident anonymous memory now, and at its highest where the kernel tells."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024


class Issuer:
    """The real program on a folder, with its log in a file."""

    def __init__(self, folder, journal, options):
        self.log = folder / f"issuer-{time.monotonic_ns()}.log"
        sockets = [f"--set=issuer/{name}=ipc://{folder}/{name}" for name in ("requests", "events", "acks")]
        command = [BINARY, "issuer", f"--set=issuer/journal_dir={journal}", "--set=issuer/http=",
                   f"--set=store/path={folder}/none.db", *sockets, *[f"--set={option}" for option in options]]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stderr=self.log.open("wb"), stdout=subprocess.DEVNULL)
        self.peak = 0

    def wait_for(self, pattern, seconds):
        """Seconds from the start until a line matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"recovery: the issuer ended: {self.log.read_text()}")
            self.peak = max(self.peak, anonymous_bytes(self.process.pid))
            match = re.search(pattern, self.log.read_text())
            if match:
                return time.monotonic() - self.began, match
            time.sleep(0.02)
        sys.exit(f"recovery: nothing like {pattern!r} within {seconds} s: {self.log.read_text()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def measure(folder, issues):
    journal = folder / "journal"
    journal.mkdir()
    say(f"filling a journal with {issues:,} issues")
    subprocess.run([FILL, journal / "p00", str(issues)], check=True)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--issues", type=int, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--dir", help="where to make the journal (default: a temporary folder)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = []
    for issues in arguments.issues:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="coupond-recovery-", dir=arguments.dir))
        try:
            results.append(measure(folder, issues))
        finally:
            shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print("| issues | journal | without snapshot | snapshot | with snapshot | anonymous memory |")
    print("|--:|--:|--:|--:|--:|--:|")
    for r in results:
        print(f"| {r['issues']:,} | {r['journal_bytes'] / 2**20:,.0f} MiB | {r['seconds_without']:.1f} s "
              f"| {r['snapshot_bytes'] / 2**20:,.0f} MiB | {r['seconds_with']:.1f} s "
              f"| {max(r['anonymous_bytes'], r['anonymous_bytes_with']) / 1e9:.2f} GB |")


if __name__ == "__main__":
    main()
