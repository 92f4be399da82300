"""The checker itself: a correct history passes, and for each rule there is a history that breaks only that rule."""

import datetime

import pytest

from checker import check
from clock import IssuerClock
from history import Event, Op, Row

POLICY = {"title": "t0", "quantity": 2, "per_user_limit": 1, "paused": False, "starts_at": None, "ends_at": None}
SHOWN = {**POLICY, "redeemed": 0, "returned": 0}


def time(second):
    return f"2030-01-01T00:00:{second:02}.000000Z"


def created(**more):
    return Event("C", 1, time(1), None, None, None, {**POLICY, **more})


def issued(seq, user, sequence, nth=1, at=None):
    return Event("C", seq, at or time(seq), user, sequence, nth, None)


def create_op(**more):
    policy = {**POLICY, **more}
    wanted = {name: value for name, value in policy.items() if name != "paused"}
    return Op("create", "C", None, 0.0, 0.5, 201, {**policy, "issued": 0, "updated_at": time(1)}, wanted)


def post(user, sent, answered, sequence, seq, kind="post"):
    return Op(kind, "C", user, sent, answered, 201, {"user_id": user, "sequence": sequence, "issued_at": time(seq)})


def answer(kind, user, sent, answered, status, **body):
    return Op(kind, "C", user, sent, answered, status, body or None)


def issue(sequence, seq, state="issued", nth=1, **more):
    return {"sequence": sequence, "issued_at": time(seq), "state": state, "nth": nth, **more}


def refusal(user, sent, answered, code, status=409):
    return answer("post", user, sent, answered, status, code=code)


def holder(user, sent, answered, sequence, seq):
    return answer("post", user, sent, answered, 409, code="already_issued",
                  issue=issue(sequence, seq))


def rows_of(events):
    return [Row(event.coupon, event.sequence, event.user, event.nth, event.time, event.seq)
            for event in events if event.nth]


def stored(events):
    policies = [event.policy for event in events if event.policy]
    return {"C": {**policies[-1], "issued": sum(event.nth is not None for event in events),
                  "redeemed": 0, "returned": 0}}


def findings(ops, events, rows=None, coupons=None, **more):
    return check(ops, events, rows_of(events) if rows is None else rows, stored(events) if coupons is None else coupons,
                 **more)


EVENTS = [created(), issued(2, "ann", 1), issued(3, "ben", 2)]
OPS = [create_op(), post("ann", 1, 2, 1, 2), post("ben", 3, 4, 2, 3)]


def broken(rule, ops, events=None, **more):
    """Asserts that there is exactly one finding, and that it names that rule."""
    found = findings(ops, EVENTS if events is None else events, **more)
    assert len(found) == 1 and rule in found[0], found


def test_a_correct_history_passes():
    reads = [refusal("cid", 5, 6, "sold_out"), holder("ann", 5, 6, 1, 2),
             answer("lookup", "cid", 5, 6, 404, code="not_issued"),
             answer("lookup", "ben", 5, 6, 200, **issue(2, 3)),
             answer("put", "ben", 5, 6, 200, **issue(2, 3)),
             answer("get", None, 2.5, 2.7, 200, **SHOWN, issued=1, remaining=1, state="open"),
             answer("post", "zoe", 0.0, 0.1, 404, code="coupon_not_found"), refusal("dan", 1, 2, "overloaded", 503)]
    assert findings([*OPS, *reads], EVENTS) == []


@pytest.mark.parametrize("events", [
    pytest.param([created(), issued(2, "ann", 1), issued(3, "ben", 3)], id="a gap"),
    pytest.param([created(quantity=1), issued(2, "ann", 1), issued(3, "ben", 2)], id="above the quantity"),
    pytest.param([created(paused=True), issued(2, "ann", 1)], id="while paused"),
    pytest.param([created(), issued(2, "ann", 1, nth=2)], id="a gap in the user's numbers"),
    pytest.param([created(), issued(3, "ann", 1), issued(4, "ben", 2, at=time(2))], id="time backwards"),
])
def test_an_illegal_log_is_found(events):
    policy = events[0].policy
    ops = [create_op(**policy), *(Op("post", "C", event.user, 1, None, None, None) for event in events[1:])]
    ops[0] = ops[0]._replace(wanted=dict(policy))
    broken("log:", ops, events)


