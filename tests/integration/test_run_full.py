"""./dev run --full: the whole system on this machine, from the system's packages, and its end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cluster import REPOSITORY, binary, environment, wait_until
from ports import free_port_range

sys.path.insert(0, str(REPOSITORY))
from deploy.local import ports

pytestmark = pytest.mark.once("does not depend on the build")

MEMBERS = ["mariadb", "redis", "persister-1", "persister-2", "issuer", "gateway-1", "gateway-2", "gateway-3", "haproxy",
           "mysqld-exporter", "redis-exporter", "alertmanager", "prometheus"]
STOP_ORDER = list(reversed(MEMBERS))


class Run:
    """One ./dev run --full, without its build."""

    def __init__(self, directory, *, gateways=3, persisters=2, stdout=None, through=()):
        self.base = free_port_range(20)
        self.ports = ports.in_a_row(ports.usual(gateways, persisters), self.base)
        self.output = directory / f"output-{self.base}"
        self.directory = directory / "full"
        command = [*through, sys.executable, "-m", "deploy.local.full", "--program", binary(), "--dir", self.directory,
                   "--port-base", self.base]
        with open(self.output, "wb") as output:
            command += ["--gateways", gateways, "--persisters", persisters]
            self.process = subprocess.Popen([*map(str, command)], cwd=REPOSITORY, stdout=stdout or output,
                                            stderr=output, stdin=subprocess.DEVNULL,
                                            env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"})

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

    def prometheus_answers(self):
        """Prometheus is started last."""
        assert self.process.poll() is None, self.text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['prometheus']}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def pid_of(self, name):
        words = "/mariadbd " if name == "mariadb" else f"{name.split('-')[0]}/http=127.0.0.1:{self.ports[name]} "
        return next((int(line.split()[0]) for line in self.left() if words in f"{line} "), None)

    def kill(self, name):
        pid = self.pid_of(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.pid_of(name) != pid, f"{name} to be gone")

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
    answer = ask("GET",
                 f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression}))[1]["data"]["result"]
    return float(answer[0]["value"][1]) if answer else None


def test_it_serves_is_monitored_and_stops_in_order(run):
    front = f"http://127.0.0.1:{run.base}"
    assert ask("POST", f"{front}/v1/coupons", {"id": "first", "title": "First", "quantity": 3})[0] == 201
    answers = [ask("POST", f"{front}/v1/coupons/first/issues", {"user_id": f"user-{i}"}) for i in range(5)]
    assert [status for status, _ in answers] == [201, 201, 201, 409, 409]
    assert [body["sequence"] for _, body in answers[:3]] == [1, 2, 3]

    expected = sorted([("coupond", "gateway", "up")] * 3 + [("coupond", "persister", "up")] * 2
                      + [("coupond", "issuer", "up")]
                      + [(job, "", "up") for job in ("haproxy", "mysqld", "redis")])
    prometheus = run.url("Prometheus")
    wait_until(lambda: targets(prometheus) == expected, lambda: f"all targets up: {targets(prometheus)}")
    in_touch = "sum(coupond_gateway_redis_connected)"
    fault = "mysql_exporter_last_scrape_error"
    wait_until(lambda: value_of(prometheus, fault) is not None, "the database's exporter is scraped")
    assert value_of(prometheus, fault) == 0, (run.directory / "log/mysqld-exporter.log").read_text(encoding="utf-8")
    wait_until(lambda: value_of(prometheus, in_touch) == 6,
               lambda: f"every gateway has its two connections to Redis: {value_of(prometheus, in_touch)}")
    assert set(MEMBERS) == {line.split()[0] for line in run.text().splitlines() if line.endswith(" is up")}

    watched = next(line for line in run.text().splitlines() if " top http" in line).split()[3:]
    top = subprocess.run([*watched, "--once"], env=environment(), capture_output=True, text=True, check=False)
    assert "6 of 6 up" in top.stdout, top
    verified = subprocess.run([binary(), "verify", "--config", run.directory / "coupond.conf"], env=environment(),
                              capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified
    assert len(run.left()) >= len(MEMBERS)
    assert run.end(signal.SIGTERM) == 0, run.text()
    assert [line.split()[0] for line in run.text().splitlines() if line.endswith(" has stopped")] == STOP_ORDER
    assert run.left() == []


def test_a_second_run_has_the_issues_of_the_first_and_restarts_killed_processes(tmp_path):
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
    front = f"http://127.0.0.1:{again.base}"
    assert ask("GET", f"{front}/v1/coupons/kept/issues/alice")[0] == 200
    for name in ("gateway-1", "persister-1", "issuer"):
        again.kill(name)
        wait_until(lambda name=name: again.is_up() and f"{name} is up again" in again.text(), again.text)
    assert again.text().count("ended unexpectedly (signal SIGKILL) and is restarted") == 3
    wait_until(lambda: ask("GET", f"{front}/v1/coupons/kept/issues/alice")[0] == 200, "it serves again")

    while again.process.poll() is None:
        again.kill("persister-1")
    assert again.process.wait(120) == 1
    assert ("persister-1 has ended 6 times within 60 s, the last time with signal SIGKILL; its log, "
            in again.text())
    assert "/log/persister-1.log" in again.text()
    assert again.left() == []


@pytest.mark.parametrize("closed", ["by its reader", "from the start"])
def test_without_a_reader_of_its_output_it_stops_in_order(tmp_path, closed):
    if closed == "from the start":
        run = Run(tmp_path, gateways=1, persisters=1, through=("sh", "-c", 'exec "$@" >&-', "sh"))
    else:
        reading, writing = os.pipe()
        run = Run(tmp_path, gateways=1, persisters=1, stdout=writing)
        os.close(writing)
    try:
        wait_until(run.prometheus_answers, run.text)
        if closed == "by its reader":
            os.close(reading)  # like the Ctrl-C of a terminal, which reaches the whole pipeline
        order = [run.pid_of(name) for name in ("mariadb", "persister-1", "issuer", "gateway-1")]
        run.process.send_signal(signal.SIGINT)
        while run.process.poll() is None:
            gone = [not os.path.exists(f"/proc/{pid}") for pid in order]
            assert gone == sorted(gone), f"gone, from the database to the gateway: {gone}"
            time.sleep(0.002)
        assert run.process.returncode == 0, run.text()
    finally:
        run.process.terminate()
        run.process.wait(120)
    assert run.text() == ""
    assert run.left() == []


def test_ports_in_use_are_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port_range(20)))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run([sys.executable, "-m", "deploy.local.full", "--program", binary(), "--dir", tmp_path,
                                 "--port-base", str(port)], cwd=REPOSITORY, capture_output=True, text=True,
                                env=environment(), check=False)
    assert result.returncode == 1
    assert f"{port} (front)" in result.stderr
    assert "--port-base" in result.stderr
    assert result.stdout == ""
