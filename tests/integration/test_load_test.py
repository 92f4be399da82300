"""The load test with Locust: a small run.sh with all of its files, and crowds against a server that breaks promises."""

import contextlib
import json
import os
import subprocess
import sys

import pytest
from cluster import REPOSITORY, Cluster, binary, environment
from double import Double

sys.path[:0] = [str(REPOSITORY / "load-test"), str(REPOSITORY)]
from rush.locusts import Locusts, read_stats

pytestmark = pytest.mark.once("does not depend on the build")

TOKEN = "secret"


def crowd(url, prefix, scenario, *more):
    """A small run of a second."""
    return Locusts(url, prefix, scenario, workers=1, crowd=5, seconds=1, countdown=1, more=["--rate", "100", *more])


def test_run_sh_writes_a_report_and_a_chart_and_checks_the_promises(tmp_path):
    command = [REPOSITORY / "load-test/run.sh", "--gateways", "1,2", "--seconds", "2", "--countdown", "1", "--users",
               "10", "--workers", "1", "--database", "sqlite", "--no-redis", "--dir", tmp_path, "--out",
               tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False,
                            env={**os.environ, "COUPOND_TEST_BINARY": binary()})
    assert result.returncode == 0, result.stdout + result.stderr
    [folder] = (tmp_path / "out").iterdir()
    found = json.loads((folder / "scaling.json").read_text())
    assert [one["gateways"] for one in found["turns"]] == [1, 2]
    for one in found["turns"]:
        assert one["rate"] > 0 and one["failures"] == 0 and one["wrong"] == []
        assert one["promises"]["kept"] and one["promises"]["told"] == one["promises"]["issued"] > 0
        assert one["verify"]["kept"] and one["verify"]["issues"] >= one["promises"]["issued"]
        assert one["cores_by"]["Locust"] > 0 and one["limit"]
        report = folder / f"gateways-{one['gateways']}.html"
        assert "<html" in report.read_text() and read_stats(report.with_suffix(""))["requests"] == one["requests"]
    assert "bottleneck with 2 gateways" in (folder / "scaling.svg").read_text()
    assert result.stdout.count("promises kept") == 2


def test_every_scenario_passes_against_the_real_program(tmp_path):
    """All at the same time, each with its own coupons."""
    kinds = {"retry-storm": "sold_out", "duplicates": "already_issued", "many-coupons": "sold_out", "life": "undone"}
    more = ["--coupon-quantity", "20", "--coupons", "3", "--admin-token", TOKEN]
    with Cluster.dev(tmp_path, {"gateway/admin_token": TOKEN}) as cluster, contextlib.ExitStack() as stack:
        runs = {kind: stack.enter_context(crowd(f"http://{cluster.addresses[0]}", tmp_path / kind, kind, *more))
                for kind in kinds}
        for kind, run in runs.items():
            assert run.wait() == 0, run.tail("locust-master")
            judged = run.promises()
            assert (read_stats(run.prefix)["failures"], judged["broken"]) == (0, [])
            assert judged["told"] == judged["issued"] > 0 and judged["outcomes"][kinds[kind]] > 0
        cluster.wait_drained()
        cluster.assert_kept()


def test_a_server_that_breaks_promises_fails_the_run(tmp_path):
    """A sequence is answered twice; another answer is invalid."""
    with Double(lie="repeat") as repeating, Double(lie="garbage") as talking, crowd(
        repeating.url, tmp_path / "repeat", "soak"
    ) as first, crowd(talking.url, tmp_path / "garbage", "soak") as second:
        assert (first.wait(), second.wait()) == (1, 1)
        judged = first.promises()
        assert judged["kept"] is False and any("was given to two users" in words for words in judged["broken"])
        assert "BROKEN" in first.tail("locust-master")
        assert read_stats(first.prefix)["failures"] == 0 < read_stats(second.prefix)["failures"]
        assert "no issue with a sequence in it" in second.tail("locust-master")


@pytest.mark.parametrize("lie, words", [
    ("redeem_twice", "for order-1 and for order-2"), ("omit", "which is not listed as of"),
    ("miscount_redeemed", "are redeemed, but users"),
])
def test_a_server_that_breaks_promises_about_redemptions_fails_the_run(tmp_path, lie, words):
    with Double(lie=lie, quantity=100_000) as double, crowd(double.url, tmp_path / lie, "life") as run:
        assert run.wait() == 1
        judged = run.promises()
    assert judged["kept"] is False and any(words in broken for broken in judged["broken"]), judged


def test_a_run_that_cannot_start_reports_why(tmp_path):
    with Cluster.dev(tmp_path, {"gateway/admin_token": TOKEN}) as cluster:
        command = ["locust", "-f", REPOSITORY / "load-test/locust/locustfile.py", "--host",
                   f"http://{cluster.addresses[0]}", "--headless"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment())
    assert result.returncode == 2
    assert "cannot create the coupon" in result.stderr and "401" in result.stderr
