"""`coupond bench` against servers that break promises: its verdict must be able to fail."""

import json
import os
import re
import subprocess
import urllib.request

import pytest

from cluster import DEADLINE_SECONDS, Cluster, binary, environment, run_coupond, wait_until
from double import LATE_SECONDS, Double


def bench(url, *more, create=100_000):
    result = run_coupond("bench", "--url", url, "--create", create, "--rate", 300, "--duration", 1, "--connections", 8,
                         "--duplicates", 0.3, "--timeout", 2, "--json", *more)
    return result, json.loads(result.stdout) if result.stdout else None


def test_bench_accepts_a_correct_server():
    with Double() as double:
        result, report = bench(double.url)
    assert result.returncode == 0
    assert report["kept"] is True
    assert report["outcomes"]["issued"] + report["outcomes"]["already_issued"] == 300
    assert report["outcomes"]["already_issued"] > 0
    assert report["latency_us"]["p50"] <= report["latency_us"]["p99"] <= report["latency_us"]["max"]


@pytest.mark.parametrize("lie, promise, create", [
    ("repeat", "sequences_distinct", 100_000),
    ("beyond", "sequences_in_range", 50),
    ("twice", "issues_within_limit", 100_000),
    ("deny", "holders_never_sold_out", 100_000),
    ("miscount", "issued_count_agrees", 100_000),
])
def test_bench_detects_a_broken_promise(lie, promise, create):
    with Double(lie=lie) as double:
        result, report = bench(double.url, create=create)
    assert result.returncode == 1
    assert report["faults"][promise] > 0


MIX = "issue=40,wallet=10,lookup=10,code=10,redeem=20,undo=5,revoke=5"


def test_bench_mixes_operations_against_a_correct_server():
    with Double() as double:
        result, report = bench(double.url, "--mix", MIX)
    assert result.returncode == 0, result.stdout + result.stderr
    assert report["kept"] is True
    operations = report["operations"]
    assert list(operations) == [share.split("=")[0] for share in MIX.split(",")]
    assert sum(one["answered"] for one in operations.values()) == report["answered"] == 300
    assert sum(one["outcomes"]["done"] for one in operations.values()) == report["outcomes"]["done"] > 0
    for name, one in operations.items():
        assert one["latency_us"]["p50"] <= one["latency_us"]["max"] <= report["latency_us"]["max"], name
    assert operations["redeem"]["outcomes"]["already_redeemed"] > 0, "some redemptions are repeated"
    assert double.redeemed and double.revoked
    assert len(double.redeemed) == sum(
        count * operations[name]["outcomes"]["done"] for name, count in (("redeem", 1), ("undo", -1)))


@pytest.mark.parametrize("lie, promise", [
    ("redeem_twice", "redeemed_once"),
    ("refuse", "changes_not_refused"),
    ("forget", "states_shown"),
    ("omit", "issues_listed"),
    ("miscount_redeemed", "redeemed_count_agrees"),
])
def test_bench_detects_a_broken_promise_about_redemptions(lie, promise):
    with Double(lie=lie) as double:
        result, report = bench(double.url, "--mix", MIX)
    assert result.returncode == 1
    assert report["faults"][promise] > 0


def test_bench_requests_an_issue_if_it_has_none_for_an_operation():
    with Double() as double:
        result, report = bench(double.url, "--mix", "redeem=100", "--duplicates", 0)
    assert result.returncode == 0
    assert report["operations"]["issue"]["percent"] == 0
    issued, redeemed = report["outcomes"]["issued"], report["operations"]["redeem"]["outcomes"]["done"]
    assert issued + redeemed == 300 and redeemed <= issued < 300


def test_bench_prints_a_line_for_each_operation_and_its_outcomes():
    with Double() as double:
        result = run_coupond("bench", "--url", double.url, "--requests", 100, "--mix", "issue=50,wallet=50")
    assert re.search(r"^  issue +\d+ +\d+ /s( +[\d.]+){5}$", result.stdout, re.M)
    assert re.search(r"^  wallet +\d+ +\d+ /s( +[\d.]+){5}$", result.stdout, re.M)
    assert re.search(r"^  issue: issued +\d+\n  wallet: done +\d+$", result.stdout, re.M)
    assert "kept    no issue was redeemed twice" in result.stdout


