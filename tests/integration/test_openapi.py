"""The contract, api/openapi.yaml, says what the program's tables say, and gateways serve it."""

import copy
import http.client
import json
import socket

import pytest

import contract as contracts
from cluster import REPOSITORY, Cluster
from contract_tables import CHECKS, errors_of_the_program, members_of_the_program, routes_of_the_program
from openapi_json import as_json
from test_api import read_response

pytestmark = pytest.mark.once("reads tables")

CONTRACT = contracts.read()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_is_what_the_tables_say(check):
    assert list(check(CONTRACT)) == []


def test_the_tables_are_read():
    assert len(routes_of_the_program()) >= 16 and len(errors_of_the_program()) >= 28
    assert all(len(members) >= 2 for members in members_of_the_program())


def test_gateways_are_built_with_the_contract_as_it_is():
    text = (REPOSITORY / "api/openapi.yaml").read_text(encoding="utf-8")
    assert (REPOSITORY / "api/openapi.json").read_text(encoding="utf-8") == as_json(text), "run ./dev fmt"


def test_operations_have_names_of_their_own():
    names = [operation.name for operation in contracts.operations(CONTRACT)]
    assert len(names) == len(set(names))


# contracts with a mistake


def schemas(contract):
    return contract["components"]["schemas"]


def answers(contract, name):
    return contract["components"]["responses"][name]["content"]["application/problem+json"]["schema"]["allOf"][1][
        "properties"]


COUPON = "/v1/coupons/{id}"
MISTAKES = {
    "GET /livez is not in the contract": lambda c: c["paths"].pop("/livez"),
    "PATCH /v1/coupons/{id} is not in the contract": lambda c: c["paths"][COUPON].pop("patch"),
    "GET /v1/nothing is no route": lambda c: c["paths"].update({"/v1/nothing": c["paths"]["/livez"]}),
    "PATCH /v1/coupons/{id} differs in whether it needs": lambda c: c["paths"][COUPON]["patch"].pop("security"),
    "GET /v1/me differs in whether it takes": lambda c: c["paths"]["/v1/me"]["get"].pop("security"),
    "GET /livez differs in whether it takes": lambda c: c["paths"]["/livez"]["get"].update(security=[{"token": []}]),
    "PATCH /v1/coupons/{id} permits ['admin']":
        lambda c: c["paths"][COUPON]["patch"].update({"x-permissions": ["admin"]}),
    "GET /v1/coupons does not say": lambda c: c["paths"]["/v1/coupons"]["get"]["responses"].pop("403"),
    "the contract says ['OBJECT']":
        lambda c: c["paths"]["/v1/coupons"]["post"]["requestBody"].update(required=False),
    "getCoupon: /v1/coupons/{id} has the parameters []": lambda c: c["paths"][COUPON].pop("parameters"),
    "stale_version 412 is in no response": lambda c: [
        answers(c, name)["code"].update(enum=[]) for name in ("StaleVersion", "StaleDocument")],
    "paused of 410 is among the answers 409": lambda c: answers(c, "IssueRefused")["status"].update({"const": 410}),
    "paused 410 is no error": lambda c: answers(c, "Ended")["code"]["enum"].append("paused"),
    "not_eligible 403 is in no response": lambda c: [
        answers(c, "IssueForbidden")["code"].update(enum=["forbidden"])],
    "getCoupon: only requests below /v1": lambda c: c["paths"][COUPON]["get"]["responses"].pop("429"),
    "ErrorCode is not": lambda c: schemas(c)["ErrorCode"]["enum"].pop(),
    "Title.maxLength is 500": lambda c: schemas(c)["Title"].update(maxLength=500),
    "UserId.maxLength is missing": lambda c: schemas(c)["UserId"].pop("maxLength"),
    "Time.maxLength is a bound": lambda c: schemas(c)["Time"].update(maxLength=27),
    "CouponCreate has": lambda c: schemas(c)["CouponCreate"]["properties"].pop("per_user_limit"),
    "CouponCreate.required has": lambda c: schemas(c)["CouponCreate"]["required"].pop(),
    "CouponChange has": lambda c: schemas(c)["CouponChange"]["properties"].update(id={}),
    "Coupon has": lambda c: schemas(c)["Coupon"]["properties"].pop("returned"),
    "Issue has": lambda c: schemas(c)["Issue"]["properties"].update(owner={}),
    "Revocation has": lambda c: schemas(c)["Revocation"]["properties"].pop("actor"),
    "IssueState has": lambda c: schemas(c)["IssueState"]["enum"].remove("expired"),
    "Metadata.x-max-bytes is 4095": lambda c: schemas(c)["Metadata"].update({"x-max-bytes": 4095}),
    "listCoupons has the query": lambda c: c["paths"]["/v1/coupons"]["get"]["parameters"].pop(0),
    "revokeIssue has the query": lambda c: c["paths"][f"{COUPON}/issues/{{user_id}}"]["delete"]["parameters"].pop(0),
    "Segment has another alphabet": lambda c: schemas(c)["Segment"].update(pattern="^.+$"),
    "IssueCreate allows members": lambda c: schemas(c)["IssueCreate"].pop("additionalProperties"),
    "CouponState has": lambda c: schemas(c)["CouponState"]["enum"].append("lost"),
    "UserId has another alphabet": lambda c: schemas(c)["UserId"].update(pattern="^[A-Za-z0-9._-]+$"),
    "CouponId allows the dots": lambda c: schemas(c)["CouponId"].update({"not": {"enum": ["."]}}),
    "getIssue: 200: issued: sequence": lambda c: c["components"]["examples"]["Issue"]["value"].update(sequence=0),
    "other words for not_issued": lambda c: c["components"]["examples"]["NotIssued"]["value"].update(title="No"),
    "createCoupon: the request: shortest: ": lambda c: c["paths"]["/v1/coupons"]["post"]["requestBody"]["content"][
        "application/json"]["examples"]["shortest"]["value"].pop("title"),
    "getLiveness: 200 has no example": lambda c: c["paths"]["/livez"]["get"]["responses"]["200"]["content"][
        "application/json"].pop("examples"),
    "the contract is of 9": lambda c: c["info"].update(version="9"),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_contract_with_a_mistake_is_found_out(words):
    wrong = copy.deepcopy(CONTRACT)
    MISTAKES[words](wrong)
    assert any(words in fault for check in CHECKS for fault in check(wrong))


LIVE = next(operation for operation in contracts.operations(CONTRACT) if operation.name == "getLiveness")
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


@pytest.mark.parametrize("words, status, headers, body", [
    ("status 299 is not", 299, HEADERS, b'{"status":"live"}'), ("'live' was expected", 200, HEADERS, b'{"status":"x"}'),
    ("not JSON", 200, HEADERS, b"{"), ("'more' was unexpected", 200, HEADERS, b'{"status":"live","more":1}'),
    ("cache-control is missing", 200, {"Content-Type": "application/json"}, b'{"status":"live"}'),
    ("'no-store' was expected", 200, {**HEADERS, "Cache-Control": "public"}, b'{"status":"live"}'),
    ("etag is not documented", 200, {**HEADERS, "ETag": '"x"'}, b'{"status":"live"}'),
    ("media type 'text/html'", 200, {**HEADERS, "Content-Type": "text/html"}, b"live"),
    ("'issuer_unavailable' is not one of", 503,
     {"Content-Type": "application/problem+json", "Cache-Control": "no-store"},
     b'{"type":"urn:coupond:problem:x","title":"","status":503,"code":"issuer_unavailable","detail":""}'),
])
def test_an_answer_that_the_contract_does_not_allow_is_found_out(words, status, headers, body):
    assert contracts.answer_faults(LIVE, 200, HEADERS, b'{"status":"live"}') == []
    assert any(words in fault for fault in contracts.answer_faults(LIVE, status, headers, body))


# the gateway


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("openapi")) as running:
        yield running


