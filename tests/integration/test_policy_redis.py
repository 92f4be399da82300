"""Gateways that share coupons through a real Redis, which may be slow, gone, full, wrong or hostile."""

import concurrent.futures
import contextlib
import os
import signal
import socket
import struct
import threading
import time

import pytest

from cluster import Cluster, metric_sum, wait_until
from http_load import Load, check_answers
from servers import Redis
from test_policy_cache import REFUSALS, look, patch, poll, reads, verdicts

CONNECTED = "coupond_gateway_redis_connected"
ERRORS = "coupond_gateway_redis_errors_total"
KEY = "coupond:policy:"
CHANNEL = "coupond:policies"
NEVER = -(1 << 63)

heavy = pytest.mark.once("runs with the plain build")


def errors(cluster, kind, gateways=None):
    members = cluster.gateways if gateways is None else [cluster.gateways[i] for i in gateways]
    return sum(member.metrics()[f'{ERRORS}{{kind="{kind}"}}'] for member in members)


def wait_connected(cluster):
    """Waits until each thread's connection works, and each gateway's subscription."""
    expected = int(cluster.options.get("gateway/threads", 1)) + 1
    for member in cluster.gateways:
        wait_until(lambda member=member: metric_sum(member.metrics(), CONNECTED) == expected,
                   lambda member=member: f"{member.name} is connected to Redis\n{member.log()[-2000:]}")


def value(coupon, sequence=1, issuer_us=None, *, title=None, quantity=5, issued=0, starts_at=NEVER, ends_at=NEVER):
    """A value that a gateway stores, in the format of gateway/policy/value.h."""
    issuer_us = int(time.time() * 1e6) if issuer_us is None else issuer_us
    title = (title or coupon).encode()
    times = struct.pack("<5qQ", starts_at, ends_at, NEVER, 0, 0, sequence)
    numbers = struct.pack("<7I3B5x", 1, quantity, issued, 0, 0, 1, 0, len(coupon), 0, 0)
    lengths = struct.pack("<6H", len(title), 0, 0, 0, 0, 0)
    return b"coupond2%020d%020d" % (sequence, issuer_us) + times + numbers + lengths + struct.pack(
        f"32s{len(title)}s", coupon.encode(), title)


@pytest.fixture(scope="module")
def redis():
    with Redis() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, redis):
    options = {"gateway/threads": 2, "gateway/policy_ttl_ms": 60000, "gateway/redis": redis.url}
    with Cluster(tmp_path_factory.mktemp("shared"), gateways=3, partitions=2, options=options) as running:
        wait_connected(running)
        yield running


@pytest.fixture
def brief(tmp_path, redis):
    """Two gateways with a short TTL, so that Redis is asked soon after a change, too."""
    options = {"gateway/policy_ttl_ms": 500, "gateway/redis": f"unix://{redis.socket}"}
    redis.ask("FLUSHALL")
    with Cluster(tmp_path, gateways=2, options=options) as running:
        wait_connected(running)
        yield running


# sharing


@heavy
def test_of_a_hundred_thousand_reads_99_percent_never_reach_the_issuer(tmp_path, redis):
    redis.ask("FLUSHALL")
    with Cluster(tmp_path, gateways=2, options={"gateway/threads": 2, "gateway/redis": redis.url}) as cluster:
        wait_connected(cluster)
        cluster.create_coupon("POLLED", 5)
        before = verdicts(cluster, "found")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            work = [pool.submit(poll, cluster.addresses[i % 2], "/v1/coupons/POLLED", 12500) for i in range(8)]
            assert sum(one.result() for one in work) == 100000
        reached = verdicts(cluster, "found") - before
        assert reached <= 1000
        assert sum(reads(cluster, source) for source in ("local", "redis", "issuer")) == 100000
        print(f"{reached:.0f} of 100,000 reached the issuer")


