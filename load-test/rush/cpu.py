"""Which processes used the cores: samples of their CPU times, which are evaluated afterwards."""

import bisect
import os
import threading
import time

from bench.machine import core_wait_seconds

TICK = os.sysconf("SC_CLK_TCK")
INTERVAL_SECONDS = 0.25
NEAR_LIMIT = 0.9  # of a core, or of all
NOTED = 0.03  # cores: less is not mentioned
GROUPS = ("Locust", "HAProxy", "gateways", "issuer", "persister", "MariaDB", "Redis", "others")
STEMS = {"locust": "Locust", "haproxy": "HAProxy", "gateway": "gateways", "mariadb": "MariaDB", "redis": "Redis"}
SINGLE = ("Locust", "gateways")  # groups of processes that use at most one core each


def group_of(name):
    """The group of a process: gateway-2 belongs to the gateways."""
    stem = name.split("-")[0]
    return STEMS.get(stem, stem)


def used_seconds(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICK


def machine_seconds():
    """CPU seconds of all cores together, and those that the hypervisor gave to other machines."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _wait, irq, soft, stolen = map(int, file.readline().split()[1:9])
    return {"machine": (user + nice + system + irq + soft) / TICK, "stolen": stolen / TICK}


def look(pids):
    """CPU seconds so far by process, and as "NAME waiting" the seconds that it was runnable without a core."""
    seen = machine_seconds()
    for name, pid in pids.items():
        used, waited = used_seconds(pid), core_wait_seconds(pid)
        if used is not None:
            seen[name] = used
            seen[f"{name} waiting"] = waited or 0
    return seen


class Sampler:
    """Samples the processes of `pids` ({name: pid}) four times a second during a with block."""

    def __init__(self, pids):
        self.pids = pids
        self.samples = []  # (seconds since 1970, result of look()), ascending
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.ended.wait(INTERVAL_SECONDS):
            self.samples.append((time.time(), look(self.pids)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def cores(self, begin, end):
        """{name: cores used on average} between two times."""
        return cores_between(self.samples, begin, end)


def cores_between(samples, begin, end):
    times = [at for at, _ in samples]
    first = min(bisect.bisect_left(times, begin), max(0, len(samples) - 2))
    last = max(bisect.bisect_right(times, end) - 1, first + 1)
    if last >= len(samples):
        return {}
    (since, before), (until, after) = samples[first], samples[last]
    return {name: max(0, after[name] - before[name]) / (until - since) for name in after if name in before}


def by_group(cores):
    """`others` is the rest of the machine's CPU time: other programs, and the kernel on behalf of no process."""
    grouped = {group: 0.0 for group in GROUPS}
    for name, used in cores.items():
        if name not in ("machine", "stolen") and not name.endswith(" waiting"):
            grouped[group_of(name)] = grouped.get(group_of(name), 0.0) + used
    grouped["others"] = max(0.0, cores.get("machine", 0.0) - sum(grouped.values()))
    return grouped


def limit_of(cores, machine_cores):
    """The bottleneck, as text. A process that waits for a core counts like one that uses it."""
    grouped = by_group(cores)
    most = max(grouped, key=grouped.get)
    machine, stolen = cores.get("machine", 0), cores.get("stolen", 0)
    kept = f", {stolen:.1f} were given to other machines" if stolen >= NOTED else ""
    if machine + stolen >= NEAR_LIMIT * machine_cores:
        return f"the machine: {machine:.1f} of {machine_cores} cores at work{kept}, {most} took {grouped[most]:.1f}"
    for name, used in cores.items():
        waited = cores.get(f"{name} waiting", 0)
        if group_of(name) in SINGLE and not name.endswith(" waiting") and used + waited >= NEAR_LIMIT:
            waiting = f" and waited for it {waited:.2f}" if waited >= NOTED else ""
            return f"{group_of(name)}: {name} used {used:.2f} of its one core{waiting}{kept}"
    return f"no core: {machine:.1f} of {machine_cores} at work{kept}"
