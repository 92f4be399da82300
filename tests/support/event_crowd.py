"""Watchers by the thousand, in a process of its own, because the number of open files of a process is limited.

    with EventCrowd(address, "A", 10_000) as crowd:
        … crowd.state() …   # {"open": 10000, "events": …, "lost": 0, "refused": 0}

The clients read what has come a few times a second. Real ones sit on machines of their own, so these leave the cores to
the servers.
"""

import collections
import errno
import json
import os
import select
import socket
import sys
import time

from crowd_process import CrowdProcess, allow_descriptors

OPEN_AT_ONCE = 200  # connections that are being opened
PAUSE_SECONDS = 0.05
EVENT = b"event: coupon"


class Process:
    """The crowd itself: one epoll loop."""

    def __init__(self, address, coupon, watchers):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.request = f"GET /v1/coupons/{coupon}/live HTTP/1.1\r\nHost: crowd\r\n\r\n".encode()
        self.wanted = watchers
        self.poll = select.epoll()
        self.sockets = {}
        self.opening = set()
        self.counts = collections.Counter(events=0, lost=0, refused=0)
        self.in_place = 0
        self.buffer = bytearray(65536)

    def run(self):
        begun, told = time.monotonic(), False
        self.poll.register(0, select.EPOLLIN)
        while True:
            while self.wanted > 0 and len(self.opening) < OPEN_AT_ONCE:
                self.open()
            for fd, events in self.poll.poll(PAUSE_SECONDS, 4096):
                if fd == 0:
                    if not self.on_command():
                        return
                elif events & select.EPOLLOUT:
                    self.on_open(fd)
                else:
                    self.on_readable(fd)
            if not told and self.wanted == 0 and self.in_place == len(self.sockets):
                told = True
                os.nice(19)
                print(f"ready {time.monotonic() - begun:.1f}", flush=True)
            if told:
                time.sleep(PAUSE_SECONDS)

    def open(self):
        client = socket.socket()
        client.setblocking(False)
        status = client.connect_ex(self.address)
        if status not in (0, errno.EINPROGRESS):
            raise OSError(status, os.strerror(status))
        self.sockets[client.fileno()] = client
        self.opening.add(client.fileno())
        self.poll.register(client.fileno(), select.EPOLLOUT)
        self.wanted -= 1

    def on_open(self, fd):
        self.sockets[fd].send(self.request)
        self.poll.modify(fd, select.EPOLLIN)

    def on_readable(self, fd):
        client = self.sockets[fd]
        try:
            size = client.recv_into(self.buffer)
        except OSError:
            size = 0
        if fd in self.opening:
            self.opening.discard(fd)
            self.in_place += 1
            self.counts["refused"] += not self.buffer.startswith(b"HTTP/1.1 200")
        self.counts["events"] += self.buffer.count(EVENT, 0, size)
        if size == 0:
            self.counts["lost"] += 1
            self.poll.unregister(fd)
            client.close()
            del self.sockets[fd]

    def on_command(self):
        if not sys.stdin.buffer.raw.read(64):
            return False
        print(json.dumps({"open": len(self.sockets), **self.counts}), flush=True)
        return True


class EventCrowd(CrowdProcess):
    """Watchers, whose streams have all begun."""

    def __init__(self, address, coupon, watchers):
        super().__init__(__file__, address, coupon, watchers)


if __name__ == "__main__":
    allow_descriptors()
    Process(sys.argv[1], sys.argv[2], int(sys.argv[3])).run()
