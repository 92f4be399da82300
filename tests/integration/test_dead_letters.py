"""A row that a database rejects permanently becomes a dead letter: all other rows are stored, operators are notified,
`coupond verify` fails until it is resolved, and `coupond dead-letter retry` resolves it. With SQLite and with a real
MariaDB.
"""

import contextlib
import json
import sqlite3

import pymysql
import pytest

from cluster import Cluster, metric_sum, run_coupond, wait_until
from http_load import Load
from servers import MariaDB

LETTERS = "coupond_persister_dead_letters_total"
QUICKLY = {"persister/retry_min_ms": 5, "persister/retry_max_ms": 50, "issuer/resend_ms": 500}

BARRED_SQLITE = """CREATE TRIGGER barred BEFORE INSERT ON {table} WHEN NEW.{column} = '{value}'
                   BEGIN SELECT RAISE(ABORT, '{value} is barred'); END"""
BARRED_MYSQL = """CREATE TRIGGER barred BEFORE INSERT ON {table} FOR EACH ROW IF NEW.{column} = '{value}'
                  THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{value} is barred'; END IF"""


@pytest.fixture(scope="module")
def server():
    with MariaDB() as database:
        yield database


def emptied(server):
    connection = pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True)
    with contextlib.closing(connection):
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {server.database}")
        connection.cursor().execute(f"CREATE DATABASE {server.database}")
    return server


@pytest.fixture(params=["sqlite", "mariadb"])
def cluster(tmp_path, request):
    database = None if request.param == "sqlite" else emptied(request.getfixturevalue("server"))
    with Cluster(tmp_path, partitions=2, persisters=2, database=database, options=QUICKLY) as running:
        yield running


def change_store(cluster, sql):
    if cluster.database is None:
        connection = sqlite3.connect(cluster.store_path, timeout=60, isolation_level=None)
    else:
        connection = pymysql.connect(unix_socket=str(cluster.database.socket), user="root", autocommit=True,
                                     database=cluster.database.database, charset="utf8mb4")
    with contextlib.closing(connection):
        connection.cursor().execute(sql)


def bar(cluster, table, column, value):
    text = BARRED_SQLITE if cluster.database is None else BARRED_MYSQL
    change_store(cluster, text.format(table=table, column=column, value=value))


def crowd(cluster, coupon, count, first=0):
    """{sequence: user}; after a restart of the issuer a request may have to be repeated."""
    load = Load(cluster.addresses, connections=8, retry=True)
    load.run([(coupon, f"user-{i}") for i in range(first, first + count)])
    told = {answer.sequence: answer.user
            for answer in load.answers if answer.status == 201 or answer.code == "already_issued"}
    assert len(told) == count
    return told


def dead_letter(cluster, action, *more):
    return run_coupond("dead-letter", action, "--config", cluster.config_path, *more)


def letters_of(cluster):
    result = dead_letter(cluster, "list", "--json")
    assert result.returncode in (0, 1), result.stderr
    return json.loads(result.stdout)["dead_letters"]


def buried(cluster):
    return sum(metric_sum(member.metrics(), LETTERS) for member in cluster.persisters)


def assert_broken(cluster, *words):
    result = cluster.verify()
    assert result.returncode == 1, result.stdout + result.stderr
    for word in (*words, "coupond dead-letter"):
        assert word in result.stdout
    assert "is not in the store" not in result.stdout


def assert_settled(cluster):
    result = dead_letter(cluster, "list")
    assert (result.returncode, result.stdout) == (0, "there are no dead letters\n")
    cluster.assert_kept()


def test_a_row_that_a_trigger_rejects_is_the_only_dead_letter(cluster):
    bar(cluster, "coupon_issue", "user_id", "user-7")
    cluster.create_coupon("A", 1_000)
    issued = crowd(cluster, "A", 300)
    cluster.wait_drained()
    assert buried(cluster) == 1
    assert cluster.issues()["A"] == {sequence: user for sequence, user in issued.items() if user != "user-7"}
    (letter,) = letters_of(cluster)
    assert (letter["coupon_id"], letter["user_id"], issued[letter["sequence"]]) == ("A", "user-7", "user-7")
    assert "user-7 is barred" in letter["reason"]
    lines = [line for member in cluster.persisters for line in member.log().splitlines() if " error " in line]
    assert any("dead letter" in line and "coupon=A" in line and "user=user-7" in line and "user-7 is barred" in line
               for line in lines), lines
    assert_broken(cluster, "user-7", "user-7 is barred", "1 dead letters")


