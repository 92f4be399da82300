"""The servers around coupond, from the system's packages: their commands, files and data in a private directory."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from .process import LocalError, Process, answers_200, environment, tail

REPOSITORY = Path(__file__).resolve().parents[2]
HAPROXY_CONFIG = REPOSITORY / "deploy/haproxy/haproxy.cfg"
DATABASE_USER, EXPORTER_USER, DATABASE = "coupond", "exporter", "coupond"

PACKAGES = {"mariadbd": "mariadb-server-core", "mariadb-install-db": "mariadb-server-core",
            "redis-server": "redis-server", "haproxy": "haproxy", "prometheus": "prometheus",
            "prometheus-alertmanager": "prometheus-alertmanager",
            "prometheus-mysqld-exporter": "prometheus-mysqld-exporter",
            "prometheus-redis-exporter": "prometheus-redis-exporter"}


def find_program(name):
    """The path of a program, which may be in a folder of servers that is not in an ordinary user's PATH."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if not path:
        raise LocalError(f"{name} is not installed; on Debian and Ubuntu: apt-get install {PACKAGES[name]}")
    return path


def secret_file(path):
    """A password that is generated once and kept in a file that only its owner can read."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16) + "\n")
    return path.read_text().strip()


class MariaDB:
    """A server without a port: all its clients are on this machine and use its UNIX socket."""

    def __init__(self, directory, run_directory, log):
        self.data = directory / "mariadb"
        self.temporary = directory / "mariadb-tmp"  # private: a starting server removes the files of others in /tmp
        self.setup = directory / "secrets/mariadb.sql"
        self.socket = run_directory / "mariadb.sock"
        self.password_file = directory / "secrets/db_password"
        self.exporter_password = secret_file(directory / "secrets/exporter_password")
        self.log = log

    def process(self):
        self.temporary.mkdir(exist_ok=True)
        self._write_setup()
        self._install()
        options = ["--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.temporary}", f"--socket={self.socket}",
                   f"--pid-file={self.data}/pid", "--skip-networking", f"--init-file={self.setup}",
                   "--innodb-buffer-pool-size=128M"]
        return Process("mariadb", [find_program("mariadbd"), *options, *run_as_root()], self.log, self._greets)

    def options(self):
        return {"store/type": "mysql", "store/socket": self.socket, "store/user": DATABASE_USER,
                "store/password_file": self.password_file, "store/database": DATABASE}

    def _write_setup(self):
        password = secret_file(self.password_file)
        self.setup.touch(mode=0o600)
        self.setup.write_text(f"""\
CREATE DATABASE IF NOT EXISTS {DATABASE};
CREATE USER IF NOT EXISTS '{DATABASE_USER}'@'localhost' IDENTIFIED BY '{password}';
GRANT ALL ON {DATABASE}.* TO '{DATABASE_USER}'@'localhost';
CREATE USER IF NOT EXISTS '{EXPORTER_USER}'@'localhost' IDENTIFIED BY '{self.exporter_password}';
GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR, SELECT ON *.* TO '{EXPORTER_USER}'@'localhost';
""")

    def _install(self):
        if (self.data / "mysql").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)  # remains of an interrupted installation
        making = self.data.with_name("mariadb-making")
        shutil.rmtree(making, ignore_errors=True)
        command = [find_program("mariadb-install-db"), "--no-defaults", "--force", f"--datadir={making}",
                   f"--tmpdir={self.temporary}", "--skip-test-db", "--auth-root-authentication-method=normal",
                   *run_as_root()]
        with open(self.log, "ab") as log:
            status = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment(),
                                    check=False).returncode
        if status != 0:
            raise LocalError(f"mariadb-install-db ended with status {status}; its log, {self.log}, ends "
                             f"with\n{tail(self.log)}")
        making.rename(self.data)

    def _greets(self):
        """Whether the server sends a greeting, which begins with the protocol's version, 10."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                greeting = connection.recv(5)
                return len(greeting) == 5 and greeting[4] == 10
        except OSError:
            return False

    def exporter(self, port, log):
        address = f"{EXPORTER_USER}:{self.exporter_password}@unix({self.socket})/"
        return Process("mysqld-exporter",
                       [find_program("prometheus-mysqld-exporter"), f"--web.listen-address=127.0.0.1:{port}"], log,
                       lambda: answers_200(port, "/metrics"), {"DATA_SOURCE_NAME": address})


def run_as_root():
    return ["--user=root"] if os.geteuid() == 0 else []


class Redis:
    """A cache without persistence, on a UNIX socket."""

    def __init__(self, directory, run_directory, log):
        self.directory = directory
        self.socket = run_directory / "redis.sock"
        self.log = log

    def process(self):
        command = [find_program("redis-server"), "--port", 0, "--unixsocket", self.socket, "--unixsocketperm", 700,
                   "--dir", self.directory, "--save", "", "--appendonly", "no", "--maxmemory", "256mb",
                   "--maxmemory-policy", "allkeys-lru"]
        return Process("redis", command, self.log, self._answers)

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def exporter(self, port, log):
        command = [find_program("prometheus-redis-exporter"), "-redis.addr", f"unix://{self.socket}",
                   "-web.listen-address", f"127.0.0.1:{port}"]
        return Process("redis-exporter", command, log, lambda: answers_200(port, "/metrics"))


def haproxy(directory, ports, gateway_ports, log):
    """HAProxy with the shipped configuration and this system's gateways."""
    backend = directory / "haproxy-gateways.cfg"
    servers = "".join(f"    server gateway-{i + 1} 127.0.0.1:{port}\n" for i, port in enumerate(gateway_ports))
    backend.write_text(f"backend gateways\n{servers}")
    addresses = {"COUPOND_FRONT": f"127.0.0.1:{ports['front']}",
                 "COUPOND_FRONT_METRICS": f"127.0.0.1:{ports['haproxy-metrics']}"}
    return Process("haproxy", [find_program("haproxy"), "-db", "-f", HAPROXY_CONFIG, "-f", backend], log,
                   lambda: answers_200(ports["front"], "/readyz"), addresses, stop_signal=signal.SIGUSR1)
