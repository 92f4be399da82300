"""Several issues of one user: PUT of the nth, and POST with an Idempotency-Key."""

import pytest

from cluster import Cluster
from life import Life, answered, deciding, raw, told


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("keys"), persisters=0) as running:
        yield running


@pytest.fixture
def life(cluster, request):
    return Life(cluster, f"K{request.session.items.index(request.node)}")


# the nth


def test_the_nth_issue_is_made_once(cluster, life):
    life.create(per_user_limit=3)
    with deciding(cluster, issued=3, already_issued=3):
        for nth in (1, 2, 3):
            status, issue = life.ensure("alice", nth)
            assert (status, issue["nth"], issue["sequence"]) == (201, nth, nth)
            assert life.ensure("alice", nth) == (200, issue)
    assert [life.ensure("alice", nth)[1]["sequence"] for nth in (1, 2, 3)] == [1, 2, 3]
    assert life.ensure("alice")[1]["nth"] == 3


def test_an_issue_that_is_skipped_is_not_made(cluster, life):
    life.create(per_user_limit=3)
    with deciding(cluster, not_issued=1):
        assert told(life.ensure("alice", 2)) == (404, "not_issued")
    life.ensure("alice", 1)
    assert told(life.ensure("alice", 3)) == (404, "not_issued")
    assert life.read()["issued"] == 1


def test_the_limit_holds_for_the_nth_issue(life):
    life.create(per_user_limit=2)
    life.ensure("alice", 1)
    latest = life.ensure("alice", 2)[1]
    for nth in (3, 4, 4095):
        status, problem = life.ensure("alice", nth)
        assert (status, problem["code"], problem["issue"]) == (409, "already_issued", latest)
    assert told(life.change(per_user_limit=3)) == (200, "open")
    assert life.ensure("alice", 3)[0] == 201
    assert life.change(per_user_limit=2)[1]["errors"] == [{"field": "per_user_limit", "reason": "can only be raised"}]
    assert life.change(per_user_limit=3)[0] == 200


def test_the_nth_issue_is_told_whatever_has_become_of_it(life):
    life.create(2, per_user_limit=2)
    life.ensure("alice", 1)
    life.ensure("alice", 2)
    life.redeem("alice", "r", sequence=1)
    life.revoke("alice", sequence=2)
    life.change(paused=True)
    assert told(life.ensure("alice", 1)) == (200, "redeemed")
    assert told(life.ensure("alice", 2)) == (200, "revoked")
    assert told(life.ensure("bob", 1)) == (409, "paused")


def test_numbers_go_on_beyond_the_largest_limit(life):
    life.create(5000, per_user_limit=1)
    for nth in range(1, 1003):
        assert life.ensure("alice", nth)[0] == 201
        assert life.revoke("alice", again=True)[0] == 200
    assert told(life.ensure("alice", 1002)) == (200, "revoked")


# keys


def test_a_request_with_the_same_key_gets_the_same_issue(cluster, life):
    life.create(per_user_limit=3)
    first = life.post("alice", "a")
    before = answered(cluster, "issue_post", 201)
    with deciding(cluster, issued=1, replayed=2):
        second = life.post("alice", "b")
        assert life.post("alice", "a") == first
        assert life.post("alice", "b") == second
    assert answered(cluster, "issue_post", 201) == before + 3
    assert (first[0], second[0], second[1]["nth"]) == (201, 201, 2)
    assert life.read()["issued"] == 2


def test_a_key_is_told_apart_by_user_and_coupon(cluster, life):
    life.create()
    other = Life(cluster, f"{life.coupon}-other")
    other.create()
    told_issues = [of.post(user, "k")[1] for of in (life, other) for user in ("alice", "bob")]
    assert [issue["sequence"] for issue in told_issues] == [1, 2, 1, 2]


def test_the_ninth_issue_forgets_the_first_key(life):
    life.create(per_user_limit=20)
    for number in range(8):
        life.post("alice", f"key-{number}")
    assert [life.post("alice", f"key-{number}")[1]["nth"] for number in range(8)] == list(range(1, 9))
    assert life.post("alice", "key-8")[1]["nth"] == 9
    assert life.post("alice", "key-1")[1]["nth"] == 2
    assert life.post("alice", "key-0")[1]["nth"] == 10


def test_a_key_is_answered_after_every_refusal_and_change(life):
    life.create(1, redeem_within_s=3600)
    issue = life.post("alice", "k")[1]
    life.change(paused=True)
    assert life.post("alice", "k") == (201, issue)
    assert told(life.post("alice", "other")) == (409, "already_issued")
    life.redeem("alice", "r")
    assert told(life.post("alice", "k")) == (201, "redeemed")
    life.undo("alice", "r")
    life.revoke("alice", again=True)
    assert told(life.post("alice", "k")) == (201, "revoked")
    assert told(life.post("alice", "other")) == (409, "paused")


def test_a_refusal_is_not_remembered(life):
    life.create(1)
    life.post("bob")
    assert told(life.post("alice", "k")) == (409, "sold_out")
    life.change(quantity=2)
    assert told(life.post("alice", "k")) == (201, "issued")


@pytest.mark.parametrize("keys", [[""], [" "], ["x" * 256], ["a", "b"], ["a", "a"], ["a\tb"], ["caf\xe9"], ["\xff"]])
def test_an_invalid_key_is_refused(cluster, life, keys):
    life.create()
    path = f"/v1/coupons/{life.coupon}/issues"
    status, text = raw(cluster, "POST", path, b'{"user_id":"alice"}', [("Idempotency-Key", key) for key in keys])
    assert status == 400
    assert ('[{"field":"Idempotency-Key","reason":"must be given once, with 1 to 255 ASCII characters from space to '
            '~"}]') in text
    assert life.read()["issued"] == 0


def test_keys_may_be_long_and_have_spaces(life):
    life.create(per_user_limit=9)
    for key in ("x" * 255, "a b", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "x" * 254):
        first = life.post("alice", key)
        assert life.post("alice", key) == first and first[0] == 201
    assert life.read()["issued"] == 4


def test_a_key_of_another_request_means_nothing(cluster, life):
    life.create()
    path = f"/v1/coupons/{life.coupon}/issues/alice"
    for key, status in (("", 201), ("x" * 300, 200)):
        assert cluster.request("PUT", path, None, {"Idempotency-Key": key})[0] == status