@pytest.mark.parametrize("window", [pytest.param({"ends_at": time(2)}, id="after its end"),
                                    pytest.param({"starts_at": time(3)}, id="before its start")])
def test_an_issue_outside_of_the_window_is_found(window):
    broken("clock:", [create_op(**window), post("ann", 1, 2, 1, 2)], [created(**window), issued(2, "ann", 1)])


def test_a_user_above_the_limit_is_found():
    events = [created(), issued(2, "ann", 1), issued(3, "ann", 2, nth=2)]
    broken("log:", [create_op(), post("ann", 1, 2, 1, 2), post("ann", 3, 4, 2, 3)], events)


def test_an_issue_before_the_coupon_is_found():
    events = [issued(1, "ann", 1), created()._replace(seq=2)]
    assert any("before the coupon was created" in text
               for text in findings([create_op(), post("ann", 1, 2, 1, 1)], events))


def test_a_change_that_no_client_requested_is_found():
    change = Op("change", "C", None, 5, 6, 200, {"issued": 2, "updated_at": time(4)}, {"title": "t1", "quantity": 5})
    made = Event("C", 4, time(4), None, None, None, {**POLICY, "title": "t1", "quantity": 6})
    broken("log:", [*OPS, change], [*EVENTS, made])


def test_a_quantity_below_the_number_issued_is_found():
    change = Op("change", "C", None, 5, 6, 200, {"issued": 2, "updated_at": time(4)}, {"title": "t1", "quantity": 1})
    made = Event("C", 4, time(4), None, None, None, {**POLICY, "title": "t1", "quantity": 1})
    broken("log:", [*OPS, change], [*EVENTS, made])


def test_a_lost_issue_is_found():
    broken("recorded:", [*OPS, post("cid", 5, 6, 3, 4)])


def test_a_sequence_answered_to_another_user_is_found():
    assert any("recorded:" in text
               for text in findings([create_op(), post("ann", 1, 2, 1, 2), post("cid", 3, 4, 2, 3)], EVENTS))


def test_an_issue_answered_twice_with_201_is_found():
    broken("recorded:", [*OPS, post("ann", 1.5, 2.5, 1, 2)])


def test_an_answer_with_another_time_of_issue_is_found():
    assert any("recorded:" in text for text in findings([*OPS[:2], post("ben", 3, 4, 2, 9)], EVENTS))


def test_a_lost_coupon_is_found():
    lost = create_op(title="t9")
    broken("recorded:", [*OPS, lost])


def test_a_lost_change_is_found():
    change = Op("change", "C", None, 5, 6, 200, {"issued": 2, "updated_at": time(4)}, {"title": "t1"})
    broken("recorded:", [*OPS, change])


def test_a_put_that_issues_another_one_to_a_holder_is_found():
    events = [created(per_user_limit=2), issued(2, "ann", 1), issued(3, "ann", 2, nth=2)]
    ops = [create_op(per_user_limit=2), post("ann", 1, 2, 1, 2), post("ann", 3, 4, 2, 3, kind="put")]
    broken("recorded:", ops, events)


def test_an_issue_that_no_client_requested_is_found():
    broken("explained:", OPS[:2])


def test_an_issue_to_a_client_that_was_answered_nothing_decided_is_found():
    broken("explained:", [*OPS[:2], refusal("ben", 3, 4, "issuer_unavailable", 503)])


def test_an_issue_with_a_lost_answer_is_explained():
    assert findings([*OPS[:2], Op("post", "C", "ben", 3, None, None, None)], EVENTS) == []
    assert findings([*OPS[:2], refusal("ben", 3, 4, "outcome_unknown", 503)], EVENTS) == []


def test_a_refused_change_that_took_effect_is_found():
    change = Op("change", "C", None, 5, 6, 400, {"code": "invalid_request"}, {"title": "t1", "quantity": 1})
    made = Event("C", 4, time(4), None, None, None, {**POLICY, "title": "t1", "quantity": 1})
    assert any("explained:" in text for text in findings([*OPS, change], [*EVENTS, made]))


def test_a_request_answered_before_another_was_sent_comes_first():
    broken("real time:", [create_op(), post("ann", 3, 4, 1, 2), post("ben", 1, 2, 2, 3)])


def test_a_lost_answer_cannot_precede_its_request():
    broken("real time:", [create_op(), Op("post", "C", "ann", 5, None, None, None), post("ben", 1, 2, 2, 3)])