def test_a_change_is_seen_by_every_gateway_long_before_the_ttl(cluster):
    cluster.create_coupon("TOLD", 5)
    slowest = 0
    for number in range(20):
        for gateway in range(3):
            assert look(cluster, "TOLD", gateway=gateway)[0] == 200
        title, carrier = f"t{number}", number % 3
        patch(cluster, "TOLD", gateway=carrier, title=title)
        began = time.monotonic()
        for gateway in range(3):
            wait_until(lambda gateway=gateway, title=title: look(cluster, "TOLD", gateway=gateway)[2]["title"] == title,
                       "every gateway has the change", seconds=30, pause=0.001)
        slowest = max(slowest, time.monotonic() - began)
    print(f"slowest of 20 changes: {slowest * 1000:.1f} ms until three gateways had it")


def test_a_created_coupon_is_known_to_every_gateway_at_once(cluster):
    for gateway in range(3):
        assert look(cluster, "BORN", gateway=gateway)[0] == 404
    cluster.create_coupon("BORN", 5)
    for gateway in range(3):
        wait_until(lambda gateway=gateway: look(cluster, "BORN", gateway=gateway)[0] == 200, "known everywhere")


def test_a_coupon_that_one_gateway_read_is_found_in_redis_by_the_other(brief):
    brief.create_coupon("SHARED", 5)

    def look_at_both():
        bodies = [look(brief, "SHARED", gateway=gateway)[2] for gateway in range(2)]
        assert bodies[0] == bodies[1]
        return reads(brief, "redis") > 0

    wait_until(look_at_both, "a coupon was read from Redis")


# wrong values and garbage


def test_an_older_value_never_overwrites_a_newer(brief, redis):
    coupon = brief.create_coupon("ORDER", 5)
    newer = value("ORDER", 10**15, title="newer")
    redis.ask("SET", KEY + "ORDER", newer, "PX", 59000)
    patch(brief, "ORDER", title="older")
    look(brief, "ORDER", **{"Cache-Control": "no-cache"})
    wait_until(lambda: look(brief, "ORDER", gateway=1)[2]["title"] == "older",
               "the change is answered despite the value in Redis")
    assert redis.ask("GET", KEY + "ORDER") == newer
    redis.ask("SET", KEY + "ORDER", value("ORDER", 0, title="oldest"), "PX", 59000)
    patch(brief, "ORDER", title="newest")
    wait_until(lambda: b"newest" in (redis.ask("GET", KEY + "ORDER") or b""), "a newer one replaces it")
    redis.ask("SET", KEY + "ORDER", newer)  # would stay for ever, unlike our own
    patch(brief, "ORDER", title="last")
    wait_until(lambda: b"last" in (redis.ask("GET", KEY + "ORDER") or b""),
               "a value that would never expire is replaced")
    assert coupon["id"] == "ORDER"


def test_wrong_values_in_redis_do_not_affect_issuing(brief, redis):
    """Reads may return a wrong value for a TTL; no request for an issue is refused because of it."""
    brief.create_coupon("LIED", 500)
    users = iter(range(500))
    hour_us = 3600 * 10**6

    def believes():
        lie = value("LIED", 10**15, title="lie", starts_at=int(time.time() * 1e6) + hour_us)
        redis.ask("SET", KEY + "LIED", lie, "PX", 500)
        told = look(brief, "LIED", gateway=1)[2]
        assert brief.issue("LIED", f"u{next(users)}", gateway=1)[0] == 201
        return told["title"] == "lie" and told["state"] == "scheduled"

    wait_until(believes, "the wrong value is read")
    for _ in range(20):
        assert brief.issue("LIED", f"u{next(users)}", gateway=1)[0] == 201
    wait_until(lambda: look(brief, "LIED", gateway=1)[2]["title"] == "LIED", "the correct value is read again")
    assert sum(metric_sum(member.metrics(), REFUSALS) for member in brief.gateways) == 0


