"""The files of the tests: passed tests leave none, failed tests keep their folders; and tests do not start without free
space."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

SAMPLE = """\
import pytest

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "x").write_text("x")
    return folder

def test_first(tmp_path, shared):
    (tmp_path / "x").write_text("x")

def test_second(tmp_path, shared):
    assert (shared / "x").exists()
    assert [path.name for path in tmp_path.parent.iterdir() if path.name.startswith("test_first0")] == []
    (tmp_path / "x").write_text("x")
    assert {passes}
"""


def left_behind(tmp_path, passes):
    (tmp_path / "test_sample.py").write_text(SAMPLE.format(passes=passes))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "conftest",
               f"--basetemp={tmp_path / 'base'}", "test_sample.py"]
    result = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
                            capture_output=True, text=True, check=False)
    assert result.returncode == (0 if passes else 1), result.stdout + result.stderr
    return sorted(path.name for path in (tmp_path / "base").iterdir() if not path.is_symlink())


def test_folders_of_passed_tests_are_removed(tmp_path):
    assert left_behind(tmp_path, True) == []


def test_folders_of_a_failed_test_and_of_its_module_are_kept(tmp_path):
    assert left_behind(tmp_path, False) == ["shared0", "test_second0"]


def test_the_tests_do_not_start_without_free_space(tmp_path):
    df = tmp_path / "df"
    df.write_text("#!/bin/sh\necho Avail\necho 100\n")
    df.chmod(df.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    result = subprocess.run([REPOSITORY / "dev", "test", "--quick"], env=environment, capture_output=True, text=True,
                            check=False)
    assert result.returncode == 1
    assert f"the tests need 3072 MiB in {tmp_path}, but only 100 MiB are free" in result.stderr
    assert "TMPDIR" in result.stderr and list(tmp_path.iterdir()) == [df]


def test_the_documents_name_the_space_that_the_tests_need():
    mib = int(re.search(r"^readonly test_mib=(\d+)$", (REPOSITORY / "dev").read_text(encoding="utf-8"), re.M)[1])
    for name in ("CONTRIBUTING.md",):
        line = next(line for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines() if "$TMPDIR" in line)
        assert f"{mib // 1024} GiB" in line, name
