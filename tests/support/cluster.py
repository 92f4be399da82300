"""The real program on free loopback ports, in a directory of its own.

    with Cluster.dev(tmp_path) as cluster: …                                     # everything in one process, SQLite
    with Cluster(tmp_path, gateways=3, partitions=4, persisters=2) as cluster: … # processes on one machine, SQLite
    with Cluster(tmp_path, database=MariaDB(), transport="tcp") as cluster: …    # a server of servers.py

The binary is $COUPOND_TEST_BINARY, else build/dev/coupond/coupond. Leaving the context stops all members by SIGTERM and
fails when one does not exit with 0, had died by itself, or has reported anything to a sanitizer. Everything waits for
conditions; the deadlines are for hung programs only, and generous enough for sanitized builds on a busy machine.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from ports import free_port, free_port_range

REPOSITORY = Path(__file__).resolve().parents[2]
SEGMENT_MB = 4  # two of them lie ready for each partition of each test
ISSUER_TIMEOUT_MS = 20_000  # a slow disk of a busy machine is no failure; whoever tests that limit sets it
DEADLINE_SECONDS = int(os.environ.get("COUPOND_TEST_DEADLINE_SECONDS", 180))
SANITIZER_REPORT = re.compile(r"(ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w*Sanitizer).*")


class ClusterError(AssertionError):
    """A member of the cluster failed, or did not do in time what the test waits for."""


def binary():
    named = os.environ.get("COUPOND_TEST_BINARY")
    path = named or REPOSITORY / "build/dev/coupond/coupond"
    if not os.access(path, os.X_OK):
        raise ClusterError(f"{path} is not there; build it with ./dev build, or name another in COUPOND_TEST_BINARY")
    return str(Path(path).resolve())


def environment():
    """The environment without COUPOND_* variables of the caller's shell, and with sanitizers that abort at once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUPOND_")}
    return {
        "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
        **kept,
    }


def wait_until(condition, what, seconds=DEADLINE_SECONDS, pause=0.02):
    """Waits until condition() is true and returns its value; `what` names the condition in the failure message."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ClusterError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


def run_coupond(*arguments, timeout=DEADLINE_SECONDS):
    """Runs a command of the program until it exits."""
    result = subprocess.run([binary(), *map(str, arguments)], env=environment(), capture_output=True, text=True,
                            timeout=timeout, check=False)
    report = SANITIZER_REPORT.search(result.stderr)
    if report:
        raise ClusterError(f"coupond {arguments[0]}: {result.stderr[report.start():][:4000]}")
    return result


class Member:
    """One process of the cluster. Its log collects the output of all its runs."""

    def __init__(self, name, arguments, directory, status_address, operator_address=None):
        self.name = name
        self.arguments = arguments
        self.status_address = status_address  # of a gateway: where clients are served
        self.operator_address = operator_address or status_address
        self.log_path = Path(directory) / f"{name}.log"
        self.process = None
        self.starts = 0
        self.environment = {}  # beside what all have: libraries that inject faults
        self.prefix = []  # a command that runs the program somewhere else, such as in another network namespace
        self.patience_seconds = DEADLINE_SECONDS  # for one answer of the status port

    def start(self):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, binary(), *self.arguments],
                                            env={**environment(), **self.environment}, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.log_path.parent)
        self.starts += 1

    def check_alive(self):
        status = self.process.poll() if self.process else None
        if status is not None:
            raise ClusterError(f"{self.name} ended by itself with status {status}:\n{self.log()[-4000:]}")

    def wait_for_end(self):
        """Waits until the process has exited by itself, and returns its exit status (negative: the signal)."""
        status = self.process.wait(DEADLINE_SECONDS)
        self.process = None
        return status

    def kill(self):
        """kill -9"""
        self.check_alive()
        self.process.kill()
        self.process.wait()
        self.process = None

    def stand_still(self):
        """Sends SIGSTOP and waits until every thread has stopped, which takes a moment in a process with several."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """Sends SIGTERM and expects exit status 0."""
        if self.process is None:
            return
        self.check_alive()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise ClusterError(f"{self.name} did not end after SIGTERM:\n{self.log()[-4000:]}") from None
        finally:
            self.process = None
        if status != 0:
            raise ClusterError(f"{self.name} exited with {status} after SIGTERM:\n{self.log()[-4000:]}")

    def end(self):
        """Ends the process whatever state it is in."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self):
        try:
            return self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def get(self, path, address=None):
        """Status and text; status 0 when the member cannot be reached."""
        connection = http.client.HTTPConnection(address or self.status_address, timeout=self.patience_seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def is_up(self):
        """Whether the status port answers, whatever the answer."""
        return self.get("/livez")[0] == 200

    def is_ready(self):
        """Whether /readyz says that nothing is missing. A gateway without an issuer is ready, but names the issuer."""
        self.check_alive()
        status, text = self.get("/readyz")
        return status == 200 and "No answer from partition" not in text

    def detail(self):
        """The text that /readyz returns beside its status."""
        return json.loads(self.get("/readyz")[1]).get("detail", "")

    def wait_detail(self, words):
        wait_until(lambda: words in self.detail(), lambda: f"{self.name} tells {words!r}; it tells {self.detail()!r}")

    def metrics(self):
        """{'name{label="x"}': value}"""
        status, text = self.get("/metrics", self.operator_address)
        if status != 200:
            raise ClusterError(f"{self.name}: /metrics answered {status}")
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}


