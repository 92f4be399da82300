"""A verification is started over the API where the journals are, and its result is read there: kept, broken, and the
ways in which it cannot check."""

import contextlib
import os
import pathlib
import signal
import sqlite3
import time

import pytest

from cluster import Cluster, metric_sum, wait_until

PATH = "/v1/verification"
PROMISES = {"never_too_many", "never_twice", "issued_means_issued", "first_come_first_served", "only_in_its_window",
            "store_like_journal", "erased_means_erased"}
ENDED = "coupond_issuer_verification_timestamp_seconds"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("verification"), partitions=2) as running:
        running.create_coupon("A", 100)
        for i in range(5):
            assert running.issue("A", f"user-{i}")[0] == 201
        running.wait_drained()
        yield running


def read(cluster):
    status, _, told = cluster.request("GET", PATH)
    assert status == 200
    return told


def start(cluster, headers=None):
    status, _, told = cluster.request("POST", PATH, None, headers or {})
    assert (status, told["state"], told["kept"], told["ended_at"]) == (202, "running", None, None)
    return told


def verified(cluster):
    start(cluster)
    wait_until(lambda: read(cluster)["state"] != "running", "the verification has ended")
    return read(cluster)


def children(pid):
    """Those that run the command and follow their parent already."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += (task / "children").read_text(encoding="utf-8").split()
    return [int(child) for child in found if follows(child)]


def follows(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="utf-8").strip() == "1000"
    except OSError:
        return False


def state_of(pid):
    """The letter of the kernel: T stopped, Z ended, but not waited for; Z as well for one that is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return "Z"
    return text.rsplit(")", 1)[1].split()[0]


def has_ended(pid):
    return state_of(pid) in "ZX"


def is_held(pid):
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) in "TZX", "the child is stopped or has ended")
    return state_of(pid) == "T"


def stopped_child(cluster):
    """The verification, stopped by a signal before it can end."""
    pid = cluster.issuer.process.pid
    start(cluster)
    deadline = time.monotonic() + 30
    while not children(pid) and read(cluster)["state"] == "running":
        assert time.monotonic() < deadline
    found = children(pid)
    return found[0] if found and is_held(found[0]) else None


def hold_one(cluster):
    """A verification may end before it is found; then another one is tried."""
    for _ in range(50):
        child = stopped_child(cluster)
        if child is not None:
            return child
        wait_until(lambda: read(cluster)["state"] != "running", "the verification has ended")
    raise AssertionError("no verification was slow enough")


def test_a_kept_promise_is_told_with_its_counts(cluster):
    told = verified(cluster)
    assert (told["state"], told["kept"], told["error"]) == ("done", True, None)
    assert (told["issues"], told["in_store"], told["lag"], told["dead_letters"]) == (5, 5, 0, 0)
    assert {promise["name"] for promise in told["promises"]} == PROMISES
    assert all(promise["kept"] and promise["violations"] == 0 for promise in told["promises"])
    assert told["started_at"] <= told["ended_at"]
    assert metric_sum(cluster.issuer.metrics(), ENDED) > 0


def test_the_log_says_who_started_it(cluster):
    start(cluster, {"X-Request-Id": "by-hand-7"})
    wait_until(lambda: read(cluster)["state"] != "running", "the verification has ended")
    assert "verification started request_id=by-hand-7" in cluster.issuer.log()
    status, headers, _ = cluster.request("POST", PATH)
    assert status == 202
    wait_until(lambda: read(cluster)["state"] != "running", "the verification has ended")
    assert f"verification started request_id={headers['X-Request-Id']}" in cluster.issuer.log()


def test_one_runs_at_a_time_and_a_killed_one_has_failed(cluster):
    child = hold_one(cluster)
    status, _, body = cluster.request("POST", PATH)
    assert (status, body["code"]) == (409, "verification_running")
    assert cluster.issue("A", "meanwhile")[0] == 201  # the partition decides beside it
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: read(cluster)["state"] == "failed", "the verification has failed")
    assert "killed" in read(cluster)["error"]
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_verification_failed") == 1
    assert verified(cluster)["kept"]


def test_a_broken_promise_is_named_and_raises_the_metric_sum(cluster):
    cluster.wait_drained()
    store = sqlite3.connect(cluster.store_path, isolation_level=None, timeout=60)
    with contextlib.closing(store):
        row = store.execute("SELECT * FROM coupon_issue WHERE user_id = 'user-3'").fetchone()
        store.execute("DELETE FROM coupon_issue WHERE user_id = 'user-3'")
        told = verified(cluster)
        store.execute(f"INSERT INTO coupon_issue VALUES ({','.join('?' * len(row))})", row)
    assert (told["state"], told["kept"]) == ("done", False)
    (broken,) = [promise for promise in told["promises"] if not promise["kept"]
                 and promise["name"] == "issued_means_issued"]
    assert broken["violations"] == 1 and "user-3" in broken["detail"]
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_verification_broken") == 1
    assert verified(cluster)["kept"]
    assert metric_sum(cluster.issuer.metrics(), "coupond_issuer_verification_broken") == 0


def test_the_time_limit_and_the_end_of_the_issuer_end_it(tmp_path):
    options = {"issuer/verification_timeout_ms": 300}
    with Cluster(tmp_path, options=options) as cluster:
        cluster.create_coupon("A", 100)
        hold_one(cluster)
        wait_until(lambda: read(cluster)["state"] == "failed", "the verification has failed")
        assert "longer than allowed" in read(cluster)["error"]
        cluster.issuer.stop()
        cluster.issuer.start()
        wait_until(lambda: cluster.request("GET", PATH)[0] == 200, "the issuer answers")
        assert read(cluster)["state"] == "none"


def test_the_child_ends_with_its_issuer(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 100)
        child = hold_one(cluster)
        cluster.issuer.kill()
        wait_until(lambda: has_ended(child), "the child has ended")


def test_a_store_that_is_away_is_the_reason(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 100)
        cluster.wait_drained()
        for persister in cluster.persisters:
            persister.stop()
        cluster.store_path.rename(cluster.store_path.with_suffix(".away"))
        told = verified(cluster)
        assert told["state"] == "failed" and "coupond.db" in told["error"], told


def test_dev_verifies_its_own_folder(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        assert cluster.issue("A0001", "alice")[0] == 201
        assert verified(cluster)["kept"]
