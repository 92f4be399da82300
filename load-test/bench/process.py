"""The common part of all peers: processes in a private directory, which end with it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from .clients import COUPON, BenchError, run_wrk

READY_SECONDS = 20


class Peer:
    """Processes that answer on self.url; self.pids lists those whose CPU time counts. A context manager."""

    name = None
    has_journal = False  # counters() has bytes and batches, which are synced in its directory
    speaks_api = True  # the same POST and GET of /v1/coupons as coupond

    def __init__(self, directory):
        self.directory = tempfile.mkdtemp(dir=directory)
        self.processes = []
        self.servers = []
        self.pids = {}

    def start(self):
        raise NotImplementedError

    def spawn(self, name, command, **more_environment):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("COUPOND_")}
        with open(self.log_path(name), "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory,
                                       env={**environment, **more_environment})
        self.processes.append((name, process))
        return process

    def wait_until(self, ready, what):
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            for name, process in self.processes:
                if process.poll() is not None:
                    raise BenchError(f"{name} ended with status {process.returncode}:\n{self.log(name)}")
            if time.monotonic() > deadline:
                raise BenchError(f"{what} did not become ready within {READY_SECONDS} s\n{self.logs()}")
            time.sleep(0.02)

    def wait_for(self, url, wanted=(200, 201)):
        def ready():
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    return answer.status in wanted
            except OSError:
                return False
        self.wait_until(ready, url)

    def add_server(self, server):
        """Starts a server of tests/support/servers.py, which is stopped after the processes."""
        self.servers.append(server)
        return server.__enter__()

    def log_path(self, name):
        return os.path.join(self.directory, f"{name}.log")

    def log(self, name):
        with open(self.log_path(name), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def logs(self):
        return "".join(f"{name}: {self.log(name)}" for name, _ in self.processes)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for _, process in reversed(self.processes):
            self.end(process)
        for server in reversed(self.servers):
            server.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # interface for the measurements

    def load(self, connections, seconds, prefix):
        """Requests issues as fast as the peer answers; see clients."""
        return run_wrk(self.url, connections, seconds, prefix)

    def counters(self):
        """Totals so far, if the peer has them: `decided` by that many `syncs`, `sent` in that many
        `messages`."""
        return {}

    def issued(self):
        """The number of issues so far, or None if the peer has no count."""
        request = urllib.request.Request(f"{self.url}/v1/coupons/{COUPON}", headers={"Cache-Control": "no-cache"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["issued"]

    def stored(self):
        """The number of issues in the database so far, if storing continues after the answers; otherwise None."""
        return None

    def refusals(self):
        """Lines that explain the answers other than 2xx."""
        return []
