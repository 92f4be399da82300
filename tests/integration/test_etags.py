"""ETags of coupons with the real program: If-Match and If-None-Match on reads and on changes."""

import socket

import pytest

from cluster import Cluster
from test_api import ask, patch, problem, read_response


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("etags"), gateways=2, partitions=4) as running:
        yield running


def test_answers_to_changes_have_the_etag_of_a_read(cluster):
    def tag_now():
        return cluster.request("GET", "/v1/coupons/TAGGED", headers={"Cache-Control": "no-cache"})[1]["ETag"]
    created = cluster.request("POST", "/v1/coupons", {"id": "TAGGED", "title": "x", "quantity": 5})[1]["ETag"]
    assert created == tag_now()
    status, headers, _ = patch(cluster, "TAGGED", {"If-Match": created}, quantity=6)
    assert (status, headers["ETag"]) == (200, tag_now()) and headers["ETag"] != created
    ask(cluster, "TAGGED", "alice")  # changes the answer to a read, but not the policy
    assert tag_now().split("-")[0] == headers["ETag"].split("-")[0]
    problem(patch(cluster, "TAGGED", {"If-Match": created}, quantity=7), 412, "stale_version")
    assert patch(cluster, "TAGGED", {"If-Match": headers["ETag"]}, quantity=7)[0] == 200
    for tag in ("*", tag_now()):
        problem(patch(cluster, "TAGGED", {"If-None-Match": tag}, quantity=8), 412, "stale_version")
    problem(patch(cluster, "NONE", {"If-None-Match": "*"}, quantity=8), 404, "coupon_not_found")
    assert patch(cluster, "TAGGED", {"If-None-Match": created}, quantity=8)[0] == 200


