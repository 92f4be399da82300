#!/usr/bin/env python3
"""Private database servers for tests: a real MariaDB or a real MySQL 9 in a directory of its own.

As a command: starts the server, runs COMMAND with it in the environment, and stops it again:

    python3 tests/support/servers.py mariadb -- ctest --test-dir build/dev -R store
    python3 tests/support/servers.py mysql -- build/dev/coupond/coupond persister

COMMAND finds COUPOND_STORE_* (so that coupond uses the server), COUPOND_TEST_MYSQL ("socket=…;user=…;…", for the unit
tests; `admin` is a user without a password who may do everything, `tls_ca` the authority of a server with TLS) and
COUPOND_TEST_CONTROL: a UNIX socket that takes the lines `stop`, `kill`, `start`, `pause` (the server stands still) and
`resume`, and answers `ok`.

As a module:

    with MariaDB() as database:
        subprocess.run([...], env={**os.environ, **database.environment()})
        database.kill(); database.start()

MariaDB is the machine's own. MySQL comes from Debian sid: Debian's stable releases carry none, so a small tree is made
once with debootstrap in .cache/ (or $COUPOND_TEST_CACHE), and mysqld runs in it by chroot(8), which needs root.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 120
USER, PASSWORD, DATABASE = "coupond", "test secret;=", "coupond"

SETUP = f"""\
CREATE DATABASE IF NOT EXISTS {DATABASE};
CREATE USER IF NOT EXISTS '{USER}'@'localhost' IDENTIFIED BY '{PASSWORD}';
CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON {DATABASE}.* TO '{USER}'@'localhost';
GRANT ALL ON {DATABASE}.* TO '{USER}'@'%';
"""


class ServerError(Exception):
    """A server could not be started; the message ends with its log."""


def cache_directory():
    return Path(os.environ.get("COUPOND_TEST_CACHE") or REPOSITORY / ".cache")


def run_logged(command, log):
    with open(log, "ab") as out:
        result = subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise ServerError(f"{command[0]} ended with status {result.returncode}\n{tail(log)}")


def tail(log, lines=20):
    try:
        return "\n".join(Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


class Server:
    """One server process in a temporary directory; it can be stopped, killed and started again on the same data."""

    name = "server"

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix=f"coupond-{self.name}-"))
        self.log = self.directory / "log"
        self.port = free_port()
        self.process = None

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def prepare(self):
        """Makes the data directory, once."""

    def command(self):
        raise NotImplementedError

    def answers(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        if self.process:
            return
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self.answers():
            if self.process.poll() is not None:
                self.process = None
                raise ServerError(f"{self.name} did not start\n{tail(self.log)}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} did not answer in {DEADLINE_SECONDS} s\n{tail(self.log)}")
            time.sleep(0.02)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def pause(self):
        """Stands still: connections are accepted, and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)  # until every thread has stopped

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how):
        if not self.process:
            return
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)  # after a failed test it may still stand still
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class SqlServer(Server):
    """The parts that MariaDB and MySQL share."""

    def __init__(self):
        super().__init__()
        self.user, self.password, self.database = USER, PASSWORD, DATABASE
        self.socket = self.directory / "s"
        self.more_options = ()  # from the next start on

    def administer(self, *statements):
        """Executes statements as the administrator; returns the rows of the last one."""
        import pymysql
        connected = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        with contextlib.closing(connected) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def options(self, data):
        """`data` is the directory as the server sees it."""
        options = [
            f"--datadir={data}/data",
            f"--socket={data}/s",
            f"--pid-file={data}/pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--init-file={data}/setup.sql",
            "--innodb-buffer-pool-size=64M",
            "--performance-schema=OFF",
            "--secure-file-priv=",
        ]
        return options + (["--user=root"] if os.geteuid() == 0 else [])

    def answers(self):
        """True when the server greets; a greeting begins with the protocol's version, 10."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                greeting = connection.recv(5)
                return len(greeting) == 5 and greeting[4] == 10
        except OSError:
            return False

    def environment(self):
        test = f"socket={self.socket};host=127.0.0.1;port={self.port};user={self.user};database={self.database}"
        password_file = self.directory / "password"
        password_file.write_text(self.password + "\n")
        return {
            "COUPOND_TEST_MYSQL": f"{test};password_file={password_file};admin=root",
            "COUPOND_STORE_TYPE": "mysql",
            "COUPOND_STORE_SOCKET": str(self.socket),
            "COUPOND_STORE_USER": self.user,
            "COUPOND_STORE_PASSWORD_FILE": str(password_file),
            "COUPOND_STORE_DATABASE": self.database,
        }


class MariaDB(SqlServer):
    """The machine's own MariaDB."""

    name = "mariadb"

    def prepare(self):
        (self.directory / "setup.sql").write_text(SETUP)
        (self.directory / "tmp").mkdir()
        command = ["mariadb-install-db", "--no-defaults", "--force", f"--datadir={self.directory}/data",
                   self._temporary(), "--skip-test-db", "--auth-root-authentication-method=normal"]
        run_logged(command + (["--user=root"] if os.geteuid() == 0 else []), self.log)

    def command(self):
        server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
        if not server:
            raise ServerError("mariadbd is not installed; on Debian: apt-get install mariadb-server")
        return [server, "--no-defaults", *self.options(self.directory), self._temporary(), *self.more_options]

    def _temporary(self):
        """A temporary folder of its own: a server that starts removes the tables of every other that shares its
        folder."""
        return f"--tmpdir={self.directory}/tmp"


