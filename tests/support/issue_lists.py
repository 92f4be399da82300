"""For tests of lists of issues: a store with many issues, and clients that read lists as pages or as streams."""

import contextlib
import csv
import http.client
import io
import json
import sqlite3

import pymysql

COLUMNS = ["coupon_id", "user_id", "sequence", "nth", "code", "issued_at", "redeemable_until", "state", "reference",
           "redeemed_at", "reason", "revoked_at"]


@contextlib.contextmanager
def connected(cluster):
    """A cursor of the store, as its administrator."""
    if cluster.database is None:
        connection = sqlite3.connect(cluster.store_path, timeout=60, isolation_level=None)
    else:
        connection = pymysql.connect(unix_socket=str(cluster.database.socket), user="root", autocommit=True,
                                     database=cluster.database.database, charset="utf8mb4")
    with contextlib.closing(connection):
        yield connection.cursor()


def fill(cluster, coupon, count):
    """Writes issues 1 to `count` of an existing coupon past the persister, to users u1, u2, …"""
    sqlite = cluster.database is None
    user = "'u' || n" if sqlite else "CONCAT('u', n)"
    time = "'2026-01-01T00:00:00.000000Z'" if sqlite else "'2026-01-01'"
    with connected(cluster) as cursor:
        if not sqlite:
            cursor.execute(f"SET max_recursive_iterations = {count + 1}")
        numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
        select = f"SELECT '{coupon}', n, {user}, 1, {time}, n FROM numbers"
        insert = "INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq)"
        cursor.execute(f"{numbers} {insert} {select}" if sqlite else f"{insert} {numbers} {select}")


def pages(cluster, path, limit=200, **headers):
    """Every issue of a list, page by page."""
    cursor = None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        status, _, page = cluster.request("GET", f"{path}?limit={limit}{more}", headers=headers)
        assert status == 200, page
        assert len(page["issues"]) <= limit and "as_of" in page
        yield from page["issues"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


@contextlib.contextmanager
def streaming(cluster, path, accept="text/csv", **headers):
    """The answer to a GET, whose body is not read yet."""
    connection = http.client.HTTPConnection(cluster.addresses[0], timeout=120)
    try:
        connection.request("GET", path, headers={"Accept": accept, **headers})
        yield connection.getresponse()
    finally:
        connection.close()


def read_csv(text):
    """The rows as dictionaries; the header line is as documented."""
    rows = csv.reader(io.StringIO(text, newline=""))
    assert next(rows) == COLUMNS
    return [dict(zip(COLUMNS, row)) for row in rows]


def read_ndjson(text):
    return [json.loads(line) for line in text.splitlines()]


def peak_kb(process):
    """The largest resident memory so far."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
