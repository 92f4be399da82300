"""Garbage on every ZeroMQ socket, and bytes that are not ZeroMQ, are counted and dropped while service continues."""

import os
import socket
import struct

import pytest

from cluster import Cluster, metric_sum, wait_until
from frames import MAGIC, VERSION
from ports import free_port_range
from zmtp import Listener, Wire, open_address

ISSUE_REQUESTS, ISSUE_REPLIES, COUPON_REPLIES, EVENTS, ACK, BEHIND, REFUSED = 1, 2, 4, 5, 6, 9, 10


def header(kind, count, magic=MAGIC, version=VERSION, partition=0, partitions=1):
    clock = (0, 0) if kind in (EVENTS, ACK, BEHIND, REFUSED) else (1, 1)
    return struct.pack("<IBBHHHIQq", magic, version, kind, partition, partitions, 0, count, *clock)


def garbage(kind, record_size):
    """Frames that violate the format of `kind`, each in another way."""
    record = b"\xff" * record_size
    return [
        b"x",
        os.urandom(15),
        os.urandom(64),
        os.urandom(70_000),
        header(kind, 1, magic=1) + record,
        header(kind, 1, version=99) + record,
        header(99, 1) + record,
        header(kind, 2) + record,
        header(kind, 0xFFFFFFFF) + record,
        header(kind, 1) + record[:-1],
        header(kind, 1, partition=63) + record,
        header(kind, 1, partitions=64) + record,
        header(kind, 1) + record,
    ]


def send_all(wire, frames):
    for frame in frames:
        wire.send(frame)
    wire.send(b"a", b"message", b"of parts")
    return len(frames) + 1


def wait_dropped(member, metric, before, least, still_serves):
    wait_until(lambda: metric_sum(member.metrics(), metric) - before >= least,
               f"{member.name} counts {least} dropped frames")
    assert still_serves()
    member.check_alive()


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path) as running:
        running.create_coupon("A", 1_000)
        yield running


def issues_go_on(cluster, users=iter(range(10**6))):
    status, _ = cluster.issue("A", f"user-{next(users)}")
    cluster.wait_drained()
    return status == 201


def test_garbage_from_a_gateway_is_dropped_by_the_issuer(cluster):
    metric = "coupond_issuer_frames_dropped_total"
    before = metric_sum(cluster.issuer.metrics(), metric)
    with Wire.connect(cluster.options["issuer/requests"] + "-0", "DEALER") as wire:
        count = send_all(wire, garbage(ISSUE_REQUESTS, 112))
        wait_dropped(cluster.issuer, metric, before, count - 1, lambda: issues_go_on(cluster))


def test_garbage_acknowledgements_are_dropped_by_the_issuer(cluster):
    metric = "coupond_issuer_frames_dropped_total"
    before = metric_sum(cluster.issuer.metrics(), metric)
    with Wire.connect(cluster.options["issuer/acks"], "PUSH") as wire:
        count = send_all(wire, garbage(ACK, 48) + garbage(BEHIND, 48) + garbage(REFUSED, 48))
        wait_dropped(cluster.issuer, metric, before, count - 1, lambda: issues_go_on(cluster))
        cluster.assert_kept()


def test_garbage_events_are_dropped_by_the_persister(tmp_path):
    events = f"ipc://{tmp_path}/fake"
    with Cluster(tmp_path / "cluster") as cluster, Listener(events, "PUSH") as listener:
        cluster.create_coupon("A", 1_000)
        persister = cluster.persisters[0]
        persister.stop()
        persister.arguments += ["--set", f"persister/events={events}"]
        persister.start()
        with listener.accept() as wire:
            wait_until(persister.is_ready, "the persister is ready")
            count = send_all(wire, garbage(EVENTS, 64))
            wait_dropped(persister, "coupond_persister_frames_dropped_total", 0, count - 1, persister.is_ready)
        assert cluster.issues() == {}


def test_garbage_replies_are_dropped_by_the_gateway(tmp_path):
    requests = f"tcp://127.0.0.1:{free_port_range(1)}"
    with (Cluster(tmp_path, options={"gateway/issuer_timeout_ms": 200}) as cluster,
          Listener(requests, "ROUTER") as listener):
        gateway = cluster.gateways[0]
        gateway.stop()
        gateway.arguments += ["--set", f"gateway/requests={requests}"]
        gateway.start()
        with listener.accept() as wire:
            wait_until(lambda: gateway.get("/livez")[0] == 200, "the gateway serves")
            count = send_all(wire, garbage(ISSUE_REPLIES, 32) + garbage(COUPON_REPLIES, 624))
            wait_dropped(gateway, "coupond_gateway_frames_dropped_total", 0, count - 2,
                         lambda: gateway.get("/livez")[0] == 200)
            status, body = cluster.issue("A", "alice")
            assert (status, body["code"]) in ((503, "outcome_unknown"), (503, "issuer_unavailable"))


@pytest.mark.parametrize("name", ["requests", "events", "acks"])
def test_bytes_that_are_not_zeromq_do_no_harm(cluster, name):
    endpoint = cluster.options[f"issuer/{name}"] + ("-0" if name == "requests" else "")
    family, address = open_address(endpoint)
    for content in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4_000), b"\xff" + bytes(8) + b"\x7f", bytes(100_000)):
        with socket.socket(family) as raw:
            raw.connect(address)
            try:
                raw.sendall(content)
            except OSError:
                pass  # the other side has closed it already
    assert issues_go_on(cluster)