def test_bench_without_a_mix_reports_no_promises_about_redemptions():
    with Double() as double:
        _, report = bench(double.url)
    assert list(report["operations"]) == ["issue"]
    assert "redeemed_once" not in report["faults"]


def test_bench_leaves_redemptions_of_a_shared_coupon_uncounted():
    with Double(quantity=100_000) as double:
        result = run_coupond("bench", "--url", double.url, "--coupon", "shared", "--requests", 50, "--mix",
                             "issue=50,redeem=50", "--json")
    report = json.loads(result.stdout)
    assert (result.returncode, report["kept"]) == (0, True)
    assert report["faults"]["redeemed_count_agrees"] is None


def test_bench_reads_an_outdated_coupon_again():
    with Double(lie="behind") as double:
        result, report = bench(double.url)
    assert (result.returncode, report["kept"]) == (0, True)
    assert double.lie is None, "it was read while it was outdated"


def test_bench_counts_a_lost_connection_as_an_outcome_and_continues():
    with Double(lie="hang_up") as double:
        result, report = bench(double.url)
    assert result.returncode == 0
    assert report["outcomes"]["connection_error"] == 30
    assert sum(report["outcomes"].values()) == 300


def test_bench_gives_up_on_an_answer_after_the_timeout():
    with Double(lie="silent") as double:
        _, report = bench(double.url)
    assert report["outcomes"]["timed_out"] > 0
    assert sum(report["outcomes"].values()) == 300


def test_bench_reports_slow_answers_and_stalls_of_the_machine():
    with Double(lie="late") as double:
        result, report = bench(double.url, "--slow", 100, "--requests", 250)
    assert result.returncode == 0
    assert sum(report["outcomes"].values()) == 250
    assert 2 <= report["slow"]["episodes"] <= report["slow"]["answers"]
    slowest = [one["slowest_us"] for one in report["slow"]["slowest"]]
    assert slowest == sorted(slowest, reverse=True)
    assert slowest[0] == report["latency_us"]["max"] >= LATE_SECONDS * 1e6
    assert report["slow"]["beyond_stalls_us"] <= slowest[0]
    assert report["stalls"]["cores"] == len(os.sched_getaffinity(0))


def test_bench_prints_the_times_of_slow_answers():
    with Double(lie="late") as double:
        result = run_coupond("bench", "--url", double.url, "--create", 1000, "--rate", 300, "--requests", 250,
                             "--slow", 100)
    assert re.search(r"^  slower than 100 ms: \d+ answers in \d+ episodes\n    at +\d", result.stdout, re.M)
    assert re.search(r"^  \d+ cores, stalls of at least 1 ms: \d", result.stdout, re.M)


def test_bench_fails_with_2_if_no_answer_is_valid():
    with Double(lie="garbage") as double:
        result, _ = bench(double.url)
    assert result.returncode == 2
    assert "no valid answer was received" in result.stderr


def end_during_the_run(double, *more):
    """The output of a bench of four seconds whose server ends after the first answers."""
    command = [binary(), "bench", "--url", double.url, "--create", "100000", "--rate", "300", "--duration", "4",
               "--connections", "8", "--timeout", "1", *more]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            wait_until(lambda: double.issued > 50, "the run has begun")
            double.__exit__()
            output, errors = run.communicate(timeout=DEADLINE_SECONDS)
        finally:
            run.kill()
    return run.returncode, output, errors


def test_bench_reports_a_run_whose_server_ended():
    status, output, errors = end_during_the_run(Double().__enter__(), "--json")
    report = json.loads(output)
    assert status == 2
    assert report["outcomes"]["issued"] > 50
    assert sum(report["outcomes"].values()) == 1200
    assert report["faults"]["sequences_distinct"] == 0
    assert report["faults"]["issued_count_agrees"] is None
    assert report["kept"] is None
    assert "cannot connect" in report["not_checked"]
    assert "the coupon cannot be read after the run: cannot connect" in errors
    assert len(re.findall(r"^ *\d+ s .* answered", errors, re.M)) >= 3, "progress continues without a server"


