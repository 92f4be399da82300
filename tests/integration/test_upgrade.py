"""Stores and journals of earlier versions can still be used.

schema_2/ is from before stores had ids: coupon A, issued to alice, bob and carol, and to dave after the persister had
stopped, so that the store lacks dave's issue. schema_3/ is from before issues could be redeemed: the same, and coupon B
with a limit of two, issued to alice, bob and alice; its issuer was killed.
"""

import contextlib
import datetime
import itertools
import random
import shutil
import sqlite3
import time
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


MANY = 20000
FIRST_TIME = datetime.datetime(2026, 11, 30, 12)
OLD_COLUMNS = {
    "coupon": "id, title, quantity, per_user_limit, starts_at, ends_at, paused, issued, created_at, updated_at, "
              "journal_seq",
    "coupon_issue": "coupon_id, sequence, user_id, nth, issued_at, journal_seq",
    "dead_letter": "journal_id, journal_seq, partition_no, coupon_id, sequence, user_id, nth, recorded_at, record, "
                   "reason, dead_at",
    "journal": "partition_no, journal_id, partitions, last_seq, ahead",
    "schema_version": "version, applied_at, store_id",
}
NEW_TABLES = {"coupon_history", "coupon_issue_state", "erasure"}


def old_rows(cluster):
    """All rows of the earlier version's tables, in its columns."""
    rows = {table: cluster.query(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
            for table, columns in OLD_COLUMNS.items()}
    rows["schema_version"] = [row for row in rows["schema_version"] if row[0] <= 3]
    return rows


def execute(cluster, *statements):
    with contextlib.closing(cluster._connect()) as store:
        cursor = store.cursor()
        for sql, rows in statements:
            cursor.executemany(sql if cluster.database is None else sql.replace("?", "%s"), rows)
        store.commit()


def add_many(cluster):
    """A coupon Z with many issues, to users in no particular order, and a dead letter, in the tables of version 3."""
    shape = "%Y-%m-%dT%H:%M:%S.%fZ" if cluster.database is None else "%Y-%m-%d %H:%M:%S.%f"
    times = [(FIRST_TIME + datetime.timedelta(milliseconds=37 * i)).strftime(shape) for i in range(MANY)]
    journal_id = cluster.query("SELECT journal_id FROM journal")[0][0]
    issues = [("Z", i + 1, f"user-{i * 7919 % MANY}", 1, times[i], 100 + i) for i in range(MANY)]
    execute(cluster,
            ("INSERT INTO coupon VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             [("Z", "커피 ☕", MANY, 1, times[0], None, 1, MANY, times[0], times[-1], 99)]),
            ("INSERT INTO coupon_issue VALUES (?, ?, ?, ?, ?, ?)", issues),
            ("INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             [(journal_id, 98, 0, "Z", MANY + 1, "late", 1, times[0], b"\x01\x02", "because", times[1])]))


def version_of(cluster):
    return cluster.query("SELECT MAX(version) FROM schema_version")[0][0]


def kill_until_migrated(cluster, persister, before):
    """Kills the persister later and later after its start, until it has migrated the store before that."""
    for attempt in itertools.count():
        persister.start()
        time.sleep(0.01 * 1.4 ** attempt * random.uniform(0.5, 1.5))
        persister.kill()
        assert old_rows(cluster) == before
        if version_of(cluster) == 4:
            return


def assert_migrated(cluster, before):
    assert old_rows(cluster) == before
    assert cluster.query("SELECT COUNT(*) FROM coupon_issue WHERE request_key IS NULL") == [(MANY + 6,)]
    assert set(cluster.query("SELECT number, returned, redeemed, redeem_until, redeem_within_s, archived, description, "
                             "benefit, metadata, owner, segments FROM coupon")) == {
        (0, 0, 0, None, None, 0, "", "", "", "", "")}
    tables = cluster.query("SELECT name FROM sqlite_schema WHERE type = 'table'" if cluster.database is None else
                           "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
    assert {name for name, in tables} == set(OLD_COLUMNS) | NEW_TABLES


@pytest.mark.parametrize("name", ["sqlite", "mariadb"])
def test_a_persister_that_is_killed_while_it_migrates_leaves_a_store_that_the_next_one_completes(tmp_path, name):
    with MariaDB() if name == "mariadb" else contextlib.nullcontext() as database:
        cluster = Cluster(tmp_path, database=database)
        unpack(cluster, name, SCHEMA_3)
        add_many(cluster)
        before = old_rows(cluster)
        assert len(before["coupon_issue"]) == MANY + 6 and len(before["dead_letter"]) == 1
        cluster.write_config()
        try:
            kill_until_migrated(cluster, cluster.persisters[0], before)
        finally:
            cluster.end()
        assert_migrated(cluster, before)
        # The journal knows nothing of what was added.
        execute(cluster, ("DELETE FROM coupon WHERE id = ?", [("Z",)]),
                *((f"DELETE FROM {table} WHERE coupon_id = ?", [("Z",)]) for table in ("coupon_issue", "dead_letter")))
        with cluster:
            stored = {"A": HOLDERS, "B": {1: "alice", 2: "bob", 3: "alice"}}
            wait_until(lambda: cluster.issues() == stored, "the store has the journal's records")
            cluster.wait_drained()
            assert cluster.coupon("B")["redeemed"] == 0
            cluster.assert_kept()
