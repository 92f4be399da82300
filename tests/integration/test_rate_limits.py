"""Request limits: per client address, direct and behind HAProxy, and per user. Clients have addresses of their own,
127.0.0.2 and up; HAProxy, the one trusted proxy, has 127.0.0.1."""

import contextlib
import http.client
import itertools
import json
import time

import pytest
from cluster import DEADLINE_SECONDS, Cluster, metric_sum, run_coupond
from haproxy import HAProxy
from identity import bearer, token, write_keys

TOKEN = "t0ken"
BURST = {"address": 6, "user": 3}
OPTIONS = {
    "gateway/admin_token": TOKEN, "gateway/threads": 2, "gateway/address_rate": 1,
    "gateway/address_burst": BURST["address"], "gateway/user_rate": 1, "gateway/user_burst": BURST["user"],
    "gateway/trusted_proxies": "127.0.0.1,::1"
}
REPORTING = {"x-forwarded-for": "    option forwardfor\n",
             "forwarded": "    http-request add-header Forwarded for=%[src];proto=http\n"}
NUMBERS = itertools.count(2)


class Limited:
    """A cluster with a gateway for each kind of header, and an HAProxy before each."""

    def __init__(self, cluster, proxies):
        self.cluster = cluster
        self.direct = dict(zip(REPORTING, cluster.addresses))
        self.front = {kind: proxy.address for kind, proxy in proxies.items()}

    def ask(self, address, source, path, method="GET", headers=None, body=None):
        """One request from a source address: status, headers, JSON."""
        connection = http.client.HTTPConnection(address, timeout=DEADLINE_SECONDS, source_address=(source, 0))
        with contextlib.closing(connection):
            connection.request(method, path, body and json.dumps(body),
                               {**({"Content-Type": "application/json"} if body else {}), **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read() or "null")

    def allowed(self, ask):
        """How often ask() is answered before its first 429, and that answer. Every second gives back one."""
        began = time.monotonic()
        count = 0
        status, headers, body = ask()
        while status != 429:
            assert status in (200, 201, 404, 409), (status, body)
            count += 1
            status, headers, body = ask()
        return count, time.monotonic() - began + 1, headers, body

    def decided(self):
        """How many requests the issuer has decided."""
        return metric_sum(self.cluster.issuer.metrics(), "coupond_issuer_verdicts_total")

    def limited(self, name, gateway=0):
        return metric_sum(self.cluster.gateways[gateway].metrics(), f"coupond_gateway_{name}")


@pytest.fixture(name="limited", scope="module")
def start_limited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    cluster = Cluster(folder, gateways=2, options=OPTIONS)
    for gateway, kind in zip(cluster.gateways, REPORTING):
        gateway.arguments += ["--set", f"gateway/proxy_header={kind}"]
    with cluster, contextlib.ExitStack() as stack:
        proxies = {kind: stack.enter_context(HAProxy(folder / kind, [address], front=REPORTING[kind]))
                   for kind, address in zip(REPORTING, cluster.addresses)}
        create(cluster)
        yield Limited(cluster, proxies)


def create(cluster):
    status, _, _ = cluster.request("POST", "/v1/coupons", {"id": "c", "title": "c", "quantity": 1000},
                                   headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 201


def stranger():
    return f"127.0.0.{next(NUMBERS)}"


def assert_burst(limited, kind, ask):
    count, elapsed, headers, body = limited.allowed(ask)
    assert BURST[kind] <= count <= BURST[kind] + elapsed
    assert body["code"] == "too_many_requests" and body["status"] == 429
    assert headers["Content-Type"] == "application/problem+json" and headers["Cache-Control"] == "no-store"
    assert 1 <= int(headers["Retry-After"]) <= 3
    return headers


def test_an_address_has_its_burst_and_hears_when_to_come_back(limited):
    source, address = stranger(), limited.direct["x-forwarded-for"]
    before = limited.limited('limited_total{kind="address"}')
    headers = assert_burst(limited, "address", lambda: limited.ask(address, source, "/v1/coupons/c"))
    assert limited.limited('limited_total{kind="address"}') == before + 1
    assert limited.limited('requests_total{route="coupon_get",status="429"}') >= 1
    assert limited.limited("limit_evictions_total") == 0
    for path in ("/livez", "/readyz", "/openapi.json"):
        assert limited.ask(address, source, path)[0] == 200, path
    assert limited.ask(address, stranger(), "/v1/coupons/c")[0] == 200
    time.sleep(int(headers["Retry-After"]))
    assert limited.ask(address, source, "/v1/coupons/c")[0] == 200


def test_every_path_below_v1_counts(limited):
    address = limited.direct["x-forwarded-for"]
    for path in ("/v1/coupons/%63", "/v1/nowhere", "/v1/users/u/issues", "/v1/coupons?limit=x"):
        source = stranger()
        for _ in range(BURST["address"]):
            assert limited.ask(address, source, path)[0] in (200, 400, 401, 404), path
        statuses = [limited.ask(address, source, path)[0] for _ in range(20)]
        assert 429 in statuses, path


def test_a_refused_request_takes_nothing_from_the_stock(limited):
    source, address = stranger(), limited.direct["x-forwarded-for"]
    before, answered = limited.decided(), 0
    for number in range(20):
        status, _, _ = limited.ask(address, source, f"/v1/coupons/c/issues/stock-{number}", "PUT")
        assert status in (201, 429)
        answered += status == 201
    assert answered < 20
    assert limited.decided() == before + answered


@pytest.mark.parametrize("kind", REPORTING)
def test_what_a_client_says_about_itself_is_ignored(limited, kind):
    source, numbers = stranger(), itertools.count(1)

    def ask():
        forged = {"X-Forwarded-For": f"192.0.2.{next(numbers)}", "Forwarded": f"for=192.0.2.{next(numbers)}"}
        return limited.ask(limited.direct[kind], source, "/v1/coupons/c", headers=forged)

    assert_burst(limited, "address", ask)


@pytest.mark.parametrize("kind", REPORTING)
def test_behind_a_trusted_proxy_its_client_counts(limited, kind):
    source, address = stranger(), limited.front[kind]
    assert_burst(limited, "address", lambda: limited.ask(address, source, "/v1/coupons/c"))
    assert limited.ask(address, stranger(), "/v1/coupons/c")[0] == 200


@pytest.mark.parametrize("kind", REPORTING)
@pytest.mark.parametrize("forged", ["192.0.2.{}", "for=192.0.2.{}", 'for="192.0.2.{}', "unknown, _{}", ",,;\"={}"])
def test_behind_a_trusted_proxy_a_forged_header_changes_nothing(limited, kind, forged):
    source, address, numbers = stranger(), limited.front[kind], itertools.count(1)

    def ask():
        header = forged.format(next(numbers))
        return limited.ask(address, source, "/v1/coupons/c",
                           headers={"X-Forwarded-For": header, "Forwarded": header})

    assert_burst(limited, "address", ask)


def test_addresses_of_one_ipv6_network_count_together(limited):

    def ask(client):
        return limited.ask(limited.direct["x-forwarded-for"], "127.0.0.1", "/v1/coupons/c",
                           headers={"X-Forwarded-For": client})

    inside = (f"[2001:db8:1:2::{number:x}]:4711" for number in itertools.count(1))
    assert_burst(limited, "address", lambda: ask(next(inside)))
    assert ask("2001:db8:1:3::1")[0] == 200
    mapped = itertools.cycle(["192.0.2.200", "::ffff:192.0.2.200"])
    assert_burst(limited, "address", lambda: ask(next(mapped)))


def test_a_user_has_a_burst_of_its_own(limited):
    address, numbers = limited.direct["x-forwarded-for"], itertools.count(1)

    def ask(method="PUT", path="", body=None, token=None):
        """From another address each time."""
        headers = {"X-Forwarded-For": f"198.51.100.{next(numbers)}", **({"Authorization": token} if token else {})}
        return limited.ask(address, "127.0.0.1", f"/v1/coupons/c/issues{path}", method, headers, body)

    before = limited.limited('limited_total{kind="user"}')
    assert_burst(limited, "user", lambda: ask(path="/alice"))
    assert limited.limited('limited_total{kind="user"}') == before + 1
    assert ask("POST", body={"user_id": "alice"})[0] == ask("GET", "/alice")[0] == 429
    assert ask(path="/alice/redemption", body={"reference": "r"})[0] == 429
    assert ask(path="/bob")[0] == 201
    assert ask("DELETE", "/alice", token=f"Bearer {TOKEN}")[0] == 200  # the administrator's request is not hers


def test_with_identity_the_principal_counts(tmp_path):
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(tmp_path / "keys.json"),
               "gateway/admin_token": TOKEN, "gateway/user_rate": 1, "gateway/user_burst": BURST["user"]}
    with Cluster.dev(tmp_path / "dev", options=options) as cluster:
        limited = Limited(cluster, {})

        def ask(credentials, path="/v1/users/ann/issues"):
            return limited.ask(cluster.addresses[0], "127.0.0.1", path, headers=bearer(credentials))

        ann = token("ann", "user")
        assert_burst(limited, "user", lambda: ask(ann))
        assert ask(ann, "/v1/coupons/A0001/issues/ann")[0] == 429
        assert ask(token("ann", "user", jti="another"))[0] == 429  # another token of hers
        assert ask(token("bob", "user"), "/v1/users/bob/issues")[0] == 200
        for credentials in (token("shop", "service"), TOKEN):
            assert {ask(credentials)[0] for _ in range(3 * BURST["user"])} == {200}


def test_an_address_is_logged_once(limited):
    source, address = stranger(), limited.direct["x-forwarded-for"]
    for _ in range(3 * BURST["address"]):
        limited.ask(address, source, "/v1/coupons/c")
    lines = [line for line in limited.cluster.gateways[0].log().splitlines() if f"address={source} " in line]
    assert len(lines) == 1 and "limit=address" in lines[0] and " warn " in lines[0]


@pytest.mark.once("reads options")
@pytest.mark.parametrize("value, words", [("proxy", "must be an IP address"), ("10.0.0.1/8", "first address"),
                                          ("10.0.0.0/33", "0 to 32 bits"), ("::1,,::2", "must be an IP address")])
def test_a_list_of_proxies_with_a_mistake_is_refused(value, words):
    result = run_coupond("gateway", "--set", f"gateway/trusted_proxies={value}")
    assert result.returncode != 0 and "gateway/trusted_proxies" in result.stderr and words in result.stderr
