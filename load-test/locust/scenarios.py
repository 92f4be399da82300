"""The scenarios: each is the script of one user of the crowd, which yields requests and pauses and receives the
evaluated answers. Pure.

A script runs once for each visitor; when it ends, the next visitor takes the place in the crowd.
"""

import collections
import datetime

from people import get, intrude, page, post, post_self, put, redeem, undo, wallet

ATTEMPTS_MAX = 20  # of a request that is answered with 503, or not at all
POLL_SECONDS = 1
STORM_ASKS = 20  # requests per visitor after the sell-out
REGULARS = 5  # users per worker in the scenario duplicates
SKEW = 2  # the greater, the more users request the first coupons

OPEN = ("issued", "already_issued", "sold_out")
MAKE_SURE = ("issued", "again", "sold_out")
LOOK = ("again", "not_issued")
ANOTHER = ("already_redeemed", "redeemed", "redeemed_again")  # that only the first is right is a promise

Pause = collections.namedtuple("Pause", "seconds")


class Scene:
    """The environment of scripts: coupons, random numbers, the time, and new users."""

    def __init__(self, coupons, people, random, now):
        self.coupons, self.people, self.random, self.now = coupons, people, random, now

    @property
    def coupon(self):
        return self.coupons[0]

    def newcomer(self, coupon=None):
        return self.people.newcomer(coupon or self.coupon)


def insist(ask):
    """Repeats a request until there is a final answer; after a 503 it waits for Retry-After."""
    heard = None
    for _ in range(ATTEMPTS_MAX):
        heard = yield ask
        if heard.outcome not in ("wait", "failed") or heard.wait is None:
            break
        yield Pause(heard.wait)
    return heard


def seconds_to_start(coupon, now):
    """The seconds until the window opens; 0 without a window. `now` is in seconds since 1970."""
    starts_at = coupon.get("starts_at")
    if coupon.get("state") != "scheduled" or not starts_at:
        return 0
    return max(0, datetime.datetime.fromisoformat(starts_at.replace("Z", "+00:00")).timestamp() - now)


def watch(scene, patient):
    """Reads the coupon's page about once a second until it opens. Impatient users request an issue before that."""
    while True:
        heard = yield from insist(page(scene.coupon))
        left = seconds_to_start(heard.body, scene.now()) if heard.outcome == "policy" else 0
        if left <= 0:
            return
        if not patient:
            yield post(scene.newcomer(), (*OPEN, "not_started"))
        yield Pause(min(left, POLL_SECONDS * (0.5 + scene.random.random())))


def ask_in_time(person):
    """POST; a user whose clock is ahead of the server's gets not_started and retries."""
    heard = yield from insist(post(person, (*OPEN, "not_started")))
    while heard.outcome == "not_started":
        yield Pause(heard.wait)
        heard = yield from insist(post(person, (*OPEN, "not_started")))


def afterthoughts(scene, person):
    """Some users repeat the request to be sure, some look up their issue."""
    doubt = scene.random.random()
    if doubt < 0.1:
        yield from insist(put(person, MAKE_SURE))
    elif doubt < 0.3:
        yield from insist(get(person, LOOK))


def countdown(scene, first):
    """The crowd reads the page until the start; then all users request an issue at once, and others follow."""
    if first:
        yield from watch(scene, patient=scene.random.random() >= 0.02)
    person = scene.newcomer()
    yield from ask_in_time(person)
    yield from afterthoughts(scene, person)


def retry_storm(scene, _first):
    """A small stock: users who get sold_out keep retrying, and so do some holders."""
    person = scene.newcomer()
    heard = yield from insist(post(person, OPEN))
    asks = STORM_ASKS if heard.outcome == "sold_out" or scene.random.random() < 0.1 else 0
    for _ in range(asks):
        yield from insist(put(person, MAKE_SURE) if scene.random.random() < 0.2 else post(person, OPEN))


def soak(scene, _first):
    """New users at a steady rate, and a stock that is not exhausted."""
    person = scene.newcomer()
    yield from insist(post(person, OPEN))
    yield from afterthoughts(scene, person)


def duplicates(scene, _first):
    """A few users, each with many concurrent clients that repeat the request."""
    person = scene.random.choice(scene.people.regulars(scene.coupon, REGULARS))
    way = scene.random.random()
    if way < 0.7:
        yield from insist(post(person, OPEN))
    elif way < 0.9:
        yield from insist(put(person, MAKE_SURE))
    else:
        yield from insist(get(person, LOOK))


def many_coupons(scene, _first):
    """Many coupons; every user requests a few, mostly the first ones."""
    for _ in range(3):
        coupon = scene.coupons[int(len(scene.coupons) * scene.random.random() ** SKEW)]
        person = scene.newcomer(coupon)
        yield from insist(post(person, OPEN))
        yield from afterthoughts(scene, person)


def life(scene, _first):
    """Users receive a coupon and look at their list; many redeem it. Some orders are sent twice, some users try to
    redeem the same issue for another order, and a few orders are cancelled."""
    person = scene.newcomer()
    yield from insist(post(person, OPEN))
    if person.sequence is None:
        return
    yield from insist(wallet(person))
    if scene.random.random() < 0.6:
        yield from order(scene, person)
    yield from insist(wallet(person))


def order(scene, person):
    """Redeems an issue, and perhaps undoes that and redeems it again."""
    heard = yield from insist(redeem(person, "order-1"))
    if heard.outcome not in ("redeemed", "redeemed_again"):
        return
    mistake = scene.random.random()
    if mistake < 0.1:
        yield from insist(redeem(person, "order-1", ("redeemed_again",)))
    elif mistake < 0.3:
        yield from insist(redeem(person, "order-2", ANOTHER))
    if scene.random.random() < 0.2:
        yield from insist(undo(person))
        if person.reference is None and scene.random.random() < 0.5:
            yield from insist(redeem(person, "order-3"))


def impostors(scene, _first):
    """With identity on: everybody asks with a token of their own, some repeat it, and some try to act as others."""
    person = scene.newcomer()
    heard = yield from insist(post_self(person, OPEN))
    if scene.random.random() < 0.3:
        yield from insist(post_self(person, OPEN))
    if heard.outcome == "issued" and scene.random.random() < 0.1:
        yield from insist(redeem(person, "order-1"))
    if scene.random.random() < 0.4:
        yield from insist(intrude(person, int(scene.random.random() * 5)))


Scenario = collections.namedtuple("Scenario", "script quantity coupons waits paced", defaults=(1, False, False))

# script; quantity of a coupon; number of coupons; whether they open after the countdown; whether --rate applies
SCENARIOS = {
    "countdown": Scenario(countdown, 10_000, waits=True),
    "retry-storm": Scenario(retry_storm, 1_000),
    "soak": Scenario(soak, 100_000_000, paced=True),
    "duplicates": Scenario(duplicates, 10_000),
    "many-coupons": Scenario(many_coupons, 100, coupons=300),
    "impostors": Scenario(impostors, 20_000),
    "life": Scenario(life, 100_000_000, paced=True),
}
