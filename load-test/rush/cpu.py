"""Who used the cores: samples of the CPU times of processes, looked up afterwards."""

import bisect
import os
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
INTERVAL_SECONDS = 0.25
NEAR_LIMIT = 0.9  # of a core, or of all
GROUPS = ("Locust", "HAProxy", "gateways", "issuer", "persister", "MariaDB", "Redis", "others")
STEMS = {"locust": "Locust", "haproxy": "HAProxy", "gateway": "gateways", "mariadb": "MariaDB", "redis": "Redis"}
SINGLE = ("Locust", "gateways")  # groups of processes that use one core each at the most


def group_of(name):
    """gateway-2 is one of the gateways."""
    stem = name.split("-")[0]
    return STEMS.get(stem, stem)


def used_seconds(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICK


def busy_seconds():
    """Of all cores, whoever used them; what a hypervisor kept is neither busy nor idle."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _wait, irq, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + soft) / TICK


class Sampler:
    """Looks at the processes of `pids` ({name: pid}) four times a second until it is left."""

    def __init__(self, pids):
        self.pids = pids
        self.samples = []  # (seconds since 1970, {name: CPU seconds}), rising
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.ended.wait(INTERVAL_SECONDS):
            used = {name: used_seconds(pid) for name, pid in self.pids.items()}
            used = {name: seconds for name, seconds in used.items() if seconds is not None}
            self.samples.append((time.time(), {**used, "machine": busy_seconds()}))

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
    """What the machine did beside all of these is `others`: whoever else runs there, and the kernel for nobody in particular."""
    grouped = {group: 0.0 for group in GROUPS}
    for name, used in cores.items():
        if name != "machine":
            grouped[group_of(name)] = grouped.get(group_of(name), 0.0) + used
    grouped["others"] = max(0.0, cores.get("machine", 0.0) - sum(grouped.values()))
    return grouped


def limit_of(cores, machine_cores):
    """What was at its limit, in words."""
    grouped = by_group(cores)
    most = max(grouped, key=grouped.get)
    if cores.get("machine", 0) >= NEAR_LIMIT * machine_cores:
        return f"the machine: {cores['machine']:.1f} of {machine_cores} cores at work, {most} took {grouped[most]:.1f}"
    full = [name for name, used in cores.items() if group_of(name) in SINGLE and used >= NEAR_LIMIT]
    if full:
        return f"{group_of(full[0])}: {full[0]} used its whole core"
    return f"no core: {cores.get('machine', 0):.1f} of {machine_cores} at work"
