"""/metrics of a system under load, during a stop and after a restart."""

import re

from cluster import REPOSITORY, Cluster, metric_sum, wait_until


def of_coupon(cluster, name, coupon):
    return cluster.issuer.metrics().get(f'coupond_issuer_coupon_{name}{{partition="0",coupon="{coupon}"}}')


def names_of(file, table):
    """The quoted texts of each row X(ID, "…") of a table of the program."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    body = re.search(rf"#define {table}\(X\)((?:.*\\\n)*.*)\n", text)[1]
    return [re.findall(r'"([^"]*)"', row) for row in re.findall(r"X\(([^)]*)\)", body)]


def labelled_counters():
    """Every series that a counter with labels has from the start, without its partition."""
    table = "shared/telemetry/metrics_table.h"
    sets = re.search(r"#define METRIC_LABEL_SET_TABLE\(X\)((?:.*\\\n)*.*)\n",
                     (REPOSITORY / table).read_text(encoding="utf-8"))[1]
    labels = {name: [f'{key}="{row[0]}"'
                     for row in names_of("shared/coupon.h" if values == "VERDICT_TABLE" else table, values)]
              for name, key, values in re.findall(r'X\((\w+), "(\w+)", (\w+)\)', sets)}
    labels["ROUTE_STATUS"] = [f'route="{route}",status="{status}"'
                              for route, statuses in names_of(table, "METRIC_ROUTE_TABLE")
                              for status in statuses.split()]
    rows = re.findall(r'X\(\w+, COUNTER, (\w+), [^,]+, "(\w+)"', (REPOSITORY / table).read_text(encoding="utf-8"))
    return [(name, label) for kind, name in rows if kind not in ("NONE", "WHOLE") for label in labels[kind]]


def test_every_counter_with_labels_exists_before_its_first_event(tmp_path):
    expected = labelled_counters()
    assert len(expected) > 80
    with Cluster(tmp_path) as cluster:
        series = {re.sub(r'partition="\d+",', "", name): value for member in cluster.members
                  for name, value in member.metrics().items()}
    missing = [f"{name}{{{label}}}" for name, label in expected if f"{name}{{{label}}}" not in series]
    assert missing == []
    of_issues = [series[f"{name}{{{label}}}"] for name, label in expected if "issue" in label]
    assert of_issues == [0] * len(of_issues)
    assert sum(name.startswith("coupond_gateway_requests_total{") for name in series) < 300


def test_metrics_of_the_whole_role_appear_once(tmp_path):
    table = (REPOSITORY / "shared/telemetry/metrics_table.h").read_text(encoding="utf-8")
    names = re.findall(r'X\(\w+, (?!READING)\w+, WHOLE, [^,]+, "(\w+)"', table)
    assert len(names) > 10
    with Cluster(tmp_path, partitions=2) as cluster:
        series = cluster.issuer.metrics()
    assert [name for name in names if [one for one in series if one.split("{")[0] == name] != [name]] == []


def test_stock_is_exported_by_coupon_and_again_after_a_restart(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 7)
        cluster.create_coupon("B", 100)
        assert of_coupon(cluster, "quantity", "A") == 7
        for user in range(9):
            cluster.issue("A", f"user-{user}")
        wait_until(lambda: of_coupon(cluster, "issued", "A") == 7, "all of A is exported as issued")
        assert of_coupon(cluster, "issued", "B") == 0
        cluster.request("PATCH", "/v1/coupons/A", {"quantity": 8})
        wait_until(lambda: of_coupon(cluster, "quantity", "A") == 8, "the new quantity is exported")

        cluster.issuer.kill()
        cluster.issuer.start()
        cluster.wait_ready()
        metrics = cluster.issuer.metrics()
        assert (of_coupon(cluster, "quantity", "A"), of_coupon(cluster, "issued", "A")) == (8, 7)
        assert metric_sum(metrics, "coupond_issuer_coupons") == 2
        assert metric_sum(metrics, "coupond_issuer_coupons_unlisted") == 0
        assert metric_sum(metrics, "coupond_issuer_recovery_records") == 2 + 7 + 1
        assert 0 < metric_sum(metrics, "coupond_issuer_recovery_seconds") < 60


def test_more_coupons_than_have_a_place_are_counted(tmp_path):
    with Cluster(tmp_path) as cluster:
        for number in range(35):
            cluster.create_coupon(f"c{number:02}", 1)
        metrics = cluster.issuer.metrics()
        assert len([name for name in metrics if name.startswith("coupond_issuer_coupon_quantity{")]) == 32
        assert metric_sum(metrics, "coupond_issuer_coupons_unlisted") == 3


def all_writers_connected(metrics):
    return metrics["coupond_persister_writers"] == metrics["coupond_persister_store_connected"] >= 1


def test_readiness_and_the_answers_to_clients_meanwhile(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 10)
        gateway = cluster.gateways[0]
        wait_until(lambda: all(member.metrics()["coupond_ready"] == 1 for member in cluster.members),
                   "all report that they are ready")
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_local_gateways") >= 1,
                   "the gateway shares memory")
        wait_until(lambda: all_writers_connected(cluster.persisters[0].metrics()), "every writer has its connection")
        told = 'coupond_gateway_unavailable_total{code="issuer_unavailable"}'
        assert gateway.metrics()[told] == 0

        cluster.issuer.stop()
        wait_until(lambda: gateway.metrics()["coupond_gateway_partitions_connected"] == 0,
                   "the gateway has lost the issuer")
        assert gateway.metrics()["coupond_ready"] == 1
        assert cluster.issue("A", "alice")[0] == 503
        assert gateway.metrics()[told] == 1
        cluster.issuer.start()
        cluster.wait_ready()
        wait_until(lambda: gateway.metrics()["coupond_gateway_partitions_connected"] == 1,
                   "the gateway has reconnected to the issuer")


def test_creations_among_issues_reach_the_store_in_few_transactions_and_lag_until_then(tmp_path):
    with Cluster(tmp_path) as cluster:
        persister = cluster.persisters[0]
        persister.stop()
        for number in range(100):
            cluster.create_coupon(f"c{number:03}", 1)
            assert cluster.issue(f"c{number:03}", "alice")[0] == 201

        def lags():
            metrics = cluster.issuer.metrics()
            return (metric_sum(metrics, "coupond_issuer_persist_lag_rows") == 200
                    and metric_sum(metrics, "coupond_issuer_persist_lag_seconds") > 0)
        wait_until(lags, "all records lag")
        persister.start()
        cluster.wait_drained()
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_persist_lag_seconds") == 0,
                   "nothing lags")
        assert metric_sum(persister.metrics(), "coupond_persister_batch_rows_count") <= 10
        assert len(cluster.issues()) == 100
