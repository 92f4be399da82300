"""The load test's checks of answers, without Locust and without servers: each broken promise is detected."""

import random
import sys
import types

import pytest
from cluster import REPOSITORY

sys.path[:0] = [str(REPOSITORY / "load-test/locust"), str(REPOSITORY / "load-test"), str(REPOSITORY)]
import people
import promises
import scenarios
from rush import __main__ as command
from rush import chart, cpu, locusts, turn

pytestmark = pytest.mark.once("judges records")

ISSUE = {"coupon_id": "A", "user_id": "u", "sequence": 7}
ALREADY = {"code": "already_issued", "issue": ISSUE}


def somebody():
    return people.Person("A", "u")


# one answer


@pytest.mark.parametrize("status, body, outcome", [
    (201, ISSUE, "issued"), (409, ALREADY, "already_issued"), (409, {"code": "sold_out"}, "sold_out"),
    (409, {"code": "paused"}, "failed"), (409, {"code": "not_started"}, "failed"), (410, {"code": "ended"}, "failed"),
    (409, "<html>", "failed"), (404, {"code": "coupon_not_found"}, "failed"), (500, "", "failed"), (0, None, "failed"),
])
def test_an_answer_is_classified_by_its_scenario(status, body, outcome):
    heard = people.judge(people.post(somebody(), scenarios.OPEN), people.Answer(status, body, error="refused"))
    assert heard.outcome == outcome
    assert (heard.complaint is not None) == (outcome == "failed")


def test_expected_answers_of_a_scenario_are_no_failures():
    answer = people.Answer(409, {"code": "not_started"}, "3")
    heard = people.judge(people.post(somebody(), (*scenarios.OPEN, "not_started")), answer)
    assert (heard.outcome, heard.wait, heard.complaint) == ("not_started", 3, None)


def test_a_503_without_retry_after_is_a_failure():
    ask = people.post(somebody(), scenarios.OPEN)
    assert people.judge(ask, people.Answer(503, {}, "2"))[:3] == ("wait", {}, 2)
    for missing in (None, "", "soon"):
        assert people.judge(ask, people.Answer(503, {}, missing)).outcome == "failed"


def test_complaints_contain_the_answer():
    ask = people.post(somebody(), scenarios.OPEN)
    assert people.judge(ask, people.Answer(409, {"code": "paused"})).complaint == "unexpected: 409 paused"
    refused = people.judge(ask, people.Answer(0, error="ConnectionRefusedError()"))
    assert refused.complaint == "unexpected: no answer: ConnectionRefusedError()"


@pytest.mark.parametrize("body",
                         [{}, [], {**ISSUE, "sequence": 0}, {**ISSUE, "sequence": "7"}, {**ISSUE, "user_id": "v"},
                          {**ISSUE, "coupon_id": "B"}])
def test_an_issue_must_be_the_requested_one(body):
    assert people.judge(people.post(somebody(), scenarios.OPEN), people.Answer(201, body)).complaint


@pytest.mark.parametrize("first, then, knew, words", [
    ((201, ISSUE), (409, {"code": "sold_out"}), True, "got sold_out"),
    ((201, ISSUE), (201, ISSUE), True, "twice"),
    ((201, ISSUE), (409, {**ALREADY, "issue": {**ISSUE, "sequence": 8}}), True, "got A number 7, now number 8"),
    ((201, ISSUE), (409, ALREADY), True, None),
    ((409, ALREADY), (409, ALREADY), True, None),
    ((201, ISSUE), (409, {"code": "sold_out"}), False, None),  # it may have been decided before
])
def test_a_user_remembers_earlier_answers(first, then, knew, words):
    ask = people.post(somebody(), scenarios.OPEN)
    assert people.judge(ask, people.Answer(*first)).complaint is None
    complaint = people.judge(ask, people.Answer(*then), knew).complaint
    assert words in complaint if words else complaint is None


# redemptions and lists


ANY = ("redeemed", "redeemed_again", "already_redeemed")


def holder(reference=None):
    person = somebody()
    issue = {**ISSUE, "issued_at": "2026-01-01T00:00:05Z"}
    people.judge(people.post(person, scenarios.OPEN), people.Answer(201, issue))
    person.reference = reference
    return person