class Galera(MariaDB):
    """A node of Galera, the first and only one of its cluster."""

    name = "galera"
    provider = "/usr/lib/galera/libgalera_smm.so"

    def command(self):
        if not Path(self.provider).exists():
            raise ServerError("Galera is not installed; on Debian: apt-get install galera-4")
        base = free_port()
        return [*super().command(), "--wsrep-on=ON", f"--wsrep-provider={self.provider}",
                "--wsrep-cluster-address=gcomm://", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2",
                "--wsrep-node-address=127.0.0.1",
                f"--wsrep-provider-options=base_port={base};gmcast.listen_addr=tcp://127.0.0.1:{base}"]


class MySQL(SqlServer):
    """MySQL 9 from Debian sid, in a chroot, with TLS."""

    name = "mysql"

    def __init__(self):
        super().__init__()
        self.tree = mysql_tree()
        data = self.tree / "srv"
        data.mkdir(exist_ok=True)
        self.data = Path(tempfile.mkdtemp(prefix="data-", dir=data))
        # The path of a UNIX socket is short: the test reaches it through a link in the temporary directory.
        self.socket.symlink_to(self.data / "s")

    def prepare(self):
        (self.data / "setup.sql").write_text(SETUP)
        self.make_certificates()
        run_logged([*self._mysqld(), "--initialize-insecure", f"--datadir={self._inside()}/data", "--user=root",
                    "--secure-file-priv="], self.log)

    def command(self):
        tls = [f"--ssl-ca={self._inside()}/ca.pem", f"--ssl-cert={self._inside()}/server.pem",
               f"--ssl-key={self._inside()}/server.key", "--bind-address=127.0.0.1,127.0.0.2"]
        return [*self._mysqld(), *self.options(self._inside()), *tls, "--mysqlx=OFF", *self.more_options]

    def options(self, data):
        return super().options(data) + ["--log-bin-trust-function-creators=1"]  # tests make triggers

    def environment(self):
        environment = super().environment()
        environment["COUPOND_TEST_MYSQL"] += f";tls_ca={self.data}/ca.pem"
        return environment

    def make_certificates(self):
        """A certificate authority, and a certificate of it that is valid for 127.0.0.1 and for no name."""
        def openssl(*arguments):
            run_logged(["openssl", *map(str, arguments)], self.log)

        (self.data / "extensions").write_text("subjectAltName = IP:127.0.0.1\n")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=coupond test authority",
                "-keyout", self.data / "ca.key", "-out", self.data / "ca.pem")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
                "-keyout", self.data / "server.key", "-out", self.data / "server.csr")
        openssl("x509", "-req", "-days", "30", "-in", self.data / "server.csr", "-CA", self.data / "ca.pem",
                "-CAkey", self.data / "ca.key", "-set_serial", "1", "-extfile", self.data / "extensions",
                "-out", self.data / "server.pem")

    def close(self):
        super().close()
        shutil.rmtree(self.data, ignore_errors=True)

    def _inside(self):
        return f"/srv/{self.data.name}"

    def _mysqld(self):
        return ["chroot", str(self.tree), "/usr/sbin/mysqld", "--no-defaults"]