GARBAGE = [
    b"", b"garbage", b"coupond2", value("OTHER"), value("GARBLED")[:-1], value("GARBLED") + b"x",
    value("GARBLED", title="\x01"), value("GARBLED", quantity=0), value("GARBLED", issued=6),
    value("GARBLED", starts_at=-5), value("GARBLED", issuer_us=10**19), b"x" * 100000, b"coupond2" + b"9" * 10000,
]


def test_garbage_in_redis_is_ignored(brief, redis):
    brief.create_coupon("GARBLED", 5)

    def meets(garbage, before):
        redis.ask("SET", KEY + "GARBLED", garbage, "PX", 60000)
        status, _, body = look(brief, "GARBLED", gateway=1)
        assert (status, body["title"], body["quantity"]) == (200, "GARBLED", 5)
        return errors(brief, "garbage") > before

    for garbage in GARBAGE:
        before = errors(brief, "garbage")
        wait_until(lambda garbage=garbage, before=before: meets(garbage, before),
                   lambda garbage=garbage: f"the metric counts {garbage[:50]}")


def test_invalid_announcements_are_counted_and_valid_ones_cause_a_read(brief, redis):
    brief.create_coupon("NEWS", 5)
    assert look(brief, "NEWS")[0] == 200
    before = errors(brief, "garbage")
    bad = [b"", b"x", b"0" * 16, b"0" * 16 + b" ", b"0" * 16 + b" a/b", b"0" * 16 + b" " + b"x" * 5000]
    for text in bad:
        redis.ask("PUBLISH", CHANNEL, text)
    wait_until(lambda: errors(brief, "garbage") == before + 2 * len(bad), "each gateway has counted each")
    asked = reads(brief, "issuer")
    redis.ask("PUBLISH", CHANNEL, b"0" * 16 + b" NEWS")
    wait_until(lambda: look(brief, "NEWS")[0] == 200 and reads(brief, "issuer") > asked, "it was read again")


# faults under load


class Readers:
    """Pages that poll all gateways in the background; every answer must be 200."""

    def __init__(self, cluster, coupon):
        self.answers, self.wrong, self.stopping = 0, [], False
        self.threads = [threading.Thread(target=self._run, args=(address, f"/v1/coupons/{coupon}"), daemon=True)
                        for address in cluster.addresses]

    def _run(self, address, path):
        while not self.stopping:
            try:
                self.answers += poll(address, path, 50, ahead=5)
            except (OSError, AssertionError) as error:
                self.wrong.append(error)
                return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def users(coupon, name):
    return ((coupon, f"{name}-{number}") for number in range(10**9))


def flush(redis):
    for _ in range(20):
        redis.ask("FLUSHALL")


def fill_with_garbage(redis):
    for _ in range(50):
        redis.ask("SET", KEY + "LOADED", os.urandom(300))
        redis.ask("PUBLISH", CHANNEL, os.urandom(50))
        redis.ask("RPUSH", KEY + "LIST", "x")
        time.sleep(0.01)


def fill_up(redis):
    redis.ask("CONFIG", "SET", "maxmemory", "1")


