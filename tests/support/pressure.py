"""Tools of the overload tests and of load-test/overload.py: memory of a process, raw floods, and answers counted in
bulk."""

import collections
import contextlib
import re
import socket
import time
from pathlib import Path

from cluster import DEADLINE_SECONDS

STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def anonymous_bytes(member):
    """Resident memory that no file backs."""
    status = Path(f"/proc/{member.process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.M)[1]) * 1024


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def connect(address, window=None):
    """Opens a connection; `window` limits how much the kernel buffers for a client that does not read."""
    host, port = address.rsplit(":", 1)
    connection = socket.socket()
    if window:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.settimeout(DEADLINE_SECONDS)
    connection.connect((host, int(port)))
    return connection


def issue_request(coupon, user):
    body = f'{{"user_id":"{user}"}}'
    return (f"POST /v1/coupons/{coupon}/issues HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Answers:
    """Reads answers from a connection as they arrive."""

    def __init__(self, connection):
        self.connection = connection
        self.rest = b""

    def next(self):
        """(status, head, body), or None at the end."""
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            if not self._more():
                return None
        head = self.rest[:end]
        found = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = end + 4 + (int(found[1]) if found else 0)
        while len(self.rest) < size:
            if not self._more():
                return None
        body, self.rest = self.rest[end + 4:size], self.rest[size:]
        return int(head[9:12]), head, body

    def _more(self):
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self.connection.recv(1 << 16)
        self.rest += data
        return data != b""


def ask(address, request):
    """One request on a connection of its own: (status, head, body, seconds)."""
    begun = time.monotonic()
    with connect(address) as connection:
        connection.sendall(request)
        status, head, body = Answers(connection).next()
    return status, head, body, time.monotonic() - begun


def pour(connection, requests, count):
    """Sends all of `requests`, which are `count`, and reads as many answers; returns {status: number of answers}."""
    connection.sendall(requests)
    statuses = collections.Counter()
    rest = b""
    while statuses.total() < count:
        data = connection.recv(1 << 18)
        assert data, f"closed after {statuses.total()} of {count} answers"
        rest += data
        end = max(rest.rfind(b"\r\n"), 0)  # which follows every status line that is whole
        statuses.update(int(status) for status in STATUS_LINE.findall(rest, 0, end))
        rest = rest[end:]
    return statuses
