"""A client of GET /v1/coupons/{id}/live that takes nothing on trust: chunks and events must be as their standards have
them.

    with EventStream("127.0.0.1:8080", "A") as stream:
        event = stream.wait(lambda event: event.data["issued"] == 3)
"""

import contextlib
import dataclasses
import json
import re
import socket
import time

from cluster import DEADLINE_SECONDS, ClusterError


@dataclasses.dataclass
class Event:
    """A block of the stream: an event, or with kind None a `retry` or a comment."""
    kind: str = None
    id: str = None
    data: dict = None
    retry: int = None
    comment: str = None


def parse(block):
    event = Event()
    for line in block.split("\n"):
        name, found, value = line.partition(":")
        assert found, line
        value = value.removeprefix(" ")
        if name == "":
            event.comment = value
        elif name == "event":
            event.kind = value
        elif name == "data":
            event.data = json.loads(value)
        else:
            assert name in ("id", "retry"), line
            setattr(event, name, int(value) if name == "retry" else value)
    return event


class EventStream:
    def __init__(self, address, coupon, version="1.1", method="GET", fields=(), behind=b"", tiny=False):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket()
        if tiny:  # the kernel takes little for a client that does not read
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, 1)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.socket.connect((host, int(port)))
        lines = [f"{method} /v1/coupons/{coupon}/live HTTP/{version}", "Host: test", *fields]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + behind)
        self.received = b""  # not yet decoded
        self.text = ""  # not yet parsed
        self.ended = False
        self.events = []  # all so far
        self._read_head()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    # bytes

    def _receive(self):
        data = self.socket.recv(65536)
        self.received += data
        return len(data) > 0

    def _read_head(self):
        while b"\r\n\r\n" not in self.received:
            assert self._receive(), self.received
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        status, *fields = head.decode().split("\r\n")
        self.status = int(status.split(" ")[1])
        pairs = (field.split(": ", 1) for field in fields)
        self.headers = {name.title(): value for name, value in pairs}  # proxies write names in lower case
        self.chunked = self.headers.get("Transfer-Encoding") == "chunked"

    def body(self):
        """The rest, of an answer that is no stream."""
        while self._receive():
            pass
        return self.received

    def _take_chunk(self):
        """Moves a whole chunk to the text; False if there is none."""
        size, found, rest = self.received.partition(b"\r\n")
        if not found:
            return False
        assert re.fullmatch(rb"[0-9a-fA-F]+", size), self.received
        length = int(size, 16)
        if len(rest) < length + 2:
            return False
        assert rest[length:length + 2] == b"\r\n"
        self.text += rest[:length].decode()
        self.received = rest[length + 2:]
        self.ended = length == 0
        return True

    def _more(self):
        """Waits for more text; False at the end, which must be a clean one."""
        if self.ended:
            return False
        if self.chunked:
            while not self._take_chunk():
                assert self._receive(), f"the stream ends within a chunk: {self.received}"
            return not self.ended
        alive = self._receive()
        self.text, self.received, self.ended = self.text + self.received.decode(), b"", not alive
        return alive

    # events

    def next(self):
        """The next block; None at the end of the stream."""
        while "\n\n" not in self.text:
            if not self._more():
                assert self.text == ""
                return None
        block, self.text = self.text.split("\n\n", 1)
        self.events.append(parse(block))
        return self.events[-1]

    def wait(self, condition, kind="coupon"):
        """The first event from now on of that kind that meets the condition."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            event = self.next()
            assert event is not None, "the stream has ended"
            if event.kind == kind and condition(event):
                return event
        raise ClusterError(f"no such event; the last ones are {self.events[-3:]}")

    def first(self):
        return self.wait(lambda event: True)

    def wait_end(self):
        """Waits for the end of the stream, which must be a clean one, and for that of the connection."""
        while self.next() is not None:
            pass
        assert self.socket.recv(1) == b""

    def wait_closed(self):
        """Waits until the gateway has closed the connection, in whatever way."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
