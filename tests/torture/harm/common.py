"""Helpers for several kinds of faults."""

import time

from cluster import metric_sum

PAUSES = (0.5, 2.0, 6.5)  # seconds; the longest exceeds every timeout between the roles


def hold(random, pauses=PAUSES):
    time.sleep(random.choice(pauses))  # the duration is part of the fault, not a wait for a condition


class Rise:
    """The rise of a counter across restarts of its process. `read` returns None while the process is unreachable."""

    def __init__(self, read):
        self.read = read
        self._total, self._last = 0, read() or 0

    def so_far(self):
        now = self.read()
        if now is not None:
            known = 0 if now < self._last else self._last
            self._total, self._last = self._total + now - known, now
        return self._total


def metric_or(member, name, other):
    """The sum of a metric, or `other` while the member is unreachable."""
    try:
        return metric_sum(member.metrics(), name)
    except (AssertionError, OSError):
        return other
