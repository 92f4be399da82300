"""The HTTP API over the real program: gateways, an issuer of several partitions, a persister."""

import datetime
import json
import socket
import threading

import pytest

from cluster import Cluster, metric_sum, wait_until
from http_load import Load, check_answers
from ports import free_port

TOKEN = "correct-horse"
PARTITIONS = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("api")
    with Cluster(directory, gateways=2, partitions=PARTITIONS) as running:
        yield running


@pytest.fixture
def coupon(cluster, request):
    """Creates a coupon with quantity 5 for this test alone; returns its id."""
    name = f"T{abs(hash(request.node.nodeid)) % 10**12}"
    cluster.create_coupon(name, 5)
    return name


def iso(seconds_from_now):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(seconds=seconds_from_now)).isoformat()


def problem(answer, status, code):
    """Asserts a problem body and returns it."""
    got, headers, body = answer
    assert (got, body and body["code"]) == (status, code), body
    assert headers["Content-Type"] == "application/problem+json"
    return body


def ask(cluster, coupon, user, **more):
    return cluster.request("POST", f"/v1/coupons/{coupon}/issues", {"user_id": user}, **more)


def patch(cluster, coupon, headers=None, **changes):
    return cluster.request("PATCH", f"/v1/coupons/{coupon}", changes, headers)


# coupons


def test_a_coupon_is_created_and_read_on_every_gateway(cluster):
    status, headers, body = cluster.request("POST", "/v1/coupons", {
        "id": "WHOLE", "title": "선착순 쿠폰", "quantity": 10, "per_user_limit": 2, "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2999-01-01T09:00:00+09:00"})
    assert status == 201
    assert headers["Location"].endswith("/v1/coupons/WHOLE")
    told = [body[name] for name in ("id", "title", "quantity", "issued", "remaining")]
    assert told == ["WHOLE", "선착순 쿠폰", 10, 0, 10]
    assert (body["per_user_limit"], body["state"]) == (2, "open")
    assert (body["starts_at"], body["ends_at"]) == ("2026-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z")
    assert body["created_at"] == body["updated_at"]
    for gateway in range(2):
        assert cluster.request("GET", "/v1/coupons/WHOLE", gateway=gateway)[2] == body


def test_a_coupon_without_an_id_gets_one(cluster):
    status, headers, body = cluster.request("POST", "/v1/coupons", {"title": "x", "quantity": 1})
    assert status == 201
    assert headers["Location"].endswith(body["id"])
    assert cluster.coupon(body["id"])["id"] == body["id"]


def test_a_second_coupon_of_the_same_id_is_refused(cluster, coupon):
    problem(cluster.request("POST", "/v1/coupons", {"id": coupon, "title": "x", "quantity": 1}), 409, "coupon_exists")
    assert cluster.coupon(coupon)["quantity"] == 5


