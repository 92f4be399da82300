"""Every role acts on every route of the contract, for itself and for others; segments while they change; the history of
a coupon, and what an erasure leaves of those who made it."""

import itertools
import threading

import pytest

import contract as contracts
from cluster import Cluster, run_coupond, wait_until
from identity import bearer, token, write_keys
from contract_tables import ROLES

IDS = {"user": "uma", "seller": "sam", "service": "shop", "viewer": "vic", "admin": "ada"}
OPERATIONS = {operation.name: operation for operation in contracts.operations(contracts.read())}
NUMBERS = itertools.count(1)


def as_role(role, **claims):
    return bearer(token(IDS[role], role, **claims))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("permissions")
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(folder / "keys.json"),
               "gateway/public_metrics": 1}
    with Cluster.dev(folder / "dev", options=options) as running:
        for coupon, owner in (("mine", "sam"), ("theirs", "rival")):
            create(running, coupon, owner=owner)
        for coupon in ("mine", "theirs"):
            wait_until(lambda coupon=coupon: running.request(
                "GET", f"/v1/coupons/{coupon}/history", headers=as_role("admin"))[0] == 200, "the store has the coupon")
        yield running


def create(cluster, coupon, headers=None, **more):
    status, _, body = cluster.request("POST", "/v1/coupons", {"id": coupon, "title": coupon, "quantity": 9, **more},
                                      headers or as_role("admin"))
    assert status == 201, body
    return body


# every route


BODIES = {
    "createCoupon": lambda own: {"id": f"new-{next(NUMBERS)}", "title": "t", "quantity": 1,
                                 **({} if own else {"owner": "rival"})},
    "changeCoupon": lambda own: {"paused": False},
    "redeemIssue": lambda own: {"reference": "r"},
    "redeemIssueByCode": lambda own: {"reference": "r"},
    "createRehearsal": lambda own: {},
}


def request_of(operation, role, own):
    """(method, path, body) of a request for what is the role's own, or somebody else's."""
    values = {"id": "mine" if own or role != "seller" else "theirs", "nth": "1", "code": "7H2K9QX4T03N",
              "user_id": IDS[role] if own else "olaf"}
    path = operation.path
    for name, parameter in operation.parameters_in("path").items():
        path = path.replace(f"{{{name}}}", str(values.get(name, parameter.get("example", "x"))))
    if operation.name == "listCoupons" and not own:
        path += "?owner=rival"
    if operation.name == "undoRedemption":
        path += "?reference=r"
    body = BODIES.get(operation.name, lambda own: None)(own)
    if operation.name == "issueCoupon":
        body = None if own and role == "user" else {"user_id": values["user_id"]}
    return operation.method, path, body


def permits(operation, role, own):
    return role in operation.permissions or (own and f"{role}:own" in operation.permissions)


GUARDED = [operation for operation in OPERATIONS.values() if operation.permissions != ["anyone"]]


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.name)
def test_each_role_may_do_exactly_what_the_table_says(cluster, operation):
    for role, own in itertools.product(ROLES, (True, False)):
        method, path, body = request_of(operation, role, own)
        status, _, answer = cluster.request(method, path, body, as_role(role))
        if permits(operation, role, own):
            assert status not in (401, 403), (role, own, answer)
        else:
            assert (status, answer["code"]) == (403, "forbidden"), (role, own, answer)
    method, path, body = request_of(operation, "user", True)
    status, headers, answer = cluster.request(method, path, body)
    assert (status, answer["code"]) == (401, "unauthorized") and headers["WWW-Authenticate"].startswith("Bearer")


def test_what_is_for_everyone_needs_no_credentials(cluster):
    for operation in OPERATIONS.values():
        if operation.permissions == ["anyone"] and operation.name != "watchCoupon" and "/live" not in operation.path:
            method, path, body = request_of(operation, "user", True)
            assert cluster.request(method, path, body)[0] not in (401, 403), operation.name


# users


def test_a_user_needs_no_user_id_and_cannot_name_another(cluster):
    path = "/v1/coupons/mine/issues"
    ann = bearer(token("ann", "user"))
    assert cluster.request("POST", path, None, ann)[2]["user_id"] == "ann"
    assert cluster.request("POST", path, {}, ann)[2]["code"] == "already_issued"
    assert cluster.request("POST", path, {"user_id": "ann"}, ann)[2]["code"] == "already_issued"
    for body in ({"user_id": "bob"}, {"user_id": 7}):
        status, _, answer = cluster.request("POST", path, body, ann)
        assert (status, answer["code"]) == (403, "forbidden") and "user (own)" in answer["detail"]
    assert cluster.request("GET", f"{path}/bob", None, bearer(token("bob", "user")))[0] == 404
    service = bearer(token("backend", "service"))
    assert cluster.request("POST", path, {}, service)[0] == 400
    both = bearer(token("till", "user", "service"))
    assert cluster.request("POST", path, {"user_id": "bob"}, both)[0] == 201
    assert cluster.request("POST", path, None, both)[2]["user_id"] == "till"


