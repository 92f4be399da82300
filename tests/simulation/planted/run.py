#!/usr/bin/env python3
"""Plants faults one after another and requires that the simulation detects each.

usage: run.py [--build DIR] [--runs N] [--list] [NAME…] [-- SIMULATE-ARGS]

Compiles the file with the fault and links it instead of the original, using the objects of an existing build. With
names, only these faults are planted. Arguments after -- replace the simulation's usual ones, to replay a fault.
Exits with 1 if a fault is not detected, or if a text of the table does not occur exactly once.
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from members_table import MEMBER_FAULTS
from table import FAULTS as ALONE

ROOT = Path(__file__).resolve().parents[3]
FAULTS = [*ALONE, *MEMBER_FAULTS]
SEED = 1


def fail(text):
    sys.exit(f"planted: {text}")


def run(command, build):
    done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"this command failed:\n{shlex.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def with_fault(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    found = text.count(fault.old)
    if found != 1:
        fail(f"{fault.name}: its text occurs {found} times in {fault.file}: update the table")
    return text.replace(fault.old, fault.new)


def compile_with_fault(fault, build, folder):
    """(the object of the file in the build, the object with the fault)"""
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    entry = next(entry for entry in entries if entry["file"] == str(ROOT / fault.file))
    command = shlex.split(entry["command"])
    sound = command[command.index("-o") + 1]
    source, planted = folder / Path(fault.file).name, folder / "planted.o"
    source.write_text(with_fault(fault), encoding="utf-8")
    command[command.index("-o") + 1] = str(planted)
    command[command.index(entry["file"])] = str(source)
    run([*command, "-Wno-error", "-iquote", str((ROOT / fault.file).parent)], build)
    return sound, planted


def link_with_fault(fault, build, folder):
    """Links the program: the object with the fault precedes the libraries, so that the linker prefers it."""
    sound, planted = compile_with_fault(fault, build, folder)
    listed = subprocess.run(["ninja", "-t", "commands", fault.program], cwd=build, capture_output=True, text=True,
                            check=True)
    command = [word for word in shlex.split(listed.stdout.splitlines()[-1]) if word not in (":", "&&")]
    output = command.index("-o")
    command[output + 1] = str(folder / "simulate")
    if sound in command:
        command[command.index(sound)] = str(planted)
    else:
        command.insert(output, str(planted))
    run(command, build)
    return folder / "simulate"


def judge(fault, printed, status, seconds):
    seed = re.search(r"^seed (\d+) breaks a promise\n +(.*)", printed, re.M)
    if status == 0 or seed is None:
        print(f"NOT NOTICED  {fault.name}: {fault.breaks}\n{printed[-1500:]}")
        return False
    print(f"noticed      {fault.name}: {fault.breaks}\n"
          f"             {seed[2]} ({seconds:.0f} s)\n"
          f"             replay: ./dev simulate --planted {fault.name} -- --seed {seed[1]} --verbose", flush=True)
    return True


def try_fault(fault, build, runs):
    with tempfile.TemporaryDirectory(prefix="coupond-planted-") as folder:
        program = link_with_fault(fault, build, Path(folder))
        began = time.monotonic()
        done = subprocess.run([program, "--seed", str(SEED), "--runs", str(runs)], capture_output=True, text=True,
                              check=False)
        return judge(fault, done.stdout, done.returncode, time.monotonic() - began)


def replay(fault, build, arguments):
    with tempfile.TemporaryDirectory(prefix="coupond-planted-") as folder:
        return subprocess.run([link_with_fault(fault, build, Path(folder)), *arguments], check=False).returncode


def parse():
    own, behind = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, behind = own[:at], own[at + 1:]
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--build", default=ROOT / "build/release")
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
    build = Path(options.build).resolve()
    if not all((build / fault.program).exists() for fault in chosen):
        fail(f"{build} has no simulation; build it first")
    if behind:
        return replay(chosen[0], build, behind)
    noticed = sum([try_fault(fault, build, options.runs) for fault in chosen])
    print(f"{noticed} of {len(chosen)} planted faults noticed")
    return 0 if noticed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
