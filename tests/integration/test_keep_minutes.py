"""issuer/keep_minutes with the real program: segments that two snapshots and the store have are kept that long, in case
the store loses records."""

from cluster import Cluster, metric_sum, run_coupond, wait_until

SMALL = {"issuer/segment_mb": 2, "issuer/snapshot_mb": 1, "issuer/snapshot_mb_per_s": 0}


def fill(cluster, coupon):
    """Fills more than two segments, with a snapshot for each MiB, and waits until the store has everything."""
    result = run_coupond("bench", "--url", f"http://{cluster.gateways[0].status_address}", "--create", "1000000",
                         "--coupon", coupon, "--users", "u" * 48, "--rate", "10000", "--requests", "60000")
    assert result.returncode == 0, result.stdout + result.stderr
    cluster.wait_drained()


def counted(cluster, what):
    return metric_sum(cluster.issuer.metrics(), f"coupond_issuer_{what}_total")


def removed(cluster):
    return counted(cluster, "journal_segments_removed")


def begins_with(path):
    """The first record of a segment, or the last record that a snapshot certainly has."""
    return int(path.name.split(".")[0])


def removable(cluster):
    """The segments that two snapshots have; the store has everything."""
    snapshots = sorted(map(begins_with, cluster.journal_directory.glob("p*/*.snapshot")))
    held = snapshots[-2] if len(snapshots) >= 2 else 0
    segments = cluster.segments()
    return [one for one, following in zip(segments, segments[1:]) if begins_with(following) - 1 <= held]


def test_acknowledged_segments_are_kept_for_keep_minutes(tmp_path):
    with Cluster(tmp_path, options={**SMALL, "issuer/keep_minutes": 60}) as cluster:
        fill(cluster, "first")
        wait_until(lambda: removable(cluster) or removed(cluster), "a segment that two snapshots and the store have")
        kept = removable(cluster)
        before = counted(cluster, "snapshots")
        fill(cluster, "second")
        wait_until(lambda: counted(cluster, "snapshots") > before + 1, "snapshots after which segments are checked")
        assert removed(cluster) == 0
        assert set(kept) <= set(cluster.segments())
        cluster.issuer.stop()
        cluster.options["issuer/keep_minutes"] = 0
        cluster.write_config()
        cluster.issuer.start()
        wait_until(lambda: not set(kept) & set(cluster.segments()), "the kept segments are removed")
        cluster.wait_ready()
        cluster.assert_kept()
