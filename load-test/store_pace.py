"""Measures how fast the persister fills the store, compared with the store's own bulk loader.

Method. The real issuer and persister, as processes on this machine, store a journal of one sold-out coupon
(fill_journal) into empty tables; the time runs from the persister's start until the issuer's metrics show that
everything is acknowledged. Alternating with it, the same rows are loaded from a file in the page cache into an empty
copy of the same table: by LOAD DATA LOCAL INFILE of the mariadb client, in one statement, and by .import of the sqlite3
shell, in one transaction, with the persister's pragmas (WAL, synchronous = FULL, the same cache and checkpoints). Users
are in random order unless --ordered is given. Figures are medians over the rounds, and ratios are ratios of medians.
MariaDB is private, with its defaults except a buffer pool of 1 GiB. An uncounted run goes first; it creates the rows.

--creating instead stores a journal with as many records in which every other one creates a coupon, alternating with a
journal of issues of a single coupon, and reports both rates.

--issuing RATE instead stores the journal while `coupond bench` requests RATE issues per second, and reports the time
until the earlier backlog is stored.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/support"))
os.environ.setdefault("COUPOND_TEST_BINARY", str(REPOSITORY / "build/release/coupond/coupond"))
from cluster import Cluster, binary, metric_sum, wait_until
from pressure import cpu_seconds
from servers import MariaDB

FILL = REPOSITORY / "build/release/load-test/fill_journal"
COLUMNS = "coupon_id, sequence, user_id, nth, issued_at, journal_seq"
PRAGMAS = """\
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192;
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Server(MariaDB):
    """Configured like most servers: enough memory for the table, and every commit synced."""

    def options(self, data):
        return [*super().options(data), "--innodb-buffer-pool-size=1G", "--local-infile=ON"]

    def sql(self, *statements, **more):
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--local-infile=1", "--batch",
                   "--skip-column-names", f"--execute={'; '.join(statements)}", "coupond"]
        return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **more)


class MariaStore:
    """The persister's tables and, in another database, the copy that LOAD DATA fills."""

    name = "MariaDB"
    loader = "LOAD DATA LOCAL INFILE"

    def __init__(self, stack, folder):
        self.rows = folder / "rows.tsv"
        self.database = stack.enter_context(Server())

    def empty(self):
        self.database.sql("DROP DATABASE IF EXISTS copy", "DROP DATABASE coupond", "CREATE DATABASE coupond")

    def cpu(self):
        return cpu_seconds(self.database.process.pid)

    def save_rows(self, _):
        with open(self.rows, "wb") as out:
            self.database.sql(f"SELECT {COLUMNS} FROM coupon_issue ORDER BY coupon_id, sequence", stdout=out)
        create = self.database.sql("SHOW CREATE TABLE coupon_issue", capture_output=True, text=True).stdout
        self.table = create.split("\t", 1)[1].replace("\\n", " ").replace("`coupon_issue`", "copy.coupon_issue", 1)

    def prepare_load(self):
        self.empty()
        self.database.sql("CREATE DATABASE copy", self.table)

    def load(self):
        self.database.sql(f"LOAD DATA LOCAL INFILE '{self.rows}' INTO TABLE copy.coupon_issue ({COLUMNS})")

    def loaded(self):
        return int(self.database.sql("SELECT COUNT(*) FROM copy.coupon_issue", capture_output=True, text=True).stdout)


class SqliteStore:
    """The persister's file, and the one that the shell fills."""

    name = "SQLite"
    loader = "sqlite3 .import"
    database = None

    def __init__(self, _, folder):
        self.rows = folder / "rows.tsv"
        self.file = folder / "copy.db"

    def empty(self):
        pass  # each run has its own folder

    def cpu(self):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def shell(self, file, script, **more):
        return subprocess.run(["sqlite3", "-batch", "-bail", file], input=script, text=True, check=True, **more)

    def save_rows(self, file):
        self.shell(file, f".mode tabs\n.output {self.rows}\nSELECT {COLUMNS} FROM coupon_issue ORDER BY 1, 2;\n")
        query = "SELECT sql FROM sqlite_schema WHERE name = 'coupon_issue';\n"
        self.table = self.shell(file, query, capture_output=True).stdout

    def prepare_load(self):
        for file in self.file.parent.glob("copy.db*"):
            file.unlink()
        self.shell(self.file, f"{PRAGMAS}{self.table};\n", stdout=subprocess.DEVNULL)

    def load(self):
        self.shell(self.file, f"{PRAGMAS}.mode tabs\n.import {self.rows} coupon_issue\n", stdout=subprocess.DEVNULL)

    def loaded(self):
        return int(self.shell(self.file, "SELECT COUNT(*) FROM coupon_issue;", capture_output=True).stdout)


