"""What a user may do with the issues of one coupon without bounds of quantity and time, and whether a history of
requests is linearizable: whether they could have been decided one after the other, each between its beginning and its
end.

    history = [Step(request=("redeem", "r"), begun=1, ended=4, answer=(201, "redeemed", 1, "r")), …]
    is_linearizable(history, limit=3)

A request without an answer (answer=None) was decided between its beginning and its end, or never; `ended` is NEVER if
it may still be.
"""

import collections

NEVER = float("inf")
KEYS_MAX = 8  # issues whose keys are remembered
ANY = "any"  # the reference of a redemption that an answer leaves out
SWEPT = ("swept",)  # the answer of a revocation of all issues that has come to an issue

Step = collections.namedtuple("Step", "request begun ended answer")
Issue = collections.namedtuple("Issue", "state reference again key")  # "issued", "redeemed" or "revoked"


def apply(issues, request, limit):
    """(the user's issues afterwards, the answer): status, state or code, nth, reference of a redemption; of a wallet,
    state and reference of each issue."""
    kind, *arguments = request
    return OPERATIONS[kind](issues, limit, *arguments)


def _told(status, word, issues, nth, with_reference=True):
    issue = issues[nth - 1]
    reference = issue.reference if with_reference and issue.state == "redeemed" else None
    return status, word or issue.state, nth, reference


def _live(issues):
    """The number of the latest issue that is not revoked; 0: none."""
    return max((nth for nth, issue in enumerate(issues, 1) if issue.state != "revoked"), default=0)


def _may_have_more(issues, limit):
    return sum(not issue.again for issue in issues) < limit


def _issue(issues, key=None):
    after = (*issues, Issue("issued", None, False, key))
    return after, _told(201, None, after, len(after), False)


def _refuse(issues):
    live = _live(issues)
    return issues, _told(409, "already_issued" if live else "revoked", issues, live or len(issues), False)


def _post(issues, limit, key):
    for nth in range(len(issues), max(len(issues) - KEYS_MAX, 0), -1):
        if issues[nth - 1].key == key:
            return issues, _told(201, None, issues, nth, False)
    return _issue(issues, key) if _may_have_more(issues, limit) else _refuse(issues)


def _ensure(issues, limit, nth=None):
    shown = nth or _live(issues)
    if 0 < shown <= len(issues):
        return issues, _told(200, None, issues, shown, False)
    if not _may_have_more(issues, limit):
        return _refuse(issues)
    if nth is not None and nth > len(issues) + 1:
        return issues, (404, "not_issued", None, None)
    return _issue(issues)


def _look(issues, _limit, nth=None):
    return issues, _told(200, None, issues, nth or len(issues)) if issues else (404, "not_issued", None, None)


def _wallet(issues, _limit):
    return issues, tuple((issue.state, issue.reference) for issue in issues)


def _chosen(issues, nth):
    """The numbers that a change may be about, the latest first."""
    return [nth] if nth is not None else list(range(len(issues), 0, -1))


def _with(issues, nth, **members):
    return (*issues[:nth - 1], issues[nth - 1]._replace(**members), *issues[nth:])


def _redeem(issues, _limit, reference, nth=None):
    of = {number: issues[number - 1] for number in _chosen(issues, nth)}
    before = [number for number, issue in of.items() if issue.state == "redeemed" and issue.reference == reference]
    free = [number for number, issue in of.items() if issue.state == "issued"]
    taken = [number for number, issue in of.items() if issue.state == "redeemed"]
    if not of:
        return issues, (404, "not_issued", None, None)
    if before:
        return issues, _told(200, None, issues, before[0])
    if free:
        after = _with(issues, free[-1], state="redeemed", reference=reference)
        return after, _told(201, None, after, free[-1])
    return issues, _told(409, "already_redeemed" if taken else "revoked", issues, taken[0] if taken else max(of))


def _undo(issues, _limit, reference, nth=None):
    of = {number: issues[number - 1] for number in _chosen(issues, nth)}
    if not of:
        return issues, (404, "not_issued", None, None)
    for number, issue in of.items():
        if issue.state == "redeemed" and issue.reference == reference:
            after = _with(issues, number, state="issued", reference=None)
            return after, _told(200, None, after, number)
    for state, status, word in (("issued", 200, None), ("redeemed", 409, "reference_mismatch")):
        for number, issue in of.items():
            if issue.state == state:
                return issues, _told(status, word, issues, number)
    return issues, _told(200, None, issues, max(of))


def _revoke(issues, _limit, again, nth=None):
    of = _chosen(issues, nth)
    if not of:
        return issues, (404, "not_issued", None, None)
    if issues[of[0] - 1].state == "redeemed":
        return issues, _told(409, "already_redeemed", issues, of[0])
    if issues[of[0] - 1].state == "issued":
        issues = _with(issues, of[0], state="revoked", again=again)
    return issues, _told(200, None, issues, of[0])


def _sweep(issues, _limit, again, nth):
    """The revocation of all issues comes to this one, which exists."""
    if issues[nth - 1].state == "issued":
        issues = _with(issues, nth, state="revoked", again=again)
    return issues, SWEPT


OPERATIONS = {"post": _post, "ensure": _ensure, "look": _look, "wallet": _wallet, "redeem": _redeem, "undo": _undo,
              "revoke": _revoke, "sweep": _sweep}


# --- the search ---


def is_linearizable(history, limit):
    """Whether the steps of one user have an order that explains every answer (Wing and Gong 1993, with the states that
    were met remembered, as by Lowe 2017)."""
    steps = sorted(history, key=lambda step: step.begun)
    answered = sum(1 << i for i, step in enumerate(steps) if step.answer is not None)
    met = set()
    pending = [(0, (), 0)]
    while pending:
        done, issues, latest = pending.pop()
        if done & answered == answered:
            return True
        if (done, issues) in met:
            continue
        met.add((done, issues))
        pending += _next(steps, done, issues, latest, limit)
    return False


def fits(answer, told):
    """Whether a client may have been told so: an answer may leave out the reference."""
    return answer == told or (len(told) == 4 and told[3] == ANY and answer[:3] == told[:3] and answer[3] is not None)


def _next(steps, done, issues, latest, limit):
    """What may come next, the most likely last. `latest` is the latest beginning of those that are done."""
    open_ones = [(i, step) for i, step in enumerate(steps) if not done & 1 << i]
    until = min((step.ended for _, step in open_ones if step.answer is not None), default=NEVER)
    for i, step in reversed(open_ones):
        if step.begun > until or step.ended < latest:
            continue
        try:
            after, answer = apply(issues, step.request, limit)
        except IndexError:  # about an issue that is not there yet
            continue
        if fits(answer, step.answer) if step.answer is not None else (after != issues):
            yield done | 1 << i, after, max(latest, step.begun)
