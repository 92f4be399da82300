"""Checks a recorded history. Pure: no clock, no file, no process.

    check(ops, events, rows, coupons) → ["C1: …", …], empty if all promises were kept

The journal's order is taken as the order of the decisions. This module proves or refutes that every answer that a
client read is consistent with it, that is, that the history is linearizable. Per coupon,

  log        the journal is a legal run of the simple model: sequences 1, 2, 3 …, within quantity and limit, times of
             issues that never go backwards, policies as a client requested them; issues are redeemed, undone and
             revoked as lives.py has it
  clock      each record has a time that the issuer's clock may have shown at its decision, and the coupon was open
             then; an issue may have the time of the issue before it instead, if that is later, but that time never
             opens or closes a window
  recorded   each 201 (and each created or changed coupon) is one record of the journal, as it was answered
  explained  each record was requested by a client that received it or received no final answer; never by a client that
             received "nothing was decided"
  real time  if A was answered before B was sent, A comes first: seq(A) < seq(B); "outcome unknown" is an answer, too,
             since nothing is decided after it
  answers    each refusal and each read fits some moment between its request and its answer, after everything answered
             before the request and before everything sent after the answer
  store      the store has exactly the journal's issues, with their states, and policies
  strangers  neither has anything that a peer without the cluster's secret requested

A position is a number of applied records. Records have fixed places, so a read needs only the first position that fits,
from its lower bound on: taking the earliest one for each read, in the order of the requests, finds an order whenever
there is one.
"""

import bisect
import collections
import itertools

from clock import AnyTime
from history import FINAL, NOTHING, UNKNOWN, code_of, issue_of, outcome
from lives import CHANGES, Lives, answers, counting, live, requests_of, text_of

FOREVER = float("inf")
STRANGER = "stranger-"
REFUSALS = ("ended", "paused", "not_started", "sold_out")


def check(ops, events, rows, coupons, clock=AnyTime()):
    """`coupons`: {id: policy with issued} as the store has them; `clock`: the times that the issuer may have used, as
    in clock.py."""
    found = []
    by_coupon = {"ops": collections.defaultdict(list), "events": collections.defaultdict(list),
                 "rows": collections.defaultdict(list)}
    for name, items in (("ops", ops), ("events", events), ("rows", rows)):
        for item in items:
            by_coupon[name][item.coupon].append(item)
    for coupon in sorted({*by_coupon["ops"], *by_coupon["events"], *by_coupon["rows"], *coupons}):
        story = Story(coupon, by_coupon["ops"][coupon], by_coupon["events"][coupon], clock)
        found += story.check() + check_store(story, by_coupon["rows"][coupon], coupons.get(coupon))
    return found + check_strangers(events, rows, coupons)


def check_strangers(events, rows, coupons):
    """Nothing that peers without the secret requested exists: the names of their users and coupons are unique."""
    found = [f"in the journal: {event}"
             for event in events if (event.user or "").startswith(STRANGER) or event.coupon.startswith(STRANGER)]
    found += [f"in the store: {row}" for row in rows if row.user.startswith(STRANGER)]
    found += [f"in the store: {coupon}" for coupon in coupons if coupon.startswith(STRANGER)]
    return [f"strangers: {text}" for text in found[:20]]


def check_store(story, rows, policy):
    found = []
    wanted = {event.sequence: (event.user, event.nth, event.time, event.seq, *story.lives.state_of(event.sequence))
              for event in story.events if event.nth}
    there = {row.sequence: (row.user, row.nth, row.issued_at, row.seq, row.state, row.reference) for row in rows}
    if len(there) != len(rows):
        found.append("the store has a sequence twice")
    for sequence in sorted(wanted.keys() | there.keys()):
        if wanted.get(sequence) != there.get(sequence):
            found.append(
                f"store: sequence {sequence} is {there.get(sequence)}, the journal has {wanted.get(sequence)}"
            )
    last = story.policies[story.count] if story.events else None
    expected = None if last is None else {**last, "issued": len(wanted), "redeemed": story.lives.redeemed,
                                          "returned": story.lives.returned}
    if policy != expected:
        found.append(f"store: the coupon is {policy}, the journal has {expected}")
    return [f"{story.coupon}: {text}" for text in found[:20]]


