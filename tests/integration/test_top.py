"""`coupond top` on a real system under load: the live screen on a pseudo-terminal, its keys, and its output without a
terminal."""

import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

from cluster import DEADLINE_SECONDS, REPOSITORY, SANITIZER_REPORT, Cluster, binary, environment, run_coupond
from http_load import Load
from ports import free_port

BEGIN, END = "\x1b[?1049h", "\x1b[?1049l"
INTERVAL = "0.3"


@pytest.fixture(name="cluster", scope="module")
def started_cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("top"), gateways=2, persisters=1) as running:
        running.create_coupon("A", 50)
        running.create_coupon("B", 100_000_000)
        yield running


@contextlib.contextmanager
def load_on(cluster, coupon="B"):
    """Requests the coupon for new users during the with block."""
    load = Load(cluster.addresses, connections=4, retry=True)
    run = os.urandom(4).hex()
    load.start((coupon, f"{run}-{number}") for number in itertools.count())
    try:
        yield
    finally:
        load.finish()


def urls(cluster):
    return [f"http://{member.operator_address}" for member in cluster.members]


class Screen:
    """The screen of a terminal, limited to the control sequences that `coupond top` uses."""

    def __init__(self, rows, columns):
        self.resize(rows, columns)
        self.modes = set()
        self.rest = ""

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.scrolled = False

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def take(self, text):
        text = self.rest + text
        at = 0
        while at < len(text):
            sequence = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])").match(text, at)
            if sequence:
                self.obey(*sequence.groups())
                at = sequence.end()
            elif text[at] == "\x1b":
                assert len(text) - at < 16, f"no sequence of ours: {text[at:at + 16]!r}"
                break
            else:
                self.put(text[at])
                at += 1
        self.rest = text[at:]

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            self.scrolled |= self.row >= self.rows
        else:
            assert character.isprintable(), repr(character)
            if self.column < self.columns and self.row < self.rows:
                self.cells[self.row][self.column] = character
            self.column += 1

    def obey(self, private, numbers, letter):
        if private:
            (self.modes.add if letter == "h" else self.modes.discard)(numbers)
        elif letter == "H":
            assert numbers == ""
            self.row = self.column = 0
        elif letter == "K":
            if self.row < self.rows:
                self.cells[self.row][self.column:] = [" "] * (self.columns - min(self.column, self.columns))
        elif letter == "J":
            assert numbers == "2"
            self.resize(self.rows, self.columns)
        else:
            assert letter == "m", letter


