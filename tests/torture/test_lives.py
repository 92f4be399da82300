"""The checker's rules about redemptions and revocations: a correct history passes, and for each rule there is one that
breaks it."""

import pytest

from history import Event, Op
from test_checker import (SHOWN, answer, broken, create_op, created, findings, holder, issue, issued, post, refusal,
                          rows_of, time)


def changed(seq, kind, sequence, user="ann", **more):
    return Event("C", seq, time(seq), user, sequence, None, None, {"type": kind, **more})


def redemption(seq, sequence, reference, user="ann"):
    return changed(seq, "redemption", sequence, user, reference=reference)


def undone(seq, sequence, reference):
    return changed(seq, "redemption_undone", sequence, reference=reference)


def revocation(seq, sequence, reason, user="ann", restock=True, again=True):
    return changed(seq, "revocation", sequence, user, reason=reason, restock=restock, again=again)


def ask(kind, sent, answered, status, body, user="ann", **wanted):
    return Op(kind, "C", user, sent, answered, status, body, wanted)


def redeem(reference, sent, answered, status=201, body=None, **more):
    shown = issue(1, 2, "redeemed", redemption={"reference": reference})
    return ask("redeem", sent, answered, status, body or shown, reference=reference, **more)


def undo(reference, sent, answered, status=200, body=None):
    return ask("undo", sent, answered, status, body or issue(1, 2), reference=reference)


def revoke(reason, sent, answered, status=200, body=None, restock=True, again=True):
    return ask("revoke", sent, answered, status, body or issue(1, 2, "revoked"), reason=reason, restock=restock,
               again=again)


def problem(code, **more):
    return {"code": code, **({"issue": issue(1, 2, **more)} if more else {})}


REDEEMED = {"state": "redeemed", "redemption": {"reference": "r1"}}
EVENTS = [created(), issued(2, "ann", 1), redemption(3, 1, "r1")]
OPS = [create_op(), post("ann", 1, 2, 1, 2), redeem("r1", 3, 4)]
ROWS = [row._replace(state="redeemed", reference="r1") for row in rows_of(EVENTS)]
COUPONS = {"C": {**SHOWN, "issued": 1, "redeemed": 1}}
GONE = [undone(4, 1, "r1"), revocation(5, 1, "v1")]
GOING = [undo("r1", 5, 6), revoke("v1", 7, 8)]
GONE_ROWS = [row._replace(state="revoked") for row in rows_of(EVENTS)]
GONE_COUPONS = {"C": {**SHOWN, "issued": 1, "returned": 1}}
REDEEMED_STORE = {"rows": ROWS, "coupons": COUPONS}
GONE_STORE = {"rows": GONE_ROWS, "coupons": GONE_COUPONS}


def found_in(ops, events):
    """The findings but those about the store."""
    return [text for text in findings(ops, events) if "store:" not in text]


def test_a_whole_life_passes():
    reads = [answer("lookup", "ann", 4.5, 4.8, 200, **issue(1, 2, **REDEEMED)),
             redeem("r2", 4.2, 4.4, 409, problem("already_redeemed", **REDEEMED)),
             redeem("r1", 4.5, 4.6, 200), undo("r9", 4.2, 4.4, 409, problem("reference_mismatch", **REDEEMED)),
             revoke("v9", 4.2, 4.4, 409, problem("already_redeemed", **REDEEMED)), undo("r1", 6.2, 6.4),
             redeem("r3", 9, 10, 409, problem("revoked", state="revoked")), revoke("v2", 9, 10),
             redeem("r4", 9, 10, 404, problem("not_issued"), user="ben"),
             answer("get", None, 4.5, 4.8, 200, **{**SHOWN, "redeemed": 1}, issued=1, remaining=1, state="open"),
             answer("get", None, 9, 10, 200, **{**SHOWN, "returned": 1}, issued=1, remaining=2, state="open")]
    assert findings([*OPS, *GOING, *reads], [*EVENTS, *GONE], **GONE_STORE) == []


def test_a_user_gets_another_one_and_stock_comes_back():
    events = [created(quantity=1), issued(2, "ann", 1), revocation(3, 1, "v1"), issued(4, "ann", 2, nth=2)]
    ops = [create_op(quantity=1), post("ann", 1, 2, 1, 2), revoke("v1", 3, 4), post("ann", 5, 6, 2, 4, kind="put")]
    assert found_in(ops, events) == []
    for less in ({"again": False}, {"restock": False}):
        events[2] = revocation(3, 1, "v1", **less)
        found = found_in(ops, events)
        assert len(found) == 1 and "log:" in found[0], found


def test_a_sweep_explains_the_revocations_that_it_makes():
    sweep = changed(3, "sweep", None, None, reason="v1", restock=True, again=True, until=1)
    events = [*EVENTS[:2], sweep, revocation(4, 1, "v1", user=None), changed(5, "sweep_ended", None, None)]
    asked = ask("sweep", 3, 4, 202, {"state": "running"}, user=None, reason="v1")
    assert findings([*OPS[:2], asked], events, **GONE_STORE) == []
    for wrong in ([*EVENTS[:2], events[3]], [*events[:2], events[2]._replace(change={**sweep.change, "until": 0}),
                                             *events[3:]]):
        assert any("log:" in text for text in found_in([*OPS[:2], asked], wrong))


