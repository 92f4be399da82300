"""The answers of the crowd, and whether they keep the promises. Pure.

A worker fills a Tally and sends the new part with each report; the master collects the reports in a Book and compares
them with the API at the end. Workers never share users, so the Book only needs sequences: a worker detects a user with
two different answers.
"""

import collections

from people import Person

FAULTS_MAX = 20  # reported as text; further ones are only counted


class People:
    """The users of one worker. Their ids contain the worker and the run, so that they are unique."""

    def __init__(self, run, worker):
        self.prefix = f"{run}.{worker}"
        self.count = 0
        self.known = {}

    def newcomer(self, coupon):
        self.count += 1
        return Person(coupon, f"{self.prefix}.{self.count}")

    def regulars(self, coupon, count):
        """The same few users, repeatedly."""
        if coupon not in self.known:
            self.known[coupon] = [self.newcomer(coupon) for _ in range(count)]
        return self.known[coupon]


class Tally:
    """The answers of one worker since its last report, and the requests that have no final answer yet."""

    def __init__(self):
        self.unsettled = {}
        self.unsure = {}  # {user: coupon} of redemptions and undoes without a final answer
        self._begin_anew()

    def _begin_anew(self):
        self.outcomes = collections.Counter()
        self.seconds = collections.Counter()  # {seconds since 1970: answers to the requests of users}
        self.redeemed = collections.Counter()  # {coupon: redemptions minus undoes}
        self.told = collections.defaultdict(list)  # {coupon: [sequence of each user who received one]}
        self.faults = []
        self.fault_count = 0

    def take(self):
        """Returns the new part, in a form that can be sent to the master, and resets it."""
        report = {"outcomes": dict(self.outcomes), "seconds": dict(self.seconds), "told": dict(self.told),
                  "faults": self.faults, "fault_count": self.fault_count,
                  "redeemed": dict(self.redeemed), "unsure": dict(collections.Counter(self.unsure.values())),
                  "unsettled": [[person.coupon, person.user] for person in self.unsettled.values()]}
        self._begin_anew()
        return report

    def begins(self, ask):
        """Called before a request is sent; returns whether its user held an issue then."""
        person = ask.person
        if person is None or ask.kind == "intrude":
            return False
        if ask.kind in ("redeem", "undo"):
            self.unsure[person.user] = person.coupon
        elif person.sequence is None and ask.method != "GET":
            self.unsettled[person.user] = person
        return person.sequence is not None

    def ends(self, ask, heard, second):
        """Called after the answer. `second`: its arrival, in whole seconds since 1970."""
        self.outcomes[heard.outcome] += 1
        if heard.complaint is not None and heard.outcome != "failed":
            self.add_fault(heard.complaint)
        if ask.person is None:
            return
        self.seconds[second] += 1
        if ask.kind == "intrude":
            return
        is_final = heard.outcome not in ("failed", "wait")
        if ask.kind in ("redeem", "undo"):
            self._count_redemption(ask.person, is_final)
            return
        if is_final and (ask.method != "GET" or ask.person.sequence is not None):
            self.unsettled.pop(ask.person.user, None)
        if ask.person.sequence is not None and not ask.person.noted:
            ask.person.noted = True
            self.told[ask.person.coupon].append(ask.person.sequence)

    def _count_redemption(self, person, is_final):
        if is_final:
            self.unsure.pop(person.user, None)
        if person.counted != (person.reference is not None):
            self.redeemed[person.coupon] += -1 if person.counted else 1
            person.counted = not person.counted

    def add_fault(self, words):
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(words)


class Sequences:
    """The sequences of one coupon that users received, a byte each."""

    def __init__(self, quantity):
        self.quantity = quantity
        self.seen = bytearray()
        self.count = 0

    def add(self, sequence):
        """Records a sequence; returns the fault, or None."""
        if not 1 <= sequence <= self.quantity:
            return f"number {sequence} of {self.quantity:,} was answered"
        if sequence > len(self.seen):
            self.seen.extend(bytes(max(sequence, 2 * len(self.seen)) - len(self.seen)))
        if self.seen[sequence - 1]:
            return f"number {sequence} was given to two users"
        self.seen[sequence - 1] = 1
        self.count += 1
        return None

    def first_gap(self, issued):
        """The first of 1 to `issued` that no user received, or None."""
        at = self.seen.find(0, 0, issued)
        at = len(self.seen) if at < 0 else at
        return at + 1 if at < issued else None