def redeemed(reference):
    return {**ISSUE, "state": "redeemed", "redemption": {"reference": reference}}


def refused(reference):
    return {"code": "already_redeemed", "issue": redeemed(reference)}


@pytest.mark.parametrize("held, status, body, after, words", [
    (None, 201, redeemed("a"), "a", None),
    (None, 200, redeemed("a"), "a", None),  # the answer to the first request was lost
    ("b", 409, refused("b"), "b", None),
    ("b", 201, redeemed("a"), "b", "redeemed A for b and for a"),
    ("b", 200, redeemed("a"), "b", "redeemed A for b and for a"),
    (None, 409, refused("b"), None, "cannot redeem A, which is not redeemed"),
    ("b", 409, refused("c"), "b", "is redeemed for c, not b"),
    (None, 201, redeemed("c"), None, "is redeemed for c, not a"),
    (None, 201, ISSUE, None, "is redeemed for None, not a"),
    (None, 201, {}, None, "no issue with a sequence"),
])
def test_a_user_redeems_an_issue_once(held, status, body, after, words):
    person = holder(held)
    heard = people.judge(people.redeem(person, "a", ANY), people.Answer(status, body))
    assert words in heard.complaint if words else heard.complaint is None
    assert person.reference == after


def test_an_undo_makes_the_issue_redeemable_again():
    person = holder("a")
    assert people.judge(people.undo(person), people.Answer(200, redeemed("a"))).complaint
    ask = people.undo(person)
    assert ask.path.endswith("/redemption?reference=a")
    assert people.judge(ask, people.Answer(200, ISSUE)).complaint is None and person.reference is None
    assert people.judge(people.redeem(person, "b"), people.Answer(201, redeemed("b"))).complaint is None


@pytest.mark.parametrize("wallet, words", [
    ({"as_of": "2026-01-01T00:00:06Z", "issues": [ISSUE]}, None),
    ({"as_of": "2026-01-01T00:00:05Z", "issues": []}, None),
    ({"as_of": None, "issues": []}, None),
    ({"as_of": "2026-01-01T00:00:06Z", "issues": [{**ISSUE, "coupon_id": "B"}]}, "holds A number 7, which is not"),
    ({}, "no list of issues"),
])
def test_a_list_has_what_was_issued_before_its_time(wallet, words):
    heard = people.judge(people.wallet(holder()), people.Answer(200, wallet))
    assert words in heard.complaint if words else heard.complaint is None


@pytest.mark.parametrize("way", range(5))
@pytest.mark.parametrize("status, body, failed", [
    (403, {"code": "forbidden"}, False), (201, ISSUE, True), (200, ISSUE, True), (409, {"code": "sold_out"}, True),
    (404, {"code": "not_issued"}, True), (401, {"code": "unauthorized"}, True),
])
def test_an_act_as_somebody_else_must_be_forbidden(way, status, body, failed):
    ask = people.intrude(holder(), way)
    assert people.VICTIM in f"{ask.path}{ask.body}"
    assert (people.judge(ask, people.Answer(status, body)).outcome == "failed") == failed


def test_an_issue_of_somebody_who_never_asked_breaks_a_promise():
    book = promises.Book({})
    assert book.judge({}) == []
    assert book.judge({}, ["u.victim"]) == ["somebody acted as u.victim"]


# scripts


