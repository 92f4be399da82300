"""What becomes of issues, in the database: states, counters, history, erased users, and a journal rebuilt from them."""

import contextlib
import json
import shutil
import sqlite3

import pytest

from cluster import Cluster, run_coupond, wait_until
from life import Life, told
from servers import MariaDB


@pytest.fixture(params=["sqlite", "mariadb"])
def cluster(request, tmp_path):
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(MariaDB()) if request.param == "mariadb" else None
        yield stack.enter_context(Cluster(tmp_path, partitions=2, database=database))


def rows(cluster, sql):
    """Rows of a query, as lists of text."""
    return [[str(value) for value in row] for row in cluster.query(sql)]


def live_a_little(cluster):
    """anna redeems, bert redeems and takes it back, carl and dora are revoked, emil is erased."""
    life, other = Life(cluster, "A"), Life(cluster, "B")
    life.create(5)
    other.create(5)
    for user in ("anna", "bert", "carl", "dora", "emil"):
        assert told(life.post(user)) == (201, "issued")
    assert told(other.post("emil")) == (201, "issued")
    assert told(life.redeem("anna", "order-1")) == told(life.redeem("bert", "order-2")) == (201, "redeemed")
    assert told(life.undo("bert", "order-2")) == (200, "issued")
    assert told(life.revoke("carl", reason="mistake", restock=True)) == (200, "revoked")
    assert told(life.revoke("dora", reason="mistake", restock=True, again=True)) == (200, "revoked")
    assert told(life.post("dora")) == (201, "issued")
    assert cluster.request("DELETE", "/v1/users/emil")[0] == 202
    assert life.change(title="Another coffee")[0] == 200
    cluster.wait_drained()


def assert_lived(cluster):
    life, other = Life(cluster, "A"), Life(cluster, "B")
    assert told(life.redeem("anna", "order-1")) == (200, "redeemed")
    assert told(life.redeem("anna", "order-9")) == (409, "already_redeemed")
    assert told(life.redeem("carl", "order-3")) == (409, "revoked")
    assert told(life.post("carl")) == (409, "revoked")
    assert told(life.post("dora")) == (409, "already_issued")
    assert told(life.post("emil")) == told(other.post("emil")) == (409, "already_issued")  # though erased


def test_the_database_has_what_became_of_issues(cluster):
    live_a_little(cluster)
    states = rows(cluster, "SELECT sequence, state, reference, reason FROM coupon_issue_state ORDER BY sequence")
    assert states == [["1", "redeemed", "order-1", ""], ["2", "issued", "order-2", ""], ["3", "revoked", "", "mistake"],
                      ["4", "revoked", "", "mistake"]]
    assert rows(cluster, "SELECT issued, returned, redeemed FROM coupon WHERE id = 'A'") == [["6", "2", "1"]]
    assert rows(cluster, "SELECT COUNT(*) FROM coupon_issue WHERE user_id = 'emil'") == [["0"]]
    assert rows(cluster, "SELECT COUNT(*) FROM coupon_issue WHERE SUBSTR(user_id, 1, 7) = 'erased:'") == [["2"]]
    history = rows(cluster, "SELECT policy FROM coupon_history WHERE coupon_id = 'A' ORDER BY journal_seq")
    assert [json.loads(policy)["title"] for policy, in history][-1] == "Another coffee" and len(history) == 2
    cluster.assert_kept()


EMPTY = '"description":"","benefit":{"rate":0.25},"owner":"","segments":[]'


def test_the_history_has_coupons_in_the_form_of_coupons(cluster):
    assert cluster.request("POST", "/v1/coupons", {"id": "bare", "title": "t", "quantity": 1})[0] == 201
    cluster.wait_drained()
    bare = cluster.coupon("bare")
    assert [bare[name] for name in ("description", "benefit", "owner", "segments")] == [None] * 4

    def policy():
        return cluster.request("GET", "/v1/coupons/bare/history")[2]["changes"][0]["coupon"]

    told_by_history = policy()
    assert told_by_history == {**told_by_history, **{name: bare[name] for name in told_by_history if name in bare}}
    cluster.query(f"UPDATE coupon_history SET policy = '{{\"title\":\"t\",{EMPTY}}}' WHERE coupon_id = 'bare'")
    assert policy() == {"id": "bare", "title": "t", "description": None, "benefit": {"rate": 0.25}, "owner": None,
                        "segments": None}  # as earlier versions wrote it


def test_a_database_that_came_back_empty_gets_everything_again(cluster):
    live_a_little(cluster)
    before = rows(cluster, "SELECT * FROM coupon_issue_state ORDER BY coupon_id, sequence")
    issues = rows(cluster, "SELECT coupon_id, sequence, user_id FROM coupon_issue ORDER BY coupon_id, sequence")
    for table in ("coupon", "coupon_history", "coupon_issue", "coupon_issue_state", "erasure", "journal"):
        cluster.query(f"DELETE FROM {table}")
    assert cluster.issue("B", "fred")[0] == 201
    wait_until(lambda: rows(cluster, "SELECT COUNT(*) FROM coupon_issue") == [["8"]], "all issues again")
    cluster.wait_drained()
    assert rows(cluster, "SELECT * FROM coupon_issue_state ORDER BY coupon_id, sequence") == before
    again = rows(cluster, "SELECT coupon_id, sequence, user_id FROM coupon_issue ORDER BY coupon_id, sequence")
    assert [row for row in again if row[2] != "fred"] == issues
    cluster.assert_kept()


def test_a_rebuilt_journal_knows_what_became_of_issues(cluster):
    live_a_little(cluster)
    life = Life(cluster, "A")
    code = life.look("anna")[1]["code"]
    cluster.stop()
    shutil.rmtree(cluster.journal_directory)
    result = run_coupond("issuer", "--config", str(cluster.config_path), "--rebuild-from-store")
    assert result.returncode == 0, result.stdout + result.stderr
    cluster.start()
    assert_lived(cluster)
    assert life.look("anna")[1]["code"] == code
    coupon = life.read()
    assert (coupon["issued"], coupon["returned"], coupon["redeemed"], coupon["remaining"]) == (6, 2, 1, 1)
    assert coupon["title"] == "Another coffee"
    assert told(life.post("gina")) == (201, "issued")
    assert told(life.post("hans")) == (409, "sold_out")
    cluster.wait_drained()
    cluster.assert_kept()


def test_verify_names_a_state_that_somebody_changed(cluster):
    live_a_little(cluster)
    if cluster.database is not None:
        pytest.skip("the same for both databases")
    for sql, word in (("UPDATE coupon_issue_state SET state = 'revoked' WHERE sequence = 1", "sequence 1, redeemed"),
                      ("DELETE FROM coupon_issue_state WHERE sequence = 3", "is not in the store"),
                      ("UPDATE coupon SET redeemed = 2 WHERE id = 'A'", "redeemed 2"),
                      ("UPDATE coupon_issue SET user_id = 'emil' WHERE sequence = 5", "who was erased")):
        kept = cluster.directory / "kept.db"
        with contextlib.closing(sqlite3.connect(cluster.store_path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with contextlib.closing(sqlite3.connect(kept)) as copy:
                connection.backup(copy)
            assert connection.execute(sql).rowcount == 1
            connection.commit()
            result = cluster.verify()
            assert result.returncode == 1 and word in result.stdout, result.stdout + result.stderr
            with contextlib.closing(sqlite3.connect(kept)) as copy:
                copy.backup(connection)
        kept.unlink()
    cluster.assert_kept()
