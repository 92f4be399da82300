"""What a coupon carries, and lists of coupons by state and owner."""

import pytest

from cluster import Cluster
from life import Life, raw, told
from test_api import iso

PARTITIONS = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("coupons"), partitions=PARTITIONS, persisters=0) as running:
        yield running


@pytest.fixture
def life(cluster, request):
    return Life(cluster, f"P{request.session.items.index(request.node)}")


def create_with(cluster, coupon, members):
    """Creates the coupon with members that are JSON texts; status and the answer's text."""
    text = f'{{"id":"{coupon}","title":"x","quantity":1,{members}}}'.encode()
    return raw(cluster, "POST", "/v1/coupons", text)


CARRIED = ['{}', '{"price":0.10,"e":1E+2,"z":-0,"big":9007199254740993}', '{"a":{"b":[[],{},[1,[2]]]}}',
           r'{"k\u0041":"\u20ac\/\"\\\n"}', '{"":"선착순 ☕"}', '{"metadata":{"benefit":1},"id":"no"}']


@pytest.mark.parametrize("text", CARRIED)
@pytest.mark.parametrize("name", ["benefit", "metadata"])
def test_json_is_carried_byte_for_byte(cluster, life, name, text):
    status, body = create_with(cluster, life.coupon, f'"{name}":{text}')
    assert status == 201 and f'"{name}":{text},' in body
    for path in (f"/v1/coupons/{life.coupon}", f"/v1/coupons?cursor={life.coupon[:-1]}&limit=200"):
        assert f'"{name}":{text},' in raw(cluster, "GET", path)[1]
    assert life.change(paused=True)[0] == 200
    assert f'"{name}":{text},' in raw(cluster, "GET", f"/v1/coupons/{life.coupon}")[1]
    assert life.change(**{name: None})[1][name] is None


def test_spaces_between_the_parts_of_json_are_left_out(cluster, life):
    status, body = create_with(cluster, life.coupon, ' "metadata" :\n { "a b" : [ 1 ,\t2 ] , "c" : " d " } ')
    assert status == 201 and '"metadata":{"a b":[1,2],"c":" d "},' in body


@pytest.mark.parametrize("name, most", [("benefit", 1024), ("metadata", 4096)])
def test_json_has_a_largest_size(cluster, life, name, most):
    largest = '{"x":"' + "y" * (most - 8) + '"}'
    assert len(largest) == most
    status, body = create_with(cluster, life.coupon, f'"{name}": {largest} ')
    assert status == 201 and f'"{name}":{largest},' in body
    status, problem = life.change(**{name: {"x": "y" * (most - 7)}})
    assert (status, problem["errors"][0]["field"]) == (400, name)


@pytest.mark.parametrize("text", ['[]', '"{}"', '1', 'true', '{"a":1,"a":2}', '{"a":01}', '{"a":"\\ud800"}',
                                  '{"a":"\\u0000"}', '{"a":NaN}', '{"a":1e400}', '{"a":}', '{"a":"\x7f"}'])
def test_what_is_no_object_is_not_carried(cluster, life, text):
    assert create_with(cluster, life.coupon, f'"metadata":{text}')[0] == 400
    assert life.ask("GET")[0] == 404


def test_texts_are_set_changed_and_removed(life):
    texts = {"description": "첫 줄\n둘째 줄", "owner": "shop:7@x", "segments": ["vip", "new"], "benefit": {"won": 1},
             "metadata": {"k": [1]}}
    coupon = life.create(**texts)
    assert {name: coupon[name] for name in texts} == texts
    assert life.change(title="t") == (200, {**coupon, "title": "t", "version": coupon["version"] + 1,
                                            "updated_at": life.read()["updated_at"]})
    for name in texts:
        assert life.change(**{name: None})[1][name] is None
    assert life.change(description="")[1]["description"] is None


