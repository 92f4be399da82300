"""Gateways on the issuer's machine share memory with it. If one of them corrupts that memory, misuses its socket or
dies, the others are served and the promises hold."""

import array
import contextlib
import mmap
import os
import resource
import signal
import socket
import struct

import pytest

from cluster import Cluster, metric_sum, wait_until
from frames import MAGIC, VERSION

QUEUE_BYTES, HEADER_BYTES = 16 << 20, 192
RING_BYTES = HEADER_BYTES + QUEUE_BYTES  # requests, followed by replies
TAIL, HEAD, ASLEEP, BYTES = 0, 64, 128, HEADER_BYTES
WARM = 1 << 16  # beyond that, the issuer moves an empty queue back to the front
GATEWAYS_MAX, SILENT_MAX = 256, 64
LISTS_MAX = 4  # of a frame


class Stranger:
    """Talks to the issuer like a gateway, and can write arbitrary data."""

    def __init__(self, cluster, seconds=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(seconds)
        self.socket.connect(f"{cluster.directory}/local-0")
        greeting, control, _, _ = self.socket.recvmsg(64, socket.CMSG_SPACE(array.array("i").itemsize))
        self.fds = array.array("i", control[0][2]) if control else []
        self.greeting = greeting
        self.memory = mmap.mmap(self.fds[0], 2 * RING_BYTES) if greeting else None
        self.at = 0  # where its requests end

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.memory:
            self.memory.close()
        for fd in self.fds:
            os.close(fd)
        self.socket.close()

    def put(self, offset, value, size=8):
        self.memory[offset:offset + size] = value.to_bytes(size, "little")

    def tail(self):
        return int.from_bytes(self.memory[TAIL:TAIL + 8], "little")

    def send(self, frame):
        """Appends one record and wakes the issuer."""
        if self.at % QUEUE_BYTES >= WARM:
            wait_until(lambda: self.tail() != self.at, "the issuer has moved to the front")
            self.at = self.tail()
        place = BYTES + self.at % QUEUE_BYTES
        self.memory[place:place + 8] = struct.pack("<II", len(frame), 0)
        self.memory[place + 8:place + 8 + len(frame)] = frame
        self.at += 8 + (len(frame) + 7) // 8 * 8
        self.put(TAIL, self.at)
        self.ring()

    def ring(self):
        self.socket.send(b"!")

    def greet(self):
        """The issuer's incarnation and clock, from the first reply in its queue."""
        self.send(header(7))
        wait_until(lambda: self.memory[RING_BYTES + TAIL:RING_BYTES + TAIL + 8] != bytes(8), "a reply is in its queue")
        return struct.unpack_from("<Qq", self.memory, RING_BYTES + BYTES + 8 + 16)

    def is_parted(self):
        """The issuer has closed the connection."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1):  # a wake-up
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True


@pytest.fixture(name="cluster")
def a_cluster(tmp_path):
    with Cluster(tmp_path) as running:
        running.create_coupon("A", 100_000)
        yield running


def is_turned_away(cluster):
    """Whether the issuer closes a new connection without a greeting."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as guest:
        guest.settimeout(10)
        guest.connect(f"{cluster.directory}/local-0")
        return guest.recv(64) == b""


def header(kind, count=0, incarnation=0, clock_us=0):
    return struct.pack("<IBBHHHIQq", MAGIC, VERSION, kind, 0, 1, 0, count, incarnation, clock_us)


def lists(issuer):
    """A frame that requests LISTS_MAX lists of 200 coupons, with a deadline of an hour."""
    coupon = bytearray(8384)
    coupon[52:56] = (200).to_bytes(4, "little")  # quantity
    fixed = struct.pack("<QB3xI8x192x", 1, 4, 3_600_000_000)
    return header(3, LISTS_MAX, *issuer) + (fixed + bytes(coupon)) * LISTS_MAX


def create_large_coupons(cluster):
    """200 coupons; a list of all of them has more than a megabyte."""
    for i in range(200):
        cluster.create_coupon(f"C{i:03}", 1, description="d" * 2000, metadata={"note": "n" * 4000})


def issues_go_on(cluster):
    users = [f"user-{os.urandom(8).hex()}" for _ in range(20)]
    return all(cluster.issue("A", user)[0] == 201 for user in users)


def joined(cluster):
    return cluster.issuer.log().count("connected to a local gateway")


# --- gateways that come and go


def test_a_gateway_by_shared_memory_and_one_by_zeromq_share_the_stock(tmp_path):
    cluster = Cluster(tmp_path, gateways=2)
    cluster.gateways[1].arguments += ["--set", f"gateway/requests={cluster.options['issuer/requests']}"]
    with cluster:
        cluster.create_coupon("FEW", 50)
        answers = [cluster.issue("FEW", f"user-{i}", gateway=i % 2) for i in range(60)]
        assert [status for status, _ in answers] == [201] * 50 + [409] * 10
        assert [body["sequence"] for status, body in answers if status == 201] == list(range(1, 51))
        assert joined(cluster) == 1
        cluster.assert_kept()


def test_a_gateway_reconnects_to_a_restarted_issuer(cluster):
    assert issues_go_on(cluster)
    cluster.issuer.kill()
    wait_until(lambda: cluster.issue("A", "meanwhile")[0] == 503, "the gateway has detected it")
    cluster.issuer.start()
    wait_until(lambda: cluster.issue("A", "again")[0] in (200, 201, 409), "the gateway has reconnected")
    assert issues_go_on(cluster)
    cluster.assert_kept()


def test_a_gateway_that_dies_is_disconnected_and_can_connect_again(cluster):
    gateway = cluster.gateways[0]
    for _ in range(3):
        assert issues_go_on(cluster)
        gateway.kill()
        gateway.start()
        wait_until(gateway.is_ready, "the gateway is back")
    assert issues_go_on(cluster)
    wait_until(lambda: cluster.issuer.log().count("disconnected a local gateway") == 3, cluster.issuer.log)


def test_a_stopped_gateway_blocks_no_other(tmp_path):
    with Cluster(tmp_path, gateways=2) as cluster:
        cluster.create_coupon("A", 100_000)
        cluster.gateways[0].process.send_signal(signal.SIGSTOP)
        try:
            for i in range(200):
                assert cluster.issue("A", f"user-{i}", gateway=1)[0] == 201
        finally:
            cluster.gateways[0].process.send_signal(signal.SIGCONT)
        assert cluster.issue("A", "back", gateway=0)[0] == 201


def test_an_issuer_ends_while_gateways_are_connected(cluster):
    assert issues_go_on(cluster)
    cluster.issuer.stop()
    assert not os.path.exists(f"{cluster.directory}/local-0")
    assert cluster.issue("A", "too-late")[0] == 503


# --- hostile peers


def test_invalid_data_in_the_memory_disconnects_only_that_gateway(cluster):
    def wrong_tail(stranger):
        stranger.put(TAIL, 12345)

    def tail_far_away(stranger):
        stranger.put(TAIL, 1 << 40)

    def length_beyond(stranger):
        stranger.put(BYTES, QUEUE_BYTES, 4)
        stranger.put(TAIL, 64)

    def no_length(stranger):
        stranger.put(TAIL, 64)

    def random(stranger):
        stranger.memory[:4096] = os.urandom(4096)

    for spoil in (wrong_tail, tail_far_away, length_beyond, no_length, random):
        with Stranger(cluster) as stranger:
            spoil(stranger)
            with contextlib.suppress(BrokenPipeError):  # an issuer that polled before the wake-up has closed it already
                stranger.ring()
            wait_until(stranger.is_parted, f"disconnected: {spoil.__name__}\n{cluster.issuer.log()[-2000:]}")
        assert issues_go_on(cluster)
    assert cluster.issuer.log().count("it wrote invalid data into the shared memory") == 5


def test_an_impossible_head_disconnects_the_gateway(cluster):
    """The issuer reads it when its replies have filled the queue."""
    create_large_coupons(cluster)
    with Stranger(cluster) as stranger:
        issuer = stranger.greet()
        stranger.put(RING_BYTES + HEAD, 1 << 30)
        for _ in range(4):  # five megabytes of replies each
            stranger.send(lists(issuer))
        wait_until(stranger.is_parted, cluster.issuer.log)
    assert "it wrote invalid data into the shared memory" in cluster.issuer.log()
    assert issues_go_on(cluster)


def test_garbage_frames_are_counted_and_dropped(cluster):
    metric = "coupond_issuer_frames_dropped_total"
    before = metric_sum(cluster.issuer.metrics(), metric)
    with Stranger(cluster) as stranger:
        for number, frame in enumerate((b"x", os.urandom(15), os.urandom(70_000), header(1, 1, 1) + b"\xff" * 128), 1):
            stranger.send(frame)
            wait_until(lambda number=number: metric_sum(cluster.issuer.metrics(), metric) == before + number,
                       f"{number} dropped")
        assert not stranger.is_parted()
    assert issues_go_on(cluster)


def test_a_peer_s_request_is_answered_only_to_that_peer(cluster):
    with Stranger(cluster) as stranger:
        assert stranger.greet()[0] != 0
        length, _ = struct.unpack_from("<II", stranger.memory, RING_BYTES + BYTES)
        assert stranger.memory[RING_BYTES + BYTES + 8:RING_BYTES + BYTES + 8 + length][5] == 8  # FRAME_PONG


def test_only_the_peer_that_reads_no_replies_loses_them(cluster):
    """Lists fill its queue; further replies are dropped and counted."""
    metric = "coupond_issuer_replies_dropped_total"
    create_large_coupons(cluster)
    with Stranger(cluster) as stranger:
        issuer = stranger.greet()
        for _ in range(4):  # five megabytes of replies each
            seen = metric_sum(cluster.issuer.metrics(), "coupond_issuer_verdicts_total")
            stranger.send(lists(issuer))
            wait_until(lambda seen=seen: metric_sum(cluster.issuer.metrics(), "coupond_issuer_verdicts_total")
                       >= seen + LISTS_MAX, "answered")
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), metric) >= 1, "replies are dropped")
        assert issues_go_on(cluster)