def persisted(cluster):
    return metric_sum(cluster.issuer.metrics(), "coupond_issuer_persisted_sequence")


def wait_stored(cluster, records):
    def stored():
        cluster.persisters[0].check_alive()
        return persisted(cluster) >= records
    wait_until(stored, "all rows stored", seconds=600)


@contextlib.contextmanager
def backlog(store, journal, options, gateways=0):
    """Starts an issuer on a copy of the journal, with empty tables; without its persister."""
    store.empty()
    options = {"issuer/snapshot_mb": 0, "issuer/check_store": 0, **options}
    with tempfile.TemporaryDirectory(prefix="drain-", dir=journal.parent) as folder:
        cluster = Cluster(folder, gateways=gateways, database=store.database, options=options)
        shutil.copytree(journal, cluster.journal_directory)
        cluster.write_config()
        try:
            for member in (cluster.issuer, *cluster.gateways):
                member.start()
                wait_until(member.is_ready, f"{member.name} ready")
            yield cluster
        finally:
            cluster.end()


def drain(store, journal, rows, options, after=None, records=None):
    with backlog(store, journal, options) as cluster:
        issuer = cluster.issuer.process.pid
        issuer_cpu, store_cpu, began = cpu_seconds(issuer), store.cpu(), time.monotonic()
        cluster.persisters[0].start()
        wait_stored(cluster, records or rows + 1)
        seconds = time.monotonic() - began
        result = {"seconds": seconds, "rows_per_s": rows / seconds, "cpu_issuer": cpu_seconds(issuer) - issuer_cpu,
                  "cpu_persister": cpu_seconds(cluster.persisters[0].process.pid)}
        if store.database:
            result["cpu_store"] = store.cpu() - store_cpu
        batches = cluster.persisters[0].metrics()
        result["transactions"] = int(metric_sum(batches, "coupond_persister_batch_rows_count"))
        if after:
            cluster.stop()
            after(cluster)
    return result


def load(store, rows):
    store.prepare_load()
    cpu, began = store.cpu(), time.monotonic()
    store.load()
    seconds = time.monotonic() - began
    result = {"seconds": seconds, "rows_per_s": rows / seconds, "cpu_store": store.cpu() - cpu}
    if store.loaded() != rows:
        sys.exit(f"store_pace: {store.loader} stored {store.loaded()} rows instead of {rows}")
    return result


def measure(store, journal, arguments, options):
    drain(store, journal, arguments.rows, options, after=lambda cluster: store.save_rows(cluster.store_path))
    runs = {"persister": [], "loader": []}
    for number in range(arguments.rounds):
        # In reverse order every other time, so that a drift affects both equally.
        for who in (("persister", "loader"), ("loader", "persister"))[number % 2]:
            one = drain(store, journal, arguments.rows, options) if who == "persister" else load(store, arguments.rows)
            say(f"{store.name}, round {number + 1} of {arguments.rounds}, {who}: "
                + ", ".join(f"{key} {value:,.2f}" for key, value in one.items()))
            runs[who].append(one)
    return {"store": store.name, "loader": store.loader, "rows": arguments.rows, "runs": runs}


def drain_while_issuing(store, journal, arguments, options):
    with backlog(store, journal, options, gateways=1) as cluster:
        command = [binary(), "bench", "--url", f"http://{cluster.addresses[0]}", "--create", "4000000000", "--rate",
                   str(arguments.issuing), "--duration", str(arguments.seconds), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
            wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_journal_sequence")
                       > arguments.rows + 2,
                       "issuing continues")
            began = time.monotonic()
            cluster.persisters[0].start()
            wait_stored(cluster, arguments.rows + 1)
            seconds = time.monotonic() - began
            issuing = bench.poll() is None
            asked = json.loads(bench.communicate()[0])
    if not issuing:
        say("store_pace: issuing ended before the backlog was stored; increase --seconds")
    return {"store": store.name, "rows": arguments.rows, "seconds": seconds, "issuing_all_the_while": issuing,
            "rate": arguments.issuing, "latency_us": asked["latency_us"]}


