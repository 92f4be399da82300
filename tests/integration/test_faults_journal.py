"""The journal's disk and the issuer's clock fail under the real program: answered issues are kept, other requests are
refused or retried."""

import contextlib
import datetime
import errno
import json
import shutil
import subprocess

import pytest

import small_disk
from cluster import Cluster, metric_sum, run_coupond, wait_until
from http_load import Load
from preload import ENDLESS, Preload, faketime_library

needs_clock = pytest.mark.skipif(faketime_library() is None, reason="libfaketime is not installed")
needs_mount = pytest.mark.skipif(small_disk.why_not() is not None, reason=str(small_disk.why_not()))
LONG = "x" * 50  # long user ids fill a segment sooner
QUICK = {"gateway/issuer_timeout_ms": 2000}  # requests to an issuer that dies are answered after its restart
PATIENT = {"issuer/segment_mb": 2, "gateway/issuer_timeout_ms": 60_000}  # a slow disk is not a full one


def prepared(tmp_path, clock=False, options=None):
    """A cluster with an issuer whose system calls can fail, and the rules for them."""
    cluster, rules = Cluster(tmp_path, options=QUICK | (options or {})), Preload(tmp_path / "rules", clock=clock)
    cluster.issuer.environment = rules.environment()
    return cluster, rules


def issue_some(cluster, first, count, coupon="A"):
    """{user: issue} of users who are all issued."""
    told = {}
    for number in range(first, first + count):
        status, body = cluster.issue(coupon, f"user-{number}")
        assert status == 201, (status, body)
        told[f"user-{number}"] = body
    return told


def finally_issued(cluster, user, coupon="A"):
    """Repeats the request until the answer is final; returns the user's issue."""
    def ask():
        status, _, body = cluster.request("PUT", f"/v1/coupons/{coupon}/issues/{user}")
        assert status in (200, 201, 503), (status, body)
        return body if status != 503 else None
    return wait_until(ask, f"a final answer for {user}")


def assert_kept(cluster, told, coupon="A"):
    """Asserts that every issue that was answered still exists, and that the store has it."""
    for user, issue in told.items():
        assert finally_issued(cluster, user, coupon) == issue
    cluster.wait_drained()
    stored = cluster.issues()[coupon]
    assert {issue["sequence"]: user for user, issue in told.items()}.items() <= stored.items()
    cluster.assert_kept()


def restart_after_end(cluster, status):
    assert cluster.issuer.wait_for_end() == status
    cluster.issuer.start()
    wait_until(cluster.issuer.is_ready, lambda: f"the issuer is ready again\n{cluster.issuer.log()[-2000:]}")


# writing and syncing


@pytest.mark.parametrize("operation, error", [("sync", errno.EIO), ("pwrite", errno.EIO), ("pwrite", errno.ENOSPC)])
def test_an_issuer_with_a_failing_journal_stops_without_an_answer_of_that_batch(tmp_path, operation, error):
    cluster, rules = prepared(tmp_path)
    with cluster:
        cluster.create_coupon("A", 100)
        told = issue_some(cluster, 0, 20)
        rule = rules.add(operation, "fail", ".segment", error=error)
        status, body = cluster.issue("A", "unlucky")
        assert (status, body["code"]) == (503, "outcome_unknown")
        assert rule.struck == 1
        restart_after_end(cluster, 1)
        assert "stopping so that nothing is acknowledged that is not on disk" in cluster.issuer.log()
        assert finally_issued(cluster, "unlucky")["sequence"] == 21
        assert_kept(cluster, told)


@pytest.mark.parametrize("operation, action", [("pwrite", "torn"), ("pwrite", "kill_before"), ("pwrite", "kill_after"),
                                               ("sync", "kill_before"), ("sync", "kill_after")])
def test_an_issuer_that_dies_around_a_write_loses_no_answered_issue(tmp_path, operation, action):
    cluster, rules = prepared(tmp_path)
    with cluster:
        cluster.create_coupon("A", 100)
        told = issue_some(cluster, 0, 20)
        rule = rules.add(operation, action, ".segment")
        status, body = cluster.issue("A", "unlucky")
        assert (status, body["code"]) == (503, "outcome_unknown")
        restart_after_end(cluster, -9)
        assert rule.struck == 1
        assert ("truncated an incomplete write" in cluster.issuer.log()) == (action == "torn")
        assert finally_issued(cluster, "unlucky")["sequence"] == 21
        assert_kept(cluster, told | issue_some(cluster, 20, 5))


