"""Files of a role are accessible to its user and readable for its group; its memory is accessible to nobody."""

import os
import signal
import stat
from pathlib import Path

import pytest

from cluster import Cluster


def test_files_and_sockets_are_closed_to_others_under_any_umask(tmp_path):
    before = os.umask(0)
    try:
        with Cluster(tmp_path / "cluster") as cluster:
            cluster.create_coupon("A", 10)
            assert cluster.issue("A", "alice")[0] == 201
            cluster.wait_drained()
            made = [*cluster.journal_directory.rglob("*"), cluster.store_path, *cluster.directory.glob("requests*"),
                    *cluster.directory.glob("local*"), cluster.directory / "events", cluster.directory / "acks"]
            assert len(made) > 8
            open_to_others = [path for path in made if stat.S_IMODE(path.lstat().st_mode) & 0o027]
            assert open_to_others == []
    finally:
        os.umask(before)


def cores_become_files():
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip()
    return "/" not in pattern and not pattern.startswith("|")


@pytest.mark.once("sanitizers leave no cores")
@pytest.mark.parametrize("allowed", [0, 1])
def test_a_crash_writes_a_core_only_if_allowed(tmp_path, allowed):
    if not cores_become_files():
        pytest.skip("this system does not write cores to the working folder")
    with Cluster(tmp_path / "cluster", options={"process/core_dumps": allowed}) as cluster:
        issuer = cluster.issuer
        issuer.stop()
        issuer.prefix = ["prlimit", "--core=unlimited"]
        issuer.start()
        cluster.wait_ready()
        assert issuer.metrics()["process_open_fds"] > 3
        issuer.process.send_signal(signal.SIGABRT)
        assert issuer.wait_for_end() == -signal.SIGABRT
        assert len(list(issuer.log_path.parent.glob("core*"))) == allowed
        issuer.prefix = []
        issuer.start()
        cluster.wait_ready()
