"""Everything that can be done with issues, at once, while members are killed: the answers are linearizable for each
user, and wallets, lists and counts are as a simple model has them.

COUPOND_TEST_FULL=1 (./dev test --full) runs it with 20,000 users, and on MariaDB and MySQL 9 too; `./dev life` does so
for one of the stores, and prints figures. A seed is printed; COUPOND_TEST_SEED repeats it.
"""

import os

import pytest

from crowd import FULL, only_in_full, random_with_seed
from life_model import NEVER, SWEPT, Step, apply, is_linearizable
from life_run import run_life

# A sanitizer takes several times as long, and sees the same code with fewer users.
USERS = 400 if not FULL else 20_000 if os.environ.get("COUPOND_TEST_PRESET", "dev") == "dev" else 2_000
LIMIT = 3


@pytest.mark.parametrize("store", ["sqlite", pytest.param("mariadb", marks=only_in_full),
                                   pytest.param("mysql", marks=only_in_full)])
def test_the_history_of_each_user_is_linearizable(tmp_path, store):
    life = run_life(tmp_path, store, USERS, random_with_seed())
    print(life.figures())
    assert len(life.crowd.answers) >= 30
    assert all(life.kills[role] for role in ("issuer", "gateway", "persister"))


# the search can fail


def ran(*requests):
    """A history in which one client does this."""
    issues, history = (), []
    for number, request in enumerate(requests):
        issues, answer = apply(issues, request, LIMIT)
        history.append(Step(request, 2 * number, 2 * number + 1, answer))
    return history


SOUND = ran(("post", "k"), ("redeem", "a"), ("look",), ("undo", "a"), ("revoke", True), ("post", "k"), ("ensure",),
            ("ensure", 3), ("redeem", "b"), ("redeem", "b"), ("undo", "c"), ("look",))


def test_a_sound_history_is_found_sound():
    assert is_linearizable(SOUND, LIMIT)
    assert is_linearizable([step._replace(begun=0, ended=99) for step in SOUND], LIMIT)


def test_each_answer_of_another_kind_is_found_out():
    for number, step in enumerate(SOUND):
        status, word, nth, reference = step.answer
        for wrong in ((status + 1, word, nth, reference), (status, "lost", nth, reference),
                      (status, word, nth + 1, reference), (status, word, nth, "x")):
            assert not is_linearizable([*SOUND[:number], step._replace(answer=wrong), *SOUND[number + 1:]], LIMIT)


def test_a_lost_redemption_is_found_out():
    twice = ran(("post", "k"), ("redeem", "a"))
    assert not is_linearizable([*twice, Step(("redeem", "b"), 9, 10, (201, "redeemed", 1, "b"))], LIMIT)
    undone = Step(("undo", "a"), 3, 4, None)
    assert is_linearizable([*twice, undone, Step(("redeem", "b"), 9, 10, (201, "redeemed", 1, "b"))], LIMIT)


def test_a_request_without_an_answer_is_decided_in_time_or_never():
    first = ran(("post", "k"))
    then = Step(("redeem", "a"), 9, 10, (200, "redeemed", 1, "a"))
    for ended, sound in ((5, True), (NEVER, True)):
        assert is_linearizable([*first, Step(("redeem", "a"), 3, ended, None), then], LIMIT) is sound
    assert not is_linearizable([*first, Step(("look",), 6, 7, (200, "issued", 1, None)),
                                Step(("redeem", "a"), 3, 5, None), then], LIMIT)
    assert is_linearizable([*first, Step(("look",), 6, 7, (200, "issued", 1, None)),
                            Step(("redeem", "a"), 3, NEVER, None), then], LIMIT)


def test_a_revocation_of_all_comes_to_an_issue_once_in_its_time():
    first = ran(("post", "k"))
    swept = Step(("sweep", False, 1), 3, 8, SWEPT)
    gone = Step(("look",), 9, 10, (200, "revoked", 1, None))
    for before in ("issued", "revoked"):
        assert is_linearizable([*first, swept, Step(("look",), 6, 7, (200, before, 1, None)), gone], LIMIT)
    assert not is_linearizable([*first, swept, gone._replace(answer=(200, "issued", 1, None))], LIMIT)
    assert not is_linearizable([*first, swept, Step(("look",), 4, 5, (200, "revoked", 1, None)),
                                Step(("look",), 6, 7, (200, "issued", 1, None))], LIMIT)


def test_a_wallet_that_differs_is_found_out():
    *_, last = held = ran(("post", "a"), ("redeem", "r"), ("post", "b"), ("revoke", False), ("wallet",))
    assert last.answer == (("redeemed", "r"), ("revoked", None))
    for wrong in ((), last.answer[:1], (("redeemed", "x"), ("revoked", None)), (("issued", None), ("revoked", None)),
                  (("redeemed", "r"), ("issued", None))):
        assert not is_linearizable([*held[:-1], last._replace(answer=wrong)], LIMIT)
