"""Lists of issues from the store, as pages and as streams, over HTTP and by `coupond export`: with SQLite and with a
real MariaDB."""

import os
import socket
import subprocess

import pymysql
import pytest

from cluster import Cluster, run_coupond, wait_until
from http_load import Load
from issue_lists import COLUMNS, fill, pages, peak_kb, read_csv, read_ndjson, streaming
from servers import MariaDB

MANY = 300_000


@pytest.fixture(scope="module")
def server():
    with MariaDB() as database:
        yield database


def emptied(server):
    with pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True) as connection:
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {server.database}")
        connection.cursor().execute(f"CREATE DATABASE {server.database}")
    return server


@pytest.fixture(params=["sqlite", "mariadb"])
def cluster(tmp_path, request):
    database = None if request.param == "sqlite" else emptied(request.getfixturevalue("server"))
    with Cluster(tmp_path, partitions=2, persisters=2, database=database) as running:
        yield running


@pytest.fixture
def filled(cluster):
    cluster.create_coupon("MANY", MANY)
    cluster.wait_drained()
    fill(cluster, "MANY", MANY)
    return cluster


def sequences(issues):
    return [int(issue["sequence"]) for issue in issues]


# pages


def test_pages_of_a_coupon_are_complete_and_in_order_while_issuing_goes_on(cluster):
    cluster.create_coupon("BUSY", 1_000_000)
    cluster.wait_drained()  # until the store has the coupon, its list is 404
    load = Load(cluster.addresses, connections=16)
    load.start(("BUSY", f"u{number}") for number in range(1_000_000))
    try:
        for _ in range(5):
            wait_until(lambda seen=load.issued: load.issued > seen + 500, "issuing goes on")
            found = sequences(pages(cluster, "/v1/coupons/BUSY/issues"))
            assert found == sorted(set(found))
    finally:
        answers = load.finish()
    cluster.wait_drained()
    issues = list(pages(cluster, "/v1/coupons/BUSY/issues", limit=77))
    assert sequences(issues) == list(range(1, len(issues) + 1))
    told = {answer.sequence: answer.user for answer in answers if answer.status == 201}
    assert {issue["sequence"]: issue["user_id"] for issue in issues} == told


def test_a_user_has_the_issues_of_all_coupons_newest_first(cluster):
    held = []
    for number in range(7):
        coupon = cluster.create_coupon(f"C{number % 5}{number}", 10, per_user_limit=2)["id"]
        for _ in range(1 + number % 2):
            held.append(cluster.issue(coupon, "alice")[1])
        cluster.issue(coupon, "bob")
    cluster.wait_drained()
    found = list(pages(cluster, "/v1/users/alice/issues", limit=3))
    newest_first = sorted(held, key=lambda issue: (issue["issued_at"], issue["coupon_id"], issue["sequence"]),
                          reverse=True)
    assert found == [{**issue, "title": issue["coupon_id"], "benefit": None} for issue in newest_first]
    assert list(pages(cluster, "/v1/users/nobody/issues")) == []


def test_lists_say_what_is_wrong(cluster):
    cluster.create_coupon("EMPTY", 1)
    cluster.wait_drained()
    status, _, page = cluster.request("GET", "/v1/coupons/EMPTY/issues")
    assert (status, page["issues"], page["next_cursor"]) == (200, [], None)
    assert cluster.request("GET", "/v1/coupons/NONE/issues")[2]["code"] == "coupon_not_found"
    for path, field in (("coupons/EMPTY/issues?cursor=1-2", "cursor"), ("users/a/issues?cursor=1", "cursor"),
                        ("coupons/EMPTY/issues?format=xls", "format"), ("users/a/issues?format=csv", "format"),
                        ("users/a/issues?limit=201", "limit")):
        status, _, problem = cluster.request("GET", f"/v1/{path}")
        assert (status, problem["errors"][0]["field"]) == (400, field)


def test_lists_are_for_operators(tmp_path):
    with Cluster.dev(tmp_path, options={"gateway/admin_token": "secret"}) as cluster:
        cluster.wait_drained()
        for path in ("/v1/coupons/A0001/issues", "/v1/users/alice/issues"):
            assert cluster.request("GET", path)[0] == 401
            assert cluster.request("GET", path, headers={"Authorization": "Bearer wrong"})[0] == 401
            assert cluster.request("GET", path, headers={"Authorization": "Bearer secret"})[0] == 200


# streams


@pytest.mark.parametrize("accept, read", [("text/csv;q=0.9, application/json;q=0.1", read_csv),
                                          ("application/x-ndjson", read_ndjson)])
def test_a_stream_has_every_issue_and_needs_little_memory(filled, accept, read):
    gateway = filled.gateways[0].process
    with streaming(filled, "/v1/coupons/MANY/issues?limit=1", accept) as answer:
        answer.read()
    before_kb = peak_kb(gateway)
    with streaming(filled, "/v1/coupons/MANY/issues", accept) as answer:
        assert (answer.status, answer.headers["Transfer-Encoding"]) == (200, "chunked")
        assert answer.headers["Content-Type"].split(";")[0] in accept
        rows = read(answer.read().decode())
    assert sequences(rows) == list(range(1, MANY + 1))
    assert [row["user_id"] for row in rows] == [f"u{number}" for number in range(1, MANY + 1)]
    if os.environ.get("COUPOND_TEST_PRESET") != "asan":  # it does not release freed memory
        assert peak_kb(gateway) - before_kb < 8192
    assert filled.gateways[0].metrics()["coupond_gateway_store_rows_total"] >= MANY