def look(cluster, method="GET", **headers):
    """Status, headers and the body's bytes."""
    connection = http.client.HTTPConnection(cluster.addresses[0], timeout=60)
    try:
        fields = {key.replace("_", "-"): text for key, text in headers.items()}
        connection.request(method, "/openapi.json", headers=fields)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_gateway_serves_the_contract(cluster):
    counted = 'coupond_gateway_requests_total{route="openapi",status="200"}'
    before = cluster.gateways[0].metrics()[counted]
    status, headers, body = look(cluster)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == CONTRACT
    assert body == (REPOSITORY / "api/openapi.json").read_bytes()
    assert headers["Cache-Control"] == "public, max-age=300"
    assert cluster.gateways[0].metrics()[counted] == before + 1


def test_a_contract_that_a_client_has_is_not_sent_again(cluster):
    _, headers, body = look(cluster)
    tag = headers["ETag"]
    for condition in (tag, f'"x", W/{tag}', "*"):
        status, again, nothing = look(cluster, If_None_Match=condition)
        assert (status, again["ETag"], again["Cache-Control"], nothing) == (304, tag, headers["Cache-Control"], b"")
    assert look(cluster, If_None_Match='"x"')[0] == 200
    status, of_head, nothing = look(cluster, "HEAD")
    assert (status, of_head["ETag"], of_head["Content-Length"], nothing) == (200, tag, str(len(body)), b"")
    assert [look(cluster, If_Match=match)[0] for match in (tag, "*", '"x"', f"W/{tag}")] == [200, 200, 412, 412]
    for path in ("/openapi.json", "/docs"):
        status, _, problem = cluster.request("GET", path, headers={"If-Match": '"x"'})
        assert (status, problem["code"]) == (412, "stale_version")
        assert "document" in problem["detail"] and "coupon" not in problem["detail"]


def test_the_contract_waits_for_the_answers_to_earlier_requests(cluster):
    tag = look(cluster)[1]["ETag"]
    cluster.create_coupon("WAIT", 100)
    host, port = cluster.addresses[0].rsplit(":", 1)
    contract = "GET /openapi.json HTTP/1.1\r\nHost: t\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        for number in range(10):
            raw.sendall(f"PUT /v1/coupons/WAIT/issues/u{number} HTTP/1.1\r\nHost: t\r\n\r\n{contract}\r\n"
                        f"{contract}If-None-Match: {tag}\r\n\r\n{contract}If-Match: \"x\"\r\n\r\n".encode())
        stream = raw.makefile("rb")
        for _ in range(10):
            assert read_response(stream)[0] == 201
            status, body = read_response(stream)
            assert status == 200 and json.loads(body) == CONTRACT
            assert [read_response(stream)[0] for _ in range(2)] == [304, 412]
