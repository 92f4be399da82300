"""Debian's HAProxy before the gateways of a cluster, in a directory of its own. It sends requests only to gateways
whose /readyz answers 200.

    with HAProxy(tmp_path / "haproxy", cluster.addresses) as proxy:
        … proxy.address …
        proxy.wait_up(2)
"""

import contextlib
import csv
import socket
import subprocess
from pathlib import Path

from cluster import DEADLINE_SECONDS, ClusterError, wait_until
from ports import free_port

CHECK_MS = 100
PROBLEM = (
    '{\\"type\\":\\"about:blank\\",\\"title\\":\\"No gateway is ready\\",\\"status\\":503,\\"code\\":\\"overloaded\\"}'
)
CONFIG = """\
global
    stats socket {directory}/admin
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    option redispatch
    retries 3
    http-error status 503 content-type application/problem+json string "{problem}" hdr Retry-After 1
frontend front
    bind {address}
{front}    default_backend gateways
backend gateways
    balance leastconn
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host coupond
    default-server check inter {check_ms}ms fall 1 rise 1
"""


class HAProxy:
    def __init__(self, directory, gateways, front=""):
        """`front`: more lines of the frontend."""
        self.front = front
        self.directory = Path(directory)
        self.gateways = gateways
        self.address = f"127.0.0.1:{free_port()}"
        self.process = None

    def __enter__(self):
        self.directory.mkdir(parents=True)
        config = self.directory / "haproxy.cfg"
        text = CONFIG.format(directory=self.directory, address=self.address, check_ms=CHECK_MS, problem=PROBLEM,
                             front=self.front)
        servers = (f"    server g{i} {address}\n" for i, address in enumerate(self.gateways))
        config.write_text(text + "".join(servers))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", str(config)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        try:
            self.wait_up(len(self.gateways))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE_SECONDS)

    @property
    def log_path(self):
        return self.directory / "haproxy.log"

    def states(self):
        """{server: "UP", "DOWN", …}"""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as admin:
            admin.connect(str(self.directory / "admin"))
            admin.sendall(b"show stat\n")
            text = admin.makefile().read()
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return {row["svname"]: row["status"] for row in rows if row["pxname"] == "gateways" and row["svname"][0] == "g"}

    def up(self):
        if self.process.poll() is not None:
            raise ClusterError(f"haproxy ended with {self.process.returncode}: {self.log_path.read_text()[-2000:]}")
        with contextlib.suppress(OSError):
            return sum(state.startswith("UP") for state in self.states().values())
        return 0

    def wait_up(self, count):
        wait_until(lambda: self.up() == count, lambda: f"{count} gateways up; {self.log_path.read_text()[-2000:]}")
