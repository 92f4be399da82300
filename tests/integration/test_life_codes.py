"""Issues are looked up and redeemed by their codes."""

import pytest

from cluster import Cluster, wait_until
from life import Life, told

PARTITIONS = 3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("codes"), partitions=PARTITIONS) as running:
        yield running


@pytest.fixture
def life(cluster, request):
    return Life(cluster, f"C{request.session.items.index(request.node)}")


def by_code(cluster, code, reference=None):
    """Status and body of the lookup, or of the redemption with the reference."""
    if reference is None:
        return cluster.request("GET", f"/v1/codes/{code}")[::2]
    return cluster.request("PUT", f"/v1/codes/{code}/redemption", {"reference": reference})[::2]


def stored(cluster, issue):
    """The issue's code once the store has it, without which nobody knows whose it is."""
    wait_until(lambda: by_code(cluster, issue["code"])[0] == 200, "the store has the issue")
    return issue["code"]


def test_an_issue_is_redeemed_by_its_code(cluster, life):
    life.create(per_user_limit=2)
    first, second = life.post("alice")[1], life.post("alice")[1]
    code = stored(cluster, second)
    assert by_code(cluster, code) == (200, second)
    status, redeemed = by_code(cluster, code, "order-1")
    assert (status, redeemed["sequence"], redeemed["redemption"]["reference"]) == (201, 2, "order-1")
    assert by_code(cluster, code, "order-1") == (200, redeemed)
    assert told(by_code(cluster, code, "order-2")) == (409, "already_redeemed")
    assert life.look("alice") == (200, redeemed)
    assert by_code(cluster, stored(cluster, first)) == (200, first)
    life.revoke("alice", sequence=1)
    assert told(by_code(cluster, first["code"], "order-3")) == (409, "revoked")


def test_a_code_is_read_as_people_write_it(cluster, life):
    life.create()
    code = stored(cluster, life.ensure("alice")[1])
    for written in (code.lower(), f"{code[:4]}-{code[4:8]}-{code[8:]}",
                    code.replace("0", "O").replace("1", "l"), code.replace("1", "I").replace("0", "o")):
        assert by_code(cluster, written)[1]["code"] == code


def test_every_wrong_code_gets_the_same_answer(cluster, life):
    life.create()
    code = stored(cluster, life.ensure("alice")[1])
    wrong = {code[:-1], code + "0", code[:-1] + ("0" if code[-1] != "0" else "2"), code[1] + code[0] + code[2:], "x",
             "U" * 12, "0" * 12, "%20", "noon", "x" * 500} - {code}
    answers = [by_code(cluster, text, reference) for text in wrong for reference in (None, "r")]
    assert {told(answer) for answer in answers} == {(404, "not_found")}
    assert all(answer == answers[0] for answer in answers)
