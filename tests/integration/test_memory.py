"""A role with a low memory limit refuses requests that need more memory, answers all others, and recovers when the
limit is raised."""

import contextlib
import json
import socket
from pathlib import Path

import pytest

from cluster import Cluster, metric_sum, wait_until

RESERVE_MIB = 16
TITLE = "가" * 170  # 510 bytes


def own_mib(process):
    """The part of its memory that the kernel cannot reclaim."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:"))) // 1024


def allow(cluster, mib):
    cluster.issuer.stop()
    cluster.issuer.arguments = [*cluster.issuer.arguments, "--set", f"issuer/memory_mb_max={mib}"]
    cluster.issuer.start()
    cluster.wait_ready()


def create(cluster, name):
    status, _, body = cluster.request("POST", "/v1/coupons", {"id": name, "title": TITLE, "quantity": 9})
    return status, body.get("code")


def create_until_refused(cluster):
    for number in range(30_000):
        answer = create(cluster, f"c{number}")
        if answer != (201, None):
            assert answer == (503, "overloaded")
            return number
    raise AssertionError("memory does not run out")


def test_near_its_memory_limit_an_issuer_refuses_new_users_and_coupons_only(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 1_000)
        assert cluster.issue("A", "alice")[0] == 201
        allow(cluster, own_mib(cluster.issuer.process) + RESERVE_MIB + 2)
        created = create_until_refused(cluster)
        assert created > 0
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_memory_scarce") == 1,
                   "the gauge shows it")
        status, text = cluster.issuer.get("/readyz")
        assert status == 200 and "new issues, changes and coupons are refused" in json.loads(text)["detail"]
        status, body = cluster.issue("A", "bob")
        assert (status, body["code"]) == (503, "overloaded")
        status, body = cluster.issue("A", "alice")
        assert (status, body["issue"]["sequence"]) == (409, 1)
        assert cluster.request("PATCH", "/v1/coupons/A", {"paused": True})[0] == 200
        assert cluster.request("PATCH", "/v1/coupons/A", {"paused": False})[0] == 200
        assert "memory is scarce" in cluster.issuer.log()

        allow(cluster, 0)
        assert cluster.issue("A", "bob")[1]["sequence"] == 2
        assert create(cluster, "after") == (201, None)
        cluster.wait_drained()
        cluster.assert_kept()


def head(size):
    return (
        "POST /v1/coupons/A/issues HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {size}\r\n\r\n".encode()
    )


def received(connection):
    """The bytes that can be read; None if there are none yet, empty if the connection is closed."""
    try:
        return connection.recv(65536)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


@pytest.mark.once("a sanitizer does not release freed memory")
def test_near_its_memory_limit_a_gateway_refuses_requests_that_need_memory(tmp_path):
    with Cluster(tmp_path,
                 options={"gateway/header_timeout_ms": 60_000,
                          "gateway/body_bytes_max": 32_768}) as cluster, contextlib.ExitStack() as stack:
        gateway = cluster.gateways[0]
        host, _, port = cluster.addresses[0].rpartition(":")

        def connect():
            return stack.enter_context(contextlib.closing(socket.create_connection((host, int(port)), timeout=60)))

        cluster.create_coupon("A", 1_000)
        gateway.stop()
        gateway.arguments = [*gateway.arguments, "--set",
                             f"gateway/memory_mb_max={own_mib(cluster.issuer.process) + RESERVE_MIB + 20}"]
        gateway.start()
        cluster.wait_ready()
        early = connect()
        early.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert early.recv(65536).startswith(b"HTTP/1.1 200")
        pieces = [connect() for _ in range(1500)]
        for connection in pieces:
            with contextlib.suppress(ConnectionError):
                connection.sendall(head(30_000) + b" " * 29_000)
            connection.setblocking(False)

        def answers():
            return [answer for answer in map(received, pieces) if answer]

        told = []
        wait_until(lambda: told.extend(answers()) or told, "a request is refused")
        assert all(answer.startswith(b"HTTP/1.1 503") and b'"overloaded"' in answer for answer in told)
        assert len(told) < len(pieces)
        early.sendall(b"PUT /v1/coupons/A/issues/early HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert early.recv(65536).startswith(b"HTTP/1.1 201")
        assert "memory is scarce" in gateway.log()
        status, text = gateway.get("/readyz", gateway.operator_address)
        assert status == 200 and "requests that arrive in pieces are refused" in json.loads(text)["detail"]
        for user in ("new", "newer"):
            balancer = connect()
            balancer.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert balancer.recv(65536).startswith(b"HTTP/1.1 200"), "a health check uses its own connection"
            balancer.sendall(
                f"PUT /v1/coupons/A/issues/{user} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
            )
            assert balancer.recv(65536).startswith(b"HTTP/1.1 201")
        for connection in pieces:
            connection.close()
        wait_until(lambda: "memory is free again" in gateway.log(), "it has memory again")
        wait_until(lambda: cluster.issue("A", "late")[0] == 201, "it serves all requests")
        cluster.wait_drained()
        cluster.assert_kept()
