"""With a secret the roles work together, and peers without it are ignored, for every message on every socket."""

import json

import pytest

from cluster import Cluster, metric_sum, run_coupond, wait_until
from liars import Liar


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    assert run_coupond("keygen", path).returncode == 0
    return path


@pytest.fixture(params=["tcp", "ipc"])
def cluster(tmp_path, secret, request):
    with Cluster(tmp_path / "cluster", transport=request.param, options={"cluster/secret_file": secret}) as running:
        running.create_coupon("A", 1_000)
        yield running


def test_roles_with_one_secret_work_together(cluster):
    assert [cluster.issue("A", f"user-{i}")[0] for i in range(20)] == [201] * 20
    cluster.wait_drained()
    cluster.assert_kept()


def persisted(cluster):
    return metric_sum(cluster.issuer.metrics(), "coupond_issuer_persisted_sequence")


def issue_some(cluster):
    assert [cluster.issue("A", f"user-{i}")[0] for i in range(50)] == [201] * 50


def test_without_a_secret_a_false_acknowledgement_is_accepted(tmp_path):
    """The reason for the secret; it also shows that the false acknowledgement of the next test is well-formed."""
    with Cluster(tmp_path, transport="tcp") as cluster:
        cluster.persisters[0].stop()
        before = persisted(cluster)
        liar = Liar(cluster)
        cluster.create_coupon("A", 1_000)
        wait_until(lambda: persisted(cluster) > before, "the false acknowledgement is accepted")
        assert liar.lies > 0


def test_with_a_secret_false_acknowledgements_are_ignored(cluster):
    persister = cluster.persisters[0]
    persister.stop()
    before = persisted(cluster)
    liars = [Liar(cluster) for _ in range(20)]
    issue_some(cluster)
    assert all(liar.wait_for_end() for liar in liars)
    assert [liar.lies for liar in liars] == [0] * 20 and persisted(cluster) == before
    persister.start()
    cluster.wait_ready()
    cluster.wait_drained()
    assert len(cluster.issues()["A"]) == 50
    cluster.assert_kept()


def test_a_gateway_without_the_secret_creates_no_coupon(cluster):
    """A gateway without an admin token would otherwise bypass the token of the other gateways."""
    gateway = cluster.gateways[0]
    gateway.stop()
    gateway.arguments += ["--set", "cluster/secret_file="]
    gateway.start()
    wait_until(lambda: gateway.get("/livez")[0] == 200, "the gateway runs")
    for _ in range(3):
        status, _, body = cluster.request("POST", "/v1/coupons", {"id": "stolen", "title": "stolen", "quantity": 1})
        assert (status, body["code"]) == (503, "issuer_unavailable")
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_coupons") == 1


def test_a_gateway_with_another_secret_is_refused_and_reports_why(cluster, tmp_path):
    other = tmp_path / "other"
    assert run_coupond("keygen", other).returncode == 0
    gateway = cluster.gateways[0]
    gateway.stop()
    gateway.arguments += ["--set", f"cluster/secret_file={other}"]
    gateway.start()
    wait_until(lambda: "cluster/secret_file" in gateway.log(), lambda: f"the gateway names the option\n{gateway.log()}")
    wait_until(lambda: gateway.get("/livez")[0] == 200, "the gateway runs")
    status, body = cluster.issue("A", "alice")
    assert (status, body["code"]) == (503, "issuer_unavailable")
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_coupons") == 1


def test_an_open_port_without_a_secret_is_reported_everywhere(tmp_path):
    with Cluster(tmp_path, transport="tcp") as cluster:
        issuer = cluster.issuer
        assert metric_sum(issuer.metrics(), "coupond_issuer_unauthenticated") == 0
        issuer.stop()
        port = cluster.options["issuer/acks"].rsplit(":", 1)[1]
        issuer.arguments += ["--set", f"issuer/acks=tcp://0.0.0.0:{port}"]
        issuer.start()
        cluster.wait_ready()
        assert metric_sum(issuer.metrics(), "coupond_issuer_unauthenticated") == 1
        assert "cluster/secret_file" in json.loads(issuer.get("/readyz")[1])["detail"]
        assert "coupond keygen" in issuer.log()


@pytest.mark.parametrize("role", ["gateway", "issuer", "persister"])
@pytest.mark.parametrize("content", [None, "", "abc\n", "z" * 64, "0" * 65])
def test_a_role_without_its_secret_does_not_start(tmp_path, role, content):
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    result = run_coupond(role, "--check-config", "--set", f"cluster/secret_file={path}")
    assert result.returncode == 2 and "cluster/secret_file" in result.stderr and str(path) in result.stderr


def test_keygen_never_overwrites_a_file(secret):
    before = secret.read_bytes()
    assert secret.stat().st_mode & 0o777 == 0o640 and len(before) == 65
    result = run_coupond("keygen", secret)
    assert result.returncode == 1 and "already exists" in result.stderr
    assert secret.read_bytes() == before
