"""Users who do everything with their issues over 64 connections, and an operator who revokes all issues of a coupon now
and then, while members are killed. Every request is a step of its user's history, for life_model.py.

    crowd = Crowd(cluster.addresses, limits={"ONE": 1, "THREE": 3}, users=20_000, random=random)
    crowd.start()
    …                                   # kill members; crowd.steps counts the requests
    crowd.finish()                      # waits for the last user
    crowd.histories, crowd.issues, crowd.answers

Four clients serve a user at the same time. A request without an answer is often repeated, through another gateway.
"""

import asyncio
import collections
import itertools
import json
import threading

from http_connection import Connection
from life_model import ANY, NEVER, Step

GROUPS, CLIENTS = 16, 4  # the clients of a group share its users
STEPS = 6  # of a client with one user
SWEEPS = 6
PAUSE_SECONDS = 0.05
NOT_SENT = 0
UNTOLD = {"reference": ANY}  # while the store, which keeps redemptions, cannot be read
NOTHING_DECIDED = ("issuer_unavailable", "overloaded",
                   "store_unavailable")  # of a code, whose user only the store knows
OF_DETAILS = ("look", "redeem", "undo", "revoke")  # their answers show the redemption

Known = collections.namedtuple("Known", "sequence code issued_at")  # of an issue; never changes
Sweep = collections.namedtuple("Sweep", "coupon until again begun ended")
Message = collections.namedtuple("Message", "method path body headers", defaults=(None, None))


class Crowd:
    """Runs on a thread of its own, which alone writes the fields."""

    def __init__(self, addresses, limits, users, random, decided_seconds):
        """`decided_seconds`: how long a request without an answer may still be decided."""
        self.addresses, self.coupons, self.users, self.random = addresses, list(limits), users, random
        self.decided_seconds = decided_seconds
        self.histories = collections.defaultdict(list)  # {(coupon, user): [Step, …]}
        self.issues = {}  # {(coupon, user, nth): Known}
        self.sweeps = []
        self.answers = collections.Counter()  # {(kind of request, status, state or code): how often}
        self.steps = self.served = 0  # requests and users so far
        self.abandoned = False
        self.requests_planned = users * CLIENTS * STEPS
        self.clients = [Client(self, self.addresses) for _ in range(GROUPS * CLIENTS)]
        self._clock = itertools.count(1)
        self._failure = None
        self._thread = threading.Thread(target=self._run_thread, daemon=True)

    # life

    def start(self):
        self._thread.start()

    def is_over(self):
        return not self._thread.is_alive()

    def abandon(self):
        """Ends without waiting for answers, after a failure."""
        self.abandoned = True
        self._thread.join()

    def finish(self):
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run_thread(self):
        try:
            asyncio.run(self._run())
        except BaseException as error:  # finish() raises it on the main thread
            self._failure = error

    async def _run(self):
        users = iter([f"u{number}" for number in range(self.users)])
        await asyncio.gather(self._operate(), *(self._serve(users, self.clients[group::GROUPS])
                                                for group in range(GROUPS)))

    async def _serve(self, users, clients):
        """One user after the other, with the group's clients at once."""
        for user in itertools.takewhile(lambda _: not self.abandoned, users):
            await asyncio.gather(*(client.serve(user) for client in clients))
            self.served += 1
        for client in clients:
            client.close()

    async def _operate(self):
        """Sweeps of random coupons, spread over the run."""
        operator = Client(self, self.addresses)
        for at in sorted(self.random.sample(range(self.users), SWEEPS)):
            while self.served < at and not self.abandoned:
                await asyncio.sleep(PAUSE_SECONDS)
            self.sweeps.append(await operator.sweep(self.random.choice(self.coupons), self.random.random() < 0.7))
        operator.close()

    # what clients tell

    def count(self, kind, status, word):
        self.steps += 1
        self.answers[kind, status, word] += 1

    def tick(self):
        return next(self._clock)

    def note(self, coupon, user, request, begun, told):
        """A step of the user's history. `told`: (status, answer); status None: no answer, answer None: nobody knows
        whether it was decided."""
        status, answer = told
        ended = NEVER if status is None else self.tick()
        self.histories[coupon, user].append(Step(request, begun, ended, answer))

    def learn(self, issue):
        """An issue in an answer: what never changes has not changed."""
        key = (issue["coupon_id"], issue["user_id"], issue["nth"])
        known = Known(issue["sequence"], issue["code"], issue["issued_at"])
        assert self.issues.setdefault(key, known) == known, f"{key}: {known}, {self.issues[key]} before"
        return known