def measure_creating(store, journals, arguments, options):
    """Both journals have the same number of records, except for the one coupon that is sold out."""
    rows, runs = arguments.rows, {"issues": [], "creating": []}
    for number in range(arguments.rounds):
        for what in (("issues", "creating"), ("creating", "issues"))[number % 2]:
            records = rows if what == "creating" else None
            one = drain(store, journals[what], rows, options, records=records)
            say(f"{store.name}, round {number + 1} of {arguments.rounds}, {what}: "
                + ", ".join(f"{key} {value:,.2f}" for key, value in one.items()))
            runs[what].append(one)
    return {"store": store.name, "records": rows, "runs": runs}


def median(runs, key):
    return statistics.median(run[key] for run in runs if key in run) if any(key in run for run in runs) else None


def print_measured(results, rounds):
    print(f"\nMedians of {rounds} alternating rounds; CPU in µs per row.\n")
    print("| | rows | persister, rows/s | loader, rows/s | ratio | CPU issuer | persister | store | loader |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|--:|")
    for one in results:
        ours, theirs, rows = one["runs"]["persister"], one["runs"]["loader"], one["rows"]
        cpu = [median(ours, "cpu_issuer"), median(ours, "cpu_persister"), median(ours, "cpu_store"),
               median(theirs, "cpu_store")]
        used = [f"{value / rows * 1e6:.1f}" if value is not None else "" for value in cpu]
        pace, loader = median(ours, "rows_per_s"), median(theirs, "rows_per_s")
        print(f"| {one['store']} beside {one['loader']} | {rows:,} | {pace:,.0f} | {loader:,.0f} | {pace / loader:.2f} "
              f"| {' | '.join(used)} |")


def print_creating(results, rounds):
    print(f"\nMedians of {rounds} alternating rounds.\n")
    print("| | records | issues alone, records/s | every other one a creation | ratio |\n|:--|--:|--:|--:|--:|")
    for one in results:
        issues, creating = (median(one["runs"][what], "rows_per_s") for what in ("issues", "creating"))
        print(f"| {one['store']} | {one['records']:,} | {issues:,.0f} | {creating:,.0f} | {creating / issues:.2f} |")


def print_issuing(results):
    print("\n| | backlog | issues per second meanwhile | stored after | p50 | p99 |\n|:--|--:|--:|--:|--:|--:|")
    for one in results:
        latency = one["latency_us"]
        print(f"| {one['store']} | {one['rows']:,} | {one['rate']:,} | {one['seconds']:.1f} s "
              f"| {latency['p50'] / 1000:.2f} ms | {latency['p99'] / 1000:.2f} ms |")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", choices=("mysql", "sqlite"), action="append", help="only this one (default: both)")
    parser.add_argument("--ordered", action="store_true", help="users in the order of their names")
    parser.add_argument("--creating", action="store_true", help="every other record creates a coupon")
    parser.add_argument("--issuing", type=int, metavar="RATE",
                        help="store the journal during this many issues per second")
    parser.add_argument("--seconds", type=int, default=20, help="duration of --issuing")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="an option of coupond")
    parser.add_argument("--dir", help="folder for journals and stores (default: a temporary folder)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def fill(folder, name, issues, *order):
    journal = folder / name
    journal.mkdir()
    subprocess.run([FILL, journal / "p00", str(issues), *order], check=True)
    return journal


def main():
    arguments = parse_arguments()
    options = dict(option.split("=", 1) for option in arguments.set)
    results = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coupond-stores-", dir=arguments.dir)))
        journal = fill(folder, "journal", arguments.rows, *([] if arguments.ordered else ["shuffled"]))
        job = drain_while_issuing if arguments.issuing else measure
        if arguments.creating:
            arguments.rows -= arguments.rows % 2
            journal, job = {"issues": journal,
                            "creating": fill(folder, "creating", arguments.rows // 2, "creating")}, measure_creating
        for name, kind in (("mysql", MariaStore), ("sqlite", SqliteStore)):
            if arguments.store and name not in arguments.store:
                continue
            results.append(job(kind(stack, folder), journal, arguments, options))
    if arguments.json:
        print(json.dumps(results, indent=2))
    elif arguments.creating:
        print_creating(results, arguments.rounds)
    elif arguments.issuing:
        print_issuing(results)
    else:
        print_measured(results, arguments.rounds)


if __name__ == "__main__":
    main()
