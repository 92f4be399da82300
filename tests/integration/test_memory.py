"""An issuer that may take little memory refuses who would take more, answers all others, and goes on when it may."""

import json
from pathlib import Path

from cluster import Cluster, metric_sum, wait_until

RESERVE_MIB = 16
TITLE = "가" * 170  # 510 bytes


def own_mib(process):
    """Of its memory, what the kernel cannot take back."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:"))) // 1024


def allow(cluster, mib):
    cluster.issuer.stop()
    cluster.issuer.arguments = [*cluster.issuer.arguments, "--set", f"issuer/memory_mb_max={mib}"]
    cluster.issuer.start()
    cluster.wait_ready()


def create(cluster, name):
    status, _, body = cluster.request("POST", "/v1/coupons", {"id": name, "title": TITLE, "quantity": 9})
    return status, body.get("code")


def create_until_refused(cluster):
    for number in range(30_000):
        answer = create(cluster, f"c{number}")
        if answer != (201, None):
            assert answer == (503, "overloaded")
            return number
    raise AssertionError("there is memory without end")


def test_near_its_memory_limit_an_issuer_refuses_new_users_and_coupons_only(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 1_000)
        assert cluster.issue("A", "alice")[0] == 201
        allow(cluster, own_mib(cluster.issuer.process) + RESERVE_MIB + 2)
        created = create_until_refused(cluster)
        assert created > 0
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_memory_scarce") == 1, "the gauge tells it")
        status, text = cluster.issuer.get("/readyz")
        assert status == 200 and "new users and coupons are refused" in json.loads(text)["detail"]
        status, body = cluster.issue("A", "bob")
        assert (status, body["code"]) == (503, "overloaded")
        status, body = cluster.issue("A", "alice")
        assert (status, body["issue"]["sequence"]) == (409, 1)
        assert cluster.request("PATCH", "/v1/coupons/A", {"paused": True})[0] == 200
        assert cluster.request("PATCH", "/v1/coupons/A", {"paused": False})[0] == 200
        assert "memory runs out" in cluster.issuer.log()

        allow(cluster, 0)
        assert cluster.issue("A", "bob")[1]["sequence"] == 2
        assert create(cluster, "after") == (201, None)
        cluster.wait_drained()
        cluster.assert_kept()
