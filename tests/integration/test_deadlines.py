"""A request that was answered with outcome_unknown is not decided afterwards: an issuer or gateway that was stopped
refuses it as late."""

import contextlib
import http.client
import json
import socket
import time

import pytest

from cluster import Cluster, wait_until
from faults import stopped

OPTIONS = {"gateway/issuer_timeout_ms": 300}


def code_of(answer):
    status, _, body = answer
    return (status, body["code"])


def late(cluster):
    return cluster.issuer.metrics().get('coupond_issuer_verdicts_total{partition="0",verdict="late"}', 0)


@pytest.mark.parametrize("transport", ["shm", "tcp"])
def test_requests_to_a_stopped_issuer_are_never_decided(tmp_path, transport):
    with Cluster(tmp_path, gateways=2, transport=transport, options=OPTIONS) as cluster:
        cluster.create_coupon("A", 10)
        with stopped(cluster.issuer.process):
            post = cluster.request("POST", "/v1/coupons/A/issues", {"user_id": "late"})
            patch = cluster.request("PATCH", "/v1/coupons/A", {"quantity": 5})
            assert code_of(post) == code_of(patch) == (503, "outcome_unknown")
        wait_until(lambda: late(cluster) >= 2, "late requests are refused")
        assert code_of(cluster.request("GET", "/v1/coupons/A/issues/late", gateway=1)) == (404, "not_issued")
        _, _, coupon = cluster.request("GET", "/v1/coupons/A", gateway=1, headers={"Cache-Control": "no-cache"})
        assert (coupon["quantity"], coupon["issued"]) == (10, 0)
        assert cluster.request("PUT", "/v1/coupons/A/issues/late")[0] == 201
        cluster.wait_drained()
        assert cluster.issues()["A"] == {1: "late"}
        cluster.assert_kept()


class Client:
    """A persistent connection to a gateway."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def send(self, method, path, body=""):
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
                            f"{len(body)}\r\n\r\n{body}".encode())

    def status(self):
        answer = http.client.HTTPResponse(self.socket)
        answer.begin()
        answer.read()
        return answer.status

    def is_closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def test_requests_in_a_stopped_gateway_are_never_decided(tmp_path):
    """HAProxy, for example, has answered for it long ago, and the clients are gone."""
    with Cluster(tmp_path) as cluster, contextlib.ExitStack() as clients:
        def connect():
            client = Client(int(cluster.addresses[0].rpartition(":")[2]))
            clients.enter_context(client.socket)
            return client

        def issue(client, user):
            client.send("POST", "/v1/coupons/A/issues", json.dumps({"user_id": user}))

        cluster.create_coupon("A", 100)
        kept, torn, idle = connect(), connect(), connect()
        for client in (kept, torn, idle):
            client.send("GET", "/v1/coupons/A")
            assert client.status() == 200
        torn.socket.sendall(b"POST /v1/coupons/A/issues HT")
        with stopped(cluster.gateways[0].process):
            fresh = [connect() for _ in range(5)]
            for number, client in enumerate([kept, *fresh]):
                issue(client, f"old-{number}")
            fresh[0].socket.shutdown(socket.SHUT_WR)
            time.sleep(6)
        for client in (kept, *fresh):
            assert client.is_closed()
        wait_until(lambda: "the thread did not run for" in cluster.gateways[0].log(), "it tells")

        def is_issued():
            idle.send("PUT", "/v1/coupons/A/issues/new")
            return idle.status() in (200, 201)

        wait_until(is_issued, "an idle connection is kept, and served once the issuer answers again")
        for number in range(6):
            assert code_of(cluster.request("GET", f"/v1/coupons/A/issues/old-{number}")) == (404, "not_issued")
        cluster.wait_drained()
        assert cluster.issues()["A"] == {1: "new"}
        cluster.assert_kept()
