"""The clients of a torture run: users request issues, repeat requests, send them twice at once, redeem, take that back,
and read; operators create and change coupons, and revoke issues.

Every attempt is recorded as one Op. A request is repeated through randomly chosen gateways until it has a final answer;
`unanswered` lists those that never got one.
"""

import asyncio
import contextlib
import datetime
import itertools
import json
import threading
import time

from history import FINAL, Op, code_of, outcome
from http_connection import ANSWER_SECONDS, CONNECT_SECONDS, Connection

PAUSES = (0.05, 0.4)  # between two attempts, in seconds
COUPONS_OPEN = 10
KEPT = ("sequence", "issued_at", "state", "nth", "redemption")  # of an issue in an answer
LARGE_QUANTITY = 60_000
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Traffic:
    """Runs on its own thread: start(), then finish()."""

    def __init__(self, addresses, random, requests_per_second, clients=32):
        self.addresses, self.random = addresses, random
        self.pause = clients / requests_per_second
        self.clients = clients
        self.ops = []
        self.unanswered = []
        self.wrong = []
        self.overloaded = 0
        self.hurrying = 0  # number of faults that need the journal to grow
        self._large = [None, 0]  # a coupon for that: id, remaining stock
        self.failure = None
        self.stopping = False
        self.abandoning = False
        self.coupons = []  # the requested ones: [id, its users, requests left]
        self._numbers = itertools.count(1)
        self._thread = threading.Thread(target=self._run_thread, daemon=True)

    # life

    def start(self):
        self._thread.start()

    def finish(self, patience_seconds):
        """Starts no new requests; open ones are repeated until they are answered or the time is over."""
        self.stopping = True
        self._thread.join(patience_seconds)
        self.abandoning = True
        self._thread.join()
        if self.failure:
            raise self.failure

    def abandon(self):
        """Stops all requests, so that the history can be saved."""
        self.stopping = self.abandoning = True
        self._thread.join(ANSWER_SECONDS + CONNECT_SECONDS)

    @contextlib.contextmanager
    def hurry(self):
        """During the with block most requests are those of new users for a large coupon, without pauses."""
        self.hurrying += 1
        try:
            yield
        finally:
            self.hurrying -= 1

    def _run_thread(self):
        try:
            asyncio.run(self._run())
        except BaseException as error:  # finish() raises it on the main thread
            self.failure = error

    async def _run(self):
        while len(self.coupons) < COUPONS_OPEN and not self.stopping:
            await self._create([Connection(address) for address in self.addresses])
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self):
        connections = [Connection(address) for address in self.addresses]
        others = [Connection(address) for address in self.addresses]
        while not self.stopping:
            began = time.monotonic()
            await self._something(connections, others)
            left = 0 if self.hurrying else self.pause * self.random.uniform(0.5, 1.5) - (time.monotonic() - began)
            await asyncio.sleep(max(0, left))
        for connection in connections + others:
            connection.close()

    # one request, until it is answered

    async def _attempt(self, connection, kind, coupon, user, method, path, content, wanted=None):
        if not await connection.open():
            return None
        sent = time.monotonic()
        answer = await connection.exchange(method, path, content)
        status, body = answer or (None, None)
        if status in (200, 201) and "sequence" in body:
            if (body["coupon_id"], body["user_id"]) != (coupon, user):
                self.wrong.append(f"{user} requested {coupon} and got {body}")
            # The other fields repeat the request, and millions of answers are kept.
            body = {name: body[name] for name in KEPT if name in body}
        op = Op(kind, coupon, user, sent, time.monotonic() if answer else None, status, body, wanted)
        self.ops.append(op)
        self.overloaded += code_of(op) == "overloaded"
        return op

    async def _ask(self, connections, kind, coupon, user, make_request):
        """make_request() → method, path, content, and what is to change, of each attempt. Returns the last Op."""
        while not self.abandoning:
            connection = self.random.choice(connections)
            op = await self._attempt(connection, kind, coupon, user, *make_request())
            if op is not None and outcome(op) == FINAL:
                return op
            await asyncio.sleep(self.random.uniform(*PAUSES))
        self.unanswered.append((kind, coupon, user))
        return None

    # requests of users

    async def _something(self, connections, others):
        dice = self.random.random()
        if self.hurrying and self.random.random() < 0.6:
            await self._grow(connections)
        elif dice < 0.004 or len(self.coupons) < COUPONS_OPEN:
            await self._create(connections)
        elif dice < 0.012:
            await self._change(connections, self.random.choice(self.coupons)[0])
        elif dice < 0.05:
            await self._look(connections, self.random.choice(self.coupons)[0])
        elif self.random.random() < 0.25:
            await self._live(connections, others, self.random.choice(self.coupons))
        else:
            await self._want(connections, others, self.random.choice(self.coupons), dice)

    async def _want(self, connections, others, coupon, dice):
        again = coupon[1] and dice < 0.25
        user = self.random.choice(coupon[1]) if again else self._new_user()
        coupon[1].append(user)
        coupon[2] -= 1
        if coupon[2] <= 0 and coupon in self.coupons:
            self.coupons.remove(coupon)
        if dice < 0.12:
            await asyncio.gather(self._post(connections, coupon[0], user), self._post(others, coupon[0], user))
        elif dice < 0.15:
            await self._put(connections, coupon[0], user)
        elif dice < 0.19:
            path = f"/v1/coupons/{coupon[0]}/issues/{user}"
            await self._ask(connections, "lookup", coupon[0], user, lambda: ("GET", path, None))
        else:
            await self._post(connections, coupon[0], user)

    async def _post(self, connections, coupon, user):
        request = ("POST", f"/v1/coupons/{coupon}/issues", {"user_id": user})
        return await self._ask(connections, "post", coupon, user, lambda: request)

    async def _put(self, connections, coupon, user):
        request = ("PUT", f"/v1/coupons/{coupon}/issues/{user}", None)
        return await self._ask(connections, "put", coupon, user, lambda: request)

    async def _look(self, connections, coupon):
        return await self._ask(connections, "get", coupon, None, lambda: ("GET", f"/v1/coupons/{coupon}", None))

    # what becomes of issues

    async def _live(self, connections, others, coupon):
        coupon, users, _ = coupon
        if not users:
            return
        user, dice = self.random.choice(users[-100:]), self.random.random()
        if dice < 0.003:
            await self._sweep(connections, coupon)
        elif dice < 0.15:
            await asyncio.gather(self._redeem(connections, coupon, user), self._redeem(others, coupon, user))
        elif dice < 0.75:
            reference = await self._redeem(connections, coupon, user)
            if self.random.random() < 0.4:
                await self._undo(connections, coupon, user, reference)
        else:
            await self._revoke(connections, coupon, user)

    async def _redeem(self, connections, coupon, user):
        """Returns the reference, which no other request has."""
        wanted = {"reference": f"r{next(self._numbers)}"}
        request = ("PUT", f"/v1/coupons/{coupon}/issues/{user}/redemption", wanted, wanted)
        await self._ask(connections, "redeem", coupon, user, lambda: request)
        return wanted["reference"]

    async def _undo(self, connections, coupon, user, reference):
        path = f"/v1/coupons/{coupon}/issues/{user}/redemption?reference={reference}"
        await self._ask(connections, "undo", coupon, user, lambda: ("DELETE", path, None, {"reference": reference}))

    async def _revoke(self, connections, coupon, user):
        wanted = self._revocation()
        query = "&".join(f"{name}={value if name == 'reason' else json.dumps(value)}"
                         for name, value in wanted.items())
        path = f"/v1/coupons/{coupon}/issues/{user}?{query}"
        await self._ask(connections, "revoke", coupon, user, lambda: ("DELETE", path, None, wanted))

    async def _sweep(self, connections, coupon):
        wanted = self._revocation()
        request = ("POST", f"/v1/coupons/{coupon}/revocations", wanted, wanted)
        await self._ask(connections, "sweep", coupon, None, lambda: request)

    def _revocation(self):
        """With a reason that no other request has."""
        restock, again = (self.random.random() < 0.5 for _ in range(2))
        return {"reason": f"v{next(self._numbers)}", "restock": restock, "again": again}

    def _new_user(self):
        """A new user id, usually a long one, which fills the journal."""
        number = next(self._numbers)
        filler = "".join(self.random.choices(LETTERS, k=4)) * self.random.choice([0, 14, 14, 14, 14])
        return f"u{number}-{filler}"[:64]

    async def _grow(self, connections):
        """Requests one more issue of the large coupon. The first client that finds it sold out creates another."""
        if self._large[1] == 0:
            self._large = [self._large[0], LARGE_QUANTITY]
            self._large = [await self._make(connections, {"quantity": LARGE_QUANTITY}), LARGE_QUANTITY]
        if self._large[0] is None:
            await asyncio.sleep(PAUSES[0])  # it is being created
            return
        self._large[1] -= 1
        await self._post(connections, self._large[0], self._new_user())

    # requests of operators

    async def _make(self, connections, policy):
        """The id of a new coupon; None if the run is over."""
        number = next(self._numbers)
        coupon = f"coupon-{number}-{'x' * self.random.randrange(24)}"[:32]

        def request():
            wanted = {"title": self._title(), **policy}
            return "POST", "/v1/coupons", {"id": coupon, **wanted}, wanted

        op = await self._ask(connections, "create", coupon, None, request)
        return coupon if op is not None else None

    async def _create(self, connections):
        quantity = self.random.choice([1, 30, 300, 3_000, 30_000])
        coupon = await self._make(connections,
                                  {"quantity": quantity, "per_user_limit": self.random.choice([1, 1, 1, 2, 3]),
                                   **self._window()})
        if coupon is not None:
            self.coupons.append([coupon, [], quantity * self.random.uniform(0.7, 2.5) + 40])

    def _window(self):
        """Sometimes a window that opens or closes soon, or so far in the future that only a wrong clock reaches it,
        relative to the issuer's last known time."""
        latest = next((op.body["updated_at"]
                       for op in reversed(self.ops[-200:]) if op.body and "updated_at" in op.body), None)
        dice = self.random.random()
        if latest is None or dice > 0.3:
            return {}
        begins, ends = self.random.choice([(2, 60), (2, 60), (2, 10_000), (7200, 10_000)])
        window = {"starts_at": later(latest, begins)} if dice < 0.15 else {}
        return window | ({"ends_at": later(latest, ends)} if dice > 0.1 else {})

    def _title(self):
        """A title that no other attempt has: in the journal it identifies the attempt that took effect."""
        return f"t{next(self._numbers)}"

    async def _change(self, connections, coupon):
        wanted = self.random.choice([{"quantity": self.random.randrange(1, 40_000)}, {"paused": True},
                                     {"paused": False}, {}])
        await self._patch(connections, coupon, wanted)
        if wanted.get("paused"):
            await self._patch(connections, coupon, {"paused": False})

    async def _patch(self, connections, coupon, wanted):
        def request():
            members = {"title": self._title(), **wanted}
            return "PATCH", f"/v1/coupons/{coupon}", members, members

        await self._ask(connections, "change", coupon, None, request)


def later(text, seconds):
    """The issuer's time, shifted by some seconds."""
    moved = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) + datetime.timedelta(seconds=seconds)
    return moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
