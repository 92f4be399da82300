"""What was answered about the life of issues survives kill -9 of the issuer, with and without a snapshot."""

import collections
import json

import pytest

from cluster import Cluster, run_coupond, wait_until
from http_load import Load
from life import Life, told
from preload import ENDLESS, Preload

USERS = 40


def live(cluster):
    """Does everything that can be done with issues; returns what must stay: {(request): answer}."""
    life = Life(cluster, "L")
    life.create(None, per_user_limit=4, redeem_within_s=86400, metadata={"n": 0.5}, description="a\nb", owner="me")
    for number in range(USERS):
        user = f"u{number}"
        for nth in range(number % 4 + 1):
            life.post(user, f"{user}-{nth}")
        if number % 2:
            life.redeem(user, f"order-{number}")
        if number % 3 == 0:
            life.undo(user, f"order-{number}")
        if number % 5 == 0:
            life.revoke(user, reason=f"because {number}", restock=number % 10 == 0, again=number % 4 == 0)
    archived = Life(cluster, "A")
    archived.create(1)
    archived.ensure("u0")
    archived.change(archived=True)
    return life


def picture(cluster):
    """Everything that can be read, and the repetitions of requests that change nothing."""
    life = Life(cluster, "L")
    seen = {"L": life.read(), "A": Life(cluster, "A").read(), "sweep": life.ask("GET", "/revocations")}
    for number in range(USERS):
        user = f"u{number}"
        seen[user] = life.look(user)
        for nth in range(1, 5):
            answer = life.ask("PUT", f"/issues/{user}/{nth}") if nth <= number % 4 + 1 else (0, None)
            seen[user, nth] = answer
            if answer[0] == 200 and answer[1]["state"] == "redeemed":
                seen[user, nth, "again"] = life.redeem(user, f"order-{number}", sequence=answer[1]["sequence"])
            seen[user, nth, "key"] = life.post(user, f"{user}-{nth - 1}") if answer[0] == 200 else None
    return seen


def without_details(value):
    """The value without what a snapshot leaves to the store."""
    if isinstance(value, (tuple, list)):
        return tuple(without_details(item) for item in value)
    if not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if name not in ("redemption", "revocation")}


def restart(cluster):
    cluster.issuer.kill()
    cluster.issuer.start()
    cluster.wait_ready()


def assert_stays(cluster, compared=lambda value: value):
    before = picture(cluster)
    restart(cluster)
    after = picture(cluster)
    for what, value in before.items():
        assert compared(after[what]) == compared(value), what


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Without a persister: the issuer keeps the details of changes until the store has them."""
    with Cluster(tmp_path_factory.mktemp("recovery"), persisters=0, options={"issuer/snapshot_mb": 1}) as running:
        live(running)
        yield running


def test_everything_that_was_answered_is_there_after_kill_9(cluster):
    assert_stays(cluster)
    status, issue = Life(cluster, "L").look("u5")
    assert (status, issue["state"], issue["revocation"]["reason"]) == (200, "revoked", "because 5")


def test_everything_that_was_answered_is_there_after_recovery_from_a_snapshot(cluster):
    filler = Life(cluster, "FILLER")
    filler.create(None, per_user_limit=1000)
    text = {"metadata": {"x": "y" * 4000}}

    def has_snapshot():
        for _ in range(50):
            filler.change(**text)
        return list(cluster.journal_directory.rglob("*snapshot"))
    wait_until(has_snapshot, "a snapshot is written")
    assert_stays(cluster, without_details)
    assert "snapshot=0 " not in cluster.issuer.log().rsplit("recovered partition=0", 1)[1].splitlines()[0]


def test_life_goes_on_where_it_was(cluster):
    life = Life(cluster, "L")
    issued = life.read()["issued"]
    assert life.post("new")[1]["sequence"] == issued + 1
    restart(cluster)
    assert told(life.redeem("new", "r")) == (201, "redeemed")
    restart(cluster)
    assert told(life.undo("new", "other")) == (409, "reference_mismatch")
    assert told(life.undo("new", "r")) == (200, "issued")
    restart(cluster)
    assert told(life.revoke("new", restock=True)) == (200, "revoked")
    restart(cluster)
    assert told(life.undo("new", "r")) == (200, "revoked")
    assert life.post("new")[1]["nth"] == 2


MANY = 5_000


def recorded(cluster):
    """How many records of each type the journal has."""
    result = run_coupond("journal", "dump", "--json", cluster.journal_directory)
    assert result.returncode == 0, result.stderr
    return collections.Counter(json.loads(line)["type"] for line in result.stdout.splitlines())


def test_the_revocation_of_all_issues_goes_on_after_kill_9(tmp_path):
    rules = Preload(tmp_path / "rules")
    cluster = Cluster(tmp_path / "cluster", persisters=0)
    cluster.issuer.environment = rules.environment()
    with cluster:
        life = Life(cluster, "MANY")
        life.create(None)
        Load(cluster.addresses).run(("MANY", f"u{number}") for number in range(MANY))
        redeemed = [f"u{number}" for number in range(0, MANY, 10)]
        assert {life.redeem(user, "r")[0] for user in redeemed} == {201}
        slowly = rules.add("sync", "delay", ".segment", times=ENDLESS, delay_ms=100)  # of 18 batches
        assert life.ask("POST", "/revocations", {"reason": "recall", "again": True})[0] == 202
        wait_until(lambda: life.ask("GET", "/revocations")[1]["examined"] > 0, "it has begun", pause=0)
        cluster.issuer.kill()
        slowly.disarm()
        before = recorded(cluster)
        assert 0 < before["revocation"] < MANY - len(redeemed) and before["sweep_ended"] == 0
        cluster.issuer.start()
        cluster.wait_ready()
        wait_until(lambda: life.ask("GET", "/revocations")[1]["state"] == "done", "all are revoked")
        assert life.ask("GET", "/revocations")[1]["revoked"] == MANY - len(redeemed)
        assert [life.look(user)[1]["state"] for user in ("u0", "u1", "u4990", "u4999")] == [
            "redeemed", "revoked", "redeemed", "revoked"]
    after = recorded(cluster)
    assert (after["sweep"], after["revocation"], after["sweep_ended"]) == (1, MANY - len(redeemed), 1)
