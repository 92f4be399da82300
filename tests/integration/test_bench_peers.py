"""`./dev bench`: its peers answer correctly, and its files contain the measurements. No test asserts a time."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import xml.etree.ElementTree

import pytest
from cluster import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "load-test"))
from bench import chart, latency_chart, measuring, others
from bench.__main__ import is_enough
from bench.clients import BenchError
from bench.others import OTHERS
from bench.servers import MariaDB

pytestmark = pytest.mark.once("tests only Python code")
needs_node = pytest.mark.skipif(not os.path.isdir(others.INSTALLED),
                                reason="./dev bench --peers has not installed the npm packages")
SVG = "{http://www.w3.org/2000/svg}"


def run_bench(folder, *arguments):
    # the paths of its sockets are short enough only below /tmp
    command = [REPOSITORY / "load-test/bench.sh", "--rounds", "1", "--seconds", "1", "--connections", "16", "--dir",
               "/tmp", "--out", folder]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300, check=False)


def results_of(folder):
    [path] = folder.glob("bench-*.json")
    return {one["peer"]: one for one in json.loads(path.read_text(encoding="utf-8"))["results"]}


def texts_of(drawing):
    return ["".join(text.itertext()) for text in xml.etree.ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_bench_measures_policies_and_stores(tmp_path):
    result = run_bench(tmp_path, "--sync", "5", "--stores", "mariadb", "--open-loop")
    assert result.returncode == 0, result.stdout + result.stderr
    results = results_of(tmp_path)
    assert list(results) == ["nginx, a constant", "coupond, sync = 5 ms, MariaDB"]
    assert all(one["rate"] > 0 and one["not_2xx"] == 0 for one in results.values())
    stored = results["coupond, sync = 5 ms, MariaDB"]
    assert stored["stored_rate"] > 0
    assert set(stored["cpu_us"]) == {"gateway", "issuer", "persister", "mariadbd"}
    assert results["nginx, a constant"]["stored_rate"] is None
    assert [seen["kept"] for seen in stored["open_loop"].values()] == [True] * 3
    for seen in stored["open_loop"].values():
        assert seen["write_bytes"] > 0 and seen["device_p50_us"] > 0
        assert seen["p99_within"] == (seen["p99_us"] <= 3 * seen["device_p99_us"] + 1000)
    assert "limit p50" in result.stdout
    assert not any("device_p50_us" in seen for seen in results["nginx, a constant"]["open_loop"].values())
    drawings = list(tmp_path.glob("bench-*.svg"))
    assert len(drawings) == 2
    for drawing in drawings:
        assert set(results) <= set(texts_of(drawing.read_text(encoding="utf-8")))


@pytest.mark.parametrize("arguments", [
    ["--sync", "0"], ["--sync", "sometimes"], ["--stores", "oracle"], ["--connections", "0"], ["--rounds", "0"],
    ["--require", "0.7", "--sync", "os"], ["--gateways", "0"], ["--gateways", "3"],
    ["--gateways", "1,2", "--open-loop"], ["--grow", "0"], ["--grow", "100000001"], ["--grow", "10", "--peers"],
])
def test_bench_refuses_options_that_it_cannot_measure(tmp_path, arguments):
    result = run_bench(tmp_path, *arguments)
    assert result.returncode == 2
    assert "usage: bench.sh" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("required, enough", [(None, True), (0.8, True), (0.81, False)])
def test_require_applies_to_the_largest_number_of_connections(required, enough):
    results = [{"connections": 64, "peer": "coupond, sync = always", "ratio": 0.5},
               {"connections": 256, "peer": "coupond, sync = always", "ratio": 0.8},
               {"connections": 256, "peer": "coupond, sync = os", "ratio": 0.9}]
    assert is_enough(argparse.Namespace(require=required), results) == enough


def ask(peer, user):
    """(status, body) of a request for an issue."""
    request = urllib.request.Request(f"{peer.url}/v1/coupons/BENCH/issues", json.dumps({"user_id": user}).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


@pytest.fixture
def bench_directory(monkeypatch):
    """A short path, since it contains sockets; MariaDB's template is created in it."""
    with tempfile.TemporaryDirectory(prefix="coupond-peers-") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        monkeypatch.setattr(MariaDB, "template", f"{directory}/template")
        yield directory


@needs_node
@pytest.mark.parametrize("name", [name for name in OTHERS if name.startswith("fastify")])
def test_fastify_peers_answer_as_the_api_does(name, bench_directory, monkeypatch):
    monkeypatch.setattr(others, "QUANTITY", 2)
    with OTHERS[name](bench_directory) as peer:
        status, issue = ask(peer, "alice")
        assert (status, issue["user_id"], issue["sequence"]) == (201, "alice", 1)
        status, refusal = ask(peer, "alice")
        assert (status, refusal["code"]) == (409, "already_issued")
        assert ask(peer, "bob")[1]["sequence"] == 2
        status, refusal = ask(peer, "carol")
        assert (status, refusal["code"]) == (409, "sold_out")
        assert peer.issued() == 2
        assert all(count > 0 for count in peer.counters().values())
        if peer.has_consumer:
            peer.wait_until(lambda: peer.stored() == 2, "the consumer")


