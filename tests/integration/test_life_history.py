"""Several clients do everything with the same users' issues while issuer and gateways are killed: each user's history
is linearizable, and the coupon counts what it says.

    COUPOND_TEST_LIFE_SECONDS=600 /usr/bin/python3 -m pytest tests/integration/test_life_history.py

A seed is printed; COUPOND_TEST_SEED repeats it.
"""

import collections
import http.client
import itertools
import json
import os
import threading
import time

from cluster import Cluster, wait_until
from crowd import random_with_seed
from life_model import NEVER, Step, apply, is_linearizable

SECONDS = float(os.environ.get("COUPOND_TEST_LIFE_SECONDS", 12))
GROUPS, CLIENTS = 16, 4  # the clients of a group share its users
STEPS = 12  # of a client with one user
LIMIT = 3
PATH = "/v1/coupons/LIFE/issues"
OF_DETAILS = ("look", "redeem", "undo", "revoke")  # their answers show the redemption


class Client(threading.Thread):
    def __init__(self, addresses, group, random, clock):
        super().__init__(daemon=True)
        self.addresses, self.group, self.random, self.clock = addresses, group, random, clock
        self.histories = collections.defaultdict(list)  # of each user
        self.sequences = {}  # {(user, nth): sequence}
        self.codes = {}
        self.failure = None
        self.ending = False
        self.connection = None

    def run(self):
        try:
            for number in itertools.count():
                user = f"g{self.group}-{number // STEPS}"
                request = self.choose(user, number)
                while not self.ending and not self.step(user, request) and self.random.random() < 0.7:
                    time.sleep(0.02)
                if self.ending:
                    return
        except BaseException as error:  # told by the test's thread
            self.failure = error

    def choose(self, user, number):
        random = self.random
        known = [nth for of, nth in self.sequences if of == user]
        named = [random.choice(known)] if known and random.random() < 0.3 else []
        reference = f"r{random.randrange(3)}"
        return random.choice([
            ("post", f"k{random.randrange(3)}-{number // 3}"), ("look",),
            ("ensure",), ("ensure", random.randrange(1, 6)),
            ("redeem", reference, *named), ("redeem", reference, *named), ("undo", reference, *named),
            ("revoke", random.random() < 0.6, *named)])

    def step(self, user, request):
        """Whether the request has an answer; it is noted in the user's history."""
        begun = next(self.clock)
        status, body = self.send(*self.http_of(user, request))
        ended = next(self.clock)
        if status == 503 and body["code"] != "outcome_unknown":
            return False  # nothing was decided
        answer = None if status in (0, 503) else self.read(user, request, status, body)
        self.histories[user].append(Step(request, begun, NEVER if status == 0 else ended, answer))
        return answer is not None

    def http_of(self, user, request):
        """Method, path, body, headers"""
        kind, *arguments = request
        of_user = f"{PATH}/{user}"
        sequence = self.sequences[user, arguments[1]] if len(arguments) == 2 else None
        named = f"&sequence={sequence}" if sequence else ""
        if kind == "post":
            return "POST", PATH, {"user_id": user}, {"Idempotency-Key": arguments[0]}
        if kind == "ensure":
            return "PUT", "/".join([of_user, *map(str, arguments)]), None, {}
        if kind == "redeem":
            body = {"reference": arguments[0], **({"sequence": sequence} if sequence else {})}
            return "PUT", f"{of_user}/redemption", body, {}
        if kind == "undo":
            return "DELETE", f"{of_user}/redemption?reference={arguments[0]}{named}", None, {}
        if kind == "revoke":
            return "DELETE", f"{of_user}?restock=true&again={str(arguments[0]).lower()}{named}", None, {}
        return "GET", of_user, None, {}

    def send(self, method, path, body, headers):
        """Status and body; status 0 when there is no answer."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.random.choice(self.addresses), timeout=60)
            content = None if body is None else json.dumps(body)
            self.connection.request(method, path, content, {"Content-Type": "application/json", **headers})
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            self.connection.close()
            self.connection = None
            return 0, None

    def read(self, user, request, status, body):
        """The answer as the model has it."""
        issue = body.get("issue") if "detail" in body else body
        word = body.get("code") if "detail" in body else body["state"]
        if issue is None:
            return status, word, None, None
        assert (issue["coupon_id"], issue["user_id"]) == ("LIFE", user)
        known = (issue["sequence"], issue["code"], issue["issued_at"])
        assert self.codes.setdefault((user, issue["nth"]), known) == known
        self.sequences[user, issue["nth"]] = issue["sequence"]
        shown = issue["state"] == "redeemed" and request[0] in OF_DETAILS
        return status, word, issue["nth"], issue["redemption"]["reference"] if shown else None


def harm(cluster, clients, random):
    """Kills members one after the other until the time is over."""
    until = time.monotonic() + SECONDS
    members = itertools.cycle([cluster.issuer, cluster.gateways[0], cluster.issuer, cluster.gateways[1]])
    while time.monotonic() < until:
        def steps():
            return sum(len(history) for client in clients for history in list(client.histories.values()))
        goal = steps() + random.randrange(500, 2_000)
        wait_until(lambda goal=goal: steps() > goal or any(client.failure for client in clients), "clients go on")
        member = next(members)
        member.kill()
        member.start()
        wait_until(member.is_ready, lambda member=member: f"{member.name} ready again\n{member.log()[-3000:]}")


def gather(clients):
    """({user: history}, {(user, nth): (sequence, code, issued_at)}) of all clients, which agree on the issues."""
    histories = collections.defaultdict(list)
    issues = {}
    for client in clients:
        if client.failure is not None:
            raise client.failure
        for user, history in client.histories.items():
            histories[user] += history
        for key, known in client.codes.items():
            assert issues.setdefault(key, known) == known
    return histories, issues


def test_the_history_of_each_user_is_linearizable(tmp_path):
    random = random_with_seed()
    with Cluster(tmp_path, gateways=2, persisters=0, options={"gateway/issuer_timeout_ms": 1000}) as cluster:
        cluster.create_coupon("LIFE", None, per_user_limit=LIMIT)
        clock = itertools.count(1)
        clients = [Client(cluster.addresses, number // CLIENTS, type(random)(random.random()), clock)
                   for number in range(GROUPS * CLIENTS)]
        for client in clients:
            client.start()
        try:
            harm(cluster, clients, random)
        finally:
            for client in clients:
                client.ending = True
            for client in clients:
                client.join()
        histories, issues = gather(clients)
        wrong = [user for user, history in histories.items() if not is_linearizable(history, LIMIT)]
        assert wrong == [], sorted(histories[wrong[0]], key=lambda step: step.begun)
        assert_counted(cluster, histories, issues)
    steps = [step for history in histories.values() for step in history]
    seen = collections.Counter((step.request[0], step.answer and step.answer[:2]) for step in steps)
    print(len(steps), cluster.issuer.starts, seen)
    assert len(seen) >= 20 and cluster.issuer.starts > 1


def assert_counted(cluster, histories, issues):
    """Sequences and codes are unique, and the coupon counts what the users have."""
    for part in (0, 1):
        assert len({known[part] for known in issues.values()}) == len(issues)
    in_order = sorted(issues.values())
    assert [known[2] for known in in_order] == sorted(known[2] for known in in_order)
    states = collections.Counter()
    for user in histories:
        for nth in itertools.count(1):
            status, _, issue = cluster.request("PUT", f"{PATH}/{user}/{nth}")
            if status != 200:
                break
            states[issue["state"]] += 1
        if status == 201:  # the probe made one; nothing else does now
            states["issued"] += 1
    coupon = cluster.coupon("LIFE")
    assert (coupon["issued"], coupon["redeemed"], coupon["returned"]) == (
        sum(states.values()), states["redeemed"], states["revoked"])


# the search can fail


def ran(*requests):
    """A history in which one client does this."""
    issues, history = (), []
    for number, request in enumerate(requests):
        issues, answer = apply(issues, request, LIMIT)
        history.append(Step(request, 2 * number, 2 * number + 1, answer))
    return history


SOUND = ran(("post", "k"), ("redeem", "a"), ("look",), ("undo", "a"), ("revoke", True), ("post", "k"), ("ensure",),
            ("ensure", 3), ("redeem", "b"), ("redeem", "b"), ("undo", "c"), ("look",))


def test_a_sound_history_is_found_sound():
    assert is_linearizable(SOUND, LIMIT)
    assert is_linearizable([step._replace(begun=0, ended=99) for step in SOUND], LIMIT)


def test_each_answer_of_another_kind_is_found_out():
    for number, step in enumerate(SOUND):
        status, word, nth, reference = step.answer
        for wrong in ((status + 1, word, nth, reference), (status, "lost", nth, reference),
                      (status, word, nth + 1, reference), (status, word, nth, "x")):
            assert not is_linearizable([*SOUND[:number], step._replace(answer=wrong), *SOUND[number + 1:]], LIMIT)


def test_a_lost_redemption_is_found_out():
    twice = ran(("post", "k"), ("redeem", "a"))
    assert not is_linearizable([*twice, Step(("redeem", "b"), 9, 10, (201, "redeemed", 1, "b"))], LIMIT)
    undone = Step(("undo", "a"), 3, 4, None)
    assert is_linearizable([*twice, undone, Step(("redeem", "b"), 9, 10, (201, "redeemed", 1, "b"))], LIMIT)


def test_a_request_without_an_answer_is_decided_in_time_or_never():
    first = ran(("post", "k"))
    then = Step(("redeem", "a"), 9, 10, (200, "redeemed", 1, "a"))
    for ended, sound in ((5, True), (NEVER, True)):
        assert is_linearizable([*first, Step(("redeem", "a"), 3, ended, None), then], LIMIT) is sound
    assert not is_linearizable([*first, Step(("look",), 6, 7, (200, "issued", 1, None)),
                                Step(("redeem", "a"), 3, 5, None), then], LIMIT)
    assert is_linearizable([*first, Step(("look",), 6, 7, (200, "issued", 1, None)),
                            Step(("redeem", "a"), 3, NEVER, None), then], LIMIT)
