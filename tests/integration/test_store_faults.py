"""A database that deadlocks, blocks, refuses temporarily, interrupts commits, or comes back with fewer rows: nothing is
lost, nothing becomes a dead letter, and `coupond verify` finds every promise kept.
"""

import contextlib
import shutil
import sqlite3
import threading

import pymysql
import pytest

from cluster import Cluster, metric_sum, wait_until
from crowd import endless_crowd, random_with_seed
from http_load import Load, check_answers
from servers import MariaDB

COUPONS = {f"C{i}": 1_000_000 for i in range(5)}
# No large batches: InnoDB rolls back the smaller transaction, which has to be the persister's sometimes.
QUICKLY = {"issuer/stream_gather_ms": 0, "persister/retry_min_ms": 5, "persister/retry_max_ms": 50,
           "issuer/resend_ms": 500, "store/io_timeout_ms": 4000}
ALLOWED = ("issued", "already_issued", "overloaded", "outcome_unknown", None)


@pytest.fixture(scope="module")
def server():
    with MariaDB() as database:
        yield database


def administer(server, *statements, database=None):
    with contextlib.closing(pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True,
                                            database=database)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def empty(server):
    administer(server, f"DROP DATABASE IF EXISTS {server.database}", f"CREATE DATABASE {server.database}")


@pytest.fixture
def cluster(tmp_path, server):
    empty(server)
    with Cluster(tmp_path, gateways=2, partitions=2, persisters=2, database=server, options=QUICKLY) as running:
        yield running


@pytest.fixture
def on_sqlite(tmp_path):
    with Cluster(tmp_path, partitions=2, persisters=2, options=QUICKLY) as running:
        yield running


@contextlib.contextmanager
def crowd(cluster):
    """A continuous load; afterwards the store must have everything that was answered."""
    for coupon, quantity in COUPONS.items():
        cluster.create_coupon(coupon, quantity)
    load = Load(cluster.addresses, connections=16, retry=True)
    load.start(endless_crowd(list(COUPONS), random_with_seed()))
    try:
        issues_go_on(load)
        yield load
        issues_go_on(load)
    finally:
        answers = load.finish()
    check_answers(answers, COUPONS, ALLOWED)
    cluster.wait_drained()
    stored = cluster.issues()
    for answer in answers:
        if answer.code in ("issued", "already_issued"):
            assert stored[answer.coupon].get(answer.sequence) == answer.user, answer
    assert cluster.query("SELECT COUNT(*) FROM dead_letter")[0][0] == 0
    cluster.assert_kept()


def issues_go_on(load, count=300):
    goal = load.issued + count
    wait_until(lambda: load.issued >= goal, "issues continue")


def errors_of(cluster, result):
    name = f'coupond_persister_store_errors_total{{result="{result}"}}'
    return sum(member.metrics().get(name, 0) for member in cluster.persisters)


def wait_for_error(cluster, result="retry", before=0):
    wait_until(lambda: errors_of(cluster, result) > before, f"a transaction fails with {result}")


def issuer_rewinds(cluster):
    return metric_sum(cluster.issuer.metrics(), "coupond_issuer_store_rewinds_total")


def test_a_table_with_a_foreign_lock_is_waited_for(cluster):
    with crowd(cluster) as load:
        with contextlib.closing(pymysql.connect(unix_socket=str(cluster.database.socket), user="root",
                                                database=cluster.database.database)) as holder:
            holder.cursor().execute("START TRANSACTION")
            holder.cursor().execute("UPDATE coupon SET paused = paused, issued = issued")
            wait_for_error(cluster)  # the lock wait is over
            issues_go_on(load)


