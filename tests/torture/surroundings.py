"""Programs that run beside the system under test: relays on links, and peers without the secret."""

import contextlib
import random
import time

from cluster import ClusterError
from companion import Companion
from curve import listener_key
from ports import free_port_range

FIRST_SECONDS = 10  # how long a delay waits for its first byte


class Relay(Companion):
    """Relays a member's links to the issuer, one relay per endpoint."""

    def __init__(self, options, names, partitions, prefix):
        self.endpoints, passed = {}, []
        for name in names:
            host, first = options["issuer/" + name.split("/")[1]].removeprefix("tcp://").rsplit(":", 1)
            count = partitions if name == "gateway/requests" else 1
            port = int(first) if prefix else free_port_range(count)
            self.endpoints[name] = f"tcp://127.0.0.1:{port}"
            passed += [f"{port + i}={host}:{int(first) + i}" for i in range(count)]
        super().__init__("relay.py", passed, prefix)

    def arguments(self):
        """Options that route the member through the relay."""
        return [word for name, endpoint in self.endpoints.items() for word in ("--set", f"{name}={endpoint}")]

    def hold(self, way, seconds):
        """Delays bytes for that long, counted from the first byte. Returns the number of delayed bytes and the delay of
        the first one in seconds."""
        self.say("hold", way)
        self.wait_for("holding")
        with contextlib.suppress(ClusterError):  # no byte arrived
            self.wait_for("first_byte", FIRST_SECONDS)
            time.sleep(seconds)
        self.say("let_go")
        report = self.wait_for("let_go")
        return report["let_go"], report["seconds"]


class Strangers(Companion):
    """Peers without the secret that send false messages during the whole run. An answer to any of them breaks it."""

    def __init__(self, world):
        options = world.cluster.options
        where = [options[f"issuer/{name}"] for name in ("requests", "events", "acks")]
        super().__init__("strangers.py",
                         [*where, world.cluster.partitions, world.journal, listener_key(world.secret).hex()],
                         world.observer.prefix if world.observer else (), self._on_report)
        self.world, self.told = world, {}

    def total(self):
        return sum(self.told.values())

    @contextlib.contextmanager
    def in_a_hurry(self):
        self.say("hurry")
        try:
            yield
        finally:
            self.say("stroll")

    def _on_report(self, report):
        self.told = report.get("told", self.told)
        for text in report.get("heard", ()):
            self.world.fail(f"a peer without the secret was answered: {text}")
        traffic = self.world.traffic
        if traffic and traffic.coupons:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # the companion is being stopped
                self.say("coupon", random.choice(traffic.coupons)[0])