class Book:
    """The answers of all workers. `quantities`: {coupon: quantity} of the coupons that this run created for itself."""

    def __init__(self, quantities):
        self.told = {coupon: Sequences(quantity) for coupon, quantity in quantities.items()}
        self.outcomes = collections.Counter()
        self.seconds = collections.Counter()
        self.unsettled = {}
        self.redeemed = collections.Counter()
        self.unsure = {}
        self.faults = []
        self.fault_count = 0

    def add(self, worker, report):
        self.outcomes.update(report["outcomes"])
        self.redeemed.update(report["redeemed"])
        self.unsure[worker] = report["unsure"]
        self.seconds.update({int(second): count for second, count in report["seconds"].items()})
        self.unsettled[worker] = report["unsettled"]
        for words in report["faults"]:
            self._add_fault(words)
        self.fault_count += report["fault_count"] - len(report["faults"])
        for coupon, sequences in report["told"].items():
            for sequence in sequences:
                self.tell(coupon, sequence)

    def tell(self, coupon, sequence):
        """Records that a user received this sequence."""
        fault = self.told[coupon].add(sequence) if coupon in self.told else "this run did not create the coupon"
        if fault:
            self._add_fault(f"{coupon}: {fault}")

    def _add_fault(self, words):
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(words)

    def without_answer(self):
        """(coupon, user) of all requests without a final answer. The caller looks them up, records the result, and
        forgets them."""
        return [tuple(one) for some in self.unsettled.values() for one in some]

    def misredeemed(self, coupon, policy):
        """How far the number of redemptions of a coupon is from the one that users saw."""
        unsure = sum(counts.get(coupon, 0) for counts in self.unsure.values())
        return max(0, abs(policy["redeemed"] - self.redeemed[coupon]) - unsure)

    def is_behind(self, coupons):
        """Whether a coupon's page shows fewer issues than users received, or other redemptions: it is outdated, or
        wrong."""
        return any(coupons[coupon] and (coupons[coupon]["issued"] < told.count
                                        or self.misredeemed(coupon, coupons[coupon]))
                   for coupon, told in self.told.items())

    def judge(self, coupons, victims=()):
        """Every broken promise, as text. `coupons`: {coupon: the API's state of it} after the run. `victims`: users
        who hold an issue that somebody else has asked for."""
        broken = [*self.faults, *(f"somebody acted as {user}" for user in list(victims)[:FAULTS_MAX])]
        if self.fault_count > len(self.faults):
            broken.append(f"and {self.fault_count - len(self.faults):,} more")
        for coupon, told in self.told.items():
            policy = coupons.get(coupon)
            broken += [f"{coupon}: {words}" for words in judge_coupon(told, policy)]
            if policy and self.misredeemed(coupon, policy):
                seen = self.redeemed[coupon]
                broken.append(f"{coupon}: {policy['redeemed']:,} are redeemed, but users redeemed {seen:,}")
        return broken


def judge_coupon(told, policy):
    if policy is None:
        return ["cannot be read"]
    issued, quantity = policy["issued"], policy["quantity"]
    broken = []
    if issued > quantity:
        broken.append(f"{issued:,} issued of {quantity:,}")
    if issued + policy["remaining"] != quantity:
        broken.append(f"{issued:,} issued and {policy['remaining']:,} remaining do not sum up to {quantity:,}")
    if issued != told.count:
        broken.append(f"{issued:,} issued, but {told.count:,} users received one")
    gap = told.first_gap(issued)
    if gap is not None:
        broken.append(f"no user received number {gap:,} of {issued:,}")
    return broken


def summary(book, coupons, broken):
    """A run in figures, for a file."""
    return {
        "kept": not broken,
        "broken": broken,
        "coupons": len(book.told),
        "quantity": sum(told.quantity for told in book.told.values()),
        "issued": sum(policy["issued"] for policy in coupons.values() if policy),
        "redeemed": sum(policy["redeemed"] for policy in coupons.values() if policy),
        "told": sum(told.count for told in book.told.values()),
        "outcomes": dict(book.outcomes),
        "seconds": {str(second): count for second, count in sorted(book.seconds.items())},
    }
