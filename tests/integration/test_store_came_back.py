"""A store that was replaced, by an empty one for example, is compared when it returns: it may have more records than
the journal."""

import contextlib
import errno
import itertools
import shutil
import sqlite3

import pytest

from cluster import Cluster, run_coupond, wait_until
from preload import ENDLESS, Preload
from servers import MariaDB

NOTE = "p00/former_stores"


def store_files(cluster):
    return list(cluster.store_path.parent.glob(f"{cluster.store_path.name}*"))


def swap_store(cluster, shelf, other=None):
    """Stores the current store away, and replaces it by the other one, or by none."""
    shelf.mkdir()
    for path in store_files(cluster):
        path.rename(shelf / path.name)
    if other is not None:
        for path in other.iterdir():
            path.rename(cluster.store_path.parent / path.name)
        other.rmdir()


def replace_journal(cluster, other):
    shutil.rmtree(cluster.journal_directory)
    shutil.copytree(other, cluster.journal_directory)


def refuses(cluster, word):
    result = run_coupond("issuer", "--config", str(cluster.config_path))
    assert result.returncode == 1 and word in result.stderr, result.stdout + result.stderr


def decides(cluster, user):
    wait_until(lambda: cluster.issue("s", user)[0] in (200, 201, 409), f"{user} gets an answer")


def stored_users(cluster):
    return sorted(cluster.issues().get("s", {}).values())


@pytest.fixture
def stopped(tmp_path):
    """`a` and `b` are stored; `older` is a copy of the journal from before `b`, `newest` one from after. Issuer and
    persister are stopped."""
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(tmp_path,
                                              options={"persister/retry_max_ms": 200, "issuer/resend_ms": 200}))
        cluster.older, cluster.newest = tmp_path / "older", tmp_path / "newest"
        cluster.create_coupon("s", 100)
        decides(cluster, "a")
        cluster.wait_drained()
        cluster.issuer.stop()
        shutil.copytree(cluster.journal_directory, cluster.older)
        cluster.issuer.start()
        decides(cluster, "b")
        cluster.wait_drained()
        cluster.issuer.stop()
        cluster.persisters[0].stop()
        shutil.copytree(cluster.journal_directory, cluster.newest)
        yield cluster


def begin_an_empty_store(cluster):
    cluster.persisters[0].start()
    wait_until(cluster.persisters[0].is_ready, "it has created its tables")


def fill_an_empty_store(cluster, shelf):
    """The real store is replaced by an empty one, which gets the journal's records."""
    swap_store(cluster, shelf)
    cluster.persisters[0].start()
    cluster.issuer.start()
    decides(cluster, "c")
    cluster.wait_drained()
    assert "c" in stored_users(cluster)


def bring_back(cluster, shelf, empty):
    cluster.persisters[0].stop()
    swap_store(cluster, empty, shelf)
    cluster.persisters[0].start()


def test_an_older_copy_stops_when_a_store_with_more_records_returns(stopped, tmp_path):
    replace_journal(stopped, stopped.older)
    fill_an_empty_store(stopped, tmp_path / "real")
    assert "this journal filled the one with the id" in stopped.issuer.log()
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    assert stopped.issuer.wait_for_end() == 1
    assert "older copy" in stopped.issuer.log()
    for _ in range(2):
        refuses(stopped, "older copy")
    assert stored_users(stopped) == ["a", "b"]
    replace_journal(stopped, stopped.newest)
    stopped.issuer.start()
    decides(stopped, "d")
    stopped.wait_drained()
    stopped.assert_kept()


def test_an_older_copy_is_refused_at_the_start_too_and_can_be_rebuilt(stopped, tmp_path):
    replace_journal(stopped, stopped.older)
    fill_an_empty_store(stopped, tmp_path / "real")
    stopped.issuer.stop()
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    refuses(stopped, "older copy")
    result = run_coupond("issuer", "--config", str(stopped.config_path), "--rebuild-from-store")
    assert result.returncode == 0, result.stderr
    stopped.issuer.start()
    wait_until(lambda: stopped.issue("s", "b")[0] == 409, "the store's issues are known")
    assert stopped.issue("s", "d")[1]["sequence"] == 3
    stopped.wait_drained()
    stopped.assert_kept()


def test_stores_may_alternate_with_the_newest_journal(stopped, tmp_path):
    fill_an_empty_store(stopped, tmp_path / "real")
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    decides(stopped, "d")
    wait_until(lambda: stored_users(stopped) == ["a", "b", "c", "d"], "the first store has everything")
    stopped.issuer.kill()
    bring_back(stopped, tmp_path / "empty", tmp_path / "real")
    stopped.issuer.start()
    decides(stopped, "e")
    wait_until(lambda: stored_users(stopped) == ["a", "b", "c", "d", "e"], "the second store has everything")
    stopped.issuer.stop()
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    stopped.issuer.start()
    decides(stopped, "f")
    wait_until(lambda: stored_users(stopped) == ["a", "b", "c", "d", "e", "f"], "the first store has everything again")
    stopped.wait_drained()
    stopped.assert_kept()