@pytest.mark.skipif(not shutil.which("webdis") or not shutil.which("redis-benchmark"),
                    reason="the packages of --peers are not installed")
def test_bench_measures_redis_alone_and_through_webdis(tmp_path):
    result = run_bench(tmp_path, "--sync", "os", "--peers", "redis-benchmark,redis-benchmark-p16,webdis")
    assert result.returncode == 0, result.stdout + result.stderr
    results = results_of(tmp_path)
    assert list(results)[2:] == ["redis-benchmark + Lua", "redis-benchmark + Lua, -P 16", "webdis + Lua"]
    assert set(results["webdis + Lua"]["cpu_us"]) == {"redis", "webdis"}


class Forgetful:
    """A peer that answers more than it issues."""

    name, pids, answers, issues = "forgetful", {}, 100, 99
    asked = 0

    def load(self, *_):
        self.asked += self.issues
        return {"requests": self.answers, "duration_us": 1e6, "not_2xx": 0, "socket_errors": 0, "p50_us": 1,
                "p99_us": 1}

    def issued(self):
        return self.asked

    def stored(self):
        return None

    def counters(self):
        return {}

    def logs(self):
        return ""


def test_answers_without_an_issue_are_an_error():
    with pytest.raises(BenchError, match="100 answers contain issues, but only 99"):
        measuring.measure(Forgetful(), 16, 1)
    honest = Forgetful()
    honest.issues = 100
    assert measuring.measure(honest, 16, 1)["rate"] == 100


class Unsteady(Forgetful):
    """Loses issues in the first run, and is correct after a restart."""

    starts = 0

    def __enter__(self):
        Unsteady.starts += 1
        self.issues = 99 if Unsteady.starts < self.honest_at else 100
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("honest_at, is_measured", [(1, True), (2, True), (3, False)])
def test_a_failed_measurement_is_repeated(honest_at, is_measured, monkeypatch, capsys):
    monkeypatch.setattr(Unsteady, "starts", 0)
    monkeypatch.setattr(Unsteady, "honest_at", honest_at, raising=False)
    options = argparse.Namespace(seconds=1, open_loop=False)
    if not is_measured:
        with pytest.raises(BenchError):
            measuring.turn_or_again(Unsteady, 16, options)
        return
    name, result = measuring.turn_or_again(Unsteady, 16, options)
    assert (name, result["rate"], result["repeated"]) == ("forgetful", 100, honest_at - 1)
    assert ("measurement repeated" in capsys.readouterr().err) == (honest_at == 2)


def test_the_chart_has_a_panel_for_each_number_of_connections_and_a_bar_for_each_rate():
    figures = {"p50_us": 100, "p99_us": 2500}
    results = [{"connections": connections, "peer": peer, "rate": rate, **figures}
               for connections in (64, 256) for peer, rate in (("coupond <&>", 1000), ("another", 250))]
    machine = {"cpu": "a CPU", "cores": 2, "kernel": "6", "filesystem": "ext4"}
    drawing = chart.draw({"results": results, "machine": machine, "seconds": 5, "rounds": 3})
    texts = texts_of(drawing)
    assert texts.count("coupond <&>") == texts.count("another") == 2
    assert {"64 connections", "256 connections", "1,000", "250", "2.50 ms"} <= set(texts)
    widths = [float(bar.get("width")) for bar in xml.etree.ElementTree.fromstring(drawing).iter(f"{SVG}rect")]
    assert widths[0] == pytest.approx(4 * widths[1], abs=0.1)


def test_the_latency_chart_has_a_line_from_p50_to_p99_for_each_share():
    def seen(p50_ms, p99_ms):
        return {"rate": 100, "p50_us": p50_ms * 1000, "p99_us": p99_ms * 1000}

    results = [{"connections": 64, "peer": "coupond <&>", "open_loop": {"25": seen(0.1, 1), "75": seen(0.1, 10)}},
               {"connections": 64, "peer": "without", "rate": 1}]
    machine = {"cpu": "a CPU", "cores": 2, "kernel": "6", "filesystem": "ext4"}
    report = {"results": results, "machine": machine, "seconds": 5, "rounds": 3}
    drawing = latency_chart.draw(report)
    assert {"coupond <&>", "0.1 ms", "1 ms", "10 ms"} <= set(texts_of(drawing))
    assert "without" not in texts_of(drawing)
    lines = [line
             for line in xml.etree.ElementTree.fromstring(drawing).iter(f"{SVG}line")
             if line.get("class") == "coupond line"]
    lengths = [float(line.get("x2")) - float(line.get("x1")) for line in lines if line.get("y1") == line.get("y2")]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.3)
    assert latency_chart.draw({**report, "results": results[1:]}) is None
