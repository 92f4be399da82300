"""What becomes of the issues of one coupon, as the journal has it: each user's issues at every position, and whether an
answer about them fits one. Pure; a part of checker.py.

The rules are those of tests/support/life_model.py. A change has a text that no other request has, which identifies the
request in the journal: the reference of a redemption and of its undoing, the reason of a revocation.
"""

import bisect
import collections

from history import FINAL, NOTHING, code_of, outcome
from life_model import ANY, Issue, apply, fits

# The kind of request, the type of record, and the member that identifies it.
CHANGES = {"redeem": ("redemption", "reference"), "undo": ("redemption_undone", "reference"),
           "revoke": ("revocation", "reason"), "sweep": ("sweep", "reason")}
MEMBERS = {record: member for record, member in CHANGES.values()}
BEFORE = {"redemption": "issued", "redemption_undone": "redeemed", "revocation": "issued"}
AFTER = {"redemption": "redeemed", "redemption_undone": "issued", "revocation": "revoked"}


class Lives:
    """Filled by replaying the records in their order."""

    def __init__(self, say):
        self.say = say
        self.made = collections.defaultdict(list)  # user → the event of each issue
        self.redeemed = self.returned = 0
        self._states = collections.defaultdict(list)  # user → [(position from which it counts, issues)]
        self._owners = {}  # sequence → (user, nth)
        self._sweep = None

    def at(self, user, position):
        """The user's issues at that position, as the model has them."""
        states = self._states.get(user, ())
        at = bisect.bisect_right(states, position, key=lambda pair: pair[0])
        return states[at - 1][1] if at else ()

    def now(self, user):
        return self._states[user][-1][1] if user in self._states else ()

    def state_of(self, sequence):
        """(state, reference of the redemption) at the end"""
        user, nth = self._owners[sequence]
        issue = self.now(user)[nth - 1]
        return issue.state, issue.reference

    def replay_issue(self, event, position):
        self.made[event.user].append(event)
        issues = (*self.now(event.user), Issue("issued", None, False, None))
        self._owners[event.sequence] = (event.user, len(issues))
        self._states[event.user].append((position, issues))

    def replay_change(self, event, position):
        kind = event.change["type"]
        if kind in ("sweep", "sweep_ended"):
            if (self._sweep is None) != (kind == "sweep"):
                self.say(f"log: one sweep is within another, or ended twice: {event}")
            self._sweep = event if kind == "sweep" else None
            return
        user, nth = self._owners.get(event.sequence, (None, None))
        if user is None or event.user not in (user, None):
            self.say(f"log: a change of an issue that the user does not have: {event}")
            return
        if event.user is None and not self._is_swept(event):
            self.say(f"log: no user and no sweep asked for {event}")
        self._apply(event, position, user, nth)

    def _apply(self, event, position, user, nth):
        kind, issues = event.change["type"], self.now(user)
        before = issues[nth - 1]
        if before.state != BEFORE[kind] or (kind == "redemption_undone"
                                            and before.reference != event.change["reference"]):
            self.say(f"log: {event} changes {before}")
        after = before._replace(state=AFTER[kind], again=bool(event.change.get("again")),
                                reference=event.change["reference"] if kind == "redemption" else None)
        self.redeemed += (after.state == "redeemed") - (before.state == "redeemed")
        self.returned += bool(event.change.get("restock"))
        self._states[user].append((position, (*issues[:nth - 1], after, *issues[nth:])))

    def _is_swept(self, event):
        return self._sweep is not None and event.sequence <= self._sweep.change["until"] and all(
            self._sweep.change[name] == event.change[name] for name in ("reason", "restock", "again"))


def counting(issues):
    """How many of the issues count for the limit."""
    return sum(not issue.again for issue in issues)


def live(issues):
    """The number of the latest issue that is not revoked; 0: none."""
    return max((nth for nth, issue in enumerate(issues, 1) if issue.state != "revoked"), default=0)


def text_of(event):
    """(type, text) of a change that a client requested; None of one that the issuer made by itself."""
    kind = event.change["type"]
    if kind == "sweep_ended" or (kind == "revocation" and event.user is None):
        return None
    return kind, event.change[MEMBERS[kind]]


def requests_of(ops):
    """{(type, text): [its attempts that may have taken effect, in the order in which they were sent]}"""
    found = collections.defaultdict(list)
    for op in ops:
        if op.kind in CHANGES and outcome(op) != NOTHING and (outcome(op) != FINAL or op.status in (200, 201, 202)):
            kind, member = CHANGES[op.kind]
            found[kind, op.wanted[member]].append(op)
    for attempts in found.values():
        attempts.sort(key=lambda op: op.sent)
    return found


def told(op):
    """The answer as the model has it."""
    issue = (op.body or {}).get("issue", op.body or {})
    if "sequence" not in issue:
        return op.status, code_of(op), None, None
    shown = issue.get("redemption", {}).get("reference", ANY) if issue["state"] == "redeemed" else None
    return op.status, code_of(op) or issue["state"], issue["nth"], shown


def request_of(op):
    if op.kind == "lookup":
        return ("look",)
    return (op.kind, op.wanted["again"] if op.kind == "revoke" else op.wanted["reference"])


def answers(issues, op, limit):
    """Whether a request that changes nothing may be answered so."""
    after, answer = apply(issues, request_of(op), limit)
    return after == issues and fits(answer, told(op))
