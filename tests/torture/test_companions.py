"""The companions of the torture run: the relay delays bytes and delivers all of them in order, and peers without the
secret succeed against a cluster that has none."""

import socket
import threading

import pytest

from cluster import Cluster, metric_sum, run_coupond, wait_until
from companion import Companion
from curve import listener_key
from ports import free_port
from strangers import NAME


class Sink:
    """Accepts one connection and reads all of its bytes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:" + str(self.listener.getsockname()[1])
        self.taken, self.ended = bytearray(), False
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.sendall(b"welcome")
            while data := connection.recv(1 << 16):
                self.taken += data
        self.ended = True


@pytest.fixture
def sink():
    made = Sink()
    with made.listener:
        yield made


@pytest.fixture
def relay(sink):
    port = free_port()
    with Companion("relay.py", [f"{port}={sink.address}"]) as running:
        running.port = port
        yield running


def hear_welcome(client):
    client.settimeout(60)
    assert client.recv(7, socket.MSG_WAITALL) == b"welcome"


def hold(relay, way):
    relay.say("hold", way)
    relay.wait_for("holding")


def test_a_relay_delays_bytes_and_delivers_them_all_in_order(relay, sink):
    sent = b"".join(number.to_bytes(4, "big") for number in range(100_000))
    with socket.create_connection(("127.0.0.1", relay.port)) as client:
        hear_welcome(client)
        client.sendall(b"before")
        wait_until(lambda: sink.taken == b"before", "bytes that are not delayed arrive")
        hold(relay, "to")
        client.sendall(sent)
        relay.wait_for("first_byte")
        assert sink.taken == b"before"
        relay.say("let_go")
        report = relay.wait_for("let_go")
        assert 0 < report["let_go"] <= len(sent) and report["seconds"] > 0
        wait_until(lambda: len(sink.taken) == len(b"before" + sent), "all bytes arrive")
        assert sink.taken == b"before" + sent


def test_delayed_bytes_arrive_after_their_sender_has_closed_the_connection(relay, sink):
    with socket.create_connection(("127.0.0.1", relay.port)) as client:
        hear_welcome(client)
        hold(relay, "both")
        client.sendall(b"!" * 1_000)
    relay.wait_for("first_byte")
    assert not sink.taken and not sink.ended
    relay.say("let_go")
    wait_until(lambda: sink.ended, "the end of the stream arrives")
    assert sink.taken == b"!" * 1_000


def crowd(cluster, key=""):
    where = [cluster.options[f"issuer/{name}"] for name in ("requests", "events", "acks")]
    return Companion("strangers.py", [*where, cluster.partitions, cluster.journal_directory, key])


def store_something(cluster):
    cluster.create_coupon("A", 1_000)
    assert cluster.issue("A", "alice")[0] == 201
    cluster.wait_drained()


def test_without_a_secret_false_messages_succeed(tmp_path):
    """The messages are well-formed; only the secret protects a cluster from them."""
    heard = []
    with Cluster(tmp_path, transport="tcp", partitions=2) as cluster:
        store_something(cluster)
        with crowd(cluster) as strangers:
            strangers.on_report = lambda report: heard.extend(report.get("heard", ()))
            strangers.say("coupon", "A")
            strangers.say("hurry")
            for lie in ("false_request", "false_acknowledgement", "false_event_taker", "without_a_look"):
                wait_until(lambda lie=lie: any(text.startswith(lie) for text in heard), f"{lie} is answered")
            wait_until(lambda: cluster.coupon("A")["issued"] > 1, "a peer without the secret is issued the coupon")
        assert any(coupon["id"].startswith(NAME) for coupon in cluster.request("GET", "/v1/coupons")[2]["coupons"])


def test_with_a_secret_no_false_message_is_answered(tmp_path):
    secret, reports = tmp_path / "secret", []
    assert run_coupond("keygen", secret).returncode == 0
    with Cluster(tmp_path / "cluster", transport="tcp", partitions=2,
                 options={"cluster/secret_file": secret}) as cluster:
        store_something(cluster)
        with crowd(cluster, listener_key(secret).hex()) as strangers:
            strangers.on_report = reports.append
            strangers.say("coupon", "A")
            strangers.say("hurry")
            wait_until(lambda: len(reports[-1:] and reports[-1].get("told", ())) == 8
                       and min(reports[-1]["told"].values()) > 3,
                       lambda: f"every type of false message is sent: {reports[-1:]}")
            wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_peers_refused_total") > 3,
                       "false keys are refused")
        assert not any(report.get("heard") for report in reports)
        assert cluster.coupon("A")["issued"] == 1
        assert [coupon["id"] for coupon in cluster.request("GET", "/v1/coupons")[2]["coupons"]] == ["A"]
        cluster.wait_drained()
        assert cluster.issues() == {"A": {1: "alice"}}
        cluster.assert_kept()