class Client:
    """One connection at a time, to a random gateway."""

    def __init__(self, crowd, addresses):
        self.crowd, self.random = crowd, crowd.random
        self.addresses = addresses
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    async def serve(self, user):
        for _ in range(STEPS):
            coupon = self.random.choice(self.crowd.coupons)
            request = self._choose(coupon, user)
            while not await self._step(coupon, user, request) and self.random.random() < 0.8:
                await asyncio.sleep(PAUSE_SECONDS)

    def _choose(self, coupon, user):
        random = self.random
        known = [nth for nth in itertools.takewhile(lambda nth: (coupon, user, nth) in self.crowd.issues,
                                                    itertools.count(1))]
        named = [random.choice(known)] if known and random.random() < 0.4 else []
        reference = f"r{random.randrange(3)}"
        return random.choice([
            ("post", f"k{random.randrange(4)}"), ("look", *named), ("ensure",), ("ensure", random.randrange(1, 6)),
            ("redeem", reference, *named), ("redeem", reference, *named), ("undo", reference, *named),
            ("revoke", random.random() < 0.6, *named)])

    async def _step(self, coupon, user, request):
        """Whether the request has an answer; it is noted in the user's history."""
        message = self._message(coupon, user, request)
        begun = self.crowd.tick()
        status, body = await self.send(message)
        word = word_of(body)
        self.crowd.count(request[0], status, word)
        if status == NOT_SENT or word in NOTHING_DECIDED:
            return False
        known = status is not None and word != "outcome_unknown"
        answer = self._read(coupon, user, request, status, body) if known else None
        self.crowd.note(coupon, user, request, begun, (status, answer))
        return answer is not None

    def _message(self, coupon, user, request):
        kind, *arguments = request
        issues = f"/v1/coupons/{coupon}/issues"
        nth = {"look": 0, "redeem": 1, "undo": 1, "revoke": 1}.get(kind, len(arguments))
        known = self.crowd.issues[coupon, user, arguments[nth]] if nth < len(arguments) else None
        named = f"&sequence={known.sequence}" if known else ""
        if kind == "post":
            return Message("POST", issues, {"user_id": user}, {"Idempotency-Key": arguments[0]})
        if kind == "ensure":
            return Message("PUT", "/".join([issues, user, *map(str, arguments)]))
        if kind == "look":
            return Message("GET", f"/v1/codes/{known.code}" if known else f"{issues}/{user}")
        if kind == "redeem":
            return self._redemption(f"{issues}/{user}", arguments[0], known)
        if kind == "undo":
            return Message("DELETE", f"{issues}/{user}/redemption?reference={arguments[0]}{named}")
        return Message("DELETE", f"{issues}/{user}?restock=true&again={json.dumps(arguments[0])}{named}")

    def _redemption(self, path, reference, known):
        """Of an issue that is named by its sequence or its code, or of the user's."""
        if known and self.random.random() < 0.5:
            return Message("PUT", f"/v1/codes/{known.code}/redemption", {"reference": reference})
        named = {"sequence": known.sequence} if known else {}
        return Message("PUT", f"{path}/redemption", {"reference": reference, **named})

    async def send(self, message):
        """Status and body; status None without an answer, NOT_SENT without a connection."""
        if self.connection is None:
            self.connection = Connection(self.random.choice(self.addresses))
        is_open = await self.connection.open()
        answer = await self.connection.exchange(*message) if is_open else None
        if answer is None:
            self.close()
        return answer or (None if is_open else NOT_SENT, None)

    def _read(self, coupon, user, request, status, body):
        """The answer as the model has it."""
        word, issue = word_of(body), body.get("issue") if "detail" in body else body
        if issue is None:
            return status, word, None, None
        assert (issue["coupon_id"], issue["user_id"]) == (coupon, user), body
        self.crowd.learn(issue)
        shown = issue["state"] == "redeemed" and request[0] in OF_DETAILS
        return status, word, issue["nth"], issue.get("redemption", UNTOLD)["reference"] if shown else None

    # the operator

    async def sweep(self, coupon, again):
        """Revokes all issues of the coupon, and waits until it has been done. A request without an answer is repeated
        only when it has been decided or never will be, so that it begins nothing later."""
        path = f"/v1/coupons/{coupon}/revocations"
        begun = self.crowd.tick()
        until = None
        while until is None and not self.crowd.abandoned:
            status, body = await self.send(Message("POST", path, {"reason": "recall", "restock": True, "again": again}))
            self.crowd.count("revoke all", status, word_of(body))
            if status == 202:
                until = body["until"]
            else:
                await asyncio.sleep(self.crowd.decided_seconds)
        while word_of((await self.send(Message("GET", path)))[1]) != "done" and not self.crowd.abandoned:
            await asyncio.sleep(PAUSE_SECONDS)
        return Sweep(coupon, until, again, begun, self.crowd.tick())


def word_of(body):
    """The code of a problem, else the state."""
    if body is None:
        return None
    return body["code"] if "detail" in body else body["state"]
