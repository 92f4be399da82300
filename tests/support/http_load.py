"""A keep-alive client with many connections that remembers every answer, so that tests can judge what was promised.

    load = Load(cluster.addresses, connections=64)
    load.run([("A", "alice"), ("A", "bob"), …])          # returns when every request is answered
    check_answers(load.answers, {"A": 5000})

With retry=True a request that was answered 503, or whose connection failed, is sent again (to another gateway) until it
is answered for good; the answers in between are remembered too. Those that were sent and never answered are in `lost`.
`started` and `ended` are steps of one counter, so that "sent after that was read" can be told exactly.
"""

import asyncio
import collections
import itertools
import json
import threading

REQUEST_SECONDS = 120
RETRY_PAUSE_SECONDS = 0.05
NO_ANSWER = 0

Answer = collections.namedtuple("Answer", "coupon user status code sequence started ended")


class Load:
    def __init__(self, addresses, connections=64, retry=False):
        self.addresses = list(addresses)
        self.connections = connections
        self.retry = retry
        self.answers = []
        self.issued = 0  # 201s read so far
        self.finals = [0] * connections  # final answers of each connection so far
        self.lost = []  # (coupon, user) of requests that were sent and not answered
        self.no_retry_after = 0  # 503s that did not say when to ask again
        self._steps = itertools.count(1)
        self._failure = None
        self._thread = None
        self._stopping = False

    def run(self, requests):
        """Sends every (coupon, user) of the iterable and returns the answers."""
        asyncio.run(self._run(iter(requests)))
        return self.answers

    # in the background, for tests that do harm meanwhile

    def start(self, requests):
        self._thread = threading.Thread(target=self._run_thread, args=(iter(requests),), daemon=True)
        self._thread.start()

    def _run_thread(self, requests):
        try:
            asyncio.run(self._run(requests))
        except BaseException as error:  # told by finish(), on the test's thread
            self._failure = error

    def is_alive(self):
        return self._thread.is_alive()

    def finish(self):
        """Stops taking requests, waits until those under way have a final answer, and returns all answers."""
        self._stopping = True
        self._thread.join()
        if self._failure:
            raise self._failure
        return self.answers

    # connections

    async def _run(self, requests):
        await asyncio.gather(*(self._serve(number, requests) for number in range(self.connections)))

    async def _serve(self, place, requests):
        """Serves requests on one connection after another; after a failure it goes on at the next gateway."""
        number = place
        connection = Connection()
        for coupon, user in requests:
            if self._stopping:
                break
            while not await self._ask(connection, number, coupon, user) and self.retry:
                number += 1
                connection.close()
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            self.finals[place] += 1
        connection.close()

    async def _ask(self, connection, number, coupon, user):
        """Sends a request and remembers the answer. Returns False when the outcome is unknown and the request must be
        sent again."""
        started = next(self._steps)
        connected = False
        try:
            await connection.open(self.addresses[number % len(self.addresses)])
            connected = True
            status, body = await asyncio.wait_for(connection.post_issue(coupon, user), REQUEST_SECONDS)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            status, body = NO_ANSWER, {}
            if connected:
                self.lost.append((coupon, user))
            connection.close()
        code = "issued" if status == 201 else body.get("code")
        sequence = body.get("sequence") or body.get("issue", {}).get("sequence")
        self.issued += status == 201
        self.no_retry_after += status == 503 and not connection.retry_after
        self.answers.append(Answer(coupon, user, status, code, sequence, started, next(self._steps)))
        return status not in (NO_ANSWER, 503)


class Connection:
    """One keep-alive connection, opened when it is needed."""

    def __init__(self):
        self.reader = self.writer = self.address = None
        self.retry_after = False  # whether the last answer bore it

    async def open(self, address):
        if self.writer is None:
            host, port = address.rsplit(":", 1)
            self.reader, self.writer = await asyncio.open_connection(host, int(port))

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def post_issue(self, coupon, user):
        body = b'{"user_id":"%s"}' % user.encode()
        self.writer.write(b"POST /v1/coupons/%s/issues HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                          b"Content-Length: %d\r\n\r\n%s" % (coupon.encode(), len(body), body))
        head = await self.reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        self.retry_after = b"\r\nretry-after:" in lowered
        at = lowered.index(b"\r\ncontent-length:") + 17
        content = await self.reader.readexactly(int(lowered[at:lowered.index(b"\r\n", at)]))
        if b"\r\nconnection: close" in lowered:
            self.close()
        return int(head[9:12]), json.loads(content)


# judging


def sequences_told(answers):
    """{coupon: {user: sequence}} from answers of 201 and already_issued; fails when a user was given two sequences."""
    told = {}
    for answer in answers:
        if answer.code in ("issued", "already_issued"):
            users = told.setdefault(answer.coupon, {})
            assert answer.sequence, f"{answer}: no sequence"
            assert users.setdefault(answer.user,
                                    answer.sequence) == answer.sequence, f"{answer}: {users[answer.user]} before"
    return told


def check_never_denied(answers):
    """No request that was sent after its user's 201 had been read was answered sold_out."""
    held_since = {}
    for answer in answers:
        if answer.code in ("issued", "already_issued"):
            key = (answer.coupon, answer.user)
            held_since[key] = min(answer.ended, held_since.get(key, answer.ended))
    for answer in answers:
        if answer.code == "sold_out":
            since = held_since.get((answer.coupon, answer.user))
            assert since is None or answer.started < since, f"{answer}: a holder since step {since}"


def check_issued(answers, quantities):
    """At most one 201 for each user; sequences are distinct and within the quantity."""
    seen = {}
    users = set()
    for answer in answers:
        if answer.status == 201:
            assert 1 <= answer.sequence <= quantities[answer.coupon], answer
            assert seen.setdefault((answer.coupon, answer.sequence), answer.user) == answer.user, answer
            assert (answer.coupon, answer.user) not in users, f"{answer}: issued twice"
            users.add((answer.coupon, answer.user))


def check_answers(answers, quantities, allowed=("issued", "already_issued", "sold_out")):
    """Checks that hold for any run with one issue a user: promises 1, 2 and 6 as far as clients see them."""
    for answer in answers:
        assert answer.code in allowed, answer
    check_issued(answers, quantities)
    told = sequences_told(answers)
    for coupon, users in told.items():
        assert len(set(users.values())) == len(users), f"{coupon}: a sequence was told to two users"
    check_never_denied(answers)
    return told


def check_complete(answers, quantities):
    """In addition to check_answers(), for runs in which every answer was read: the whole stock was issued, as 1, 2, 3
    …"""
    for coupon, quantity in quantities.items():
        users = {answer.user for answer in answers if answer.coupon == coupon}
        sequences = sorted(answer.sequence for answer in answers if answer.coupon == coupon and answer.status == 201)
        assert sequences == list(range(1, min(quantity, len(users)) + 1)), f"{coupon}: {len(sequences)} of {quantity}"