def test_a_strict_issuer_waits_until_another_store_is_named(stopped, tmp_path):
    stopped.options["issuer/require_store"] = 1
    stopped.write_config()
    real = tmp_path / "real"
    swap_store(stopped, real)
    stopped.issuer.start()
    wait_until(lambda: "waiting for the store" in stopped.issuer.log(), "it waits for a store")
    stopped.persisters[0].start()
    wait_until(lambda: "but the journal filled the store with the id" in stopped.issuer.log(), "it reports why")
    assert not stopped.issuer.is_ready()
    stopped.issuer.stop()
    stopped.options["issuer/store_id"] = stopped.query(
        "SELECT store_id FROM schema_version WHERE store_id IS NOT NULL"
    )[0][0]
    stopped.write_config()
    stopped.issuer.start()
    decides(stopped, "c")
    wait_until(lambda: stored_users(stopped) == ["a", "b", "c"], "the named store is filled")


def test_a_store_with_another_id_than_configured_is_not_compared(stopped, tmp_path):
    stopped.options["issuer/store_id"] = stopped.query(
        "SELECT store_id FROM schema_version WHERE store_id IS NOT NULL"
    )[0][0]
    stopped.write_config()
    replace_journal(stopped, stopped.older)
    swap_store(stopped, tmp_path / "real")
    stopped.persisters[0].start()
    stopped.issuer.start()
    decides(stopped, "c")
    stopped.issuer.wait_detail("not compared with the store yet")
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    assert stopped.issuer.wait_for_end() == 1
    assert "older copy" in stopped.issuer.log()


def test_a_damaged_note_is_reported_with_the_remedy(stopped, tmp_path):
    fill_an_empty_store(stopped, tmp_path / "real")
    stopped.issuer.stop()
    note = stopped.journal_directory / NOTE
    note.write_bytes(note.read_bytes()[:-1])
    refuses(stopped, "remove the file if this is the newest copy")
    check = run_coupond("journal", "check", str(stopped.journal_directory))
    assert check.returncode == 1 and "former_stores is damaged" in check.stdout + check.stderr
    note.unlink()
    stopped.issuer.start()
    decides(stopped, "d")
    stopped.wait_drained()
    stopped.assert_kept()


def test_a_journal_with_a_damaged_note_can_be_rebuilt(stopped, tmp_path):
    fill_an_empty_store(stopped, tmp_path / "real")
    stopped.issuer.stop()
    (stopped.journal_directory / "p00/uncompared").write_bytes(b"?")
    refuses(stopped, "uncompared is damaged")
    result = run_coupond("issuer", "--config", str(stopped.config_path), "--rebuild-from-store")
    assert result.returncode == 0, result.stderr
    stopped.issuer.start()
    wait_until(lambda: stopped.issue("s", "c")[0] == 409, "the store's issues are known")
    stopped.wait_drained()
    stopped.assert_kept()


@pytest.mark.parametrize("back", ["the store", "room"])
def test_a_full_disk_without_the_store_is_waited_for(stopped, tmp_path, back):
    """There may still be room for records, which could not be distinguished from older ones after a crash."""
    rules = Preload(tmp_path / "rules")
    stopped.issuer.environment = rules.environment()
    rule = rules.add("pwrite", "fail", "/uncompared", error=errno.ENOSPC, times=ENDLESS)
    replace_journal(stopped, stopped.older)
    swap_store(stopped, tmp_path / "real")
    stopped.issuer.start()
    wait_until(lambda: rule.struck > 1, "the note is retried")
    wait_until(lambda: "the disk is too full to record" in stopped.issuer.log(), "it reports why it waits")
    assert not stopped.issuer.is_ready()
    if back == "room":
        rule.disarm()
        decides(stopped, "c")
        assert (stopped.journal_directory / "p00/uncompared").exists()
        stopped.issuer.kill()
        swap_store(stopped, tmp_path / "none", tmp_path / "real")
        refuses(stopped, "older copy")
    else:
        swap_store(stopped, tmp_path / "none", tmp_path / "real")
        assert stopped.issuer.wait_for_end() == 1
        assert "older copy" in stopped.issuer.log()


