"""Streams of events: what watchers of a coupon get, what they cost the issuer, and how their streams end."""

import contextlib
import datetime
import json
import socket
import time

import pytest

from cluster import Cluster, metric_sum, wait_until
from event_stream import EventStream
from test_api import iso

WATCHERS_MAX = 40
INTERVAL = 0.25  # between two questions, at least
ORIGIN = "https://shop.example"
MEMBERS = ("id", "state", "quantity", "issued", "returned", "remaining", "redeemed", "starts_at", "ends_at", "version")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    options = {"gateway/watchers_max": WATCHERS_MAX, "gateway/heartbeat_ms": 600, "gateway/header_timeout_ms": 1000,
               "gateway/cors_origins": ORIGIN, "gateway/idle_timeout_ms": 800, "issuer/sync": "os"}
    with Cluster(tmp_path_factory.mktemp("live"), gateways=2, options=options) as running:
        yield running


def watch(cluster, coupon, gateway=0, **more):
    return EventStream(cluster.addresses[gateway], coupon, **more)


def watchers(cluster, gateway=0):
    return cluster.gateways[gateway].metrics()["coupond_gateway_watchers"]


def questions(cluster):
    return metric_sum({key: value for key, value in cluster.issuer.metrics().items() if 'verdict="found"' in key},
                      "coupond_issuer_verdicts_total")


def issue(cluster, coupon, *users):
    for user in users:
        assert cluster.issue(coupon, user)[0] == 201


def patch(cluster, coupon, **changes):
    status, _, body = cluster.request("PATCH", f"/v1/coupons/{coupon}", changes)
    assert status == 200, body


# events


def test_a_stream_begins_with_the_whole_state(cluster):
    cluster.create_coupon("begins", 10, starts_at=iso(-60), ends_at=iso(3600))
    issue(cluster, "begins", "alice")
    with watch(cluster, "begins", fields=["Last-Event-ID: 12", f"Origin: {ORIGIN}"]) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store"
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert 1000 <= stream.next().retry <= 5000
        event = stream.next()
    coupon = cluster.coupon("begins")
    assert event.kind == "coupon" and list(event.data) == [*MEMBERS, "rate", "now"]
    assert {name: event.data[name] for name in MEMBERS} == {name: coupon[name] for name in MEMBERS}
    now = datetime.datetime.fromisoformat(event.data["now"])
    assert event.id == str(round(now.timestamp() * 1_000_000))


def test_an_unlimited_coupon_has_no_stock(cluster):
    cluster.create_coupon("unlimited", None)
    with watch(cluster, "unlimited") as stream:
        data = stream.first().data
        assert (data["quantity"], data["remaining"], data["rate"]) == (None, None, 0)


def test_issues_and_changes_become_events(cluster):
    cluster.create_coupon("changes", 4)
    with watch(cluster, "changes") as stream:
        issue(cluster, "changes", "a", "b", "c")
        event = stream.wait(lambda event: event.data["issued"] == 3)
        assert event.data["remaining"] == 1 and event.data["rate"] > 0
        assert stream.wait(lambda event: event.data["rate"] == 0).data["issued"] == 3
        issue(cluster, "changes", "d")
        stream.wait(lambda event: event.data["state"] == "sold_out")
        patch(cluster, "changes", quantity=9)
        assert stream.wait(lambda event: event.data["state"] == "open").data["remaining"] == 5
        patch(cluster, "changes", paused=True)
        stream.wait(lambda event: event.data["state"] == "paused")
        ids = [int(event.id) for event in stream.events if event.kind == "coupon"]
    assert ids == sorted(set(ids))


def test_only_what_has_changed_is_sent(cluster):
    cluster.create_coupon("quiet", 4)
    with watch(cluster, "quiet") as stream:
        for _ in range(5):
            stream.next()
        assert [(event.kind, event.comment) for event in stream.events[1:]] == [("coupon", None)] + [(None, "")] * 3


def test_a_window_begins_and_ends_in_time(cluster):
    cluster.create_coupon("window", 4, starts_at=iso(1), ends_at=iso(2))
    with watch(cluster, "window") as stream:
        assert stream.first().data["state"] == "scheduled"
        event = stream.wait(lambda event: event.data["state"] == "open")
        assert event.data["now"] >= event.data["starts_at"]
        event = stream.wait(lambda event: event.data["state"] == "ended")
        assert event.data["now"] >= event.data["ends_at"]


