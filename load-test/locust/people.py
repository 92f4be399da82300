"""The users of the crowd, and the meaning of each answer: pure, without Locust and without a clock.

An answer has an outcome (issued, again, already_issued, sold_out, not_started, paused, ended, not_issued, policy, wait,
or failed). The request (Ask) defines which outcomes are allowed; the Person detects contradictions to earlier
answers.
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
}
HOLDING = ("issued", "again", "already_issued")  # outcomes that contain an issue
WAIT_SECONDS = 1  # before a retry, if the answer does not contain a time
SHOWN_BYTES = 200

Answer = collections.namedtuple("Answer", "status body retry_after error", defaults=(None, None, None))
Heard = collections.namedtuple("Heard", "outcome body wait complaint", defaults=(None, WAIT_SECONDS, None))


class Person:
    """One user of one coupon, and the answers that the user has received."""

    __slots__ = ("coupon", "user", "sequence", "receipts", "noted")

    def __init__(self, coupon, user):
        self.coupon, self.user = coupon, user
        self.sequence = None
        self.receipts = 0  # 201s read
        self.noted = False  # the sequence is in the worker's tally

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


class Ask(collections.namedtuple("Ask", "method path body name person expected")):
    """A request, its user (None: a public page), and the allowed outcomes."""

    __slots__ = ()


def post(person, expected):
    return Ask("POST", f"/v1/coupons/{person.coupon}/issues", f'{{"user_id":"{person.user}"}}',
               "/v1/coupons/{id}/issues", person, expected)


def put(person, expected):
    return Ask("PUT", path_of(person), None, "/v1/coupons/{id}/issues/{user}", person, expected)


def get(person, expected):
    return Ask("GET", path_of(person), None, "/v1/coupons/{id}/issues/{user}", person, expected)


def path_of(person):
    return f"/v1/coupons/{person.coupon}/issues/{person.user}"


def page(coupon):
    return Ask("GET", f"/v1/coupons/{coupon}", None, "/v1/coupons/{id}", None, ("policy",))


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
    if answer.status == 201:
        return "issued" if ask.person and ask.method in ("POST", "PUT") else None
    if answer.status == 200:
        return "policy" if ask.person is None else "again"
    return PROBLEMS.get((answer.status, body.get("code")))


def issue_of(outcome, body):
    return body.get("issue") if outcome == "already_issued" else body


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
    complaint = None
    if outcome in HOLDING:
        issue = issue_of(outcome, answer.body)
        complaint = issue_fault(ask, issue) or ask.person.hear(outcome, issue["sequence"], knew)
    elif ask.person is not None:
        complaint = ask.person.hear(outcome, None, knew)
    return Heard(outcome, answer.body, wait_of(answer) or WAIT_SECONDS, complaint)
