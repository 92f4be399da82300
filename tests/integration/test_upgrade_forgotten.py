"""The first issues of users, which a journal of version 1 forgot, are known after an upgrade.

schema_3/forgotten.* are from before issues could be redeemed: a journal with segments of 2 MiB, a snapshot per MiB, and
the store with its records up to 6411. Of coupon B with a limit of three, alice, bob, alice, carol, alice and bob have
sequences 1 to 6, whose segments are removed; then the persister stopped. dave has 7 and 8, which are in the remaining
segment and in the snapshot; bob has 9, which came after the snapshot. The issuer was killed.
"""

import contextlib
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from cluster import Cluster, wait_until
from life import Life, told
from servers import MariaDB

SCHEMA_3 = Path(__file__).parent / "schema_3"
SEQUENCES = {"alice": [1, 3, 5], "bob": [2, 6, 9], "carol": [4], "dave": [7, 8]}
FIRST_TIME = "2026-11-30T19:28:34.954432Z"
KNOWN = "the issues that a journal of version 1 forgot are known again"
UNKNOWN = "earlier ones are not known"


def fill_mariadb(store):
    """Creates the same tables as in schema_3/mariadb.sql, with the rows of forgotten.sql."""
    with contextlib.closing(sqlite3.connect(":memory:")) as rows:
        rows.executescript((SCHEMA_3 / "forgotten.sql").read_text())
        for statement in (SCHEMA_3 / "mariadb.sql").read_text().split(";\n"):
            if statement.lstrip().startswith("CREATE TABLE"):
                store.cursor().execute(statement)
        for table in ("coupon", "coupon_issue", "journal", "schema_version"):
            for row in rows.execute(f"SELECT * FROM {table}"):
                values = [re.sub(r"^(\d{4}-\d\d-\d\d)T([0-9:.]+)Z$", r"\1 \2", value) if isinstance(value, str)
                          else value for value in row]
                store.cursor().execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(values))})", values)
    store.commit()


def unpack(cluster):
    shutil.unpack_archive(SCHEMA_3 / "forgotten.tar.xz", cluster.journal_directory)
    with contextlib.closing(cluster._connect()) as store:
        if cluster.database is None:
            store.executescript((SCHEMA_3 / "forgotten.sql").read_text())
        else:
            fill_mariadb(store)


def assert_all_known(cluster):
    life = Life(cluster, "B")
    for user, sequences in SEQUENCES.items():
        for nth, sequence in enumerate(sequences, 1):
            status, issue = life.ensure(user, nth)
            assert (status, issue["sequence"], issue["nth"]) == (200, sequence, nth)
    assert life.ensure("alice", 1)[1]["issued_at"] == FIRST_TIME
    assert told(life.redeem("carol", "foreign", 1)) == (404, "not_issued")


def redeemed(answer):
    status, issue = answer
    return status, issue["state"], issue["sequence"]


def redeem_all(cluster, status):
    """The oldest one first, unless a sequence is named; the same again when they are redeemed already."""
    life = Life(cluster, "B")
    assert redeemed(life.redeem("alice", "order-1")) == (status, "redeemed", 1)
    assert redeemed(life.redeem("alice", "order-2", 5)) == (status, "redeemed", 5)
    assert redeemed(life.redeem("alice", "order-3")) == (status, "redeemed", 3)
    assert told(life.redeem("alice", "order-4")) == (409, "already_redeemed")
    assert redeemed(life.redeem("bob", "order-5", 2)) == (status, "redeemed", 2)
    assert redeemed(life.redeem("bob", "order-6")) == (status, "redeemed", 6)
    assert redeemed(life.redeem("bob", "order-7")) == (status, "redeemed", 9)
    assert redeemed(life.redeem("dave", "order-8")) == (status, "redeemed", 7)


def restart(cluster):
    for member in (cluster.issuer, *cluster.persisters):
        member.stop()
        member.start()
    cluster.wait_ready()


@pytest.mark.parametrize("name", ["sqlite", "mariadb"])
def test_all_issues_of_a_user_can_be_redeemed_after_the_upgrade(tmp_path, name):
    with MariaDB() if name == "mariadb" else contextlib.nullcontext() as database:
        cluster = Cluster(tmp_path, database=database)
        unpack(cluster)
        with cluster:
            assert_all_known(cluster)
            redeem_all(cluster, 201)
            cluster.wait_drained()
            restart(cluster)
            assert_all_known(cluster)
            redeem_all(cluster, 200)
            assert UNKNOWN not in cluster.issuer.log()
            assert cluster.issuer.log().count(KNOWN) == 2  # there is no snapshot of this version yet
            cluster.wait_drained()
            cluster.assert_kept()