class Live:
    """`coupond top` on a pseudo-terminal."""

    def __init__(self, *arguments, rows=24, columns=80, **variables):
        self.master, self.slave = pty.openpty()
        self.set_size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.screen = Screen(rows, columns)
        self.output = ""
        self.process = subprocess.Popen(
            [binary(), "top", "--interval", INTERVAL, *arguments], stdin=self.slave, stdout=self.slave,
            stderr=subprocess.PIPE, preexec_fn=self.own_terminal,
            env={**environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8", **variables})

    def own_terminal(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.wait_for("coupond")
        self.set_size(rows, columns)
        self.screen.resize(rows, columns)

    def press(self, keys):
        os.write(self.master, keys)

    def drain(self):
        while select.select([self.master], [], [], 0)[0]:
            self.read()

    def read(self):
        ready, _, _ = select.select([self.master], [], [], 0.1)
        if ready:
            text = os.read(self.master, 65536).decode("utf-8", "surrogateescape")
            self.output += text
            self.screen.take(text)

    def wait_for(self, pattern):
        """Waits until the screen shows the pattern; returns the match."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (found := re.search(pattern, self.screen.text())):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline, f"no {pattern!r} in\n{self.screen.text()}"
            self.read()
        return found

    def wait_for_end(self):
        """Waits for the end, reads all output, and returns the exit status."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self.read()
        self.drain()
        errors = self.process.stderr.read().decode()
        assert not SANITIZER_REPORT.search(errors) and errors == "", errors
        return self.process.returncode

    def assert_restored(self):
        assert not self.screen.scrolled
        assert self.output.count(BEGIN) == self.output.count(END) > 0
        assert self.screen.modes == {"7", "25"}
        assert termios.tcgetattr(self.slave) == self.before


# --- the live screen


def test_arrow_keys_scroll_through_the_coupons(cluster):
    with Live(*urls(cluster), rows=15) as live:
        live.wait_for(r"COUPON .* 1 of \d")
        live.press(b"\x1b[B")
        live.wait_for(r"COUPON .* 2-2 of \d")
        live.press(b"\x1b[A")
        live.wait_for(r"COUPON .* 1 of \d")
        live.press(b"q")
        assert live.wait_for_end() == 0


def test_the_screen_shows_a_system_under_load(cluster):
    with load_on(cluster), Live(*urls(cluster)) as live:
        live.wait_for(r"4 of 4 up +for \d")
        live.wait_for(r"B +open .* [1-9][\d,]* / 100M +0 % +[1-9][\d,.]* ")
        live.wait_for(r"A +open .* 0 / 50 +0 % +0 +-\n")
        cluster.coupon("A")
        live.wait_for(r"cache +\d+ % of [\d.]+ reads/s +turn p99 [\d.]+ [µm]?s")
        live.wait_for(r"ISSUED/S .*503/5xx\n +[1-9][\d,]* +0 +0 +0 +0 +0 +0 +0\n")
        live.wait_for(r"GATEWAYS 2 of 2 +ISSUER 1 of 1 +PERSISTERS 1 of 1\n"
                      r"time p50  [\d.]+ [µm]?s an answer +[\d.]+ [µm]?s a sync")
        live.wait_for(r"flow +[1-9][\d,]* answers/s +[\d.]+ [KM]?i?B/s journal")
        live.wait_for(r"trouble   none")
        for member in cluster.members:
            live.wait_for(rf"{member.operator_address} +{member.name.split('-')[0]} +ready +\d+ \w.* %")
        assert "\x1b[0;7m" in live.output, "it has colors"
        live.press(b"x")
        live.press(b"q")
        assert live.wait_for_end() == 0
        live.assert_restored()


def test_a_member_that_is_killed_is_down_and_comes_back(cluster):
    issuer = cluster.issuer
    with load_on(cluster), Live(*urls(cluster)) as live:
        live.wait_for(r"ISSUED/S .*\n +[1-9]")
        live.wait_for(rf"{issuer.status_address} +issuer +ready")
        issuer.kill()
        live.wait_for(r"3 of 4 up(.*\n)+.*ISSUER 0 of 1(.*\n)+"
                      rf"{issuer.status_address} +issuer +down +Connection refused")
        live.wait_for(r"trouble .*503 answers")
        live.wait_for(rf"{cluster.gateways[0].operator_address} +gateway +ready +\d+ \w.*")
        issuer.start()
        live.wait_for(rf"4 of 4 up(.*\n)+.*ISSUER 1 of 1(.*\n)+{issuer.status_address} +issuer +ready")
        live.wait_for(r"ISSUED/S .*\n +[1-9]")
        for found in re.findall(r"([\d.]+)([MGT])? answers/s", live.output):
            assert not found[1], f"an absurd rate: {found}"
        live.press(b"q")
        assert live.wait_for_end() == 0
    cluster.wait_ready()


def test_the_screen_follows_the_terminal_s_size(cluster):
    with Live(*urls(cluster)) as live:
        live.wait_for(r"q quits\n")
        live.resize(30, 120)
        live.wait_for(r"\A.{113}q quits\n(.*\n)+MEMBER {59}ROLE")
        live.resize(10, 50)
        live.wait_for(r"\Acoupond \S+ +4 of 4 up.*\n(.*\n){5}time p50")
        assert not live.screen.scrolled
        live.press(b"q")
        assert live.wait_for_end() == 0


@pytest.mark.parametrize("how", ["key", "SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"])
def test_the_terminal_is_restored_at_every_end(cluster, how):
    with Live(*urls(cluster)) as live:
        live.wait_for("MEMBER")
        if how == "key":
            live.press(b"\x03")
        else:
            live.process.send_signal(getattr(signal, how))
        assert live.wait_for_end() == 0
        live.assert_restored()


def test_ctrl_z_restores_the_terminal_until_it_continues(cluster):
    with Live(*urls(cluster)) as live:
        live.wait_for("MEMBER")
        live.press(b"\x1a")
        os.waitid(os.P_PID, live.process.pid, os.WSTOPPED | os.WNOWAIT)
        live.drain()
        live.assert_restored()
        live.screen.resize(24, 80)
        live.process.send_signal(signal.SIGCONT)
        live.wait_for("MEMBER")
        live.press(b"q")
        assert live.wait_for_end() == 0
        live.assert_restored()


def test_colors_and_unicode_can_be_switched_off(cluster):
    for arguments, variables in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        with Live(*urls(cluster), *arguments, LC_ALL="C", **variables) as live:
            live.wait_for("MEMBER")
            live.press(b"q")
            assert live.wait_for_end() == 0
            assert not re.search(r"\x1b\[0;[0-9]", live.output)
            assert live.output.isascii()


def test_a_member_that_hangs_blocks_no_other(cluster):
    gateway = cluster.gateways[1]
    with load_on(cluster), Live(*urls(cluster)) as live:
        live.wait_for(r"4 of 4 up")
        gateway.stand_still()
        try:
            live.wait_for(rf"{gateway.operator_address} +gateway +down +no answer")
            live.wait_for(r"ISSUED/S .*\n +[1-9]")
            live.press(b"q")
            assert live.wait_for_end() == 0
        finally:
            gateway.go_on()


# --- without a terminal


def test_once_prints_one_screen_as_text(cluster):
    with load_on(cluster):
        result = run_coupond("top", *urls(cluster), "--once", "--interval", INTERVAL)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("coupond ") and "4 of 4 up" in result.stdout
    assert re.search(r"^B +open .* / 100M", result.stdout, re.M)
    assert "\x1b" not in result.stdout and result.stdout.count("MEMBER") == 1


def test_once_json_has_the_figures_of_the_api(cluster):
    with load_on(cluster):
        result = run_coupond("top", *urls(cluster), "--once", "--json", "--interval", "0.5")
    assert result.returncode == 0, result.stderr
    reading = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert [member["roles"] for member in reading["members"]] == [["issuer"], ["persister"], ["gateway"], ["gateway"]]
    assert all(member["up"] and member["ready"] and member["resident_bytes"] > 0 for member in reading["members"])
    [coupon] = [coupon for coupon in reading["coupons"] if coupon["id"] == "B"]
    assert coupon["state"] == "open" and coupon["quantity"] == 100_000_000
    assert 0 < coupon["issued"] <= cluster.coupon("B")["issued"]
    assert coupon["issued_per_second"] > 0 and coupon["sold_out_in_seconds"] > 0
    assert reading["issuer"]["outcomes_per_second"]["issued"] > 0
    assert 0 < reading["gateways"]["answer_seconds"]["p50"] <= reading["gateways"]["answer_seconds"]["p99"]
    assert reading["issuer"]["batch_requests"]["mean"] >= 1
    assert reading["coupons_in_all"] == len(reading["coupons"]) == 2


def test_without_a_terminal_there_is_a_line_per_interval(cluster):
    process = subprocess.Popen([binary(), "top", *urls(cluster), "--interval", "0.1"], stdout=subprocess.PIPE,
                               env=environment(), text=True)
    try:
        lines = [process.stdout.readline() for _ in range(22)]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
    assert lines[0].split() == lines[21].split()
    assert lines[0].split()[:4] == ["time", "up", "issued/s", "answers/s"]
    for line in lines[1:21]:
        assert re.fullmatch(r"\d\d:\d\d:\d\d +4/4 +[\d,.]+ +[\d,.]+ +[\d,.]+ .*\n", line), line


def test_the_members_of_a_configuration_are_found(cluster):
    gateway, issuer, persister = cluster.gateways[0], cluster.issuer, cluster.persisters[0]
    result = run_coupond("top", "--once", "--json", "--interval", "0.1", "--config", cluster.config_path,
                         f"--set=gateway/operator_http=0.0.0.0:{gateway.operator_address.split(':')[1]}",
                         f"--set=issuer/http={issuer.status_address}",
                         f"--set=persister/http={persister.status_address}")
    members = json.loads(result.stdout)["members"]
    assert [(member["address"], member["up"]) for member in members] == [
        (gateway.operator_address, True), (issuer.status_address, True), (persister.status_address, True)]


def test_the_issuer_alone_shows_the_stock_too(cluster):
    cluster.issue("A", "first")
    result = run_coupond("top", "--once", "--interval", "0.1", cluster.issuer.status_address)
    assert re.search(r"^A +open .* 1 / 50 +2 %", result.stdout, re.M), result.stdout


def test_one_process_with_all_roles_is_enough(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        result = run_coupond("top", "--once", "--json", "--interval", "0.1",
                             f"--set=gateway/operator_http={cluster.gateways[0].operator_address}",
                             f"--set=issuer/http=127.0.0.1:{free_port()}",
                             f"--set=persister/http=127.0.0.1:{free_port()}")
        [member] = json.loads(result.stdout)["members"]
        assert member["roles"] == ["gateway", "issuer", "persister"] and member["ready"]
        assert run_coupond("top", "--once", "--interval", "0.1",
                           cluster.gateways[0].operator_address.replace("127.0.0.1", "localhost")).returncode == 0


def test_the_exit_status_reports_that_no_member_answers():
    result = run_coupond("top", "--once", "--interval", "0.1", f"127.0.0.1:{free_port()}")
    assert result.returncode == 1
    assert re.search(r"0 of 1 up.*(.*\n)+.* down +Connection refused", result.stdout)


@pytest.mark.parametrize("arguments, told", [
    (["https://127.0.0.1:8080"], "it must look like http://HOST:PORT"),
    (["--interval", "0"], "--interval 0: a number of seconds between 0.1 and 3600"),
    (["--interval", "nan"], "--interval nan"),
    (["--intervall", "1"], "unknown option --intervall"),
    (["--set=issuer/http=nonsense"], 'issuer/http: "nonsense" is not HOST:PORT'),
    ([f"127.0.0.1:{port}" for port in range(1, 34)], "is unexpected"),
])
def test_invalid_arguments_are_refused(arguments, told):
    result = run_coupond("top", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("coupond top: ") and told in result.stderr


# --- hostile members


def hostile_server(answers):
    """Serves each connection the next of the answers, and repeats the last one; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for number in itertools.count():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                connection.sendall(answers[min(number, len(answers) - 1)])
    threading.Thread(target=serve, daemon=True).start()
    return listener


def http_answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x9b2J\xc2\x9b\x00\r\n"


@pytest.mark.parametrize("answer", [
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 200 " + ESCAPES,
    b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000,
    http_answer(os.urandom(100_000)),
    http_answer(b"coupond_build_info{version=\"" + ESCAPES + b"\"} 1\ncoupond_gateway_x{" + ESCAPES + b"} 1\n"),
    http_answer(b"coupond_gateway_x 1\ncoupond_gateway_request_seconds_bucket{le=\"" + ESCAPES + b"\"} 1e308\n" * 1000),
    http_answer(b"coupond_gateway_x 1\n" + b"coupond_gateway_connections 9e99999\n" + b"#" * 1_000_000),
    http_answer(b'{"coupons":[{"id":"\\u001b[2J","quantity":1,"issued":0,"state":"open"}]}\ncoupond_gateway_x 1\n'),
], ids=range(8))
def test_output_of_a_hostile_member_stays_text(answer):
    with hostile_server([answer]) as listener:
        address = "127.0.0.1:{}".format(listener.getsockname()[1])
        for format_ in ([], ["--json"]):
            result = subprocess.run([binary(), "top", "--once", *format_, "--interval", "0.1", address], check=False,
                                    env={**environment(), "LC_ALL": "C.UTF-8"}, capture_output=True,
                                    timeout=DEADLINE_SECONDS)
            assert result.returncode in (0, 1) and result.stderr == b"", result
            text = result.stdout.decode()
            assert address in text
            assert all(character == "\n" or character.isprintable() for character in text), text


def test_the_documented_screen_has_the_form_of_a_real_one(cluster):
    real = run_coupond("top", *urls(cluster), "--once", "--interval", "0.1").stdout
    for document in ("docs/operating.md", "docs/ko/operating.md"):
        found = re.search(r"\$ coupond top.*\n(coupond (?:.*\n)+?)```", (REPOSITORY / document).read_text())
        assert found, f"{document} shows no screen"
        for heading in re.findall(r"^(?:time p50|flow|queue|cache|trouble|MEMBER +ROLE +STATE.*|COUPON +STATE)", real,
                                  re.M):
            assert re.sub(" +", " ", heading) in re.sub(" +", " ", found[1]), f"{document}: {heading}"