def tell(redis, *lines):
    """Inline commands on one connection."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(redis.socket))
        connection.sendall("".join(line + "\r\n" for line in lines).encode())
        with connection.makefile("rb") as replies:
            for line in lines:
                reply = replies.readline()
                assert reply[:1] in b"+:", (line, reply)


def lock(redis):
    tell(redis, "CONFIG SET requirepass secret", "CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub")


def unlock(redis):
    tell(redis, "AUTH secret", 'CONFIG SET requirepass ""')


FAULTS = {  # the fault, the kinds of error that count it, and the step that ends it
    "killed": (lambda redis: redis.kill(), ["connection"], lambda redis: redis.start()),
    "stopped": (lambda redis: redis.process.send_signal(signal.SIGSTOP), ["timeout"],
                lambda redis: redis.process.send_signal(signal.SIGCONT)),
    "flushed": (flush, [], lambda redis: None),
    "garbage": (fill_with_garbage, ["garbage"], lambda redis: None),
    "full": (fill_up, ["refused"], lambda redis: redis.ask("CONFIG", "SET", "maxmemory", "0")),
    "locked": (lock, ["refused"], unlock),
}


@heavy
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_redis_fails_no_request_and_issuing_continues(tmp_path, fault):
    begin, kinds, end = FAULTS[fault]
    options = {"gateway/policy_ttl_ms": 100}
    with Redis() as redis, Cluster(tmp_path, gateways=2, options={**options, "gateway/redis": redis.url}) as cluster:
        wait_connected(cluster)
        cluster.create_coupon("LOADED", 4 * 10**9)
        load = Load(cluster.addresses, connections=16)
        load.start(users("LOADED", fault))
        with Readers(cluster, "LOADED") as readers:
            wait_until(lambda: load.issued > 500 and reads(cluster, "redis") > 0, "the load is on")
            before = {kind: errors(cluster, kind) for kind in kinds}
            begin(redis)
            issued, answered = load.issued, readers.answers
            for number in range(10):  # changes are made meanwhile, too
                patch(cluster, "LOADED", gateway=number % 2, title=f"t{number}")
            wait_until(lambda: load.issued > issued + 2000 and readers.answers > answered + 500,
                       "requests continue meanwhile")
            if kinds:
                wait_until(lambda: any(errors(cluster, kind) > before[kind] for kind in kinds),
                           f"the metric counts {kinds}")
            for gateway in range(2):
                wait_until(lambda gateway=gateway: look(cluster, "LOADED", gateway=gateway)[2]["title"] == "t9",
                           "the last change")
            end(redis)
            wait_connected(cluster)
        answers = load.finish()
        assert not readers.wrong
        assert {answer.status for answer in answers} == {201}
        check_answers(answers, {"LOADED": 4 * 10**9})


def test_a_password_is_used_and_a_wrong_one_is_reported(tmp_path):
    (tmp_path / "password").write_text("secret words\n")
    with Redis() as redis:
        redis.ask("CONFIG", "SET", "requirepass", "secret words")
        options = {"gateway/redis": redis.url, "gateway/redis_password_file": tmp_path / "password"}
        with Cluster(tmp_path / "right", options=options) as cluster:
            wait_connected(cluster)
        options = {"gateway/redis": redis.url, "gateway/redis_password": "mistaken"}
        with Cluster(tmp_path / "wrong", options=options) as cluster:
            wait_until(lambda: errors(cluster, "refused") >= 2, "both connections were refused")
            cluster.create_coupon("A", 5)
            assert look(cluster, "A")[0] == 200
            assert "secret" not in cluster.gateways[0].log() and "mistaken" not in cluster.gateways[0].log()
            assert metric_sum(cluster.gateways[0].metrics(), CONNECTED) == 0


# another server instead of Redis


NONSENSE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n" * 1000, b"+PONG\r\n" * 3, b"*1000000000\r\n", b"*3\r\n" * 100,
    b"$500000000\r\n" + b"x" * 1000000, b"$-5\r\n", b"*1\r\n$1\r\na\r\n", b"*0\r\n", b"*-1\r\n", b":1\r\n",
    b"-ERR no\r\n", b"*3\r\n$9\r\nsubscribe\r\n$16\r\ncoupond:policies\r\n:1\r\n+PONG\r\n", b"\x00" * 100,
    b"*2\r\n*2\r\n:1\r\n:2\r\n$-1\r\n", b"",
]


class Impostor:
    """Listens, and sends each connection one text, at once and again after everything that it reads; the next
    connection gets another text."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        self.met = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                text = NONSENSE[self.met % len(NONSENSE)]
                self.met += 1
                threading.Thread(target=self._talk, args=(connection, text), daemon=True).start()

    def _talk(self, connection, text):
        with contextlib.suppress(OSError), connection:
            connection.sendall(text)
            while connection.recv(65536):
                connection.sendall(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def test_a_server_that_is_not_redis_does_no_harm(tmp_path):
    options = {"gateway/threads": 4, "gateway/policy_ttl_ms": 50}
    with Impostor() as impostor, Cluster(tmp_path, options={**options, "gateway/redis": impostor.url}) as cluster:
        cluster.create_coupon("A", 10**9)
        user = 0
        while impostor.met < 2 * len(NONSENSE):
            user += 1
            assert cluster.issue("A", f"u{user}")[0] == 201
            assert look(cluster, "A")[0] == 200
        assert errors(cluster, "garbage") > 0
        assert cluster.gateways[0].metrics()["process_resident_memory_bytes"] < 1 << 30


# the format of hosting providers


@pytest.fixture(scope="module")
def guarded():
    """A Redis that accepts only the user `app`."""
    with Redis("--user", "app", "on", ">p@ss/w0rd", "~coupond:*", "&coupond:*", "+@all", "--user", "default", "on",
               ">another", "+@all") as server:
        yield server


def ask_guarded(redis, *words, database=0):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(redis.socket))
        lines = [("AUTH", "default", "another"), ("SELECT", str(database)), words]
        for line in lines:
            connection.sendall(b"*%d\r\n" % len(line)
                               + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in line))
        with connection.makefile("rb") as reply:
            return [reply.readline() for _ in lines][-1].strip()