def test_short_writes_of_the_journal_have_no_effect(tmp_path):
    cluster, rules = prepared(tmp_path)
    with cluster:
        cluster.create_coupon("A", 100)
        rule = rules.add("pwrite", "short", ".segment", times=ENDLESS)
        told = issue_some(cluster, 0, 30)
        assert rule.struck >= 30
        rule.disarm()
        cluster.issuer.kill()
        cluster.issuer.start()
        cluster.wait_ready()
        assert_kept(cluster, told)


# removed files


@pytest.mark.parametrize("what", ["folder renamed", "folder removed", "lock replaced", "segment unlinked"])
def test_an_issuer_whose_journal_is_removed_stops(tmp_path, what):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("A", 100)
        issue_some(cluster, 0, 5)
        folder = cluster.journal_directory / "p00"
        if what == "folder renamed":
            folder.rename(folder.with_name("moved"))
        elif what == "folder removed":
            shutil.rmtree(folder)
        elif what == "lock replaced":
            (folder / "other").touch()
            (folder / "other").rename(folder / "lock")
        else:
            next(folder.glob("*.segment")).unlink()
        assert cluster.issuer.wait_for_end() == 1
        assert "was removed or replaced while this issuer writes to it" in cluster.issuer.log()
        status, _ = cluster.issue("A", "late")
        assert status == 503


# room


def fill_segments(cluster, coupon="A"):
    """
    Issues until the disk is full, first for many users at once and then for one; returns {user: sequence} of the
    answered issues. The cluster has to be PATIENT.
    """
    crowd = ((coupon, f"user-{number}-{LONG}") for number in range(200_000))
    load = Load(cluster.addresses, connections=64)
    load.start(crowd)
    wait_until(lambda: not load.is_alive() or any(answer.code == "overloaded" for answer in load.answers[-64:]),
               "new issues are refused")
    answers = load.finish()
    assert {answer.code for answer in answers} == {"issued", "overloaded"}
    told = {answer.user: answer.sequence for answer in answers if answer.code == "issued"}
    for number in range(1_000):
        status, body = cluster.issue(coupon, f"last-{number}-{LONG}")
        if status != 201:
            assert (status, body["code"]) == (503, "overloaded")
            return told
        told[body["user_id"]] = body["sequence"]
    raise AssertionError("the disk does not get full")


def assert_refused_until_there_is_room(cluster, make_room):
    """With the disk full, new issues are refused as overloaded, holders and lookups are answered, and coupons cannot
    change; afterwards everything works again."""
    told = fill_segments(cluster)
    user, sequence = max(told.items(), key=lambda pair: pair[1])
    wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_journal_full") == 1, "the gauge shows it")
    status, text = cluster.issuer.get("/readyz")
    assert (status, json.loads(text)["status"]) == (200, "ready")
    assert "no room for the journal of partition 0" in json.loads(text)["detail"]
    status, headers, body = cluster.request("POST", "/v1/coupons/A/issues", {"user_id": "new"})
    assert (status, body["code"]) == (503, "overloaded") and headers["Retry-After"]
    status, body = cluster.issue("A", user)
    assert (status, body["issue"]["sequence"]) == (409, sequence)
    assert cluster.request("GET", f"/v1/coupons/A/issues/{user}")[0] == 200
    assert cluster.request("PATCH", "/v1/coupons/A", {"title": "B"})[0] == 503
    make_room()
    finally_issued(cluster, "new")
    wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_journal_full") == 0, "the gauge shows it")
    cluster.wait_drained()
    stored = cluster.issues()["A"]
    assert {sequence: user for user, sequence in told.items()}.items() <= stored.items()
    cluster.assert_kept()


def test_new_issues_are_refused_until_there_is_room_for_the_next_segment(tmp_path):
    cluster, rules = prepared(tmp_path, options=PATIENT)
    with cluster:
        cluster.create_coupon("A", 1_000_000)
        # The next segment has already been prepared; this process starts without one.
        rule = rules.add("fallocate", "fail", "next.prepared", error=errno.ENOSPC, times=ENDLESS)
        cluster.issuer.stop()
        cluster.issuer.start()
        cluster.wait_ready()
        assert_refused_until_there_is_room(cluster, rule.disarm)
        assert rule.struck > 0


def move_journal(cluster, folder):
    cluster.issuer.stop()
    cluster.options["issuer/journal_dir"] = cluster.journal_directory = folder
    cluster.write_config()
    cluster.issuer.start()
    cluster.wait_ready()
    cluster.create_coupon("A", 1_000_000)