def test_me_tells_who_asks(cluster):
    status, _, me = cluster.request("GET", "/v1/me", None, bearer(token("ann", "user", "seller", segments=["vip"])))
    assert status == 200 and me["expires_at"].endswith("Z")
    assert {**me, "expires_at": None} == {"id": "ann", "roles": ["user", "seller"], "segments": ["vip"],
                                          "expires_at": None, "identity": True}


# sellers


def test_a_seller_owns_what_it_creates_and_cannot_give_it_away(cluster):
    sam, rival = as_role("seller"), bearer(token("rival", "seller"))
    assert cluster.request("POST", "/v1/coupons", {"id": "sams", "title": "t", "quantity": 1}, sam)[2]["owner"] == "sam"
    assert cluster.request("PATCH", "/v1/coupons/sams", {"owner": "rival"}, sam)[0] == 403
    assert cluster.request("PATCH", "/v1/coupons/sams", {"owner": None}, sam)[0] == 403
    status, _, answer = cluster.request("PATCH", "/v1/coupons/sams", {"quantity": 2}, rival)
    assert (status, answer["code"]) == (403, "forbidden")
    assert cluster.request("PATCH", "/v1/coupons/sams", {"quantity": 2}, sam)[0] == 200
    assert cluster.request("PATCH", "/v1/coupons/nothing", {"quantity": 2}, sam)[0] == 404
    listed = cluster.request("GET", "/v1/coupons?limit=200", None, rival)[2]["coupons"]
    assert {coupon["owner"] for coupon in listed} == {"rival"}


def test_ids_of_rehearsals_are_for_admins(cluster):
    body = {"id": "rehearsal-x", "title": "t", "quantity": 1}
    status, _, answer = cluster.request("POST", "/v1/coupons", body, as_role("seller"))
    assert (status, answer["code"]) == (403, "forbidden") and '"rehearsal-"' in answer["detail"]
    assert cluster.request("GET", "/v1/coupons/rehearsal-x")[0] == 404
    create(cluster, "rehearsals", as_role("seller"))
    create(cluster, "rehearsal-x")


def test_a_coupon_that_changes_hands_obeys_its_new_owner_at_once(cluster):
    create(cluster, "sold", owner="sam")
    assert cluster.request("PATCH", "/v1/coupons/sold", {"quantity": 10}, as_role("seller"))[0] == 200
    assert cluster.request("PATCH", "/v1/coupons/sold", {"owner": "rival"}, as_role("admin"))[0] == 200
    assert cluster.request("PATCH", "/v1/coupons/sold", {"quantity": 11}, as_role("seller"))[0] == 403
    rival = bearer(token("rival", "seller"))
    assert cluster.request("PATCH", "/v1/coupons/sold", {"quantity": 11}, rival)[0] == 200
    for path in ("issues", "issues?format=csv", "history"):
        wait_until(lambda path=path: cluster.request("GET", f"/v1/coupons/sold/{path}", None, rival)[0] == 200,
                   "the store has the new owner")
        status, _, answer = cluster.request("GET", f"/v1/coupons/sold/{path}", None, as_role("seller"))
        assert (status, answer["detail"]) == (403, "The coupon is somebody else's.")


# segments


def ask(cluster, coupon, user, *segments, **more):
    return cluster.request("POST", f"/v1/coupons/{coupon}/issues", None,
                           bearer(token(user, "user", segments=list(segments))), **more)


def test_only_those_in_a_segment_get_a_coupon_that_has_some(cluster):
    create(cluster, "club", segments=["staff", "vip"], quantity=3, per_user_limit=2)
    assert ask(cluster, "club", "u1", "vip", "other")[0] == 201
    for segments in ((), ("other",), ("sta", "ff"), ("STAFF",)):
        status, _, answer = ask(cluster, "club", "u2", *segments)
        assert (status, answer["code"]) == (403, "not_eligible"), segments
    status, _, answer = ask(cluster, "club", "u1")
    assert (status, answer["code"], answer["issue"]["sequence"]) == (409, "already_issued", 1)
    assert ask(cluster, "club", "u1", "staff")[2]["nth"] == 2
    assert cluster.request("POST", "/v1/coupons/club/issues", {"user_id": "u3"}, as_role("service"))[0] == 201
    assert ask(cluster, "club", "u4", "vip")[2]["code"] == "sold_out"
    assert ask(cluster, "club", "u4", "other")[2]["code"] == "not_eligible"


def test_segments_that_are_written_with_escapes_are_the_same(cluster):
    text = '{"id":"escaped","title":"t","quantity":9,"segments":["v\\u0069p"]}'
    assert cluster.request("POST", "/v1/coupons", text, as_role("admin"))[0] == 201
    assert ask(cluster, "escaped", "u1", "vip")[0] == 201
    assert ask(cluster, "escaped", "u2", "v")[0] == 403


