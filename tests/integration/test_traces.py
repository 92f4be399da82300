"""Traces of requests at an OpenTelemetry collector, which checks each message against the protocol's definition."""

import contextlib
import re
import secrets
import socket
import time

import jsonschema
import pytest
import otlp
from cluster import DEADLINE_SECONDS, Cluster, run_coupond, wait_until
from identity import bearer, token, write_keys
from otlp import SCHEMA, Collector
from ports import free_port

CALLER = "00f067aa0ba902b7"
ROUND = ["wait", "decision", "sync", "reply"]
TOKEN = "Authorization: Bearer s3cret-of-the-collector"
HOSTILE = 1  # the gateway whose collector misbehaves
RARE = 2  # the gateway that traces one request a second, and those without a parent as well


class Traced:
    def __init__(self, cluster, collector, other):
        self.cluster, self.collector, self.other = cluster, collector, other

    def ask(self, method, path, flags="01", gateway=0, body=None):
        """Status, headers, body and the id of the request's trace."""
        trace_id = secrets.token_hex(16)
        answer = self.cluster.request(method, path, body, {"traceparent": f"00-{trace_id}-{CALLER}-{flags}"}, gateway)
        return *answer, trace_id

    def spans(self, method, path, body=None):
        """The spans of a request by name, the whole one first, and its status; of several with a name the last."""
        status, _, _, trace_id = self.ask(method, path, body=body)
        spans = self.collector.wait_trace(trace_id)
        return status, spans, {span.name: span for span in spans}

    def count(self, result, gateway=0):
        return self.cluster.gateways[gateway].metrics()[f'coupond_gateway_traces_total{{result="{result}"}}']

    def wait_count(self, result, least, gateway):
        wait_until(lambda: self.count(result, gateway) >= least,
                   lambda: f"{least} {result}, {self.cluster.gateways[gateway].log()[-2000:]}")


@pytest.fixture(name="traced", scope="module")
def start_traced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    (folder / "header").write_text(TOKEN + "\n")
    options = {"log/requests": 1, "gateway/threads": 2, "gateway/traces_header_file": folder / "header",
               "gateway/policy_ttl_ms": 60000}
    with Collector() as collector, Collector() as other:
        cluster = Cluster(folder, gateways=3, partitions=2, options={**options, "gateway/traces_url": collector.url})
        cluster.gateways[HOSTILE].arguments += [
            "--set", f"gateway/traces_url={other.url}", "--set", "gateway/traces_rate=100000"]
        cluster.gateways[RARE].arguments += [
            "--set", "gateway/traces_rate=1", "--set", "gateway/traces_per_million=1000000",
            "--set", "gateway/threads=1"]
        with cluster:
            cluster.create_coupon("c", 1000)
            cluster.create_coupon("few", 1)
            yield Traced(cluster, collector, other)
        other.faults.clear()


def assert_nested(spans, rounds=1, store=True):
    """One whole request, whose parts follow each other."""
    whole, *parts = spans
    assert (whole.name, whole.kind, whole.parent) == ("gateway", 2, CALLER)
    assert [span.name for span in parts] == ROUND * rounds + ["store"] * store
    assert all(span.parent == whole.id and span.kind == 1 for span in parts)
    assert len({span.id for span in spans}) == len(spans)
    assert all(span.start <= span.end for span in spans)
    steps = parts[:4 * rounds]
    assert whole.start <= steps[0].start and steps[-1].end == whole.end
    assert all(before.end == after.start for before, after in zip(steps, steps[1:]))
    assert sum(span.end - span.start for span in steps) <= whole.end - whole.start
    if store:
        assert parts[-1].start == steps[-3].end and parts[-1].end >= steps[-3].end
        assert parts[-1].attributes["coupond.store.seen"] is True and parts[-1].error is None


