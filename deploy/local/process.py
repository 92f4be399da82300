"""One program of a local system: its start, its readiness, and its end."""

import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

READY_SECONDS = 120
STOP_SECONDS = 60
RESTARTS_MAX = 5  # within RESTART_SECONDS
RESTART_SECONDS = 60


class LocalError(Exception):
    """The reason why the system cannot start or keep running, for the user."""


def environment():
    """The caller's environment without coupond's variables, which would override the configuration of every role."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COUPOND_")}


def tail(path, lines=15):
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        return "\n".join("    " + line for line in text.splitlines()[-lines:])
    except OSError:
        return ""


def answers_200(port, path):
    """Whether a loopback port answers a GET of the path with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Process:
    """A command with a log, in its own session, so that a Ctrl-C in the terminal reaches only its parent.

    It receives SIGTERM when the thread that started it ends for any reason (setpriv --pdeathsig).
    """

    def __init__(self, name, command, log, ready, variables=None, stop_signal=signal.SIGTERM):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = Path(log)
        self.ready = ready  # a function: whether it is ready
        self.variables = variables or {}
        self.stop_signal = stop_signal
        self.process = None
        self.restarts = []  # times of recent restarts

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def start(self):
        with open(self.log, "ab") as log:
            try:
                self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self.command], stdout=log,
                                                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                                                env={**environment(), **self.variables})
            except OSError as error:
                raise LocalError(f"{self.name} cannot be started: {error}") from None

    def status(self):
        """The exit status if it has ended; None while it runs."""
        return self.process.poll() if self.process else None

    def check_alive(self):
        status = self.status()
        if status is not None:
            raise LocalError(f"{self.name} ended unexpectedly ({describe_status(status)}); its log, {self.log}, ends "
                             f"with\n{tail(self.log)}")

    def restart(self):
        """Restarts it after it ended, or raises LocalError if it has ended too often recently."""
        now = time.monotonic()
        self.restarts = [then for then in self.restarts if now - then < RESTART_SECONDS] + [now]
        if len(self.restarts) > RESTARTS_MAX:
            raise LocalError(f"{self.name} has ended {len(self.restarts)} times within {RESTART_SECONDS} s, the last "
                             f"time with {describe_status(self.status())}; its log, {self.log}, ends "
                             f"with\n{tail(self.log)}")
        self.start()

    def wait_ready(self, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while not self.ready():
            self.check_alive()
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} is not ready after {seconds} s; its log, {self.log}, ends "
                                 f"with\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self, seconds=STOP_SECONDS):
        """Stops it in any case. Returns None if it ended normally, otherwise the problem."""
        if not self.process:
            return None
        process, self.process = self.process, None
        had_ended = process.poll() is not None
        if not had_ended:
            process.send_signal(self.stop_signal)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f"{self.name} had to be killed: it did not end within {seconds} s; see {self.log}"
        if had_ended or status not in (0, -self.stop_signal):
            return f"{self.name} ended with {describe_status(status)}; see {self.log}"
        return None


def describe_status(status):
    return f"status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
