"""An issuer that starts without its store is compared with it as soon as it answers, before anything is sent."""

import contextlib
import shutil

import pytest

from cluster import Cluster, metric_sum, run_coupond, wait_until
from servers import MariaDB

NOTE = "p00/uncompared"


@pytest.fixture
def filled(tmp_path):
    """A coupon and one issue, stored; the issuer is stopped."""
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(tmp_path, database=stack.enter_context(MariaDB()),
                                              options={"persister/retry_max_ms": 200, "issuer/resend_ms": 200}))
        cluster.create_coupon("s", 100)
        assert cluster.issue("s", "a")[1]["sequence"] == 1
        cluster.wait_drained()
        cluster.issuer.stop()
        yield cluster


def replace_journal(cluster, other):
    shutil.rmtree(cluster.journal_directory)
    shutil.copytree(other, cluster.journal_directory)


def add_newer(cluster, older):
    """Keeps a copy of the journal, and stores an issue that the copy lacks."""
    shutil.copytree(cluster.journal_directory, older)
    cluster.issuer.start()
    wait_until(lambda: cluster.issue("s", "b")[0] == 201, "b is issued")
    cluster.wait_drained()
    cluster.issuer.stop()


def decide_without_store(cluster, coupon, user):
    cluster.database.stop()
    cluster.issuer.start()
    wait_until(cluster.issuer.is_ready, "it decides without its store")
    wait_until(lambda: cluster.issue(coupon, user)[0] == 201, "an issue without the store")


def ends(cluster, word):
    assert cluster.issuer.wait_for_end() == 1
    assert word in cluster.issuer.log()


def refuses(cluster, word):
    result = run_coupond("issuer", "--config", str(cluster.config_path))
    assert result.returncode == 1 and word in result.stderr, result.stdout + result.stderr


def test_an_older_copy_stops_when_the_store_returns_and_at_each_later_start(filled, tmp_path):
    older = tmp_path / "older"
    add_newer(filled, older)
    newest = tmp_path / "newest"
    shutil.copytree(filled.journal_directory, newest)
    replace_journal(filled, older)
    decide_without_store(filled, "s", "c")
    filled.issuer.wait_detail("not compared with the store yet")
    filled.database.start()
    ends(filled, "older copy")
    # Now it has at least as many records as the store.
    for _ in range(2):
        refuses(filled, "older copy")
    assert filled.issues() == {"s": {1: "a", 2: "b"}}
    assert filled.query("SELECT COUNT(*) FROM dead_letter")[0][0] == 0
    replace_journal(filled, newest)
    filled.issuer.start()
    wait_until(lambda: filled.issue("s", "d")[0] == 201, "the newest one continues")
    filled.wait_drained()
    filled.assert_kept()


def test_an_older_copy_that_was_stopped_before_the_store_came_back_is_refused(filled, tmp_path):
    older = tmp_path / "older"
    add_newer(filled, older)
    replace_journal(filled, older)
    decide_without_store(filled, "s", "c")
    filled.issuer.stop()
    filled.database.start()
    refuses(filled, "older copy")
    result = run_coupond("issuer", "--config", str(filled.config_path), "--rebuild-from-store")
    assert result.returncode == 0, result.stderr
    filled.issuer.start()
    wait_until(lambda: filled.issue("s", "b")[0] == 409, "the store's issues are known")
    assert filled.issue("s", "d")[1]["sequence"] == 3
    filled.wait_drained()
    filled.assert_kept()


def foreign_journal(tmp_path):
    with Cluster(tmp_path / "other") as other:
        other.create_coupon("OTHER", 10)
        other.wait_drained()
        other.stop()
        return other.journal_directory


def test_a_foreign_journal_with_records_stops_when_the_store_returns(filled, tmp_path):
    replace_journal(filled, foreign_journal(tmp_path))
    decide_without_store(filled, "OTHER", "c")
    filled.database.start()
    ends(filled, "another journal")
    refuses(filled, "another journal")


def test_the_right_journal_continues_and_clears_the_uncompared_state(filled):
    decide_without_store(filled, "s", "b")
    filled.issuer.wait_detail("not compared with the store yet")
    wait_until(lambda: metric_sum(filled.issuer.metrics(), "coupond_issuer_store_uncompared") == 1,
               "the gauge shows it")
    assert (filled.journal_directory / NOTE).exists()
    filled.issuer.kill()
    filled.issuer.start()
    wait_until(lambda: filled.issue("s", "c")[0] == 201, "still without the store")
    filled.database.start()
    filled.wait_drained()
    assert "not compared" not in filled.issuer.detail()
    assert metric_sum(filled.issuer.metrics(), "coupond_issuer_store_uncompared") == 0
    assert not (filled.journal_directory / NOTE).exists()
    filled.assert_kept()


def test_a_store_with_a_configured_id_is_compared_too(filled, tmp_path):
    """With issuer/store_id the id does not have to be read."""
    older = tmp_path / "older"
    add_newer(filled, older)
    filled.options["issuer/store_id"] = filled.query("SELECT store_id FROM schema_version")[0][0]
    filled.write_config()
    replace_journal(filled, older)
    decide_without_store(filled, "s", "c")
    filled.database.start()
    ends(filled, "older copy")


def test_a_persister_whose_store_another_journal_filled_is_not_ready(filled, tmp_path):
    """The comparison is disabled, and the journal does not know which store it fills."""
    mine = tmp_path / "mine"
    shutil.copytree(filled.journal_directory, mine)
    replace_journal(filled, foreign_journal(tmp_path))
    (filled.journal_directory / "p00/acked").unlink()
    filled.options["issuer/check_store"] = 0
    filled.write_config()
    filled.issuer.start()
    wait_until(lambda: filled.issue("OTHER", "c")[0] == 201, "it decides")
    persister = filled.persisters[0]
    persister.wait_detail("another journal")
    assert not persister.is_ready()
    assert metric_sum(persister.metrics(), 'coupond_persister_store_errors_total{result="foreign"}') > 0
    filled.issuer.stop()
    replace_journal(filled, mine)
    filled.issuer.start()
    wait_until(lambda: filled.issue("s", "d")[0] == 201, "the right one decides")
    wait_until(persister.is_ready, "it takes records")
    filled.wait_drained()
