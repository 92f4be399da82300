"""The life of an issue over HTTP: every answer to redeeming, undoing and revoking, and what follows from it."""

import pytest

from cluster import Cluster, wait_until
from life import Life, answered, deciding, told
from test_api import iso

PARTITIONS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("life"), gateways=2, partitions=PARTITIONS, persisters=0) as running:
        yield running


@pytest.fixture
def life(cluster, request):
    """A coupon's requests, of a name of the test's own; the test creates it."""
    return Life(cluster, f"L{request.session.items.index(request.node)}")


# redeeming


def test_an_issue_is_redeemed_once(cluster, life):
    life.create()
    issue = life.ensure("alice")[1]
    before = answered(cluster, "redemption_put", 201)
    with deciding(cluster, redeemed=1):
        status, redeemed = life.redeem("alice", "order-1")
    assert status == 201
    assert redeemed == {**issue, "state": "redeemed", "redemption": redeemed["redemption"]}
    assert redeemed["redemption"]["reference"] == "order-1"
    assert redeemed["redemption"]["redeemed_at"] >= issue["issued_at"]
    assert answered(cluster, "redemption_put", 201) == before + 1
    assert life.read()["redeemed"] == 1
    with deciding(cluster, already_redeemed=1):
        status, problem = life.redeem("alice", "order-2")
    assert (status, problem["code"], problem["issue"]) == (409, "already_redeemed", redeemed)
    assert life.look("alice") == (200, redeemed)


def test_a_redemption_that_is_asked_for_again_is_the_same(cluster, life):
    life.create()
    life.ensure("alice")
    first = life.redeem("alice", "order-1")[1]
    with deciding(cluster, redeemed_before=3):
        for sequence in (None, 1):
            assert life.redeem("alice", "order-1", sequence) == (200, first)
        assert Life(cluster, life.coupon, gateway=1).redeem("alice", "order-1") == (200, first)
    assert life.read()["redeemed"] == 1


def test_the_address_of_a_redeemed_issue_is_that_of_the_issue(cluster, life):
    life.create()
    life.ensure("alice")
    path = f"/v1/coupons/{life.coupon}/issues/alice"
    status, headers, _ = cluster.request("PUT", f"{path}/redemption", {"reference": "r"})
    assert (status, headers["Location"], headers["Cache-Control"]) == (201, path, "no-store")
    assert "Location" not in cluster.request("PUT", f"{path}/redemption", {"reference": "r"})[1]


def test_nothing_is_redeemed_without_an_issue(cluster, life):
    with deciding(cluster, coupon_not_found=3):
        assert told(life.redeem("alice", "r")) == (404, "coupon_not_found")
        assert told(life.undo("alice", "r")) == (404, "coupon_not_found")
        assert told(life.revoke("alice")) == (404, "coupon_not_found")
    life.create()
    life.ensure("bob")
    with deciding(cluster, not_issued=6):
        assert told(life.redeem("alice", "r")) == (404, "not_issued")
        assert told(life.undo("alice", "r")) == (404, "not_issued")
        assert told(life.revoke("alice")) == (404, "not_issued")
        assert told(life.redeem("alice", "r", sequence=1)) == (404, "not_issued")  # bob's
        assert told(life.undo("bob", "r", sequence=2)) == (404, "not_issued")
        assert told(life.revoke("bob", sequence=2)) == (404, "not_issued")


def test_without_a_sequence_the_oldest_issue_that_can_be_is_redeemed(life):
    life.create(per_user_limit=3)
    for _ in range(3):
        life.post("alice")
    assert life.redeem("alice", "b", sequence=2)[1]["nth"] == 2
    assert [life.redeem("alice", reference)[1]["sequence"] for reference in "ac"] == [1, 3]
    assert [life.redeem("alice", reference)[1]["sequence"] for reference in "cba"] == [3, 2, 1]
    status, problem = life.redeem("alice", "d")
    assert (status, problem["code"], problem["issue"]["sequence"]) == (409, "already_redeemed", 3)
    assert told(life.redeem("alice", "a", sequence=2)) == (409, "already_redeemed")
    assert life.undo("alice", "b")[1]["sequence"] == 2
    assert life.redeem("alice", "d")[1]["sequence"] == 2


def test_a_revoked_issue_is_never_redeemed(life):
    life.create(per_user_limit=2)
    life.post("alice")
    assert told(life.revoke("alice")) == (200, "revoked")
    status, problem = life.redeem("alice", "r")
    assert (status, problem["code"], problem["issue"]["state"]) == (409, "revoked", "revoked")
    life.post("alice")
    assert life.redeem("alice", "r")[1]["sequence"] == 2
    assert told(life.redeem("alice", "r", sequence=1)) == (409, "revoked")


