"""Several hosts on one machine: network namespaces whose links can be cut and restored, and which can vanish without
notice. Needs root.

    with Network() as network:
        issuer = network.host("issuer")
        member.prefix = issuer.prefix       # a command that runs its arguments there
        issuer.cut(); …; issuer.mend()

Each host has two addresses: `front`, where the test and its clients reach it always, and `back`, where hosts reach each
other and which is what cut() cuts.
"""

import json
import os
import random
import shutil
import subprocess

REFUSED_OR_OPEN, SILENT = "packets pass", "no packet passes"


def why_not():
    """The reason why namespaces cannot be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        return "ip is not installed (iproute2)"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "this machine gives no network namespaces"


def ip(*arguments):
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


class Network:
    def __init__(self):
        self.tag = f"{random.SystemRandom().randrange(16**4):04x}"
        self.hosts = []
        self._nets = {}

    def __enter__(self):
        try:
            for side in ("front", "back"):
                self._nets[side] = self._bridge(side)
            ip("addr", "add", f"{self._nets['front']}.1/24", "dev", self._bridge_name("front"))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _bridge_name(self, side):
        return f"cp{self.tag}{side[0]}"

    def _bridge(self, side):
        """Makes a bridge with a network that this machine does not use."""
        ip("link", "add", self._bridge_name(side), "type", "bridge")
        ip("link", "set", self._bridge_name(side), "up")
        known = ip("-4", "addr") + ip("-4", "route")
        choose = random.SystemRandom()
        while True:
            net = f"10.{choose.randrange(64, 250)}.{choose.randrange(1, 250)}"
            if f"{net}." not in known and net not in self._nets.values():
                return net

    def host(self, name):
        host = Host(self, name, len(self.hosts) + 2)
        self.hosts.append(host)
        host.plug_in()
        return host

    def close(self):
        for host in self.hosts:
            host.pull_out()
        for side in ("front", "back"):
            subprocess.run(["ip", "link", "del", self._bridge_name(side)], capture_output=True, check=False)


class Host:
    def __init__(self, network, name, number):
        self.network, self.name, self.number = network, name, number
        self.namespace = f"coupond-{network.tag}-{name}"
        self.front, self.back = (f"{network._nets[side]}.{number}" for side in ("front", "back"))
        self.prefix = ["nsenter", f"--net=/run/netns/{self.namespace}", "--"]

    def _cable(self, side):
        return f"cp{self.network.tag}{side[0]}{self.number}"

    def plug_in(self):
        ip("netns", "add", self.namespace)
        ip("-n", self.namespace, "link", "set", "lo", "up")
        for side in ("front", "back"):
            # The same card whenever it is plugged in, or the others would send to the one before for a while.
            card = f"02:00:{self.network.tag[:2]}:{self.network.tag[2:]}:{ord(side[0]):02x}:{self.number:02x}"
            ip("link", "add", self._cable(side), "type", "veth", "peer", "name", side, "address", card, "netns",
               self.namespace)
            ip("link", "set", self._cable(side), "master", self.network._bridge_name(side), "up")
            ip("-n", self.namespace, "addr", "add", f"{getattr(self, side)}/24", "dev", side)
            ip("-n", self.namespace, "link", "set", side, "up")

    def pull_out(self):
        """Simulates a power loss: connections are never closed and peers receive nothing. The caller kills the
        processes first."""
        for side in ("front", "back"):
            subprocess.run(["ip", "link", "del", self._cable(side)], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True, check=False)

    def cut(self):
        ip("link", "set", self._cable("back"), "down")

    def mend(self):
        ip("link", "set", self._cable("back"), "up")

    def has_carrier(self):
        link = json.loads(ip("-n", self.namespace, "-j", "link", "show", "dev", "back"))[0]
        return link["operstate"] == "UP"

    def reach(self, other, port):
        """What happens to a connection from here to another host's `back` address."""
        command = [*self.prefix, "timeout", "0.7", "bash", "-c", f"</dev/tcp/{other.back}/{port}"]
        result = subprocess.run(command, capture_output=True, check=False)
        return SILENT if result.returncode == 124 else REFUSED_OR_OPEN
