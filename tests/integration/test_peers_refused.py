"""A peer with another secret than the issuer's, or with one where the other has none: the issuer counts and names it,
and the peer reports the reason and the remedy."""

import contextlib
import socket
import threading

import pytest

from cluster import Cluster, metric_sum, run_coupond, wait_until
from curve import Curve, listener_key
from zmtp import GREETING, open_address

REFUSED = "coupond_issuer_peers_refused_total"
UNFINISHED = "coupond_issuer_handshakes_unfinished_total"
TURNED_AWAY = "refused a peer at "
SAME_FOR_ALL = "cluster/secret_file must"
DOORS = {"gateway": ["requests"], "persister": ["events", "acks"]}


@pytest.fixture
def secrets(tmp_path):
    for name in ("ours", "other"):
        assert run_coupond("keygen", tmp_path / name).returncode == 0
    return {"ours": tmp_path / "ours", "other": tmp_path / "other", "none": ""}


@contextlib.contextmanager
def cluster_with(tmp_path, secrets, transport="tcp"):
    with Cluster(tmp_path / "cluster", transport=transport,
                 options={"cluster/secret_file": secrets["ours"]}) as running:
        yield running


def member_of(cluster, role):
    return {"issuer": [cluster.issuer], "gateway": cluster.gateways, "persister": cluster.persisters}[role][0]


def restart_with(member, secret):
    member.stop()
    member.arguments += ["--set", f"cluster/secret_file={secret}"]
    member.start()
    wait_until(member.is_up, lambda: f"{member.name} lives\n{member.log()}")


def count(cluster, metric):
    return cluster.issuer.metrics()[metric]


def endpoints(cluster, role):
    """The names of the listening sockets; a partition's port is higher by its number."""
    return [cluster.options[f"issuer/{door}"] for door in DOORS[role]]


def lines_of(cluster, endpoint):
    return [line for line in cluster.issuer.log().splitlines() if f"{TURNED_AWAY}{endpoint}" in line]


def says_so(member):
    """Waits until the member reports the reason in its log and in /readyz."""
    wait_until(lambda: SAME_FOR_ALL in member.log(), lambda: f"{member.name} reports why\n{member.log()}")
    wait_until(lambda: SAME_FOR_ALL in member.get("/readyz")[1], lambda: f"{member.get('/readyz')}\n{member.log()}")


def works(cluster):
    cluster.wait_ready()
    wait_until(
        lambda: cluster.request("POST", "/v1/coupons", {"id": "A", "title": "A", "quantity": 100})[0]
        in (200, 201, 409),
        lambda: f"the gateway has come back\n{cluster.gateways[0].log()}",
    )
    assert cluster.issue("A", "alice")[0] == 201
    cluster.wait_drained()
    assert len(cluster.issues()["A"]) == 1


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_peers_with_the_secret_are_not_counted(tmp_path, secrets, transport):
    with cluster_with(tmp_path, secrets, transport) as cluster:
        works(cluster)
        assert (count(cluster, REFUSED), count(cluster, UNFINISHED)) == (0, 0)
        for role in ("gateway", "persister"):
            assert SAME_FOR_ALL not in member_of(cluster, role).log()


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("secret", ["other", "none"])
@pytest.mark.parametrize("role", ["gateway", "persister"])
def test_a_role_without_the_secret_is_counted_and_named_and_reports_it(tmp_path, secrets, role, secret, transport):
    with cluster_with(tmp_path, secrets, transport) as cluster:
        member = member_of(cluster, role)
        restart_with(member, secrets[secret])
        wait_until(lambda: count(cluster, REFUSED) > 0,
                   lambda: f"the issuer counts it\n{cluster.issuer.log()}\n{member.log()}")
        says_so(member)
        for endpoint in endpoints(cluster, role):
            line = wait_until(lambda endpoint=endpoint: lines_of(cluster, endpoint),
                              lambda: f"the issuer names the socket\n{cluster.issuer.log()}")[0]
            assert (f"peer=pid:{member.process.pid} " if transport == "ipc" else "peer=127.0.0.1:") in line


def test_every_refusal_is_counted_and_some_are_logged(tmp_path, secrets):
    with cluster_with(tmp_path, secrets) as cluster:
        restart_with(cluster.persisters[0], secrets["other"])
        wait_until(lambda: count(cluster, REFUSED) >= 20, "the issuer counts each try")
        assert 0 < cluster.issuer.log().count(TURNED_AWAY) < 20
        assert cluster.persisters[0].log().count(SAME_FOR_ALL) < 20