def test_deadlocks_are_retried(cluster):
    """Another client locks the rows of coupons in the opposite order, repeatedly, and sometimes wins."""
    def deadlocks():
        text = administer(cluster.database, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
        return int(text[0][1])

    done = threading.Event()

    def disturb():
        connection = pymysql.connect(unix_socket=str(cluster.database.socket), user="root",
                                     database=cluster.database.database)
        with contextlib.closing(connection), connection.cursor() as cursor:
            while not done.is_set():
                with contextlib.suppress(pymysql.err.OperationalError):
                    connection.begin()
                    for coupon in sorted(COUPONS, reverse=True):
                        cursor.execute("UPDATE coupon SET paused = 1 - paused WHERE id = %s", (coupon,))
                    connection.rollback()

    before = deadlocks()
    with crowd(cluster) as load:
        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            wait_until(lambda: deadlocks() >= before + 3, "deadlocks")
            wait_for_error(cluster)
            issues_go_on(load)
        finally:
            done.set()
            disturber.join()


def test_a_read_only_server_is_waited_for(cluster):
    with crowd(cluster) as load:
        administer(cluster.database, "SET GLOBAL read_only = 1")
        try:
            wait_for_error(cluster)
            issues_go_on(load)
        finally:
            administer(cluster.database, "SET GLOBAL read_only = 0")


def kill_busy_connections(database):
    busy = administer(database, "SELECT id FROM information_schema.processlist WHERE user = "
                                f"'{database.user}' AND info IS NOT NULL ORDER BY RAND()")
    for (connection,) in busy:
        with contextlib.suppress(pymysql.err.OperationalError):
            administer(database, f"KILL CONNECTION {connection}")


def test_connections_that_are_killed_at_any_moment_lose_and_repeat_nothing(cluster):
    """Some of the many kills happen between a COMMIT and its answer."""
    def hundred_fail():
        kill_busy_connections(cluster.database)
        return errors_of(cluster, "retry") >= 100

    with crowd(cluster):
        wait_until(hundred_fail, "ten transactions fail with retry")


def test_revoked_privileges_cause_no_dead_letters(cluster):
    database = cluster.database
    with crowd(cluster) as load:
        for host in ("localhost", "%"):
            administer(database, f"REVOKE INSERT ON {database.database}.* FROM '{database.user}'@'{host}'")
        try:
            administer(database, *(f"KILL CONNECTION {row[0]}" for row in administer(
                database, f"SELECT id FROM information_schema.processlist WHERE user = '{database.user}'")))
            wait_for_error(cluster, "failed")
            issues_go_on(load)
        finally:
            for host in ("localhost", "%"):
                administer(database, f"GRANT ALL ON {database.database}.* TO '{database.user}'@'{host}'")


def test_a_database_that_is_dropped_while_it_runs_is_filled_again(cluster):
    with crowd(cluster) as load:
        cluster_has_acknowledged(cluster)
        empty(cluster.database)
        wait_until(lambda: issuer_rewinds(cluster) >= 2, "both partitions start again")
        issues_go_on(load)
    assert errors_of(cluster, "other") > 0  # a new database has another id


def cluster_has_acknowledged(cluster):
    acked = "coupond_issuer_persisted_sequence"
    wait_until(lambda: all(value > 20 for key, value in cluster.issuer.metrics().items() if key.startswith(acked)),
               "the store has records of each partition")


def test_a_database_that_comes_back_from_an_older_backup_is_filled_again(on_sqlite):
    backup = on_sqlite.directory / "backup.db"
    with crowd(on_sqlite) as load:
        cluster_has_acknowledged(on_sqlite)
        with contextlib.closing(sqlite3.connect(on_sqlite.store_path, timeout=60)) as source, \
                contextlib.closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
        issues_go_on(load)
        on_sqlite.wait_drained()
        for persister in on_sqlite.persisters:
            persister.stop()
        shutil.copy(backup, on_sqlite.store_path)
        for name in ("-wal", "-shm"):
            on_sqlite.store_path.with_name(on_sqlite.store_path.name + name).unlink(missing_ok=True)
        for persister in on_sqlite.persisters:
            persister.start()
        wait_until(lambda: issuer_rewinds(on_sqlite) >= 2, "both partitions start again")


def test_a_database_that_is_lost_without_load_is_filled_again(on_sqlite):
    with crowd(on_sqlite):
        pass
    stored = on_sqlite.issues()
    for path in on_sqlite.directory.glob("coupond.db*"):
        path.unlink()
    wait_until(lambda: issuer_rewinds(on_sqlite) >= 2, "both partitions start again")
    on_sqlite.wait_drained()
    assert on_sqlite.issues() == stored
    on_sqlite.assert_kept()


def test_a_database_file_that_is_deleted_while_it_runs_is_created_and_filled_again(on_sqlite):
    with crowd(on_sqlite):
        cluster_has_acknowledged(on_sqlite)
        for path in on_sqlite.directory.glob("coupond.db*"):
            path.unlink()
        wait_until(lambda: issuer_rewinds(on_sqlite) >= 2, "both partitions start again")
