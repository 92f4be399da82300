"""./dev run --full: the whole system on this machine, from the system's packages, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cluster import REPOSITORY, binary, environment, wait_until
from ports import free_port_range

pytestmark = pytest.mark.skipif(os.environ.get("COUPOND_TEST_PRESET", "dev") != "dev", reason="the same whatever the program was built with")

MEMBERS = ["mariadb", "redis", "persister-1", "persister-2", "issuer", "gateway-1", "gateway-2", "gateway-3", "haproxy",
           "mysqld-exporter", "redis-exporter", "alertmanager", "prometheus"]
STOP_ORDER = list(reversed(MEMBERS))


class Run:
    """One ./dev run --full, without its build."""

    def __init__(self, directory, *arguments):
        self.base = free_port_range(20)
        self.output = directory / f"output-{self.base}"
        self.directory = directory / "full"
        command = [sys.executable, "-m", "deploy.local.full", "--program", binary(), "--dir", self.directory, "--port-base", self.base]
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([*map(str, command), *arguments], cwd=REPOSITORY, stdout=output, stderr=output,
                                            stdin=subprocess.DEVNULL, env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"})

    def text(self):
        return self.output.read_text(encoding="utf-8")

    def is_up(self):
        assert self.process.poll() is None, self.text()
        return "Ctrl-C stops everything" in self.text()

    def url(self, title):
        return next(line.split()[-1] for line in self.text().splitlines() if line.startswith(f"  {title} "))

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait(120)

    def left(self):
        """Processes whose command line names this run's directory."""
        listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        return [line for line in listing.splitlines() if str(self.directory) in line and f" {os.getpid()} " not in line]


@pytest.fixture(name="run")
def start_run(tmp_path):
    run = Run(tmp_path)
    try:
        wait_until(run.is_up, run.text)
        yield run
    finally:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(120)


def ask(method, url, body=None):
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None,
                                     headers={"Content-Type": "application/json"} if body else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def targets(prometheus):
    found = ask("GET", f"{prometheus}/api/v1/targets")[1]["data"]["activeTargets"]
    return sorted((target["labels"]["job"], target["labels"].get("role", ""), target["health"]) for target in found)


def value_of(prometheus, expression):
    answer = ask("GET", f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))[1]["data"]["result"]
    return float(answer[0]["value"][1]) if answer else None


def test_it_serves_is_watched_and_stops_in_order(run):
    front = f"http://127.0.0.1:{run.base}"
    assert ask("POST", f"{front}/v1/coupons", {"id": "first", "title": "First", "quantity": 3})[0] == 201
    answers = [ask("POST", f"{front}/v1/coupons/first/issues", {"user_id": f"user-{i}"}) for i in range(5)]
    assert [status for status, _ in answers] == [201, 201, 201, 409, 409]
    assert [body["sequence"] for _, body in answers[:3]] == [1, 2, 3]

    expected = sorted([("coupond", "gateway", "up")] * 3 + [("coupond", "persister", "up")] * 2 + [("coupond", "issuer", "up")] +
                      [(job, "", "up") for job in ("haproxy", "mysqld", "redis")])
    prometheus = run.url("Prometheus")
    wait_until(lambda: targets(prometheus) == expected, lambda: f"all targets up: {targets(prometheus)}")
    in_touch = "sum(coupond_gateway_redis_connected)"
    wait_until(lambda: value_of(prometheus, in_touch) == 6, lambda: f"every gateway has its two connections to Redis: {value_of(prometheus, in_touch)}")
    assert set(MEMBERS) == {line.split()[0] for line in run.text().splitlines() if line.endswith(" is up")}

    verified = subprocess.run([binary(), "verify", "--config", run.directory / "coupond.conf"], env=environment(),
                              capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified
    assert len(run.left()) >= len(MEMBERS)
    assert run.end(signal.SIGTERM) == 0, run.text()
    assert [line.split()[0] for line in run.text().splitlines() if line.endswith(" has stopped")] == STOP_ORDER
    assert run.left() == []


def test_a_second_run_finds_what_the_first_issued_and_a_death_ends_all_of_it(tmp_path):
    first = Run(tmp_path)
    wait_until(first.is_up, first.text)
    ask("POST", f"http://127.0.0.1:{first.base}/v1/coupons", {"id": "kept", "title": "Kept", "quantity": 1})
    assert ask("POST", f"http://127.0.0.1:{first.base}/v1/coupons/kept/issues", {"user_id": "alice"})[0] == 201
    in_use = Run(tmp_path)
    assert in_use.process.wait(120) == 1
    assert "is in use by another run" in in_use.text()
    assert first.end(signal.SIGINT) == 0, first.text()

    again = Run(tmp_path)
    wait_until(again.is_up, again.text)
    assert ask("GET", f"http://127.0.0.1:{again.base}/v1/coupons/kept/issues/alice")[0] == 200
    victim = next(line for line in again.left() if " gateway --config" in line and "setpriv" not in line)
    os.kill(int(victim.split()[0]), signal.SIGKILL)
    assert again.process.wait(120) == 1
    assert "ended by itself (signal SIGKILL)" in again.text()
    assert "/log/gateway-" in again.text()
    assert again.left() == []


def test_taken_ports_are_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port_range(20)))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run([sys.executable, "-m", "deploy.local.full", "--program", binary(), "--dir", tmp_path, "--port-base",
                                 str(port)], cwd=REPOSITORY, capture_output=True, text=True, env=environment(), check=False)
    assert result.returncode == 1
    assert f"{port} (front)" in result.stderr
    assert "--port-base" in result.stderr
    assert result.stdout == ""
