#!/usr/bin/env python3
"""Measures many coupons: creating them in random order over HTTP, listing them during issues, and recovering them.

Starts an issuer and a gateway on a private folder, creates coupons over several connections and records the rate of
each hundred thousand; reads pages from random cursors under a load of issues; kills the issuer and measures its
recovery from the journal alone, and with a snapshot. Prints a table, or JSON with --json. Run by `./dev coupons`.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import urllib.request

from recovery import BINARY, Gateway, Issuer, say

PART = 100_000
PAGE = 200


def count_coupons(port):
    """The number of coupons that the issuer has in all partitions."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(line.split()[-1]) for line in lines if line.startswith("coupond_issuer_coupons{"))


def cpu_seconds(process):
    """The CPU time that a process has used so far; on a shared machine it is more reliable than a rate."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def create(issuer, gateway, arguments):
    """For each hundred thousand coupons: creations per second, and CPU µs of issuer and gateway per creation."""
    script = pathlib.Path(__file__).with_name("create.lua")
    command = ["wrk", "-t1", f"-c{arguments.connections}", "-d3600s", "-s", str(script), gateway.url, "--", "0"]
    wrk = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    clocks = [time.monotonic, lambda: cpu_seconds(issuer.process), lambda: cpu_seconds(gateway.process)]
    before = [0, *[clock() for clock in clocks]]
    parts = []
    try:
        while before[0] < arguments.coupons:
            time.sleep(0.02)
            count = count_coupons(arguments.port + 1)
            if count < min(before[0] + PART, arguments.coupons):
                continue
            now = [count, *[clock() for clock in clocks]]
            made, seconds, *cpu = [after - earlier for after, earlier in zip(now, before)]
            parts.append({"coupons": count, "rate": made / seconds, "cpu_us": [used / made * 1e6 for used in cpu]})
            say(f"  {parts[-1]}")
            before = now
    finally:
        wrk.terminate()
        wrk.wait()
    return parts


def read_pages(gateway, pages):
    """The milliseconds of each page, read from random cursors over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]), timeout=10)
    choose = random.Random(1)
    took = []
    for _ in range(pages):
        target = f"/v1/coupons?limit={PAGE}&cursor={choose.randrange(2**32):08x}00"
        began = time.perf_counter()
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200 or not json.loads(body)["coupons"]:
            raise SystemExit(f"coupons: {target}: {answer.status}")
        time.sleep(0.005)
    return sorted(took)


def listing(issuer, gateway, pages, rate):
    """Reads pages during `rate` issues per second, or without issues if it is 0."""
    load = None
    if rate > 0:
        load = subprocess.Popen([BINARY, "bench", "--url", gateway.url, "--create", "4000000000", "--rate", str(rate),
                                 "--duration", "600", "--json"], stdout=subprocess.DEVNULL)
        time.sleep(1)
    used = [-cpu_seconds(role.process) for role in (issuer, gateway)]
    try:
        took = read_pages(gateway, pages)
        used = [before + cpu_seconds(role.process) for before, role in zip(used, (issuer, gateway))]
    finally:
        if load is not None:
            load.terminate()
            load.wait()
    return {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "max": took[-1],
            "cpu_ms": [seconds / pages * 1000 for seconds in used]}


class Persister:
    """Writes the issues of the same folder's issuer into its own SQLite database."""

    def __init__(self, folder):
        command = [BINARY, "persister", "--set=persister/http=", f"--set=store/path={folder}/store.db",
                   f"--set=persister/events=ipc://{folder}/events", f"--set=persister/acks=ipc://{folder}/acks"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def end(self):
        self.process.terminate()
        self.process.wait()


def recover(folder, journal, options):
    """Starts an issuer on the existing files and measures its recovery time."""
    issuer = Issuer(folder, journal, options)
    seconds, _ = issuer.wait_for(r"deciding", 600)
    return issuer, seconds


def measure(folder, arguments):
    journal = folder / "journal"
    journal.mkdir()
    options = [f"issuer/http=127.0.0.1:{arguments.port + 1}", f"issuer/partitions={arguments.partitions}",
               *arguments.set]
    issuer = Issuer(folder, journal, [*options, "issuer/snapshot_mb=256"])
    issuer.wait_for(r"deciding", 60)
    gateway = Gateway(folder, arguments.port, [f"issuer/partitions={arguments.partitions}"])
    persister = Persister(folder) if arguments.persister else None
    result = {"coupons": arguments.coupons, "partitions": arguments.partitions}
    try:
        gateway.wait_ready()
        say(f"creating {arguments.coupons:,} coupons over {arguments.connections} connections")
        result["created"] = create(issuer, gateway, arguments)
        say("listing them")
        result["pages_idle"] = listing(issuer, gateway, arguments.pages, 0)
        result["pages_loaded"] = listing(issuer, gateway, arguments.pages, arguments.rate)
    finally:
        gateway.end()
        issuer.kill()
        if persister is not None:
            persister.end()
    for path in journal.glob("p*/*.snapshot"):
        path.unlink()
    say("recovering without a snapshot")
    issuer, result["seconds_without"] = recover(folder, journal,
                                                [*options, "issuer/snapshot_mb=1", "issuer/snapshot_mb_per_s=0"])
    for partition in range(arguments.partitions):
        issuer.wait_for(rf"snapshot partition={partition} ", 600)
    issuer.kill()
    say("recovering with a snapshot")
    issuer, result["seconds_with"] = recover(folder, journal, [*options, "issuer/snapshot_mb=0"])
    issuer.kill()
    return result


def print_result(result, rate):
    print("| coupons | created per second | CPU of the issuer per creation | of the gateway |\n|--:|--:|--:|--:|")
    for part in result["created"]:
        print(
            f"| {part['coupons']:,} | {part['rate']:,.0f} | {part['cpu_us'][0]:.1f} µs | {part['cpu_us'][1]:.1f} µs |"
        )
    print(f"\n| page of {PAGE} | p50 | p99 | max | CPU per page, including the issues |\n|:--|--:|--:|--:|--:|")
    for name, key in (("idle", "pages_idle"), (f"beside {rate:,} issues/s", "pages_loaded")):
        figures = [*[result[key][column] for column in ("p50", "p99", "max")], sum(result[key]["cpu_ms"])]
        print(f"| {name} | " + " | ".join(f"{figure:.2f} ms" for figure in figures) + " |")
    print(f"\nrecovered without a snapshot in {result['seconds_without']:.1f} s, with one in "
          f"{result['seconds_with']:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--coupons", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--rate", type=int, default=5000, help="issues per second during the listing")
    parser.add_argument("--persister", action="store_true", help="run a persister that fills SQLite")
    parser.add_argument("--dir", help="folder for the journal (default: a temporary folder)")
    parser.add_argument("--port", type=int, default=18080, help="port of the gateway; the issuer takes the next one")
    parser.add_argument("--set", action="append", default=[], help="an option of the issuer")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="coupond-coupons-", dir=arguments.dir))
    try:
        result = measure(folder, arguments)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print_result(result, arguments.rate)


if __name__ == "__main__":
    main()
