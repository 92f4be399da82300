"""Free loopback ports, below those that the system gives to outgoing connections: one of these may take any port of theirs."""

import random
import socket

_given = set()
_random = random.SystemRandom()
FIRST, LAST = 10_000, 32_000


def free_port():
    """A port that nobody listens on; never the same twice in one process."""
    while True:
        port = _random.randrange(FIRST, LAST)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def free_port_range(count):
    """The first of `count` free ports in a row (an issuer of several partitions takes that many)."""
    while True:
        first = free_port()
        taken = range(first, first + count)
        if first + count > 65535 or any(port in _given for port in taken[1:]):
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
