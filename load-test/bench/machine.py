"""Facts from the kernel: CPU times, processes, file systems, and the duration of a sync."""

import os
import platform
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def core_wait_seconds(pid):
    """The time that the threads of a process were runnable without a core; None if the kernel does not report it."""
    waited = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                waited += int(file.read().split()[1])
    except OSError:
        return None
    return waited / 1e9


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


def filesystem(path):
    """The type of the file system that holds `path`, from /proc/mounts, since stat(1) confuses ext4 with ext2."""
    path = os.path.realpath(path)
    best, kind = "", "unknown"
    with open("/proc/mounts", encoding="utf-8") as mounts:
        lines = mounts.read().splitlines()
    for line in lines:
        point, name = line.split()[1:3]
        if os.path.commonpath([path, point]) == point and len(point) >= len(best):
            best, kind = point, name
    return kind


def fdatasync_times(directory, count=1000, size=8192):
    """Times in µs of `count` writes of `size` bytes, each followed by fdatasync, into a zeroed file."""
    path = os.path.join(directory, "fdatasync-probe")
    times = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.posix_fallocate(fd, 0, count * size)
        os.pwrite(fd, bytes(count * size), 0)
        os.fsync(fd)
        block = b"\x5a" * size
        for i in range(count):
            started = time.perf_counter_ns()
            os.pwrite(fd, block, i * size)
            os.fdatasync(fd)
            times.append((time.perf_counter_ns() - started) / 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    return times


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def describe(directory):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")),
                     platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "filesystem": filesystem(directory)}
