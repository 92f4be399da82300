"""Sends hostile HTTP messages to coupond and to nginx, and finds messages that coupond accepts and nginx refuses.

A message is sent unchanged, then the sending side is shut down, so that every server finishes; the answer is read up to
its end. Answers are shown as statuses in order ("200 400"); "closed" is a connection that ended without an answer,
"0.9" an answer without a status line. Interim answers (100) are left out, since they depend on how the bytes arrive.
"""

import collections
import contextlib
import os
import shutil
import socket
import subprocess

from cluster import DEADLINE_SECONDS, wait_until
from ports import free_port

Message = collections.namedtuple("Message", "section name data rfc expected torn")
Row = collections.namedtuple("Row", "message coupond nginx proxy")

# coupond's default limit for heads and bodies; nginx's limits are at least as high.
BOUND_BYTES = 16384


# --- sending


def send(connection, data, split):
    """Sends everything at once or byte by byte. The server may disconnect before the end."""
    with contextlib.suppress(ConnectionError):
        for piece in ([data[i:i + 1] for i in range(len(data))] if split else [data]):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)


def receive(connection):
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return bytes(received)


def talk(address, data, split=False):
    """Statuses of the final answers to `data`, in order."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        send(connection, data, split)
        return statuses_of(receive(connection))


def statuses_of(received):
    statuses = []
    while received:
        if not received.startswith(b"HTTP/1.1 "):
            return statuses + ["0.9"]
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, f"an answer is cut off: {received[:200]}"
        status = head[9:12].decode()
        length = content_length(head)
        assert len(rest) >= length, f"a body is cut off: {received[:200]}"
        received = rest[length:]
        if status[0] != "1":
            statuses.append(status)
    return statuses


def content_length(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def shown(statuses):
    if len(statuses) > 5 and len(set(statuses)) == 1:
        return f"{len(statuses)} × {statuses[0]}"
    return " ".join(statuses) or "closed"


# --- comparing


def accepted(statuses):
    """The number of messages that were accepted as requests and served."""
    return sum(status == "0.9" or status < "400" for status in statuses)


def faults_of(row):
    """The differences of coupond's answers from the table, and from those of nginx as a server and as a proxy."""
    faults = []
    if shown(row.coupond) != row.message.expected:
        faults.append(f"coupond answers {shown(row.coupond)}, not {row.message.expected}")
    faults += faults_beside("nginx", row, row.nginx) + faults_beside("nginx as a proxy", row, row.proxy)
    return [f"{row.message.section}: {row.message.name}: {fault}" for fault in faults]


def faults_beside(name, row, theirs):
    ours = row.coupond
    if accepted(ours) > accepted(theirs):
        return [f"coupond serves {accepted(ours)} requests, {name} only {accepted(theirs)}"]
    refused = any(status >= "400" for status in ours)
    if not refused and not row.message.torn and accepted(ours) != accepted(theirs):
        return [f"coupond sees {accepted(ours)} requests, {name} {accepted(theirs)}, and neither client gets an error"]
    return []


# --- the table


def markdown(rows, nginx_version):
    lines = [
        "# Hostile HTTP messages: coupond beside nginx",
        "",
        f"{len(rows)} messages, each sent unchanged to coupond, to an nginx {nginx_version} that returns a constant, "
        "and to an nginx that is a",
        "proxy in front of it and therefore reads the body before it answers. The columns show the statuses in the "
        "order of the",
        "answers; `closed`: the connection ended without an answer; `0.9`: an answer without a status line.",
        "`tests/integration/test_hostile_http.py` writes this table. It fails if the table differs, or if coupond "
        "serves a",
        "message that nginx refuses.",
    ]
    section = None
    for row in rows:
        if row.message.section != section:
            section = row.message.section
            lines += ["", f"## {section}", "", "| message | RFC | coupond | nginx | as a proxy |",
                      "|---|---|---|---|---|"]
        answers = " | ".join(shown(statuses) for statuses in (row.coupond, row.nginx, row.proxy))
        lines.append(f"| {row.message.name} | {row.message.rfc} | {answers} |")
    return "\n".join(lines) + "\n"


# --- nginx

CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    lingering_close always;
    lingering_timeout 100ms;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    large_client_header_buffers 4 {bound};
    client_max_body_size {bound};
    client_body_buffer_size {bound};
    server {{
        listen {address};
        location / {{
            if ($request_method = POST) {{ return 201 "created"; }}
            return 200 "served";
        }}
    }}
    server {{
        listen {proxy_address};
        proxy_ignore_client_abort on; # the sending side is shut before the answer is read
        location / {{ proxy_pass http://{address}; }}
    }}
}}
"""


class Nginx:
    """A real nginx on two free ports. One answers every request that nginx understands; the other is a proxy in front
    of it."""

    def __init__(self, directory):
        self.directory = directory
        self.address, self.proxy_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        assert self.program, "nginx is not installed; packages.txt names it"
        self.process = None

    @property
    def version(self):
        told = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=True).stderr
        return told.strip().rpartition("/")[2]

    def __enter__(self):
        self.directory.mkdir()
        path = self.directory / "nginx.conf"
        path.write_text(CONFIGURATION.format(directory=self.directory, address=self.address,
                                             proxy_address=self.proxy_address, bound=BOUND_BYTES))
        self.process = subprocess.Popen([self.program, "-p", self.directory, "-c", path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._serves, "nginx serves")
        return self

    def _serves(self):
        assert self.process.poll() is None, (self.directory / "error.log").read_text()
        with contextlib.suppress(ConnectionError):
            return talk(self.address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") == ["200"]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
