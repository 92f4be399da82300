"""kill -9 of every role at random moments under load, and a stopped database: no acknowledged issue is lost.

The ordinary run kills each role twice and stops the database for 5 seconds; the full one, ten times and 20 seconds:

    COUPOND_TEST_FULL=1 /usr/bin/python3 -m pytest tests/integration/test_crash.py

(or ./dev test --full). A seed is printed; COUPOND_TEST_SEED repeats it.
"""

import collections
import time

import pytest

from cluster import Cluster, metric_sum, wait_until
from crowd import FULL, endless_crowd, random_with_seed
from http_load import Load, check_answers, sequences_told
from servers import MariaDB

KILLS = 10 if FULL else 2
OUTAGE_SECONDS = 20 if FULL else 5
ALLOWED = ("issued", "already_issued", "sold_out", "overloaded", "issuer_unavailable", "outcome_unknown", None)
COUPONS = {f"C{i}": 1_000_000 for i in range(7)} | {"SHORT": 500}


def assert_nothing_lost(cluster, answers):
    """Every 201 that a client read is in the store with its sequence, and the store keeps quantity and limit."""
    cluster.wait_drained()
    stored = cluster.issues()
    for answer in answers:
        if answer.code in ("issued", "already_issued"):
            assert stored[answer.coupon].get(answer.sequence) == answer.user, answer
    for coupon, issues in stored.items():
        assert len(issues) <= COUPONS[coupon]
        assert sorted(issues) == list(range(1, len(issues) + 1)), f"{coupon}: sequences have gaps"
        assert len(set(issues.values())) == len(issues), f"{coupon}: a user has two"
    asked = {(answer.coupon, answer.user) for answer in answers}
    assert {(coupon, user) for coupon, issues in stored.items() for user in issues.values()} <= asked
    cluster.assert_kept()


def kill_and_restart(member, load, random):
    """Waits for a random number of further answers, since time does not measure load."""
    goal = len(load.answers) + random.randrange(200, 3_000)
    wait_until(lambda: len(load.answers) >= goal or not load.is_alive(), "answers continue", pause=0.001)
    member.kill()
    pause = len(load.answers) + random.choice([0, 0, 20])
    wait_until(lambda: len(load.answers) >= pause or not load.is_alive(), "answers continue while a member is down",
               pause=0.001)
    member.start()
    wait_until(member.is_ready, lambda: f"{member.name} ready again\n{member.log()[-3000:]}")


def run_killing(cluster, choose):
    """Kills the members chosen by choose(cluster, random), KILLS times, under load, and checks the result."""
    random = random_with_seed()
    for coupon, quantity in COUPONS.items():
        cluster.create_coupon(coupon, quantity)
    load = Load(cluster.addresses, connections=64, retry=True)
    load.start(endless_crowd(list(COUPONS), random))
    try:
        for _ in range(KILLS):
            kill_and_restart(choose(cluster, random), load, random)
    finally:
        answers = load.finish()
    print(collections.Counter(answer.code for answer in answers))
    cluster.wait_ready()
    check_answers(answers, COUPONS, ALLOWED)
    assert sum(answer.status == 201 for answer in answers) > 0
    assert_nothing_lost(cluster, answers)


def processes(directory, **more):
    return Cluster(directory, gateways=3, partitions=4, persisters=2, **more)


def test_an_issuer_that_is_killed_under_load_loses_nothing(tmp_path):
    with processes(tmp_path) as cluster:
        run_killing(cluster, lambda cluster, random: cluster.issuer)
        assert cluster.issuer.starts == 1 + KILLS


def test_a_persister_that_is_killed_under_load_loses_nothing(tmp_path):
    with MariaDB() as database, processes(tmp_path, database=database) as cluster:
        run_killing(cluster, lambda cluster, random: random.choice(cluster.persisters))


@pytest.mark.parametrize("transport", ["tcp", "shm"])
def test_a_gateway_that_is_killed_under_load_loses_nothing(tmp_path, transport):
    with processes(tmp_path, transport=transport) as cluster:
        run_killing(cluster, lambda cluster, random: random.choice(cluster.gateways))


def test_any_member_that_is_killed_under_load_loses_nothing(tmp_path):
    with MariaDB() as database, processes(tmp_path, transport="tcp", database=database) as cluster:
        run_killing(cluster, lambda cluster, random: random.choice(cluster.members))


def test_one_process_for_everything_that_is_killed_under_load_loses_nothing(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        run_killing(cluster, lambda cluster, random: cluster.issuer)


def test_issuing_continues_without_the_database_and_the_backlog_drains(tmp_path):
    with MariaDB() as database, processes(tmp_path, database=database) as cluster:
        for coupon, quantity in COUPONS.items():
            cluster.create_coupon(coupon, quantity)
        load = Load(cluster.addresses, connections=16, retry=True)
        load.start(slowly(endless_crowd(list(COUPONS), random_with_seed())))
        try:
            wait_until(lambda: load.issued > 1_000, "issues before the outage")
            database.stop()
            issued_before, backlog_before = load.issued, cluster.backlog()
            time.sleep(OUTAGE_SECONDS)  # the duration of the outage is part of the test, not a wait for a condition
            wait_until(lambda: load.issued > issued_before + 1_000, "issues during the outage")
            assert cluster.backlog() > backlog_before
            errors = sum(metric_sum(member.metrics(), "coupond_persister_store_errors_total")
                         for member in cluster.persisters)
            assert errors > 0
            database.start()
        finally:
            answers = load.finish()
        check_answers(answers, COUPONS, ALLOWED)
        assert_nothing_lost(cluster, answers)


def slowly(requests, every=64, pause_s=0.01):
    """A steady load that leaves CPU for others."""
    for number, request in enumerate(requests):
        if number % every == 0:
            time.sleep(pause_s)
        yield request


def test_a_killed_database_loses_and_repeats_no_row(tmp_path):
    with MariaDB() as database, processes(tmp_path, database=database) as cluster:
        for coupon, quantity in COUPONS.items():
            cluster.create_coupon(coupon, quantity)
        load = Load(cluster.addresses, connections=16, retry=True)
        load.start(slowly(endless_crowd(list(COUPONS), random_with_seed())))
        try:
            for _ in range(KILLS):
                goal = load.issued + 500
                wait_until(lambda goal=goal: load.issued > goal, "issues continue")
                database.kill()
                database.start()
        finally:
            answers = load.finish()
        assert_nothing_lost(cluster, answers)


def test_the_check_for_lost_issues_can_fail(tmp_path):
    """assert_nothing_lost() fails if the store lacks a row or has another user in it."""
    with Cluster.dev(tmp_path) as cluster:
        cluster.create_coupon("SHORT", 500)
        answers = Load(cluster.addresses, connections=4).run([("SHORT", f"user-{i}") for i in range(20)])
        assert_nothing_lost(cluster, answers)
        wrong = [answers[0]._replace(sequence=21)]
        with pytest.raises(AssertionError):
            assert_nothing_lost(cluster, wrong)
        with pytest.raises(AssertionError):
            assert_nothing_lost(cluster, answers[:10])  # ten rows without a request
        with pytest.raises(AssertionError):
            sequences_told([answers[0], answers[0]._replace(sequence=99)])
