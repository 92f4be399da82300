#!/usr/bin/env python3
"""Runs the fuzz targets of a build, several at a time, and summarizes the results: ./dev fuzz.

The corpus that a target has built up is kept in build/fuzz/learnt/<target>. The next run starts with it, the target's
own seeds and the corpus of the repository. Inputs that cause a failure are kept in build/fuzz/findings.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "fuzz"
PLANTED = "planted"
CORPUS_FILE_BYTES_MAX = 4096
PROGRESS_S = 15
HASH = re.compile("[0-9a-f]{40}")  # libFuzzer's names of the files it keeps

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=32:malloc_context_size=10:strict_string_checks=1:"
    "detect_stack_use_after_return=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


def program(target):
    return BUILD / "tests" / "fuzz" / f"fuzz_{target}"


def all_targets():
    names = sorted(source.stem.removeprefix("fuzz_") for source in HERE.glob("fuzz_*.c"))
    return [name for name in names if name != PLANTED]


def folder(*parts):
    path = BUILD.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def environment(**more):
    return {**os.environ, **SANITIZERS, **more}


def write_seeds(target):
    """Writes the inputs that the target's current encoders produce."""
    path = folder("seeds", target)
    shutil.rmtree(path)
    path.mkdir()
    subprocess.run([program(target)], env=environment(FUZZ_SEEDS_DIR=str(path)), check=True)
    return path


class Run:
    """One target in one process."""

    def __init__(self, target, seconds):
        self.target = target
        self.log_path = folder("logs") / f"{target}.log"
        self.findings = folder("findings")
        self.before = set(self.findings.iterdir())
        command = [program(target), f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=20",
                   "-rss_limit_mb=2048", f"-artifact_prefix={self.findings}/{target}-", "-max_len=16384"]
        words = HERE / f"{target}.dict"
        if words.exists():
            command.append(f"-dict={words}")
        corpus = HERE / "corpus" / target
        command += [folder("learnt", target), write_seeds(target)] + ([corpus] if corpus.is_dir() else [])
        self.begun = time.monotonic()
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, cwd=folder("work", target), env=environment(), stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.seconds = 0.0

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def done(self):
        self.seconds = time.monotonic() - self.begun
        return self.process.poll() is not None

    def executions(self):
        text = self.log()
        final = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
        running = re.findall(r"^#(\d+)", text, re.MULTILINE)
        return int((final or running or ["0"])[-1])

    def coverage(self):
        return int((re.findall(r"\bcov: (\d+)", self.log()) or ["0"])[-1])

    def found(self):
        """The new inputs that caused a failure. The process may also fail without one."""
        return sorted(set(self.findings.iterdir()) - self.before)

    def failed(self):
        return self.process.returncode != 0

    def row(self):
        rate = self.executions() / max(self.seconds, 0.001)
        verdict = "FAILED" if self.failed() else "fine"
        return (
            f"{self.target:18} {self.seconds:8.0f} {self.executions():14,} {rate:10,.0f} {self.coverage():9} {verdict}"
        )


def tell_failure(run):
    print(f"\n{run.target}: the end of {run.log_path}:")
    lines = run.log().splitlines()
    start = next((i for i, line in enumerate(lines)
                  if "ERROR" in line or "runtime error" in line or "a check failed" in line), max(0, len(lines) - 30))
    print("\n".join("    " + line for line in lines[start:start + 30]))
    for path in run.found():
        if path.name.startswith(run.target):
            print(f"\nto reproduce:  {program(run.target)} {path}")


def prove_it_can_fail():
    """The planted fault must be found; otherwise the results are meaningless."""
    run = Run(PLANTED, 60)
    run.process.wait()
    found = run.found()
    for path in found:
        path.unlink()
    if not run.failed() or not found:
        sys.exit(f"fuzz: the planted fault was not found, so the other results are meaningless: {run.log_path}")


def run_all(targets, seconds, jobs):
    waiting, running, finished = list(targets), [], []
    told = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Run(waiting.pop(0), seconds))
            time.sleep(0.2)
            for run in [run for run in running if run.done()]:
                running.remove(run)
                finished.append(run)
                print(run.row(), flush=True)
            if time.monotonic() - told > PROGRESS_S:
                told = time.monotonic()
                state = ", ".join(f"{run.target} {run.executions():,} in {run.seconds:.0f} s" for run in running)
                print(f"  … {state}; {len(waiting)} to come", file=sys.stderr, flush=True)
    finally:
        for run in running:
            run.process.terminate()
            run.process.wait()
    return finished


def copy_short(folders, into):
    for path in (path for source in folders if source.is_dir() for path in source.iterdir()):
        if path.stat().st_size <= CORPUS_FILE_BYTES_MAX:
            shutil.copy(path, into)


def keep_corpus(targets):
    """Rewrites the repository's corpus: a minimal set of short inputs that reach code which the seeds do not reach.

    Files with other names are findings and are kept."""
    for target in targets:
        corpus = HERE / "corpus" / target
        kept, given = folder("kept", target), folder("given", target)
        for path in (*kept.iterdir(), *given.iterdir()):
            path.unlink()
        copy_short([write_seeds(target)], kept)
        copy_short([corpus, folder("learnt", target)], given)
        subprocess.run([program(target), "-set_cover_merge=1", "-use_counters=0", kept, given], env=environment(),
                       check=True, cwd=folder("work", target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        corpus.mkdir(parents=True, exist_ok=True)
        for path in corpus.iterdir():
            if HASH.fullmatch(path.name):
                path.unlink()
        for path in kept.iterdir():
            if HASH.fullmatch(path.name):
                shutil.copy(path, corpus)
        size = sum(path.stat().st_size for path in corpus.iterdir())
        print(f"{target}: {len(list(corpus.iterdir()))} files, {size} bytes")


def main():
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Fuzzes with libFuzzer, ASan and UBSan.")
    parser.add_argument("targets", nargs="*", metavar="TARGET",
                        help=f"one of {', '.join(all_targets())}; all by default")
    parser.add_argument("--minutes", type=float, default=1, help="for each target (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(),
                        help="number of targets at a time (number of cores)")
    parser.add_argument("--keep-corpus", action="store_true",
                        help="only merge the new inputs into the corpus of the repository")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(all_targets())
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(all_targets())}")
    targets = arguments.targets or all_targets()
    if arguments.keep_corpus:
        return keep_corpus(targets)
    prove_it_can_fail()
    print(f"{'target':18} {'seconds':>8} {'executions':>14} {'per second':>10} {'coverage':>9} result", flush=True)
    finished = run_all(targets, max(1, round(arguments.minutes * 60)), max(1, arguments.jobs))
    total = sum(run.executions() for run in finished)
    seconds = sum(run.seconds for run in finished)
    print(f"{'total':18} {seconds:8.0f} {total:14,} {total / max(seconds, 0.001):10,.0f}")
    failed = [run for run in finished if run.failed()]
    for run in failed:
        tell_failure(run)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
