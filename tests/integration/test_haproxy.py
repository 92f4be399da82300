"""The shipped HAProxy configuration with misbehaving gateways: the answers to clients, and the requests that are
retried."""

import http.client
import json
import shutil
import socket
import socketserver
import subprocess
import threading

import pytest
from cluster import REPOSITORY, environment, wait_until
from ports import free_port

pytestmark = pytest.mark.once("does not depend on the build")


class Deaf(socketserver.ThreadingTCPServer):
    """Reads a request and closes the connection."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.heard = []
        super().__init__(("127.0.0.1", free_port()), None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        line = request.recv(65536).split(b"\r\n")[0]
        if line:
            self.heard.append(line.decode())


@pytest.fixture(name="front")
def start_front(tmp_path):
    """A function that starts HAProxy with the given server lines, and returns its port."""
    started = []

    def start(servers):
        program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        port, folder = free_port(), REPOSITORY / "deploy/haproxy"
        backend = tmp_path / "gateways.cfg"
        backend.write_text(f"backend gateways\n{servers}")
        variables = {"COUPOND_FRONT": f"127.0.0.1:{port}", "COUPOND_FRONT_METRICS": f"127.0.0.1:{free_port()}"}
        started.append(subprocess.Popen([program, "-db", "-f", folder / "haproxy.cfg", "-f", backend],
                                        env={**environment(), **variables}, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=tmp_path))
        wait_until(lambda: answers(int(variables["COUPOND_FRONT_METRICS"].rpartition(":")[2])), "HAProxy is up")
        return port

    yield start
    for process in started:
        process.terminate()
        process.wait(60)


def answers(port):
    try:
        return ask(port, "GET", "/livez")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def ask(port, method, path):
    """Sends head and body in one piece: HAProxy can retry only a request that it has completely."""
    body = '{"user_id":"alice"}' if method == "POST" else ""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        return answer.status, answer.headers, answer.read()


def assert_ask_again(answer, code):
    status, headers, body = answer
    problem = json.loads(body)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (503, "application/problem+json", "no-store")
    assert headers.get_all("Retry-After")[0] in ("1", "2", "3") and len(headers.get_all("Retry-After")) == 1
    assert (problem["status"], problem["code"], problem["type"]) == (503, code, f"urn:coupond:problem:{code}")
    safe = {"issuer_unavailable": "nothing was decided", "outcome_unknown": "again with PUT"}
    assert safe[code] in problem["detail"]
    assert code == "issuer_unavailable" or "nothing was decided" not in problem["detail"]


def test_without_a_gateway_clients_get_503_with_retry_after(front):
    port = front(f"    server gone 127.0.0.1:{free_port()}\n")
    wait_until(lambda: b"issuer_unavailable" in ask(port, "GET", "/v1/coupons")[2], "the check has failed")
    for method, path in (("POST", "/v1/coupons/X/issues"), ("PATCH", "/v1/coupons/X"), ("GET", "/v1/coupons/X")):
        assert_ask_again(ask(port, method, path), "issuer_unavailable")
    # the first of several may have been decided
    assert_ask_again(ask(port, "PUT", "/v1/coupons/X/issues/alice"), "outcome_unknown")


def test_retry_after_is_spread_over_several_seconds(front):
    port = front(f"    server gone 127.0.0.1:{free_port()}\n")
    assert {ask(port, "GET", "/v1/coupons")[1]["Retry-After"] for _ in range(100)} == {"1", "2", "3"}


def test_requests_are_retried_unless_they_could_issue_twice(front):
    with Deaf() as gateway:
        port = front(f"    server deaf 127.0.0.1:{gateway.server_address[1]} no-check\n")
        assert_ask_again(ask(port, "POST", "/v1/coupons/X/issues"), "outcome_unknown")
        assert gateway.heard == ["POST /v1/coupons/X/issues HTTP/1.1"]
        assert_ask_again(ask(port, "PUT", "/v1/coupons/X/issues/alice"), "outcome_unknown")
        assert gateway.heard[1:] == ["PUT /v1/coupons/X/issues/alice HTTP/1.1"] * 3
        del gateway.heard[:]
        assert_ask_again(ask(port, "PATCH", "/v1/coupons/X"), "outcome_unknown")
        assert gateway.heard == ["PATCH /v1/coupons/X HTTP/1.1"]
        gateway.shutdown()