def metric_sum(metrics, name):
    """The sum of a metric over its labels."""
    return sum(value for key, value in metrics.items() if key == name or key.startswith(name + "{"))


class Cluster:
    def __init__(self, directory, gateways=1, partitions=1, persisters=1, transport="shm", database=None, options=None,
                 dev=False):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.database = database
        self.partitions = partitions
        self.journal_directory = self.directory / "journal"
        self.store_path = self.directory / "coupond.db"
        self.config_path = self.directory / "coupond.conf"
        self.options = {"log/level": "info", "issuer/keep_minutes": 0, "issuer/segment_mb": SEGMENT_MB,
                        "gateway/issuer_timeout_ms": ISSUER_TIMEOUT_MS, **(options or {})}
        self.gateways, self.persisters = [], []
        self.issuer = None
        if dev:
            self._plan_dev()
        else:
            self._plan_processes(transport, gateways, persisters)

    @classmethod
    def dev(cls, directory, options=None):
        return cls(directory, options=options, dev=True)

    # members

    def _plan_dev(self):
        self.issuer = self._member("dev", "dev", f"127.0.0.1:{free_port()}", "gateway/http",
                                   ["--dir", str(self.directory)])
        self.gateways = self.persisters = [self.issuer]
        self.members = [self.issuer]

    def _plan_processes(self, transport, gateways, persisters):
        for name in ("requests", "events", "acks"):
            if transport == "tcp":
                self.options[f"issuer/{name}"] = f"tcp://127.0.0.1:{free_port_range(self.partitions)}"
            else:
                self.options[f"issuer/{name}"] = f"ipc://{self.directory}/{name}"
        if transport == "shm":
            self.options["issuer/local_requests"] = f"shm://{self.directory}/local"
        self.options["issuer/partitions"] = self.partitions
        self.options["issuer/journal_dir"] = self.journal_directory
        # A command that a test runs beside the members must not listen on the default ports.
        self.options.update({"issuer/http": "", "persister/http": "", **self.options, **self._store_options()})
        self.issuer = self._member("issuer", "issuer", f"127.0.0.1:{free_port()}", "issuer/http")
        self.gateways = [self._member(f"gateway-{i}", "gateway", f"127.0.0.1:{free_port()}", "gateway/http")
                         for i in range(gateways)]
        self.persisters = [self._member(f"persister-{i}", "persister", f"127.0.0.1:{free_port()}", "persister/http")
                           for i in range(persisters)]
        self.members = [self.issuer, *self.persisters, *self.gateways]

    def _member(self, name, role, address, address_option, more=()):
        arguments = [role, "--config", str(self.config_path), "--set", f"{address_option}={address}", *more]
        operator_address = None
        if address_option == "gateway/http":
            operator_address = f"127.0.0.1:{free_port()}"
            arguments += ["--set", f"gateway/operator_http={operator_address}"]
        return Member(name, arguments, self.directory, address, operator_address)

    def _store_options(self):
        if self.database is None:
            return {"store/path": self.store_path}
        variables = self.database.environment()
        return {name.removeprefix("COUPOND_").lower().replace("_", "/", 1): value for name, value in variables.items()
                if name.startswith("COUPOND_STORE_")}

    def write_config(self):
        sections = {}
        for name, value in self.options.items():
            section, key = name.split("/", 1)
            sections.setdefault(section, []).append(f'    {key} = "{value}"\n')
        text = "".join(f"{section}\n{''.join(lines)}" for section, lines in sections.items())
        self.config_path.write_text(text)

    # lives

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind, error, _):
        try:
            if kind is None:
                self.stop()
                self.check_logs()
            elif not issubclass(kind, KeyboardInterrupt):
                with contextlib.suppress(ClusterError, OSError):
                    self.check_logs()
                print(self.describe_logs())
        finally:
            self.end()

    def start(self):
        self.write_config()
        for member in self.members:
            member.start()
        self.wait_ready()

    def stop(self):
        for member in reversed(self.members):
            member.stop()

    def end(self):
        for member in self.members:
            member.end()

    def wait_ready(self):
        for member in self.members:
            wait_until(member.is_ready, lambda member=member: f"{member.name} ready\n{member.log()[-4000:]}")

    def check_logs(self):
        """Asserts that no sanitizer reported anything in any run of any member."""
        for member in self.members:
            report = SANITIZER_REPORT.search(member.log())
            if report:
                raise ClusterError(f"{member.name}: {member.log()[report.start():][:6000]}")

    def describe_logs(self):
        return "".join(f"--- {member.name}\n{member.log()[-3000:]}\n" for member in self.members)

    # HTTP

    @property
    def addresses(self):
        return [gateway.status_address for gateway in self.gateways]

    def request(self, method, path, body=None, headers=None, gateway=0):
        """One request on a connection of its own: status, headers, parsed JSON (or None)."""
        connection = http.client.HTTPConnection(self.addresses[gateway], timeout=DEADLINE_SECONDS)
        try:
            content = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
            content_type = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, content, {**content_type, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            is_json = "json" in (answer.headers.get("Content-Type") or "")
            return answer.status, answer.headers, json.loads(text) if is_json and text else None
        finally:
            connection.close()

    def create_coupon(self, coupon, quantity, **more):
        status, _, body = self.request("POST", "/v1/coupons",
                                       {"id": coupon, "title": coupon, "quantity": quantity, **more})
        assert status == 201, (status, body)
        return body

    def coupon(self, coupon):
        """The coupon as the issuer has it now, past every cache."""
        status, _, body = self.request("GET", f"/v1/coupons/{coupon}", headers={"Cache-Control": "no-cache"})
        assert status == 200, (status, body)
        return body

    def issue(self, coupon, user, **more):
        status, _, body = self.request("POST", f"/v1/coupons/{coupon}/issues", {"user_id": user}, **more)
        return status, body

    # store and journal

    def backlog(self):
        """The number of journal records that the store does not have yet, from the issuer's metrics."""
        metrics = self.issuer.metrics()
        behind = (metric_sum(metrics, "coupond_issuer_journal_sequence")
                  - metric_sum(metrics, "coupond_issuer_persisted_sequence"))
        return max(behind, metric_sum(metrics, "coupond_issuer_persist_lag_rows"))

    def wait_drained(self):
        wait_until(lambda: self.backlog() == 0, lambda: f"backlog drained; {self.backlog():.0f} rows are left")

    def query(self, sql, *parameters):
        """Rows of a SELECT on the store, in a transaction of its own."""
        with contextlib.closing(self._connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql if self.database is None else sql.replace("?", "%s"), parameters)
            rows = cursor.fetchall()
            connection.commit()
            return list(rows)

    def _connect(self):
        if self.database is None:
            return sqlite3.connect(self.store_path, timeout=DEADLINE_SECONDS)
        import pymysql
        return pymysql.connect(unix_socket=str(self.database.socket), user=self.database.user,
                               password=self.database.password, database=self.database.database, charset="utf8mb4")

    def issues(self):
        """{coupon: {sequence: user}} as the store has it."""
        found = {}
        for coupon, sequence, user in self.query("SELECT coupon_id, sequence, user_id FROM coupon_issue"):
            found.setdefault(_text(coupon), {})[sequence] = _text(user)
        return found

    def segments(self):
        return sorted(self.journal_directory.rglob("*.segment"))

    def verify(self, *more):
        where = ["--dir", self.directory] if self.members == [self.issuer] else ["--config", self.config_path]
        return run_coupond("verify", *where, *more)

    def assert_kept(self):
        result = self.verify()
        assert result.returncode == 0, f"verify exited with {result.returncode}\n{result.stdout}{result.stderr}"

    def journal_check(self):
        return run_coupond("journal", "check", self.journal_directory)


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
