"""A Docker engine from Debian's packages that does not affect its host: it has separate data, sockets and cgroups.

It runs in one of two networks, on the same data: `outside`, where a build can reach the package mirror, but containers
have no network; `inside`, with bridge, NAT, DNS and published ports, but without access to the outside. Names that
Docker does not know go to a resolver that answers NXDOMAIN to everything, like the resolver of a company.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

import namespaces
from progress import CheckFailed, wait_until

BRIDGE = "10.200.0.1"
CGROUP = "coupond-containers"
START_SECONDS = 120
COMMAND_SECONDS = 600


def tool(name):
    """The distribution's program, even if PATH has another one before it."""
    found = shutil.which(name, path="/usr/bin:/usr/sbin") or shutil.which(name)
    if not found:
        raise CheckFailed(f"{name} is not installed")
    return found


class Engine:
    def __init__(self, directory, runtime):
        """runtime: a folder with a name short enough for sockets; a file system is mounted over it, which disappears
        with the mount namespace."""
        self.directory, self.runtime = directory, runtime
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700", "none", str(self.runtime)], check=True)
        self.socket = self.runtime / "docker.sock"
        self.log = directory / "dockerd.log"
        self.process = None

    def environment(self):
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0",
                "DOCKER_CONFIG": str(self.runtime / "client")}

    # --- life

    def start(self, where):
        """where: `outside` or `inside`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        config = {"exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": f"/{CGROUP}",
                  "default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]}
        (self.runtime / "daemon.json").write_text(json.dumps(config))
        command = [tool("dockerd"), f"--data-root={self.directory}/data", f"--exec-root={self.runtime}/exec",
                   f"--pidfile={self.runtime}/pid", f"--host=unix://{self.socket}",
                   f"--config-file={self.runtime}/daemon.json", "--storage-driver=overlay2", "--log-level=warn",
                   "--ip6tables=false"]
        if where == "outside":
            command += ["--bridge=none", "--iptables=false", "--ip-forward=false"]
        else:
            command += [f"--bip={BRIDGE}/24", f"--dns={BRIDGE}"]
        (self.runtime / "pid").unlink(missing_ok=True)
        with namespaces.network(where), open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self.answers, START_SECONDS, lambda: "dockerd answers\n" + self.tail())

    def answers(self):
        if self.process.poll() is not None:
            raise CheckFailed("dockerd ended\n" + self.tail())
        return self.docker("version", check=False).returncode == 0

    def stop(self, how=signal.SIGTERM):
        if not self.process:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(180)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def close(self):
        self.stop()
        subprocess.run(["umount", "--lazy", "--recursive", str(self.runtime)], check=False)

    def tail(self, lines=20):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # --- commands

    def docker(self, *arguments, check=True, stdin=None, timeout=COMMAND_SECONDS):
        return self.run([tool("docker"), *map(str, arguments)], check, input=stdin, timeout=timeout)

    def run(self, command, check=True, **more):
        """Runs a command with this engine in its environment; the output is text, with standard error in it."""
        environment = {**self.environment(), **more.pop("environment", {})}
        text = " ".join(map(str, command))
        try:
            result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    text=True, stdin=None if more.get("input") is not None else subprocess.DEVNULL,
                                    check=False, **more)
        except subprocess.TimeoutExpired as error:
            output = (error.output or b"").decode(errors="replace")
            raise CheckFailed(f"{text}: no end within {error.timeout} s\n{output[-4000:]}") from None
        if check and result.returncode != 0:
            raise CheckFailed(f"{text}: exit status {result.returncode}\n{result.stdout[-4000:]}")
        return result

    def inspect(self, *names):
        return json.loads(self.docker("inspect", *names).stdout) if names else []

    @contextlib.contextmanager
    def extracted(self, image, path):
        """A file of an image, during a with block."""
        container = self.docker("create", image).stdout.split()[-1]
        target = self.runtime / Path(path).name
        try:
            self.docker("cp", f"{container}:{path}", target)
            yield target
        finally:
            self.docker("rm", container)
            target.unlink(missing_ok=True)

    def image_label(self, image, label):
        found = self.docker("image", "inspect", "-f", f'{{{{index .Config.Labels "{label}"}}}}', image, check=False)
        return found.stdout.strip() if found.returncode == 0 else None


def remove_cgroups():
    """Removes the empty groups of an engine in each hierarchy."""
    for parent in [*Path("/sys/fs/cgroup").glob(f"*/{CGROUP}"), Path("/sys/fs/cgroup") / CGROUP]:
        if parent.is_dir():
            for folder, _, _ in sorted(os.walk(parent), reverse=True):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass


class Nowhere(threading.Thread):
    """A DNS server that answers NXDOMAIN to every query, in the network of the thread that creates it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 53))

    def run(self):
        while True:
            question, peer = self.socket.recvfrom(4096)
            if len(question) < 12:
                continue
            number, flags = struct.unpack("!HH", question[:4])
            self.asked += 1
            # response, recursion available, name error; the question again, and no other sections
            end = question_end(question)
            head = struct.pack("!HHHHHH", number, 0x8080 | (flags & 0x7900) | 3, 1, 0, 0, 0)
            self.socket.sendto(head + question[12:end], peer)


def question_end(message):
    at = 12
    while at < len(message) and message[at] != 0:
        at += message[at] + 1
    return at + 5
