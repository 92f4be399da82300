"""Whatever a client sends, the answer is one that the contract allows for the operation, and what the contract allows
of requests is what gateways take."""

import contextlib
import copy
import http.client
import json
import socket

import hypothesis
import hypothesis.configuration
import pytest
from hypothesis import strategies as st

import contract as contracts
from cluster import Cluster
from contract_requests import PRINTABLE, Surroundings, requests
from test_api import iso

CONTRACT = contracts.read()
OPERATIONS = {operation.name: operation for operation in contracts.operations(CONTRACT)}
TOKEN = "correct-horse"
EXAMPLES = 60  # requests of each operation
REFUSED = {400, 413, 415, 431, 501, 505}  # the answers to a request that is not as the contract demands

# Refusals of requests whose parts are sound.
TOGETHER = {("ends_at", "must be later than starts_at"), ("per_user_limit", "can only be raised"),
            ("quantity", "must not be below the number of issues in force"),
            ("redeem_within_s", "and redeem_until exclude each other"),
            ("redeem_within_s", "and redeem_until exclude each other: set one of them to null")}

BOUNDED = {"deadline": None, "derandomize": True, "database": None, "phases": [hypothesis.Phase.generate],
           "verbosity": hypothesis.Verbosity.quiet, "suppress_health_check": list(hypothesis.HealthCheck)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("requests")
    hypothesis.configuration.set_hypothesis_home_dir(str(directory / "hypothesis"))
    options = {"gateway/admin_token": TOKEN, "gateway/public_metrics": 1}
    with Cluster(directory / "cluster", partitions=2, options=options) as running:
        yield running


@pytest.fixture
def surroundings(cluster, request):
    """Coupons of the test's own in every state, so that requests meet all verdicts."""
    allowed = {"Authorization": f"Bearer {TOKEN}"}
    states = {"open": {}, "soon": {"starts_at": iso(3600)}, "over": {"ends_at": iso(-3600)}, "sold": {"quantity": 1},
              "held": {"per_user_limit": 3}, "paused": {}, "late": {"redeem_until": iso(-3600)},
              "revoked": {"redeem_within_s": 60}}
    turn = request.session.items.index(request.node)
    coupons = {state: f"{state}-{turn}" for state in states}
    tags = []
    for state, more in states.items():
        body = {"id": coupons[state], "title": state, "quantity": 1000, **more}
        status, headers, _ = cluster.request("POST", "/v1/coupons", body, allowed)
        assert status == 201
        tags.append(headers["ETag"])
    for state in ("open", "sold", "held", "held", "late", "revoked"):
        assert cluster.issue(coupons[state], "alice")[0] == 201
    assert cluster.request("DELETE", f"/v1/coupons/{coupons['revoked']}/issues/alice", None, allowed)[0] == 200
    assert cluster.request("PATCH", f"/v1/coupons/{coupons['paused']}", {"paused": True}, allowed)[0] == 200
    tags.append(cluster.request("GET", "/openapi.json")[1]["ETag"])
    return Surroundings(tuple(coupons.values()), "alice", TOKEN, tuple(tags))


class Client:
    """Sends bytes as they are, on a connection that is opened again when the gateway has closed it."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = host, int(port)
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ask(self, method, sent):
        """Status, headers, body; the body is None for HEAD."""
        if self.connection is None:
            self.connection = socket.create_connection(self.address, timeout=60)
        self.connection.sendall(sent)
        answer = http.client.HTTPResponse(self.connection, method=method)
        try:
            answer.begin()
            endless = answer.getheader("Content-Type") == "text/event-stream"
            body = answer.read1() if endless else answer.read()
            if answer.getheader("Connection") == "close":
                self.close()
            return answer.status, answer.headers, None if method == "HEAD" and not body else body
        finally:
            answer.close()


def is_sound_together(body):
    errors = json.loads(body)["errors"] if body else []
    return {(error["field"], error["reason"]) for error in errors} - TOGETHER == set()


def expected(request, status, body):
    """Whether the status is one for a request that is sound, or broken."""
    if not request.sound:
        return status in REFUSED or (status == 401 and not request.token)
    if not request.token:
        return status == 401
    return status not in REFUSED | {401} or (status == 400 and is_sound_together(body))


def faults_of(operation, request, answer):
    """The whole property, of one answer: what is wrong with it, in words."""
    status, headers, body = answer
    yield from contracts.answer_faults(operation, status, headers, body)
    if not expected(request, status, body):
        yield f"{status} for a request that is {'sound' if request.sound else 'broken'}: {body}"
    given = dict(request.headers).get("X-Request-Id", "").strip()
    told = headers["X-Request-Id"]
    schema = operation.parameters_in("header")["X-Request-Id"]["schema"]
    if told is not None and told != given and not contracts.mistakes(schema, given):
        yield f"the X-Request-Id of the answer is {told}"


class Found(Exception):
    """An answer with a fault. The next request meets other coupons, so the example cannot be made simpler."""


def run(cluster, surroundings, operation, examples=EXAMPLES):
    """The statuses that were seen, and the faults of the first answer that has some."""
    seen = set()
    faults = []
    with Client(cluster.addresses[0]) as client:
        @hypothesis.settings(**BOUNDED, max_examples=examples)
        @hypothesis.given(requests(operation, surroundings))
        def check(request):
            if not faults:
                answer = client.ask(request.method, request.in_bytes())
                seen.add(answer[0])
                faults.extend(f"{fault}\n{request}" for fault in faults_of(operation, request, answer))
            if faults:
                raise Found
        with contextlib.suppress(Found):
            check()
    return seen, faults


# What is seen at least; otherwise the requests have become too simple.
EXPECTED = {"createCoupon": {201, 400, 401, 415}, "changeCoupon": {200, 400, 401, 404},
            "issueCoupon": {201, 400, 404, 409}, "ensureIssue": {200, 201, 400, 404, 409}, "getIssue": {200, 400, 404},
            "ensureNthIssue": {200, 201, 400, 404, 409}, "revokeIssue": {200, 400, 401, 404},
            "redeemIssue": {201, 400, 404}, "undoRedemption": {200, 400, 404}, "eraseUser": {202, 400, 401},
            "revokeIssues": {202, 400, 401, 404}, "getRevocations": {200, 400, 401, 404},
            "getIssueByCode": {400, 404}, "redeemIssueByCode": {400, 404}, "getCoupon": {200, 400, 404},
            "retryDeadLetter": {400, 401, 404}, "startVerification": {202, 400, 401},
            "startRehearsal": {400, 401, 403}}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_the_contract_allows(cluster, surroundings, name):
    seen, faults = run(cluster, surroundings, OPERATIONS[name])
    assert faults == []
    assert EXPECTED.get(name, {200, 400}) - seen == set()


def other_answers():
    whole = contracts.resolved(CONTRACT["x-other-requests"], CONTRACT)
    responses = {"404": whole["another-path"], "405": whole["another-method"]}
    return contracts.Operation("/", "get", {"operationId": "another", "responses": responses}, [])


def test_other_methods_and_paths_are_answered_as_the_contract_says(cluster):
    another = other_answers()
    taken = {path: {method.upper() for method in item if method in contracts.METHODS}
             for path, item in CONTRACT["paths"].items()}
    with Client(cluster.addresses[0]) as client:
        for path, methods in taken.items():
            target = path.replace("{id}", "open").replace("{user_id}", "u").replace("{nth}", "1").replace("{code}", "c")
            target = target.replace("{letter}", f"{'0' * 32}-1").replace("{event}", "e")
            offered = methods | ({"HEAD"} if "GET" in methods else set())
            for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"} - offered:
                answer = client.ask(method, f"{method} {target} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                assert contracts.answer_faults(another, *answer) == [] and answer[0] == 405, (method, path)
                assert set(answer[1]["Allow"].split(", ")) == offered

        @hypothesis.settings(**BOUNDED, max_examples=EXAMPLES)
        @hypothesis.given(st.text([letter for letter in PRINTABLE if letter not in " ?#%"], max_size=40))
        def check(text):
            answer = client.ask("GET", f"GET /v2/{text} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
            if answer[0] != 400:  # a character that a target cannot have
                assert contracts.answer_faults(another, *answer) == [] and answer[0] == 404
        check()


def weakened(name, change):
    contract = copy.deepcopy(CONTRACT)
    change(contract)
    return next(operation for operation in contracts.operations(contract) if operation.name == name)


ISSUES = "/v1/coupons/{id}/issues"
WRONG = {
    "a status is missing": lambda c: c["paths"][ISSUES]["post"]["responses"].pop("404"),
    "a member is missing": lambda c: c["components"]["schemas"]["Issue"]["properties"].pop("sequence"),
    "a member is too much": lambda c: c["components"]["schemas"]["Issue"]["required"].append("redemption"),
    "a code is missing": lambda c: c["components"]["responses"]["Ended"]["content"]["application/problem+json"][
        "schema"]["allOf"][1]["properties"]["code"].update(enum=["paused"]),
    "a header is missing": lambda c: c["components"]["headers"].update(IssueLocation={"schema": {"const": "/"}}),
    "an id may be longer": lambda c: c["components"]["schemas"]["CouponId"].update(maxLength=33),
    "an id may be shorter only": lambda c: c["components"]["schemas"]["UserId"].update(maxLength=63),
    "a number may be larger": lambda c: c["components"]["schemas"]["UserNumber"].update(maximum=2 ** 70),
    "a member may be there": lambda c: c["components"]["schemas"]["IssueCreate"]["properties"].update(
        nth={"type": "integer", "minimum": 1, "maximum": 9}),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_contract_that_says_something_else_than_the_gateways_is_found_out(cluster, surroundings, what):
    wrong = weakened("issueCoupon", WRONG[what])
    assert run(cluster, surroundings, wrong, examples=400)[1] != []
