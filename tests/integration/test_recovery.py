"""Snapshots, removal of segments, and journals rebuilt from the store, with the real program, a real database and
load."""

import contextlib
import json
import shutil
import sqlite3

import pytest

from cluster import Cluster, run_coupond, wait_until
from http_load import Load
from servers import MariaDB

SMALL = {"issuer/segment_mb": 2, "issuer/snapshot_mb": 1, "issuer/snapshot_mb_per_s": 0}


def bench(cluster, *arguments):
    result = run_coupond("bench", "--url", f"http://{cluster.gateways[0].status_address}", "--json", *arguments,
                         timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def fill(cluster, coupon, quantity, rounds=1):
    for part in range(rounds):
        more = ["--create", str(quantity)] if part == 0 else []
        bench(cluster, "--coupon", coupon, "--rate", "10000", "--duration", "8", *more)


def snapshots(cluster):
    return sorted(cluster.journal_directory.glob("p*/*.snapshot"))


def first_segment(cluster):
    return min(cluster.segments()).name


def make_a_journal_that_lost_its_beginning(cluster):
    """Runs a load until segments are removed, then waits until the store has everything."""
    cluster.create_coupon("SMALL", 3)
    cluster.create_coupon("TWICE", 100, per_user_limit=2)
    for user in ("a", "b", "a"):
        assert cluster.issue("TWICE", user)[0] == 201
    fill(cluster, "BIG", 500_000, rounds=2)
    wait_until(lambda: len(snapshots(cluster)) == 2, "two snapshots")
    wait_until(lambda: first_segment(cluster) != f"{1:020}.segment", "the first segment removed")
    cluster.wait_drained()


def state(cluster):
    coupons = cluster.request("GET", "/v1/coupons")[2]
    return {coupon["id"]: (coupon["issued"], coupon["remaining"]) for coupon in coupons["coupons"]}


def assert_named(cluster, sql, word):
    """Changes the store, expects `verify` to name it, and undoes it."""
    kept = cluster.directory / "kept.db"
    shutil.copy(cluster.store_path, kept)
    with contextlib.closing(sqlite3.connect(cluster.store_path)) as connection:
        assert connection.execute(sql).rowcount == 1
        connection.commit()
    result = cluster.verify()
    assert result.returncode == 1 and word in result.stdout, result.stdout + result.stderr
    shutil.copy(kept, cluster.store_path)


def test_segments_are_removed_and_everything_is_still_known_and_checked(tmp_path):
    with Cluster(tmp_path, options=SMALL) as cluster:
        make_a_journal_that_lost_its_beginning(cluster)
        before = state(cluster)
        cluster.assert_kept()
        cluster.issuer.kill()
        cluster.issuer.start()
        cluster.wait_ready()
        assert state(cluster) == before
        assert "snapshot=0" not in cluster.issuer.log().rsplit("recovered", 1)[1]
        assert cluster.issue("TWICE", "a")[0] == 409
        assert cluster.issue("TWICE", "b")[0] == 201
        cluster.wait_drained()
        cluster.assert_kept()
        assert cluster.journal_check().returncode == 0
        cluster.stop()
        with open(snapshots(cluster)[0], "r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 4]))
        assert cluster.journal_check().returncode == 1
        assert_named(cluster, "UPDATE coupon_issue SET user_id = 'mallory' WHERE coupon_id = 'BIG' AND sequence = 7",
                     "mallory")
        assert_named(cluster, "DELETE FROM coupon_issue WHERE coupon_id = 'BIG' AND sequence = 8", "9 follows 7")
        assert_named(cluster, "UPDATE coupon SET quantity = 4 WHERE id = 'SMALL'", "SMALL")
        cluster.assert_kept()


def lose_the_disk(cluster):
    shutil.rmtree(cluster.journal_directory)


def rebuild(cluster, *more):
    return run_coupond("issuer", "--config", str(cluster.config_path), "--rebuild-from-store", *more)


def issuer_refuses(cluster, *words):
    result = run_coupond("issuer", "--config", str(cluster.config_path))
    assert result.returncode == 1, result.stdout + result.stderr
    for word in words:
        assert word in result.stderr, f"{word!r} is not in\n{result.stderr}"


def fill_a_little(cluster):
    cluster.create_coupon("SMALL", 10)
    cluster.create_coupon("TWICE", 100, per_user_limit=2)
    cluster.create_coupon("NOBODY", 5)
    answers = Load(cluster.addresses, connections=4).run(
        [("SMALL", f"user-{i}") for i in range(15)] + [("TWICE", f"user-{i % 20}") for i in range(40)])
    assert sum(answer.status == 201 for answer in answers) == 50
    assert cluster.request("PATCH", "/v1/coupons/TWICE", {"quantity": 60})[0] == 200
    cluster.wait_drained()


@pytest.fixture(params=["sqlite", "mariadb"])
def filled(request, tmp_path):
    """A cluster of two partitions with some issues, all of them stored, stopped."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(MariaDB()) if request.param == "mariadb" else None
        cluster = stack.enter_context(Cluster(tmp_path, partitions=2, database=database))
        fill_a_little(cluster)
        cluster.before = state(cluster)
        cluster.stop()
        yield cluster


def test_a_lost_journal_is_rebuilt_from_the_store(filled):
    lose_the_disk(filled)
    issuer_refuses(filled, "--rebuild-from-store", "empty")
    shutil.rmtree(filled.journal_directory)
    result = rebuild(filled)
    assert result.returncode == 0, result.stderr
    filled.start()
    assert state(filled) == filled.before
    assert filled.issue("SMALL", "somebody")[0] == 409
    assert filled.issue("TWICE", "user-3")[0] == 409
    assert filled.issue("TWICE", "somebody")[1]["sequence"] == 41
    assert filled.issue("NOBODY", "somebody")[1]["sequence"] == 1
    filled.create_coupon("NEW", 1)
    assert filled.issue("NEW", "somebody")[0] == 201
    filled.wait_drained()
    filled.assert_kept()


def test_an_intact_journal_is_not_rebuilt(filled):
    result = rebuild(filled)
    assert result.returncode == 1 and "nothing to rebuild" in result.stderr
    filled.start()
    assert state(filled) == filled.before


def test_a_foreign_journal_is_refused_and_kept_by_the_rebuild(filled, tmp_path):
    lose_the_disk(filled)
    with Cluster(tmp_path / "other", partitions=2) as other:
        other.create_coupon("OTHER", 1)
        other.create_coupon("OTHER2", 1)
        other.create_coupon("OTHER3", 1)
        other.wait_drained()
        other.stop()
        shutil.copytree(other.journal_directory, filled.journal_directory)
    issuer_refuses(filled, "another journal")
    assert rebuild(filled).returncode == 0
    assert list(filled.journal_directory.glob("p00.replaced-*/meta"))
    filled.start()
    assert state(filled) == filled.before
    filled.assert_kept()


def test_an_older_copy_of_the_journal_is_refused(filled, tmp_path):
    shutil.copytree(filled.journal_directory, tmp_path / "older")
    filled.start()
    assert filled.issue("TWICE", "late")[0] == 201
    filled.wait_drained()
    filled.stop()
    shutil.rmtree(filled.journal_directory)
    shutil.copytree(tmp_path / "older", filled.journal_directory)
    issuer_refuses(filled, "older copy")
    assert rebuild(filled).returncode == 0
    filled.start()
    assert filled.request("GET", "/v1/coupons/TWICE/issues/late")[0] == 200
    filled.assert_kept()


def test_a_store_with_a_gap_is_rebuilt_only_on_request(filled):
    filled.query("DELETE FROM coupon_issue WHERE coupon_id = 'SMALL' AND sequence = 4")
    lose_the_disk(filled)
    result = rebuild(filled)
    assert result.returncode == 1 and "SMALL lacks the sequences 4 to 4" in result.stderr, result.stderr
    assert rebuild(filled, "--accept-gaps").returncode == 0
    filled.start()
    assert filled.request("GET", "/v1/coupons/SMALL/issues/lost:4")[2]["sequence"] == 4
    assert filled.issue("SMALL", "somebody")[1]["code"] == "sold_out"
    filled.assert_kept()


def test_a_dead_letter_keeps_its_holder_through_the_rebuild(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 10)
        cluster.wait_drained()
        barred = "CREATE TRIGGER barred BEFORE INSERT ON coupon_issue WHEN new.user_id IN ('first', 'last') " \
                 "BEGIN SELECT RAISE(ABORT, 'barred'); END"
        cluster.query(barred)
        for user in ("first", "second", "last"):
            assert cluster.issue("A", user)[0] == 201
        cluster.wait_drained()
        cluster.stop()
        lose_the_disk(cluster)
        result = rebuild(cluster)
        assert result.returncode == 0, result.stderr
        cluster.start()
        for sequence, user in enumerate(("first", "second", "last"), 1):
            assert cluster.issue("A", user)[1]["issue"]["sequence"] == sequence
        assert cluster.issue("A", "fourth")[1]["sequence"] == 4
        cluster.query("DROP TRIGGER barred")
        assert run_coupond("dead-letter", "retry", "--config", str(cluster.config_path)).returncode == 0
        cluster.wait_drained()
        cluster.assert_kept()


def test_the_rebuild_refuses_a_running_issuer(filled):
    filled.start()
    result = rebuild(filled)
    assert result.returncode == 1 and "in use" in result.stderr


def test_a_lost_partition_is_rebuilt_and_the_others_keep_what_the_store_lacks(filled):
    """OTHER is in another partition than TWICE, which has an issue that was never stored."""
    filled.start()
    filled.create_coupon("OTHER", 3)
    assert filled.issue("OTHER", "early")[0] == 201
    filled.wait_drained()
    for persister in filled.persisters:
        persister.stop()
    assert filled.issue("TWICE", "late")[0] == 201
    filled.stop()
    dump = run_coupond("journal", "dump", str(filled.journal_directory / "p00")).stdout
    kept, lost = ("p00", "p01") if "TWICE" in dump else ("p01", "p00")
    before = min((filled.journal_directory / kept).glob("*.segment")).read_bytes()
    shutil.rmtree(filled.journal_directory / lost)
    result = rebuild(filled)
    assert result.returncode == 0 and "keeping the journal" in result.stderr, result.stderr
    assert min((filled.journal_directory / kept).glob("*.segment")).read_bytes() == before
    filled.start()
    assert filled.request("GET", "/v1/coupons/TWICE/issues/late")[0] == 200
    assert filled.request("GET", "/v1/coupons/OTHER/issues/early")[0] == 200
    filled.wait_drained()
    filled.assert_kept()


def test_a_rebuild_that_ended_before_all_journals_were_registered_can_be_repeated(filled):
    filled.start()
    filled.create_coupon("OTHER", 3)
    filled.wait_drained()
    before = state(filled)
    filled.stop()
    [(identity,)] = filled.query("SELECT journal_id FROM journal WHERE partition_no = 1")
    lose_the_disk(filled)
    assert rebuild(filled).returncode == 0
    with contextlib.closing(filled._connect()) as connection:
        connection.cursor().execute(f"UPDATE journal SET journal_id = '{identity}' WHERE partition_no = 1")
        connection.commit()
    issuer_refuses(filled, "another journal")
    result = rebuild(filled)
    assert result.returncode == 0, result.stderr
    filled.start()
    assert state(filled) == before
    filled.assert_kept()


def test_an_issuer_that_has_records_does_not_wait_for_its_database(tmp_path):
    """Neither do the other partitions, which have no coupons yet."""
    with MariaDB() as server, Cluster(tmp_path, database=server, partitions=3) as cluster:
        cluster.create_coupon("A", 1)
        cluster.wait_drained()
        server.kill()
        cluster.issuer.kill()
        cluster.issuer.start()
        wait_until(cluster.issuer.is_ready, "an issuer that has records decides without its database")
        wait_until(lambda: cluster.issue("A", "somebody")[0] in (201, 409), "an issue without the database")
        server.start()
        cluster.wait_drained()
        cluster.assert_kept()


def test_a_wrong_number_of_partitions_is_refused_and_changes_nothing(tmp_path):
    with Cluster(tmp_path, partitions=2) as cluster:
        cluster.create_coupon("s", 10)
        assert cluster.issue("s", "a")[0] == 201
        cluster.issuer.stop()
        folders = sorted(path.name for path in cluster.journal_directory.iterdir())
        for wrong in (1, 4):
            result = run_coupond("issuer", "--config", str(cluster.config_path), "--set", f"issuer/partitions={wrong}")
            assert result.returncode == 1 and "fixed for the life of a journal" in result.stderr, result.stderr
            assert sorted(path.name for path in cluster.journal_directory.iterdir()) == folders
        cluster.issuer.start()
        wait_until(lambda: cluster.issue("s", "b")[0] == 201, "the issuer is back")