def start(cluster, *members):
    for member in members:
        member.start()
    wait_until(lambda: all(member.is_ready() for member in (*members, *cluster.gateways)), "they decide")


def end_upgrade(cluster):
    """Starts the persister, which migrates the store."""
    start(cluster, *cluster.persisters)
    cluster.wait_drained()
    cluster.assert_kept()
    cluster.stop()


def test_the_issuer_need_not_wait_for_the_store_to_be_migrated(tmp_path):
    cluster = Cluster(tmp_path)
    unpack(cluster)
    cluster.write_config()
    try:
        start(cluster, cluster.issuer, *cluster.gateways)
        assert KNOWN in cluster.issuer.log()
        assert_all_known(cluster)
        redeem_all(cluster, 201)
        assert cluster.query("SELECT MAX(version) FROM schema_version") == [(3,)]
        end_upgrade(cluster)
    finally:
        cluster.end()


def test_dev_knows_all_issues_after_the_upgrade(tmp_path):
    cluster = Cluster.dev(tmp_path)
    unpack(cluster)
    with cluster:
        assert_all_known(cluster)
        redeem_all(cluster, 201)
        cluster.wait_drained()
        cluster.assert_kept()


def assert_put_off(cluster):
    """Nothing is told that may be wrong, and the rest as ever."""
    life = Life(cluster, "B")
    for answer in (life.ensure("alice", 1), life.ensure("alice", 2), life.ensure("bob", 1),
                   life.redeem("alice", "order-1"), life.redeem("alice", "order-1", 1), life.undo("alice", "order-1"),
                   life.revoke("alice", sequence=1, reason="mistake")):
        assert told(answer) == (503, "overloaded")
    assert told(life.redeem("carol", "foreign", 1)) == (404, "not_issued")
    assert life.ensure("alice", 3)[1]["sequence"] == life.ensure("alice")[1]["sequence"] == 5
    assert life.ensure("bob", 2)[1]["sequence"] == 6  # before 9, which came after the snapshot
    assert life.ensure("dave", 1)[1]["sequence"] == 7  # in a segment
    assert redeemed(life.redeem("alice", "order-2", 5))[1:] == ("redeemed", 5)
    assert told(life.redeem("alice", "order-2")) == (200, "redeemed")


def test_without_the_store_requests_about_unknown_issues_are_put_off(tmp_path):
    cluster = Cluster(tmp_path)
    unpack(cluster)
    cluster.write_config()
    away = cluster.store_path.rename(tmp_path / "away.db")
    try:
        start(cluster, cluster.issuer, *cluster.gateways)
        assert f"of users with several issues 3 {UNKNOWN}" in cluster.issuer.log()
        cluster.issuer.wait_detail("not compared with the store yet")
        assert_put_off(cluster)
        cluster.issuer.stop()
        away.rename(cluster.store_path)
        start(cluster, cluster.issuer)
        assert KNOWN in cluster.issuer.log()
        assert_all_known(cluster)
        assert redeemed(Life(cluster, "B").redeem("alice", "order-1")) == (201, "redeemed", 1)
        end_upgrade(cluster)
    finally:
        cluster.end()


def test_without_a_check_of_the_store_they_are_put_off_too(tmp_path):
    cluster = Cluster(tmp_path, options={"issuer/check_store": 0})
    unpack(cluster)
    with cluster:
        assert UNKNOWN in cluster.issuer.log() and "issuer/check_store is 0" in cluster.issuer.log()
        cluster.issuer.wait_detail("3 earlier issues are unknown since the upgrade")
        assert_put_off(cluster)


def snapshots(cluster):
    return {path.name for path in cluster.journal_directory.rglob("*.snapshot")}


def test_a_snapshot_of_this_version_keeps_them(tmp_path):
    cluster = Cluster(tmp_path, options={"issuer/snapshot_mb": 1, "issuer/segment_mb": 2})
    unpack(cluster)
    with cluster:
        before = snapshots(cluster)
        filler = Life(cluster, "filler")
        while not snapshots(cluster) - before - {"next.snapshot"}:
            for letter in "ab":
                assert filler.change(title=500 * letter, description=2000 * letter)[0] == 200
        cluster.wait_drained()
        cluster.issuer.stop()
        cluster.options["issuer/check_store"] = 0
        cluster.write_config()
        start(cluster, cluster.issuer)
        assert_all_known(cluster)
        redeem_all(cluster, 201)
        assert UNKNOWN not in cluster.issuer.log() and cluster.issuer.log().count(KNOWN) == 1