def test_an_issue_after_outcome_unknown_is_found():
    unknown = refusal("ben", 3, 4, "outcome_unknown", 503)
    look = answer("lookup", "ben", 5, 6, 404, code="not_issued")
    broken("answers:", [*OPS[:2], unknown, look])
    assert findings([*OPS[:2], unknown, look._replace(sent=3.5)], EVENTS) == []
    assert findings([*OPS[:2], unknown, refusal("ben", 7, 8, "outcome_unknown", 503), look], EVENTS) == []
    assert findings([*OPS[:2], unknown._replace(answered=None, status=None), look], EVENTS) == []


def test_a_change_after_outcome_unknown_is_found():
    change = Op("change", "C", None, 5, 6, 503, {"code": "outcome_unknown"}, {"title": "t1", "paused": True})
    made = Event("C", 4, time(4), None, None, None, {**POLICY, "title": "t1", "paused": True})
    look = answer("get", None, 7, 8, 200, **SHOWN, issued=2, remaining=0, state="sold_out")
    broken("answers:", [*OPS, change, look], [*EVENTS, made])
    assert findings([*OPS, change, look._replace(sent=5.5)], [*EVENTS, made]) == []


@pytest.mark.parametrize("op", [
    pytest.param(refusal("cid", 2.2, 2.8, "sold_out"), id="sold out too early"),
    pytest.param(refusal("ann", 5, 6, "sold_out"), id="sold out to a holder"),
    pytest.param(refusal("cid", 5, 6, "paused"), id="paused, but it never was"),
    pytest.param(refusal("cid", 5, 6, "ended", 410), id="ended, but it never was"),
    pytest.param(refusal("cid", 5, 6, "not_started"), id="not started, but it always was"),
    pytest.param(holder("ann", 5, 6, 2, 3), id="another user's sequence"),
    pytest.param(holder("ben", 1, 2.5, 2, 3), id="an issue answered before it was requested"),
    pytest.param(answer("lookup", "ann", 5, 6, 404, code="not_issued"), id="an existing issue not found"),
    pytest.param(answer("lookup", "ann", 5, 6, 200, **issue(2, 3)), id="another user's issue"),
    pytest.param(answer("put", "ann", 5, 6, 200, **issue(1, 9)), id="another time of issue"),
    pytest.param(answer("get", None, 5, 6, 200, **SHOWN, issued=1, remaining=1, state="open"),
                 id="an outdated count"),
    pytest.param(answer("get", None, 5, 6, 200, **SHOWN, issued=2, remaining=0, state="open"),
                 id="a state that it never had"),
    pytest.param(answer("post", "cid", 5, 6, 404, code="coupon_not_found"), id="an existing coupon not found"),
    pytest.param(Op("create", "C", None, 0, 0.1, 409, {"code": "something"}, {"title": "x"}),
                 id="an unknown code"),
    pytest.param(answer("post", "cid", 5, 6, 500, code="internal_error"), id="an internal error"),
])
def test_an_answer_that_fits_no_moment_is_found(op):
    broken("answers:", [*OPS, op])


def test_a_refusal_to_a_holder_below_the_limit_is_found():
    events = [created(per_user_limit=2), issued(2, "ann", 1)]
    ops = [create_op(per_user_limit=2), post("ann", 1, 2, 1, 2)]
    broken("answers:", [*ops, holder("ann", 3, 4, 1, 2)], events)


def test_reads_never_go_back_in_time():
    first = answer("get", None, 2.1, 2.5, 200, **SHOWN, issued=2, remaining=0, state="sold_out")
    second = answer("get", None, 2.6, 9, 200, **SHOWN, issued=1, remaining=1, state="open")
    ops = [create_op(), post("ann", 1, 2, 1, 2), post("ben", 1, 9, 2, 3)]
    assert findings([*ops, first], EVENTS) == findings([*ops, second], EVENTS) == []
    broken("answers:", [*ops, first, second])


def test_a_missing_or_different_row_of_the_store_is_found():
    rows = rows_of(EVENTS)
    broken("store:", OPS, rows=rows[:1])
    broken("store:", OPS, rows=[rows[0], rows[1]._replace(user="cid")])
    broken("store:", OPS, rows=[*rows, rows[1]._replace(sequence=3)])
    broken("twice", OPS, rows=[*rows, rows[1]])


