"""The users of the crowd, and the meaning of each answer: pure, without Locust and without a clock.

An answer has an outcome (issued, again, already_issued, sold_out, not_started, paused, ended, not_issued, policy,
redeemed, redeemed_again, already_redeemed, undone, wallet, forbidden, wait, or failed). The request (Ask) defines which
outcomes are allowed; the Person detects contradictions to earlier answers.
"""

import collections

# Status and code of the API's problems.
PROBLEMS = {
    (409, "already_issued"): "already_issued",
    (409, "sold_out"): "sold_out",
    (409, "not_started"): "not_started",
    (409, "paused"): "paused",
    (410, "ended"): "ended",
    (404, "not_issued"): "not_issued",
    (403, "forbidden"): "forbidden",
    (409, "already_redeemed"): "already_redeemed",
}
# The outcomes of other requests than for an issue, by kind and status.
SUCCESSES = {
    ("page", 200): "policy",
    ("redeem", 201): "redeemed",
    ("redeem", 200): "redeemed_again",
    ("undo", 200): "undone",
    ("wallet", 200): "wallet",
    ("issue", 200): "again",
}
HOLDING = ("issued", "again", "already_issued")  # outcomes that contain an issue
WAIT_SECONDS = 1  # before a retry, if the answer does not contain a time
SHOWN_BYTES = 200

Answer = collections.namedtuple("Answer", "status body retry_after error", defaults=(None, None, None))
Heard = collections.namedtuple("Heard", "outcome body wait complaint", defaults=(None, WAIT_SECONDS, None))


class Person:
    """One user of one coupon, and the answers that the user has received."""

    __slots__ = ("coupon", "user", "sequence", "issued_at", "reference", "receipts", "noted", "counted")

    def __init__(self, coupon, user):
        self.coupon, self.user = coupon, user
        self.sequence = self.issued_at = None
        self.reference = None  # of the redemption, if the issue is redeemed
        self.receipts = 0  # 201s read
        self.noted = self.counted = False  # the sequence, and the redemption, are in the worker's tally

    def hear(self, outcome, sequence, knew):
        """Records an answer; returns the violation, or None. `knew`: the user held an issue before the request."""
        if outcome in HOLDING:
            return self._hear_of_issue(outcome, sequence)
        if knew and outcome in ("sold_out", "not_issued", "not_started", "paused", "ended"):
            return f"{self.user} holds {self.coupon} number {self.sequence}, but got {outcome}"
        return None

    def _hear_of_issue(self, outcome, sequence):
        before, self.sequence = self.sequence, sequence
        self.receipts += outcome == "issued"
        if before not in (None, sequence):
            return f"{self.user} got {self.coupon} number {before}, now number {sequence}"
        if self.receipts > 1:
            return f"{self.user} got {self.coupon} twice"
        return None

    def hear_of_redemption(self, outcome, reference):
        """Records the answer to a redemption or an undo with this reference; returns the violation, or None."""
        before = self.reference
        if before is not None and (outcome == "redeemed" or (outcome == "redeemed_again" and before != reference)):
            return f"{self.user} redeemed {self.coupon} for {before} and for {reference}"
        if outcome == "already_redeemed" and before is None:
            return f"{self.user} cannot redeem {self.coupon}, which is not redeemed"
        if outcome != "already_redeemed":
            self.reference = None if outcome == "undone" else reference
        return None

    def hear_of_wallet(self, wallet):
        """Returns the fault of the user's list of issues, or None. It must have what was issued before `as_of`."""
        issues, as_of = wallet.get("issues"), wallet.get("as_of")
        if not isinstance(issues, list):
            return "no list of issues"
        listed = [(issue.get("coupon_id"), issue.get("sequence")) for issue in issues]
        if (self.coupon, self.sequence) in listed or not as_of or not self.issued_at or self.issued_at >= as_of:
            return None
        return f"{self.user} holds {self.coupon} number {self.sequence}, which is not listed as of {as_of}"


class Ask(collections.namedtuple("Ask", "method path body name person expected kind reference",
                                 defaults=("issue", None))):
    """A request, its user (None: a public page), and the allowed outcomes. Kinds: issue, page, wallet, redeem, undo,
    intrude."""

    __slots__ = ()


def post(person, expected):
    return Ask("POST", f"/v1/coupons/{person.coupon}/issues", f'{{"user_id":"{person.user}"}}',
               "/v1/coupons/{id}/issues", person, expected)


def put(person, expected):
    return Ask("PUT", path_of(person), None, "/v1/coupons/{id}/issues/{user}", person, expected)


def get(person, expected):
    return Ask("GET", path_of(person), None, "/v1/coupons/{id}/issues/{user}", person, expected)


def post_self(person, expected):
    """Without a user_id: the token says who asks."""
    return Ask("POST", f"/v1/coupons/{person.coupon}/issues", None, "/v1/coupons/{id}/issues", person, expected)


VICTIM = ".victim"  # the end of ids that no token has: whoever holds an issue by such a name was acted for


