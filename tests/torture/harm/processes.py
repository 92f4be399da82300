"""Processes are killed or stopped."""

import time

from faults import stopped
from harm.common import hold


def kill(world, random, member):
    process = member.process
    member.kill()
    time.sleep(random.choice([0, 0, 0.3, 1.5]))
    world.restart(member)
    return f"wait() returned {process.returncode}"


def terminate(world, random, member):
    process = member.process
    member.stop()
    time.sleep(random.choice([0, 0, 0.5]))
    world.restart(member)
    return f"exited with status {process.returncode}"


def freeze(process, random):
    with stopped(process):
        hold(random)


def stop(world, random, member):
    freeze(member.process, random)
    world.wait_healthy(member)
    return "/proc showed state T, at the start and at the end"
