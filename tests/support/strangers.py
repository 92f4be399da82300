#!/usr/bin/env python3
"""A crowd without the cluster's secret at the ports of an issuer. The strangers ask for issues and coupons, acknowledge
records they never stored, take events, send garbage, and abandon handshakes. They know what an insider might tell them
(the ids of the journal and the store, the names of coupons) and speak ZMTP and coupond's protocol correctly: against a
cluster without a secret they would succeed.

    strangers.py REQUESTS EVENTS ACKS PARTITIONS JOURNAL_DIR [LISTENER_KEY]       run by companion.py

    coupon ID          there is such a coupon
    hurry | stroll     as fast as they can, or at their leisure (as at the start)

LISTENER_KEY: the issuer's public key, in hexadecimal digits: then there are some who get as far as proving a key, of
their own. Reports {"ready": true}, and twice a second {"told": {lie: how often so far}, "heard": [what somebody was
answered since, …]}.
"""

import collections
import itertools
import json
import os
import random
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from curve import Curve
from frames import MAGIC, VERSION
from liars import ACK, HEADER, acknowledgement
from zmtp import COMMAND, GREETING, Wire, open_address

ISSUE_REQUESTS, COUPON_REQUESTS, PING = 1, 3, 7
POST, CREATE = 1, 1
COUPON_REQUEST = 8600  # bytes
TIME_NONE, WAIT_US = -2**63, 5_000_000
WORKERS = 12
SECONDS = 4  # of patience, longer than a handshake may take: an issuer that has been told a lie has hung up before
KEY_SECONDS = 0.5  # the same where libzmq does not say that it was hung up on
PAUSES = {"stroll": (0.5, 2.0), "hurry": (0.0, 0.02)}
NAME = "stranger-"  # users and coupons of theirs begin so, and nobody else's
CURVE_GREETING = GREETING[:12] + b"CURVE".ljust(20, b"\0") + GREETING[32:]


# frames


def header(kind, count, partition, partitions, clock=(0, 0)):
    return struct.pack(HEADER, MAGIC, VERSION, kind, partition, partitions, 0, count, *clock)


def issue_record(coupon, user):
    return struct.pack("<QBBBBIQH6x32s64s", 1, POST, len(coupon), len(user), 0, WAIT_US, 0, 0, coupon.encode(),
                       user.encode())


def coupon_record(coupon):
    """A record that creates a coupon."""
    times = struct.pack("<5qQ", TIME_NONE, TIME_NONE, TIME_NONE, 0, 0, 0)
    numbers = struct.pack("<7I3B5x", 0, 1000, 0, 0, 0, 1, 0, len(coupon), 0, 0)
    texts = struct.pack("<6H32s8192s", len(coupon), 0, 0, 0, 0, 0, coupon.encode(), coupon.encode())
    return (struct.pack("<QB3xI8x192x", 1, CREATE, WAIT_US) + times + numbers + texts).ljust(COUPON_REQUEST, b"\0")


class Insider:
    """What the strangers know of the cluster."""

    def __init__(self, requests, events, acks, partitions, journal):
        host, first = requests.rsplit(":", 1)
        self.partitions = int(partitions)
        self.requests = [f"{host}:{int(first) + i}" for i in range(self.partitions)]
        self.events, self.acks, self.journal = events, acks, Path(journal)
        self.coupons = collections.deque(maxlen=10)
        self._numbers = itertools.count(1)

    def ports(self):
        return [*self.requests, self.events, self.acks]

    def requests_of(self, partition, clock=(1, 1)):
        """A request for an issue of an existing coupon, and one for a coupon of the strangers' own."""
        number = next(self._numbers)
        coupon = random.choice(self.coupons) if self.coupons else "A"
        issue = header(ISSUE_REQUESTS, 1, partition, self.partitions, clock) + issue_record(coupon, f"{NAME}{number}")
        return issue, header(COUPON_REQUESTS, 1, partition, self.partitions, clock) + coupon_record(f"{NAME}{number}")

    def acknowledgement_of(self, partition):
        """An acknowledgement of records that the store does not have, as far as an outsider can know them."""
        path = self.journal / f"p{partition:02}"
        acked = (path / "acked").read_bytes()
        journal_id, store_id, seq = acked[24:40], acked[40:56], struct.unpack_from("<Q", acked, 56)[0]
        sequences = struct.pack("<QQ", seq + 1, seq + random.randrange(1, 50))
        return header(ACK, 1, partition, self.partitions) + journal_id + store_id + sequences


# lies; each returns what it was answered, if it was


def false_request(insider, _):
    partition = random.randrange(insider.partitions)
    with Wire.connect(insider.requests[partition], "DEALER", SECONDS) as wire:
        wire.send(header(PING, 0, partition, insider.partitions))
        pong = wire.receive()
        for frame in insider.requests_of(partition, struct.unpack_from("<Qq", pong, 16)):
            wire.send(frame)
            wire.receive()
    return "a gateway was answered"


def false_acknowledgement(insider, _):
    with Wire.connect(insider.acks, "PUSH", SECONDS) as wire:
        for partition in range(insider.partitions):
            wire.send(insider.acknowledgement_of(partition))
    return "somebody may acknowledge"


def false_event_taker(insider, _):
    """Takes events, and acknowledges them without storing them."""
    with Wire.connect(insider.events, "PULL", SECONDS) as events, Wire.connect(insider.acks, "PUSH", SECONDS) as acks:
        acks.send(acknowledgement(events.receive()))
    return "events were given away, and acknowledged"