# undoing


def test_a_redemption_is_undone_and_the_issue_redeemed_anew(cluster, life):
    life.create()
    issue = life.ensure("alice")[1]
    life.redeem("alice", "order-1")
    with deciding(cluster, reference_mismatch=1):
        status, problem = life.undo("alice", "order-2")
    assert (status, problem["code"], problem["issue"]["redemption"]["reference"]) == (
        409, "reference_mismatch", "order-1")
    with deciding(cluster, redemption_undone=1, not_redeemed=2):
        for _ in range(3):
            assert life.undo("alice", "order-1") == (200, issue)
    assert life.read()["redeemed"] == 0
    assert life.look("alice") == (200, issue)
    assert told(life.redeem("alice", "order-2")) == (201, "redeemed")
    assert told(life.undo("alice", "order-1", sequence=1)) == (409, "reference_mismatch")


def test_undoing_what_was_never_redeemed_changes_nothing(life):
    life.create(per_user_limit=2)
    issue = life.post("alice")[1]
    before = life.read()
    assert life.undo("alice", "r") == (200, issue)
    life.revoke("alice")
    assert told(life.undo("alice", "r")) == (200, "revoked")
    assert life.read()["redeemed"] == before["redeemed"] == 0


# revoking


def test_an_issue_is_revoked_for_good(cluster, life):
    life.create()
    issue = life.ensure("alice")[1]
    before = answered(cluster, "issue_delete", 200)
    with deciding(cluster, issue_revoked=1):
        status, revoked = life.revoke("alice", reason="두 번 인쇄 \"A\\B\"")
    assert status == 200
    revocation = {"reason": "두 번 인쇄 \"A\\B\"", "restock": False, "again": False,
                  "revoked_at": revoked["revocation"]["revoked_at"]}
    assert revoked == {**issue, "state": "revoked", "revocation": revocation}
    with deciding(cluster, revoked_before=1):
        assert life.revoke("alice", reason="another", restock=True, again=True) == (200, revoked)
    assert answered(cluster, "issue_delete", 200) == before + 2
    coupon = life.read()
    assert (coupon["issued"], coupon["returned"], coupon["remaining"]) == (1, 0, 99)
    assert life.look("alice") == (200, revoked)


def test_a_user_whose_issues_are_revoked_gets_no_other_one(cluster, life):
    life.create()
    life.ensure("alice")
    life.revoke("alice")
    with deciding(cluster, revoked=4):
        for answer in (life.post("alice"), life.ensure("alice"), life.ensure("alice", 2), life.post("alice", "k")):
            assert told(answer) == (409, "revoked") and answer[1]["issue"]["sequence"] == 1
    assert told(life.ensure("alice", 1)) == (200, "revoked")
    life.change(per_user_limit=2)
    assert life.ensure("alice")[1]["nth"] == 2


def test_a_user_may_get_another_one_with_again(life):
    life.create()
    for nth in range(1, 4):
        status, issue = life.ensure("alice")
        assert (status, issue["nth"], issue["sequence"]) == (201, nth, nth)
        assert told(life.ensure("alice")) == (200, "issued")
        assert life.revoke("alice", again=True)[1]["revocation"]["again"] is True
        assert life.look("alice")[1]["sequence"] == nth
    assert told(life.ensure("alice", 1)) == (200, "revoked")
    assert told(life.ensure("alice", 5)) == (404, "not_issued")
    assert life.post("alice")[1]["nth"] == 4
    assert told(life.post("alice")) == (409, "already_issued")
    coupon = life.read()
    assert (coupon["issued"], coupon["returned"], coupon["remaining"]) == (4, 0, 96)


def test_a_piece_that_goes_back_opens_a_coupon_that_is_sold_out(life):
    life.create(2)
    life.ensure("alice")
    life.ensure("bob")
    assert told(life.ensure("carol")) == (409, "sold_out") and life.read()["state"] == "sold_out"
    life.revoke("bob")
    assert told(life.ensure("carol")) == (409, "sold_out")
    life.revoke("alice", restock=True)
    coupon = life.read()
    assert (coupon["state"], coupon["issued"], coupon["returned"], coupon["remaining"]) == ("open", 2, 1, 1)
    assert told(life.change(quantity=1)) == (200, "sold_out")
    life.change(quantity=2)
    assert life.ensure("carol")[1]["sequence"] == 3
    assert told(life.ensure("dave")) == (409, "sold_out")
    assert life.change(quantity=1)[1]["errors"] == [
        {"field": "quantity", "reason": "must not be below the number of issues in force"}]


