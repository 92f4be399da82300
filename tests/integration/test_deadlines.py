"""What a client was told the outcome of is unknown is not decided afterwards: an issuer that stands still finds its requests too old."""

import pytest

from cluster import Cluster, wait_until
from faults import stopped

OPTIONS = {"gateway/issuer_timeout_ms": 300}


def code_of(answer):
    status, _, body = answer
    return (status, body["code"])


def late(cluster):
    return cluster.issuer.metrics().get('coupond_issuer_verdicts_total{partition="0",verdict="late"}', 0)


@pytest.mark.parametrize("transport", ["shm", "tcp"])
def test_what_was_asked_of_an_issuer_that_stands_still_is_never_decided(tmp_path, transport):
    with Cluster(tmp_path, gateways=2, transport=transport, options=OPTIONS) as cluster:
        cluster.create_coupon("A", 10)
        with stopped(cluster.issuer.process):
            post = cluster.request("POST", "/v1/coupons/A/issues", {"user_id": "late"})
            patch = cluster.request("PATCH", "/v1/coupons/A", {"quantity": 5})
            assert code_of(post) == code_of(patch) == (503, "outcome_unknown")
        wait_until(lambda: late(cluster) >= 2, "the refusal of what came too late")
        assert code_of(cluster.request("GET", "/v1/coupons/A/issues/late", gateway=1)) == (404, "not_issued")
        _, _, coupon = cluster.request("GET", "/v1/coupons/A", gateway=1, headers={"Cache-Control": "no-cache"})
        assert (coupon["quantity"], coupon["issued"]) == (10, 0)
        assert cluster.request("PUT", "/v1/coupons/A/issues/late")[0] == 201
        cluster.wait_drained()
        assert cluster.issues()["A"] == {1: "late"}
        cluster.assert_kept()
