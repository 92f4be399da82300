"""The whole system of docker-compose.yml on this machine, without containers.

    with System("var/full") as system:   # MariaDB, Redis, issuer, persisters, gateways behind HAProxy, Prometheus, …
        print(system.front_url)

    with System(tmp_path, gateways=2, database="sqlite", redis=False, monitoring=False, ports="free") as system: …

`directory` has everything: data, logs (log/NAME.log), generated configuration and secrets; a second run continues with
it. Programs come from the system's packages; coupond itself is `program`. Failures are LocalErrors that say what to do.
"""

import contextlib
import fcntl
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from . import monitors, ports as port_plans
from .process import LocalError, Process, READY_SECONDS, answers_200, describe_status, environment
from .servers import MariaDB, REPOSITORY, Redis, haproxy

PROGRAM = REPOSITORY / "build/release/coupond/coupond"
UNIX_SOCKET_PATH_MAX = 107
DRAIN_SECONDS = 20


class System:
    """`ports` is "usual", "free" (consecutive free ports) or the first of consecutive ports. `options` are options of
    all roles: {"issuer/sync": "os"}. `say` is called with a line for everything that starts or ends."""

    def __init__(self, directory, *, program=PROGRAM, gateways=3, persisters=2, database="mariadb", redis=True,
                 haproxy=True, monitoring=True, ports="usual", options=None, say=lambda line: None):
        self.directory = Path(directory).resolve()
        self.program = Path(program).resolve()
        self.gateway_count, self.persister_count = gateways, persisters
        self.database_kind, self.with_redis = database, redis
        self.with_haproxy, self.with_monitoring = haproxy, monitoring
        self.say = say
        self.config_path = self.directory / "coupond.conf"
        self.more_options = dict(options or {})
        self.processes = []  # in the order of their start
        self.returning = {}  # restarted processes that are not ready yet, with their deadline
        self.ports = self._plan_ports(ports)
        self.database = self.redis = self.run_directory = self.lock = None

    def _plan_ports(self, wanted):
        ports = port_plans.usual(self.gateway_count, self.persister_count)
        left_out = {"front", "haproxy-metrics"} if not self.with_haproxy else set()
        if not self.with_monitoring:
            left_out |= {"prometheus", "alertmanager", "mysqld-exporter", "redis-exporter"}
        if self.database_kind != "mariadb":
            left_out.add("mysqld-exporter")
        if not self.with_redis:
            left_out.add("redis-exporter")
        ports = {name: port for name, port in ports.items() if name not in left_out}
        if wanted == "usual":
            return ports
        return port_plans.free_row(list(ports)) if wanted == "free" else port_plans.in_a_row(list(ports), int(wanted))

    # addresses and processes

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def gateway_urls(self):
        return [self.url(f"gateway-{i + 1}") for i in range(self.gateway_count)]

    @property
    def metrics_urls(self):
        """The URLs of every member of coupond, for `coupond top`."""
        gateways = [f"gateway-operator-{i + 1}" for i in range(self.gateway_count)]
        return [self.url(name)
                for name in (*gateways, "issuer", *(f"persister-{i + 1}" for i in range(self.persister_count)))]

    @property
    def front_url(self):
        """The URL for clients: HAProxy, or the first gateway without HAProxy."""
        return self.url("front") if self.with_haproxy else self.gateway_urls[0]

    def pids(self):
        """{name: pid} of all running processes."""
        return {process.name: process.pid for process in self.processes if process.pid}

    def log_of(self, name):
        return self.directory / f"log/{name}.log"

    def coupond(self, *arguments, timeout=600):
        """Runs a command of the program with this system's configuration, such as system.coupond("verify",
        "--json")."""
        command, *rest = map(str, arguments)
        return subprocess.run([self.program, command, "--config", self.config_path, *rest], env=environment(),
                              capture_output=True, text=True, timeout=timeout, check=False)

    # life

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, error, _):
        problems = self.stop()
        if problems and (kind is None or issubclass(kind, SystemExit)):
            raise LocalError("\n".join(problems))

    def start(self):
        if not self.program.exists():
            raise LocalError(f"{self.program} does not exist; ./dev build creates it")
        port_plans.check_free(self.ports)
        self._prepare_directory()
        self._start_databases()
        self._write_config()
        members = self._members()
        self._start(members)
        if self.with_haproxy:
            self._start([haproxy(self.directory, self.ports,
                                 [self.ports[f"gateway-{i + 1}"] for i in range(self.gateway_count)],
                                 self.log_of("haproxy"))])
        if self.with_monitoring:
            self._start(self._monitors())

    def _start(self, processes):
        """Starts all of them at once, then waits for each."""
        for process in processes:
            self.processes.append(process)
            process.start()
        for process in processes:
            process.wait_ready()
            self.say(f"{process.name} is up")

    def supervise(self):
        """Restarts processes that ended unexpectedly, and returns at once; raises LocalError if one of them keeps
        ending."""
        for process in self.processes:
            status = process.status()
            if status is not None:
                self.say(f"{process.name} ended unexpectedly ({describe_status(status)}) and is restarted; its log: "
                         f"{process.log}")
                process.restart()
                self.returning[process] = time.monotonic() + READY_SECONDS
        for process, deadline in list(self.returning.items()):
            if process.ready():
                self.say(f"{process.name} is up again")
            elif time.monotonic() > deadline:
                self.say(f"{process.name} is still not ready after {READY_SECONDS} s; its log: {process.log}")
            else:
                continue
            del self.returning[process]

    def stop(self):
        """Stops everything, HAProxy and gateways first; returns one line for each problem."""
        problems = []
        while self.processes:
            process = self.processes.pop()
            if process.name.startswith("issuer"):
                self._wait_until_stored()
            problem = process.stop()
            self.say(problem or f"{process.name} has stopped")
            problems += [problem] if problem else []
        if self.run_directory and self.run_directory.parent != self.directory:
            shutil.rmtree(self.run_directory, ignore_errors=True)
        if self.lock:
            self.lock.close()
            self.lock = None
        return problems

    def backlog(self):
        """The number of rows that the database does not have yet, from the issuer's metrics; None if the issuer does
        not answer."""
        with contextlib.suppress(OSError, ValueError):
            with urllib.request.urlopen(self.url("issuer") + "/metrics", timeout=5) as answer:
                lines = [line.rsplit(" ", 1)
                         for line in answer.read().decode().splitlines() if not line.startswith("#")]
            return sum(float(value) for name, value in lines if name.startswith("coupond_issuer_persist_lag_rows"))
        return None

    def _wait_until_stored(self):
        """Waits for the persisters. Without it, the remaining rows would be stored after the next start."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.backlog() and time.monotonic() < deadline:
            time.sleep(0.05)

    # parts

    def _prepare_directory(self):
        for folder in (self.directory, self.directory / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.directory / "lock", "w", encoding="ascii")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalError(f"{self.directory} is in use by another run; choose another folder with --dir") from None
        self.run_directory = self.directory / "run"
        if len(str(self.run_directory / "mariadb.sock")) > UNIX_SOCKET_PATH_MAX - 8:
            self.run_directory = Path(tempfile.mkdtemp(prefix="coupond-"))
        self.run_directory.mkdir(mode=0o700, exist_ok=True)

    def _start_databases(self):
        processes = []
        if self.database_kind == "mariadb":
            self.database = MariaDB(self.directory, self.run_directory, self.log_of("mariadb"))
            processes.append(self.database.process())
        if self.with_redis:
            self.redis = Redis(self.directory, self.run_directory, self.log_of("redis"))
            processes.append(self.redis.process())
        self._start(processes)

    def options(self):
        run = self.run_directory
        options = {f"issuer/{name}": f"ipc://{run}/{name}" for name in ("requests", "events", "acks")}
        options.update({"issuer/local_requests": f"shm://{run}/local", "issuer/journal_dir": self.directory / "journal",
                        "issuer/http": f"127.0.0.1:{self.ports['issuer']}"})
        options.update(self.database.options() if self.database else {"store/path": self.directory / "coupond.db"})
        if self.redis:
            options["gateway/redis"] = f"unix://{self.redis.socket}"
        return {**options, **self.more_options}

    def _write_config(self):
        sections = {}
        for name, value in self.options().items():
            section, key = name.split("/", 1)
            sections.setdefault(section, []).append(f'    {key} = "{value}"\n')
        self.config_path.write_text("".join(f"{section}\n{''.join(lines)}" for section, lines in sections.items()))

    def _members(self):
        persisters = [self._member("persister", i + 1) for i in range(self.persister_count)]
        gateways = [self._member("gateway", i + 1) for i in range(self.gateway_count)]
        return [*persisters, self._member("issuer"), *gateways]

    def _member(self, role, number=None):
        name = f"{role}-{number}" if number else role
        port = self.ports[name]
        command = [self.program, role, "--config", self.config_path, "--set", f"{role}/http=127.0.0.1:{port}"]
        if role == "gateway":
            command += ["--set", f"gateway/operator_http=127.0.0.1:{self.ports[f'gateway-operator-{number}']}"]
        return Process(name, command, self.log_of(name), lambda: answers_200(port, "/readyz"))

    def _monitors(self):
        ports, processes = self.ports, []
        if self.database:
            processes.append(self.database.exporter(ports["mysqld-exporter"], self.log_of("mysqld-exporter")))
        if self.redis:
            processes.append(self.redis.exporter(ports["redis-exporter"], self.log_of("redis-exporter")))
        processes.append(monitors.alertmanager(self.directory, ports, self.log_of("alertmanager")))
        processes.append(monitors.prometheus(self.directory, ports, self.log_of("prometheus")))
        return processes
