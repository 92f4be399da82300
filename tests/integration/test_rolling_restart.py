"""Every role is restarted in turn under load: clients get only answers and 503s with Retry-After, and nothing is
lost."""


import pytest

from cluster import Cluster, run_coupond, wait_until
from haproxy import HAProxy
from http_load import NO_ANSWER, Load, check_answers
from servers import MariaDB

pytestmark = pytest.mark.once("load")

PLENTY = 1_000_000


def users():
    number = 0
    while True:
        number += 1
        yield "A", f"user-{number}"


def wait_for_issues(load, count=500):
    before = load.issued
    wait_until(lambda: load.issued >= before + count or not load.is_alive(), "the load continues")
    assert load.is_alive()


def restart(member):
    member.stop()
    member.start()
    wait_until(member.is_ready, lambda: f"{member.name} is back\n{member.log()[-2000:]}")


def test_a_rolling_restart_of_all_roles_loses_nothing(tmp_path):
    options = {"gateway/drain_delay_ms": 500, "issuer/resend_ms": 500}
    with MariaDB() as database, Cluster(tmp_path, gateways=3, persisters=2, partitions=2, database=database,
                                        options=options) as cluster:
        cluster.create_coupon("A", PLENTY)
        with HAProxy(tmp_path / "haproxy", cluster.addresses) as proxy:
            load = Load([proxy.address], connections=32, retry=True)
            load.start(users())
            for member in [*cluster.gateways, *cluster.persisters, cluster.issuer]:
                wait_for_issues(load)
                restart(member)
                proxy.wait_up(len(cluster.gateways))
            wait_for_issues(load)
            answers = load.finish()
        cluster.wait_drained()
        final = [answer for answer in answers if answer.status != 503]
        told = check_answers(final, {"A": PLENTY})["A"]
        assert not [answer for answer in answers if answer.status == NO_ANSWER]
        assert load.no_retry_after == 0
        stored = {user: sequence for sequence, user in cluster.issues()["A"].items()}
        assert told == stored
        assert sorted(stored.values()) == list(range(1, len(stored) + 1))
        verdict = run_coupond("verify", "--config", cluster.config_path)
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    print(f"{len(answers)} answers, of them {len(answers) - len(final)} times 503")