class Redis(Server):
    """The machine's own Redis, without persistence."""

    name = "redis"

    def __init__(self, *options):
        super().__init__()
        self.socket = self.directory / "s"
        self.options = options

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def command(self):
        server = shutil.which("redis-server")
        if not server:
            raise ServerError("redis-server is not installed; on Debian: apt-get install redis-server")
        return [server, "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket), "--dir",
                str(self.directory), "--save", "", "--appendonly", "no", *self.options]

    def answers(self):
        try:
            return self.ask("PING", patience=5) is not None
        except OSError:
            return False

    def ask(self, *words, patience=DEADLINE_SECONDS):
        """Sends one command over the UNIX socket. Returns the reply's bytes; a bulk string without its header, and None
        for nil."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience)
            connection.connect(str(self.socket))
            parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            connection.sendall(b"*%d\r\n" % len(parts)
                               + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            with connection.makefile("rb") as reply:
                line = reply.readline()
                if not line.startswith(b"$"):
                    return line.rstrip()
                length = int(line[1:])
                return None if length < 0 else reply.read(length)


def apt_mirror():
    """The Debian mirror of this machine's own apt sources."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)",
                              "Identifier: Packages"], capture_output=True, text=True, check=False)
    for line in listing.stdout.splitlines():
        uri, *origin = line.split(" ", 1)
        if origin == ["Debian Debian"]:
            return uri
    raise ServerError("no Debian mirror among this machine's apt sources (apt-get indextargets)")


def mysql_tree():
    """A Debian sid with only MySQL's server. It is made once, under a lock, either completely or not at all."""
    if os.geteuid() != 0:
        raise ServerError("MySQL for the tests runs in a chroot, which needs root")
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    tree = cache / "mysql"
    if (tree / "usr/sbin/mysqld").exists():
        return tree
    debootstrap = shutil.which("debootstrap", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not debootstrap:
        raise ServerError("debootstrap is not installed; on Debian: apt-get install debootstrap")
    print("servers.py: fetching MySQL from Debian sid, once …", file=sys.stderr)
    making = Path(tempfile.mkdtemp(prefix="mysql-making-", dir=cache))
    try:
        run_logged([debootstrap, "--variant=minbase", "--include=mysql-server-core", "sid", str(making), apt_mirror()],
                   making.with_suffix(".log"))
        making.chmod(0o755)
        try:
            making.rename(tree)
        except OSError:  # somebody else was faster
            if not (tree / "usr/sbin/mysqld").exists():
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    making.with_suffix(".log").unlink(missing_ok=True)
    return tree


SERVERS = {server.name: server for server in (MariaDB, Galera, MySQL)}


def serve_control(server, listener):
    """Executes the actions, one a line, for tests written in C."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                action = line.strip()
                try:
                    if action not in ("stop", "kill", "start", "pause", "resume"):
                        raise ServerError(f"unknown action {action!r}")
                    getattr(server, action)()
                    answer = "ok"
                except ServerError as error:
                    answer = "error: " + str(error).replace("\n", " ")
                print(answer, file=lines, flush=True)


def main(arguments):
    if len(arguments) < 3 or arguments[0] not in SERVERS or arguments[1] != "--":
        print(f"usage: servers.py {'|'.join(SERVERS)} -- COMMAND…", file=sys.stderr)
        return 2
    # as on Ctrl-C: the server is stopped
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with SERVERS[arguments[0]]() as server, socket.socket(socket.AF_UNIX) as listener:
            control = server.directory / "control"
            listener.bind(str(control))
            listener.listen()
            threading.Thread(target=serve_control, args=(server, listener), daemon=True).start()
            environment = {**os.environ, **server.environment(), "COUPOND_TEST_CONTROL": str(control)}
            return subprocess.run(arguments[2:], env=environment, check=False).returncode
    except (ServerError, FileNotFoundError) as error:
        print(f"servers.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