@pytest.mark.parametrize("change", [
    {"quantity": 0}, {"quantity": -1}, {"quantity": 1.5}, {"quantity": "5"}, {"quantity": 4_000_000_001},
    {"title": ""}, {"title": 5}, {"id": "a/b"}, {"id": "x" * 33}, {"id": ""}, {"per_user_limit": 0}, {"color": "red"},
    {"starts_at": "yesterday"}, {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
    {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
])
def test_an_invalid_coupon_is_refused(cluster, change):
    body = {"title": "x", "quantity": 5, **change}
    errors = problem(cluster.request("POST", "/v1/coupons", body), 400, "invalid_request")["errors"]
    assert {error["field"] for error in errors} & set(change)


def test_coupons_are_listed_page_by_page_over_all_partitions(cluster):
    names = {f"LIST-{i:03}" for i in range(60)}
    for name in names:
        cluster.create_coupon(name, 1)
    listed, cursor, pages = [], None, 0
    while True:
        query = f"?limit=17&cursor={cursor}" if cursor else "?limit=17"
        status, _, body = cluster.request("GET", f"/v1/coupons{query}")
        assert status == 200
        page = next(value for value in body.values() if isinstance(value, list))
        assert len(page) <= 17
        listed += [coupon["id"] for coupon in page]
        pages += 1
        cursor = body.get("next_cursor")
        if not cursor:
            break
    assert len(listed) == len(set(listed))
    assert listed == sorted(listed)
    assert names <= set(listed)
    assert pages > len(listed) // 17


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1000000", "cursor=%20"])
def test_an_invalid_list_query_is_refused(cluster, query):
    problem(cluster.request("GET", f"/v1/coupons?{query}"), 400, "invalid_request")


# issues


def test_all_routes_return_the_same_issue(cluster, coupon):
    status, _, issue = ask(cluster, coupon, "alice")
    assert status == 201
    assert (issue["coupon_id"], issue["user_id"], issue["sequence"]) == (coupon, "alice", 1)
    assert problem(ask(cluster, coupon, "alice", gateway=1), 409, "already_issued")["issue"] == issue
    path = f"/v1/coupons/{coupon}/issues/alice"
    assert cluster.request("PUT", path)[::2] == (200, issue)
    assert cluster.request("GET", path, gateway=1)[::2] == (200, issue)
    assert cluster.coupon(coupon)["issued"] == 1


def test_put_issues_once_and_returns_the_same_issue_afterwards(cluster, coupon):
    path = f"/v1/coupons/{coupon}/issues/user:1@shop"
    status, _, issue = cluster.request("PUT", path)
    assert (status, issue["sequence"], issue["user_id"]) == (201, 1, "user:1@shop")
    assert cluster.request("PUT", path)[::2] == (200, issue)
    assert cluster.coupon(coupon)["issued"] == 1


def test_after_the_sell_out_holders_get_already_issued_and_others_sold_out(cluster, coupon):
    for number in range(5):
        assert ask(cluster, coupon, f"u{number}")[2]["sequence"] == number + 1
    problem(ask(cluster, coupon, "late"), 409, "sold_out")
    problem(cluster.request("PUT", f"/v1/coupons/{coupon}/issues/late"), 409, "sold_out")
    assert problem(ask(cluster, coupon, "u3"), 409, "already_issued")["issue"]["sequence"] == 4
    assert cluster.request("PUT", f"/v1/coupons/{coupon}/issues/u3")[0] == 200
    assert cluster.coupon(coupon)["state"] == "sold_out"


def test_a_user_may_be_issued_up_to_the_limit(cluster):
    cluster.create_coupon("THREE", 100, per_user_limit=3)
    path = "/v1/coupons/THREE/issues/alice"
    assert cluster.request("PUT", path)[2]["sequence"] == 1
    assert cluster.request("PUT", path)[0] == 200
    assert [ask(cluster, "THREE", "alice")[2]["sequence"] for _ in range(2)] == [2, 3]
    assert problem(ask(cluster, "THREE", "alice"), 409, "already_issued")["issue"]["sequence"] == 3
    assert cluster.request("GET", path)[2]["sequence"] == 3
    assert ask(cluster, "THREE", "bob")[2]["sequence"] == 4
    cluster.wait_drained()
    rows = cluster.query("SELECT user_id, nth, sequence FROM coupon_issue WHERE coupon_id = 'THREE' ORDER BY sequence")
    assert rows == [("alice", 1, 1), ("alice", 2, 2), ("alice", 3, 3), ("bob", 1, 4)]


def test_unknown_paths_coupons_and_issues_are_not_found(cluster, coupon):
    problem(cluster.request("GET", "/v1/coupons/NOBODY"), 404, "coupon_not_found")
    problem(ask(cluster, "NOBODY", "alice"), 404, "coupon_not_found")
    problem(patch(cluster, "NOBODY", quantity=5), 404, "coupon_not_found")
    problem(cluster.request("GET", f"/v1/coupons/{coupon}/issues/alice"), 404, "not_issued")
    problem(cluster.request("GET", "/v2/coupons"), 404, "not_found")


def test_405_names_the_methods_of_the_path(cluster, coupon):
    answer = cluster.request("DELETE", f"/v1/coupons/{coupon}")
    problem(answer, 405, "method_not_allowed")
    allowed = {method.strip() for method in answer[1]["Allow"].split(",")}
    assert {"GET", "PATCH"} <= allowed and "DELETE" not in allowed
    answer = cluster.request("PUT", f"/v1/coupons/{coupon}/issues")
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer[1]["Allow"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'"x"', b'{"user_id":-5}', b'{"user_id":""}', b'{"user_id":"a b"}', b'{}',
    b'{"user_id":"a","x":1}', b'{"user_id":"a","user_id":"b"}', b'{"user_id":"' + b"x" * 65 + b'"}',
    b'{"user_id":"a"}x', b'{"user_id":"\xff"}', b'{"user_id":"a\\u0000"}', b"[" * 2000,
])
def test_an_invalid_issue_request_is_refused_and_uses_no_stock(cluster, coupon, body):
    problem(cluster.request("POST", f"/v1/coupons/{coupon}/issues", body), 400, "invalid_request")
    assert cluster.coupon(coupon)["issued"] == 0


def test_another_media_type_and_a_huge_body_are_refused(cluster, coupon):
    path = f"/v1/coupons/{coupon}/issues"
    answer = cluster.request("POST", path, b'{"user_id":"a"}', {"Content-Type": "text/plain"})
    problem(answer, 415, "unsupported_media_type")
    problem(cluster.request("POST", path, b'{"user_id":"a"}' + b" " * 100_000), 413, "too_large")
    assert cluster.coupon(coupon)["issued"] == 0


# windows, pause, quantity


def test_a_coupon_with_a_window_in_the_past_is_ended(cluster):
    status, _, body = cluster.request("POST", "/v1/coupons",
                                      {"id": "PAST", "title": "x", "quantity": 5, "ends_at": "2020-01-01T12:00+09:00"})
    assert (status, body["state"], body["ends_at"]) == (201, "ended", "2020-01-01T03:00:00.000000Z")
    problem(ask(cluster, "PAST", "alice"), 410, "ended")


def test_a_coupon_before_its_start_is_refused_with_retry_after(cluster):
    cluster.create_coupon("SOON", 5, starts_at=iso(3600))
    answer = ask(cluster, "SOON", "alice")
    problem(answer, 409, "not_started")
    assert 3500 < int(answer[1]["Retry-After"]) <= 3601
    assert answer[2]["starts_at"] == cluster.coupon("SOON")["starts_at"]
    assert cluster.coupon("SOON")["state"] == "scheduled"
    assert patch(cluster, "SOON", starts_at=iso(-1))[0] == 200
    assert ask(cluster, "SOON", "alice")[0] == 201


def test_a_coupon_opens_by_itself_at_its_start(cluster):
    cluster.create_coupon("OPENS", 5, starts_at=iso(1))
    wait_until(lambda: ask(cluster, "OPENS", "alice")[0] in (201, 409)
               and cluster.request("GET", "/v1/coupons/OPENS/issues/alice")[0] == 200, "the coupon opens")


def test_a_coupon_past_its_end_is_gone_but_holders_get_their_issue(cluster):
    cluster.create_coupon("OVER", 5)
    assert ask(cluster, "OVER", "alice")[0] == 201
    assert patch(cluster, "OVER", starts_at=iso(-20), ends_at=iso(-10))[0] == 200
    problem(ask(cluster, "OVER", "bob"), 410, "ended")
    problem(ask(cluster, "OVER", "alice"), 409, "already_issued")
    assert cluster.coupon("OVER")["state"] == "ended"


def test_a_paused_coupon_issues_nothing_until_it_is_resumed(cluster, coupon):
    assert patch(cluster, coupon, paused=True)[2]["state"] == "paused"
    problem(ask(cluster, coupon, "alice"), 409, "paused")
    assert patch(cluster, coupon, paused=False)[2]["state"] == "open"
    assert ask(cluster, coupon, "alice")[0] == 201


def test_a_quantity_may_be_lowered_to_the_number_issued_but_not_below(cluster, coupon):
    for number in range(3):
        assert ask(cluster, coupon, f"u{number}")[0] == 201
    errors = problem(patch(cluster, coupon, quantity=2), 400, "invalid_request")["errors"]
    assert [error["field"] for error in errors] == ["quantity"]
    assert patch(cluster, coupon, quantity=3)[2]["state"] == "sold_out"
    problem(ask(cluster, coupon, "late"), 409, "sold_out")
    assert patch(cluster, coupon, quantity=4)[2]["remaining"] == 1
    assert ask(cluster, coupon, "late")[2]["sequence"] == 4


@pytest.mark.parametrize("changes",
                         [{"quantity": 0}, {"paused": "yes"}, {"issued": 1}, {"per_user_limit": 0}, {"id": "x"},
                          {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}])
def test_an_invalid_change_is_refused(cluster, coupon, changes):
    problem(patch(cluster, coupon, **changes), 400, "invalid_request")
    assert cluster.coupon(coupon)["quantity"] == 5


def test_a_quantity_changed_under_load_is_kept(cluster):
    cluster.create_coupon("MOVING", 200)
    load = Load(cluster.addresses, connections=32)
    enough = threading.Event()

    def requests():
        number = 0
        while not enough.is_set():
            number += 1
            yield "MOVING", f"u{number}"

    load.start(requests())
    try:
        for quantity in (2_000, 1_000, 3_000):
            wait_until(lambda: load.issued >= 200, "the first ones are issued")
            answer = patch(cluster, "MOVING", quantity=quantity)
            assert answer[0] == 200 or problem(answer, 400, "invalid_request")
        wait_until(lambda: cluster.coupon("MOVING")["state"] == "sold_out", "sold out")
        asked = len(load.answers)
        wait_until(lambda: len(load.answers) > asked + 500, "requests after the sell-out")
    finally:
        enough.set()
        answers = load.finish()
    check_answers(answers, {"MOVING": 3_000})
    sequences = sorted(answer.sequence for answer in answers if answer.status == 201)
    assert sequences == list(range(1, 3_001))
    cluster.wait_drained()
    assert len(cluster.issues()["MOVING"]) == 3_000


# connections, metrics, restart, token


def test_pipelined_requests_are_answered_in_their_order(cluster):
    cluster.create_coupon("PIPE", 1_000)
    host, port = cluster.addresses[0].rsplit(":", 1)
    count = 50
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        for number in range(count):
            body = json.dumps({"user_id": f"u{number}"})
            raw.sendall(f"POST /v1/coupons/PIPE/issues HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}GET /livez HTTP/1.1\r\nHost: t\r\n\r\n".encode())
        stream = raw.makefile("rb")
        for number in range(count):
            status, body = read_response(stream)
            issue = json.loads(body)
            assert (status, issue["user_id"], issue["sequence"]) == (201, f"u{number}", number + 1)
            assert read_response(stream)[0] == 200


def read_response(stream):
    status = int(stream.readline().split()[1])
    length = 0
    for line in iter(stream.readline, b"\r\n"):
        name, value = line.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    return status, stream.read(length)


def test_metrics_count_requests_and_verdicts(cluster, coupon):
    issued = 'coupond_gateway_requests_total{route="issue_post",status="201"}'
    refused = 'coupond_gateway_requests_total{route="issue_post",status="409"}'
    before, verdicts_before = cluster.gateways[0].metrics(), verdicts(cluster)
    ask(cluster, coupon, "alice")
    ask(cluster, coupon, "alice")
    ask(cluster, coupon, "bob")
    after = cluster.gateways[0].metrics()
    assert after[issued] - before.get(issued, 0) == 2
    assert after[refused] - before.get(refused, 0) == 1

    def counted():  # the issuer counts a turn after it has sent its replies
        now = verdicts(cluster)
        return [now[verdict] - verdicts_before[verdict] for verdict in ("issued", "already_issued")]
    wait_until(lambda: counted() == [2, 1], lambda: f"the verdicts: {counted()}")


def verdicts(cluster):
    sums = {}
    for key, value in cluster.issuer.metrics().items():
        if key.startswith("coupond_issuer_verdicts_total{"):
            verdict = key.split('verdict="', 1)[1].split('"', 1)[0]
            sums[verdict] = sums.get(verdict, 0) + value
    return {"issued": 0, "already_issued": 0, **sums}


def test_the_persister_counts_its_rows(cluster, coupon):
    before = metric_sum(cluster.persisters[0].metrics(), "coupond_persister_rows_total")
    ask(cluster, coupon, "alice")
    cluster.wait_drained()
    wait_until(lambda: metric_sum(cluster.persisters[0].metrics(), "coupond_persister_rows_total") > before,
               "rows counted")


def test_a_restart_of_everything_keeps_everything(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        cluster.create_coupon("KEPT", 50, per_user_limit=2, starts_at="2026-01-01T00:00:00Z",
                              ends_at="2999-01-01T00:00:00Z")
        issues = [ask(cluster, "KEPT", f"u{i % 15}")[2] for i in range(20)]
        patch(cluster, "KEPT", title="changed", quantity=40)
        coupons = cluster.request("GET", "/v1/coupons")[2]
        cluster.stop()
        cluster.start()
        assert cluster.request("GET", "/v1/coupons")[2] == coupons
        assert cluster.request("GET", "/v1/coupons/KEPT/issues/u14")[2] == issues[14]
        assert problem(ask(cluster, "KEPT", "u0"), 409, "already_issued")["issue"] == issues[15]
        assert ask(cluster, "KEPT", "new")[2]["sequence"] == 21
        cluster.wait_drained()
        cluster.assert_kept()


def test_a_gateway_without_an_issuer_reports_it(tmp_path):
    with Cluster(tmp_path) as cluster:
        gateway = cluster.gateways[0]
        gateway.stop()
        gateway.arguments += ["--set", f"gateway/requests=tcp://127.0.0.1:{free_port()}"]
        gateway.start()
        wait_until(lambda: "no answer yet from the issuer at tcp://127.0.0.1:" in gateway.log(), gateway.log)
        assert gateway.get("/readyz")[0] == 503
        status, headers, body = cluster.request("PUT", "/v1/coupons/A/issues/alice")
        assert (status, body["code"]) == (503, "issuer_unavailable")
        assert int(headers["Retry-After"]) >= 1


def test_the_first_start_creates_the_samples(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        quantities = {name: cluster.coupon(name)["quantity"] for name in ("A0001", "B0001", "C0001")}
        assert quantities == {"A0001": 300, "B0001": 2_000, "C0001": 100_000_000}


def test_creating_and_changing_need_the_admin_token_if_one_is_set(tmp_path):
    with Cluster(tmp_path, options={"gateway/admin_token": TOKEN}) as cluster:
        new = {"id": "SAFE", "title": "x", "quantity": 5}
        right = {"Authorization": f"Bearer {TOKEN}"}
        problem(cluster.request("POST", "/v1/coupons", new), 401, "unauthorized")
        for wrong in ("Bearer wrong", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"):
            answer = cluster.request("POST", "/v1/coupons", new, {"Authorization": wrong})
            problem(answer, 401, "unauthorized")
            told = 'error="invalid_token"' in answer[1]["WWW-Authenticate"]
            assert told == (wrong in ("Bearer wrong", f"Bearer {TOKEN}x")), wrong
        assert cluster.request("GET", "/v1/coupons/SAFE")[0] == 404
        assert cluster.request("POST", "/v1/coupons", new, right)[0] == 201
        problem(patch(cluster, "SAFE", quantity=6), 401, "unauthorized")
        assert cluster.request("PATCH", "/v1/coupons/SAFE", {"quantity": 6}, right)[2]["quantity"] == 6
        assert ask(cluster, "SAFE", "alice")[0] == 201