def test_an_issue_is_traced_from_its_arrival_to_the_store(traced):
    status, spans, named = traced.spans("PUT", "/v1/coupons/c/issues/alice")
    assert status == 201
    assert_nested(spans)
    told = named["gateway"].attributes
    assert told.pop("coupond.request_id")
    assert told == {"http.request.method": "PUT", "http.route": "/v1/coupons/{id}/issues/{user_id}",
                    "http.response.status_code": 201, "coupond.verdict": "issued", "coupond.coupon_id": "c"}
    assert named["decision"].attributes == {"coupond.verdict": "issued"}
    assert abs(named["gateway"].start - time.time_ns()) < 3600e9
    resource = traced.collector.resources[-1]
    assert resource["service.name"] == "coupond" and re.fullmatch(r"\d+\.\d+\.\d+", resource["service.version"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", resource["service.instance.id"])


def test_a_log_line_has_the_ids_of_its_trace(traced):
    _, spans, named = traced.spans("PUT", "/v1/coupons/c/issues/bob")
    whole = named["gateway"]
    line, = (line for line in traced.cluster.gateways[0].log().splitlines() if f"trace_id={whole.trace_id}" in line)
    assert f"span_id={whole.id}" in line and f"request_id={whole.attributes['coupond.request_id']}" in line
    assert spans[0] is whole


def test_a_refusal_and_a_look_up_leave_nothing_for_the_store(traced):
    assert traced.ask("PUT", "/v1/coupons/few/issues/first")[0] == 201
    status, spans, named = traced.spans("PUT", "/v1/coupons/few/issues/second")
    assert (status, named["gateway"].attributes["coupond.verdict"]) == (409, "sold_out")
    assert named["gateway"].error is None
    assert_nested(spans, store=False)
    status, spans, _ = traced.spans("GET", "/v1/coupons/few/issues/first")
    assert status == 200
    assert_nested(spans, store=False)


def test_a_request_with_a_code_has_two_rounds(traced):
    code = traced.ask("PUT", "/v1/coupons/c/issues/carol")[2]["code"]
    traced.cluster.wait_drained()
    status, spans, named = traced.spans("PUT", f"/v1/codes/{code}/redemption", {"reference": "r"})
    assert (status, named["gateway"].attributes["coupond.verdict"]) == (201, "redeemed")
    assert_nested(spans, rounds=2)


def test_coupons_are_traced_as_they_are_created_changed_and_read(traced):
    _, spans, named = traced.spans("POST", "/v1/coupons", {"id": "new", "title": "new", "quantity": 1})
    assert named["gateway"].attributes["coupond.verdict"] == "coupon_created"
    assert_nested(spans)
    _, spans, _ = traced.spans("PATCH", "/v1/coupons/new", {"paused": True})
    assert_nested(spans)
    for path in ("/v1/coupons/new", "/v1/coupons", "/livez", "/v1/nowhere"):
        traced.ask("GET", path)
        _, spans, _ = traced.spans("GET", path)
        assert [span.name for span in spans] == ["gateway"], path


@pytest.mark.parametrize("flags", ["00", "02", "0x"])
def test_what_is_not_sampled_is_not_exported(traced, flags):
    *_, unsampled = traced.ask("PUT", "/v1/coupons/c/issues/dave", flags)
    *_, sampled = traced.ask("PUT", "/v1/coupons/c/issues/dave")
    traced.collector.wait_trace(sampled)
    assert traced.collector.trace(unsampled) == []


def test_the_collector_is_told_the_secret_and_nobody_else(traced):
    traced.spans("GET", "/livez")
    assert all(headers["Authorization"] == "Bearer s3cret-of-the-collector" for headers in traced.collector.headers)
    assert all("s3cret" not in member.log() for member in traced.cluster.members)


def test_a_gateway_traces_no_more_than_its_rate_and_some_without_a_parent(traced):
    for _ in range(20):
        traced.cluster.request("GET", "/livez", gateway=RARE)
    traced.wait_count("exported", 1, RARE)
    assert traced.count("limited", RARE) >= 1
    roots = [span for span in traced.collector.spans if span.parent is None and span.name == "gateway"]
    assert roots and all(span.attributes["http.route"] in ("/livez", "/readyz") for span in roots)


# --- collectors that are away, slow or hostile


def assert_unaffected(traced, user):
    """A traced request is answered as ever, and its trace is on the way."""
    status, _, _, trace_id = traced.ask("PUT", f"/v1/coupons/c/issues/{user}", gateway=HOSTILE)
    assert status == 201
    return trace_id


@pytest.mark.parametrize("way, result", [("refuse", "refused"), ("redirect", "refused")])
def test_a_collector_that_refuses_is_not_asked_again(traced, way, result):
    before = traced.count(result, HOSTILE)
    traced.other.answer = getattr(otlp, way)
    assert_unaffected(traced, way)
    traced.wait_count(result, before + 1, HOSTILE)
    assert traced.other.faults == []  # a redirect is not followed


@pytest.mark.parametrize("way", ["busy", "babble", "flood"])
def test_a_collector_that_fails_is_asked_again(traced, way):
    traced.other.answer = getattr(otlp, way)
    before = traced.other.requests
    trace_id = assert_unaffected(traced, way)
    wait_until(lambda: traced.other.requests > before, "the collector is asked")
    traced.other.answer = otlp.accept
    traced.other.wait_trace(trace_id)


def test_a_collector_that_hangs_costs_traces_only(traced):
    """More requests than the queue has room for, over one connection."""
    traced.other.answer = otlp.hang
    before, asked = traced.count("queue_full", HOSTILE), traced.other.requests
    assert_unaffected(traced, "hang")
    wait_until(lambda: traced.other.requests > asked, "the collector is asked")
    host, port = traced.cluster.addresses[HOSTILE].split(":")
    request = f"GET /livez HTTP/1.1\r\nHost: x\r\ntraceparent: 00-{secrets.token_hex(16)}-{CALLER}-01\r\n\r\n".encode()
    with socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS) as connection:
        for _ in range(100):
            connection.sendall(request * 50)
            answers = b""
            while answers.count(b"HTTP/1.1 200 OK") < 50 or not answers.endswith(b"}"):
                answers += connection.recv(65536)
    traced.wait_count("queue_full", before + 1, HOSTILE)
    assert_unaffected(traced, "after")


def test_a_gateway_that_ends_tells_what_the_store_was_not_seen_to_have(traced):
    gateway, persister = traced.cluster.gateways[0], traced.cluster.persisters[0]
    persister.stop()
    *_, trace_id = traced.ask("PUT", "/v1/coupons/c/issues/erin")
    gateway.stop()
    spans = traced.collector.wait_trace(trace_id)
    assert [span.name for span in spans] == ["gateway", *ROUND, "store"]
    assert spans[-1].error == "not seen" and spans[-1].attributes["coupond.store.seen"] is False
    persister.start()
    gateway.start()
    wait_until(gateway.is_ready, "the gateway is ready")


def test_a_user_of_a_segment_has_a_round_for_each_comparison(tmp_path):
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(tmp_path / "keys.json")}
    with Collector() as collector:
        with Cluster.dev(tmp_path / "dev", options={**options, "gateway/traces_url": collector.url}) as cluster:
            coupon = {"id": "v", "title": "v", "quantity": 9, "segments": ["vip"]}
            assert cluster.request("POST", "/v1/coupons", coupon, bearer(token("ada", "admin")))[0] == 201
            trace_id = secrets.token_hex(16)
            vip = {**bearer(token("ann", "user", segments=["vip"])), "traceparent": f"00-{trace_id}-{CALLER}-01"}
            assert cluster.request("PUT", "/v1/coupons/v/issues/ann", None, vip)[0] == 201
            assert_nested(collector.wait_trace(trace_id), rounds=2)


