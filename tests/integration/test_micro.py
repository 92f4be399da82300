"""The micro-benchmarks measure what they name: every operation checks its own result."""

import json
import subprocess
from pathlib import Path

import pytest
from cluster import binary

pytestmark = pytest.mark.once("measures")

GROUPS = ["ledger", "turn", "journal", "frames", "http", "identity", "store", "issuer"]


def micro(tmp_path, *arguments):
    program = Path(binary()).parents[1] / "load-test/micro/micro"
    return subprocess.run([program, "--dir", tmp_path, "--coupond", binary(), "--ms", "1", "--rounds", "1", "--users",
                           "20000", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_measures_something_and_removes_its_files(group, tmp_path):
    result = micro(tmp_path, group, "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert {row["group"] for row in rows} == {group}
    assert len({row["name"] for row in rows}) == len(rows) > 0
    assert all(row["ns"] > 0 and row["a_second"] > 0 for row in rows)
    assert not list(tmp_path.iterdir())


def test_the_table_has_a_line_for_every_result(tmp_path):
    rows = json.loads(micro(tmp_path, "http", "--json").stdout)
    lines = micro(tmp_path, "http").stdout.splitlines()
    assert lines[1] == "http (CPU time of the thread)"
    for row in rows:
        assert any(line.startswith(f"  {row['name']} ") for line in lines), row["name"]


@pytest.mark.parametrize("arguments", [["nothing"], ["--users", "0"], ["--rounds", "1000"], ["--ms"]])
def test_unknown_arguments_are_refused(arguments, tmp_path):
    result = micro(tmp_path, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: micro")