def test_bytes_on_the_socket_are_only_wake_ups(cluster):
    with Stranger(cluster) as stranger:
        stranger.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(100_000):
                stranger.socket.send(b"GET / HTTP/1.1\r\n\r\n")
        assert issues_go_on(cluster)
        assert not stranger.is_parted()
        stranger.send(header(7))
        wait_until(lambda: stranger.memory[RING_BYTES + TAIL:RING_BYTES + TAIL + 8] != bytes(8),
                   "a reply is in its queue")


def test_connections_beyond_the_limit_are_refused(cluster):
    strangers = []
    try:
        while len(strangers) < GATEWAYS_MAX - 1:
            strangers.append(Stranger(cluster))
            strangers[-1].greet()
        assert all(is_turned_away(cluster) for _ in range(5))
        assert cluster.issuer.log().count("refused a local gateway") == 1
        assert issues_go_on(cluster)
    finally:
        for stranger in strangers:
            stranger.__exit__()
    wait_until(lambda: cluster.issuer.log().count("its connection is closed") >= GATEWAYS_MAX - 1, "all have gone")
    with Stranger(cluster) as stranger:
        assert stranger.greeting and not stranger.is_parted()
    assert issues_go_on(cluster)


def test_silent_connections_are_closed(cluster):
    """At most 64 of them are connected at a time, for two seconds; a gateway that connects meanwhile is served."""
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            silent = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            silent.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                silent.connect(f"{cluster.directory}/local-0")
        wait_until(lambda: "that sent no data" in cluster.issuer.log(), "the first ones are disconnected")
        assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_local_gateways") <= SILENT_MAX + 1
        assert issues_go_on(cluster)
        with Stranger(cluster, seconds=60) as gateway:
            gateway.greet()
            wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_local_gateways") == 2,
                       "only those that send requests are left")
            assert not gateway.is_parted()
    assert cluster.issuer.log().count("that sent no data") == 1


