"""Keys from a URL: published, rotated, away, wrong, too large and slow; http on this machine and https."""

import time

import pytest
from cluster import Cluster, wait_until
from identity import Keys, KeyServer, bearer
from test_redis_tls import make_authority, make_certificate

pytestmark = pytest.mark.once("talks to a server of keys; the parsers run with AddressSanitizer elsewhere")

STALE = 'coupond_gateway_identity_stale{source="jwk_set_url"}'
FAILURES = 'coupond_gateway_identity_load_failures_total{source="jwk_set_url"}'


def look(running, credentials):
    return running.request("GET", "/v1/coupons", headers=bearer(credentials))[0]


def gateway_options(server, **more):
    return {"gateway/identity": "on", "gateway/jwk_set_url": server.url, "gateway/jwk_set_refresh_s": 1,
            "gateway/drain_timeout_ms": 100, **more}


@pytest.fixture(scope="module", name="keys")
def two_keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return Keys(folder / "es.json", "ES256"), Keys(folder / "ed.json", "EdDSA")


def test_keys_are_taken_from_a_url_and_kept_while_it_misbehaves(tmp_path, keys):
    first, second = keys
    with KeyServer() as server:
        server.body = first.public()
        with Cluster.dev(tmp_path, options=gateway_options(server)) as running:
            gateway = running.gateways[0]
            one, two = first.token("a", "--role", "admin"), second.token("a", "--role", "admin")
            assert [look(running, one), look(running, two)] == [200, 401]
            for status, body in ((500, first.public()), (302, ""), (200, "<html>Sign in</html>"), (200, '{"keys":[]}'),
                                 (200, first.public() + " " * 300_000)):
                failures = gateway.metrics()[FAILURES]
                server.status, server.body = status, body
                wait_until(lambda before=failures: gateway.metrics()[FAILURES] > before, "the answer is refused")
                assert gateway.metrics()[STALE] == 1 and gateway.is_ready()
                assert "gateway/jwk_set_url cannot be used" in gateway.detail()
                assert look(running, one) == 200
            server.status, server.body = 200, second.public()
            wait_until(lambda: look(running, two) == 200, "the new keys are used")
            assert look(running, one) == 401
            wait_until(lambda: gateway.metrics()[STALE] == 0, "the URL can be used again")
            server.slow = True
            asked = server.asked
            wait_until(lambda: server.asked > asked, "the gateway waits for a slow answer")
            assert look(running, two) == 200
        assert running.gateways[0].log().count("more than 262144 bytes") == 1


def test_a_gateway_starts_without_its_url_and_is_ready_once_it_answered(tmp_path, keys):
    with KeyServer() as server:
        server.status, server.body = 503, keys[0].public()
        running = Cluster.dev(tmp_path, options=gateway_options(server))
        try:
            running.write_config()
            running.gateways[0].start()
            wait_until(running.gateways[0].is_up, "it answers")
            credentials = keys[0].token("a", "--role", "admin")
            wait_until(lambda: "gateway/jwk_set_url cannot be used" in running.gateways[0].detail(), "/readyz names it")
            assert not running.gateways[0].is_ready()
            assert look(running, credentials) == 401
            server.status = 200
            wait_until(running.gateways[0].is_ready, "it is ready with its keys")
            assert look(running, credentials) == 200
        finally:
            running.end()


def test_an_unknown_key_makes_the_gateway_ask_early_but_not_often(tmp_path, keys):
    with KeyServer() as server:
        server.body = keys[0].public()
        options = gateway_options(server, **{"gateway/jwk_set_refresh_s": 3600})
        with Cluster.dev(tmp_path, options=options) as running:
            begun, credentials = time.monotonic(), keys[1].token("a", "--role", "admin")
            server.body = keys[1].public()
            wait_until(lambda: look(running, credentials) == 200, "the new key is known", 30)
            elapsed = time.monotonic() - begun
            assert server.asked <= 2 + elapsed / 5


def test_https_is_verified_with_the_given_authority(tmp_path, keys):
    authority, other = (make_authority(tmp_path, name) for name in ("authority", "other"))
    with KeyServer(make_certificate(tmp_path, authority, "IP:127.0.0.1")) as server:
        server.body = keys[0].public()
        options = gateway_options(server, **{"gateway/jwk_set_ca": authority})
        with Cluster.dev(tmp_path / "right", options=options) as running:
            assert look(running, keys[0].token("a", "--role", "admin")) == 200
        refused = Cluster.dev(tmp_path / "wrong", options={**options, "gateway/jwk_set_ca": other})
        try:
            refused.write_config()
            refused.gateways[0].start()
            wait_until(refused.gateways[0].is_up, "it answers")
            wait_until(lambda: "certificate" in refused.gateways[0].detail(), "the certificate is refused")
            assert not refused.gateways[0].is_ready()
        finally:
            refused.end()
