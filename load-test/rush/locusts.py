"""Locust as processes: a master, its workers, and the files that they write."""

import csv
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import REPOSITORY

LOCUSTFILE = os.path.join(REPOSITORY, "load-test/locust/locustfile.py")
START_SECONDS, JUDGE_SECONDS, STOP_SECONDS = 30, 120, 10


class LocustError(Exception):
    """Locust failed."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Locusts:
    """One run. The names of its files begin with `prefix`. The processes end with the thread that started them (setpriv
    --pdeathsig)."""

    def __init__(self, host, prefix, scenario, workers, crowd, seconds, countdown, more=()):
        self.host, self.prefix, self.workers = host, str(prefix), workers
        self.seconds = countdown + seconds
        self.options = ["--scenario", scenario, "--crowd", str(crowd), "--seconds", str(seconds), "--countdown",
                        str(countdown), *more]
        self.processes = {}

    def __enter__(self):
        port = str(free_port())
        common = ["locust", "-f", LOCUSTFILE, "--host", self.host, *self.options]
        master = [*common, "--master", "--headless", "--master-bind-host", "127.0.0.1", "--master-bind-port", port,
                  "--expect-workers", str(self.workers), "--expect-workers-max-wait", str(START_SECONDS),
                  "--only-summary", "--csv", self.prefix, "--html", f"{self.prefix}.html", "--promises",
                  f"{self.prefix}_promises.json"]
        worker = [*common, "--worker", "--master-host", "127.0.0.1", "--master-port", port]
        try:
            self._start("locust-master", master)
            for number in range(self.workers):
                self._start(f"locust-worker-{number + 1}", worker)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, name, command):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with open(f"{self.prefix}_{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdout=log,
                                                    stderr=log, stdin=subprocess.DEVNULL, env=environment)

    def __exit__(self, *_):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pids(self):
        return {name: process.pid for name, process in self.processes.items()}

    def wait(self):
        """Waits until the master has ended; returns its exit status."""
        master = self.processes["locust-master"]
        deadline = time.monotonic() + START_SECONDS + self.seconds + JUDGE_SECONDS
        while master.poll() is None:
            for name, process in self.processes.items():
                if process is not master and process.poll() not in (None, 0) and master.poll() is None:
                    raise LocustError(f"{name} ended with status {process.returncode}:\n{self.tail(name)}")
            if time.monotonic() > deadline:
                raise LocustError(f"the master did not end:\n{self.tail('locust-master')}")
            time.sleep(0.1)
        return master.returncode

    def tail(self, name):
        return Path(f"{self.prefix}_{name}.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def promises(self):
        """The master's result."""
        try:
            return json.loads(Path(f"{self.prefix}_promises.json").read_text(encoding="utf-8"))
        except OSError:
            raise LocustError(f"the master has written no result:\n{self.tail('locust-master')}") from None


def read_stats(prefix):
    """From Locust's CSV: failures of all requests, and latencies in ms of the requests for issues."""
    with open(f"{prefix}_stats.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    asks = ([row for row in rows if row["Name"].endswith("/issues") and row["Type"] == "POST"]
            or [row for row in rows if "/issues" in row["Name"]])
    total = next(row for row in rows if row["Name"] == "Aggregated")
    if not asks:
        raise LocustError("no requests were sent")
    return {"requests": int(total["Request Count"]), "failures": int(total["Failure Count"]),
            "p50_ms": float(asks[0]["50%"]), "p99_ms": float(asks[0]["99%"])}