def test_a_change_may_match_any_etag_of_a_list(cluster):
    def change(**fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        status, headers, body = cluster.request("PATCH", "/v1/coupons/LISTED", {"quantity": 9}, headers)
        if status != 200:
            problem((status, headers, body), 412, "stale_version")
        return status, headers.get("ETag")

    def invented(tag, at):
        return tag[:at] + ("1" if tag[at] != "1" else "2") + tag[at + 1:]

    old = cluster.request("POST", "/v1/coupons", {"id": "LISTED", "title": "x", "quantity": 5})[1]["ETag"]
    _, now = change(If_Match=old)
    ask(cluster, "LISTED", "alice")  # changes only the content's part of the ETag
    another, later = invented(now, 20), invented(now, 1)
    for match in (old, another, later, f"{old}, {another}, {later}", f"W/{now}"):
        assert change(If_Match=match)[0] == 412, match
        assert change(If_Match=now, If_None_Match=f"{match}, {now}")[0] == 412, match
    for first, second in ((old, ""), ("", old), (later, another), ("", later), ('"x"', "W/" + old)):
        status, tag = change(If_Match=f"{first}, {now}, {second}")
        assert status == 200, (first, second)
        old, now = now, tag
        another, later = invented(now, 20), invented(now, 1)
        assert change(If_None_Match=f"{later}, {now}, {another}")[0] == 412
    for bars in (another, later, f"{another}, {old}"):
        status, now = change(If_None_Match=bars)
        assert status == 200, bars


def test_a_change_takes_the_version_for_the_etag(cluster):
    cluster.create_coupon("VERSIONED", 5)
    old = cluster.coupon("VERSIONED")["version"]
    assert patch(cluster, "VERSIONED", {"If-Match": f'"{old}"'}, quantity=6)[0] == 200
    now = cluster.coupon("VERSIONED")["version"]
    for version in (old, now + 1, f"0{now}", f"{now}0", f"-{now}"):
        problem(patch(cluster, "VERSIONED", {"If-Match": f'"{version}"'}, quantity=7), 412, "stale_version")
        problem(patch(cluster, "VERSIONED", {"If-Match": str(version)}, quantity=7), 412, "stale_version")
    problem(patch(cluster, "VERSIONED", {"If-None-Match": f'"{now}"'}, quantity=7), 412, "stale_version")
    assert patch(cluster, "VERSIONED", {"If-Match": str(now)}, quantity=7)[0] == 200


def test_creating_with_if_match_is_refused_with_the_reason(cluster):
    cluster.create_coupon("MADE", 5)
    for match in ("*", '"x"'):
        for method, path, body in (("PUT", "/v1/coupons/MADE/issues/bob", None),
                                   ("POST", "/v1/coupons/MADE/issues", {"user_id": "bob"}),
                                   ("POST", "/v1/coupons", {"id": "NEVER", "title": "x", "quantity": 5})):
            refused = problem(cluster.request(method, path, body, {"If-Match": match}), 412, "stale_version")
            assert "changed" not in refused["detail"] and "only existing coupons" in refused["detail"]
        answer = cluster.request("PUT", "/v1/coupons/MADE/issues/b!", None, {"If-Match": match})
        problem(answer, 400, "invalid_request")
    problem(cluster.request("GET", "/v1/coupons/MADE/issues/bob"), 404, "not_issued")
    problem(cluster.request("GET", "/v1/coupons/NEVER"), 404, "coupon_not_found")


def test_a_read_with_if_match_succeeds_if_it_matches(cluster):
    cluster.create_coupon("LOOK", 5)
    for caching in ({}, {"Cache-Control": "no-cache"}):
        tag = cluster.request("GET", "/v1/coupons/LOOK", headers=caching)[1]["ETag"]
        for match, status in ((tag, 200), ("*", 200), (f'{tag}, "x"', 200), (f'"x", {tag}, W/{tag}', 200), ('"x"', 412),
                              (tag[:18] + "0" * 16 + '"', 412), (f"W/{tag}", 412)):
            answer = cluster.request("GET", "/v1/coupons/LOOK", headers={"If-Match": match, **caching})
            assert answer[0] == status, match


def test_several_lines_of_a_condition_are_one_list(cluster):
    def read(path, *lines):
        fields = "".join(f"{line}\r\n" for line in lines)
        host, port = cluster.addresses[0].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{fields}\r\n".encode())
            return read_response(raw.makefile("rb"))[0]

    cluster.create_coupon("LINES", 5)
    coupon = "/v1/coupons/LINES"
    for path, *caching in ((coupon,), (coupon, "Cache-Control: no-cache"), ("/openapi.json",)):
        tag = cluster.request("GET", path)[1]["ETag"]
        for other in ('"x"', "", '"y", "z"'):
            for first, second in ((tag, other), (other, tag)):
                assert read(path, f"If-None-Match: {first}", f"if-none-match:{second}", *caching) == 304
                assert read(path, f"If-Match: {first}", f"if-match:{second}", *caching) == 200
        assert read(path, 'If-None-Match: "x"', "If-None-Match: *", *caching) == 304
        assert read(path, 'If-Match: "x"', "If-Match: *", *caching) == 200
        assert read(path, 'If-None-Match: "x"', 'If-None-Match: "y"', *caching) == 200
        assert read(path, 'If-Match: "x"', 'If-Match: "y"', *caching) == 412


def test_a_change_is_refused_after_another_change_but_not_after_an_issue(tmp_path):
    with Cluster(tmp_path, gateways=2) as cluster:
        cluster.create_coupon("A", 100)

        def etag(gateway):
            answer = cluster.request("GET", "/v1/coupons/A", headers={"Cache-Control": "no-cache"}, gateway=gateway)
            return answer[1]["ETag"]

        def change(quantity, tag, gateway=0):
            return cluster.request("PATCH", "/v1/coupons/A", {"quantity": quantity}, {"If-Match": tag}, gateway)
        seen = etag(0)
        assert cluster.issue("A", "alice")[0] == 201
        assert etag(0) != seen, "a cached body is outdated"
        assert change(200, seen)[0] == 200
        problem(change(300, seen, gateway=1), 412, "stale_version")
        problem(change(300, '"nonsense"'), 412, "stale_version")
        assert cluster.coupon("A")["quantity"] == 200
        assert change(300, etag(1))[0] == 200
        assert change(400, "*")[0] == 200
        status, headers, _ = cluster.request("PUT", "/v1/coupons/A/issues/42", {"user_id": 42})
        assert (status, headers["Cache-Control"]) == (201, "no-store")
        assert cluster.request("POST", "/v1/coupons/A/issues", {"user_id": 42})[2]["issue"]["user_id"] == "42"
        coded = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        status, headers, _ = cluster.request("POST", "/v1/coupons/A/issues", b'{"user_id":"z"}', coded)
        assert (status, headers["Accept-Encoding"]) == (415, "identity")