@pytest.mark.parametrize("more", [
    pytest.param(redemption(4, 1, "r2"), id="redeemed twice"),
    pytest.param(undone(4, 1, "r2"), id="another redemption undone"),
    pytest.param(revocation(4, 1, "r2"), id="revoked while redeemed"),
    pytest.param(redemption(4, 1, "r2", user="ben"), id="redeemed by another user"),
    pytest.param(redemption(4, 2, "r2"), id="an issue that does not exist"),
])
def test_an_illegal_change_is_found(more):
    kind, text = ({"redemption": "redeem", "redemption_undone": "undo"}.get(more.change["type"], "revoke"),
                  {"reason" if more.change["type"] == "revocation" else "reference": "r2"})
    lost = Op(kind, "C", more.user, 5, None, None, None, text)
    found = found_in([*OPS, lost], [*EVENTS, more])
    assert len(found) == 1 and "log:" in found[0], found


def test_a_lost_redemption_is_found():
    broken("recorded:", [*OPS[:2], OPS[2]], EVENTS[:2], coupons={"C": {**SHOWN, "issued": 1}})


def test_a_redemption_that_takes_effect_twice_is_found():
    events = [*EVENTS, undone(4, 1, "r1"), redemption(5, 1, "r1")]
    assert [text.split(": ")[1] for text in found_in([*OPS, undo("r1", 5, 6)], events)] == ["recorded"]


@pytest.mark.parametrize("op", [None, redeem("r1", 3, 4, 503, problem("issuer_unavailable")),
                                redeem("r1", 3, 4, 409, problem("revoked", state="revoked"))])
def test_a_redemption_that_no_client_was_told_of_is_found(op):
    found = findings([*OPS[:2], *([op] if op else [])], EVENTS, **REDEEMED_STORE)
    assert any("explained:" in text for text in found), found


def test_a_redemption_with_a_lost_answer_is_explained():
    for lost in (Op("redeem", "C", "ann", 3, None, None, None, {"reference": "r1"}),
                 redeem("r1", 3, 4, 503, problem("outcome_unknown"))):
        assert findings([*OPS[:2], lost], EVENTS, **REDEEMED_STORE) == []


def test_a_change_that_precedes_an_earlier_one_is_found():
    ops = [*OPS[:2], redeem("r1", 5, 6), undo("r1", 3, 4)]
    found = found_in(ops, [*EVENTS, undone(4, 1, "r1")])
    assert [text.split(": ")[1] for text in found] == ["real time"], found


def test_a_revocation_after_outcome_unknown_is_found():
    unknown = revoke("v1", 7, 8, 503, problem("outcome_unknown"))
    look = answer("lookup", "ann", 9, 10, 200, **issue(1, 2))
    broken("answers:", [*OPS, GOING[0], unknown, look], [*EVENTS, *GONE], **GONE_STORE)


@pytest.mark.parametrize("op", [
    pytest.param(answer("lookup", "ann", 5, 6, 200, **issue(1, 2)), id="issued, but it is redeemed"),
    pytest.param(answer("lookup", "ann", 5, 6, 200, **issue(1, 2, "redeemed", redemption={"reference": "r9"})),
                 id="another reference"),
    pytest.param(redeem("r2", 5, 6, 409, problem("revoked", state="revoked")), id="revoked, but it never was"),
    pytest.param(redeem("r2", 5, 6, 200), id="redeemed with a reference that it never had"),
    pytest.param(redeem("r2", 5, 6, 409, problem("already_redeemed", state="redeemed",
                                                 redemption={"reference": "r2"})), id="refused because of itself"),
    pytest.param(redeem("r2", 5, 6, 404, problem("not_issued")), id="an existing issue not found"),
    pytest.param(undo("r1", 5, 6), id="an undoing that has no effect"),
    pytest.param(undo("r1", 5, 6, 409, problem("reference_mismatch", **REDEEMED)), id="its own reference"),
    pytest.param(revoke("v1", 5, 6), id="a revocation that has no effect"),
    pytest.param(refusal("ann", 5, 6, "revoked"), id="revoked to a holder"),
    pytest.param(answer("get", None, 5, 6, 200, **SHOWN, issued=1, remaining=1, state="open"),
                 id="an outdated count of redemptions"),
])
def test_an_answer_about_a_redemption_that_fits_no_moment_is_found(op):
    broken("answers:", [*OPS, op], EVENTS, **REDEEMED_STORE)


@pytest.mark.parametrize("op", [
    pytest.param(redeem("r2", 9, 10, 409, problem("already_redeemed", **REDEEMED)), id="redeemed after its revocation"),
    pytest.param(refusal("ann", 9, 10, "sold_out"), id="sold out, but it came back"),
    pytest.param(holder("ann", 9, 10, 1, 2), id="a holder of a revoked issue"),
    pytest.param(answer("put", "ann", 9, 10, 200, **issue(1, 2, "revoked")), id="a revoked issue to a PUT"),
])
def test_an_answer_after_a_revocation_that_fits_no_moment_is_found(op):
    broken("answers:", [*OPS, *GOING, op], [*EVENTS, *GONE], **GONE_STORE)


def test_another_state_in_the_store_is_found():
    broken("store:", OPS, EVENTS, rows=rows_of(EVENTS), coupons=COUPONS)
    broken("store:", OPS, EVENTS, rows=[ROWS[0]._replace(reference="r2")], coupons=COUPONS)
    broken("store:", OPS, EVENTS, rows=ROWS, coupons={"C": {**COUPONS["C"], "redeemed": 0}})
    broken("store:", [*OPS, *GOING], [*EVENTS, *GONE], rows=GONE_ROWS,
           coupons={"C": {**GONE_COUPONS["C"], "returned": 0}})
