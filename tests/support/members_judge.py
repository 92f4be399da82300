"""A load on members.Members, and what must hold of it whatever was done to them."""

from cluster import wait_until
from http_load import NO_ANSWER, check_answers

PLENTY = 10_000_000


def users():
    number = 0
    while True:
        number += 1
        yield "A", f"user-{number}"


def wait_for_issues(load, count=300):
    before = load.issued
    wait_until(lambda: load.issued >= before + count or not load.is_alive(), "the load continues")
    assert load.is_alive()


def check(cluster, load):
    """Everybody who was told of an issue has it, in the database and in each journal; nobody has two."""
    answers = [answer for answer in load.finish() if answer.status not in (NO_ANSWER, 503)]
    told = check_answers(answers, {"A": PLENTY})["A"]
    cluster.wait_safe()
    cluster.wait_drained()
    stored = cluster.issues()["A"]
    assert len(set(stored.values())) == len(stored)
    holders = {user: sequence for sequence, user in stored.items()}
    assert {user: sequence for user, sequence in told.items() if holders.get(user) != sequence} == {}
    wait_until(lambda: len({tuple(cluster.records(issuer)) for issuer in cluster.issuers}) == 1,
               "all journals are the same")
    cluster.assert_kept()