def test_user_password_and_database_of_a_url_apply_to_both_connections(tmp_path, guarded):
    url = f"redis://app:p%40ss%2Fw0rd@localhost:{guarded.port}/3"
    with Cluster(tmp_path, gateways=2, options={"gateway/redis": url, "gateway/policy_ttl_ms": 60000}) as cluster:
        wait_connected(cluster)
        cluster.create_coupon("URL", 5)
        assert look(cluster, "URL", gateway=0)[0] == look(cluster, "URL", gateway=1)[0] == 200
        wait_until(lambda: ask_guarded(guarded, "DBSIZE", database=3) == b":1", "the coupon is in database 3")
        assert ask_guarded(guarded, "DBSIZE") == b":0"
        patch(cluster, "URL", gateway=0, title="changed")
        wait_until(lambda: look(cluster, "URL", gateway=1)[2]["title"] == "changed", "the other gateway is notified")
        assert "url=redis://***@localhost" in cluster.gateways[0].log()


@pytest.mark.parametrize("address, options, told", [
    ("app:wrongPl4nted@127.0.0.1:{port}", {}, "user or password is wrong (WRONGPASS)"),
    ("nobodyPl4nted:p%40ss%2Fw0rd@127.0.0.1:{port}", {}, "user or password is wrong (WRONGPASS)"),
    ("app@127.0.0.1:{port}", {"gateway/redis_password": "wrongPl4nted"}, "user or password is wrong (WRONGPASS)"),
    ("127.0.0.1:{port}", {}, "user and password are missing, or the user lacks permissions (NOAUTH)"),
    ("app:p%40ss%2Fw0rd@127.0.0.1:{port}/16", {}, "the database does not exist, or the user may not use it (ERR)")])
def test_a_refused_login_is_counted_and_logged_without_the_secret(tmp_path, guarded, address, options, told):
    url = "redis://" + address.format(port=guarded.port)
    with Cluster(tmp_path, options={"gateway/redis": url, **options}) as cluster:
        log = cluster.gateways[0].log
        for line in "asking", "news":
            words = f"cannot use Redis for {line}; reading coupons from the issuer: refused, {told}"
            wait_until(lambda words=words: words in log(), "it is logged")
        assert errors(cluster, "refused") > 0
        assert "Pl4nted" not in log() and "p%40ss" not in log() and "p@ss" not in log()
        cluster.create_coupon("STILL", 1)
        assert cluster.issue("STILL", "alice")[0] == 201
