"""The loopback ports of the members of a local system."""

import random
import socket

from .process import LocalError

# Below the kernel's range for outgoing connections, which could occupy any port.
FIRST_FREE, LAST_FREE = 10_000, 32_000


def is_free(port):
    """Whether the port can be listened on; lingering connections of an earlier run do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def usual(gateways, persisters):
    """{name: port}: the default ports of the roles and the other programs; further members get adjacent ports."""
    ports = {"front": 8000, "haproxy-metrics": 8405, "issuer": 9101, "prometheus": 9090, "alertmanager": 9093,
             "mysqld-exporter": 9104, "redis-exporter": 9121}
    ports.update({f"gateway-{i + 1}": 8080 + i for i in range(gateways)})
    ports.update({f"gateway-operator-{i + 1}": 8090 + i if gateways <= 10 else 8200 + i for i in range(gateways)})
    ports.update({f"persister-{i + 1}": 9102 + i if i < 2 else 9130 + i for i in range(persisters)})
    return ports


def in_a_row(names, first):
    return {name: first + i for i, name in enumerate(names)}


def free_row(names):
    """Consecutive free ports, one for each name."""
    for _ in range(1000):
        first = random.SystemRandom().randrange(FIRST_FREE, LAST_FREE - len(names))
        ports = in_a_row(names, first)
        if all(is_free(port) for port in ports.values()):
            return ports
    raise LocalError("127.0.0.1 has no consecutive free ports")


def check_free(ports):
    taken = [f"{port} ({name})" for name, port in ports.items() if not is_free(port)]
    if taken:
        raise LocalError(f"these ports of 127.0.0.1 are in use: {', '.join(taken)}; choose others with --port-base N, "
                         "such as --port-base 18000 (Debian's package of Prometheus starts a server: systemctl stop "
                         "prometheus)")
