"""The operator's view: readiness of each role and its reasons, its log, and its notifications to a service manager."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from cluster import Cluster, Member, binary, environment, run_coupond, wait_until
from ports import free_port
from preload import Preload

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
only_in_dev = pytest.mark.once("does not depend on the build")


def health(cluster, role, *arguments):
    members = {"gateway": cluster.gateways, "issuer": [cluster.issuer], "persister": cluster.persisters}
    option = "gateway/operator_http" if role == "gateway" else f"{role}/http"
    return run_coupond("health", role, "--config", cluster.config_path, "--set",
                       f"{option}={members[role][0].operator_address}", *arguments)


# --- health


def test_health_reports_readiness_and_what_is_missing(tmp_path):
    with Cluster(tmp_path) as cluster:
        for role in ("gateway", "issuer", "persister"):
            for more, word in (((), "ready"), (("--live",), "live")):
                result = health(cluster, role, *more)
                assert (result.returncode, result.stdout) == (0, f"{role}: {word}\n"), result
        cluster.issuer.stop()
        missing = "gateway: ready: No answer from partition 0\n"
        wait_until(lambda: health(cluster, "gateway").stdout == missing,
                   "the gateway has lost the issuer, and answers so")
        assert health(cluster, "gateway").returncode == 0
        assert health(cluster, "gateway", "--live").returncode == 0
        gone = health(cluster, "issuer")
        assert gone.returncode == 1
        assert "coupond health: cannot connect to http://127.0.0.1:" in gone.stderr
        cluster.issuer.start()
        cluster.wait_ready()


def test_an_issuer_is_live_but_not_ready_until_it_has_compared_the_store(tmp_path):
    nobody = {"store/type": "mysql", "store/host": "127.0.0.1", "store/port": free_port(), "store/database": "a\\b"}
    cluster = Cluster(tmp_path)
    cluster.options.update(nobody)
    cluster.write_config()
    cluster.issuer.start()
    try:
        wait_until(lambda: "waiting for the store" in cluster.issuer.get("/readyz")[1], "the issuer queries the store")
        result = health(cluster, "issuer")
        assert result.returncode == 1 and result.stdout.startswith("issuer: not ready: waiting for the store"), result
        assert json.loads(cluster.issuer.get("/readyz")[1])["detail"].endswith("a\\b")
        assert health(cluster, "issuer", "--live").returncode == 0
        assert not [name for name in cluster.issuer.metrics()
                    if "persist" in name], "the progress of the store is not known yet"
    finally:
        cluster.end()


def test_health_reaches_a_role_that_listens_on_all_interfaces(tmp_path):
    with Cluster(tmp_path) as cluster:
        port = cluster.issuer.status_address.rpartition(":")[2]
        for host in ("0.0.0.0", "localhost"):
            assert run_coupond("health", "issuer", "--set", f"issuer/http={host}:{port}").returncode == 0


def test_wrong_usage_of_health_exits_with_2():
    for arguments, words in ((["cook"], 'not "cook"'), ([], "expected gateway"),
                             (["issuer", "persister"], "unexpected"),
                             (["issuer", "--set", "issuer/http="], "issuer/http is empty")):
        result = run_coupond("health", *arguments)
        assert result.returncode == 2, result
        assert words in result.stderr


def test_the_operators_port_of_a_gateway_has_the_metrics_and_the_public_one_does_not(tmp_path):
    with Cluster(tmp_path) as cluster:
        gateway = cluster.gateways[0]
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            assert cluster.request(method, "/metrics")[0] == 404
        for path in ("/livez", "/readyz"):
            assert [gateway.get(path, address)[0]
                    for address in (gateway.status_address, gateway.operator_address)] == [200, 200]
        assert json.loads(gateway.get("/readyz", gateway.operator_address)[1])["http"] == gateway.status_address
        assert gateway.get("/v1/coupons", gateway.operator_address)[0] == 404
        assert "coupond_gateway_connections " in gateway.get("/metrics", gateway.operator_address)[1]

        gateway.stop()
        port = int(gateway.status_address.rpartition(":")[2])
        gateway.arguments += ["--set", "gateway/public_metrics=1", "--set", "gateway/operator_http="]
        gateway.start()
        wait_until(gateway.is_ready, "the gateway is back")
        assert "coupond_gateway_connections " in gateway.get("/metrics")[1]
        assert gateway.get("/livez", gateway.operator_address)[0] == 0

        taken = socket.create_server(("127.0.0.1", 0))
        result = run_coupond("gateway", "--config", cluster.config_path, "--set",
                             f"gateway/http=127.0.0.1:{free_port()}", "--set",
                             f"gateway/operator_http=127.0.0.1:{taken.getsockname()[1]}")
        assert (result.returncode, "gateway/operator_http: cannot listen on" in result.stderr) == (1, True), result
        taken.close()
        for value, words in (("127.0.0.1:+0", "neither HOST:PORT nor HOST:+N"),
                             ("127.0.0.1:+70000", "is not a valid port"),
                             ("127.0.0.1:+x", "neither HOST:PORT nor HOST:+N"),
                             (f"127.0.0.1:+{65536 - port}", "is not a valid port")):
            result = run_coupond("gateway", "--check-config", "--set", f"gateway/http=127.0.0.1:{port}", "--set",
                                 f"gateway/operator_http={value}")
            assert (result.returncode, words in result.stderr) == (2, True), result


# --- the log


def log_of(member):
    return [json.loads(line) for line in member.log().splitlines()]


def requests_of(member):
    return [line for line in log_of(member) if line["message"] == "request"]


def test_every_line_is_an_object_and_a_request_is_one_line(tmp_path):
    with Cluster(tmp_path, options={"log/format": "json", "log/requests": 1}) as cluster:
        cluster.create_coupon("A", 1)
        traced = {"X-Request-Id": "r-1", "traceparent": f"00-{TRACE}-{SPAN}-01"}
        status, headers, _ = cluster.request("PUT", "/v1/coupons/A/issues/alice", headers=traced)
        assert (status, headers["X-Request-Id"]) == (201, "r-1")
        status, headers, body = cluster.request("PUT", "/v1/coupons/A/issues/bob",
                                                headers={"X-Request-Id": 'forged" level="error'})
        made = headers["X-Request-Id"]
        assert (status, body["code"], body["request_id"]) == (409, "sold_out", made)
        assert re.fullmatch("[0-9a-f]{32}", made)
        assert cluster.request("GET", "/v1/coupons/A", headers={"X-Request-Id": "r-2"})[1]["X-Request-Id"] == "r-2"
        assert cluster.request("POST", "/v1/coupons/A/revocations", headers={"X-Request-Id": "r-3"})[0] == 202
        lines = requests_of(cluster.gateways[0])
    for member in cluster.members:
        assert all({"time", "level", "role", "message"} <= line.keys() for line in log_of(member)), member.name
    alice = next(line for line in lines if line.get("request_id") == "r-1")
    assert alice["duration_us"] >= 0
    expected = {"method": "PUT", "route": "issue_put", "coupon": "A", "status": 201, "trace_id": TRACE, "span_id": SPAN}
    assert {key: alice[key] for key in expected} == expected
    look = next(line for line in lines if line.get("request_id") == "r-2")
    assert (look["route"], look["coupon"], look["status"]) == ("coupon_get", "A", 200)
    sweep = next(line for line in lines if line.get("request_id") == "r-3")
    assert (sweep["route"], sweep["coupon"]) == ("revocations_post", "A")
    bob = next(line for line in lines if line.get("request_id") == made)
    assert (bob["status"], "trace_id" in bob) == (409, False)


def test_requests_are_logged_only_if_configured(tmp_path):
    with Cluster(tmp_path, options={"log/format": "logfmt"}) as cluster:
        cluster.create_coupon("A", 1)
        status, headers, _ = cluster.request("PUT", "/v1/coupons/A/issues/alice")
        assert (status, headers["X-Request-Id"]) == (201, None)
        status, headers, _ = cluster.request("PUT", "/v1/coupons/A/issues/alice", headers={"X-Request-Id": "r-9"})
        assert (status, headers["X-Request-Id"]) == (200, "r-9")
        log = cluster.gateways[0].log()
    assert "r-9" not in log and not re.search('message="?request', log)
    assert re.search(r'^time=\S+Z level=info role=gateway message="serving" http=127\.0\.0\.1:\d+ port=\d+', log, re.M)


# --- addresses


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")
@pytest.mark.parametrize("host, listed", [("localhost", "127.0.0.1:{0},[::1]:{0}"), ("*", "[::]:{0}")])
def test_localhost_and_wildcard_cover_ipv4_and_ipv6(tmp_path, host, listed):
    port, operator = free_port(), free_port()
    settings = {"gateway/http": f"{host}:{port}", "gateway/operator_http": f"{host}:{operator}",
                "gateway/requests": f"ipc://{tmp_path}/nobody"}
    arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    gateway = Member("gateway", ["gateway", *arguments], tmp_path, f"127.0.0.1:{port}")
    gateway.start()
    try:
        wait_until(gateway.is_up, gateway.log)
        for number, path in ((port, "/livez"), (operator, "/metrics")):
            statuses = [gateway.get(path, f"{address}:{number}")[0] for address in ("127.0.0.1", "[::1]")]
            assert statuses == [200, 200], path
            assert f"addresses={listed.format(number)}" in gateway.log()
        gateway.stop()
    finally:
        gateway.end()


# --- the service manager


class Manager:
    """The receiving end of sd_notify: a datagram socket and the received lines."""

    def __init__(self, directory, listens=True):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.lines = []
        if listens:
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            self.lines += self.socket.recv(4096).decode().splitlines()

    def environment(self, watchdog_us=None):
        more = {} if watchdog_us is None else {"WATCHDOG_USEC": str(watchdog_us)}
        return {"NOTIFY_SOCKET": self.path, **more}

    def count(self, line):
        return self.lines.count(line)

    def wait_for(self, line, times=1):
        wait_until(lambda: self.count(line) >= times, lambda: f"{times} times {line}: {self.lines}")


@pytest.fixture
def manager(tmp_path):
    return Manager(tmp_path)


@pytest.mark.parametrize("role", ["issuer", "persister", "gateway"])
def test_the_service_manager_is_notified_of_start_watchdog_and_stop(tmp_path, manager, role):
    cluster = Cluster(tmp_path, options={"gateway/drain_delay_ms": 500})
    member = {"issuer": cluster.issuer, "persister": cluster.persisters[0], "gateway": cluster.gateways[0]}[role]
    member.environment = manager.environment(watchdog_us=400_000)
    with cluster:
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1", 3)
        manager.wait_for("STATUS=ready")
        assert "STOPPING=1" not in manager.lines
    manager.wait_for("STOPPING=1")
    assert manager.lines.index("READY=1") < manager.lines.index("STOPPING=1")
    if role == "gateway":  # takes a while, and reports progress
        assert "EXTEND_TIMEOUT_USEC=60000000" in manager.lines[manager.lines.index("STOPPING=1"):]


def test_the_service_manager_gets_the_status(tmp_path, manager):
    cluster = Cluster(tmp_path)
    cluster.gateways[0].environment = manager.environment(watchdog_us=400_000)
    with cluster:
        manager.wait_for("STATUS=ready")
        cluster.issuer.stop()
        manager.wait_for("STATUS=ready: No answer from partition 0")
        cluster.issuer.start()
        cluster.wait_ready()


def test_a_service_manager_that_does_not_read_blocks_nothing(tmp_path):
    manager = Manager(tmp_path, listens=False)
    cluster = Cluster(tmp_path)
    for member in cluster.members:
        member.environment = manager.environment(watchdog_us=20_000)
    with cluster:
        wait_until(lambda: is_full(manager), "the socket is full")
        cluster.create_coupon("A", 1)


def is_full(manager):
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as probe:
        probe.connect(manager.path)
        try:
            probe.send(b"X=1", socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
    return False


def test_dev_notifies_the_service_manager_too(tmp_path, manager):
    cluster = Cluster.dev(tmp_path / "dev")
    cluster.issuer.environment = manager.environment()
    with cluster:
        manager.wait_for("READY=1")
    manager.wait_for("STOPPING=1")
    assert manager.count("WATCHDOG=1") == 0  # it was not requested


@only_in_dev
def test_a_partition_that_hangs_ends_the_pings(tmp_path, manager):
    rules = Preload(tmp_path / "rules")
    cluster = Cluster(tmp_path)
    cluster.issuer.environment = {**rules.environment(), **manager.environment(watchdog_us=1_000_000)}
    with cluster:
        cluster.create_coupon("A", 10)
        manager.wait_for("WATCHDOG=1", 3)
        hang = rules.add("sync", "delay", ".segment", delay_ms=4000, times=1)
        cluster.issue("A", "alice")
        assert hang.struck == 1
        assert re.search("no longer notifying the watchdog: partition 0 has not responded",
                         cluster.issuer.log())
        before = manager.count("WATCHDOG=1")
        manager.wait_for("WATCHDOG=1", before + 2)
        assert "all threads respond again" in cluster.issuer.log()


@only_in_dev
def test_a_gateway_loop_that_hangs_ends_the_pings(tmp_path, manager):
    """A log that is not read blocks the thread that writes to it."""
    with Cluster(tmp_path) as cluster:
        address = f"127.0.0.1:{free_port()}"
        reader, writer = os.pipe()
        process = subprocess.Popen([binary(), "gateway", "--config", cluster.config_path, "--set", "log/requests=1",
                                    "--set", f"gateway/http={address}", "--set", "gateway/operator_http="],
                                   stderr=writer, stdin=subprocess.DEVNULL,
                                   env={**environment(), **manager.environment(watchdog_us=1_000_000)})
        os.close(writer)
        try:
            manager.wait_for("WATCHDOG=1", 3)
            wait_until(lambda: not answers(address), "the log is full")
            time.sleep(1)  # bytes in transit have arrived by then
            before = manager.count("WATCHDOG=1")
            time.sleep(1.5)
            assert manager.count("WATCHDOG=1") == before
        finally:
            os.close(reader)  # the writes fail, and the gateway continues
        manager.wait_for("WATCHDOG=1", before + 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def answers(address):
    """Whether a hundred requests on one connection are answered in time."""
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=2) as connection:
        for _ in range(100):
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            if not connection.recv(4096):
                return False
        return True
    return False
