"""`./dev bench --gateways`, `--grow`, `--against` and `--links`: tiny runs of them, and their evaluation of figures. No
test asserts a time."""

import json
import subprocess
import sys

import pytest
from cluster import REPOSITORY, binary

sys.path.insert(0, str(REPOSITORY / "load-test"))
from bench import gateways, grow, measuring
from bench.clients import BenchError

pytestmark = pytest.mark.once("measures")


def run_bench(folder, *arguments):
    command = [REPOSITORY / "load-test/bench.sh", "--rounds", "1", "--seconds", "1", "--connections", "16", "--dir",
               "/tmp", "--out", folder]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    [path] = folder.glob("bench-*.json")
    return result.stdout, json.loads(path.read_text(encoding="utf-8"))


def test_bench_measures_several_gateways_with_one_client(tmp_path):
    printed, found = run_bench(tmp_path, "--gateways", "1,2", "--sync", "os")
    assert found["results"] == []
    assert found["gateways"]["wrk_threads"] == 2
    rows = found["gateways"]["rows"]
    assert [one["gateways"] for one in rows] == [1, 2]
    assert all(one["rate"] > 0 and one["not_2xx"] == 0 for one in rows)
    assert all(set(one["cpu_us"]) == {"gateways", "issuer", "together"} for one in rows)
    [rise] = found["gateways"]["rises"]
    assert (rise["from"], rise["to"]) == (1, 2)
    for who, percent in rise["percent"].items():
        assert f"{who} {percent:+.1f} %" in printed


def test_bench_compares_two_builds_in_turn(tmp_path):
    printed, found = run_bench(tmp_path, "--against", binary(), "--sync", "os")
    assert [one["peer"] for one in found["results"]] == ["nginx, a constant", "coupond, sync = os",
                                                         "other build, sync = os"]
    [compared] = found["against"]
    assert (compared["connections"], compared["peer"]) == (16, "coupond, sync = os")
    assert set(compared["cpu_ratio"]) == {"issuer", "gateway", "all"}
    assert f"{compared['rate_ratio']:.3f}" in printed


def test_bench_measures_the_cost_of_encryption(tmp_path):
    printed, found = run_bench(tmp_path, "--links", "tcp,curve", "--sync", "os")
    assert [one["peer"] for one in found["results"]] == ["nginx, a constant", "coupond, sync = os, TCP",
                                                         "coupond, sync = os, CURVE"]
    assert all(one["not_2xx"] == 0 for one in found["results"])
    [compared] = found["encrypted"]
    assert (compared["peer"], found["against"]) == ("coupond, sync = os, CURVE", [])
    assert f"{compared['rate_ratio']:.3f}" in printed


def test_a_build_is_compared_with_the_other_of_the_same_round():
    def rounds_of(*figures):
        return [{"rate": rate, "cpu_us": {"issuer": issuer, "gateway": gateway}} for rate, issuer, gateway in figures]
    rounds = {(64, "coupond, sync = os"): rounds_of((10, 2, 6), (30, 3, 9), (20, 1, 7)),
              (64, "other build, sync = os"): rounds_of((10, 1, 6), (10, 3, 3), (10, 2, 7)),
              (64, "nginx, a constant"): rounds_of((1, 1, 1), (1, 1, 1), (1, 1, 1))}
    [compared] = measuring.compare(rounds, measuring.other_build)
    assert compared["rate_ratio"] == 2
    assert compared["cpu_ratio"] == {"issuer": 1, "gateway": 1, "all": 8 / 7}
    assert measuring.compare({(64, "coupond, sync = os"): rounds_of((10, 2, 6))}, measuring.other_build) == []


class TwoGateways(gateways.SharedOut):
    """A cluster without processes; its second gateway gets requests only if `fair`."""

    def __init__(self, fair):  # pylint: disable=super-init-not-called # which would start processes
        self.ports, self.threads, self.processes, self.name, self.fair, self.counts = [1, 2], 2, [], "two", fair, [5, 5]
        self.url = self.urls[0]

    def asked(self):
        self.counts = [self.counts[0] + 10, self.counts[1] + (10 if self.fair else 0)]
        return self.counts


def test_a_gateway_without_requests_is_an_error(monkeypatch):
    monkeypatch.setattr(gateways, "run_wrk", lambda *_, **more: more)
    assert TwoGateways(fair=True).load(16, 1, "u") == {"threads": 2, "ports": [1, 2]}
    with pytest.raises(BenchError, match="a gateway got no requests"):
        TwoGateways(fair=False).load(16, 1, "u")


def test_the_cpu_of_all_gateways_is_summed_and_compared_within_a_round():
    assert gateways.threads_for([1, 2, 4]) == 4
    assert gateways.threads_for([2, 3]) == 6
    assert gateways.cpu_of({"cpu_us": {"issuer": 2, "gateway 1": 3, "gateway 2": 5}}) == {
        "gateways": 8, "issuer": 2, "together": 10}
    first = [{"cpu_us": {"issuer": issuer}} for issuer in (2, 4, 10)]
    last = [{"cpu_us": {"issuer": issuer}} for issuer in (2.2, 4.8, 13)]
    assert gateways.rise(first, last)["issuer"] == pytest.approx(20)


def test_bench_issues_a_coupon_to_many_users(tmp_path):
    printed, found = run_bench(tmp_path, "--grow", "5000")
    [one] = found["grow"]
    assert one["users"] == one["holders"] == one["issued"] == one["sent"] == 5000
    assert one["kept"] is True
    assert one["rate"] == round(one["capacity"] / 2)
    assert one["p50_us"] <= one["p99_us"] <= one["p99.9_us"] <= one["max_us"]
    assert one["within"] == (one["max_us"] <= 50_000)
    assert one["syncs"]["count"] >= one["syncs"]["longer_than_s"]["0.01"] >= one["syncs"]["longer_than_s"]["0.05"] >= 0
    assert one["control"]["sent"] == 5000 and one["stalls"]["cores"] > 0
    assert set(one["core_wait_s"]) == {"gateway", "issuer"}
    assert "holders: 5,000;" in printed and "without a core, all threads of a process together: issuer" in printed


@pytest.mark.parametrize("change, within",
                         [({}, True), ({"max_us": 50_001}, False), ({"holders": 99}, False), ({"issued": 99}, False)])
def test_all_users_must_be_answered_in_time(change, within):
    assert grow.is_within({"holders": 100, "issued": 100, "max_us": 50_000, **change}, 100) == within


def test_syncs_are_counted_by_their_duration():
    name = "coupond_issuer_journal_sync_seconds"
    metrics = [(f'{name}_bucket{{partition="0",le="{bound}"}}', value)
               for bound, value in (("0.01", 90), ("0.025", 97), ("0.05", 100), ("+Inf", 100))]
    metrics += [(f'{name}_count{{partition="0"}}', 100), ("coupond_other_count", 7)]
    assert grow.slow_syncs(metrics) == {"count": 100, "longer_than_s": {"0.01": 10, "0.025": 3, "0.05": 0}}


@pytest.mark.parametrize("p50_us, p99_us, within", [(1150, 2500, (True, True)), (1151, 2501, (False, False))])
def test_latencies_are_compared_with_the_device(p50_us, p99_us, within):
    seen = measuring.with_limits({"p50_us": p50_us, "p99_us": p99_us, "device_p50_us": 100, "device_p99_us": 500})
    assert (seen["limit_p50_us"], seen["limit_p99_us"]) == (1150, 2500)
    assert (seen["p50_within"], seen["p99_within"]) == within
    assert measuring.with_limits({"p50_us": 1}) == {"p50_us": 1}