def test_eligibility_is_judged_by_the_segments_of_the_moment(cluster):
    """A crowd of two halves asks while the coupon changes between them: each issue was made to the half of its time."""
    create(cluster, "swing", segments=["a"], quantity=100_000)
    over = threading.Event()
    seen = set()

    def crowd(half, name):
        for number in itertools.count():
            if over.is_set():
                return
            status, _, answer = ask(cluster, "swing", f"{half}-{name}-{number}", half)
            seen.add((status, answer.get("code") if status != 201 else None))

    threads = [threading.Thread(target=crowd, args=(half, name)) for half in "ab" for name in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        status, _, answer = cluster.request("PATCH", "/v1/coupons/swing", {"segments": ["ba"[turn % 2]]},
                                            as_role("admin"))
        assert status == 200, answer
    over.set()
    for thread in threads:
        thread.join()
    assert seen == {(201, None), (403, "not_eligible")}
    admin = as_role("admin")
    wait_until(lambda: len(pages(cluster, "/v1/coupons/swing/history", "changes", admin)) == 31, "the store has it all")
    issued = cluster.request("GET", "/v1/coupons/swing", None, {"Cache-Control": "no-cache"})[2]["issued"]
    wait_until(lambda: len(pages(cluster, "/v1/coupons/swing/issues", "issues", admin)) == issued, "and every issue")
    changes = pages(cluster, "/v1/coupons/swing/history", "changes", admin)[::-1]
    for issue in pages(cluster, "/v1/coupons/swing/issues", "issues", admin):
        at = issue["issued_at"]
        then = [change["coupon"]["segments"] for change, following in zip(changes, [*changes[1:], None])
                if change["changed_at"] <= at and (following is None or at <= following["changed_at"])]
        assert [issue["user_id"][0]] in then, issue


def pages(cluster, path, name, headers):
    found, cursor = [], ""
    while cursor is not None:
        status, _, page = cluster.request("GET", f"{path}?limit=200{cursor}", None, headers)
        if status == 404:
            return []  # the store does not have the coupon yet
        assert status == 200
        found += page[name]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return found


# the audit


def test_a_change_says_who_made_it_and_with_which_request(cluster):
    sam, admin = as_role("seller"), as_role("admin")
    create(cluster, "told", sam)
    for number in range(4):
        assert cluster.request("PATCH", "/v1/coupons/told", {"quantity": 10 + number},
                               {**sam, "X-Request-Id": f"req-{number}"})[0] == 200
    status, headers, _ = cluster.request("PATCH", "/v1/coupons/told", {"paused": True}, admin)
    assert status == 200 and len(headers["X-Request-Id"]) == 32
    wait_until(lambda: len(pages(cluster, "/v1/coupons/told/history", "changes", sam)) == 6, "the store has it all")
    changes = pages(cluster, "/v1/coupons/told/history", "changes", sam)
    assert [change["actor"] for change in changes] == ["ada", *["sam"] * 5]
    assert [change["request_id"] for change in changes][:5] == [headers["X-Request-Id"], "req-3", "req-2", "req-1",
                                                                "req-0"]
    assert [change["coupon"]["quantity"] for change in changes] == [13, 13, 12, 11, 10, 9]
    assert changes[0]["coupon"]["paused"] and changes[0]["coupon"]["id"] == "told"
    short, cursor = [], ""
    while cursor is not None:
        page = cluster.request("GET", f"/v1/coupons/told/history?limit=4{cursor}", None, sam)[2]
        short += page["changes"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert short == changes
    assert cluster.request("GET", "/v1/coupons/told/history?cursor=x", None, sam)[0] == 400
    log = cluster.gateways[0].log()
    assert "change what=coupon_changed coupon=told sequence=0 actor=sam request_id=req-3" in log
    dump = run_coupond("journal", "dump", cluster.journal_directory)
    assert 'actor="sam" request_id="req-3"' in dump.stdout


def test_an_erased_user_is_not_named_by_what_it_did(cluster):
    gone = bearer(token("gone", "seller", "user"))
    create(cluster, "left", gone)
    assert cluster.request("POST", "/v1/coupons/left/issues", None, gone)[0] == 201
    assert cluster.request("DELETE", "/v1/users/gone", None, as_role("admin"))[0] == 202
    admin = as_role("admin")
    wait_until(lambda: any(change["actor"].startswith("erased:") for change
                           in pages(cluster, "/v1/coupons/left/history", "changes", admin)), "the user is erased")
    assert cluster.request("PUT", "/v1/coupons/left/issues/gone/redemption", {"reference": "r"}, gone)[0] == 201
    wait_until(lambda: pages(cluster, "/v1/coupons/left/issues", "issues", admin)[0]["state"] == "redeemed",
               "the store has the redemption after the erasure")
    issue = pages(cluster, "/v1/coupons/left/issues", "issues", admin)[0]
    assert issue["user_id"].startswith("erased:") and "actor" not in issue["redemption"]
    cluster.assert_kept()