def test_the_watchers_of_two_coupons_hear_of_their_own(cluster):
    for coupon in ("left", "right"):
        cluster.create_coupon(coupon, 9)
    with watch(cluster, "left") as left, watch(cluster, "right") as right:
        issue(cluster, "left", "a")
        issue(cluster, "right", "a", "b")
        left.wait(lambda event: event.data["issued"] == 1)
        right.wait(lambda event: event.data["issued"] == 2)
        for stream, coupon in ((left, "left"), (right, "right")):
            assert {event.data["id"] for event in stream.events if event.data} == {coupon}


def test_http_1_0_has_the_events_without_chunks(cluster):
    cluster.create_coupon("old", 9)
    with watch(cluster, "old", version="1.0") as stream:
        assert not stream.chunked
        stream.first()
        issue(cluster, "old", "a")
        stream.wait(lambda event: event.data["issued"] == 1)


# answers that are no streams


@pytest.mark.parametrize("coupon, status, code", [("nobody", 404, "coupon_not_found"), ("a*b", 400, "invalid_request"),
                                                  ("nobody/live", 404, "not_found")])
def test_errors_come_before_the_stream(cluster, coupon, status, code):
    answer = cluster.request("GET", f"/v1/coupons/{coupon}/live")
    assert (answer[0], answer[2]["code"]) == (status, code)


def test_other_methods_and_queries_are_refused(cluster):
    cluster.create_coupon("refused", 9)
    status, headers, _ = cluster.request("POST", "/v1/coupons/refused/live")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert cluster.request("GET", "/v1/coupons/refused/live?x=1")[0] == 400


def test_a_connection_goes_on_after_an_error(cluster):
    request = b"GET /v1/coupons/nobody/live HTTP/1.1\r\nHost: a\r\n\r\n"
    with watch(cluster, "nobody", behind=request + b"GET /livez HTTP/1.0\r\n\r\n") as stream:
        assert stream.status == 404
        body = stream.body()
    assert body.count(b'"code":"coupon_not_found"') == 2 and body.endswith(b'{"status":"live"}')


def test_head_has_the_head_alone(cluster):
    cluster.create_coupon("head", 9)
    with watch(cluster, "head", method="HEAD") as stream:
        assert (stream.status, stream.headers["Content-Type"]) == (200, "text/event-stream")
        assert stream.body() == b""


def test_there_are_no_more_watchers_than_the_limit(cluster):
    cluster.create_coupon("full", 9)
    wait_until(lambda: watchers(cluster) == 0, "earlier watchers are gone")
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(watch(cluster, "full")) for _ in range(WATCHERS_MAX)]
        assert watchers(cluster) == WATCHERS_MAX
        status, headers, body = cluster.request("GET", "/v1/coupons/full/live")
        assert (status, body["code"]) == (503, "overloaded") and 1 <= int(headers["Retry-After"]) <= 3
        streams[7].close()
        wait_until(lambda: watchers(cluster) == WATCHERS_MAX - 1, "one has left")
        stack.enter_context(watch(cluster, "full")).first()
    wait_until(lambda: watchers(cluster) == 0, "all have left")


# cost


def test_many_watchers_cost_the_issuer_one_question_per_interval(cluster):
    cluster.create_coupon("many", 1000)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(watch(cluster, "many")) for _ in range(WATCHERS_MAX)]
        before, begun = questions(cluster), time.monotonic()
        for number in range(30):
            issue(cluster, "many", f"user-{number}")
            time.sleep(0.05)
        for stream in streams:
            stream.wait(lambda event: event.data["issued"] == 30)
        asked, took = questions(cluster) - before, time.monotonic() - begun
        assert 2 <= asked <= took / INTERVAL + 1
        events = [sum(event.kind == "coupon" for event in stream.events) for stream in streams]
        assert max(events) <= took / INTERVAL + 2 and min(events) >= 3


def test_a_watcher_holds_no_exchange_and_no_deadline(cluster):
    cluster.create_coupon("held", 9)
    with watch(cluster, "held") as stream:
        stream.first()
        assert cluster.gateways[0].metrics()["coupond_gateway_in_flight"] == 0
        begun = time.monotonic()
        while time.monotonic() < begun + 2:  # beyond gateway/idle_timeout_ms and gateway/header_timeout_ms
            assert stream.next().comment is not None