class World:
    """Answers a script like the API, with its own stock; `troubles` are answers that come first."""

    def __init__(self, stock, troubles=()):
        self.stock, self.troubles, self.held, self.asks, self.pauses = stock, list(troubles), {}, [], []
        self.references = {}
        self.tally = promises.Tally()

    def answer(self, ask):
        if self.troubles:
            return self.troubles.pop(0)
        if ask.person is None:
            return people.Answer(200, {"state": "open", "starts_at": None})
        issue = {"coupon_id": ask.person.coupon, "user_id": ask.person.user, "sequence": self.held.get(ask.person.user)}
        if ask.kind == "intrude":
            return people.Answer(403, {"code": "forbidden"})
        if ask.kind == "wallet":
            return people.Answer(200, {"as_of": "2026-01-01T00:00:00Z", "issues": [issue]})
        if ask.kind != "issue":
            return self.change(ask, issue)
        if issue["sequence"]:
            if ask.method == "POST":
                return people.Answer(409, {"code": "already_issued", "issue": issue})
            return people.Answer(200, issue)
        if ask.method == "GET":
            return people.Answer(404, {"code": "not_issued"})
        if len(self.held) >= self.stock:
            return people.Answer(409, {"code": "sold_out"})
        self.held[ask.person.user] = len(self.held) + 1
        return people.Answer(201, {**issue, "sequence": len(self.held)})

    def change(self, ask, issue):
        before = self.references.get(ask.person.user)
        if ask.kind == "undo":
            del self.references[ask.person.user]
            return people.Answer(200, issue)
        self.references.setdefault(ask.person.user, ask.reference)
        issue["redemption"] = {"reference": self.references[ask.person.user]}
        if before not in (None, ask.reference):
            return people.Answer(409, {"code": "already_redeemed", "issue": issue})
        return people.Answer(200 if before else 201, issue)

    def play(self, script):
        heard = None
        while True:
            try:
                step = script.send(heard)
            except StopIteration:
                return
            heard = self.take(step)

    def take(self, step):
        if isinstance(step, scenarios.Pause):
            self.pauses.append(step.seconds)
            return None
        self.asks.append(step)
        knew = self.tally.begins(step)
        heard = people.judge(step, self.answer(step), knew)
        self.tally.ends(step, heard, 100)
        assert heard.complaint is None or heard.outcome == "failed", heard
        return heard


def scene(now=0):
    return scenarios.Scene(["A", "B"], promises.People("run", 3), random.Random(1), lambda: now)


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_every_scenario_passes_against_a_correct_server(name):
    world, stage = World(stock=20), scene()
    for number in range(60):
        world.play(scenarios.SCENARIOS[name].script(stage, number == 0))
    report = world.tally.take()
    told = [sequence for sequences in report["told"].values() for sequence in sequences]
    assert sorted(told) == sorted(world.held.values())
    assert sum(report["redeemed"].values()) == len(world.references)
    assert (len(world.references) > 0) == (name in ("life", "impostors"))
    assert (report["fault_count"], report["unsettled"], report["unsure"]) == (0, [], {})
    assert "failed" not in report["outcomes"]
    assert all(len(ask.person.user) <= 64 and ask.person.user.startswith("run.3.") for ask in world.asks if ask.person)


def test_a_user_retries_after_the_requested_wait():
    world = World(5, [people.Answer(503, {}, "4"), people.Answer(0), people.Answer(500, "")])
    world.play(scenarios.soak(scene(), False))
    assert world.pauses[:3] == [4, 1, 1]
    assert world.tally.take()["outcomes"]["issued"] == 1


def test_a_final_refusal_is_not_retried():
    world = World(5, [people.Answer(400, {"code": "invalid_request"})])
    world.play(scenarios.insist(people.post(somebody(), scenarios.OPEN)))
    assert len(world.asks) == 1 and world.pauses == []
    assert world.tally.take()["unsettled"] == [["A", "u"]]


def test_the_crowd_of_the_countdown_waits_until_the_start():
    page = {"state": "scheduled", "starts_at": "1970-01-01T00:00:10.500000Z"}
    assert scenarios.seconds_to_start(page, 8) == 2.5
    assert scenarios.seconds_to_start(page, 11) == scenarios.seconds_to_start({"state": "open"}, 8) == 0
    clock = types.SimpleNamespace(now=8)
    stage = scenarios.Scene(["A"], promises.People("run", 0), random.Random(1), lambda: clock.now)
    script, heard, asked = scenarios.countdown(stage, True), None, []
    while not asked or asked[-1].person is None:
        step = script.send(heard)
        if isinstance(step, scenarios.Pause):
            clock.now += step.seconds
        else:
            asked.append(step)
            heard = people.judge(step, people.Answer(200, page)) if step.person is None else None
    assert clock.now >= 10.5 and len(asked) > 2