def test_bench_marks_only_the_count_of_a_dead_server_as_not_checked():
    status, output, _ = end_during_the_run(Double(lie="repeat").__enter__())
    assert status == 2
    assert re.search(r"^  BROKEN  no sequence was given twice", output, re.M)
    assert re.search(r"^  kept    no holder got sold_out$", output, re.M)
    assert re.search(r"^  not checked: the coupon's issued count .*\(cannot connect", output, re.M)


def test_bench_fails_with_2_if_no_server_listens():
    result, _ = bench("http://127.0.0.1:1")
    assert result.returncode == 2
    assert "cannot connect" in result.stderr


def test_bench_checks_the_real_program(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        result, report = bench(f"http://{cluster.addresses[0]}", create=100)
        assert result.returncode == 0, result.stdout + result.stderr
        assert report["outcomes"]["issued"] == 100
        assert report["outcomes"]["sold_out"] > 0
        cluster.wait_drained()
        cluster.assert_kept()


def test_bench_mixes_operations_on_the_real_program(tmp_path):
    with Cluster.dev(tmp_path, {"gateway/admin_token": "secret"}) as cluster:
        result, report = bench(f"http://{cluster.addresses[0]}", "--mix", MIX, "--token", "secret", "--threads", 2)
        assert result.returncode == 0, result.stdout + result.stderr
        assert report["kept"] is True
        for name, one in report["operations"].items():
            assert one["outcomes"]["issued" if name == "issue" else "done"] > 0, name
        assert report["outcomes"]["unauthorized"] == 0
        cluster.wait_drained()
        cluster.assert_kept()


def test_bench_without_the_token_says_what_it_did_not_check(tmp_path):
    with Cluster.dev(tmp_path, {"gateway/admin_token": "secret"}) as cluster:
        ask(cluster, "POST", "/v1/coupons", {"id": "C", "title": "A coffee", "quantity": 100000}, "secret")
        result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--coupon", "C", "--mix", MIX,
                             "--rate", 300, "--duration", 1, "--json")
        assert result.returncode == 2
        assert json.loads(result.stdout)["outcomes"]["unauthorized"] > 0
        assert "requests were refused without the right admin token" in result.stderr


def ask(cluster, method, path, body=None, token=None):
    request = urllib.request.Request(f"http://{cluster.addresses[0]}{path}", method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, json.dumps(body).encode() if body else None, timeout=30) as answer:
        return json.load(answer)


def bench_coupon(cluster, coupon):
    result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--coupon", coupon, "--requests", 20)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_bench_knows_that_returned_pieces_are_issued_again_with_new_sequences(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        ask(cluster, "POST", "/v1/coupons", {"id": "few", "title": "Few", "quantity": 2})
        for user in ("alice", "bob"):
            ask(cluster, "PUT", f"/v1/coupons/few/issues/{user}")
            ask(cluster, "DELETE", f"/v1/coupons/few/issues/{user}?restock=true")
        output = bench_coupon(cluster, "few")
        assert re.search(r"^  issued +2$", output, re.M) and output.startswith("coupon few of 2 at")
        assert ask(cluster, "GET", "/v1/coupons/few")["issued"] == 4


def test_bench_requests_a_coupon_without_a_bound(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        ask(cluster, "POST", "/v1/coupons", {"id": "welcome", "title": "Welcome", "quantity": None})
        output = bench_coupon(cluster, "welcome")
        assert re.search(r"^  issued +20$", output, re.M) and output.startswith("coupon welcome without a bound at")


def test_bench_handles_more_connections_than_one_poll_reports(tmp_path):
    """libuv handles up to 1,024 events at once: answers are then read before its write callbacks have run."""
    with Cluster.dev(tmp_path) as cluster:
        result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--create", 1_000_000, "--rate",
                             100_000, "--duration", 1, "--connections", 2000, "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        assert sum(json.loads(result.stdout)["outcomes"].values()) == 100_000