@pytest.mark.parametrize("members", [
    {"description": "x" * 2049}, {"description": "a\tb"}, {"description": 1}, {"owner": ""}, {"owner": "a b"},
    {"owner": "x" * 65}, {"segments": []}, {"segments": "a"}, {"segments": ["a b"]}, {"segments": [1]},
    {"segments": ["x" * 60] * 9}, {"redeem_within_s": 0}, {"redeem_within_s": 3153600001}, {"redeem_within_s": "1"},
    {"redeem_until": "soon"}, {"archived": None}, {"quantity": 0}, {"per_user_limit": 1001},
])
def test_a_member_out_of_bounds_is_refused(life, members):
    coupon = life.create()
    status, problem = life.change(**members)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, list(members))
    assert life.read() == coupon


def test_a_coupon_without_a_quantity_is_never_sold_out(life):
    coupon = life.create(None)
    assert (coupon["quantity"], coupon["remaining"], coupon["state"]) == (None, None, "open")
    for user in range(20):
        life.ensure(f"u{user}")
    assert life.change(quantity=19)[0] == 400
    coupon = life.change(quantity=20)[1]
    assert (coupon["quantity"], coupon["remaining"], coupon["state"]) == (20, 0, "sold_out")
    assert life.change(quantity=None)[1]["state"] == "open"


def test_an_archived_coupon_is_off_the_list_and_not_issued(cluster, life):
    life.create()
    life.ensure("alice")
    assert told(life.change(archived=True)) == (200, "archived")
    assert told(life.ensure("bob")) == (410, "ended")
    assert told(life.ensure("alice")) == (200, "issued")
    assert told(life.redeem("alice", "r")) == (201, "redeemed")
    assert life.coupon not in listed(cluster)
    assert life.coupon in listed(cluster, state="archived")
    assert told(life.change(archived=False)) == (200, "open")
    assert life.coupon in listed(cluster)
    assert cluster.request("POST", "/v1/coupons", {"title": "x", "quantity": 1, "archived": False})[0] == 400


def listed(cluster, limit=2, **filters):
    """The ids of all pages."""
    found, cursor = [], None
    while True:
        query = "&".join(f"{name}={value}" for name, value in {**filters, "cursor": cursor, "limit": limit}.items()
                         if value is not None)
        status, _, page = cluster.request("GET", f"/v1/coupons?{query}")
        assert status == 200, page
        found += [coupon["id"] for coupon in page["coupons"]]
        cursor = page["next_cursor"]
        assert len(page["coupons"]) <= limit
        if cursor is None:
            assert found == sorted(found)
            return found


def test_coupons_are_listed_by_owner_and_state(cluster):
    wanted = {}
    states = {"open": {}, "scheduled": {"starts_at": iso(3600)}, "ended": {"ends_at": iso(-3600)}, "paused": {},
              "sold_out": {}, "archived": {}}
    for number in range(36):
        state = list(states)[number % 6]
        owner = ("ann", "ann:2")[number // 6 % 2]
        coupon = Life(cluster, f"S{number:02}")
        coupon.create(1, owner=owner, **states[state])
        if state == "sold_out":
            coupon.ensure("u")
        elif state in ("paused", "archived"):
            coupon.change(**{state: True})
        wanted.setdefault((owner, state), []).append(coupon.coupon)
    for (owner, state), coupons in wanted.items():
        for limit in (1, 2, 200):
            assert listed(cluster, limit, owner=owner, state=state) == coupons
    for owner in ("ann", "ann:2"):
        shown = sorted(coupon for (of, state), coupons in wanted.items() for coupon in coupons
                       if of == owner and state != "archived")
        assert listed(cluster, 3, owner=owner) == shown
    assert listed(cluster, owner="nobody") == []
    for query in ("state=lost", "state=", "owner=", "owner=a%20b", "state=open&state=open"):
        assert cluster.request("GET", f"/v1/coupons?{query}")[0] == 400


def test_the_version_is_that_of_the_policy(cluster, life):
    coupon = life.create()
    tag = cluster.request("GET", f"/v1/coupons/{life.coupon}")[1]["ETag"]
    life.ensure("alice")
    life.redeem("alice", "r")
    assert life.read()["version"] == coupon["version"]
    changed = life.change({"If-Match": tag}, paused=True)
    assert changed[0] == 200 and changed[1]["version"] > coupon["version"]
    assert told(life.change({"If-Match": tag}, paused=False)) == (412, "stale_version")
