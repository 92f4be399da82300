"""Two persisters with different databases: only the database that the issuer is configured with is filled, and all
roles report it."""

import sqlite3
from contextlib import closing

from cluster import Cluster, metric_sum, wait_until

OPTIONS = {"persister/retry_max_ms": 200}


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT COUNT(*) FROM coupon_issue").fetchone()[0]


def fill(cluster, first, count):
    for number in range(first, first + count):
        assert cluster.issue("A", f"user-{number}")[0] == 201


def test_a_persister_of_another_store_takes_nothing_and_all_roles_report_it(tmp_path):
    with Cluster(tmp_path, persisters=2, options=OPTIONS) as cluster:
        wrong, right = cluster.persisters
        other = tmp_path / "other.db"
        wrong.stop()
        cluster.create_coupon("A", 1000)
        fill(cluster, 0, 5)
        cluster.wait_drained()
        wrong.environment["COUPOND_STORE_PATH"] = str(other)
        wrong.start()
        wait_until(lambda: wrong.get("/livez")[0] == 200, "it runs")
        wait_until(lambda: metric_sum(wrong.metrics(), "coupond_persister_store_refused") > 0,
                   "the second store is refused")
        assert not wrong.is_ready()
        assert "is not the store that the issuer fills" in wrong.log()
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_other_store") == 1,
                   "the issuer reports it")
        wait_until(lambda: "a persister fills another store, id " in cluster.issuer.get("/readyz")[1],
                   "its readiness names the store")
        assert cluster.issuer.is_ready()
        assert "a persister fills another store" in cluster.issuer.log()
        fill(cluster, 5, 50)
        cluster.wait_drained()
        assert rows(cluster.store_path) == 55
        assert rows(other) == 0
        assert "another store" not in cluster.verify().stderr
        assert "another store" in cluster.verify("--set", f"store/path={other}").stderr
        right.check_alive()
        wrong.environment.pop("COUPOND_STORE_PATH")
        wrong.stop()
        wrong.start()
        wait_until(wrong.is_ready, "it has the correct store")


def test_a_store_that_was_lost_and_recreated_is_filled_automatically(tmp_path):
    with Cluster(tmp_path, options=OPTIONS) as cluster:
        cluster.create_coupon("A", 1000)
        fill(cluster, 0, 20)
        cluster.wait_drained()
        persister = cluster.persisters[0]
        persister.stop()
        for path in cluster.store_path.parent.glob(f"{cluster.store_path.name}*"):
            path.unlink()
        persister.start()
        wait_until(persister.is_ready, "the new store exists")
        fill(cluster, 20, 1)
        wait_until(lambda: cluster.store_path.exists() and rows(cluster.store_path) == 21,
                   "the new store has everything")
        assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_other_store") == 0
