"""Faults of processes and of the database. Each proves that it took effect, or raises Unproved.

Faults of files and clocks: preload.py. Of machines and links: network.py. Of the disk's room: small_disk.py.
"""

import contextlib
import signal
import time
from pathlib import Path

PROOF_SECONDS = 20


class Unproved(Exception):
    """The fault was attempted, but nothing shows that it took effect."""


def proof(condition, what, seconds=PROOF_SECONDS, pause=0.02):
    """Waits until condition() is true and returns it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Unproved(what)
        time.sleep(pause)
    return value


# processes


def state_of(process):
    """The process state from /proc; T means stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]


@contextlib.contextmanager
def stopped(process):
    """Stops the process with SIGSTOP, and checks at the beginning and at the end that it is stopped."""
    process.send_signal(signal.SIGSTOP)
    try:
        proof(lambda: state_of(process) == "T", "it does not stop")
        yield
        if state_of(process) != "T":
            raise Unproved("it did not stay stopped")
    finally:
        process.send_signal(signal.SIGCONT)


# the database


def admin(database, patience_seconds=10):
    """A connection as root, over the UNIX socket."""
    import pymysql
    return pymysql.connect(unix_socket=str(database.socket), user="root", database=database.database, charset="utf8mb4",
                           autocommit=True, connect_timeout=patience_seconds, read_timeout=patience_seconds,
                           write_timeout=patience_seconds)


def ask(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def writers(connection):
    """(id, state, statement) of coupond's connections."""
    rows = ask(connection, "SELECT id, state, info FROM information_schema.processlist WHERE user = 'coupond'")
    return [(row[0], str(row[1] or ""), str(row[2] or "")) for row in rows]


@contextlib.contextmanager
def read_only(database):
    with admin(database) as connection:
        ask(connection, "SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            ask(connection, "SET GLOBAL read_only = 0")


def row_waits(watcher):
    """Transactions that wait for row locks. MariaDB refreshes this table only for a client that did not read it for 0.1
    s."""
    time.sleep(0.15)
    return [f"transaction {row[0]} waits for a row"
            for row in ask(watcher, "SELECT requesting_trx_id FROM information_schema.innodb_lock_waits")]


def table_waits(watcher):
    return [state for _, state, _ in writers(watcher) if "Waiting for table" in state]


@contextlib.contextmanager
def locked(database, lock, unlock, waits):
    """Holds a lock while the body runs; yields what was seen of coupond waiting for it."""
    with admin(database) as connection, admin(database) as watcher:
        for sql in lock:
            ask(connection, sql)
        try:
            yield proof(lambda: waits(watcher), "nobody waits")
        finally:
            ask(connection, unlock)


def tables_locked(database, table):
    return locked(database, [f"LOCK TABLES {table} WRITE"], "UNLOCK TABLES", table_waits)


def rows_locked(database, table):
    return locked(database, ["START TRANSACTION", f"SELECT * FROM {table} FOR UPDATE"], "ROLLBACK", row_waits)


def deadlocks(connection):
    return int(ask(connection, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")[0][1])


def deadlock(database):
    """Locks the row that a writer needs last, then asks for one that the writer holds. This transaction is the heavier
    one, so that the server rolls the writer back. Returns the number of deadlocks that the server counted."""
    with admin(database) as connection, admin(database) as watcher:
        known = deadlocks(watcher)
        ask(connection, "CREATE DATABASE IF NOT EXISTS ballast")
        ask(connection, "CREATE TABLE IF NOT EXISTS ballast.weights (number INT)")
        ask(connection, "START TRANSACTION")
        try:
            ask(connection, f"INSERT INTO ballast.weights VALUES {','.join('(1)' for _ in range(20_000))}")
            ask(connection, "SELECT * FROM journal FOR UPDATE")
            proof(lambda: row_waits(watcher), "no writer waits")
            ask(connection, "SELECT * FROM coupon FOR UPDATE")
        finally:
            ask(connection, "ROLLBACK")
            ask(connection, "DROP DATABASE ballast")
        return proof(lambda: deadlocks(watcher) - known, "nobody was rolled back")


def kill_connection(connection, number):
    import pymysql
    with contextlib.suppress(pymysql.err.OperationalError):  # it went by itself
        ask(connection, f"KILL {number}")


def kill_connections(database):
    """Kills all of coupond's connections; returns how many were killed."""
    with admin(database) as connection:
        ids = [row[0] for row in proof(lambda: writers(connection), "no writer is connected")]
        for number in ids:
            kill_connection(connection, number)
        proof(lambda: not {row[0] for row in writers(connection)} & set(ids), "they are still there")
    return len(ids)


@contextlib.contextmanager
def commits_held(database):
    """Blocks every commit; yields a connection and the writers that wait in theirs."""
    with admin(database) as connection, admin(database) as watcher:
        ask(connection, "BACKUP STAGE START")
        try:
            ask(connection, "BACKUP STAGE BLOCK_COMMIT")
            yield watcher, proof(lambda: [row for row in writers(watcher) if row[2] == "COMMIT"], "nobody commits")
        finally:
            ask(connection, "BACKUP STAGE END")


def kill_in_commit(database):
    """Kills a writer during its commit; returns the state in which it was."""
    with commits_held(database) as (connection, waiting):
        kill_connection(connection, waiting[0][0])
    return waiting[0][1] or waiting[0][2]
