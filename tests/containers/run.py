#!/usr/bin/env python3
"""The real Dockerfile and the real docker-compose.yml under a real Docker engine: ./dev containers

    run.py [--only STAGE,…] [--forget] [--junit FILE]

Data is below build/containers: the images stay there for the next run, everything else is removed at the end. --forget
removes those, too, before it starts. Needs root, and Debian's packages of the group `containers` in packages.txt.
"""

import argparse
import fcntl
import os
import re
import shutil
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
NEEDED_MIB = 6144

import namespaces
from progress import CheckFailed, check, say, step


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev containers", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="STAGE,…",
                        help="only these stages, after the first three, which all others need")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the result of each stage to this file")
    parser.add_argument("--forget", action="store_true", help="make all images anew")
    return parser.parse_args(arguments)


def main(options, runtime):
    results = {}  # stage: None when it passed, else why not
    try:
        return run_stages(options, runtime, results)
    except CheckFailed as failure:
        say(f"FAILED: {failure}")
        results[next(reversed(results), "engine")] = str(failure)
        return 1
    finally:
        if options.junit:
            write_junit(options.junit, results)


def check_cgroups():
    root = Path("/sys/fs/cgroup")
    check((root / "cgroup.controllers").exists() or (root / "memory").is_dir(),
          f"a Docker engine needs cgroups, and none are mounted at {root}: mount -t cgroup2 none {root}")


def write_junit(path, results):
    suite = xml.Element("testsuite", name="containers")
    for stage, failure in results.items():
        case = xml.SubElement(suite, "testcase", classname="containers", name=stage)
        if failure:
            xml.SubElement(case, "failure").text = re.sub(r"[^\n\t -~\u00a0-\ud7ff]", "?", failure)
    xml.ElementTree(suite).write(path, encoding="utf-8")


def run_stages(options, runtime, results):
    import images
    import stages
    from engine import Engine, Nowhere
    from system import System

    folder = REPOSITORY / "build/containers"
    if options.forget:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CheckFailed(f"another run uses {folder}") from None
    free = shutil.disk_usage(folder).free >> 20
    check(free >= NEEDED_MIB, f"{NEEDED_MIB} MiB are needed below {folder}, and {free} are free")
    check_cgroups()
    engine = Engine(folder, runtime)
    system = System(engine, folder)
    chosen = stages.chosen(options.only)
    run = stages.Run(engine, system)
    try:
        with step("start the engine, where packages are fetched"):
            engine.start("outside")
        with namespaces.outside():
            standins = images.prepare(engine)
        with step("start the engine, in a network of its own"):
            engine.stop()
            engine.start("inside")
        Nowhere().start()
        for stage in chosen:
            say(f"--- {stage.__name__.replace('_', ' ')}: {stages.summary_of(stage)}")
            results[stage.__name__] = "did not end"
            stage(run)
            results[stage.__name__] = None
        print(stages.summary(run, chosen, standins))
        return 0
    except CheckFailed:
        for line in system.unwell() if engine.process else []:
            say(f"    {line}")
        raise
    finally:
        with step("take everything down"):
            if engine.process and engine.docker("version", check=False).returncode == 0:
                remove_containers(engine)
            engine.close()
            shutil.rmtree(system.secrets, ignore_errors=True)


def remove_containers(engine):
    """Removes all containers, networks and volumes; images stay, except those that a later build has replaced."""
    if ids := engine.docker("ps", "-aq").stdout.split():
        engine.docker("rm", "--force", "--volumes", *ids, check=False)
    engine.docker("network", "prune", "--force", check=False)
    if volumes := engine.docker("volume", "ls", "-q").stdout.split():
        engine.docker("volume", "rm", "--force", *volumes, check=False)
    engine.docker("image", "prune", "--force", check=False)


def in_namespaces(options):
    """Runs in the namespaces, and removes from outside what outlives them."""
    from engine import remove_cgroups

    remove_cgroups()
    with tempfile.TemporaryDirectory(prefix="coupond-containers-") as runtime:
        try:
            return namespaces.enter(lambda: main(options, Path(runtime)))
        except OSError as error:
            return fail(f"cannot make namespaces of its own: {error}")
        finally:
            remove_cgroups()


def fail(text):
    print(f"./dev containers: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    asked = parse(sys.argv[1:])
    if os.geteuid() != 0:
        sys.exit(fail("needs root: it makes namespaces, a network and a Docker engine of its own"))
    sys.exit(in_namespaces(asked))
