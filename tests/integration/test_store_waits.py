"""A role that is started before its database waits for it, reports that, and can be stopped meanwhile."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from cluster import Cluster, wait_until
from ports import free_port
from servers import DATABASE, PASSWORD, USER, MariaDB

SIGNAL_SECONDS = 20  # far below the timeouts that the roles have for their store here
PATIENT = {"store/connect_timeout_ms": 600000, "store/io_timeout_ms": 600000}


@contextlib.contextmanager
def listener(backlog):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(backlog)
        yield listening


@contextlib.contextmanager
def nobody():
    yield free_port()


@contextlib.contextmanager
def silent():
    """A server that accepts connections and sends nothing."""
    with listener(64) as listening:
        yield listening.getsockname()[1]


@contextlib.contextmanager
def black_hole():
    """An address where a connection attempt neither succeeds nor fails."""
    with listener(0) as listening, contextlib.ExitStack() as waiting:
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(listening.getsockname())
        yield listening.getsockname()[1]


def without_database(tmp_path, port, dev=False):
    options = {**PATIENT, "store/type": "mysql", "store/host": "127.0.0.1", "store/port": port, "store/password": "x"}
    cluster = Cluster(tmp_path, options={**options, "issuer/http": f"127.0.0.1:{free_port()}"} if dev else None,
                      dev=dev)
    cluster.options.update(options)
    cluster.write_config()
    return cluster


def waits_for_store(member, address=None):
    member.status_address = address or member.status_address
    member.check_alive()
    status, text = member.get("/readyz")
    return status == 503 and "the store: mysql" in text or "compare the journal with it: mysql" in text


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("database", [nobody, silent, black_hole])
@pytest.mark.parametrize("role", ["issuer", "persister", "dev"])
def test_a_role_that_waits_for_its_store_ends_at_sigterm(tmp_path, role, database, how):
    with database() as port:
        cluster = without_database(tmp_path, port, dev=role == "dev")
        member = cluster.persisters[0] if role == "persister" else cluster.issuer
        address = cluster.options.get("issuer/http") if role == "dev" else None
        member.start()
        try:
            wait_until(lambda: waits_for_store(member, address), "the role reports what it waits for")
            member.process.send_signal(how)
            assert member.process.wait(SIGNAL_SECONDS) == 0, member.log()
            assert "stopping" in member.log()
        finally:
            member.end()


AS_FIRST = ["unshare", "--pid", "--fork", "--kill-child"]
needs_namespaces = pytest.mark.skipif(subprocess.run([*AS_FIRST, "true"], capture_output=True, check=False).returncode
                                      != 0,
                                      reason="PID namespaces are not available")


@pytest.mark.parametrize("prefix", [[], pytest.param(AS_FIRST, marks=needs_namespaces)],
                         ids=["usual", "first process of a container"])
def test_a_rebuild_ends_at_sigterm(tmp_path, prefix):
    with listener(64) as listening:
        listening.settimeout(SIGNAL_SECONDS)
        cluster = without_database(tmp_path, listening.getsockname()[1])
        issuer = cluster.issuer
        issuer.prefix = prefix
        issuer.arguments = [*issuer.arguments, "--rebuild-from-store"]
        issuer.start()
        try:
            with listening.accept()[0]:  # nobody will answer
                pid = issuer.process.pid
                child = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
                os.kill(int(child[0]) if prefix else pid, signal.SIGTERM)
                assert issuer.process.wait(SIGNAL_SECONDS) == 128 + signal.SIGTERM, issuer.log()
        finally:
            issuer.end()


def test_roles_started_first_wait_for_server_user_and_database(tmp_path):
    with MariaDB() as server:
        server.administer(f"DROP DATABASE {DATABASE}", f"DROP USER '{USER}'@'localhost'", f"DROP USER '{USER}'@'%'")
        (server.directory / "setup.sql").write_text("DO 1;\n")
        server.stop()
        cluster = Cluster(tmp_path, database=server)
        cluster.write_config()
        try:
            for member in cluster.members:
                member.start()
            for member in (cluster.issuer, *cluster.persisters):
                wait_until(lambda member=member: waits_for_store(member), "it waits for a server")
            server.start()
            wait_until(lambda: "denied" in cluster.issuer.log() or cluster.issuer.check_alive(),
                       "it waits for its user")
            server.administer(f"CREATE USER '{USER}'@'localhost' IDENTIFIED BY '{PASSWORD}'",
                              f"CREATE DATABASE {DATABASE}", f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'localhost'")
            cluster.wait_ready()
            cluster.create_coupon("first", 10)
            assert cluster.issue("first", "somebody")[0] == 201
            cluster.wait_drained()
            cluster.assert_kept()
            cluster.stop()
        finally:
            cluster.end()


def test_a_persister_that_starts_before_user_and_database_waits_for_them(tmp_path):
    with MariaDB() as server:
        with Cluster(tmp_path, database=server) as cluster:
            cluster.stop()
            server.administer(f"DROP DATABASE {DATABASE}")
            persister = cluster.persisters[0]
            persister.start()
            wait_until(lambda: waits_for_store(persister), "it waits for its database")
            server.administer(f"CREATE DATABASE {DATABASE}")
            wait_until(persister.is_ready, "it found its database")


def test_an_issuer_with_require_store_waits_for_the_store(tmp_path):
    with MariaDB() as server:
        with Cluster(tmp_path, database=server) as cluster:
            cluster.create_coupon("first", 10)
            cluster.wait_drained()
            cluster.stop()
            server.stop()
            cluster.issuer.start()
            wait_until(cluster.issuer.is_ready, "an issuer with records continues without its store")
            assert "issuer/require_store = 1 waits for it" in cluster.issuer.log()
            cluster.issuer.stop()
            cluster.options["issuer/require_store"] = 1
            cluster.write_config()
            cluster.issuer.start()
            wait_until(lambda: waits_for_store(cluster.issuer), "the issuer waits")
            server.start()
            wait_until(cluster.issuer.is_ready, "the issuer has compared")
