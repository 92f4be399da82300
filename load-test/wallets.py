#!/usr/bin/env python3
"""Measures what follows the issue of a coupon: redemptions, wallets, and the list of a coupon's issues.

redeem    The rate of redemptions beside that of issues: wrk issues to new users for some seconds and then redeems what
          it issued, over the same connections; CPU is that of issuer and gateway together. Medians over the rounds.
wallets   MariaDB holds --users users with ten issues each. While `coupond bench` requests --issues issues per second,
          the wallets of random users are read at --rate per second; latencies count from the intended send time.
list      The issues of a coupon with --users issues as one CSV, from MariaDB and from SQLite: seconds until the last
          byte, and the gateway's memory before and after.

The rows of wallets and list are inserted by SQL, so that they exist without a journal. MariaDB is private, with its
defaults except a buffer pool of 1 GiB. Prints a table, or JSON with --json. Run by `./dev wallets`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/support"))
os.environ.setdefault("COUPOND_TEST_BINARY", str(REPOSITORY / "build/release/coupond/coupond"))
from cluster import Cluster, binary
from pressure import anonymous_bytes, cpu_seconds
from servers import MariaDB

COUPONS = 10
CONNECTIONS = 8
WRK = REPOSITORY / "load-test/issue.lua"
COUPON = """INSERT INTO coupon
(id, title, quantity, per_user_limit, paused, issued, created_at, updated_at, journal_seq)
VALUES ('{id}', 'A coffee', {users}, 1, 0, {users}, '{time}', '{time}', 1)"""
MARIADB_ISSUES = """INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq)
SELECT '{id}', seq, CONCAT('u', LPAD((seq * {factor} + {offset}) MOD {users}, 10, '0')), 1,
'2026-01-01' + INTERVAL seq MICROSECOND, seq + 1 FROM seq_1_to_{users}"""
SQLITE_ISSUES = """WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {users})
INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq)
SELECT '{id}', seq, printf('u%010d', (seq * {factor} + {offset}) % {users}), 1,
printf('2026-01-01T00:00:%02d.%06dZ', (seq / 1000000) % 60, seq % 1000000), seq + 1 FROM numbers"""
FACTOR, OFFSET = 1_299_709, 104_729  # primes: the users of each coupon come in another random order


def say(text):
    print(text, file=sys.stderr, flush=True)


class Server(MariaDB):
    """Configured like most servers: enough memory for the tables, and every commit synced."""

    def options(self, data):
        return [*super().options(data), "--innodb-buffer-pool-size=1G"]


# --- redemptions


def wrk(cluster, arguments, seconds, prefix, *more):
    """Runs wrk for `seconds`; returns answers per second and CPU µs of issuer and gateway per answer."""
    members = [cluster.issuer.process.pid, cluster.gateways[0].process.pid]
    command = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{seconds}s", "-s", WRK,
               f"http://{cluster.addresses[0]}", "--", "C", prefix, *more]
    cpu = sum(map(cpu_seconds, members))
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu = sum(map(cpu_seconds, members)) - cpu
    found = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", output)}
    answers = found["requests"] - found["not_2xx"]
    return {"per_s": answers / found["duration_us"] * 1e6, "cpu_us": cpu / found["requests"] * 1e6,
            "answers": answers, "refused": found["not_2xx"]}


def measure_redeem(arguments):
    runs = {"issued": [], "redeemed": []}
    with tempfile.TemporaryDirectory(prefix="coupond-wallets-", dir=arguments.dir) as folder, \
            Cluster(folder, options={"issuer/segment_mb": 64}) as cluster:
        cluster.create_coupon("C", 4_000_000_000)
        for number in range(arguments.rounds):
            # Half as long, so that no redemption is asked for before its issue exists.
            one = {"issued": wrk(cluster, arguments, arguments.seconds, f"r{number}"),
                   "redeemed": wrk(cluster, arguments, arguments.seconds // 2, f"r{number}",
                                   "/v1/coupons/C/issues/USER/redemption", "PUT", '{"reference":"order-1"}')}
            say(f"round {number + 1} of {arguments.rounds}: {one}")
            for name, run in one.items():
                runs[name].append(run)
        redeemed = cluster.coupon("C")["redeemed"]
    unread = redeemed - sum(run["answers"] for run in runs["redeemed"])  # wrk ends without waiting for answers
    if not 0 <= unread <= arguments.rounds * arguments.connections:
        sys.exit(f"wallets: {redeemed} issues are redeemed, {unread} more than wrk was told")
    result = {name: {key: statistics.median(run[key] for run in many) for key in ("per_s", "cpu_us")}
              for name, many in runs.items()}
    result["ratio"] = result["redeemed"]["per_s"] / result["issued"]["per_s"]
    return result


# --- a store with many issues


def fill(cluster, database, coupons, users):
    """Inserts rows into the tables that the persister has made."""
    for number in range(coupons):
        values = {"id": f"W{number}", "users": users, "factor": FACTOR, "offset": OFFSET * number,
                  "time": "2026-01-01" if database else "2026-01-01T00:00:00.000000Z"}
        say(f"filling {'MariaDB' if database else 'SQLite'}, coupon {number + 1} of {coupons}")
        if database:
            database.administer("USE coupond", "START TRANSACTION", COUPON.format(**values),
                                MARIADB_ISSUES.format(**values), "COMMIT")
            continue
        with contextlib.closing(sqlite3.connect(cluster.store_path)) as connection, connection:
            connection.execute(COUPON.format(**values))
            connection.execute(SQLITE_ISSUES.format(**values))


@contextlib.contextmanager
def filled(arguments, database, coupons):
    with tempfile.TemporaryDirectory(prefix="coupond-wallets-", dir=arguments.dir) as folder, \
            Cluster(folder, database=database) as cluster:
        fill(cluster, database, coupons, arguments.users)
        yield cluster


# --- wallets


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def read_answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"\r\nContent-Length: (\d+)", head)[1])
    return head[9:12], await reader.readexactly(length)


async def read_wallets(address, arguments, latencies, rows):
    """Each connection sends its share of the requests at their times, or at once when it is late."""
    interval, began = CONNECTIONS / arguments.rate, time.monotonic() + 0.1
    host, port = address.rsplit(":", 1)

    async def one(number):
        reader, writer = await asyncio.open_connection(host, int(port))
        for turn in range(int(arguments.seconds / interval)):
            due = began + (turn + number / CONNECTIONS) * interval
            await asyncio.sleep(max(0, due - time.monotonic()))
            user = f"u{random.randrange(arguments.users):010}"
            writer.write(f"GET /v1/users/{user}/issues HTTP/1.1\r\nHost: wallets\r\n\r\n".encode())
            status, body = await read_answer(reader)
            latencies.append(time.monotonic() - due)
            if status != b"200":
                sys.exit(f"wallets: a wallet was answered {status.decode()}: {body.decode()}")
            rows.append(len(json.loads(body)["issues"]))
        writer.close()

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))


def measure_wallets(arguments):
    with Server() as database, filled(arguments, database, COUPONS) as cluster:
        address = cluster.addresses[0]
        bench = [binary(), "bench", "--url", f"http://{address}", "--create", "4000000000", "--rate",
                 str(arguments.issues), "--duration", str(arguments.seconds + 2), "--json"]
        latencies, rows = [], []
        with subprocess.Popen(bench, stdout=subprocess.PIPE, text=True) as issuing:
            asyncio.run(read_wallets(address, arguments, latencies, rows))
            beside = issuing.poll() is None
            told = json.loads(issuing.communicate()[0])
    if min(rows) != COUPONS:
        sys.exit(f"wallets: a wallet has {min(rows)} issues instead of {COUPONS}")
    return {"rows": COUPONS * arguments.users, "read": len(latencies), "rate": arguments.rate,
            "issues_per_s": told["answered_rate"], "issuing_all_the_while": beside,
            "p50_ms": quantile(latencies, 0.5) * 1e3, "p99_ms": quantile(latencies, 0.99) * 1e3,
            "max_ms": max(latencies) * 1e3, "issue_p99_ms": told["latency_us"]["p99"] / 1e3}


# --- lists


def read_list(cluster, arguments):
    gateway = cluster.gateways[0]
    before, peak, began = anonymous_bytes(gateway), 0, time.monotonic()
    command = ["curl", "-sS", "--fail", "-H", "Accept: text/csv", "-o", str(cluster.directory / "list.csv"),
               f"http://{cluster.addresses[0]}/v1/coupons/W0/issues"]
    with subprocess.Popen(command) as curl:
        while curl.poll() is None:
            peak = max(peak, anonymous_bytes(gateway))
            time.sleep(0.01)
    seconds = time.monotonic() - began
    with open(cluster.directory / "list.csv", "rb") as lines:
        count = sum(1 for _ in lines) - 1
    if curl.returncode != 0 or count != arguments.users:
        sys.exit(f"wallets: the list has {count} lines, and curl ended with {curl.returncode}")
    return {"seconds": seconds, "grown_bytes": peak - before}


def measure_list(arguments):
    results = {}
    for name, server in (("MariaDB", Server), ("SQLite", contextlib.nullcontext)):
        with server() as database, filled(arguments, database, 1) as cluster:
            runs = [read_list(cluster, arguments) for _ in range(arguments.rounds)]
            results[name] = {"rows": arguments.users, "seconds": statistics.median(run["seconds"] for run in runs),
                             "grown_bytes": max(run["grown_bytes"] for run in runs)}
            say(f"{name}: {results[name]}")
    return results


# --- command


def print_tables(results):
    if "redeem" in results:
        print("\n| | per second | CPU of issuer and gateway |\n|:--|--:|--:|")
        for name in ("issued", "redeemed"):
            one = results["redeem"][name]
            print(f"| {name} | {one['per_s']:,.0f} | {one['cpu_us']:.1f} µs |")
        print(f"\nRedemptions per issue, in time: {results['redeem']['ratio']:.2f}")
    if "wallets" in results:
        one = results["wallets"]
        print("\n| issues in the store | issues/s meanwhile | wallets/s | p50 | p99 | slowest |")
        print("|--:|--:|--:|--:|--:|--:|")
        print(f"| {one['rows']:,} | {one['issues_per_s']:,.0f} | {one['rate']:,} | {one['p50_ms']:.1f} ms "
              f"| {one['p99_ms']:.1f} ms | {one['max_ms']:.1f} ms |")
    if "list" in results:
        print("\n| store | lines of CSV | time | memory of the gateway |\n|:--|--:|--:|--:|")
        for name, one in results["list"].items():
            print(f"| {name} | {one['rows']:,} | {one['seconds']:.2f} s | +{one['grown_bytes'] / 2**20:.1f} MiB |")


def main():
    measures = {"redeem": measure_redeem, "wallets": measure_wallets, "list": measure_list}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(measures)} (default: all)")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="duration of each load")
    parser.add_argument("--connections", type=int, default=256, help="of wrk")
    parser.add_argument("--rate", type=int, default=500, help="wallets per second")
    parser.add_argument("--issues", type=int, default=5000, help="issues per second beside the wallets")
    parser.add_argument("--dir", help="folder for journals and stores (default: a temporary folder)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.what:
        if name not in measures:
            parser.error(f"unknown measurement: {name}")
    results = {name: measure(arguments) for name, measure in measures.items()
               if not arguments.what or name in arguments.what}
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        print_tables(results)


if __name__ == "__main__":
    main()