# results of all workers


def page_of(quantity, issued, **more):
    return {"quantity": quantity, "issued": issued, "remaining": quantity - issued, "redeemed": 0, **more}


def report_of(sequences, **more):
    return {"outcomes": {}, "seconds": {}, "told": {"A": sequences}, "faults": [], "fault_count": 0, "unsettled": [],
            "redeemed": {}, "unsure": {}, **more}


def test_kept_promises_pass():
    book = promises.Book({"A": 5})
    book.add("one", report_of([3, 1]))
    book.add("two", report_of([2]))
    assert book.judge({"A": page_of(5, 3)}) == []
    assert promises.summary(book, {"A": page_of(5, 3)}, [])["told"] == 3


@pytest.mark.parametrize("sequences, page, words", [
    ([1, 2, 2], page_of(5, 3), "number 2 was given to two users"),
    ([1, 2, 6], page_of(5, 3), "number 6 of 5 was answered"),
    ([1, 2, 4], page_of(5, 3), "no user received number 3 of 3"),
    ([1, 2], page_of(5, 3), "3 issued, but 2 users received one"),
    ([1, 2, 3], page_of(5, 2), "2 issued, but 3 users received one"),
    ([1, 2, 3, 4, 5], page_of(5, 6), "6 issued of 5"),
    ([1, 2], page_of(5, 2, remaining=2), "do not sum up to 5"),
    ([1], None, "cannot be read"),
])
def test_a_broken_promise_is_reported(sequences, page, words):
    book = promises.Book({"A": 5})
    book.add("one", report_of(sequences))
    assert any(words in broken for broken in book.judge({"A": page}))


def test_a_violation_seen_by_a_worker_is_kept():
    tally = promises.Tally()
    for _ in range(promises.FAULTS_MAX + 5):
        tally.add_fault("a holder got sold_out")
    book = promises.Book({"A": 5})
    book.add("one", tally.take())
    broken = book.judge({"A": page_of(5, 0)})
    assert broken[0] == "a holder got sold_out" and broken[-1] == "and 5 more"


def test_users_without_an_answer_are_looked_up_at_the_end():
    book = promises.Book({"A": 5})
    book.add("one", report_of([1], unsettled=[["A", "run.0.2"]]))
    assert book.without_answer() == [("A", "run.0.2")]
    book.tell("A", 2)
    assert book.judge({"A": page_of(5, 2)}) == []


def test_an_outdated_page_is_recognized():
    book = promises.Book({"A": 5})
    book.add("one", report_of([1, 2]))
    assert book.is_behind({"A": page_of(5, 1)}) and not book.is_behind({"A": page_of(5, 2)})


@pytest.mark.parametrize("count, kept", [(0, False), (1, True), (2, True), (3, True), (4, False)])
def test_the_redeemed_count_must_be_what_users_saw_except_for_lost_answers(count, kept):
    book = promises.Book({"A": 5})
    book.add("one", report_of([1, 2], redeemed={"A": 3}, unsure={"A": 1}))
    book.add("one", report_of([3], redeemed={"A": -1}))
    book.add("two", report_of([], unsure={"A": 1}))
    pages = {"A": page_of(5, 3, redeemed=count)}
    assert (book.judge(pages) == []) == kept
    assert book.is_behind(pages) == (not kept)


# a turn of run.sh


SOUND = {"kept": True, "broken": []}
VERIFIED = {"kept": True, "text": ""}


@pytest.mark.parametrize("judged, verified, failures, status, words", [
    (SOUND, VERIFIED, 0, 0, None),
    ({"kept": False, "broken": ["A: number 2 was given to two users"]}, VERIFIED, 0, 1, "given to two users"),
    ({"kept": None, "broken": [], "error": "nobody answers"}, VERIFIED, 0, 2, "not checked: nobody answers"),
    (SOUND, {"kept": False, "text": "BROKEN"}, 0, 0, "coupond verify: BROKEN"),
    (SOUND, VERIFIED, 3, 1, "3 of 10 requests failed"),
    (SOUND, VERIFIED, 0, 1, "status 1"),
])
def test_each_problem_fails_a_turn(judged, verified, failures, status, words):
    wrong = turn.what_is_wrong(judged, verified, {"requests": 10, "failures": failures}, status)
    assert any(words in one for one in wrong) if words else wrong == []


