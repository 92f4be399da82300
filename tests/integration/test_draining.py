"""SIGTERM to a gateway under load: every request that was sent is answered."""


import pytest

from cluster import Cluster, wait_until
from haproxy import HAProxy
from http_load import NO_ANSWER, Load, check_answers

pytestmark = pytest.mark.once("load")

PLENTY = 1_000_000


def users():
    number = 0
    while True:
        number += 1
        yield "A", f"user-{number}"


def answered(load):
    return len(load.answers)


def wait_for_more(load, count=500):
    """Waits for that many further answers, some of them on each connection. Then no client is left that could reach a
    restarted gateway before it knows the issuer."""
    before, finals = answered(load), list(load.finals)
    wait_until(lambda: not load.is_alive() or (answered(load) >= before + count
                                               and all(now >= then + 2 for then, now in zip(finals, load.finals))),
               "the load continues")
    assert load.is_alive()


def judge(cluster, load):
    """Asserts that all answers are final, keep the promises and agree with the API."""
    answers = load.finish()
    final = [answer for answer in answers if answer.status not in (NO_ANSWER, 503)]
    told = check_answers(final, {"A": PLENTY})
    assert cluster.coupon("A")["issued"] == len(told["A"])
    return answers


@pytest.mark.parametrize("threads", [1, 2])
def test_clients_of_a_gateway_that_ends_are_answered_first(tmp_path, threads):
    """Without a load balancer: clients switch to the other gateway when a connection is closed or refused."""
    with Cluster(tmp_path, gateways=2, options={"gateway/threads": threads}) as cluster:
        cluster.create_coupon("A", PLENTY)
        load = Load(cluster.addresses, connections=32, retry=True)
        load.start(users())
        for gateway in cluster.gateways * 2:
            wait_for_more(load)
            gateway.stop()
            wait_for_more(load)
            gateway.start()
            wait_until(gateway.is_ready, "the gateway is back")
        answers = judge(cluster, load)
    assert not load.lost
    assert not [answer for answer in answers if answer.status == 503]


def test_behind_a_load_balancer_no_request_fails(tmp_path):
    """/readyz fails at once; connections are accepted until the balancer has detected it."""
    with Cluster(tmp_path, gateways=2, options={"gateway/drain_delay_ms": 1000}) as cluster:
        cluster.create_coupon("A", PLENTY)
        with HAProxy(tmp_path / "haproxy", cluster.addresses) as proxy:
            load = Load([proxy.address], connections=32)
            load.start(users())
            for gateway in cluster.gateways:
                wait_for_more(load)
                gateway.stop()
                wait_for_more(load)
                gateway.start()
                proxy.wait_up(2)
            answers = judge(cluster, load)
    failed = [answer for answer in answers if answer.status in (NO_ANSWER, 503) or answer.code is None]
    assert not failed, failed[:5]


def test_a_draining_gateway_is_not_ready_and_still_accepts_requests(tmp_path):
    with Cluster(tmp_path, options={"gateway/drain_delay_ms": 1500}) as cluster:
        cluster.create_coupon("A", PLENTY)
        gateway = cluster.gateways[0]
        gateway.process.terminate()
        wait_until(lambda: gateway.get("/readyz")[0] == 503, "the gateway is not ready any more")
        assert "draining" in gateway.get("/readyz")[1]
        status, headers, _ = cluster.request("PUT", "/v1/coupons/A/issues/alice")
        assert (status, headers["Connection"]) == (201, "close")
        assert gateway.wait_for_end() == 0
