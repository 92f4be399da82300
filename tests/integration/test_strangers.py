"""Hundreds of silent connections on every port at once, with few descriptors: the issuer continues to issue across
segments, its status port answers, and it recovers when they are gone."""

import contextlib
import http.client
import os
import pathlib
import resource
import socket
import time

import pytest

from cluster import Cluster, metric_sum, wait_until
from zmtp import Wire, open_address

CONNECTIONS = 300
FILES = 256
CLOSE_SECONDS = 15  # ZeroMQ by itself waits 30 s for a handshake


def flood(stack, endpoint):
    """Opens the maximum number of connections without waiting."""
    family, address = open_address(endpoint)
    kind = socket.SOCK_SEQPACKET if endpoint.startswith("shm:") else socket.SOCK_STREAM
    for _ in range(CONNECTIONS):
        connection = stack.enter_context(socket.socket(family, kind))
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection.connect(address)


def is_closed_by_peer(connection, deadline):
    """Whether the other side closes the connection before the deadline."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if connection.recv(1024) == b"":
                return True
        return False
    return time.monotonic() < deadline


def issue_by(connection, user):
    connection.request("POST", "/v1/coupons/A/issues", f'{{"user_id":"{user}"}}', {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    return response.status


def cpu_ticks(member):
    fields = pathlib.Path(f"/proc/{member.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def can_connect(endpoint):
    with contextlib.suppress(OSError), Wire.connect(endpoint, "PUSH"):
        return True
    return False


def with_few_files(cluster):
    issuer = cluster.issuer
    issuer.stop()
    issuer.prefix = ["prlimit", f"--nofile={FILES}:{FILES}"]
    issuer.start()
    cluster.wait_ready()
    return issuer


def with_usual_files(cluster):
    cluster.issuer.stop()
    cluster.issuer.prefix = []
    cluster.issuer.start()
    cluster.wait_ready()


def crowd_of_peers(stack, endpoint):
    """Opens connections that complete ZeroMQ's handshake, which needs no secret here."""
    for _ in range(CONNECTIONS):
        with contextlib.suppress(OSError):
            stack.enter_context(Wire.connect(endpoint, "PUSH"))


def test_silent_connections_are_closed_soon(tmp_path):
    with Cluster(tmp_path, transport="tcp") as cluster, contextlib.ExitStack() as stack:
        names = ("requests", "events", "acks")
        silent = {
            name: stack.enter_context(socket.create_connection(open_address(cluster.options[f"issuer/{name}"])[1]))
            for name in names
        }
        deadline = time.monotonic() + CLOSE_SECONDS
        assert [name for name, connection in silent.items() if not is_closed_by_peer(connection, deadline)] == []
        cluster.create_coupon("A", 1)
        assert cluster.issue("A", "alice")[0] == 201
        cluster.wait_drained()


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_idle_zeromq_peers_leave_descriptors_for_others(tmp_path, transport):
    """Gateway, persister and the status port are still served; no role has to reconnect."""
    with Cluster(tmp_path, transport=transport) as cluster, contextlib.ExitStack() as stack:
        issuer = with_few_files(cluster)
        cluster.create_coupon("A", 1_000)
        cluster.wait_drained()  # gateway and persister are connected
        crowd_of_peers(stack, cluster.options["issuer/acks"])
        wait_until(lambda: metric_sum(issuer.metrics(), "coupond_issuer_connections_refused_total") > 0,
                   "refused connections are counted")
        assert metric_sum(issuer.metrics(), "process_open_fds") < FILES
        for user in range(20):
            assert cluster.issue("A", f"user-{user}")[0] == 201
        assert cluster.request("PATCH", "/v1/coupons/A", {"title": "B"})[0] == 200
        cluster.wait_drained()
        assert issuer.log().count("file descriptors are running out") == 1
        stack.close()
        wait_until(lambda: can_connect(cluster.options["issuer/acks"]), "connections are accepted again")
        with_usual_files(cluster)


def test_idle_connections_on_every_port_stop_nothing(tmp_path):
    options = {"issuer/segment_mb": 2, "gateway/requests": f"shm://{tmp_path}/local",
               "issuer/local_requests": f"shm://{tmp_path}/local"}
    with Cluster(tmp_path, transport="tcp", options=options) as cluster, contextlib.ExitStack() as stack:
        issuer = with_few_files(cluster)
        cluster.create_coupon("A", 10_000_000)
        for name in ("requests", "events", "acks"):
            flood(stack, cluster.options[f"issuer/{name}"])
        flood(stack, f"tcp://{issuer.status_address}")
        flood(stack, f"tcp://{cluster.addresses[0]}")
        before = len(cluster.segments())
        issued = 0
        while len(cluster.segments()) == before:  # until the last segment is full and the next one has been started
            titles = [cluster.request("POST", "/v1/coupons",
                                      {"id": f"c{issued}-{i}", "title": "x" * 500, "quantity": 1})[0]
                      for i in range(20)]
            assert set(titles) <= {201, 503}
            status, _ = cluster.issue("A", f"user-{issued}")
            assert status in (201, 503)
            issued += 1
            issuer.check_alive()
            assert issued < 2_000
        wait_until(issuer.is_up, "the status port answers")
        wait_until(lambda: issuer.metrics()["process_open_fds"] < FILES / 2, "idle connections are closed")
        assert cluster.issue("A", "alice")[0] == 201
        stack.close()
        cluster.wait_drained()
        cluster.assert_kept()
        with_usual_files(cluster)


def test_a_gateway_without_descriptors_continues_and_recovers(tmp_path):
    """The limit is lowered below the number of open descriptors: new connections wait or are closed, existing ones are
    served."""
    with Cluster(tmp_path) as cluster, contextlib.ExitStack() as stack:
        gateway = cluster.gateways[0]
        cluster.create_coupon("A", 1_000)
        host, port = cluster.addresses[0].rsplit(":", 1)
        old = http.client.HTTPConnection(host, int(port), timeout=60)
        stack.callback(old.close)
        assert issue_by(old, "first") == 201
        usual = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (8, usual[1]))
        flood(stack, f"tcp://{cluster.addresses[0]}")
        for user in range(200):
            assert issue_by(old, f"user-{user}") == 201
        before = cpu_ticks(gateway)
        time.sleep(1)
        assert cpu_ticks(gateway) - before < os.sysconf("SC_CLK_TCK") * 0.7, "it must not spin"
        gateway.check_alive()
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, usual)
        assert cluster.issue("A", "late")[0] == 201