def test_retry_reports_rows_that_are_still_rejected_and_stores_the_others(cluster):
    bar(cluster, "coupon_issue", "user_id", "user-7")
    cluster.create_coupon("A", 1_000)
    issued = crowd(cluster, "A", 50)
    cluster.wait_drained()
    again = dead_letter(cluster, "retry")
    assert again.returncode == 1
    assert "user-7 is barred" in again.stdout
    assert "0 stored, 1 still refused" in again.stdout
    change_store(cluster, "DROP TRIGGER barred")
    mended = dead_letter(cluster, "retry", "--json")
    assert mended.returncode == 0, mended.stdout
    assert json.loads(mended.stdout)["stored"] == 1
    assert cluster.issues()["A"] == issued
    assert_settled(cluster)


def test_a_rejected_coupon_and_its_issues_are_stored_later(cluster):
    bar(cluster, "coupon", "id", "BAD")
    cluster.create_coupon("GOOD", 1_000)
    cluster.create_coupon("BAD", 1_000)
    good, bad = crowd(cluster, "GOOD", 100), crowd(cluster, "BAD", 100)
    cluster.wait_drained()
    assert cluster.issues() == {"GOOD": good}
    letters = letters_of(cluster)
    assert len(letters) == 101
    assert all(letter["coupon_id"] == "BAD" and "BAD is barred" in letter["reason"] for letter in letters)
    assert sum("its coupon is a dead letter" in letter["reason"] for letter in letters) == 100
    assert_broken(cluster, "BAD", "101 dead letters")
    change_store(cluster, "DROP TRIGGER barred")
    result = dead_letter(cluster, "retry")
    assert result.returncode == 0
    assert "101 stored, 0 still refused" in result.stdout
    assert cluster.issues() == {"GOOD": good, "BAD": bad}
    assert_settled(cluster)


def test_a_foreign_row_in_the_way_does_not_block_the_others(cluster):
    cluster.create_coupon("A", 1_000)
    cluster.wait_drained()
    planted = "INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq) " \
              "VALUES ('A', 20, 'mallory', 1, {time}, 1000000)"
    change_store(cluster,
                 planted.format(time="'2026-01-01T00:00:00.000000Z'" if cluster.database is None else "'2026-01-01'"))
    issued = crowd(cluster, "A", 100)
    cluster.wait_drained()
    assert cluster.issues()["A"] == {**issued, 20: "mallory"}
    (letter,) = letters_of(cluster)
    assert (letter["sequence"], letter["user_id"]) == (20, issued[20])
    assert "mallory" in letter["reason"]
    assert dead_letter(cluster, "retry").returncode == 1
    change_store(cluster, "DELETE FROM coupon_issue WHERE user_id = 'mallory'")
    assert dead_letter(cluster, "retry").returncode == 0
    assert cluster.issues()["A"] == issued
    assert_settled(cluster)


def test_only_rows_that_a_trigger_makes_too_long_become_dead_letters(tmp_path, server):
    with Cluster(tmp_path, database=emptied(server), options=QUICKLY) as cluster:
        cluster.create_coupon("A", 1_000)
        cluster.wait_drained()
        change_store(cluster, "CREATE TRIGGER longer BEFORE INSERT ON coupon_issue FOR EACH ROW "
                              "SET NEW.user_id = IF(LENGTH(NEW.user_id) > 7, REPEAT('u', 65), NEW.user_id)")
        issued = crowd(cluster, "A", 120)
        cluster.wait_drained()
        long = {user for user in issued.values() if len(user) > 7}
        assert {letter["user_id"] for letter in letters_of(cluster)} == long
        assert buried(cluster) == len(long) == 20
        change_store(cluster, "DROP TRIGGER longer")
        assert dead_letter(cluster, "retry").returncode == 0
        assert cluster.issues()["A"] == issued
        assert_settled(cluster)


