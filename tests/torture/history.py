"""The record of a run: every request that clients sent, with its times and its answer, and the contents of the journal
and the store.

Pure values. Times are seconds of one monotonic clock; the issuer's times are texts (RFC 3339 with a fixed length, which
sorts).
"""

import collections
import gzip
import json

# One request as its client saw it. `kind` is post, put, lookup, redeem, undo or revoke (of issues), or create, change,
# get or sweep (of coupons). `wanted` holds the requested fields of those that change something that exists, and of a
# create. `answered` is None if no answer was read; `body` is the parsed answer, or None.
Op = collections.namedtuple("Op", "kind coupon user sent answered status body wanted", defaults=(None,))

# One record of the journal, in the journal's order. Issues have user, sequence and nth; policies have none of these,
# but a dict `policy`. Redemptions, revocations and sweeps have a dict `change`, with its `type`; those of one issue
# have its sequence, and a user unless a sweep made them.
Event = collections.namedtuple("Event", "coupon seq time user sequence nth policy change", defaults=(None,))

# One row of coupon_issue, with the state that coupon_issue_state has, and the reference of a redeemed one.
Row = collections.namedtuple("Row", "coupon sequence user nth issued_at seq state reference",
                             defaults=("issued", None))

CHANGE = ("type", "reference", "reason", "restock", "again", "until")  # members of a change of issues

FINAL, NOTHING, UNKNOWN = "final", "nothing", "unknown"
NOTHING_DECIDED = ("issuer_unavailable", "overloaded")


def code_of(op):
    return (op.body or {}).get("code") if op.status is None or op.status >= 300 else None


def outcome(op):
    """Whether the answer is final, states that nothing was decided, or leaves the outcome unknown."""
    if op.answered is None or op.status is None:
        return UNKNOWN
    if op.status == 503:
        return NOTHING if code_of(op) in NOTHING_DECIDED else UNKNOWN
    return FINAL if op.status < 500 else UNKNOWN


def issue_of(op):
    """(sequence, issued_at) of the issue in an answer, or None."""
    body = op.body or {}
    issue = body.get("issue", body)
    return (issue["sequence"], issue["issued_at"]) if "sequence" in issue else None


def event_of_line(line):
    """The event of a line of `coupond journal dump --json`."""
    record = json.loads(line)
    if record["type"] == "issue":
        return Event(record["coupon_id"], record["journal_seq"], record["time"], record["user_id"], record["sequence"],
                     record["nth"], None)
    if record["type"] != "coupon":
        return Event(record["coupon_id"], record["journal_seq"], record["time"], record.get("user_id"),
                     record.get("sequence"), None, None, {name: record[name] for name in CHANGE if name in record})
    policy = {name: record[name] for name in ("title", "quantity", "per_user_limit", "paused", "starts_at", "ends_at")}
    return Event(record["coupon_id"], record["journal_seq"], record["time"], None, None, None, policy)


def save(path, ops):
    with gzip.open(path, "wt", compresslevel=1) as file:
        for op in ops:
            file.write(json.dumps(op) + "\n")


def load(path):
    with gzip.open(path, "rt") as file:
        return [Op(*json.loads(line)) for line in file]
