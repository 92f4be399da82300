"""GET /v1/status: what it says of partitions, store and gateway is what the other ways of looking say."""

import http.client
import json
import socket

import pytest

import contract as contracts
from cluster import Cluster, wait_until
from event_stream import EventStream

TOKEN = {"Authorization": "Bearer t"}
OPERATION = {operation.name: operation for operation in contracts.operations(contracts.read())}["getStatus"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    options = {"gateway/admin_token": "t", "gateway/threads": 2, "issuer/sync": "os"}
    with Cluster(tmp_path_factory.mktemp("status"), partitions=2, options=options) as running:
        yield running


def status(cluster):
    """As the contract has it."""
    connection = http.client.HTTPConnection(cluster.addresses[0], timeout=60)
    try:
        connection.request("GET", "/v1/status", headers=TOKEN)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200
        assert contracts.answer_faults(OPERATION, answer.status, answer.headers, body) == []
        return json.loads(body)
    finally:
        connection.close()


def outcomes(cluster):
    return status(cluster)["gateway"]["outcomes"]


def create(cluster, coupon, quantity):
    body = {"id": coupon, "title": coupon, "quantity": quantity}
    assert cluster.request("POST", "/v1/coupons", body, TOKEN)[0] == 201


def test_it_needs_the_token(cluster):
    assert cluster.request("GET", "/v1/status")[0] == 401
    assert cluster.request("GET", "/v1/status?x=1", headers=TOKEN)[0] == 400
    assert cluster.request("HEAD", "/v1/status", headers=TOKEN)[0] == 200


def test_the_store_reaches_the_journals(cluster):
    for number in range(8):
        create(cluster, f"stored-{number}", 5)
        cluster.issue(f"stored-{number}", "alice")

    def is_stored():
        told = status(cluster)
        return told["store"]["as_of"] and all(partition["up"] and partition["journal_seq"] > 0
                                              and partition["stored_seq"] >= partition["journal_seq"]
                                              for partition in told["partitions"])
    wait_until(is_stored, lambda: f"the store is as far as the journals: {status(cluster)}")
    told = status(cluster)
    assert [partition["partition"] for partition in told["partitions"]] == [0, 1]
    assert told["ready"] and told["store"]["available"] and told["store"]["lag_s"] >= 0
    assert (told["dev"], told["identity"]) == (False, False)
    assert told["store"]["as_of"] <= told["now"]


def test_outcomes_and_latency_count_the_requests_of_all_threads(cluster):
    create(cluster, "counted", 2)
    before = status(cluster)["gateway"]
    for user in ("a", "b", "a", "c", "d"):  # each on a connection of its own, and so on some thread
        cluster.issue("counted", user)
    assert cluster.request("GET", "/v1/coupons/counted/issues/a")[0] == 200  # no request for an issue
    cluster.issue("nothing", "a")
    after = status(cluster)["gateway"]
    changed = {name: count - before["outcomes"][name] for name, count in after["outcomes"].items()
               if count != before["outcomes"][name]}
    assert changed == {"issued": 2, "already_issued": 1, "sold_out": 2, "coupon_not_found": 1}
    assert after["latency_s"]["count"] - before["latency_s"]["count"] >= 6
    assert after["latency_s"]["sum"] > before["latency_s"]["sum"]
    counts = [bucket["count"] for bucket in after["latency_s"]["buckets"]]
    assert counts == sorted(counts) and counts[-1] == after["latency_s"]["count"]
    name = 'coupond_gateway_issue_outcomes_total{outcome="sold_out"}'
    assert cluster.gateways[0].metrics()[name] == after["outcomes"]["sold_out"]


def test_watchers_are_counted_on_all_threads(cluster):
    create(cluster, "watched", 2)
    streams = [EventStream(cluster.addresses[0], "watched") for _ in range(8)]
    assert status(cluster)["gateway"]["watchers"] == 8
    for stream in streams:
        stream.close()
    wait_until(lambda: status(cluster)["gateway"]["watchers"] == 0, "the watchers have left")


def test_it_is_answered_in_its_turn(cluster):
    create(cluster, "turn", 100)
    host, port = cluster.addresses[0].split(":")
    put = "PUT /v1/coupons/turn/issues/{} HTTP/1.1\r\nHost: a\r\n\r\n"
    look = "GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n\r\n"
    last = "GET /livez HTTP/1.0\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall((put.format("a") + look + put.format("b") + look + last).encode())
        received = b""
        while data := connection.recv(65536):
            received += data
    order = [received.find(text) for text in (b'"user_id":"a"', b'"partitions"', b'"user_id":"b"', b'"live"')]
    assert order == sorted(order) and order[0] > 0 and received.count(b'"partitions"') == 2


def test_a_partition_that_is_away_is_named(cluster):
    def heard():
        return all(partition["journal_seq"] is not None for partition in status(cluster)["partitions"])
    wait_until(heard, "both have told how far they are")
    cluster.issuer.kill()
    wait_until(lambda: "No answer from partition 0, 1" in (status(cluster)["detail"] or ""), "they are missing")
    told = status(cluster)
    assert told["ready"] and told["store"]["available"]
    assert not any(partition["up"] for partition in told["partitions"])
    assert heard()  # what was heard last
    cluster.issuer.start()
    wait_until(lambda: all(partition["up"] for partition in status(cluster)["partitions"]), "they are back")
    wait_until(lambda: status(cluster)["detail"] is None, "nothing is missing")


def test_without_a_store_the_rest_is_told(tmp_path):
    with Cluster(tmp_path, options={"gateway/store_threads": 0, "gateway/admin_token": "t"}) as cluster:
        told = status(cluster)
        assert told["store"] == {"available": False, "as_of": None, "lag_s": None}
        wait_until(lambda: status(cluster)["partitions"][0]["journal_seq"] is not None, "the partition has told")
        assert status(cluster)["partitions"][0]["stored_seq"] is None


def test_one_process_with_all_roles_says_so(tmp_path):
    with Cluster.dev(tmp_path, options={"gateway/admin_token": "t"}) as cluster:
        told = status(cluster)
        assert told["dev"] and told["uptime_s"] >= 0
        assert outcomes(cluster)["issued"] == 0