def test_the_rate_is_that_of_full_seconds():
    seconds = {10: 1, 11: 50, 12: 60, 13: 70, 14: 3}
    assert turn.window_of(seconds, 4) == (11, 13)
    assert turn.rate_in(seconds, turn.window_of(seconds, 4)) == 60
    assert turn.rate_in({10: 5}, turn.window_of({10: 5}, 1)) == 5


def test_cpu_is_reported_by_group_with_the_bottleneck():
    samples = [(100 + at / 4,
                {"locust-worker-1": at / 4 * 0.95, "gateway-1": at / 40, "gateway-2": at / 40, "machine": at / 4 * 1.5})
               for at in range(40)]
    cores = cpu.cores_between(samples, 102, 106)
    grouped = cpu.by_group(cores)
    assert grouped["Locust"] == pytest.approx(0.95)
    assert grouped["gateways"] == pytest.approx(0.2)
    assert grouped["others"] == pytest.approx(0.35)
    assert cpu.limit_of(cores, 4) == "Locust: locust-worker-1 used 0.95 of its one core"
    waiting = {"locust-worker-1": 0.8, "locust-worker-1 waiting": 0.15, "machine": 1.5}
    assert cpu.limit_of(waiting, 4) == "Locust: locust-worker-1 used 0.80 of its one core and waited for it 0.15"
    assert cpu.by_group(waiting)["Locust"] == 0.8
    limit = cpu.limit_of({"locust-worker-1": 0.8, "machine": 1.5, "stolen": 0.4}, 2)
    assert limit == "the machine: 1.5 of 2 cores at work, 0.4 were given to other machines, Locust took 0.8"
    limit = cpu.limit_of({**cores, "machine": 1.95}, 2)
    assert limit.startswith("the machine: 1.9 of 2 cores at work, Locust took 0.9")
    assert cpu.limit_of({"locust-worker-1": 0.2, "machine": 0.5}, 2) == "no core: 0.5 of 2 at work"
    assert cpu.cores_between(samples[:1], 102, 106) == {}


def test_the_figures_of_locust_are_read(tmp_path):
    (tmp_path / "x_stats.csv").write_text(
        "Type,Name,Request Count,Failure Count,50%,99%\nPOST,/v1/coupons/{id}/issues,8,1,4,20\n,Aggregated,9,1,3,19\n"
    )
    assert locusts.read_stats(tmp_path / "x") == {"requests": 9, "failures": 1, "p50_ms": 4, "p99_ms": 20}


def test_turns_are_added_to_a_run_with_the_same_options():
    run = {"machine": {}, "scenario": "soak", "users": 5, "workers": 1, "seconds": 3, "coupon_quantity": 0}
    before = {**run, "turns": [{"gateways": 1, "rate": 1}, {"gateways": 4, "rate": 4}]}
    found = {**run, "turns": [{"gateways": 2, "rate": 20}, {"gateways": 1, "rate": 10}]}
    turns = command.joined(before, found)["turns"]
    assert [(one["gateways"], one["rate"]) for one in turns] == [(1, 10), (2, 20), (4, 4)]
    with pytest.raises(locusts.LocustError, match="users was 5 there, but is 6 here"):
        command.joined(before, {**found, "users": 6})


def test_the_chart_names_the_bottleneck():
    one = {"gateways": 1, "rate": 4000, "p50_ms": 4, "p99_ms": 20, "cores_by": {"Locust": 1.2, "gateways": 0.2},
           "limit": "Locust & co"}
    machine = {"cpu": "a CPU", "cores": 2, "kernel": "6", "filesystem": "ext4"}
    drawn = chart.draw({"turns": [one, {**one, "gateways": 2}], "machine": machine, "scenario": "soak", "users": 5,
                        "workers": 1, "seconds": 3})
    assert "bottleneck with 2 gateways: Locust &amp; co" in drawn and drawn.count("<svg") == 1
