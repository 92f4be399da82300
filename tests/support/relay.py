#!/usr/bin/env python3
"""A link that can hold bytes back: TCP connections to its ports on loopback are passed on to another machine.

    relay.py PORT=HOST:PORT …        run by companion.py

    hold to|both SECONDS             what is under way to the other side, or both ways, is held back for so long and then delivered, all of it in order,
                                     though its sender may have ended meanwhile

Reports {"ready": true}, and after each hold {"let_go": bytes that were held back, "seconds": how long the first of them}. A connection whose other side
answers no probes ends, as it would without a relay.
"""

import asyncio
import contextlib
import json
import socket
import sys

READ_BYTES = 65_536
CONNECT_SECONDS = 5
PROBES = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3), (socket.TCP_USER_TIMEOUT, 10_000))


def report(**members):
    print(json.dumps(members), flush=True)


class Gate:
    """What passes one way, of all connections."""

    def __init__(self):
        self._open = asyncio.Event()
        self._open.set()
        self.held = 0
        self.first_at = None  # when the first byte was held back

    def close(self):
        self._open.clear()
        self.held, self.first_at = 0, None

    def open(self):
        self._open.set()

    def note(self, count):
        if not self._open.is_set():
            self.held += count
            self.first_at = self.first_at or now()

    def wait(self):
        return self._open.wait()


def now():
    return asyncio.get_running_loop().time()


async def receive(reader, queue, gate):
    """Takes all that comes at once, so that a sender never knows how far its bytes have come; None at the end."""
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

    async def listen(self, port, host, target):
        async def serve(reader, writer):
            with contextlib.suppress(OSError, asyncio.TimeoutError), contextlib.closing(writer):
                far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(host, target), CONNECT_SECONDS)
                with contextlib.closing(far_writer):
                    probe(far_writer)
                    await asyncio.gather(pump(reader, far_writer, self.to), pump(far_reader, writer, self.back))

        await asyncio.start_server(serve, "127.0.0.1", port)

    async def hold(self, way, seconds):
        gates = [self.to, self.back] if way == "both" else [self.to]
        for gate in gates:
            gate.close()
        await asyncio.sleep(seconds)
        ended = now()
        firsts = [gate.first_at for gate in gates if gate.first_at is not None]
        report(let_go=sum(gate.held for gate in gates), seconds=ended - min(firsts, default=ended))
        for gate in gates:
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
        _, way, seconds = line.decode().split()
        await relay.hold(way, float(seconds))


if __name__ == "__main__":
    asyncio.run(main())
