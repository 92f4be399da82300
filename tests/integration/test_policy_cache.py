"""Reads of coupons: the gateway's cache, its invalidation, and the requests that it may refuse."""

import datetime
import socket
import threading
import time

import pytest

from cluster import Cluster, metric_sum, wait_until

READS = "coupond_gateway_policy_reads_total"
REFUSALS = "coupond_gateway_policy_refusals_total"
VERDICTS = "coupond_issuer_verdicts_total"


def later(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def look(cluster, coupon, gateway=0, **headers):
    """(status, headers, coupon) of a polling page."""
    return cluster.request("GET", f"/v1/coupons/{coupon}", gateway=gateway, headers=headers)


def patch(cluster, coupon, gateway=0, **changes):
    status, _, body = cluster.request("PATCH", f"/v1/coupons/{coupon}", changes, gateway=gateway)
    assert status == 200, body


def verdicts(cluster, *names):
    metrics = cluster.issuer.metrics()
    return sum(value for key, value in metrics.items()
               if key.startswith(VERDICTS) and any(f'verdict="{name}"' in key for name in names))


def reads(cluster, source):
    return sum(member.metrics()[f'{READS}{{source="{source}"}}'] for member in cluster.gateways)


def poll(address, path, times, ahead=32):
    """Pipelined GETs on one connection; returns the number of answers with 200."""
    host, port = address.split(":")
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    ok, received = 0, b""
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        sent = answered = 0
        while answered < times:
            count = min(ahead - (sent - answered), times - sent)
            if count > 0:
                connection.sendall(request * count)
                sent += count
            data = connection.recv(1 << 20)
            assert data, "the gateway closed the connection"
            received += data
            answers = received.split(b"HTTP/1.1 ")
            received = b"HTTP/1.1 " + answers[-1]
            for text in answers[:-1]:
                if text:
                    answered += 1
                    ok += text.startswith(b"200")
            if b"\r\n\r\n{" in received and received.endswith(b"}"):
                answered += 1
                ok += received.startswith(b"HTTP/1.1 200")
                received = b""
    return ok


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    options = {"gateway/threads": 2, "gateway/policy_ttl_ms": 60000}
    with Cluster(tmp_path_factory.mktemp("policy"), gateways=2, partitions=2, options=options) as running:
        yield running


def test_a_page_that_polls_is_answered_without_the_issuer(cluster):
    cluster.create_coupon("POLLED", 5, title="\"한\"")
    before = verdicts(cluster, "found")
    assert poll(cluster.addresses[0], "/v1/coupons/POLLED", 5000) == 5000
    assert verdicts(cluster, "found") - before <= 1


def test_no_cache_bypasses_the_cache(cluster):
    cluster.create_coupon("FRESH", 5)
    assert look(cluster, "FRESH")[2]["issued"] == 0
    assert cluster.issue("FRESH", "ann")[0] == 201
    assert cluster.coupon("FRESH")["issued"] == 1


def test_an_answer_has_age_and_etag(cluster):
    cluster.create_coupon("TAGGED", 5)
    status, headers, body = look(cluster, "TAGGED")
    assert (status, headers["Age"], headers["Cache-Control"]) == (200, "0", "public, max-age=60")
    tag = headers["ETag"]
    assert look(cluster, "TAGGED", **{"If-None-Match": tag})[0] == 304
    assert look(cluster, "TAGGED", **{"If-None-Match": tag, "Cache-Control": "no-cache"})[0] == 304
    assert look(cluster, "TAGGED", **{"If-None-Match": '"other"'})[::2] == (200, body)
    wait_until(lambda: look(cluster, "TAGGED")[1]["Age"] != "0", "an answer has aged")
    patch(cluster, "TAGGED", title="another")
    status, headers, body = look(cluster, "TAGGED", **{"If-None-Match": tag})
    assert (status, body["title"], headers["Age"]) == (200, "another", "0")
    assert headers["ETag"] != tag
    connection_head = cluster.request("HEAD", "/v1/coupons/TAGGED")
    assert (connection_head[0], connection_head[1]["ETag"]) == (200, headers["ETag"])


def test_a_change_is_seen_at_once_on_all_threads_of_the_gateway_that_carried_it(cluster):
    """Each connection may belong to another thread."""
    cluster.create_coupon("MINE", 5)
    for number in range(30):
        look(cluster, "MINE")
        patch(cluster, "MINE", title=f"t{number}")
        for _ in range(4):
            assert look(cluster, "MINE")[2]["title"] == f"t{number}"


def test_a_created_coupon_is_seen_at_once_after_a_404(cluster):
    for number in range(20):
        coupon = f"NEW{number}"
        for _ in range(3):
            assert look(cluster, coupon)[0] == 404
            assert cluster.issue(coupon, "ann")[0] == 404
        cluster.create_coupon(coupon, 5)
        for user in ("ann", "bob", "cid"):
            assert look(cluster, coupon)[0] == 200
            assert cluster.issue(coupon, user)[0] == 201


def test_without_redis_other_gateways_see_a_change_within_the_ttl(tmp_path):
    with Cluster(tmp_path, gateways=2, options={"gateway/policy_ttl_ms": 300}) as cluster:
        cluster.create_coupon("A", 5)
        assert look(cluster, "A", gateway=1)[2]["title"] == "A"
        patch(cluster, "A", title="B")
        wait_until(lambda: look(cluster, "A", gateway=1)[2]["title"] == "B", "the other gateway has the change")
        assert reads(cluster, "local") > 0


def test_nothing_is_cached_if_the_ttl_is_zero(tmp_path):
    with Cluster(tmp_path, options={"gateway/policy_ttl_ms": 0}) as cluster:
        cluster.create_coupon("A", 5)
        for number in range(5):
            status, headers, body = look(cluster, "A")
            assert (status, body["issued"], headers["Cache-Control"]) == (200, number, "no-cache")
            assert cluster.issue("A", f"u{number}")[0] == 201
        assert (reads(cluster, "local"), reads(cluster, "issuer")) == (0, 5)


# refusals


def test_requests_before_the_start_do_not_reach_the_issuer(cluster):
    cluster.create_coupon("SOON", 5, starts_at=later(3600))
    troubled, refused = verdicts(cluster, "not_started"), metric_sum(cluster.gateways[0].metrics(), REFUSALS)
    answers = [cluster.request("POST", "/v1/coupons/SOON/issues", {"user_id": f"u{n}"}) for n in range(500)]
    assert all((status, body["code"]) == (409, "not_started") for status, _, body in answers)
    assert all(3500 < int(headers["Retry-After"]) <= 3600 for _, headers, _ in answers)
    assert {body["starts_at"] for _, _, body in answers} == {look(cluster, "SOON")[2]["starts_at"]}
    refused = metric_sum(cluster.gateways[0].metrics(), REFUSALS) - refused
    assert refused > 0
    assert verdicts(cluster, "not_started") - troubled == 500 - refused


def test_a_start_that_is_moved_to_now_opens_at_once(cluster):
    cluster.create_coupon("MOVED", 5, starts_at=later(3600))
    for number in range(20):
        assert cluster.issue("MOVED", f"u{number}")[1]["code"] == "not_started"
    patch(cluster, "MOVED", starts_at=later(-1))
    for number in range(5):
        assert cluster.issue("MOVED", f"u{number}")[0] == 201
    patch(cluster, "MOVED", starts_at=later(3600))
    for _ in range(20):  # holders get their issue before the start, too
        assert cluster.issue("MOVED", "u1")[1]["code"] == "already_issued"
        assert cluster.request("PUT", "/v1/coupons/MOVED/issues/u2")[0] == 200


def test_the_crowd_at_the_start_is_issued(cluster):
    """A user who retries from before the start is issued in the end, by the issuer's clock."""
    starts = time.time() + 1.5
    cluster.create_coupon("START", 50, starts_at=later(1.5))
    seen = []

    def ask(number):
        while True:
            status, body = cluster.issue("START", f"u{number}", gateway=number % 2)
            seen.append((status, None if status == 201 else body["code"]))
            if status == 201:
                return

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(seen) == {(201, None), (409, "not_started")}
    issued = cluster.coupon("START")
    assert (issued["issued"], issued["state"]) == (8, "open")
    assert time.time() >= starts - 1


def test_an_unknown_coupon_is_refused_from_the_cache(cluster):
    troubled = verdicts(cluster, "coupon_not_found")
    for number in range(200):
        assert cluster.issue("NOBODY", f"u{number}")[1]["code"] == "coupon_not_found"
        assert cluster.request("PUT", "/v1/coupons/NOBODY/issues/ann")[0] == 404
    assert verdicts(cluster, "coupon_not_found") - troubled < 400
