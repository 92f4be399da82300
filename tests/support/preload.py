"""Rules for tests/support/fault_preload.c: which calls of a running program fail, on which files and how often, and
whether they did.

    rules = Preload(tmp_path / "rules")
    member.environment = rules.environment()          # before it starts
    sync = rules.add("sync", "fail", ".segment", error=errno.EIO, times=1)
    …
    assert sync.struck == 1

One file of rules may serve several processes, and all lives of each. `name` is a part of the file's path.
"""

import errno as errno_module
import mmap
import os
import struct
from pathlib import Path

OPERATIONS = {name: number for number, name in enumerate(["", "sync", "pwrite", "write", "fallocate", "rename"])}
ACTIONS = {name: number for number, name in
           enumerate(["", "fail", "short", "torn", "delay", "kill_before", "kill_after"])}
RULES_MAX, RULE = 16, struct.Struct("<IIIiiiII64s")
ENDLESS = -1
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def library():
    """The path of the library, beside the program under test."""
    from cluster import binary
    path = Path(binary()).parents[1] / "tests/libfault_preload.so"
    assert path.exists(), f"{path} is not built"
    return str(path)


def faketime_library():
    """The path of libfaketime, or None where it is not installed."""
    places = [FAKETIME, *map(str, Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))]
    return next((path for path in places if os.path.exists(path)), None)


class Rule:
    """One rule in the shared memory; disarm() ends it."""

    def __init__(self, memory, number):
        self._memory, self._offset = memory, number * RULE.size

    def _number(self, place):
        return struct.unpack_from("<I", self._memory, self._offset + place)[0]

    @property
    def armed(self):
        return self._number(0) == 1

    @property
    def struck(self):
        return self._number(28)

    def set(self, operation, action, name, error, skip, times, delay_ms):
        fields = RULE.pack(0, OPERATIONS[operation], ACTIONS[action], error, skip, times, delay_ms, 0, name.encode())
        self._memory[self._offset:self._offset + RULE.size] = fields
        struct.pack_into("<I", self._memory, self._offset, 1)

    def disarm(self):
        struct.pack_into("<I", self._memory, self._offset, 0)


class Preload:
    """A file of rules. With a clock, libfaketime is loaded too, so that the program's wall clock can be stepped while
    it runs."""

    def __init__(self, path, clock=False):
        self.path = Path(path)
        self.path.write_bytes(bytes(RULES_MAX * RULE.size))
        with open(self.path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._next = 0
        self.clock_path = self.path.with_suffix(".clock") if clock else None
        if clock:
            assert faketime_library(), "libfaketime is not installed"
            self.step_clock(0)

    def environment(self):
        """Variables that the program must be started with. Sanitizers otherwise insist on being the first library."""
        libraries = [library()]
        variables = {"FAULT_PRELOAD_RULES": str(self.path)}
        if self.clock_path:
            libraries.append(faketime_library())
            variables |= {"FAKETIME_TIMESTAMP_FILE": str(self.clock_path), "FAKETIME_NO_CACHE": "1",
                          "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        sanitizer = os.environ.get("ASAN_OPTIONS", "abort_on_error=0:exitcode=99:detect_leaks=1")
        return variables | {"LD_PRELOAD": ":".join(libraries), "ASAN_OPTIONS": sanitizer + ":verify_asan_link_order=0"}

    def step_clock(self, seconds):
        """Sets the program's wall clock to this offset from the real one, from now on."""
        beside = self.clock_path.with_suffix(".new")
        beside.write_text(f"{seconds:+.3f}\n")
        beside.rename(self.clock_path)

    def add(self, operation, action, name, error=errno_module.EIO, skip=0, times=1, delay_ms=0):
        """Adds a rule, in the place of a disarmed one if there is any."""
        for _ in range(RULES_MAX):
            rule = Rule(self._memory, self._next)
            self._next = (self._next + 1) % RULES_MAX
            if not rule.armed:
                rule.set(operation, action, name, error, skip, times, delay_ms)
                return rule
        raise AssertionError("all rules are in use")
