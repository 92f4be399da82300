"""Just enough of ZMTP 3.0 (NULL mechanism) to send anything to a ZeroMQ socket, as either side of the connection.

    with Wire.connect("tcp://127.0.0.1:7100", "DEALER") as wire: wire.send(b"garbage")
    with Listener("ipc:///tmp/x", "PUSH") as listener: listener.accept().send(b"garbage")
"""

import socket
import struct

SECONDS = 60
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
MORE, LONG, COMMAND = 1, 2, 4


def open_address(endpoint):
    """The socket family and address of a tcp:// or ipc:// endpoint."""
    scheme, rest = endpoint.split("://", 1)
    if scheme in ("ipc", "shm"):
        return socket.AF_UNIX, rest
    host, port = rest.rsplit(":", 1)
    return socket.AF_INET, (host, int(port))


class Wire:
    def __init__(self, raw, kind, seconds=SECONDS):
        self.raw = raw
        raw.settimeout(seconds)
        raw.sendall(GREETING)
        self._receive_exactly(64)
        name, value = b"Socket-Type", kind.encode()
        ready = b"\x05READY" + bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
        if kind in ("DEALER", "ROUTER"):
            ready += b"\x08Identity" + struct.pack(">I", 0)
        self._send_frame(COMMAND, ready)
        self._receive_frame()

    @classmethod
    def connect(cls, endpoint, kind, seconds=SECONDS):
        family, address = open_address(endpoint)
        raw = socket.socket(family)
        raw.settimeout(seconds)
        try:
            raw.connect(address)
            return cls(raw, kind, seconds)
        except OSError:
            raw.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.raw.close()

    def send(self, *parts):
        """One message of one or several parts."""
        for part in parts[:-1]:
            self._send_frame(MORE, part)
        self._send_frame(0, parts[-1])

    def receive(self):
        """The next part that is not a command."""
        while True:
            flags, body = self._receive_frame()
            if not flags & COMMAND:
                return body

    def _send_frame(self, flags, body):
        if len(body) > 255:
            self.raw.sendall(struct.pack(">BQ", flags | LONG, len(body)) + body)
        else:
            self.raw.sendall(struct.pack(">BB", flags, len(body)) + body)

    def _receive_frame(self):
        flags = self._receive_exactly(1)[0]
        length = struct.unpack(">Q", self._receive_exactly(8))[0] if flags & LONG else self._receive_exactly(1)[0]
        return flags, self._receive_exactly(length)

    def _receive_exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.raw.recv(length - len(data))
            if not more:
                raise ConnectionError("the peer closed the connection")
            data += more
        return data


class Listener:
    """A socket that ZeroMQ sockets of the program can connect to."""

    def __init__(self, endpoint, kind):
        self.kind = kind
        family, address = open_address(endpoint)
        self.raw = socket.socket(family)
        if family == socket.AF_INET:
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.raw.bind(address)
        self.raw.listen()
        self.raw.settimeout(SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def accept(self):
        return Wire(self.raw.accept()[0], self.kind)