def long_frame(flags, body):
    return struct.pack(">BQ", flags | 2, len(body)) + body


def ready(kind):
    return long_frame(COMMAND, b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind.encode())


def blindly(endpoint, *contents):
    """Sends everything regardless of the answers. Returns what answered() makes of all that arrived."""
    family, address = open_address(endpoint)
    with socket.socket(family) as raw:
        raw.settimeout(SECONDS)
        raw.connect(address)
        for content in contents:
            raw.sendall(content)
            time.sleep(0.05)  # libzmq takes nothing behind a READY before it has sent its own
        heard = b""
        while more := next_bytes(raw, heard):
            heard += more
    return answered(heard)


def next_bytes(raw, heard):
    """The next bytes; none when an accepted stranger hears nothing more, since the issuer does not disconnect it."""
    try:
        return raw.recv(65_536)
    except TimeoutError:
        if answered(heard):
            return b""
        raise


def answered(heard):
    """A READY or a message after the greeting."""
    heard = heard[len(GREETING):]
    while len(heard) > 1:
        wide = heard[0] & 2
        start = 9 if wide else 2
        size = int.from_bytes(heard[1:start], "big")
        body = heard[start:start + size]
        if not heard[0] & COMMAND or body.startswith(b"\x05READY"):
            return f"{heard[0]} {body[:60]!r}"
        heard = heard[start + size:]
    return None


def without_a_look(insider, _, greeting=GREETING):
    partition = random.randrange(insider.partitions)
    if random.random() < 0.5:
        frames = insider.requests_of(partition)
        return blindly(insider.requests[partition], greeting + ready("DEALER"),
                       *(long_frame(0, frame) for frame in frames))
    return blindly(insider.acks, greeting + ready("PUSH"), long_frame(0, insider.acknowledgement_of(partition)))


def plain_words_behind_a_secret_greeting(insider, _):
    return without_a_look(insider, None, CURVE_GREETING)


def garbage(insider, _):
    start = random.choice([b"", GREETING, CURVE_GREETING, GREETING[:random.randrange(64)], b"GET / HTTP/1.1\r\n\r\n"])
    return blindly(random.choice(insider.ports()), start + os.urandom(random.choice([1, 64, 3_000, 70_000])))


def half_a_handshake(insider, _):
    """Half a handshake, then silence until the issuer disconnects."""
    family, address = open_address(random.choice(insider.ports()))
    with socket.socket(family) as raw:
        raw.settimeout(SECONDS)
        raw.connect(address)
        raw.sendall(random.choice([GREETING, CURVE_GREETING])[:random.randrange(65)])
        while raw.recv(65_536):
            pass


def another_key(insider, curve):
    """The furthest one gets who knows the listener's public key but whose key pair is not derived from the secret."""
    partition = random.randrange(insider.partitions)
    what = random.choice(["requests", "events", "acks"])
    if what == "events":
        return curve.ask(insider.events, "PULL", [], KEY_SECONDS)
    if what == "acks":
        return curve.ask(insider.acks, "PUSH", [insider.acknowledgement_of(partition)], KEY_SECONDS)
    frames = [header(PING, 0, partition, insider.partitions), *insider.requests_of(partition)]
    return curve.ask(insider.requests[partition], "DEALER", frames, KEY_SECONDS)


LIES = [false_request, false_acknowledgement, false_event_taker, without_a_look, plain_words_behind_a_secret_greeting,
        garbage, half_a_handshake]


# the crowd


class Crowd:
    def __init__(self, insider, key):
        self.insider = insider
        self.curve = Curve(bytes.fromhex(key)) if key else None
        self.lies = LIES + ([another_key] if key else [])
        self.pauses = PAUSES["stroll"]
        self.told = collections.Counter()
        self.heard = []
        self._lock = threading.Lock()

    def work(self):
        while True:
            lie = random.choice(self.lies)
            told, heard = self._tell(lie)
            with self._lock:
                self.told[lie.__name__] += told
                if heard:
                    self.heard.append(f"{lie.__name__}: {heard}")
            time.sleep(random.uniform(*self.pauses))

    def _tell(self, lie):
        """Returns whether the lie reached the issuer, and the answer. A lie that meets nobody, or silence, has not."""
        try:
            return True, lie(self.insider, self.curve)
        except (ConnectionRefusedError, TimeoutError, FileNotFoundError):
            return False, None
        except ConnectionError:
            return True, None  # hung up on
        except (OSError, struct.error):
            return False, None  # no way there; nothing was acknowledged yet

    def report(self):
        with self._lock:
            print(json.dumps({"told": self.told, "heard": self.heard}), flush=True)
            self.heard = []

    def report_on(self):
        while True:
            time.sleep(0.5)
            self.report()


def end_loudly(failure):
    """A worker that fails ends all of them, so that the failure is noticed."""
    threading.__excepthook__(failure)
    os._exit(1)


def main():
    threading.excepthook = end_loudly
    crowd = Crowd(Insider(*sys.argv[1:6]), "".join(sys.argv[6:]))
    print(json.dumps({"ready": True}), flush=True)
    for action in (*[crowd.work] * WORKERS, crowd.report_on):
        threading.Thread(target=action, daemon=True).start()
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "coupon":
            crowd.insider.coupons.append(rest[0])
        else:
            crowd.pauses = PAUSES[word]
    crowd.report()


if __name__ == "__main__":
    main()
