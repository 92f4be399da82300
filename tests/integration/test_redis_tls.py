"""Gateways that connect to Redis by TLS: a real Redis with valid and invalid certificates, and servers that stop in the
middle of the handshake."""

import contextlib
import subprocess

import pytest

from cluster import Cluster, binary, wait_until
from faults import stopped
from ports import free_port
from servers import Redis
from test_policy_cache import look, patch
from test_policy_redis import errors, wait_connected

PASSWORD = "s3cretPl4nted"


def make_authority(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"], check=True, capture_output=True)
    return folder / f"{name}.pem"


def make_certificate(folder, authority, names, days=30):
    """Creates a certificate signed by the authority for these names. Returns certificate and key."""
    (folder / "extensions").write_text(f"subjectAltName = {names}\n")
    stem = folder / names.replace(":", "-").replace(",", "-").replace(".", "-")
    subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=redis", "-keyout", f"{stem}.key",
                    "-out", f"{stem}.csr"], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-days", str(days), "-in", f"{stem}.csr", "-CA", authority, "-CAkey",
                    authority.with_suffix(".key"), "-set_serial", "1", "-extfile", folder / "extensions", "-out",
                    f"{stem}.pem"], check=True, capture_output=True)
    return f"{stem}.pem", f"{stem}.key"


def tls_redis(certificate, key):
    """A Redis that accepts only TLS connections with a password."""
    port = free_port()
    server = Redis("--port", "0", "--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key,
                   "--tls-auth-clients", "no", "--requirepass", PASSWORD)
    server.tls_port = port
    return server


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def redis(authority):
    with tls_redis(*make_certificate(authority.parent, authority, "DNS:localhost,IP:127.0.0.1")) as server:
        yield server


def cluster_with(tmp_path, url, ca, gateways=1, **options):
    return Cluster(tmp_path, gateways=gateways,
                   options={"gateway/redis": url, "gateway/redis_tls_ca": ca, "gateway/policy_ttl_ms": 60000,
                            **options})


@contextlib.contextmanager
def refused(tmp_path, url, ca, told):
    with cluster_with(tmp_path, url, ca) as cluster:
        log = cluster.gateways[0].log
        for line in "asking", "news":
            wait_until(lambda line=line: f"cannot use Redis for {line}; reading coupons from the issuer: tls, {told}"
                       in log(),
                       lambda: f"it is told\n{log()[-2000:]}")
        assert errors(cluster, "tls") > 0
        assert PASSWORD not in log()
        cluster.create_coupon("STILL", 1)
        assert cluster.issue("STILL", "alice")[0] == 201
        yield cluster


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_gateways_share_coupons_by_tls(tmp_path, authority, redis, host):
    url = f"rediss://:{PASSWORD}@{host}:{redis.tls_port}/3"
    with cluster_with(tmp_path, url, authority, gateways=2) as cluster:
        wait_connected(cluster)
        for number in range(40):
            cluster.create_coupon(f"{host}-{number}", 5, title="긴 이름 " * 20)
        for number in range(40):
            assert [look(cluster, f"{host}-{number}", gateway=gateway)[0] for gateway in range(2)] == [200, 200]
        patch(cluster, f"{host}-7", gateway=0, title="changed")
        wait_until(lambda: look(cluster, f"{host}-7", gateway=1)[2]["title"] == "changed",
                   "the other gateway is notified")
        assert errors(cluster, "tls") == errors(cluster, "garbage") == 0
        assert f"url=rediss://***@{host}:{redis.tls_port}/3" in cluster.gateways[0].log()
        assert PASSWORD not in cluster.gateways[0].log()


def test_an_untrusted_authority_is_reported(tmp_path, redis):
    other = make_authority(tmp_path, "other")
    with refused(tmp_path / "cluster", f"rediss://:{PASSWORD}@localhost:{redis.tls_port}", other,
                 "unable to get local issuer certificate") as cluster:
        assert errors(cluster, "refused") == 0


def test_a_certificate_for_another_name_or_address_is_reported(tmp_path, authority):
    certificate = make_certificate(tmp_path, authority, "DNS:elsewhere.example")
    with tls_redis(*certificate) as redis:
        with refused(tmp_path / "name", f"rediss://:{PASSWORD}@localhost:{redis.tls_port}", authority,
                     "hostname mismatch"):
            pass
        with refused(tmp_path / "address", f"rediss://:{PASSWORD}@127.0.0.1:{redis.tls_port}", authority,
                     "IP address mismatch"):
            pass


def test_a_server_without_tls_is_reported(tmp_path, authority):
    with Redis() as redis, cluster_with(tmp_path, f"rediss://:{PASSWORD}@localhost:{redis.port}", authority) as cluster:
        wait_until(lambda: "timeout, the TLS handshake did not finish; does the server support TLS on this port?"
                   in cluster.gateways[0].log(), "it is logged")
        assert errors(cluster, "timeout") > 0


def test_a_stalled_handshake_blocks_nothing_and_is_repeated(tmp_path, authority, redis):
    with cluster_with(tmp_path, f"rediss://:{PASSWORD}@localhost:{redis.tls_port}", authority) as cluster:
        wait_connected(cluster)
        with stopped(redis.process):
            wait_until(lambda: errors(cluster, "timeout") >= 4,
                       "both connections timed out, and so did further handshakes")
            cluster.create_coupon("STILL", 1)
            assert cluster.issue("STILL", "alice")[0] == 201
        wait_connected(cluster)


def test_an_invalid_file_of_authorities_prevents_the_start(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    result = subprocess.run([binary(), "gateway", "--set", f"gateway/redis=rediss://:{PASSWORD}@localhost:1", "--set",
                             f"gateway/redis_tls_ca={path}", "--set", f"gateway/http=127.0.0.1:{free_port()}"],
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert f"gateway/redis_tls_ca: cannot load CA certificates from {path}" in result.stderr
    assert PASSWORD not in result.stderr