def intrude(person, way):
    """The person tries to act as somebody else, in one of five ways."""
    path = f"/v1/coupons/{person.coupon}/issues"
    victim = f"{person.user}{VICTIM}"
    method, target, body = (
        ("POST", path, f'{{"user_id":"{victim}"}}'), ("PUT", f"{path}/{victim}", None),
        ("GET", f"{path}/{victim}", None), ("PUT", f"{path}/{victim}/redemption", '{"reference":"theft"}'),
        ("GET", f"/v1/users/{victim}/issues", None))[way % 5]
    return Ask(method, target, body, "as somebody else", person, ("forbidden",), "intrude")


def path_of(person):
    return f"/v1/coupons/{person.coupon}/issues/{person.user}"


def page(coupon):
    return Ask("GET", f"/v1/coupons/{coupon}", None, "/v1/coupons/{id}", None, ("policy",), "page")


def wallet(person):
    return Ask("GET", f"/v1/users/{person.user}/issues", None, "/v1/users/{user}/issues", person, ("wallet",), "wallet")


def redeem(person, reference, expected=("redeemed", "redeemed_again")):
    return Ask("PUT", f"{path_of(person)}/redemption", f'{{"reference":"{reference}"}}',
               "/v1/coupons/{id}/issues/{user}/redemption", person, expected, "redeem", reference)


def undo(person):
    return Ask("DELETE", f"{path_of(person)}/redemption?reference={person.reference}", None,
               "/v1/coupons/{id}/issues/{user}/redemption", person, ("undone",), "undo", person.reference)


# checking


def shown(answer):
    """An excerpt of an answer, for messages."""
    if answer.status == 0:
        return f"no answer: {answer.error}"
    code = answer.body.get("code") if isinstance(answer.body, dict) else None
    return f"{answer.status} {code or repr(answer.body)[:SHOWN_BYTES]}"


def wait_of(answer):
    """The seconds of Retry-After, or None if it is missing or not a number."""
    text = (answer.retry_after or "").strip()
    return int(text) if text.isdigit() else None


def outcome_of(ask, answer):
    """The outcome, or None if the API has no such answer to this request."""
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status == 503:
        return "wait" if wait_of(answer) is not None else None
    if ask.kind == "issue" and answer.status == 201:
        return "issued" if ask.method in ("POST", "PUT") else None
    if answer.status < 400:
        return SUCCESSES.get((ask.kind, answer.status))
    return PROBLEMS.get((answer.status, body.get("code")))


def issue_of(outcome, body):
    return body.get("issue") if outcome in ("already_issued", "already_redeemed") else body


def issue_fault(ask, issue):
    """The fault of the issue in an answer, or None."""
    if not isinstance(issue, dict) or not isinstance(issue.get("sequence"), int) or issue["sequence"] < 1:
        return "no issue with a sequence in it"
    if (issue.get("coupon_id"), issue.get("user_id")) != (ask.person.coupon, ask.person.user):
        return (
            f"an issue of {issue.get('coupon_id')} to {issue.get('user_id')} for {ask.person.user}, who requested"
            f" {ask.person.coupon}"
        )
    return None


def failed(answer, words):
    """Without `wait`, a retry is useless."""
    passing = answer.status == 0 or answer.status >= 500
    return Heard("failed", answer.body, WAIT_SECONDS if passing else None, f"{words}: {shown(answer)}")


def judge(ask, answer, knew=False):
    """The evaluation of an answer. A `complaint` describes the fault: with the outcome "failed" an answer that the API
    does not have or that is not allowed here, with any other outcome a broken promise."""
    outcome = outcome_of(ask, answer)
    if outcome == "wait":
        return Heard("wait", answer.body, wait_of(answer))
    if outcome not in ask.expected:
        return failed(answer, "unexpected")
    complaint = complaint_about(ask, outcome, answer.body, knew)
    return Heard(outcome, answer.body, wait_of(answer) or WAIT_SECONDS, complaint)


def complaint_about(ask, outcome, body, knew):
    """The broken promise of an answer with an allowed outcome, or None."""
    if ask.kind in ("page", "intrude"):
        return None
    if ask.kind == "wallet":
        return ask.person.hear_of_wallet(body if isinstance(body, dict) else {})
    if ask.kind == "issue" and outcome not in HOLDING:
        return ask.person.hear(outcome, None, knew)
    issue = issue_of(outcome, body)
    fault = issue_fault(ask, issue)
    if fault:
        return fault
    if ask.kind == "issue":
        ask.person.issued_at = issue.get("issued_at")
        return ask.person.hear(outcome, issue["sequence"], knew)
    return state_fault(ask, issue, outcome) or ask.person.hear_of_redemption(outcome, ask.reference)


def state_fault(ask, issue, outcome):
    """The fault of the state that an issue has after a redemption or an undo, or None."""
    expected = {"undone": None, "already_redeemed": ask.person.reference}.get(outcome, ask.reference)
    shown_reference = (issue.get("redemption") or {}).get("reference")
    if shown_reference == expected or (outcome == "already_redeemed" and expected is None):
        return None
    return f"{ask.person.user}'s issue of {ask.person.coupon} is redeemed for {shown_reference}, not {expected}"