def test_an_issuer_without_descriptors_refuses_gateways_and_continues(cluster):
    pid = cluster.issuer.process.pid
    lowest = next(number for number in range(4096) if not os.path.exists(f"/proc/{pid}/fd/{number}"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, 4096))
    assert all(is_turned_away(cluster) for _ in range(5))
    assert cluster.issuer.log().count("refused a local gateway") == 1
    assert issues_go_on(cluster)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
    with Stranger(cluster) as late:
        assert late.greeting


def test_larger_and_larger_lists_are_delivered(cluster):
    """A queue that moves back to its front can take a reply that is larger than all before."""
    for i in range(210):
        cluster.create_coupon(f"C{i:03}", 1)
    for limit in (110, 200, 150, 200):
        status, _, body = cluster.request("GET", f"/v1/coupons?limit={limit}")
        assert (status, len(body["coupons"])) == (200, limit)


def test_a_peer_with_another_protocol_is_reported_and_retried(tmp_path):
    """At the path, the gateway finds a process with another protocol; once the issuer listens there, it connects."""
    cluster = Cluster(tmp_path)
    path = f"{tmp_path}/elsewhere"
    gateway = cluster.gateways[0]
    gateway.arguments += ["--set", f"gateway/requests=shm://{path}"]
    cluster.write_config()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path + "-0")
        listener.listen()
        gateway.start()
        try:
            for _ in range(2):
                connection, _ = listener.accept()
                connection.send(b"welcome")
                connection.close()
            wait_until(lambda: "it uses another protocol" in gateway.log(), gateway.log)
        finally:
            gateway.stop()


def test_two_issuers_cannot_listen_at_one_path(cluster, tmp_path):
    other = Cluster(tmp_path / "other")
    other.options["issuer/local_requests"] = cluster.options["issuer/local_requests"]
    other.write_config()
    other.issuer.start()
    assert other.issuer.process.wait(30) != 0
    assert "issuer/local_requests" in other.issuer.log() and "another process listens there" in other.issuer.log()
    assert issues_go_on(cluster)
