"""A crowd that costs a gateway connections rather than requests. It runs in a process of its own, because the number of
open files of a process is limited.

    with SlowCrowd(address, idle=10_000, senders=500, readers=500, passers=0) as crowd:
        … crowd.state() …

Idle clients ask once and then keep their connection. Slow senders send a request that never ends, a byte at a time, and
begin again when they are refused. Slow readers ask for a page of coupons and read it in small pieces, then the next
one. Passers come, ask once and leave, as fast as they can, so many at a time.
"""

import collections
import errno
import json
import os
import random
import select
import socket
import sys
import time

from crowd_process import CrowdProcess, allow_descriptors

IDLE_REQUEST = b"GET /livez HTTP/1.1\r\nHost: crowd\r\n\r\n"
PAGE_REQUEST = b"GET /v1/coupons?limit=200 HTTP/1.1\r\nHost: crowd\r\n\r\n"
ENDLESS_HEAD = b"GET /livez HTTP/1.1\r\nHost: crowd\r\n"
ENDLESS_FIELD = b"X-Slow: and slower\r\n"
READ_BYTES = 1024
WINDOW_BYTES = 4096  # what the kernel takes for a slow reader
TURN_SECONDS = 1.0  # in which every slow client has its turn once
OPEN_AT_ONCE = 200  # connections that are being opened


class Client:
    kind = None

    def __init__(self, address, counts):
        self.counts = counts
        self.socket = socket.socket()
        self.prepare()
        self.socket.setblocking(False)
        status = self.socket.connect_ex(address)
        if status not in (0, errno.EINPROGRESS):
            raise OSError(status, os.strerror(status))

    def prepare(self):
        pass

    def opened(self):
        """Called when the connection is open."""

    def in_place(self):
        self.counts[f"{self.kind}_in_place"] += 1

    def readable(self):
        """Returns False when the gateway has disconnected."""
        data = self.receive(65536)
        return data is None or self.take(data)

    def take(self, data):
        if b"HTTP/1.1 503" in data:
            self.counts["refused_503"] += 1
            self.counts["without_retry_after"] += b"Retry-After:" not in data
        self.counts["refused_408"] += b"HTTP/1.1 408" in data
        return data != b""

    def turn(self):
        """Called once in TURN_SECONDS. Returns False when the gateway has disconnected."""
        return True

    def receive(self, size):
        try:
            return self.socket.recv(size)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self, data):
        try:
            self.socket.send(data)
            return True
        except BlockingIOError:
            return True
        except OSError:
            return False


class Idle(Client):
    kind = "idle"
    events = select.EPOLLIN

    def opened(self):
        self.send(IDLE_REQUEST)

    def take(self, data):
        if b"HTTP/1.1 200" in data:
            self.in_place()
        return super().take(data)


class Passer(Client):
    kind = "passer"
    events = select.EPOLLIN

    def opened(self):
        self.send(IDLE_REQUEST)

    def take(self, data):
        super().take(data)
        self.in_place()
        return False


class Sender(Client):
    kind = "sender"
    events = select.EPOLLIN

    def opened(self):
        self.at = 0
        self.in_place()
        self.send(ENDLESS_HEAD)

    def turn(self):
        self.at = (self.at + 1) % len(ENDLESS_FIELD)
        return self.send(ENDLESS_FIELD[self.at - 1:self.at or None])


class Reader(Client):
    kind = "reader"
    events = 0  # it reads when its turn has come

    def prepare(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)

    def opened(self):
        self.in_place()
        self.send(PAGE_REQUEST)

    def turn(self):
        data = self.receive(READ_BYTES)
        if data is None:
            return self.send(PAGE_REQUEST)  # all is read: the next page
        self.counts["bytes_read_slowly"] += len(data)
        return self.take(data)


class Process:
    """The crowd itself: one epoll loop."""

    def __init__(self, address, idle, senders, readers, passers):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.wanted = collections.deque([Idle] * idle + [Sender] * senders + [Reader] * readers + [Passer] * passers)
        self.asked = {"idle": idle, "sender": senders, "reader": readers, "passer": passers}
        self.poll = select.epoll()
        self.clients = {}
        self.opening = set()
        self.slow = collections.deque()
        self.counts = collections.Counter()
        self.ready = False

    def run(self):
        random.Random(1).shuffle(self.wanted)
        self.poll.register(0, select.EPOLLIN)
        last = time.monotonic()
        while True:
            self.open_more()
            for fd, events in self.poll.poll(0.01):
                if fd == 0:
                    if not self.on_command():
                        return
                else:
                    self.on_event(self.clients.get(fd), events)
            now = time.monotonic()
            self.give_turns(min(len(self.slow), int(len(self.slow) * (now - last) / TURN_SECONDS)))
            last = now
            self.tell_ready()

    def open_more(self):
        while self.wanted and len(self.opening) < OPEN_AT_ONCE:
            client = self.wanted.popleft()(self.address, self.counts)
            fd = client.socket.fileno()
            self.clients[fd] = client
            self.opening.add(fd)
            self.poll.register(fd, select.EPOLLOUT)

    def on_event(self, client, events):
        if client is None:
            return
        fd = client.socket.fileno()
        if events & select.EPOLLOUT:
            self.opening.discard(fd)
            self.poll.modify(fd, client.events)
            client.opened()
            if client.kind in ("sender", "reader"):
                self.slow.append(client)
        elif not client.readable():
            self.lose(client)

    def give_turns(self, count):
        for _ in range(count):
            client = self.slow.popleft()
            if client.socket.fileno() < 0:
                continue
            self.slow.append(client)
            if not client.turn():
                self.lose(client)

    def lose(self, client):
        """Replaces a client that was disconnected with a new one."""
        fd = client.socket.fileno()
        self.poll.unregister(fd)
        del self.clients[fd]
        self.opening.discard(fd)
        client.socket.close()
        self.counts[f"{client.kind}_lost"] += 1
        self.wanted.append(type(client))

    def tell_ready(self):
        if not self.ready and all(self.counts[f"{kind}_in_place"] >= count for kind, count in self.asked.items()):
            self.ready = True
            os.nice(19)  # what its connections cost the gateway counts, not what their clients take of the same cores
            print("ready", flush=True)

    def on_command(self):
        if not sys.stdin.buffer.raw.read(64):
            return False
        kinds = collections.Counter(client.kind for client in self.clients.values())
        print(json.dumps({"open": dict(kinds), **self.counts}), flush=True)
        return True


class SlowCrowd(CrowdProcess):
    """Clients, which are all connected."""

    def __init__(self, address, idle=0, senders=0, readers=0, passers=0):
        super().__init__(__file__, address, idle, senders, readers, passers)


if __name__ == "__main__":
    allow_descriptors()
    Process(sys.argv[1], *map(int, sys.argv[2:])).run()
