"""Processes that stop for longer than every timeout, cut links, and machines that disappear: the others continue, and
nothing is lost."""

import http.client
import json
import threading

import pytest

import network
from cluster import Cluster, metric_sum, wait_until
from faults import stopped
from hosted import HostedCluster, hosts_of, lose_machine
from network import SILENT, Network

QUICK = {"gateway/issuer_timeout_ms": 300, "issuer/resend_ms": 300}
needs_network = pytest.mark.skipif(network.why_not() is not None, reason=str(network.why_not()))


def issue_some(cluster, first, count):
    told = {}
    for number in range(first, first + count):
        status, body = cluster.issue("A", f"user-{number}")
        assert status == 201, (status, body)
        told[f"user-{number}"] = body
    return told


def issue_in_the_end(cluster, user, gateway=0):
    """Repeats the request until the answer is final; returns the user's issue."""
    def ask():
        status, _, body = cluster.request("PUT", f"/v1/coupons/A/issues/{user}", gateway=gateway)
        assert status in (200, 201, 503), (status, body)
        return body if status != 503 else None
    return wait_until(ask, f"a final answer for {user}")


def assert_kept(cluster, told):
    for user, issue in told.items():
        assert issue_in_the_end(cluster, user) == issue
    cluster.wait_drained()
    stored = cluster.issues()["A"]
    assert {issue["sequence"]: user for user, issue in told.items()}.items() <= stored.items()
    assert sorted(stored) == list(range(1, len(stored) + 1)) and len(set(stored.values())) == len(stored)
    cluster.assert_kept()


def code_when_asked(cluster, user):
    status, body = cluster.issue("A", user)
    return None if status == 201 else body["code"]


# SIGSTOP


def test_an_issuer_that_stops_for_longer_than_every_timeout_continues(tmp_path):
    with Cluster(tmp_path, options=QUICK) as cluster:
        cluster.create_coupon("A", 1_000)
        told = issue_some(cluster, 0, 10)
        with stopped(cluster.issuer.process):
            assert code_when_asked(cluster, "waits") == "outcome_unknown"
            wait_until(lambda: code_when_asked(cluster, "asks-again") == "issuer_unavailable",
                       "the gateway gives up on it")
            waiting = (200, '{"status":"ready","detail":"No answer from partition 0"}')
            wait_until(lambda: cluster.gateways[0].get("/readyz") == waiting, "the gateway reports what it waits for")
        wait_until(cluster.gateways[0].is_ready, "the gateway finds it again")
        both = {user: issue_in_the_end(cluster, user) for user in ("waits", "asks-again")}
        assert sorted(issue["sequence"] for issue in both.values()) == [11, 12]
        assert_kept(cluster, told | both | issue_some(cluster, 10, 5))
        assert cluster.coupon("A")["issued"] == 17


def test_a_stopped_gateway_answers_after_it_continues_while_the_other_serves(tmp_path):
    with Cluster(tmp_path, gateways=2, options=QUICK) as cluster:
        cluster.create_coupon("A", 1_000)
        answers = []
        with stopped(cluster.gateways[1].process):
            connection = http.client.HTTPConnection(cluster.addresses[1])
            connection.request("POST", "/v1/coupons/A/issues", json.dumps({"user_id": "waits"}),
                               {"Content-Type": "application/json"})
            thread = threading.Thread(target=lambda: answers.append(connection.getresponse()))
            thread.start()
            told = issue_some(cluster, 0, 50)
            assert not answers
        thread.join()
        assert answers[0].status == 201
        assert_kept(cluster, told | {"waits": json.loads(answers[0].read())})


def test_the_frame_of_a_stopped_persister_is_written_by_another_and_only_once(tmp_path):
    with Cluster(tmp_path, persisters=2, options=QUICK) as cluster:
        cluster.create_coupon("A", 1_000)
        told = {}

        def counts_after_issues(member, name):
            told.update(issue_some(cluster, len(told), 10))
            cluster.wait_drained()
            return metric_sum(member.metrics(), name) > 0

        wait_until(lambda: counts_after_issues(cluster.persisters[0], "coupond_persister_rows_total"),
                   "it has found the issuer")
        with stopped(cluster.persisters[0].process):
            wait_until(lambda: counts_after_issues(cluster.issuer, "coupond_issuer_stream_resent_total"),
                       "it has received a frame")
        assert_kept(cluster, told | issue_some(cluster, len(told), 20))


def test_issuing_continues_while_every_persister_is_stopped(tmp_path):
    with Cluster(tmp_path, options=QUICK) as cluster:
        cluster.create_coupon("A", 1_000)
        cluster.wait_drained()
        with stopped(cluster.persisters[0].process):
            told = issue_some(cluster, 0, 100)
            assert cluster.backlog() > 0
        assert_kept(cluster, told)


# links and machines


@pytest.fixture
def spread(tmp_path):
    """A cluster with each member on its own host, and SQLite."""
    with Network() as net, HostedCluster(tmp_path, hosts_of(net, 1, 2), persisters=2, options=QUICK) as cluster:
        cluster.create_coupon("A", 1_000)
        yield cluster


@needs_network
def test_a_gateway_with_a_cut_link_answers_issuer_unavailable_and_recovers(spread):
    told, gateway = issue_some(spread, 0, 5), spread.gateways[0]
    gateway.host.cut()
    assert gateway.host.reach(spread.issuer.host, 7100) == SILENT
    wait_until(lambda: code_when_asked(spread, "cut-off") == "issuer_unavailable", "the gateway gives up on the issuer")
    gateway.host.mend()
    cut_off = issue_in_the_end(spread, "cut-off")
    assert_kept(spread, told | {"cut-off": cut_off})


@needs_network
def test_an_issuer_with_a_cut_link_stores_its_backlog_afterwards(spread):
    told, issuer = issue_some(spread, 0, 5), spread.issuer
    issuer.host.cut()
    wait_until(lambda: code_when_asked(spread, "cut-off") == "issuer_unavailable", "the gateway gives up on the issuer")
    issuer.host.mend()
    assert_kept(spread, told | {"cut-off": issue_in_the_end(spread, "cut-off")} | issue_some(spread, 5, 5))


@needs_network
def test_persisters_and_gateways_reconnect_after_a_power_loss_of_the_issuer(spread):
    """Its connections were never closed: a peer that only reads has to detect the loss itself."""
    told = issue_some(spread, 0, 5)
    spread.wait_drained()
    lose_machine(spread.issuer)
    spread.issuer.start()
    wait_until(spread.issuer.is_ready, "the issuer is ready again")
    told |= {f"later-{number}": issue_in_the_end(spread, f"later-{number}") for number in range(5)}
    assert_kept(spread, told)
    assert [persister.starts for persister in spread.persisters] == [1, 1]


@needs_network
def test_a_persister_whose_host_never_comes_back_blocks_nothing(spread):
    told = issue_some(spread, 0, 5)
    spread.wait_drained()
    persister = spread.persisters[0]
    persister.host.cut()
    persister.kill()
    told |= issue_some(spread, 5, 20)
    assert_kept(spread, told)