@pytest.mark.once("takes seconds")
def test_a_watcher_that_does_not_read_is_left_behind_and_then_closed(cluster):
    name = 'coupond_gateway_connection_timeouts_total{reason="slow_reader"}'
    skipped = 'coupond_gateway_events_total{result="skipped"}'
    gateway = cluster.gateways[0]
    before = gateway.metrics()
    cluster.create_coupon("slow", 100_000)
    with watch(cluster, "slow", tiny=True), watch(cluster, "slow") as other:
        def change_until_closed():
            patch(cluster, "slow", description=f"{time.monotonic()}")
            other.first()
            return gateway.metrics()[name] > before[name]
        wait_until(change_until_closed, "the watcher is closed")
        assert gateway.metrics()[skipped] > before[skipped]
        issue(cluster, "slow", "a")
        other.wait(lambda event: event.data["issued"] == 1)


# hostile clients


def test_requests_behind_a_stream_are_not_answered(cluster):
    cluster.create_coupon("behind", 9)
    request = b"POST /v1/coupons/behind/issues HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" \
              b'Content-Length: 15\r\n\r\n{"user_id":"x"}'
    with watch(cluster, "behind", behind=request * 20) as stream:
        assert stream.headers["Connection"] == "close"
        stream.first()
        stream.socket.sendall(request * 20)
        issue(cluster, "behind", "a")
        stream.wait(lambda event: event.data["issued"] == 1)
        with contextlib.suppress(ConnectionError, socket.timeout):
            for _ in range(4096):
                stream.socket.sendall(bytes(1024))
        stream.wait_closed()
    assert cluster.coupon("behind")["issued"] == 1


def test_requests_before_a_stream_are_answered_first(cluster):
    cluster.create_coupon("before", 9)
    host, port = cluster.addresses[0].split(":")
    put = b"PUT /v1/coupons/before/issues/%d HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"".join(put % number for number in range(5))
                           + b"GET /v1/coupons/before/live HTTP/1.1\r\nHost: a\r\n\r\n")
        received = b""
        while b'"issued":5' not in received:
            received += connection.recv(65536)
    assert received.count(b"HTTP/1.1 201") == 5
    assert received.index(b"text/event-stream") > received.rindex(b"HTTP/1.1 201")


def test_who_closes_its_side_before_the_stream_has_one_event(cluster):
    cluster.create_coupon("half", 9)
    host, port = cluster.addresses[0].split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"GET /v1/coupons/half/live HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
    assert received.count(b"event: coupon") <= 1 and b"text/event-stream" in received


def test_who_closes_its_side_during_the_stream_is_closed(cluster):
    cluster.create_coupon("leaves", 9)
    with watch(cluster, "leaves") as stream:
        stream.first()
        stream.socket.shutdown(socket.SHUT_WR)
        stream.wait_closed()
    wait_until(lambda: watchers(cluster) == 0, "the watcher is gone")


# faults


def test_streams_stay_while_the_issuer_is_away(cluster):
    cluster.create_coupon("away", 9)
    with watch(cluster, "away") as stream, watch(cluster, "away", gateway=1) as other:
        stream.first()
        cluster.issuer.kill()
        event = stream.wait(lambda event: True, kind="unavailable")
        assert event.data["id"] == "away" and event.data["since"] <= iso(0)
        other.wait(lambda event: True, kind="unavailable")
        status, _, body = cluster.request("GET", "/v1/coupons/begins/live")
        assert (status, body["code"]) == (503, "issuer_unavailable")
        cluster.issuer.start()
        stream.first()
        wait_until(cluster.gateways[0].is_ready, "the gateway has the issuer again")
        issue(cluster, "away", "a")
        for each in (stream, other):
            each.wait(lambda event: event.data["issued"] == 1)


def test_a_gateway_that_stops_ends_its_streams(cluster):
    cluster.create_coupon("stops", 9)
    gateway = cluster.gateways[1]
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(watch(cluster, "stops", gateway=1, version=version))
                   for version in ("1.1", "1.0") for _ in range(15)]
        for stream in streams:
            stream.first()
        gateway.stop()
        for stream in streams:
            stream.wait_end()
    assert "drain" in gateway.log() and len({stream.events[0].retry for stream in streams}) > 5
    gateway.start()
    wait_until(gateway.is_ready, "the gateway is back")


def test_a_coupon_without_a_cache_is_asked_for_as_rarely(tmp_path):
    with Cluster(tmp_path, options={"gateway/policy_ttl_ms": 0}) as cluster:
        cluster.create_coupon("A", 9)
        with watch(cluster, "A") as stream, watch(cluster, "A") as other:
            issue(cluster, "A", "a")
            for each in (stream, other):
                each.wait(lambda event: event.data["issued"] == 1)
        assert json.loads(cluster.gateways[0].get("/readyz")[1])["status"] == "ready"
