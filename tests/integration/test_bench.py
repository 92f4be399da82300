"""`coupond bench` against servers that break promises: its verdict must be able to fail."""

import json
import os
import re
import subprocess

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


def test_bench_handles_more_connections_than_one_poll_reports(tmp_path):
    """libuv handles up to 1,024 events at once: answers are then read before its write callbacks have run."""
    with Cluster.dev(tmp_path) as cluster:
        result = run_coupond("bench", "--url", f"http://{cluster.addresses[0]}", "--create", 1_000_000, "--rate",
                             100_000, "--duration", 1, "--connections", 2000, "--json")
        assert result.returncode == 0, result.stdout + result.stderr
        assert sum(json.loads(result.stdout)["outcomes"].values()) == 100_000