@needs_mount
@pytest.mark.parametrize("lacks", ["bytes", "inodes"])
def test_a_full_filesystem_refuses_new_issues_until_there_is_room(tmp_path, lacks):
    with small_disk.SmallDisk(tmp_path / "disk", mebibytes=24, inodes=40) as disk:
        with Cluster(tmp_path / "cluster", options=PATIENT) as cluster:
            move_journal(cluster, disk.path / "journal")
            wait_until((disk.path / "journal/p00/next.prepared").exists, "the next segment is started")
            if lacks == "bytes":
                disk.fill()
                assert disk.free_bytes() == 0
            else:
                disk.use_up_inodes()
                assert disk.free_bytes() > 0
            assert_refused_until_there_is_room(cluster, disk.free)


@needs_mount
@pytest.mark.parametrize("what", ["unmounted", "mounted over"])
def test_an_issuer_stops_when_its_disk_is_unmounted_or_covered(tmp_path, what):
    with small_disk.SmallDisk(tmp_path / "disk", mebibytes=24) as disk, contextlib.ExitStack() as more:
        with Cluster(tmp_path / "cluster", options={"issuer/segment_mb": 2}) as cluster:
            move_journal(cluster, disk.path / "journal")
            issue_some(cluster, 0, 5)
            if what == "unmounted":
                subprocess.run(["umount", "--lazy", disk.path], check=True)
            else:
                more.enter_context(small_disk.SmallDisk(disk.path / "journal/p00", mebibytes=1))
            assert cluster.issuer.wait_for_end() == 1
            assert "was removed or replaced while this issuer writes to it" in cluster.issuer.log()
            assert cluster.issue("A", "late")[0] == 503


@pytest.mark.parametrize("operation, name", [("fallocate", "next.prepared"), ("pwrite", "meta"), ("sync", "meta")])
def test_a_first_start_on_a_full_disk_fails_and_a_later_one_succeeds(tmp_path, operation, name):
    cluster, rules = prepared(tmp_path)
    rule = rules.add(operation, "fail", name, error=errno.ENOSPC, times=ENDLESS)
    cluster.write_config()
    cluster.issuer.start()
    try:
        assert cluster.issuer.wait_for_end() == 1
        assert rule.struck > 0
        assert "No space left on device" in cluster.issuer.log()
    finally:
        rule.disarm()
        cluster.end()
    with cluster:
        cluster.create_coupon("A", 100)
        assert_kept(cluster, issue_some(cluster, 0, 5))


def test_acknowledgements_that_cannot_be_recorded_are_repeated_after_a_restart(tmp_path):
    cluster, rules = prepared(tmp_path)
    with cluster:
        rule = rules.add("pwrite", "fail", "/acked", error=errno.ENOSPC, times=ENDLESS)
        cluster.create_coupon("A", 100)
        told = issue_some(cluster, 0, 20)
        cluster.wait_drained()
        assert rule.struck > 0
        assert "cannot save the store's position" in cluster.issuer.log()
        cluster.issuer.kill()
        rule.disarm()
        cluster.issuer.start()
        cluster.wait_ready()
        assert_kept(cluster, told)


@pytest.mark.parametrize("operation, name",
                         [("pwrite", "next.snapshot"), ("sync", "next.snapshot"), ("rename", ".snapshot")])
def test_a_snapshot_that_cannot_be_written_is_counted_and_issuing_continues(tmp_path, operation, name):
    cluster, rules = prepared(tmp_path, options=PATIENT | {"issuer/snapshot_mb": 1})
    with cluster:
        cluster.create_coupon("A", 1_000_000)
        rule = rules.add(operation, "fail", name, error=errno.ENOSPC)
        load = Load(cluster.addresses, connections=32)
        load.start(("A", f"user-{number}-{LONG}") for number in range(200_000))
        wait_until(lambda: metric_sum(cluster.issuer.metrics(), "coupond_issuer_snapshot_failures_total") == 1,
                   "a snapshot fails")
        assert rule.struck == 1
        issued = load.issued
        wait_until(lambda: load.issued > issued + 500, "issues continue")
        answers = load.finish()
        assert {answer.code for answer in answers} == {"issued"}
        assert not list(cluster.journal_directory.glob("p00/*.snapshot")), "no failed snapshot remains"
        cluster.issuer.kill()
        cluster.issuer.start()
        cluster.wait_ready()
        cluster.wait_drained()
        assert len(cluster.issues()["A"]) == len(answers)
        cluster.assert_kept()


# the clock


def hours_from_now(hours):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).isoformat()


def clock_gauge(cluster, name):
    return metric_sum(cluster.issuer.metrics(), f"coupond_issuer_clock_{name}")