def test_a_different_coupon_in_the_store_is_found():
    broken("store:", OPS, coupons={"C": {**SHOWN, "issued": 1}})
    broken("store:", OPS, coupons={"C": {**SHOWN, "issued": 2, "quantity": 3}})
    broken("store:", OPS, coupons={})


def test_an_issue_to_a_peer_without_the_secret_is_found():
    events = [*EVENTS, issued(4, "stranger-7", 3)]
    policy = {"quantity": 3}
    events[0] = created(**policy)
    found = findings([create_op(**policy), *OPS[1:]], events)
    # not requested by any client; in the journal and in the store
    assert [text.split(":")[0] for text in found] == ["C", "strangers", "strangers"], found


def test_a_coupon_of_a_peer_without_the_secret_is_found():
    made = created()._replace(coupon="stranger-7")
    asked = create_op()._replace(coupon="stranger-7")  # even if a client requested it
    found = check([asked], [made], [], {"stranger-7": {**SHOWN, "issued": 0}})
    assert [text.split(":")[0] for text in found] == ["strangers", "strangers"], found


# Requests that were delayed on a link: the gateway gave up on them, and they arrive at the issuer much later.


def given_up(user, sent, answered):
    return refusal(user, sent, answered, "outcome_unknown", 503)


def test_a_delayed_request_that_is_refused_as_late_has_no_effect():
    ops = [create_op(), given_up("ann", 1, 2), post("ben", 3, 4, 1, 2),
           answer("lookup", "ann", 5, 6, 404, code="not_issued")]
    assert findings(ops, [created(), issued(2, "ben", 1)]) == []


def test_a_delayed_request_that_takes_effect_after_others_is_found():
    """It took effect after ben's request, which was sent after the gateway had given up on it."""
    broken("real time:", [create_op(), given_up("ann", 1, 2), post("ben", 3, 4, 1, 2)],
           [created(), issued(2, "ben", 1), issued(3, "ann", 2)])


def test_a_delayed_request_that_takes_effect_is_found_by_its_time_alone():
    """There was no other request meanwhile, but the record's time is after the gateway had given up."""
    ops, events = [create_op(), given_up("ann", 1, 2)], [created(), issued(2, "ann", 1, at=time(5))]
    broken("clock:", ops, events, clock=clock())
    assert findings(ops, [events[0], events[1]._replace(time=time(2))], clock=clock()) == []


def test_a_delayed_change_that_takes_effect_is_found():
    change = Op("change", "C", None, 5, 6, 503, {"code": "outcome_unknown"}, {"title": "t1", "quantity": 9})
    made = Event("C", 4, time(9), None, None, None, {**POLICY, "title": "t1", "quantity": 9})
    broken("clock:", [*OPS, change], [*EVENTS, made], clock=clock())
    assert findings([*OPS, change], [*EVENTS, made._replace(time=time(6))], clock=clock()) == []


# The clock: the monotonic clock shows 0 at time(0), and a step must last for 10 s.


HOUR = 3600
WALL = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc).timestamp()


def clock(*steps, starts=()):
    """A clock with steps (second, offset from the harness's clock in seconds)."""
    made = IssuerClock(WALL, settle=10)
    for second, offset in steps:
        made.stepped(second, second, offset)
    for second in starts:
        made.started(second)
    return made


def hour_ahead(second):
    return time(second).replace("T00:", "T01:")


def spans(ranges):
    return [tuple(datetime.datetime.fromisoformat(end.replace("Z", "+00:00")).timestamp() - WALL for end in span)
            for span in ranges]


def test_a_step_may_be_accepted_after_it_has_lasted():
    stepped = clock((20, HOUR))
    assert spans(stepped.ranges(25, 26)) == [(24.5, 26.5)]
    assert spans(stepped.ranges(31, 31)) == [(30.5, 31.5), (HOUR + 30.5, HOUR + 31.5)]
    assert spans(stepped.ranges(40, 41)) == [(HOUR + 39.5, HOUR + 41.5)]


def test_a_step_that_is_undone_is_accepted_only_by_a_process_that_starts():
    assert spans(clock((20, HOUR), (25, 0)).ranges(15, 30)) == [(14.5, 30.5)]
    assert spans(clock((20, HOUR), (25, 0), starts=(22,)).ranges(24, 25)) == [(HOUR + 23.5, HOUR + 25.5)]
    assert spans(clock((20, HOUR), (25, 0), starts=(22, 26)).ranges(28, 29)) == [(27.5, 29.5)]