def test_a_collector_that_comes_later_gets_what_waited(tmp_path):
    port = free_port()
    options = {"gateway/traces_url": f"http://127.0.0.1:{port}/v1/traces"}
    with Cluster.dev(tmp_path, options=options) as cluster, contextlib.ExitStack() as stack:
        trace_id = secrets.token_hex(16)
        headers = {"traceparent": f"00-{trace_id}-{CALLER}-01"}
        assert cluster.request("PUT", "/v1/coupons/A0001/issues/u", headers=headers)[0] == 201
        wait_until(lambda: "does not take traces" in cluster.issuer.log(), "the log tells")
        stack.enter_context(Collector(port)).wait_trace(trace_id)


def test_the_log_tells_of_a_collector_that_rejects_spans(tmp_path):
    with Collector() as collector:
        collector.answer = otlp.reject_some
        with Cluster.dev(tmp_path, options={"gateway/traces_url": collector.url}) as cluster:
            headers = {"traceparent": f"00-{secrets.token_hex(16)}-{CALLER}-01"}
            assert cluster.request("PUT", "/v1/coupons/A0001/issues/u", headers=headers)[0] == 201
            wait_until(lambda: "it rejects 2 spans" in cluster.issuer.log(), "the log tells")


# --- options, and the checks themselves


@pytest.mark.once("reads options")
@pytest.mark.parametrize("option, value", [
    ("traces_url", "127.0.0.1:4318"), ("traces_url", "ftp://x/"), ("traces_url", "http://"),
    ("traces_url", "http://a b/"), ("traces_url", "http://user:s3cret@host/"), ("traces_header", "s3cret"),
    ("traces_header", ": s3cret"), ("traces_header", "X Y: s3cret"), ("traces_header", "X: s3cret\r\nY: z"),
    ("traces_rate", "0"), ("traces_per_million", "1000001")])
def test_a_wrong_option_is_refused(option, value):
    result = run_coupond("gateway", "--set", f"gateway/{option}={value}")
    assert result.returncode != 0 and f"gateway/{option}" in result.stderr and "s3cret" not in result.stderr


@pytest.mark.once("checks the checks")
@pytest.mark.parametrize("wrong", [
    {"traceId": "0" * 32}, {"traceId": "AB" * 16}, {"spanId": None}, {"startTimeUnixNano": 1790000000000000000},
    {"kind": "SPAN_KIND_SERVER"}, {"start_time_unix_nano": "1"},
    {"attributes": [{"key": "a", "value": {"intValue": 1}}]},
    {"attributes": [{"key": "a", "value": {}}]}, {"status": {"code": 3}}, {"name": ""}])
def test_a_message_that_is_not_the_protocols_is_found_out(wrong):
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "n", "kind": 2, "status": {}, "attributes": [],
            "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000000000000000"}

    def request(span):
        return {"resourceSpans": [{"resource": {"attributes": []},
                                   "scopeSpans": [{"scope": {"name": "s"}, "spans": [span]}]}]}

    jsonschema.validate(request(span), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(request({**span, **wrong}), SCHEMA)