@pytest.mark.parametrize("lost", ["absent", "empty"])
def test_a_copy_without_the_id_of_the_store_that_it_filled(stopped, tmp_path, lost):
    """The id of a store that is being filled is recorded without a sync."""
    replace_journal(stopped, stopped.older)
    acked = stopped.journal_directory / "p00/acked"
    acked.unlink()
    if lost == "empty":
        acked.touch()
    fill_an_empty_store(stopped, tmp_path / "real")
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    assert stopped.issuer.wait_for_end() == 1
    assert "older copy" in stopped.issuer.log()
    refuses(stopped, "older copy")


def test_a_store_that_the_older_copy_does_not_know(stopped, tmp_path):
    """The newest journal has filled another store than the one that both know."""
    swap_store(stopped, tmp_path / "first")
    begin_an_empty_store(stopped)
    stopped.issuer.start()
    wait_until(lambda: "b" in stored_users(stopped), "the second store has everything")
    stopped.wait_drained()
    stopped.issuer.stop()
    stopped.persisters[0].stop()
    replace_journal(stopped, stopped.older)
    fill_an_empty_store(stopped, tmp_path / "second")
    bring_back(stopped, tmp_path / "second", tmp_path / "third")
    assert stopped.issuer.wait_for_end() == 1
    assert "older copy" in stopped.issuer.log()
    assert stored_users(stopped) == ["a", "b"]


def test_more_empty_stores_than_are_remembered(stopped, tmp_path):
    """Like a database whose folder is lost with each container."""
    replace_journal(stopped, stopped.older)
    fill_an_empty_store(stopped, tmp_path / "real")
    stopped.issuer.stop()
    for number in range(9):
        stopped.persisters[0].stop()
        swap_store(stopped, tmp_path / f"empty-{number}")
        begin_an_empty_store(stopped)
        stopped.issuer.start()
        wait_until(lambda: "c" in stored_users(stopped), "it is filled again")
        stopped.wait_drained()
        stopped.issuer.stop()
    bring_back(stopped, tmp_path / "real", tmp_path / "empty")
    refuses(stopped, "older copy")


def test_a_store_with_a_gap_before_later_records(stopped):
    """The result of one persister of several that died before its commit."""
    with contextlib.closing(sqlite3.connect(stopped.store_path)) as database:
        database.execute("UPDATE journal SET last_seq = 1, ahead = '3-3'")
        database.execute("DELETE FROM coupon_issue WHERE user_id = 'a'")
        database.commit()
    replace_journal(stopped, stopped.older)
    stopped.persisters[0].start()
    refuses(stopped, "older copy")


def test_records_sent_while_another_store_is_adopted_do_not_refuse_the_first(tmp_path):
    """The address moves, one persister still has its connection, and recording what the first store may have takes
    long."""
    first, second, rules = tmp_path / "first.db", tmp_path / "second.db", Preload(tmp_path / "rules")
    cluster = Cluster(tmp_path, persisters=2, options={"persister/retry_max_ms": 200, "issuer/resend_ms": 200})
    old, new = cluster.persisters
    cluster.store_path.symlink_to(first)
    for persister in (old, new):
        persister.environment["COUPOND_STORE_PATH"] = str(first)
    cluster.issuer.environment = rules.environment()
    with cluster:
        cluster.create_coupon("s", 10_000)
        decides(cluster, "a")
        cluster.wait_drained()
        slow = rules.add("sync", "delay", "/former_stores", times=2, delay_ms=2000)
        cluster.store_path.unlink()
        cluster.store_path.symlink_to(second)
        new.stop()
        new.environment["COUPOND_STORE_PATH"] = str(second)
        new.start()
        asked = itertools.count()

        def goes_on():
            decides(cluster, f"user-{next(asked)}")
            return slow.struck > 0 and "the journal now fills another store" in cluster.issuer.log()

        wait_until(goes_on, "it fills the second store", pause=0.05)
        old.stop()
        cluster.wait_drained()
        cluster.store_path.unlink()
        cluster.store_path.symlink_to(first)
        new.stop()
        old.start()
        decides(cluster, "later")
        wait_until(lambda: "later" in stored_users(cluster), "the first store has everything")
        new.environment["COUPOND_STORE_PATH"] = str(first)
        new.start()
        cluster.wait_drained()
        cluster.assert_kept()


def test_an_older_copy_is_detected_with_altered_tables_too(tmp_path):
    with MariaDB() as database, Cluster(tmp_path, database=database, options={"issuer/resend_ms": 200}) as cluster:
        cluster.create_coupon("s", 100)
        decides(cluster, "a")
        cluster.wait_drained()
        cluster.issuer.stop()
        shutil.copytree(cluster.journal_directory, tmp_path / "older")
        cluster.issuer.start()
        decides(cluster, "b")
        cluster.wait_drained()
        cluster.issuer.stop()
        replace_journal(cluster, tmp_path / "older")
        database.administer(f"USE {database.database}", "ALTER TABLE coupon_issue DROP KEY holder")
        refuses(cluster, "older copy")
