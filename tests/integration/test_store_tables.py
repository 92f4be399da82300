"""Tables that an operator has altered so that rows would be confused, truncated or written partly: the persister writes
nothing, reports the fault and the repair, and continues after it. `coupond verify`, a rebuild and a new issuer report
the same.
"""

import json
import shutil

import pytest

from cluster import Cluster, run_coupond, wait_until
from crowd import only_in_full
from servers import MariaDB, MySQL

QUICKLY = {"persister/retry_min_ms": 5, "persister/retry_max_ms": 50, "issuer/resend_ms": 500}
MENDS = "repair it with: "
CHANGES = {
    "users that differ in case": (
        "ALTER TABLE coupon_issue CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "table coupon_issue: column coupon_id is varchar(32) COLLATE utf8mb4_general_ci NOT NULL, and must be "
        "VARCHAR(32) COLLATE ascii_bin NOT NULL (and 1 more of this table)"),
    "coupons that differ in case": (
        "ALTER TABLE coupon CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "table coupon: column id is varchar(32)"),
    "no transactions": ("ALTER TABLE coupon_issue ENGINE=MyISAM",
                        "table coupon_issue: its engine is MyISAM, and must be InnoDB"),
    "short users": (
        "ALTER TABLE coupon_issue MODIFY user_id VARCHAR(5) COLLATE ascii_bin NOT NULL",
        "column user_id is varchar(5)"),
    "no key": ("ALTER TABLE coupon_issue DROP KEY holder", "key holder is missing"),
    "whole seconds": ("ALTER TABLE dead_letter MODIFY dead_at DATETIME NOT NULL",
                      "column dead_at is datetime NOT NULL"),
}
# found when it is searched
REFUSES_NOTHING = {CHANGES[kind][0] for kind in ("no transactions", "no key", "whole seconds")}


@pytest.fixture(scope="module")
def mariadb():
    with MariaDB() as server:
        yield server


@pytest.fixture(scope="module")
def mysql():
    with MySQL() as server:
        yield server


def change(server, statement):
    server.administer(f"USE {server.database}", statement)


def emptied(server):
    server.administer(f"DROP DATABASE IF EXISTS {server.database}", f"CREATE DATABASE {server.database}")
    return server


def said_by(member):
    status, text = member.get("/readyz")
    return json.loads(text)["detail"] if status == 503 else ""


def hears(member, words):
    wait_until(lambda: words in said_by(member), f"{member.name} reports: {words}")
    return said_by(member)


@pytest.mark.parametrize("kind", CHANGES)
def test_an_altered_table_is_reported_and_nothing_is_lost(tmp_path, mariadb, kind):
    check_change(tmp_path, mariadb, *CHANGES[kind])


@only_in_full
@pytest.mark.parametrize("kind", CHANGES)
def test_an_altered_table_of_mysql_is_reported_and_nothing_is_lost(tmp_path, mysql, kind):
    check_change(tmp_path, mysql, *CHANGES[kind])


def repair(cluster, server, said):
    """With the statements that the persister names, one after the other: one has room for a few columns only."""
    done = set()

    def is_repaired(said):
        statement = said.partition(MENDS)[2]
        if statement and statement not in done:
            change(server, statement)
            done.add(statement)
        return cluster.backlog() == 0

    is_repaired(said)
    wait_until(lambda: is_repaired(said_by(cluster.persisters[0])), "all rows are stored")


def check_change(tmp_path, server, statement, words):
    with Cluster(tmp_path, database=emptied(server), options=QUICKLY) as cluster:
        cluster.create_coupon("C", 100)
        assert cluster.issue("C", "alice")[0] == 201
        cluster.wait_drained()
        process = cluster.persisters[0].process
        change(server, statement)
        if statement in REFUSES_NOTHING:
            hears(cluster.persisters[0], words)
        cluster.create_coupon("c", 100)
        for user in ("ALICE", "bob", "somebody"):
            assert cluster.issue("C", user)[0] == 201
            assert cluster.issue("c", user)[0] == 201
        said = hears(cluster.persisters[0], words)
        assert cluster.query("SELECT COUNT(*) FROM dead_letter")[0][0] == 0
        verified = cluster.verify()
        assert verified.returncode == 2 and words in verified.stderr, verified
        repair(cluster, server, said)
        users = {1: "alice", 2: "ALICE", 3: "bob", 4: "somebody"}
        assert cluster.issues() == {"C": users,
                                    "c": {sequence - 1: user for sequence, user in users.items() if sequence > 1}}
        assert cluster.query("SELECT COUNT(*) FROM dead_letter")[0][0] == 0
        cluster.assert_kept()
        wait_until(cluster.persisters[0].is_ready, "the persister is ready")
        assert cluster.persisters[0].process is process
        assert "no connection" not in cluster.persisters[0].log()
        assert "another writer" not in cluster.persisters[0].log()


def test_a_persister_that_starts_with_such_a_table_waits_for_the_repair(tmp_path, mariadb):
    statement, words = CHANGES["users that differ in case"]
    with Cluster(tmp_path, database=emptied(mariadb), options=QUICKLY) as cluster:
        cluster.create_coupon("C", 100)
        assert cluster.issue("C", "alice")[0] == 201
        cluster.wait_drained()
        cluster.stop()
        change(mariadb, statement)
        shutil.copytree(cluster.journal_directory, tmp_path / "kept")
        shutil.rmtree(cluster.journal_directory)
        rebuilt = run_coupond("issuer", "--config", str(cluster.config_path), "--rebuild-from-store")
        assert rebuilt.returncode == 1 and words in rebuilt.stderr, rebuilt.stderr
        shutil.rmtree(cluster.journal_directory, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", cluster.journal_directory)
        cluster.options["issuer/require_store"] = 1
        cluster.write_config()
        cluster.issuer.start()
        cluster.persisters[0].start()
        wait_until(cluster.issuer.is_ready, "the table of journals is correct, so the issuer has compared itself")
        said = hears(cluster.persisters[0], words)
        change(mariadb, said.split(MENDS)[1])
        wait_until(cluster.persisters[0].is_ready, "the persister continues")
        for gateway in cluster.gateways:
            gateway.start()
        cluster.wait_ready()
        assert cluster.issue("C", "ALICE")[0] == 201
        cluster.wait_drained()
        cluster.assert_kept()


def test_with_correct_tables_the_reason_is_the_server_s_message(tmp_path, mariadb):
    with Cluster(tmp_path, database=emptied(mariadb), options=QUICKLY) as cluster:
        cluster.create_coupon("C", 100)
        cluster.wait_drained()
        change(mariadb, "ALTER TABLE coupon_issue ADD COLUMN shop INT NOT NULL")
        assert cluster.issue("C", "alice")[0] == 201
        hears(cluster.persisters[0], "Field 'shop' doesn't have a default value (error 1364)")
        wait_until(lambda: "Field 'shop' doesn't have" in cluster.persisters[0].log(), "the log has it")
        change(mariadb, "ALTER TABLE coupon_issue DROP COLUMN shop")
        cluster.wait_drained()
        cluster.assert_kept()