def decided_by(op):
    """The latest moment at which the request can have been decided: when its client received "outcome unknown", or
    FOREVER if it received nothing."""
    return FOREVER if op.answered is None or op.status is None else op.answered


def state_at(policy, in_force, now):
    if policy["ends_at"] and now >= policy["ends_at"]:
        return "ended"
    if policy["paused"]:
        return "paused"
    if policy["starts_at"] and now < policy["starts_at"]:
        return "not_started"
    return "sold_out" if in_force >= policy["quantity"] else "open"


def window_at(policy, now):
    return state_at({**policy, "paused": False}, 0, now)


def moments_of(policy, ranges):
    """The times within `ranges` at which the coupon's state can change."""
    borders = [policy[name] for name in ("starts_at", "ends_at") if policy[name]]
    return [now for first, last in ranges for now in (first, *(border for border in borders if first < border <= last))]


class Story:
    """One coupon's requests and records."""

    def __init__(self, coupon, ops, events, clock):
        self.coupon, self.ops, self.clock = coupon, ops, clock
        self.events = sorted(events, key=lambda event: event.seq)
        self.count = len(self.events)
        self.found = []
        self._replay()

    def say(self, text):
        self.found.append(f"{self.coupon}: {text}")

    def check(self):
        self._attribute()
        self._check_real_time()
        self._check_times()
        self._check_answers()
        surplus = len(self.found) - 20
        return self.found if surplus <= 0 else [*self.found[:20], f"{self.coupon}: and {surplus} more"]

    # the log

    def _replay(self):
        """Computes the state at every position: policy, issued, redeemed, in force; and what became of each issue."""
        self.policies, self.issued, self.redeemed, self.in_force = [None], [0], [0], [0]
        self.lives = Lives(self.say)
        for position, event in enumerate(self.events, 1):
            policy, issued = self.policies[-1], self.issued[-1]
            if event.policy is not None:
                policy = self._replay_policy(event, policy, self.in_force[-1])
            elif event.change is not None:
                self.lives.replay_change(event, position)
            else:
                issued = self._replay_issue(event, policy, issued)
                self.lives.replay_issue(event, position)
            self.policies.append(policy)
            self.issued.append(issued)
            self.redeemed.append(self.lives.redeemed)
            self.in_force.append(issued - self.lives.returned)

    def _replay_policy(self, event, before, in_force):
        if event.policy["quantity"] < in_force:
            self.say(f"log: quantity below the {in_force} issues in force at {event}")
        if before and before["per_user_limit"] != event.policy["per_user_limit"]:
            self.say(f"log: the limit of a user changed at {event}")
        return event.policy

    def _replay_issue(self, event, policy, issued):
        if policy is None:
            self.say(f"log: an issue before the coupon was created: {event}")
            return issued + 1
        if event.sequence != issued + 1:
            self.say(f"log: sequence {event.sequence} follows {issued}")
        if policy["paused"] or self.in_force[-1] >= policy["quantity"]:
            self.say(f"log: issued while paused or sold out: {event}")
        held, limit = self.lives.now(event.user), policy["per_user_limit"]
        if event.nth != len(held) + 1 or counting(held) >= limit:
            self.say(f"log: issue number {len(held) + 1} of a user, with a limit of {limit}: {event}")
        return event.sequence

    def _shown(self, op, position, nth):
        """Whether the answer shows that issue of the user."""
        made = self.lives.made[op.user]
        return 0 < nth <= len(self.lives.at(op.user, position)) and (
            made[nth - 1].sequence, made[nth - 1].time) == issue_of(op)

    # attribution of records to requests

    def _attribute(self):
        """Fills asked[i] and answered[i]: record i was decided between these moments."""
        self.asked, self.answered = [0.0] * self.count, [FOREVER] * self.count
        self._told = {}
        self._attribute_policies()
        self._attribute_told_issues()
        self._attribute_untold_issues()
        self._attribute_changes()

    def _attribute_policies(self):
        """A policy's title identifies its request."""
        asking = {op.wanted["title"]: op for op in self.ops if op.kind in ("create", "change")}
        for index, event in enumerate(self.events):
            if event.policy is None:
                continue
            op = asking.get(event.policy["title"])
            if op is None or outcome(op) == NOTHING or (outcome(op) == FINAL and op.status not in (200, 201)):
                self.say(f"explained: no client requested or received {event}: {op}")
            elif id(op) in self._told:
                self.say(f"recorded: took effect twice: {op}")
            else:
                self._take(index, op)
                self._check_policy(index, event, op)
        for op in self.ops:
            if op.kind in ("create", "change") and op.status in (200, 201) and id(op) not in self._told:
                self.say(f"recorded: the journal has no record of {op}")

    def _take(self, index, op):
        self._told[id(op)] = index
        self.asked[index] = op.sent
        self.answered[index] = decided_by(op)

    def _check_policy(self, index, event, op):
        before = self.policies[index]
        expected = {"paused": False, "starts_at": None, "ends_at": None,
                    "per_user_limit": 1} if before is None else before
        if (before is None) != (op.kind == "create") or {**expected, **op.wanted} != event.policy:
            self.say(f"log: {op.wanted} changed {before} to {event.policy}")
        if outcome(op) == FINAL and (op.body["issued"] != self.issued[index] or op.body["updated_at"] != event.time):
            self.say(f"recorded: {op} and the journal's {event} differ (issued {self.issued[index]})")

    def _attribute_told_issues(self):
        places = {event.sequence: index for index, event in enumerate(self.events) if event.nth}
        taken = set()
        for op in self.ops:
            if op.kind not in ("post", "put") or op.status != 201:
                continue
            sequence, issued_at = issue_of(op)
            index = places.get(sequence)
            event = self.events[index] if index is not None else None
            if event is None or (event.user, event.time) != (op.user, issued_at):
                self.say(f"recorded: {op}, but the journal has {event}")
            elif index in taken:
                self.say(f"recorded: sequence {sequence} twice: {op}")
            else:
                taken.add(index)
                self._take(index, op)
            if event is not None and op.kind == "put" and live(self.lives.at(event.user, index)):
                self.say(f"recorded: PUT issued another one to a holder: {op}")
        self._untold = [index for index in places.values() if index not in taken]

    def _attribute_untold_issues(self):
        """Attributes issues with a lost answer to the user's earliest requests without a final answer."""
        lost = collections.defaultdict(list)
        for op in self.ops:
            if op.kind in ("post", "put") and outcome(op) == UNKNOWN:
                lost[op.user].append(op)
        for ops in lost.values():
            ops.sort(key=lambda op: op.sent, reverse=True)
        for index in sorted(self._untold):
            event = self.events[index]
            candidates = lost.get(event.user)
            if not candidates:
                self.say(f"explained: no client requested or received {event}")
            else:
                self.answered[index] = max(decided_by(op) for op in candidates)
                self.asked[index] = candidates.pop().sent

    def _attribute_changes(self):
        """Attributes each change to the attempts of its request, which its text identifies."""
        requests, self._own = requests_of(self.ops), {}
        for index, event in enumerate(self.events):
            key = text_of(event) if event.change is not None else None
            if key is None:
                continue
            attempts = requests.get(key)
            if not attempts:
                self.say(f"explained: no client requested or received {event}")
            elif key in self._own:
                self.say(f"recorded: took effect twice: {event}")
            else:
                self._own[key] = index
                self._take_change(index, event, attempts)
        for op in self.ops:
            if op.kind == "redeem" and op.status == 201 and id(op) not in self._told:
                self.say(f"recorded: the journal has no record of {op}")

    def _take_change(self, index, event, attempts):
        said = [op for op in attempts if op.kind == "redeem" and op.status == 201]
        final = [op for op in attempts if outcome(op) == FINAL]
        self.asked[index] = (said or attempts)[0].sent
        self.answered[index] = (said or final or [max(attempts, key=decided_by)])[0].answered or FOREVER
        for op in said:
            self._told[id(op)] = index
            if len(said) > 1 or (op.user, op.body["sequence"]) != (event.user, event.sequence):
                self.say(f"recorded: {op}, but the journal has {event}")

    # real time

    def _check_real_time(self):
        """Afterwards asked_by[i] is the earliest moment at which records 1 … i can all have been decided, and
        answered_by[i] the latest moment for records i and later."""
        self.asked_by = list(itertools.accumulate(self.asked, max))
        self.answered_by = list(itertools.accumulate(reversed(self.answered), min))[::-1]
        for index, event in enumerate(self.events):
            if self.asked_by[index] > self.answered[index]:
                earlier = max(range(index), key=lambda i: self.asked[i])
                self.say(f"real time: {event} was answered at {self.answered[index]}, before {self.events[earlier]} "
                         f"was requested at {self.asked[earlier]}")

    def _bounds(self, op):
        """The first and the last position at which a read can have taken place."""
        return (bisect.bisect_left(self.answered_by, op.sent), bisect.bisect_right(self.asked_by, op.answered))

    # the clock

    def _check_times(self):
        latest = ""
        for index, event in enumerate(self.events):
            ranges = self.clock.ranges(self.asked_by[index], self.answered_by[index])
            if event.nth is None:
                if event.policy is not None or event.time > latest:  # a change is never before its issue
                    self._check_time(event, ranges)
                continue
            if event.time < latest:
                self.say(f"log: time goes backwards at {event}")
            elif event.time == latest:
                ranges = [(first, min(last, latest)) for first, last in ranges if first <= latest]
            elif self._check_time(event, ranges):
                ranges = [(event.time, event.time)]
            self._check_window(event, self.policies[index], ranges)
            latest = max(latest, event.time)

    def _check_time(self, event, ranges):
        """True if the issuer's clock may have shown that time."""
        good = any(first <= event.time <= last for first, last in ranges)
        if not good:
            self.say(f"clock: the time of {event} is not within {ranges}")
        return good

    def _check_window(self, event, policy, ranges):
        if not ranges:
            self.say(f"clock: {event} has the time of the issue before it, although the clock was past that")
        elif policy and not any(window_at(policy, now) == "open" for now in moments_of(policy, ranges)):
            self.say(f"clock: issued outside of {policy['starts_at']} to {policy['ends_at']}, while the time was "
                     f"within {ranges}: {event}")

    # answers

    def _check_answers(self):
        looks = sorted((op for op in self.ops if outcome(op) == FINAL and id(op) not in self._told),
                       key=lambda op: op.sent)
        finished, reached = [], 0  # reads by the moment of their answer; the latest position of those before
        for op in self.ops:
            if op.status is not None and op.status >= 500 and op.status != 503:
                self.say(f"answers: {op}")
        for op in looks:
            if op.status == 201 or (op.kind == "change" and op.status == 200):
                continue  # a missing record has been reported already
            while finished and finished[0][0] < op.sent:
                reached = max(reached, finished.pop(0)[1])
            first, last = self._bounds(op)
            position = self._place(op, max(first, reached), last)
            if position is None:
                self.say(f"answers: {op} fits no moment: {self._describe(first, last)}, earlier reads had reached "
                         f"{reached}")
            else:
                bisect.insort(finished, (op.answered, position))

    def _place(self, op, first, last):
        fits = self._judge_of(op)
        if fits is None:
            return None
        return next((position for position in range(first, last + 1) if fits(position)), None)

    def _describe(self, first, last):
        moments = [(position, self.issued[position], self.policies[position]) for position in {first, last}
                   if position <= self.count]
        return f"position, issued, policy {moments}"

    def _judge_of(self, op):
        """A predicate: whether the answer fits a position. None for an answer that fits none."""
        code = code_of(op)
        if code == "coupon_not_found":
            return lambda position: self.policies[position] is None
        exists = {"post": self._judge_issue, "put": self._judge_issue, "lookup": self._judge_life,
                  "redeem": self._judge_life, "undo": self._judge_life, "revoke": self._judge_life,
                  "sweep": self._judge_sweep, "get": self._judge_get, "change": self._judge_change,
                  "create": self._judge_create}[op.kind](op, code)
        return exists and (lambda position: self.policies[position] is not None and exists(position))

    def _judge_issue(self, op, code):
        """Of a POST or a PUT that has not issued one."""
        if code in REFUSALS:
            return lambda position: self._may_be_refused(op, code, position)
        if code == "already_issued":
            return lambda position: self._shows_live(op, position) and self._may_refuse_more(op, position)
        if code == "revoked":
            return lambda position: self._shows_revoked(op, position)
        return (lambda position: self._shows_live(op, position)) if op.kind == "put" and op.status == 200 else None

    def _judge_life(self, op, _):
        kind, member = CHANGES.get(op.kind, (None, None))
        own = self._own.get((kind, op.wanted[member])) if kind else None
        return lambda position: self._answers(op, position) or (
            own is not None and position == own + 1 and op.status == 200
            and self.events[own].sequence == op.body.get("sequence"))

    def _answers(self, op, position):
        limit = self.policies[position]["per_user_limit"]
        issue = (op.body or {}).get("issue", op.body or {})
        return answers(self.lives.at(op.user, position), op, limit) and (
            "nth" not in issue or self._shown(op, position, issue["nth"]))

    def _judge_sweep(self, op, _):
        return (lambda position: True) if op.status == 202 else None

    def _judge_get(self, op, _):
        return (lambda position: self._shows(op, position)) if op.status == 200 else None

    def _judge_change(self, op, code):
        if code != "invalid_request" or "quantity" not in op.wanted:
            return None
        return lambda position: op.wanted["quantity"] < self.in_force[position]

    def _judge_create(self, _, code):
        return (lambda position: True) if code == "coupon_exists" else None

    def _shows_live(self, op, position):
        return self._shown(op, position, live(self.lives.at(op.user, position)))

    def _shows_revoked(self, op, position):
        """Of a user who has only revoked issues and may not have another one."""
        issues = self.lives.at(op.user, position)
        return (not live(issues) and counting(issues) >= self.policies[position]["per_user_limit"]
                and self._shown(op, position, len(issues)))

    def _may_be_refused(self, op, code, position):
        """A holder is not refused, nor is a user who may not have another one."""
        issues = self.lives.at(op.user, position)
        return (not live(issues) and counting(issues) < self.policies[position]["per_user_limit"]
                and self._may_be(op, code, position))

    def _may_refuse_more(self, op, position):
        """A holder receives already_issued at the limit, or while the coupon is not open."""
        at_limit = counting(self.lives.at(op.user, position)) >= self.policies[position]["per_user_limit"]
        return at_limit or any(self._may_be(op, code, position) for code in REFUSALS)

    def _may_be(self, op, state, position):
        policy, in_force = self.policies[position], self.in_force[position]
        ranges = self.clock.ranges(op.sent, op.answered)
        return any(state_at(policy, in_force, now) == state for now in moments_of(policy, ranges))

    def _shows(self, op, position):
        body = op.body
        policy, issued, in_force = self.policies[position], self.issued[position], self.in_force[position]
        state = "not_started" if body["state"] == "scheduled" else body["state"]
        return (all(body[name] == policy[name]
                    for name in ("title", "quantity", "per_user_limit", "starts_at", "ends_at"))
                and body["issued"] == issued and body["remaining"] == policy["quantity"] - in_force
                and (body["redeemed"], body["returned"]) == (self.redeemed[position], issued - in_force)
                and self._may_be(op, state, position))
