#!/usr/bin/env python3
"""A link that can hold bytes back. It passes TCP connections to its loopback ports on to another host.

    relay.py PORT=HOST:PORT …        run by companion.py

    hold to|both       what is under way to the other side, or both ways, is held back from now on; reports {"holding":
                       true}, and then, when there is something to hold, {"first_byte": true}
    let_go             delivers all of it in order, though its sender may have ended meanwhile; reports {"let_go": how
                       many bytes were held back, "seconds": how long the first of them}

Reports {"ready": true} at the start. A connection whose other side answers no probes ends, as it would without a relay.
"""

import asyncio
import contextlib
import json
import socket
import sys

READ_BYTES = 65_536
CONNECT_SECONDS = 5
PROBES = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3),
          (socket.TCP_USER_TIMEOUT, 10_000))


def report(**members):
    print(json.dumps(members), flush=True)


class Hold:
    """How many bytes are held back at present, and since when."""

    def __init__(self):
        self.bytes = 0
        self.first_at = None

    def note(self, count):
        self.bytes += count
        if self.first_at is None:
            self.first_at = now()
            report(first_byte=True)

    def seconds(self):
        return 0 if self.first_at is None else now() - self.first_at


class Gate:
    """The bytes of all connections in one direction."""

    def __init__(self):
        self._hold = None
        self._open = asyncio.Event()
        self._open.set()

    def close(self, hold):
        self._hold = hold
        self._open.clear()

    def open(self):
        self._hold = None
        self._open.set()

    def note(self, count):
        if self._hold:
            self._hold.note(count)

    def wait(self):
        return self._open.wait()


def now():
    return asyncio.get_running_loop().time()


async def receive(reader, queue, gate):
    """Reads all bytes that have arrived, so that a sender cannot tell how far they came; None at the end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(READ_BYTES):
            gate.note(len(data))
            queue.put_nowait(data)
    queue.put_nowait(None)


async def deliver(queue, writer, gate):
    while True:
        data = await queue.get()
        await gate.wait()
        if data is None:
            break
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def pump(reader, writer, gate):
    queue = asyncio.Queue()
    await asyncio.gather(receive(reader, queue, gate), deliver(queue, writer, gate))


def probe(writer):
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in PROBES:
        raw.setsockopt(socket.IPPROTO_TCP, option, value)


class Relay:
    def __init__(self):
        self.to, self.back = Gate(), Gate()
        self.held = Hold()

    async def listen(self, port, host, target):
        async def serve(reader, writer):
            with contextlib.suppress(OSError, asyncio.TimeoutError), contextlib.closing(writer):
                far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(host, target), CONNECT_SECONDS)
                with contextlib.closing(far_writer):
                    probe(far_writer)
                    await asyncio.gather(pump(reader, far_writer, self.to), pump(far_reader, writer, self.back))

        await asyncio.start_server(serve, "127.0.0.1", port)

    def hold(self, way):
        self.held = Hold()
        for gate in [self.to, self.back] if way == "both" else [self.to]:
            gate.close(self.held)
        report(holding=True)

    def let_go(self):
        report(let_go=self.held.bytes, seconds=self.held.seconds())
        for gate in (self.to, self.back):
            gate.open()


async def main():
    relay = Relay()
    for argument in sys.argv[1:]:
        port, target = argument.split("=")
        host, target_port = target.rsplit(":", 1)
        await relay.listen(int(port), host, int(target_port))
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    report(ready=True)
    while line := await commands.readline():
        name, *arguments = line.decode().split()
        {"hold": relay.hold, "let_go": relay.let_go}[name](*arguments)


if __name__ == "__main__":
    asyncio.run(main())
