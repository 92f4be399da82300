"""The database restarts, refuses, locks, deadlocks, stops and loses connections in the middle of commits: each row
reaches it once."""

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
    """One server and one cluster for all tests of this file; each test has a coupon of its own."""
    with MariaDB() as database:
        with Cluster(tmp_path_factory.mktemp("faults"), persisters=2, database=database, options=OPTIONS) as running:
            yield running


@pytest.fixture
def coupon(cluster):
    """A coupon of the test's own, with ten issues that the store has; everything is in the store at the end of the
    test."""
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
    """Transactions that failed, as the persisters count them."""
    return sum(metric_sum(member.metrics(), "coupond_persister_store_errors_total") for member in cluster.persisters)


def wait_for_errors(cluster, coupon, known):
    """Goes on issuing until a persister has met the fault."""
    numbers = iter(range(100, 100_000))

    def met():
        issue(cluster, coupon, next(numbers), 1)
        return store_errors(cluster) > known
    wait_until(met, "a persister meets it")


@contextlib.contextmanager
def issuing(cluster, coupon):
    """Issues in the background while something is waited for."""
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
        wait_until(lambda persister=persister: "retrying until it can" in persister.log(), "it says that it waits")
    issue(cluster, coupon, 100, 5)
    cluster.database.start()
    cluster.wait_ready()


def test_a_persister_without_a_database_ends_when_it_is_told_to(cluster):
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


def test_a_database_that_stops_for_longer_than_every_time_out_is_waited_for(cluster, coupon):
    known = store_errors(cluster)
    with faults.stopped(cluster.database.process):
        wait_for_errors(cluster, coupon, known)


def test_a_database_that_refuses_writes_is_tried_again_until_it_takes_them(cluster, coupon):
    known = store_errors(cluster)
    with faults.read_only(cluster.database):
        wait_for_errors(cluster, coupon, known)
        wait_until(lambda: store_errors(cluster) > known + 1, "it is tried again")
    assert all(member.process.poll() is None for member in cluster.persisters)


@pytest.mark.parametrize("table", ["coupon", "coupon_issue", "journal"])
def test_a_table_that_somebody_locks_is_waited_for(cluster, coupon, table):
    with issuing(cluster, coupon), faults.tables_locked(cluster.database, table) as seen:
        assert "Waiting for table" in seen[0]


@pytest.mark.parametrize("table", ["coupon", "journal"])
def test_a_lock_wait_that_is_given_up_is_tried_again(cluster, coupon, table):
    known = store_errors(cluster)
    with issuing(cluster, coupon), faults.rows_locked(cluster.database, table):
        wait_until(lambda: store_errors(cluster) > known, "the wait is given up")


def test_a_transaction_that_falls_to_a_deadlock_is_tried_again(cluster, coupon):
    known = store_errors(cluster)
    with issuing(cluster, coupon):
        assert faults.deadlock(cluster.database) > 0
        wait_until(lambda: store_errors(cluster) > known, "a persister was rolled back")


def test_connections_that_are_killed_are_made_anew(cluster, coupon):
    with issuing(cluster, coupon):
        assert faults.kill_connections(cluster.database) > 0


def test_a_connection_that_is_killed_in_its_commit_loses_and_doubles_nothing(cluster, coupon):
    known = store_errors(cluster)
    with issuing(cluster, coupon):
        assert faults.kill_in_commit(cluster.database)
        wait_until(lambda: store_errors(cluster) > known, "the persister has noticed")


def test_a_commit_whose_answer_is_never_heard_is_repeated_without_harm(cluster, coupon):
    """The server stops in the commit until the persister has given up, and commits then."""
    known = store_errors(cluster)
    with issuing(cluster, coupon), faults.commits_held(cluster.database) as (_, waiting):
        assert waiting[0][2] == "COMMIT"
        wait_until(lambda: store_errors(cluster) > known, "the persister gives up")
