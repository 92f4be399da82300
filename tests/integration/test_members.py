"""Three issuers, of which any may end, stand still or lose its disk: nothing that was answered is lost or doubled."""

import time

import pytest

from cluster import wait_until
from http_load import Load
from members import Members
from members_judge import PLENTY, check, users, wait_for_issues
from servers import MariaDB

pytestmark = pytest.mark.once("load")

STILL_SECONDS = 3  # longer than issuer/takeover_ms
OPTIONS = {"gateway/hold_ms": 20_000}


@pytest.fixture(name="cluster")
def fixture_cluster(tmp_path):
    with MariaDB() as database, Members(tmp_path, database=database, persisters=2, transport="tcp",
                                        options=OPTIONS) as cluster:
        cluster.wait_safe()
        cluster.create_coupon("A", PLENTY)
        yield cluster


@pytest.fixture(name="load")
def fixture_load(cluster):
    load = Load(cluster.addresses, connections=32, retry=True)
    load.start(users())
    yield load
    if load.is_alive():
        load.finish()


def kill_and_start(cluster, issuer):
    issuer.kill()
    cluster.wait_safe()
    issuer.start()


def lose_with_disk(cluster, issuer):
    issuer.kill()
    cluster.lose_disk(issuer)
    cluster.wait_safe()
    issuer.start()


def stand_still(cluster, issuer):
    issuer.stand_still()
    wait_until(lambda: any((cluster.standing(other) or (0,))[0] == 3 for other in cluster.issuers
                           if other is not issuer), "another one decides")
    time.sleep(STILL_SECONDS)
    issuer.go_on()


def stop_and_start(cluster, issuer):
    issuer.stop()
    cluster.wait_safe()
    issuer.start()


@pytest.mark.parametrize("harm", [kill_and_start, lose_with_disk, stand_still, stop_and_start])
def test_an_owner_is_succeeded(cluster, load, harm):
    for _ in range(2):
        wait_for_issues(load)
        harm(cluster, cluster.wait_safe())
        wait_for_issues(load)
        cluster.wait_safe()
    check(cluster, load)


@pytest.mark.parametrize("harm", [kill_and_start, lose_with_disk])
def test_a_standby_is_replaced(cluster, load, harm):
    for _ in range(2):
        wait_for_issues(load)
        cluster.wait_safe()
        harm(cluster, cluster.wait_standby())
        wait_for_issues(load)
    check(cluster, load)


def test_without_the_database_issuing_goes_on(cluster, load):
    wait_for_issues(load)
    cluster.database.pause()
    wait_for_issues(load, 3000)
    cluster.database.resume()
    wait_for_issues(load)
    check(cluster, load)
