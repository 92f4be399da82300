"""Hostile HTTP messages to coupond and to a real nginx: coupond serves no message that nginx refuses, and sees the same
number of requests."""

import collections
import contextlib
import socketserver
import threading

import pytest

from cluster import Cluster, REPOSITORY
from hostile_http import Message, Nginx, Row, accepted, faults_of, markdown, shown, talk
from hostile_http_messages import EVIL, GOOD, MESSAGES

TABLE = REPOSITORY / "tests/integration/hostile_http.md"
RESULT = REPOSITORY / "build/results/hostile_http.md"
SHORT_BYTES = 2000  # the longest message that is sent byte by byte
WELL_FRAMED = ("404", "405")  # refusals of a well-formed request, after which the next one is served

Servers = collections.namedtuple("Servers", "cluster nginx")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    directory = tmp_path_factory.mktemp("hostile")
    with Cluster.dev(directory / "coupond") as cluster, Nginx(directory / "nginx") as nginx:
        cluster.create_coupon("A", 1_000_000, per_user_limit=1000)
        assert cluster.issue("A", "u")[0] == 201
        yield Servers(cluster, nginx)


def answers_of(servers, data):
    return [talk(address, data)
            for address in (servers.cluster.addresses[0], servers.nginx.address, servers.nginx.proxy_address)]


def test_there_are_many_different_messages():
    assert len(MESSAGES) >= 80
    assert len({(message.section, message.name) for message in MESSAGES}) == len(MESSAGES)
    assert len({message.data for message in MESSAGES}) == len(MESSAGES)


def test_coupond_serves_no_message_that_nginx_refuses(servers):
    rows = [Row(message, *answers_of(servers, message.data)) for message in MESSAGES]
    text = markdown(rows, servers.nginx.version)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(text, encoding="utf-8")
    print(text)
    assert [fault for row in rows for fault in faults_of(row)] == []
    check_table(text, servers.nginx.version)


def check_table(text, version):
    """The committed table equals that of this run; with another version of nginx only coupond's answers count."""
    committed = TABLE.read_text(encoding="utf-8")
    if f"nginx {version} " not in committed:
        committed, text = without_nginx(committed), without_nginx(text)
    assert committed == text, f"replace {TABLE} by {RESULT}"


def without_nginx(text):
    return [line.rsplit("|", 3)[0] for line in text.splitlines() if line.startswith("|")]


def test_bytes_that_arrive_one_by_one_make_no_difference(servers):
    for message in MESSAGES:
        if len(message.data) <= SHORT_BYTES:
            answers = talk(servers.cluster.addresses[0], message.data, split=True)
            assert shown(answers) == message.expected, message.name


def test_bytes_after_a_malformed_message_are_not_served_as_a_request(servers):
    for message in MESSAGES:
        last = message.expected.split()[-1]
        if last >= "400" and last not in (*WELL_FRAMED, "closed"):
            ours, *theirs = answers_of(servers, message.data + GOOD)
            assert accepted(ours) <= min(map(accepted, theirs)), (message.name, ours, theirs)


def test_the_smuggled_request_was_never_served(servers):
    for message in MESSAGES:
        if EVIL in message.data:
            talk(servers.cluster.addresses[0], message.data)
    status, _, body = servers.cluster.request("GET", "/v1/coupons/A/issues/smuggled")
    assert (status, body.get("code")) == (404, "not_issued"), body


def test_the_gateway_serves_on_after_hostile_messages(servers):
    for message in MESSAGES[::10]:
        talk(servers.cluster.addresses[0], message.data)
    assert servers.cluster.issue("A", "another")[0] == 201
    assert "ERROR" not in servers.cluster.issuer.log()


# --- the comparison can fail


@pytest.mark.parametrize(("expected", "ours", "theirs", "torn", "faults"), [
    ("400", ["400"], ["400"], False, 0),
    ("400", ["400"], ["200"], False, 0),  # stricter
    ("200 200", ["200", "200"], ["200", "200"], False, 0),
    ("closed", [], ["200"], True, 0),
    ("400", ["404"], ["400"], False, 1),  # another answer than the table's
    ("200", ["200"], ["400"], False, 1),  # served a message that nginx refuses
    ("200", ["200"], [], False, 1),
    ("200 200", ["200", "200"], ["200"], False, 1),  # saw a second request
    ("200", ["200"], ["200", "200"], False, 1),  # missed a second request
    ("closed", [], ["200"], False, 1),
])
def test_the_comparison_finds_differences(expected, ours, theirs, torn, faults):
    message = Message("Proof", "a message", b"", "", expected, torn)
    assert len(faults_of(Row(message, ours, theirs, ours))) == faults
    assert len(faults_of(Row(message, ours, ours, theirs))) == faults


class Lenient(socketserver.StreamRequestHandler):
    """A lenient server: it accepts any line end, uses the last length, does not know chunks, and refuses nothing."""

    def handle(self):
        with contextlib.suppress(OSError):
            while line := self.rfile.readline():
                length = 0
                while (field := self.rfile.readline().strip()):
                    if field.lower().startswith(b"content-length:"):
                        length = int(b"0" + bytes(byte for byte in field if byte in b"0123456789")) % 2**32
                self.rfile.read(length)
                self.wfile.write(b"HTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n"
                                 % (201 if line.startswith(b"POST") else 200))


def test_a_lenient_server_is_detected(servers):
    """The same messages to a server that accepts everything: each section finds differences."""
    found = collections.Counter()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lenient) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        for message in MESSAGES:
            _, *theirs = answers_of(servers, message.data)
            row = Row(message, talk(address, message.data), *theirs)
            found[message.section] += any("nginx" in fault for fault in faults_of(row))
        server.shutdown()
    print(dict(found))
    assert found["Transfer codings"] >= 10 and found["Pipelines"] >= 5
    assert all(found[section] > 0
               for section in {message.section for message in MESSAGES}
               - {"Connection, Upgrade, Expect", "Torn messages"})
