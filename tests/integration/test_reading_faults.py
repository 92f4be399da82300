"""Lists of issues while the store is away, silent or overloaded: issuing goes on, and clients hear 503."""

import http.client
import json
import select
import signal
import socket

import pytest

from cluster import Cluster, run_coupond, wait_until
from issue_lists import fill, pages, streaming
from servers import MariaDB

WALLET = "/v1/users/alice/issues"
QUICKLY = {"gateway/store_timeout_ms": 1000, "persister/retry_max_ms": 200, "issuer/resend_ms": 500}


@pytest.fixture
def server():
    with MariaDB() as database:
        yield database


@pytest.fixture
def cluster(tmp_path, server, request):
    more = getattr(request, "param", {})
    with Cluster(tmp_path, database=server, options={**QUICKLY, **more}) as running:
        running.create_coupon("C", 100_000)
        running.issue("C", "alice")
        running.wait_drained()
        wait_until(lambda: list(pages(running, WALLET)), "the list is read")
        yield running


def refusal(cluster, path=WALLET):
    """The code of a 503, or None."""
    status, headers, body = cluster.request("GET", path)
    assert status in (200, 503), body
    assert status == 200 or 1 <= int(headers["Retry-After"]) <= 3
    return body["code"] if status == 503 else None


class Silent:
    """The server's process does not run meanwhile: connections stay open, and nothing is answered."""

    def __init__(self, server):
        self.process = server.process

    def __enter__(self):
        self.process.send_signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("cluster", [{"gateway/store_threads": 1}], indirect=True)
def test_lists_come_back_with_the_store(cluster):
    gateway = cluster.gateways[0]
    unavailable = 'coupond_gateway_unavailable_total{code="store_unavailable"}'
    before = gateway.metrics()
    assert before["coupond_gateway_store_connected"] == 1
    cluster.database.stop()
    assert refusal(cluster) == "store_unavailable"
    assert gateway.metrics()[unavailable] == before[unavailable] + 1
    wait_until(lambda: gateway.metrics()["coupond_gateway_store_connected"] == 0, "the lost connection is noticed")
    assert cluster.issue("C", "bob")[0] == 201
    assert gateway.is_ready()
    assert "cannot read the store" in gateway.log()
    cluster.database.start()
    wait_until(lambda: refusal(cluster) is None, "the list is read again")
    assert gateway.metrics()["coupond_gateway_store_connected"] == 1
    cluster.wait_drained()
    assert len(list(pages(cluster, "/v1/users/bob/issues"))) == 1


def test_a_store_that_closes_idle_connections_is_not_noticed(cluster):
    for thread in cluster.query("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()"):
        cluster.database.administer(f"KILL {thread[0]}")
    assert len(list(pages(cluster, WALLET))) == 1


def test_a_silent_store_blocks_neither_the_gateway_nor_its_end(cluster):
    """If the gateway waited for the store, its answers would never come, and it could not end."""
    with Silent(cluster.database):
        assert refusal(cluster) == "store_unavailable"
        assert cluster.issue("C", "carol")[0] == 201
        with streaming(cluster, "/v1/coupons/C/issues") as answer:
            assert answer.status == 503
        cluster.gateways[0].stop()
    cluster.gateways[0].start()
    cluster.wait_ready()
    wait_until(lambda: refusal(cluster) is None, "the list is read again")


@pytest.mark.parametrize("cluster", [{"gateway/store_threads": 1, "gateway/store_queue": 1,
                                      "gateway/store_timeout_ms": 20_000}], indirect=True)
def test_requests_beyond_the_queue_are_refused_at_once(cluster):
    """One is being read, and one waits; a second one that comes before the first has been taken is refused, too."""
    asking = [http.client.HTTPConnection(cluster.addresses[0], timeout=60) for _ in range(3)]
    with Silent(cluster.database):
        for connection in asking:
            connection.request("GET", WALLET)
        wait_until(lambda: select.select([connection.sock for connection in asking], [], [], 0)[0], "one is refused")
    answers = [connection.getresponse() for connection in asking]
    refused = [json.loads(answer.read())["code"] for answer in answers if answer.status == 503]
    assert refused in (["overloaded"], ["overloaded"] * 2)
    assert [answer.status for answer in answers].count(200) == 3 - len(refused)
    for connection in asking:
        connection.close()


def test_a_stream_that_breaks_off_does_not_look_complete(cluster):
    cluster.create_coupon("MANY", 1_000_000)
    cluster.wait_drained()
    fill(cluster, "MANY", 300_000)
    with streaming(cluster, "/v1/coupons/MANY/issues") as answer:
        assert answer.read(1000)
        cluster.database.stop()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    cluster.database.start()


def give_up_on_the_reader(gateway):
    wait_until(lambda: gateway.metrics()['coupond_gateway_connection_timeouts_total{reason="slow_reader"}'] == 1,
               "the gateway gives up")


def kill(gateway):
    gateway.kill()


@pytest.mark.parametrize("end", [give_up_on_the_reader, kill])
def test_a_stream_without_chunks_that_breaks_off_is_reset(tmp_path, end):
    """The end of the connection is the end of the answer, so only a reset tells that it is not whole."""
    with Cluster(tmp_path, options={"gateway/header_timeout_ms": 500}) as cluster:
        cluster.create_coupon("MANY", 1_000_000)
        cluster.wait_drained()
        fill(cluster, "MANY", 300_000)
        host, port = cluster.addresses[0].rsplit(":", 1)
        with socket.socket() as raw:
            raw.settimeout(60)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect((host, int(port)))
            raw.sendall(b"GET /v1/coupons/MANY/issues?format=csv HTTP/1.0\r\n\r\n")
            assert raw.recv(15) == b"HTTP/1.1 200 OK"
            end(cluster.gateways[0])
            with pytest.raises(ConnectionResetError):
                while raw.recv(65536):
                    pass


def test_a_gateway_whose_store_does_not_exist_says_so(tmp_path):
    with Cluster(tmp_path) as cluster:
        gateway = cluster.gateways[0]
        gateway.stop()
        gateway.arguments += ["--set", f"store/path={tmp_path}/nothing.db"]
        gateway.start()
        cluster.wait_ready()
        assert refusal(cluster) == "store_unavailable"
        assert "does not exist" in gateway.log()
        assert not (tmp_path / "nothing.db").exists()


def test_a_gateway_that_reads_no_lists_needs_no_password_of_the_store(tmp_path):
    missing = ["gateway", "--check-config", "--set", f"store/password_file={tmp_path}/missing"]
    refused = run_coupond(*missing)
    assert refused.returncode == 2 and "store/password_file" in refused.stderr
    assert run_coupond(*missing, "--set", "gateway/store_threads=0").returncode == 0
