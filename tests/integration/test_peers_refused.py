"""Who comes with another secret than the issuer's, or one of the two has none, says so, and what to do, and comes back when that is mended."""

import contextlib
import socket
import threading

import pytest

from cluster import Cluster, run_coupond, wait_until
from zmtp import GREETING, open_address

SAME_FOR_ALL = "cluster/secret_file must"


@pytest.fixture
def secrets(tmp_path):
    for name in ("ours", "other"):
        assert run_coupond("keygen", tmp_path / name).returncode == 0
    return {"ours": tmp_path / "ours", "other": tmp_path / "other", "none": ""}


@contextlib.contextmanager
def cluster_with(tmp_path, secrets, transport="tcp"):
    with Cluster(tmp_path / "cluster", transport=transport, options={"cluster/secret_file": secrets["ours"]}) as running:
        yield running


def restart_with(member, secret):
    member.stop()
    member.arguments += ["--set", f"cluster/secret_file={secret}"]
    member.start()
    wait_until(member.is_up, lambda: f"{member.name} lives\n{member.log()}")


def says_so(member):
    """In its log, and to whoever asks whether it is ready."""
    wait_until(lambda: SAME_FOR_ALL in member.log(), lambda: f"{member.name} says why\n{member.log()}")
    wait_until(lambda: SAME_FOR_ALL in member.get("/readyz")[1], lambda: f"{member.get('/readyz')}\n{member.log()}")


def works(cluster):
    cluster.wait_ready()
    wait_until(lambda: cluster.request("POST", "/v1/coupons", {"id": "A", "title": "A", "quantity": 100})[0] in (200, 201, 409),
               lambda: f"the gateway has come back\n{cluster.gateways[0].log()}")
    assert cluster.issue("A", "alice")[0] == 201
    cluster.wait_drained()
    assert len(cluster.issues()["A"]) == 1


@pytest.mark.parametrize("secret", ["other", "none"])
def test_gateways_and_persisters_come_back_when_the_issuer_has_the_secret_again(tmp_path, secrets, secret):
    with cluster_with(tmp_path, secrets) as cluster:
        restart_with(cluster.issuer, secrets[secret])
        for member in (*cluster.gateways, *cluster.persisters):
            says_so(member)
        restart_with(cluster.issuer, secrets["ours"])
        works(cluster)
        for member in (*cluster.gateways, *cluster.persisters):
            wait_until(lambda member=member: SAME_FOR_ALL not in member.get("/readyz")[1], lambda member=member: member.get("/readyz"))


class Misleader:
    """Listens like an issuer without a secret, and says so before it has heard anything: whoever has a secret is the first to give up."""

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


def test_who_has_given_up_a_handshake_tries_again(tmp_path, secrets):
    """libzmq alone never does."""
    with cluster_with(tmp_path, secrets) as cluster:
        cluster.issuer.stop()
        misleaders = [Misleader(cluster.options[f"issuer/{door}"]) for door in ("requests", "events", "acks")]
        try:
            for member in (*cluster.gateways, *cluster.persisters):
                says_so(member)
            wait_until(lambda: all(misleader.heard > 0 for misleader in misleaders), "each was asked")
        finally:
            for misleader in misleaders:
                misleader.close()
        cluster.issuer.start()
        works(cluster)
