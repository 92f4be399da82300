"""`coupond verify` and `coupond journal check` can fail, and name the fault."""

import contextlib
import os
import sqlite3

import pytest

from cluster import Cluster, run_coupond
from http_load import Load


@pytest.fixture
def stopped(tmp_path):
    """A stopped, intact cluster that has issued 20 of coupon LOST to user-0 … user-19."""
    with Cluster(tmp_path, partitions=2) as cluster:
        cluster.create_coupon("LOST", 100)
        answers = Load(cluster.addresses, connections=4).run([("LOST", f"user-{i}") for i in range(20)])
        assert sum(answer.status == 201 for answer in answers) == 20
        cluster.wait_drained()
        cluster.assert_kept()
        cluster.stop()
        cluster.assert_kept()
        assert cluster.journal_check().returncode == 0
        yield cluster


def change_store(cluster, sql, *parameters):
    with contextlib.closing(sqlite3.connect(cluster.store_path)) as connection:
        assert connection.execute(sql, parameters).rowcount == 1
        connection.commit()


def assert_broken(result, *words):
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    for word in words:
        assert word in output, f"{word!r} is not named in\n{output}"


def flip_byte(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x40]))


def offset_in_journal(cluster, needle):
    """The segment and offset of the first occurrence of `needle`."""
    for path in cluster.segments():
        at = path.read_bytes().find(needle)
        if at >= 0:
            return path, at
    raise AssertionError(f"{needle!r} is in no segment")


def test_verify_names_a_row_that_was_deleted_from_the_store(stopped):
    change_store(stopped, "DELETE FROM coupon_issue WHERE coupon_id = 'LOST' AND sequence = 7")
    assert_broken(stopped.verify(), "LOST", "7")


def test_verify_names_a_row_that_was_added_to_the_store(stopped):
    change_store(stopped, "INSERT INTO coupon_issue (coupon_id, sequence, user_id, nth, issued_at, journal_seq) "
                          "SELECT coupon_id, 21, 'mallory', 1, issued_at, journal_seq + 1 FROM coupon_issue "
                          "WHERE coupon_id = 'LOST' AND sequence = 20")
    assert_broken(stopped.verify(), "LOST", "21", "mallory")


def test_verify_names_a_store_that_went_back_to_an_older_copy(stopped):
    """It is behind even when no row is missing, because the missing records have none."""
    partition, last = stopped.query("SELECT partition_no, last_seq FROM journal ORDER BY last_seq DESC LIMIT 1")[0]
    change_store(stopped, "UPDATE journal SET last_seq = last_seq - 1 WHERE partition_no = ?", partition)
    assert_broken(stopped.verify(), f"partition {partition}", f"up to {last - 1}, but acknowledged them up to {last}")


def test_verify_names_a_row_that_was_given_to_another_user(stopped):
    change_store(stopped, "UPDATE coupon_issue SET user_id = 'mallory' WHERE coupon_id = 'LOST' AND sequence = 7")
    assert_broken(stopped.verify(), "LOST", "7", "mallory")


def test_verify_names_a_coupon_whose_count_was_changed(stopped):
    change_store(stopped, "UPDATE coupon SET issued = 19 WHERE id = 'LOST'")
    assert_broken(stopped.verify(), "LOST")


def test_a_flipped_byte_in_the_journal_is_named_with_file_and_offset(stopped):
    path, offset = offset_in_journal(stopped, b"user-3")
    flip_byte(path, offset)
    assert_broken(stopped.journal_check(), path.name, "offset")
    assert_broken(stopped.verify(), path.name)


def test_an_issuer_refuses_to_start_on_a_flipped_byte(stopped):
    path, offset = offset_in_journal(stopped, b"LOST")
    flip_byte(path, offset)
    stopped.issuer.start()
    status = stopped.issuer.process.wait(120)
    stopped.issuer.process = None
    assert status not in (0, 99) and status > 0
    assert path.name in stopped.issuer.log()


def test_a_torn_tail_is_cut_and_reported_and_nothing_else_is_lost(stopped):
    path, _ = offset_in_journal(stopped, b"user-")
    content = path.read_bytes()
    end = len(content.rstrip(b"\0"))
    with open(path, "r+b") as file:
        file.seek((end + 7) // 8 * 8)
        file.write(os.urandom(24))
    stopped.start()
    assert "cut" in stopped.issuer.log() or "torn" in stopped.issuer.log()
    assert stopped.coupon("LOST")["issued"] == 20
    status, body = stopped.issue("LOST", "new")
    assert (status, body["sequence"]) == (201, 21)
    stopped.wait_drained()
    stopped.assert_kept()


def test_verify_exits_with_2_if_there_is_nothing_to_check(tmp_path):
    result = run_coupond("verify", "--dir", tmp_path / "nowhere")
    assert result.returncode == 2
    assert "nowhere" in result.stdout + result.stderr