def test_a_redeemed_issue_is_not_revoked(cluster, life):
    life.create()
    life.ensure("alice")
    redeemed = life.redeem("alice", "r")[1]
    with deciding(cluster, already_redeemed=1):
        status, problem = life.revoke("alice")
    assert (status, problem["code"], problem["issue"]) == (409, "already_redeemed", redeemed)
    life.undo("alice", "r")
    assert told(life.revoke("alice")) == (200, "revoked")


def test_without_a_sequence_the_latest_issue_is_revoked(life):
    life.create(per_user_limit=3)
    for _ in range(3):
        life.post("alice")
    assert life.revoke("alice", sequence=1)[1]["sequence"] == 1
    assert life.revoke("alice")[1]["sequence"] == 3
    assert life.revoke("alice")[1]["sequence"] == 3
    status, left = life.ensure("alice")
    assert (status, left["sequence"], left["state"]) == (200, 2, "issued")
    coupon = life.read()
    assert (coupon["issued"], coupon["returned"], coupon["remaining"]) == (3, 0, 97)


def test_all_issues_that_are_not_redeemed_are_revoked_together(life):
    life.create(per_user_limit=2)
    for user in ("alice", "bob", "carol"):
        life.post(user)
    life.redeem("bob", "r")
    status, progress = life.ask("POST", "/revocations", {"reason": "recall", "restock": True})
    assert (status, progress) == (202, {"coupon_id": life.coupon, "state": "running", "examined": 0, "until": 3,
                                        "revoked": 0})
    wait_until(lambda: life.ask("GET", "/revocations")[1]["state"] == "done", "all are revoked")
    assert life.ask("GET", "/revocations")[1]["revoked"] == 2
    assert [life.look(user)[1]["state"] for user in ("alice", "bob", "carol")] == ["revoked", "redeemed", "revoked"]
    assert life.look("carol")[1]["revocation"]["reason"] == "recall"
    coupon = life.read()
    assert (coupon["issued"], coupon["returned"], coupon["redeemed"]) == (3, 2, 1)
    assert told(life.post("alice")) == (201, "issued")  # one of two counts
    life.ask("POST", "/revocations")
    wait_until(lambda: life.ask("GET", "/revocations")[1] == {
        "coupon_id": life.coupon, "state": "done", "examined": 0, "until": 0, "revoked": 3}, "the fourth is revoked")


# time


def test_an_issue_expires_exactly_at_the_end_of_its_span(life):
    life.create(redeem_within_s=1)
    life.ensure("alice")
    redeemed = life.redeem("alice", "r")[1]
    issue = life.ensure("bob")[1]
    assert issue["redeemable_until"][:19] > issue["issued_at"][:19]
    assert issue["redeemable_until"][19:] == issue["issued_at"][19:]  # the same microsecond
    wait_until(lambda: life.look("bob")[1]["state"] == "expired", "the issue has expired")
    status, problem = life.redeem("bob", "r")
    assert (status, problem["code"], problem["issue"]) == (410, "issue_expired", {**issue, "state": "expired"})
    assert told(life.ensure("bob")) == (200, "expired")
    assert life.redeem("alice", "r") == (200, redeemed)  # a redemption does not expire
    assert life.undo("alice", "r")[1]["state"] == "expired"
    life.change(redeem_within_s=3600)
    assert told(life.redeem("bob", "r")) == (201, "redeemed")


def test_the_end_of_the_coupon_holds_for_all_of_its_issues(life):
    life.create(redeem_until=iso(3600))
    until = life.read()["redeem_until"]
    assert life.ensure("alice")[1]["redeemable_until"] == until
    life.change(redeem_until=iso(-1))
    assert told(life.look("alice")) == (200, "expired")
    assert told(life.redeem("alice", "r")) == (410, "issue_expired")
    assert told(life.revoke("alice")) == (200, "revoked")
    life.change(redeem_until=None)
    assert life.ensure("bob")[1]["redeemable_until"] is None