def test_a_resent_frame_does_not_change_its_dead_letters(cluster):
    """The persisters cannot acknowledge, so that each frame is sent again and again, to either of them."""
    bar(cluster, "coupon_issue", "user_id", "user-3")
    cluster.create_coupon("A", 1_000)
    cluster.wait_drained()
    issued = crowd(cluster, "A", 40)
    cluster.wait_drained()
    cluster.issuer.kill()
    for path in cluster.journal_directory.rglob("acked"):
        path.unlink()  # all records are streamed again
    cluster.issuer.start()
    wait_until(cluster.issuer.is_ready, "the issuer is ready again")
    issued |= crowd(cluster, "A", 40, first=40)
    cluster.wait_drained()
    assert [letter["user_id"] for letter in letters_of(cluster)] == ["user-3"]
    change_store(cluster, "DROP TRIGGER barred")
    cluster.issuer.kill()
    for path in cluster.journal_directory.rglob("acked"):
        path.unlink()
    cluster.issuer.start()  # rows that can be stored now are stored, without a retry
    wait_until(cluster.issuer.is_ready, "the issuer is ready once more")
    cluster.wait_drained()
    assert cluster.issues()["A"] == issued
    assert_settled(cluster)


def test_the_list_is_readable_text_and_the_options_are_checked(cluster):
    bar(cluster, "coupon_issue", "user_id", "user-1")
    cluster.create_coupon("A", 10)
    crowd(cluster, "A", 3)
    cluster.wait_drained()
    result = dead_letter(cluster, "list")
    assert result.returncode == 1
    head, line, _, total = result.stdout.splitlines()
    assert head.split()[:5] == ["partition", "journal_seq", "coupon", "sequence", "user"]
    assert line.split()[2:5:2] == ["A", "user-1"]
    assert total == "dead letters: 0 coupons, 1 issues"
    for arguments in ((), ("burn",), ("list", "retry"), ("list", "--dir", "x", "--config", "y")):
        assert run_coupond("dead-letter", *arguments).returncode == 2
    assert run_coupond("dead-letter", "list", "--dir", "/nowhere/at/all").returncode == 2


# --- over the API ---


def letters_over_http(cluster):
    """Every dead letter, two a page."""
    letters, cursor = [], None
    while cursor is not None or not letters:
        path = "/v1/dead-letters?limit=2" + (f"&cursor={cursor}" if cursor else "")
        status, _, page = cluster.request("GET", path)
        assert status == 200, page
        letters += page["dead_letters"]
        cursor = page["next_cursor"]
        assert len(page["dead_letters"]) == 2 or cursor is None
        if not letters:
            break
    return letters


def retry_over_http(cluster, letter, headers=None):
    status, _, body = cluster.request("POST", f"/v1/dead-letters/{letter}/retry", None, headers or {})
    return status, body


def test_the_api_lists_the_letters_that_the_command_lists(cluster):
    text = BARRED_SQLITE if cluster.database is None else BARRED_MYSQL
    change_store(cluster, text.replace("NEW.{column} = '{value}'", "NEW.user_id LIKE 'user-1%'")
                 .format(table="coupon_issue", value="this user"))
    cluster.create_coupon("A", 1_000)
    assert letters_over_http(cluster) == []
    crowd(cluster, "A", 16)
    cluster.wait_drained()
    letters = letters_over_http(cluster)
    told = [{name: letter[name] for name in letter if name != "id"} for letter in letters]
    assert told == letters_of(cluster) and len(told) == 7
    assert all(letter["id"].endswith(f"-{letter['journal_seq']}") for letter in letters)


def test_a_retry_over_the_api_is_refused_until_the_cause_is_fixed(cluster):
    bar(cluster, "coupon_issue", "user_id", "user-7")
    cluster.create_coupon("A", 1_000)
    crowd(cluster, "A", 20)
    cluster.wait_drained()
    (letter,) = letters_over_http(cluster)
    status, body = retry_over_http(cluster, letter["id"])
    assert (status, body["code"]) == (409, "dead_letter_refused")
    assert f"letter={letter['id']} result=refused request_id={body['request_id']}" in cluster.gateways[0].log()
    assert "user-7 is barred" in body["detail"]
    assert letters_over_http(cluster) == [letter]
    change_store(cluster, "DROP TRIGGER barred")
    assert retry_over_http(cluster, letter["id"], {"X-Request-Id": "again-1"}) == (
        200, {"id": letter["id"], "result": "stored"})
    assert f"letter={letter['id']} result=stored request_id=again-1" in cluster.gateways[0].log()
    assert retry_over_http(cluster, letter["id"])[0] == 404
    assert letters_over_http(cluster) == []
    assert_settled(cluster)
