"""Gateways follow the owner of a partition: it hands over or is killed under load, and no request is lost."""

import itertools
import threading

import pytest

from cluster import wait_until
from http_load import NO_ANSWER, Load, check_answers
from members import Members
from members_judge import PLENTY, users, wait_for_issues
from servers import MariaDB

pytestmark = pytest.mark.once("load")

CHANGES = "coupond_gateway_owner_changes_total"


class Puts:
    """PUTs and GETs, one after the other, of users of its own, until it is told to stop. Remembers every answer."""

    def __init__(self, cluster):
        self.answers = []  # (method, status, sequence)
        self._cluster = cluster
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        for number in itertools.count():
            for method in ("PUT", "GET"):
                if self._stopping.is_set():
                    return
                status, _, body = self._cluster.request(method, f"/v1/coupons/A/issues/put-{number}")
                self.answers.append((method, status, body.get("sequence")))

    def finish(self):
        self._stopping.set()
        self._thread.join()
        return self.answers


def check_posts(answers, unknown):
    """Every user has one issue. So many answers may be unknown, and nothing else."""
    told = check_answers([answer for answer in answers if answer.status != 503], {"A": PLENTY})["A"]
    failed = [answer for answer in answers if answer.status == 503]
    assert not [answer for answer in answers if answer.status == NO_ANSWER]
    assert {answer.code for answer in failed} <= {"outcome_unknown"}
    assert len(failed) <= unknown
    return set(told.values())


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_gateway_follows_the_owner(tmp_path, end):
    options = {"gateway/hold_ms": 20_000}
    with MariaDB() as database, Members(tmp_path, database=database, persisters=0, transport="tcp",
                                        options=options) as cluster:
        wait_until(cluster.owner, "an owner with a standby")
        cluster.create_coupon("A", PLENTY)
        load = Load(cluster.addresses, connections=16, retry=True)
        load.start(users())
        puts = Puts(cluster)
        wait_for_issues(load)
        owner = cluster.owner()
        getattr(owner, end)()
        wait_for_issues(load)
        owner.start()
        wait_until(cluster.owner, "an owner with a standby again")
        wait_for_issues(load)
        in_flight = 16 if end == "kill" else 0  # an owner that is stopped hands over first
        posted, put = check_posts(load.finish(), in_flight), puts.finish()
        assert {(method, status) for method, status, _ in put} <= {("PUT", 201), ("PUT", 200), ("GET", 200)}
        sequences = posted | {sequence for _, _, sequence in put}
        issued = cluster.coupon("A")["issued"]
        assert max(sequences) <= issued
        assert issued - len(sequences) <= in_flight
        assert cluster.gateways[0].metrics()[CHANGES] >= 1