def create_windows(cluster):
    cluster.create_coupon("A", 100)
    cluster.create_coupon("LATER", 100, starts_at=hours_from_now(2))
    cluster.create_coupon("SOON-OVER", 100, ends_at=hours_from_now(1))


def assert_windows_are_of_now(cluster, user):
    assert cluster.issue("LATER", user)[1]["code"] == "not_started"
    assert cluster.issue("SOON-OVER", user)[0] == 201


@needs_clock
@pytest.mark.parametrize("step", [86_400, -86_400, 2**31, -2**32],
                         ids=["day-ahead", "day-behind", "decades-ahead", "before-1970"])
def test_a_clock_that_is_wrong_for_a_moment_has_no_effect(tmp_path, step):
    cluster, rules = prepared(tmp_path, clock=True)
    for member in cluster.members:
        member.environment = rules.environment()
    with cluster:
        create_windows(cluster)
        told = issue_some(cluster, 0, 3)
        rules.step_clock(step)
        wait_until(lambda: clock_gauge(cluster, "suspect") == 1, "the step is detected")
        assert clock_gauge(cluster, "offset_seconds") == pytest.approx(step, abs=60)
        status, text = cluster.issuer.get("/readyz")
        assert status == 200 and "clock" in json.loads(text)["detail"]
        assert_windows_are_of_now(cluster, "ann")
        told |= issue_some(cluster, 3, 3)
        rules.step_clock(0)
        wait_until(lambda: clock_gauge(cluster, "suspect") == 0, "it is correct again")
        assert_windows_are_of_now(cluster, "ben")
        cluster.issuer.kill()
        cluster.issuer.start()
        cluster.wait_ready()
        assert_windows_are_of_now(cluster, "carla")
        assert clock_gauge(cluster, "journal_ahead_seconds") == 0
        assert cluster.issuer.log().count("the wall clock stepped") == 1
        told |= issue_some(cluster, 6, 3)
        times = [issue["issued_at"] for issue in told.values()]
        assert times == sorted(times)
        assert_kept(cluster, told)


@needs_clock
def test_a_lasting_step_of_the_clock_is_accepted_and_a_later_correction_too(tmp_path):
    cluster, rules = prepared(tmp_path, clock=True, options={"issuer/clock_settle_ms": 500})
    with cluster:
        create_windows(cluster)
        told = issue_some(cluster, 0, 3)
        rules.step_clock(86_400)
        wait_until(lambda: cluster.issue("LATER", "ann")[0] == 201, "the new time is accepted")
        wait_until(lambda: cluster.issue("SOON-OVER", "ann")[1].get("code") == "ended", "for gateways, too")
        told |= issue_some(cluster, 3, 3)
        cluster.issuer.kill()
        rules.step_clock(0)
        cluster.issuer.start()
        cluster.wait_ready()
        assert clock_gauge(cluster, "journal_ahead_seconds") == pytest.approx(86_400, abs=120)
        assert "in the future" in json.loads(cluster.issuer.get("/readyz")[1])["detail"]
        assert "the journal contains times" in cluster.issuer.log()
        # A gateway may refuse for a moment by the issuer's previous time.
        wait_until(lambda: cluster.issue("SOON-OVER", "ben")[0] == 201, "windows follow the correct clock")
        wait_until(lambda: cluster.issue("LATER", "ben")[1].get("code") == "not_started", "both of them")
        told |= issue_some(cluster, 6, 3)
        times = [issue["issued_at"] for issue in told.values()]
        assert times == sorted(times)
        assert_kept(cluster, told)


# the fault rules themselves


def test_a_rule_applies_only_to_its_files_and_as_often_as_it_says(tmp_path):
    cluster, rules = prepared(tmp_path)
    with cluster:
        elsewhere = rules.add("sync", "fail", "no-such-file", times=ENDLESS)
        late = rules.add("sync", "delay", ".segment", skip=2, times=3)
        cluster.create_coupon("A", 100)
        issue_some(cluster, 0, 9)
        assert (elsewhere.struck, late.struck) == (0, 3)


def test_the_journal_of_a_killed_issuer_is_intact(tmp_path):
    cluster, rules = prepared(tmp_path)
    with cluster:
        cluster.create_coupon("A", 100)
        issue_some(cluster, 0, 5)
        rules.add("pwrite", "torn", ".segment")
        cluster.issue("A", "unlucky")
        restart_after_end(cluster, -9)
        assert run_coupond("journal", "check", cluster.journal_directory).returncode == 0