def test_a_record_with_a_time_that_must_be_ignored_is_found():
    events = [*EVENTS[:2], EVENTS[2]._replace(time=hour_ahead(3))]
    ops = [*OPS[:2], OPS[2]._replace(body={**OPS[2].body, "issued_at": hour_ahead(3)})]
    assert findings(ops, events, clock=clock((2.5, HOUR), starts=(2.6,))) == []
    broken("clock:", ops, events, clock=clock((2.5, HOUR), (4, 0)))
    broken("clock:", ops, events, clock=clock())


def wrong_hour(second, **policy):
    """Ann's issue is made in a wrong hour and Ben's in the correct one; Ben's issue has the time of Ann's."""
    events = [created(**policy), issued(2, "ann", 1, at=hour_ahead(2)), issued(3, "ben", 2, at=hour_ahead(second))]
    ops = [create_op(**policy),
           *(Op("post", "C", user, sent, sent + 0.5, 201, {"sequence": number, "issued_at": at}) for
             user, sent, number, at in (("ann", 2, 1, hour_ahead(2)), ("ben", 5, 2, hour_ahead(second))))]
    return ops, events


def test_an_issue_has_the_time_of_the_one_before_it_if_that_is_later():
    right_again = clock((1.5, HOUR), (4, 0), starts=(1.6, 4.1))
    assert findings(*wrong_hour(2), clock=right_again) == []
    broken("clock:", *wrong_hour(5), clock=right_again)
    broken("clock:", *wrong_hour(2), clock=clock((1.5, HOUR), starts=(1.6,)))


def test_a_window_follows_the_clock_and_not_the_time_of_an_issue():
    right_again = clock((1.5, HOUR), (4, 0), starts=(1.6, 4.1))
    assert findings(*wrong_hour(2, ends_at=hour_ahead(30)), clock=right_again) == []
    broken("clock:", *wrong_hour(2, starts_at=hour_ahead(1)), clock=right_again)


DAY = 24 * HOUR


def test_an_issue_by_a_clock_that_was_a_day_ahead_for_seconds_is_found():
    """The coupon starts in two hours. The step does not last, and the issue has the time of the one before it, so that
    only the window reveals it."""
    tomorrow = time(2).replace("01-01T", "01-02T")
    policy = {"starts_at": time(0).replace("T00:", "T02:")}
    events = [created(**policy), issued(2, "ann", 1, at=tomorrow), issued(3, "ben", 2, at=tomorrow)]
    ops = [create_op(**policy),
           *(Op("post", "C", user, sent, sent + 0.5, 201, {"sequence": number, "issued_at": tomorrow})
             for user, sent, number in (("ann", 2, 1), ("ben", 22, 2)))]
    corrected = clock((1.5, DAY), (4, 0), starts=(1.6, 4.1))
    broken("clock:", ops, events, clock=corrected)
    stepped = clock((1.5, DAY), (4, 0), (21, DAY), (24, 0), starts=(1.6, 4.1))
    broken("clock:", ops, events, clock=stepped)
    accepted = clock((1.5, DAY), starts=(1.6,))
    assert findings([*ops[:2], ops[2]._replace(body={"sequence": 2, "issued_at": tomorrow.replace(":02.", ":22.")})],
                    [*events[:2], events[2]._replace(time=tomorrow.replace(":02.", ":22."))], clock=accepted) == []


def test_an_issue_with_the_time_of_a_step_that_did_not_last_is_found():
    tomorrow = time(3).replace("01-01T", "01-02T")
    events = [*EVENTS[:2], EVENTS[2]._replace(time=tomorrow)]
    ops = [*OPS[:2], OPS[2]._replace(body={**OPS[2].body, "issued_at": tomorrow})]
    broken("clock:", ops, events, clock=clock((2.5, DAY), (5, 0)))


def test_a_refusal_by_a_wrong_clock_is_found():
    policy = {"ends_at": hour_ahead(0)}
    ops, events = [create_op(**policy), post("ann", 1, 2, 1, 2)], [created(**policy), issued(2, "ann", 1)]
    refused = refusal("ben", 25, 26, "ended", 410)
    assert findings([*ops, refused], events, clock=clock((10, HOUR))) == []
    broken("answers:", [*ops, refused], events, clock=clock((20, HOUR), (28, 0)))
    broken("answers:", [*ops, refusal("ben", 25, 26, "not_started")], events, clock=clock())
