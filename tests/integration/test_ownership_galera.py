"""The row that names who decides a partition, on a node of Galera: tests/unit/shared/store/test_ownership.c, which
otherwise runs with SQLite and MariaDB."""

import os
import pathlib
import subprocess

import pytest
from cluster import binary
from servers import Galera


@pytest.mark.once("a test of the server")
def test_the_row_of_a_partition_is_changed_only_by_who_knows_it():
    program = pathlib.Path(binary()).parents[1] / "tests" / "test_shared_store_ownership"
    with Galera() as server:
        tested = subprocess.run([program], env={**os.environ, **server.environment()}, capture_output=True, text=True,
                                timeout=120, check=False)
        assert tested.returncode == 0, tested.stdout + tested.stderr
        assert tested.stderr.count("[  PASSED  ] 5 test(s).") == 2 and "SKIPPED" not in tested.stdout + tested.stderr
        [(_, status)] = server.administer("SHOW STATUS LIKE 'wsrep_cluster_status'")
        assert status == "Primary"
