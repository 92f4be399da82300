"""When a run of ./dev containers ends for any reason, its processes and mounts end, and its folder can be removed."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import REPOSITORY

pytestmark = [
    pytest.mark.once("does not depend on the build"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can create namespaces"),
]

# A run that mounts a file system, reports it, and does not end.
RUN = """
import os, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
import namespaces

def main():
    subprocess.run(["mount", "-t", "tmpfs", "none", sys.argv[2]], check=True)
    print("mounted", flush=True)
    time.sleep(600)

status = namespaces.enter(main)
os.rmdir(sys.argv[2])
print(status, flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture
def waiting(folder):
    """The process outside the namespaces, after a file system was mounted inside."""
    command = [sys.executable, "-c", RUN, REPOSITORY / "tests/containers", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "mounted\n"
        yield process
        process.kill()


def first_process(waiting):
    return int(Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children").read_text(encoding="utf-8").split()[0])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it(waiting, folder, number, status):
    waiting.send_signal(number)
    assert waiting.communicate(timeout=30)[0] == f"{status}\n"
    assert not folder.exists()


def test_a_kill_of_its_first_process_ends_it(waiting, folder):
    os.kill(first_process(waiting), signal.SIGKILL)
    assert waiting.communicate(timeout=30)[0] == "137\n"
    assert not folder.exists()


def test_a_kill_of_the_waiting_process_ends_it(waiting, folder):
    inside = os.pidfd_open(first_process(waiting))
    try:
        waiting.kill()
        assert select.select([inside], [], [], 30)[0], "its first process still runs"
    finally:
        os.close(inside)
    folder.rmdir()
