"""The fuzz targets: each has a small corpus, and the harness that runs them as tests can fail."""

import subprocess
from pathlib import Path

import pytest
from cluster import binary, REPOSITORY

pytestmark = pytest.mark.once("tests the tests")

FUZZ = REPOSITORY / "tests" / "fuzz"
PROGRAMS = Path(binary()).parents[1] / "tests" / "fuzz"
CORPUS_BYTES_MAX = 1_000_000


def targets():
    return sorted(source.stem.removeprefix("fuzz_") for source in FUZZ.glob("fuzz_*.c"))


def run(program, *arguments):
    return subprocess.run([PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=120, check=False)


def test_every_target_has_a_corpus_and_all_of_them_are_small():
    corpora = sorted(folder.name for folder in (FUZZ / "corpus").iterdir())
    assert corpora == [target for target in targets() if target != "planted"]
    assert all(any((FUZZ / "corpus" / corpus).iterdir()) for corpus in corpora)
    assert sum(path.stat().st_size for path in FUZZ.glob("corpus/*/*")) < CORPUS_BYTES_MAX


def test_the_planted_fault_is_found_and_its_input_reproduces_it(tmp_path):
    crash = tmp_path / "crash"
    found = run("fuzz_planted", "--runs", 100_000, "--crash", crash)
    assert found.returncode != 0, "the harness reached the planted fault and did not detect it"
    assert str(crash) in found.stderr
    again = run("fuzz_planted", "--crash", tmp_path / "again", crash)
    assert again.returncode != 0
    assert (tmp_path / "again").read_bytes() == crash.read_bytes()


def test_without_mutations_the_planted_fault_is_not_found():
    assert run("fuzz_planted").returncode == 0


@pytest.mark.parametrize("target", [target for target in targets() if target != "planted"])
def test_a_target_reports_the_number_of_its_inputs(target):
    files = len(list((FUZZ / "corpus" / target).iterdir()))
    ran = run(f"fuzz_{target}", "--runs", 10, FUZZ / "corpus" / target)
    assert ran.returncode == 0, ran.stderr
    inputs = int(ran.stdout.split()[1])
    assert inputs >= files and "and 10 mutations" in ran.stdout