@pytest.mark.parametrize("role", ["gateway", "persister"])
def test_an_issuer_without_a_secret_counts_peers_with_one(tmp_path, secrets, role):
    with cluster_with(tmp_path, secrets) as cluster:
        restart_with(cluster.issuer, "")
        wait_until(lambda: count(cluster, REFUSED) > 0, lambda: f"the issuer counts it\n{cluster.issuer.log()}")
        says_so(member_of(cluster, role))
        for endpoint in endpoints(cluster, role):
            wait_until(lambda endpoint=endpoint: lines_of(cluster, endpoint),
                       lambda: f"the issuer names the socket\n{cluster.issuer.log()}")


@pytest.mark.parametrize("secret", ["other", "none"])
def test_gateways_and_persisters_come_back_when_the_issuer_has_the_secret_again(tmp_path, secrets, secret):
    with cluster_with(tmp_path, secrets) as cluster:
        restart_with(cluster.issuer, secrets[secret])
        for member in (*cluster.gateways, *cluster.persisters):
            says_so(member)
        restart_with(cluster.issuer, secrets["ours"])
        works(cluster)
        for member in (*cluster.gateways, *cluster.persisters):
            wait_until(lambda member=member: SAME_FOR_ALL not in member.get("/readyz")[1],
                       lambda member=member: member.get("/readyz"))


class Misleader:
    """Listens like an issuer without a secret, and sends its greeting first, so that a peer with a secret is the first
    to give up."""

    def __init__(self, endpoint):
        family, address = open_address(endpoint)
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(50)
        self.heard = 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                peer = self.socket.accept()[0]
                with peer, contextlib.suppress(OSError):
                    peer.sendall(GREETING)
                    while peer.recv(100):
                        pass
                    self.heard += 1

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def test_a_role_retries_a_failed_handshake(tmp_path, secrets):
    """libzmq by itself does not retry."""
    with cluster_with(tmp_path, secrets) as cluster:
        cluster.issuer.stop()
        misleaders = [Misleader(cluster.options[f"issuer/{door}"]) for door in ("requests", "events", "acks")]
        try:
            for member in (*cluster.gateways, *cluster.persisters):
                says_so(member)
            wait_until(lambda: all(misleader.heard > 0 for misleader in misleaders), "each was contacted")
        finally:
            for misleader in misleaders:
                misleader.close()
        cluster.issuer.start()
        works(cluster)


@pytest.mark.parametrize("secret", ["ours", "none"])
def test_a_tcp_probe_is_counted_separately_and_not_logged(tmp_path, secrets, secret):
    with Cluster(tmp_path / "cluster", transport="tcp", options={"cluster/secret_file": secrets[secret]}) as cluster:
        for door in ("requests", "events", "acks"):
            for _ in range(5):
                with socket.socket() as probe:
                    probe.connect(open_address(cluster.options[f"issuer/{door}"])[1])
        wait_until(lambda: count(cluster, UNFINISHED) == 15,
                   lambda: f"{count(cluster, UNFINISHED)} of 15 probes counted")
        assert count(cluster, REFUSED) == 0
        assert TURNED_AWAY not in cluster.issuer.log()


def test_a_peer_with_another_key_is_counted_once(tmp_path, secrets):
    """It knows the issuer's public key, which is derived from the secret, and is refused because of its own key."""
    with cluster_with(tmp_path, secrets) as cluster:
        stranger = Curve(listener_key(secrets["ours"]))
        assert stranger.ask(cluster.options["issuer/requests"], "DEALER", [b"hello"], 1) is None
        wait_until(lambda: count(cluster, REFUSED) == 1, lambda: f"{count(cluster, REFUSED)} counted")
        assert "peer=127.0.0.1" in lines_of(cluster, cluster.options["issuer/requests"])[0]


def test_the_counters_exist_before_the_first_refusal(tmp_path):
    with Cluster(tmp_path, transport="tcp") as cluster:
        assert metric_sum(cluster.issuer.metrics(), REFUSED) == 0
        assert {REFUSED, UNFINISHED} <= set(cluster.issuer.metrics())
