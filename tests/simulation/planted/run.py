#!/usr/bin/env python3
"""Plants one fault after the other in a copy of the sources and requires that the simulation notices.

usage: run.py [--work DIR] [--runs N] [--list] [NAME…] [-- SIMULATE-ARGS]

With names only these are planted. What stands behind -- goes to the simulation instead of its usual runs: so a fault is
replayed. Ends with 1 when a fault is not noticed, or when a text of the table is not found exactly once.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from table import FAULTS

ROOT = Path(__file__).resolve().parents[3]
SEED = 1


def sources():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.c", "*.h",
                             "*CMakeLists.txt", "*.cmake", "*.py"],
                            cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def write_if_changed(path, data):
    """So that a build that was made before has little to do."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def copy_sources(tree):
    wanted = sources()
    for name in wanted:
        write_if_changed(tree / name, (ROOT / name).read_bytes())
    for path in tree.rglob("*"):
        if path.is_file() and str(path.relative_to(tree)) not in wanted:
            path.unlink()


def configure(tree, build):
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    subprocess.run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *launcher],
                   check=True, stdout=subprocess.DEVNULL)


def compile_simulation(build):
    """Its path. A fault that does not compile is a mistake in the table."""
    done = subprocess.run(["cmake", "--build", build, "--target", "simulate"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"planted: the copy does not compile:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return build / "tests/simulation/simulate"


def plant(fault, tree):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    found = text.count(fault.old)
    if found != 1:
        sys.exit(f"planted: {fault.name}: its text is {found} times in {fault.file}: bring the table up to date")
    write_if_changed(tree / fault.file, text.replace(fault.old, fault.new).encode())


def heal(fault, tree):
    write_if_changed(tree / fault.file, (ROOT / fault.file).read_bytes())


def judge(fault, printed, status, seconds):
    seed = re.search(r"^seed (\d+) breaks a promise\n +(.*)", printed, re.M)
    if status == 0 or seed is None:
        print(f"NOT NOTICED  {fault.name}: {fault.breaks}\n{printed[-1500:]}")
        return False
    print(f"noticed      {fault.name}: {fault.breaks}\n"
          f"             {seed[2]} ({seconds:.0f} s)\n"
          f"             replay: ./dev simulate --planted {fault.name} -- --seed {seed[1]} --verbose", flush=True)
    return True


def try_fault(fault, tree, build, runs):
    plant(fault, tree)
    try:
        program = compile_simulation(build)
        began = time.monotonic()
        done = subprocess.run([program, "--seed", str(SEED), "--runs", str(runs)], capture_output=True, text=True)
        return judge(fault, done.stdout, done.returncode, time.monotonic() - began)
    finally:
        heal(fault, tree)


def replay(fault, tree, build, arguments):
    plant(fault, tree)
    try:
        return subprocess.run([compile_simulation(build), *arguments]).returncode
    finally:
        heal(fault, tree)


def parse():
    own, behind = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, behind = own[:at], own[at + 1:]
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--work", default=ROOT / "build/planted")
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(own)
    unknown = set(options.names) - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    return options, behind


def main():
    options, behind = parse()
    chosen = [fault for fault in FAULTS if not options.names or fault.name in options.names]
    if options.list:
        print("\n".join(f"{fault.name:28} {fault.breaks}" for fault in chosen))
        return 0
    tree, build = Path(options.work) / "source", Path(options.work) / "build"
    tree.mkdir(parents=True, exist_ok=True)
    os.environ.pop("CFLAGS", None)
    copy_sources(tree)
    configure(tree, build)
    if behind:
        return replay(chosen[0], tree, build, behind)
    noticed = sum([try_fault(fault, tree, build, options.runs) for fault in chosen])
    print(f"{noticed} of {len(chosen)} planted faults noticed")
    return 0 if noticed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
