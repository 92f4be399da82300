"""Free loopback ports, below those that the system gives to outgoing connections: one of these may take any port of theirs."""

import os
import random
import re
import socket

FIRST, LAST = 10_000, 32_000
WORKERS_MAX = 4


def worker_range(worker):
    """The ports of one of several test runners (gw0, gw1, …), which would otherwise take each other's between the look and the use."""
    number = re.fullmatch(r"gw(\d+)", worker)
    if number is None:
        return FIRST, LAST
    share = (LAST - FIRST) // WORKERS_MAX
    first = FIRST + int(number[1]) % WORKERS_MAX * share
    return first, first + share


_given = set()
_random = random.SystemRandom()
_first, _last = worker_range(os.environ.get("PYTEST_XDIST_WORKER", ""))


def free_port():
    """A port that nobody listens on; never the same twice in one process."""
    while True:
        port = _random.randrange(_first, _last)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def free_port_range(count):
    """The first of `count` free ports in a row (an issuer of several partitions takes that many)."""
    while True:
        first = free_port()
        taken = range(first, first + count)
        if taken[-1] >= _last or any(port in _given for port in taken[1:]):
            continue
        if all(_is_free(port) for port in taken):
            _given.update(taken)
            return first


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
