"""Twenty thousand users, three requests each, for five thousand coupons: the promises end to end.

COUPOND_TEST_FULL=1 (./dev test --full) adds MySQL 9, which is downloaded once. A seed is printed;
COUPOND_TEST_SEED repeats it.
"""

import os

import pytest

from cluster import Cluster
from crowd import crowd, random_with_seed, only_in_full
from http_load import Load, check_answers, check_complete
from servers import MariaDB, MySQL

# A sanitizer takes several times as long, and sees the same code with a quarter of the crowd.
SCALE = 1 if os.environ.get("COUPOND_TEST_PRESET", "dev") == "dev" else 4
USERS, QUANTITY = 20_000 // SCALE, 5_000 // SCALE
SMALL_COUPONS, SMALL_USERS, SMALL_QUANTITY = 49, 400 // SCALE, 100 // SCALE


def assert_store_holds(cluster, answers, told):
    """The store has exactly the issues that clients received, and every 201 as it was answered."""
    cluster.wait_drained()
    stored = cluster.issues()
    assert {coupon: {user: sequence for sequence, user in issues.items()} for coupon, issues in stored.items()} == told
    for answer in answers:
        if answer.status == 201:
            assert stored[answer.coupon][answer.sequence] == answer.user, answer
    counts = dict(cluster.query("SELECT id, issued FROM coupon"))
    assert {coupon: counts[coupon] for coupon in told} == {coupon: len(users) for coupon, users in told.items()}


def run_crowd(cluster, quantities, users):
    """Sends the requests for all coupons in mixed order, and checks every promise, in the answers and in the store."""
    for coupon, quantity in quantities.items():
        cluster.create_coupon(coupon, quantity)
    load = Load(cluster.addresses, connections=64)
    answers = load.run(crowd(users, asks=3, random=random_with_seed()))
    told = check_answers(answers, quantities)
    check_complete(answers, quantities)
    assert_store_holds(cluster, answers, told)
    for coupon, quantity in quantities.items():
        state = cluster.coupon(coupon)
        assert (state["issued"], state["remaining"], state["state"]) == (quantity, 0, "sold_out")
    cluster.assert_kept()


def fifty_coupons():
    small = [f"SMALL-{i:02}" for i in range(SMALL_COUPONS)]
    quantities = {"BIG": QUANTITY, **{coupon: SMALL_QUANTITY for coupon in small}}
    users = {"BIG": USERS, **{coupon: SMALL_USERS for coupon in small}}
    return quantities, users


def run_fifty_on_processes(directory, database):
    with Cluster(directory, gateways=3, partitions=4, persisters=2, transport="tcp", database=database) as cluster:
        run_crowd(cluster, *fifty_coupons())


def test_five_thousand_of_twenty_thousand_users_are_issued_by_one_process_with_sqlite(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        run_crowd(cluster, {"BIG": QUANTITY}, {"BIG": USERS})


@pytest.mark.parametrize("transport", ["shm", "ipc"])
def test_fifty_coupons_at_once_on_separate_processes_of_one_machine_with_sqlite(tmp_path, transport):
    with Cluster(tmp_path, gateways=3, partitions=4, persisters=2, transport=transport) as cluster:
        run_crowd(cluster, *fifty_coupons())


def test_fifty_coupons_at_once_on_separate_processes_over_tcp_with_mariadb(tmp_path):
    with MariaDB() as database:
        run_fifty_on_processes(tmp_path, database)


@only_in_full
def test_fifty_coupons_at_once_on_separate_processes_over_tcp_with_mysql_9(tmp_path):
    with MySQL() as database:
        run_fifty_on_processes(tmp_path, database)


@pytest.mark.parametrize("sync", ["os", "20"])
def test_every_way_to_sync_keeps_the_promises(tmp_path, sync):
    with Cluster(tmp_path, gateways=2, partitions=2, options={"issuer/sync": sync}) as cluster:
        run_crowd(cluster, {"ONE": 300, "TWO": 300}, {"ONE": 1_000, "TWO": 1_000})