def test_a_stream_to_http_1_0_ends_with_the_connection(filled):
    host, port = filled.addresses[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=120) as raw:
        raw.sendall(b"GET /v1/coupons/MANY/issues?format=csv HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, body = raw.makefile("rb").read().split(b"\r\n\r\n", 1)
    assert b"Connection: close" in head and b"chunked" not in head
    assert len(read_csv(body.decode())) == MANY


def test_requests_behind_a_stream_are_answered_after_it(filled):
    host, port = filled.addresses[0].rsplit(":", 1)
    path = "/v1/coupons/MANY/issues?format=csv"
    with socket.create_connection((host, int(port)), timeout=120) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\nHEAD {path} HTTP/1.1\r\nHost: t\r\n\r\n"
                    "GET /v1/users/u7/issues HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
        whole = raw.makefile("rb").read()
    stream, rest = whole.split(b"\r\n0\r\n\r\n")
    assert stream.count(b"\nMANY,") == MANY
    assert rest.count(b"HTTP/1.1 200 OK") == 2 and b'"sequence":7' in rest


def test_a_stream_can_be_continued(filled):
    with streaming(filled, f"/v1/coupons/MANY/issues?cursor={MANY - 5000}") as answer:
        assert sequences(read_csv(answer.read().decode())) == list(range(MANY - 4999, MANY + 1))


def transactions(cursor):
    cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_trx")
    return cursor.fetchone()[0]


def test_a_slow_client_occupies_neither_thread_nor_transaction(filled):
    with streaming(filled, "/v1/coupons/MANY/issues") as slow, streaming(filled, "/v1/coupons/MANY/issues") as idle:
        slow.read(100_000)
        for _ in range(3):
            assert len(list(pages(filled, "/v1/users/u7/issues"))) == 1
        if filled.database is not None:
            with pymysql.connect(unix_socket=str(filled.database.socket), user="root") as connection:
                cursor = connection.cursor()
                wait_until(lambda: transactions(cursor) == 0, "the streams wait for their clients",
                           pause=0.2)  # InnoDB renews the table only if it was not read for 100 ms
        assert filled.gateways[0].metrics()["coupond_gateway_store_rows_total"] < MANY
        assert idle.status == 200
        assert sequences(read_csv(",".join(COLUMNS) + "\r\n"
                                  + slow.read().decode().split("\r\n", 1)[1]))[-1] == MANY


def test_reading_stops_when_the_client_leaves(filled):
    rows = "coupond_gateway_store_rows_total"
    gateway = filled.gateways[0]
    with streaming(filled, "/v1/coupons/MANY/issues") as answer:
        answer.read(1000)
    wait_until(lambda: gateway.metrics()["coupond_gateway_connections"] == 0, "the connection is closed")
    wait_until(lambda: gateway.metrics()["coupond_gateway_store_queue"] == 0, "nothing waits")
    seen = gateway.metrics()[rows]
    assert len(list(pages(filled, "/v1/users/u7/issues"))) == 1
    assert gateway.metrics()[rows] <= seen + 4097 < MANY


def test_a_list_has_its_time_while_other_partitions_are_empty(tmp_path):
    with Cluster(tmp_path, partitions=4) as cluster:
        cluster.create_coupon("C", 10)
        cluster.issue("C", "alice")
        wait_until(lambda: cluster.request("GET", "/v1/users/alice/issues")[2]["as_of"], "the list has a time")


# export


def export(cluster, *arguments):
    return run_coupond("export", "--config", cluster.config_path, *arguments)


def test_export_writes_what_the_gateway_streams(filled, tmp_path):
    with streaming(filled, "/v1/coupons/MANY/issues") as answer:
        streamed = answer.read().decode()
    result = export(filled, "--coupon", "MANY", "--output", tmp_path / "many.csv")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.endswith("coupond export: 300,000 issues\n")
    assert (tmp_path / "many.csv").read_bytes().decode() == streamed
    assert not (tmp_path / "many.csv.part").exists()


def test_export_writes_through_a_link_and_replaces_no_pipe(filled, tmp_path):
    target, link, pipe = tmp_path / "target.csv", tmp_path / "link.csv", tmp_path / "pipe"
    link.symlink_to(target)
    assert export(filled, "--user", "u7", "--output", link).returncode == 0
    assert link.is_symlink() and len(read_csv(target.read_text())) == 1
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert export(filled, "--user", "u7", "--output", pipe).returncode == 0
        assert read_csv(reader.communicate()[0]) == read_csv(target.read_text())
    assert pipe.is_fifo()
    refused = export(filled, "--user", "u7", "--output", tmp_path)
    assert refused.returncode == 1 and "cannot write" in refused.stderr
    assert not (tmp_path.parent / f"{tmp_path.name}.part").exists()


def test_export_writes_all_issues_or_those_of_a_user(cluster):
    for coupon in ("A", "B", "C"):
        cluster.create_coupon(coupon, 10)
        for user in ("alice", "bob"):
            cluster.issue(coupon, user)
    cluster.wait_drained()
    everything = read_csv(export(cluster).stdout)
    assert [(row["coupon_id"], row["sequence"], row["user_id"]) for row in everything] == [
        (coupon, str(sequence), user) for coupon in "ABC" for sequence, user in ((1, "alice"), (2, "bob"))]
    mine = read_ndjson(export(cluster, "--user", "alice", "--format", "ndjson").stdout)
    assert [row["coupon_id"] for row in mine] == ["C", "B", "A"] and {row["user_id"] for row in mine} == {"alice"}
    nothing = export(cluster, "--coupon", "NONE")
    assert (nothing.returncode, nothing.stdout) == (1, "") and "no coupon NONE" in nothing.stderr
