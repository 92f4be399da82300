"""Stores and journals of earlier versions can still be used.

schema_2/ is from before stores had ids: coupon A, issued to alice, bob and carol, and to dave after the persister had
stopped, so that the store lacks dave's issue. schema_3/ is from before issues could be redeemed: the same, and coupon B
with a limit of two, issued to alice, bob and alice; its issuer was killed.
"""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from cluster import Cluster, metric_sum, wait_until
from life import Life, told
from servers import MariaDB

SCHEMA_2 = Path(__file__).parent / "schema_2"
SCHEMA_3 = Path(__file__).parent / "schema_3"
HOLDERS = {1: "alice", 2: "bob", 3: "carol", 4: "dave"}


def unpack(cluster, name, schema=SCHEMA_2):
    shutil.unpack_archive(schema / f"{name}.tar.gz", cluster.journal_directory)
    with contextlib.closing(cluster._connect()) as store:
        if name == "sqlite":
            store.executescript((schema / "sqlite.sql").read_text())
        else:
            for statement in (schema / "mariadb.sql").read_text().split(";\n"):
                if statement:
                    store.cursor().execute(statement)
            store.commit()


def assert_goes_on(cluster):
    wait_until(lambda: cluster.issues() == {"A": HOLDERS}, "the store has the journal's records")
    assert cluster.issue("A", "dave")[0] == 409
    status, body = cluster.issue("A", "erin")
    assert (status, body["sequence"]) == (201, 5)
    cluster.wait_drained()
    assert cluster.issues() == {"A": {**HOLDERS, 5: "erin"}}
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_store_rewinds_total") == 0
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_other_store") == 0
    cluster.assert_kept()


def store_ids(cluster):
    return cluster.query("SELECT version, store_id FROM schema_version ORDER BY version")


@pytest.mark.parametrize("name", ["sqlite", "mariadb"])
def test_a_store_and_a_journal_of_schema_version_2_can_be_used(tmp_path, name):
    with MariaDB() if name == "mariadb" else contextlib.nullcontext() as database:
        cluster = Cluster(tmp_path, persisters=2, database=database)
        unpack(cluster, name)
        with cluster:
            assert_goes_on(cluster)
            before = store_ids(cluster)
            assert [row[0] for row in before] == [2, 4] and before[0][1] is None and len(before[1][1]) == 32
            for member in (cluster.issuer, *cluster.persisters):
                member.stop()
                member.start()
            cluster.wait_ready()
            assert cluster.issue("A", "frank")[1]["sequence"] == 6
            cluster.wait_drained()
            assert store_ids(cluster) == before


def test_a_store_that_has_no_id_yet_is_waited_for(tmp_path):
    """The issuer is upgraded first, and its persister an hour later: nothing goes to a store that is only the
    persister's."""
    cluster = Cluster(tmp_path, persisters=2)
    unpack(cluster, "sqlite")
    wrong, right = cluster.persisters
    wrong.environment["COUPOND_STORE_PATH"] = str(tmp_path / "other.db")
    cluster.write_config()
    try:
        for member in (cluster.issuer, *cluster.gateways, wrong):
            member.start()
        wait_until(lambda: cluster.issuer.is_ready() and cluster.gateways[0].is_ready(), "they decide")
        assert cluster.issue("A", "erin")[0] == 201
        wait_until(lambda: "has not created its tables yet" in cluster.issuer.log(), "the issuer has checked")
        right.start()
        wait_until(lambda: cluster.issues() == {"A": {**HOLDERS, 5: "erin"}}, "the correct store has everything")
        with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
            assert other.execute("SELECT COUNT(*) FROM coupon_issue").fetchone() == (0,)
        cluster.stop()
    finally:
        cluster.end()


def wallet(cluster, user):
    status, _, page = cluster.request("GET", f"/v1/users/{user}/issues")
    assert status == 200, page
    return {(issue["coupon_id"], issue["sequence"]): issue for issue in page["issues"]}


def restart(cluster):
    for member in (cluster.issuer, *cluster.persisters):
        member.stop()
        member.start()
    cluster.wait_ready()


def lead_their_lives(cluster):
    """Issues of the earlier version have codes and places, and are redeemed and revoked like others."""
    life = Life(cluster, "B")
    status, second = life.ensure("alice", 2)
    assert (status, second["sequence"], second["nth"]) == (200, 3, 2)
    status, _, found = cluster.request("GET", f"/v1/codes/{second['code']}")
    assert (status, found["coupon_id"], found["sequence"]) == (200, "B", 3)
    status, oldest = life.redeem("alice", "order-1")
    assert (status, oldest["sequence"], oldest["state"]) == (201, 1, "redeemed")
    assert told(Life(cluster, "A").revoke("bob", reason="mistake", restock=True)) == (200, "revoked")
    return second, oldest


@pytest.mark.parametrize("name", ["sqlite", "mariadb"])
def test_issues_from_before_redemptions_lead_the_same_life(tmp_path, name):
    with MariaDB() if name == "mariadb" else contextlib.nullcontext() as database:
        cluster = Cluster(tmp_path, persisters=2, database=database)
        unpack(cluster, name, SCHEMA_3)
        store_id = store_ids(cluster)[0][1]
        with cluster:
            stored = {"A": HOLDERS, "B": {1: "alice", 2: "bob", 3: "alice"}}
            wait_until(lambda: cluster.issues() == stored, "the store has the journal's records")
            second, oldest = lead_their_lives(cluster)
            cluster.wait_drained()
            restart(cluster)
            held = wallet(cluster, "alice")
            assert {key: issue["state"] for key, issue in held.items()} == {
                ("A", 1): "issued", ("B", 1): "redeemed", ("B", 3): "issued"}
            assert (held["B", 3]["code"], held["B", 1]["code"]) == (second["code"], oldest["code"])
            a, b = cluster.coupon("A"), cluster.coupon("B")
            assert (a["issued"], a["returned"], a["remaining"]) == (4, 1, 97)
            assert (b["title"], b["redeemed"], b["remaining"], b["description"]) == ("Two for one", 1, 7, None)
            assert list(store_ids(cluster)) == [(3, store_id), (4, None)]
            cluster.assert_kept()