def test_a_coupon_has_one_of_the_two_bounds(cluster, life):
    both = {"redeem_until": iso(60), "redeem_within_s": 60}
    answer = cluster.request("POST", "/v1/coupons", {"title": "x", "quantity": 1, **both})
    assert answer[2]["errors"] == [{"field": "redeem_within_s", "reason": "and redeem_until exclude each other"}]
    life.create(redeem_within_s=60)
    assert life.change(redeem_until=iso(60))[1]["errors"] == [
        {"field": "redeem_within_s", "reason": "and redeem_until exclude each other: set one of them to null"}]
    assert life.change(redeem_until=iso(60), redeem_within_s=None)[0] == 200


# the errors of requests


@pytest.mark.parametrize("method, path, body, field", [
    ("PUT", "/issues/u/redemption", {}, "reference"),
    ("PUT", "/issues/u/redemption", {"reference": "a b"}, "reference"),
    ("PUT", "/issues/u/redemption", {"reference": "x" * 65}, "reference"),
    ("PUT", "/issues/u/redemption", {"reference": 1}, "reference"),
    ("PUT", "/issues/u/redemption", {"reference": "r", "sequence": 0}, "sequence"),
    ("PUT", "/issues/u/redemption", {"reference": "r", "nth": 1}, "nth"),
    ("DELETE", "/issues/u/redemption", None, "reference"),
    ("DELETE", "/issues/u/redemption?reference=a&reference=a", None, "reference"),
    ("DELETE", "/issues/u/redemption?reference=r&reason=x", None, "reason"),
    ("DELETE", "/issues/u?restock=1", None, "restock"), ("DELETE", "/issues/u?again=", None, "again"),
    ("DELETE", "/issues/u?sequence=4294967296", None, "sequence"),
    ("DELETE", "/issues/u?reason=%0a", None, "reason"), ("DELETE", "/issues/u?reason=" + "x" * 201, None, "reason"),
    ("DELETE", "/issues/u?reference=r", None, "reference"), ("DELETE", "/issues/u", "{}", "body"),
    ("PUT", "/issues/u/0", None, "nth"), ("PUT", "/issues/u/01", None, "nth"), ("PUT", "/issues/u/4096", None, "nth"),
    ("PUT", "/issues/u/1", {"user_id": "v"}, "user_id"), ("POST", "/revocations", {"sequence": 1}, "sequence"),
])
def test_a_request_with_a_mistake_is_told_which(life, method, path, body, field):
    status, problem = life.ask(method, path, body)
    assert (status, problem["code"], [error["field"] for error in problem["errors"]]) == (
        400, "invalid_request", [field])


def test_a_reason_may_be_written_as_forms_do(life):
    life.create()
    life.ensure("alice")
    assert life.ask("DELETE", "/issues/alice?reason=a+b%2Bc%20d")[1]["revocation"]["reason"] == "a b+c d"


@pytest.mark.parametrize("method, path, body, status", [
    ("PUT", "/issues/u/redemption", {"reference": "r"}, 201), ("DELETE", "/issues/u/redemption?reference=r", None, 200),
    ("DELETE", "/issues/u", None, 200), ("PUT", "/issues/u/1", None, 200), ("POST", "/revocations", None, 202),
])
def test_what_has_no_tag_meets_no_condition(life, method, path, body, status):
    life.create()
    life.ensure("u")
    for condition in ("*", '"x"'):
        assert told(life.ask(method, path, body, {"If-Match": condition})) == (412, "stale_version")
    assert life.ask(method, path, body, {"If-None-Match": '"x"'})[0] == status


def test_revoking_and_erasing_take_the_token(tmp_path):
    with Cluster(tmp_path, persisters=0, options={"gateway/admin_token": "t"}) as secured:
        for method, path, status in (("DELETE", "/v1/coupons/c/issues/u", 404),
                                     ("POST", "/v1/coupons/c/revocations", 404),
                                     ("GET", "/v1/coupons/c/revocations", 404), ("DELETE", "/v1/users/u", 202)):
            assert secured.request(method, path)[0] == 401
            assert secured.request(method, path, None, {"Authorization": "Bearer t"})[0] == status
        for method, path, body in (("PUT", "/v1/coupons/c/issues/u/redemption", {"reference": "r"}),
                                   ("DELETE", "/v1/coupons/c/issues/u/redemption?reference=r", None)):
            assert secured.request(method, path, body)[0] == 404


def test_a_user_is_erased_on_every_partition(cluster, life):
    life.create()
    life.ensure("eve")
    with deciding(cluster, erased=PARTITIONS):
        assert cluster.request("DELETE", "/v1/users/eve")[::2] == (202, {})
    assert told(life.post("eve")) == (409, "already_issued")
