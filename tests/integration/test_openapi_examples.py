"""The examples of the contract are what gateways answer, and so is what it says of a gateway without an issuer and of
the ports of operators."""

import http.client
import json
import urllib.parse

import contract as contracts
from cluster import Cluster, wait_until

CONTRACT = contracts.read()
OPERATIONS = {operation.name: operation for operation in contracts.operations(CONTRACT)}
EXAMPLES = {name: example["value"] for name, example in CONTRACT["components"]["examples"].items()}
OF_NOW = {"request_id", "changed_at", "created_at", "updated_at", "issued_at", "redeemable_until", "redeemed_at",
          "revoked_at", "code", "version", "as_of"}


def request_of(name, example):
    return OPERATIONS[name].body["content"]["application/json"]["examples"][example]["value"]


def without_now(value):
    """The value without the times of the moment when it was made."""
    if isinstance(value, list):
        return [without_now(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: without_now(inner) for name, inner in value.items() if name not in OF_NOW}


def read_from_store(cluster, headers):
    """Whether the store has every issue of the coupon."""
    issued = cluster.request("GET", "/v1/coupons/noon", None, {"Cache-Control": "no-cache"})[2]["issued"]
    status, _, page = cluster.request("GET", "/v1/coupons/noon/issues", None, headers)
    return status == 200 and len(page["issues"]) == issued


def test_the_examples_are_what_a_gateway_answers(tmp_path):
    create = {name: request_of("createCoupon", name) for name in ("window", "shortest", "whole")}
    later = {**create["shortest"], "id": "later", "starts_at": EXAMPLES["NotStarted"]["starts_at"]}
    alice = request_of("issueCoupon", "name")
    more = request_of("changeCoupon", "more")
    order = request_of("redeemIssue", "order")
    noon = "/v1/coupons/noon/issues/alice"
    allowed = {"Authorization": "Bearer t"}
    steps = [
        ("POST", "/v1/coupons", create["window"], {}, "Unauthorized"),
        ("POST", "/v1/coupons", create["window"], allowed, "CouponCreated"),
        ("POST", "/v1/coupons", create["window"], allowed, "CouponExists"),
        ("POST", "/v1/coupons/noon/issues", alice, {}, "Issue"),
        ("POST", "/v1/coupons/noon/issues", alice, {}, "AlreadyIssued"),
        ("GET", "/v1/coupons/noon/issues/alice", None, {}, "Issue"),
        ("GET", "/v1/coupons/noon/issues/bob", None, {}, "NotIssued"),
        ("GET", "/v1/users/alice/issues", None, allowed, "UserIssueList"),
        ("PUT", "/v1/coupons/noon/issues/bob", request_of("ensureIssue", "repeated"), {}, None),
        ("GET", "/v1/coupons/noon/issues?limit=1", None, allowed, "IssueList"),
        ("GET", "/v1/coupons/noon/history", None, allowed, "CouponHistory"),
        ("GET", "/v1/me", None, allowed, "Me"),
        ("GET", "/v1/coupons/noon", None, {}, "CouponOpen"),
        ("PATCH", "/v1/coupons/noon", more, {**allowed, "If-Match": '"x"'}, "StaleVersion"),
        ("PATCH", "/v1/coupons/noon", more, allowed, "CouponPaused"),
        ("PATCH", "/v1/coupons/noon", request_of("changeCoupon", "always"), allowed, None),
        ("PUT", f"{noon}/redemption", order, {}, "IssueRedeemed"),
        ("PUT", f"{noon}/redemption", request_of("redeemIssue", "named"), {}, "IssueRedeemed"),
        ("PUT", f"{noon}/redemption", {"reference": "another"}, {}, "AlreadyRedeemed"),
        ("DELETE", f"{noon}/redemption?reference=another", None, {}, "ReferenceMismatch"),
        ("DELETE", f"{noon}/redemption?reference=order-1", None, {}, "Issue"),
        ("PATCH", "/v1/coupons/noon", {"redeem_until": "2001-01-01T00:00:00Z"}, allowed, None),
        ("PUT", f"{noon}/redemption", order, {}, "IssueExpired"),
        ("PATCH", "/v1/coupons/noon", {"redeem_until": None}, allowed, None),
        ("DELETE", f"{noon}?restock=true&reason=wrong%20user", None, allowed, "IssueRevoked"),
        ("PUT", f"{noon}/redemption", order, {}, "Revoked"),
        ("PUT", "/v1/coupons/noon/issues/bob/1", request_of("ensureNthIssue", "empty"), {}, None),
        ("DELETE", "/v1/users/bob", None, allowed, None),
        ("POST", "/v1/coupons/noon/revocations", request_of("revokeIssues", "recall"), allowed, "Revocations"),
        ("POST", "/v1/coupons", create["whole"], allowed, "CouponWhole"),
        ("PATCH", "/v1/coupons/welcome", request_of("changeCoupon", "archive"), allowed, None),
        ("POST", "/v1/coupons", later, allowed, None),
        ("POST", "/v1/coupons", create["shortest"], allowed, None),
        ("PUT", "/v1/coupons/later/issues/bob", None, {}, "NotStarted"),
        ("POST", "/v1/coupons/A0001/issues", request_of("issueCoupon", "number"), {}, None),
        ("GET", "/v1/coupons/nothing", None, {}, "CouponNotFound"),
        ("GET", "/v1/verification", None, allowed, "VerificationNone"),
        ("GET", "/v1/rehearsals/latest", None, allowed, "RehearsalNone"),
        ("GET", "/v1/coupons?limit=0&x=1", None, {}, "InvalidRequest"),
        ("DELETE", "/v1/coupons/noon", None, {}, "MethodNotAllowed"),
        ("GET", "/nothing", None, {}, "NotFound"),
    ]
    preflight = {"Origin": "https://another.example", "Access-Control-Request-Method": "PUT"}
    options = {"gateway/admin_token": "t", "gateway/cors_origins": "https://shop.example"}
    with Cluster.dev(tmp_path, options=options) as cluster:
        assert without_now(cluster.request("GET", "/v1/coupons?limit=1")[2]) == without_now(EXAMPLES["CouponList"])
        for method, path, body, headers, name in steps:
            if name in ("UserIssueList", "IssueList"):
                wait_until(lambda: read_from_store(cluster, allowed), "the store has the issues")
            answer = cluster.request(method, path, body, headers)
            assert answer[0] < 300 if name is None else without_now(answer[2]) == without_now(EXAMPLES[name]), answer
        assert cluster.request("OPTIONS", "/v1/coupons", None, preflight)[2] == EXAMPLES["Forbidden"]
        status, headers, body = cluster.request("OPTIONS", "/v1/coupons", None,
                                                {**preflight, "Origin": "https://shop.example"})
        allowed = contracts.resolved(CONTRACT["x-other-requests"]["preflight"], CONTRACT)
        assert (status, body) == (204, None)
        assert all(contracts.mistakes(header["schema"], headers[name]) == []
                   for name, header in allowed["headers"].items())
    asked = {name for *_, name in steps} | {"CouponList", "Forbidden", None}
    assert set(EXAMPLES) - asked == {"IssuerUnavailable", "NotEligible", "StoreUnavailable", "TooManyRequests",
                                     "UnauthorizedExpired"}


def ask(address, operation):
    """Status, headers, body of a request of the contract's own examples."""
    connection = http.client.HTTPConnection(address, timeout=60)
    path = operation.path
    for name, parameter in operation.parameters_in("path").items():
        path = path.replace(f"{{{name}}}", str(parameter["example"]))
    query = urllib.parse.urlencode({name: parameter["example"] for name, parameter
                                    in operation.parameters_in("query").items() if parameter.get("required")})
    path += f"?{query}" if query else ""
    body, headers = None, {}
    if operation.body:
        example = next(iter(operation.body["content"]["application/json"]["examples"].values()))
        body, headers = json.dumps(example["value"]), {"Content-Type": "application/json"}
    try:
        connection.request(operation.method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


DOCUMENTS = {"getContract", "getDocs", "getHomePage", "getEventPage", "getAdminPage"}
OF_STORE = ("listCouponIssues", "listUserIssues", "listCouponChanges", "listDeadLetters", "retryDeadLetter")
OF_PROCESSES = ("getLiveness", "getReadiness", "getMetrics")


def test_the_ports_of_operators_answer_as_the_contract_says(tmp_path):
    with Cluster(tmp_path) as cluster:
        for member in cluster.members:
            for name in OF_PROCESSES:
                answer = ask(member.operator_address, OPERATIONS[name])
                assert answer[0] == 200, (member.name, answer)
                assert contracts.answer_faults(OPERATIONS[name], *answer) == [], member.name


def test_a_gateway_without_an_issuer_answers_as_the_contract_says(tmp_path):
    with Cluster(tmp_path, options={"gateway/public_metrics": 1}) as cluster:
        gateway = cluster.gateways[0]
        gateway.stop()
        cluster.issuer.stop()
        gateway.start()
        wait_until(gateway.is_up, "the gateway is up")
        unavailable = set()
        for name, operation in OPERATIONS.items():
            status, headers, body = ask(gateway.status_address, operation)
            assert contracts.answer_faults(operation, status, headers, body) == []
            if status == 503:
                unavailable.add(name)
                told = json.loads(body)
                assert name == "getReadiness" or without_now(told) == without_now(EXAMPLES["IssuerUnavailable"])
        assert unavailable == set(OPERATIONS) - {"getLiveness", "getMetrics", "getMe", "getStatus", "getRehearsal",
                                                 "startRehearsal", *DOCUMENTS, *OF_STORE}

        answer = ask(gateway.operator_address, OPERATIONS["getReadiness"])
        assert answer[0] == 503 and json.loads(answer[2])["status"] == "not ready"
        assert contracts.answer_faults(OPERATIONS["getReadiness"], *answer) == []


def test_a_gateway_without_a_store_answers_as_the_contract_says(tmp_path):
    with Cluster(tmp_path, options={"gateway/store_threads": 0}) as cluster:
        for name in OF_STORE:
            status, headers, body = ask(cluster.addresses[0], OPERATIONS[name])
            assert contracts.answer_faults(OPERATIONS[name], status, headers, body) == []
            problem = json.loads(body)
            problem.pop("request_id", None)  # what operators do to the system has one
            assert (status, problem) == (503, EXAMPLES["StoreUnavailable"])
            assert 1 <= int(headers["Retry-After"]) <= 3
