"""The database restarts, refuses, locks, deadlocks, stops, and loses connections during commits: it gets each row
exactly once."""

import contextlib
import itertools
import threading

import pytest

import faults
from cluster import Cluster, metric_sum, wait_until
from servers import MariaDB

NUMBERS = itertools.count(1)
OPTIONS = {"store/connect_timeout_ms": 1000, "store/io_timeout_ms": 2000, "persister/retry_max_ms": 200,
           "issuer/resend_ms": 500}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One server and one cluster for all tests of this file; each test has its own coupon."""
    with MariaDB() as database:
        with Cluster(tmp_path_factory.mktemp("faults"), persisters=2, database=database, options=OPTIONS) as running:
            yield running


@pytest.fixture
def coupon(cluster):
    """A coupon for the test, with ten stored issues; at the end of the test the store must have everything."""
    name = f"C{next(NUMBERS)}"
    cluster.create_coupon(name, 1_000_000)
    issue(cluster, name, 0, 10)
    cluster.wait_drained()
    yield name
    issue(cluster, name, 900_000, 10)
    cluster.wait_drained()
    stored = cluster.issues()[name]
    assert len(stored) == cluster.coupon(name)["issued"]
    assert sorted(stored) == list(range(1, len(stored) + 1)) and len(set(stored.values())) == len(stored)
    cluster.assert_kept()


def issue(cluster, coupon, first, count):
    for number in range(first, first + count):
        status, body = cluster.issue(coupon, f"user-{number}")
        assert status == 201, (status, body)


def store_errors(cluster):
    """The number of failed transactions that the persisters have counted."""
    return sum(metric_sum(member.metrics(), "coupond_persister_store_errors_total") for member in cluster.persisters)


def wait_for_errors(cluster, coupon, known):
    """Issues until the fault has affected a persister."""
    numbers = iter(range(100, 100_000))

    def met():
        issue(cluster, coupon, next(numbers), 1)
        return store_errors(cluster) > known
    wait_until(met, "the fault affects a persister")


@contextlib.contextmanager
def issuing(cluster, coupon):
    """Issues in the background during a with block."""
    over = threading.Event()

    def work():
        for number in itertools.count(1_000):
            if over.is_set():
                return
            cluster.issue(coupon, f"user-{number}")
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_database_that_restarts_gets_what_was_issued_meanwhile(cluster, coupon):
    known = store_errors(cluster)
    cluster.database.stop()
    wait_for_errors(cluster, coupon, known)
    cluster.database.start()


def test_a_persister_that_starts_before_the_database_waits_for_it(cluster, coupon):
    cluster.database.stop()
    for persister in cluster.persisters:
        persister.stop()
        persister.start()
        wait_until(persister.is_up, "the persister is up")
        assert persister.get("/readyz")[0] == 503
        wait_until(lambda persister=persister: "retrying until it can" in persister.log(), "it logs that it waits")
    issue(cluster, coupon, 100, 5)
    cluster.database.start()
    cluster.wait_ready()


def test_a_persister_without_a_database_ends_at_sigterm(cluster):
    cluster.database.stop()
    for persister in cluster.persisters:
        persister.stop()
        persister.start()
        wait_until(persister.is_up, "the persister is up")
        persister.stop()
        persister.start()
    cluster.database.start()
    cluster.wait_ready()


def test_a_database_that_is_killed_gets_what_was_issued_meanwhile(cluster, coupon):
    known = store_errors(cluster)
    cluster.database.kill()
    wait_for_errors(cluster, coupon, known)
    cluster.database.start()


def test_a_database_that_stops_for_longer_than_every_timeout_is_waited_for(cluster, coupon):
    known = store_errors(cluster)
    with faults.stopped(cluster.database.process):
        wait_for_errors(cluster, coupon, known)


def test_writes_are_retried_until_the_database_accepts_them(cluster, coupon):
    known = store_errors(cluster)
    with faults.read_only(cluster.database):
        wait_for_errors(cluster, coupon, known)
        wait_until(lambda: store_errors(cluster) > known + 1, "the transaction is retried")
    assert all(member.process.poll() is None for member in cluster.persisters)


@pytest.mark.parametrize("table", ["coupon", "coupon_issue", "journal"])
def test_a_locked_table_is_waited_for(cluster, coupon, table):
    with issuing(cluster, coupon), faults.tables_locked(cluster.database, table) as seen:
        assert "Waiting for table" in seen[0]


@pytest.mark.parametrize("table", ["coupon", "journal"])
def test_a_lock_wait_that_times_out_is_retried(cluster, coupon, table):
    known = store_errors(cluster)
    with issuing(cluster, coupon), faults.rows_locked(cluster.database, table):
        wait_until(lambda: store_errors(cluster) > known, "the wait times out")


def test_a_transaction_that_loses_a_deadlock_is_retried(cluster, coupon):
    known = store_errors(cluster)
    with issuing(cluster, coupon):
        assert faults.deadlock(cluster.database) > 0
        wait_until(lambda: store_errors(cluster) > known, "a persister was rolled back")


def test_killed_connections_are_reopened(cluster, coupon):
    with issuing(cluster, coupon):
        assert faults.kill_connections(cluster.database) > 0


def test_a_connection_that_is_killed_in_its_commit_loses_and_doubles_nothing(cluster, coupon):
    known = store_errors(cluster)
    with issuing(cluster, coupon):
        assert faults.kill_in_commit(cluster.database)
        wait_until(lambda: store_errors(cluster) > known, "the persister has detected it")


def test_a_commit_with_a_lost_answer_is_repeated_without_harm(cluster, coupon):
    """The server stops during the commit until the persister has timed out, and commits afterwards."""
    known = store_errors(cluster)
    with issuing(cluster, coupon), faults.commits_held(cluster.database) as (_, waiting):
        assert waiting[0][2] == "COMMIT"
        wait_until(lambda: store_errors(cluster) > known, "the persister times out")
