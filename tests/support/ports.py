"""Free loopback ports, below the range from which the kernel takes ports of outgoing connections, so that no connection
can occupy one."""

import os
import random
import re
import socket

FIRST, LAST = 10_100, 32_000  # browsers refuse to open 10080
WORKERS_MAX = 4
ATTEMPTS = 100_000


def worker_range(worker, workers=WORKERS_MAX):
    """The ports of one of several test workers (gw0, gw1, …). Without ranges of their own, one worker could take a port
    between another's check and its use."""
    number = re.fullmatch(r"gw(\d+)", worker)
    if number is None:
        return FIRST, LAST
    share = (LAST - FIRST) // workers
    first = FIRST + int(number[1]) % workers * share
    return first, first + share


class Ports:
    """The ports from `first` up to, but not including, `last`. A port is given again only after an eighth of all ports
    have been given since, so that free ranges remain."""

    def __init__(self, first, last):
        self._first, self._last = first, last
        self._given = {}  # in the order in which they were given
        self._random = random.SystemRandom()

    def free(self, count=1):
        """The first of `count` consecutive ports that nobody listens on."""
        for _ in range(ATTEMPTS):
            first = self._random.randrange(self._first, self._last - count + 1)
            ports = range(first, first + count)
            if not any(port in self._given for port in ports) and all(_is_free(port) for port in ports):
                self._note(ports)
                return first
        raise RuntimeError(f"no {count} free ports in a row from {self._first} to {self._last}")

    def _note(self, ports):
        self._given.update(dict.fromkeys(ports))
        while len(self._given) > (self._last - self._first) // 8:
            del self._given[next(iter(self._given))]


_ports = Ports(*worker_range(os.environ.get("PYTEST_XDIST_WORKER", ""),
                             int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", WORKERS_MAX))))


def free_port():
    """A port that nobody listens on and that was not given lately."""
    return _ports.free()


def free_port_range(count):
    """The first of `count` consecutive free ports (an issuer with several partitions needs that many)."""
    return _ports.free(count)


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
